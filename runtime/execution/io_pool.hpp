#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

namespace flott {

/// Threads for work that blocks. They start when there is work and end when there was none for a while, so that an
/// idle process has none. Beyond `most_threads` work waits for its turn.
class io_pool {
 public:
  explicit io_pool(std::uint32_t most_threads = 32,
                   std::chrono::milliseconds idle_timeout = std::chrono::milliseconds{2000});
  ~io_pool();
  io_pool(const io_pool&) = delete;
  io_pool& operator=(const io_pool&) = delete;

  /// Any thread. `work` must not throw; after `stop` it is dropped.
  void run(std::function<void()> work);
  /// Drops what has not begun; true when all threads have ended before `deadline`. Threads that have not are left to
  /// themselves.
  bool stop(std::chrono::steady_clock::time_point deadline);
  [[nodiscard]] std::uint32_t threads() const;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace flott
