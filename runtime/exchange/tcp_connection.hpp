#pragma once

#include "runtime/exchange/session.hpp"
#include "runtime/security/handshake.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace flott {

/// A socket with a session behind it. Owns the descriptor, which does not block. All calls come from the network's
/// thread.
class tcp_connection {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// `proof` is what the other end still has to go through (accepted), or nothing (dialled, it has).
  tcp_connection(int descriptor, std::unique_ptr<session> speaks, std::optional<handshake> proof,
                 std::shared_ptr<memory_budget> budget, time_point greeting_deadline);
  ~tcp_connection();
  tcp_connection(const tcp_connection&) = delete;
  tcp_connection& operator=(const tcp_connection&) = delete;

  // An error ends the connection; transient, and a sentence about the other end.
  result<void> read();
  /// Sends what the session has to say until the socket is full. Returns whether there is more, and it would take it.
  result<bool> write();

  [[nodiscard]] flott::session& session() noexcept { return *session_; }
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  /// The socket is full: to be told when it is not.
  [[nodiscard]] bool waits_to_write() const noexcept { return blocked_; }
  /// Has neither proven that it belongs to the cluster nor greeted by then: to be closed.
  [[nodiscard]] bool overdue(time_point now) const { return !session_->greeted() && now >= greeting_deadline_; }
  [[nodiscard]] bool proven() const noexcept { return !proof_; }
  [[nodiscard]] std::uint64_t bytes_sent() const noexcept { return sent_; }
  [[nodiscard]] std::uint64_t bytes_received() const noexcept { return received_; }

 private:
  result<bool> read_proof();      ///< whether to go on reading
  result<void> send_raw(const std::string& bytes);

  int descriptor_;
  std::unique_ptr<flott::session> session_;
  std::optional<handshake> proof_;
  frame_decoder decoder_;
  time_point greeting_deadline_;
  bool blocked_ = false;
  std::uint64_t sent_ = 0, received_ = 0;
};

}  // namespace flott
