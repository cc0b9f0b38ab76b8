#pragma once

#include "runtime/exchange/exchange.hpp"
#include "runtime/exchange/frame.hpp"
#include "runtime/exchange/frame_writer.hpp"
#include "runtime/exchange/network_box.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace flott {

/// What one end of a connection says and understands; no sockets. All calls come from the network's thread.
class session {
 public:
  virtual ~session() = default;
  /// An error ends the connection.
  virtual result<void> receive(const received_frame& frame) = 0;
  /// Something has changed at a channel: its other end pushed, popped or broke off.
  virtual void changed(std::uint32_t channel) = 0;
  /// Takes from its channels while the writer has room. True: there is more.
  virtual bool pump() = 0;
  /// The connection is gone, or never came to be.
  virtual void lost(const failure& why) = 0;
  /// Greeted by the other end.
  [[nodiscard]] virtual bool greeted() const = 0;

  frame_writer out;
};

/// What the sessions of one process share.
struct session_context {
  std::string incarnation;
  std::string peer;                              ///< for messages: host:port, and what is known of it
  std::uint64_t connection = 0;
  std::uint64_t channel_bytes = 0;
  std::chrono::milliseconds open_timeout{};
  std::shared_ptr<network_box> box;
};

/// The end that dialled: it consumes.
class consumer_session final : public session {
 public:
  /// Says HELLO. `peer_incarnation` is whom it means to talk to.
  consumer_session(session_context context, const std::string& peer_incarnation);

  /// Asks for a channel; `ticket` names the request in `forget`.
  void open(const channel_key& key, std::uint64_t ticket, exchange::on_open done);
  void forget(std::uint64_t ticket);

  result<void> receive(const received_frame& frame) override;
  void changed(std::uint32_t channel) override;
  bool pump() override { return false; }
  void lost(const failure& why) override;
  [[nodiscard]] bool greeted() const override { return greeted_; }

 private:
  struct stream {
    std::uint64_t ticket = 0;
    exchange::on_open done;                      ///< empty: it is open, or forgotten
    std::shared_ptr<flott::channel> channel;
    std::uint64_t sent = 0, received = 0;        ///< frames
    std::uint64_t granted = 0;                   ///< of what was popped
    std::int64_t credit = 0;                     ///< what the producer may still send
    schema_ptr shape;
    bool opened = false;
  };
  using streams = std::map<std::uint32_t, stream>;

  result<void> receive_hello(const received_frame& frame);
  result<void> receive_data(stream& to, const received_frame& frame);
  result<void> receive_event(streams::iterator at, const received_frame& frame);
  void close(streams::iterator at, failure why);
  [[nodiscard]] failure broke_rule(std::string what) const;

  session_context context_;
  std::string peer_incarnation_;
  streams streams_;
  std::uint32_t last_channel_ = 0;
  bool greeted_ = false;
};

/// The end that accepted: it produces.
class producer_session final : public session {
 public:
  /// Requires: `outputs` outlives it.
  producer_session(session_context context, output_registry& outputs);
  ~producer_session() override;

  /// The registry has answered an OPEN.
  void found(std::uint32_t channel, result<std::shared_ptr<flott::channel>> output);
  /// How `found` is reached: posts to the network's thread.
  using answer = std::function<void(std::uint64_t connection, std::uint32_t channel,
                                    result<std::shared_ptr<flott::channel>> output)>;
  void answer_by(answer how) { answer_ = std::move(how); }

  result<void> receive(const received_frame& frame) override;
  void changed(std::uint32_t channel) override;
  bool pump() override;
  void lost(const failure& why) override;
  [[nodiscard]] bool greeted() const override { return greeted_; }

 private:
  struct stream {
    output_registry::ticket waiting = 0;
    std::shared_ptr<flott::channel> channel;     ///< null: the registry has not answered
    std::uint64_t sent = 0, received = 0;        ///< frames
    std::int64_t credit = 0;
    std::uint64_t shape = 0;                     ///< fingerprint of the schema sent last
    bool has_shape = false;
    bool ready = false;                          ///< is in `ready_`
    std::deque<channel_element> held;            ///< taken, and waiting for credit
  };
  using streams = std::map<std::uint32_t, stream>;

  result<void> receive_hello(const received_frame& frame);
  result<void> receive_open(const received_frame& frame);
  void make_ready(std::uint32_t id, stream& s);
  enum class sent : std::uint8_t {
    something,
    nothing,     ///< there is nothing, or no credit for it
    last,        ///< the stream is over
  };
  sent send_one(std::uint32_t id, stream& s);
  [[nodiscard]] failure broke_rule(std::string what) const;

  static constexpr std::size_t most_channels = 1U << 20;

  session_context context_;
  output_registry& outputs_;
  answer answer_;
  streams streams_;
  std::deque<std::uint32_t> ready_;
  bool greeted_ = false;
};

}  // namespace flott
