#pragma once

#include "runtime/exchange/exchange.hpp"
#include "runtime/exchange/network_box.hpp"
#include "runtime/exchange/session.hpp"
#include "runtime/exchange/tcp_connection.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

namespace flott {

/// The data port of a TaskManager and its connections to others: one for each TaskManager it consumes from, one for
/// each that consumes from it, all served by one thread that sleeps while nothing comes and nothing goes.
class tcp_endpoint : public std::enable_shared_from_this<tcp_endpoint> {
 public:
  /// Requires: `outputs` outlives it; `stop` before the end.
  static result<std::shared_ptr<tcp_endpoint>> start(const exchange_config& config, env& environment,
                                                     output_registry& outputs);
  tcp_endpoint(const exchange_config& config, env& environment, output_registry& outputs);
  ~tcp_endpoint();

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] exchange_counters counters() const;

  /// Any thread; see exchange::open.
  std::uint64_t open(const exchange::location& where, const channel_key& key, exchange::on_open done);
  void forget(std::uint64_t ticket);
  void stop();

 private:
  using time_point = std::chrono::steady_clock::time_point;
  using peer_name = std::tuple<std::string, std::uint16_t, std::string>;   ///< host, port, incarnation
  struct request {
    std::uint64_t ticket = 0;
    channel_key key;
    exchange::on_open done;
  };
  struct entry {
    std::unique_ptr<tcp_connection> connection;
    consumer_session* consumes = nullptr;         ///< of a dialled one
    std::optional<peer_name> peer;                ///< of a dialled one
    std::string name;
    bool polls_for_write = false;
  };
  using entries = std::map<std::uint64_t, entry>;

  result<void> listen(const exchange_config& config);
  result<void> prepare_polling();
  void loop();
  void loop_once();
  [[nodiscard]] int time_to_sleep(time_point now);
  void close_overdue(time_point now);

  void accept_all();
  void accept_again(time_point now);
  void request_channel(const exchange::location& where, request wanted);
  void dial(const peer_name& peer);
  void dialled(const peer_name& peer, result<int> descriptor);
  void add(std::uint64_t id, entry made, std::uint32_t events);
  /// Sends what there is to send, and polls for what it waits for.
  void serve(entries::iterator at);
  void drop(entries::iterator at, const failure& why);
  void log_refusal(const std::string& peer, const std::string& reason);
  [[nodiscard]] session_context context_for(std::uint64_t id, std::string peer) const;

  exchange_config config_;
  env& environment_;
  output_registry& outputs_;
  std::shared_ptr<network_box> box_;
  int listener_ = -1, poll_ = -1;
  std::uint16_t port_ = 0;
  std::thread thread_;
  std::atomic<std::uint64_t> last_ticket_{0};
  std::atomic<bool> stopping_{false};

  // The network's thread only.
  entries connections_;
  std::map<peer_name, std::uint64_t> by_peer_;
  std::map<peer_name, std::vector<request>> dialling_;
  std::vector<std::uint64_t> unfinished_;         ///< connections with more to send or read
  std::uint64_t last_id_ = 0;
  std::optional<time_point> next_expiry_, accepts_again_;
  time_point last_logged_{};
  std::uint64_t not_logged_ = 0;

  std::atomic<std::uint64_t> accepted_{0}, dialled_{0}, refused_{0}, lost_{0}, sent_{0}, received_{0};
};

}  // namespace flott
