#pragma once

#include <flott/actors.hpp>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

/// A key-value server as services have them: on TCP, one line a request ("KEY") and one a reply ("VALUE"), and now and then it
/// drops a connection or does not answer. Threads: any.
class flaky_backend {
 public:
  explicit flaky_backend(std::uint64_t seed) : random_(seed) {}
  ~flaky_backend() { stop(); }

  /// Listens on a free port of this machine, later always on the same. What it opens is booked on `ledger`.
  flott::result<void> start(flott::supervision::ledger& ledger);
  void stop();

  /// 0 before its first start.
  [[nodiscard]] std::uint16_t port() const { return port_; }

  /// Chaos: closes all connections; and for a while takes none, or answers nobody.
  void drop_all() { dropping_ = true; }
  void refuse_for(std::chrono::milliseconds time) { refuse_until_ms_ = now_ms() + time.count(); }
  void stall_for(std::chrono::milliseconds time) { stall_until_ms_ = now_ms() + time.count(); }

 private:
  static std::int64_t now_ms();
  void serve();
  /// Whether the connection is still open.
  bool answer(int connection);

  std::atomic<std::uint16_t> port_{0};
  std::atomic<bool> stopping_{false}, dropping_{false};
  std::atomic<std::int64_t> refuse_until_ms_{0}, stall_until_ms_{0};
  int listener_ = -1;
  std::mt19937_64 random_;
  std::thread thread_;
};
