#pragma once

#include "runtime/execution/executor.hpp"

#include <cstdint>
#include <memory>

namespace flott {

struct threaded_executor_config {
  std::uint32_t workers = 0;                        ///< 0: one per core
  std::chrono::microseconds slice{1000};            ///< what a runnable gets before others have their turn
  std::chrono::milliseconds overrun{20};            ///< a call longer than this gets a spare worker beside it
  std::uint32_t most_spares = 64;
  std::uint32_t most_io_threads = 32;
};

/// The executor on real threads: a queue, first come first served, and one worker per core.
///
/// Workers start when there is work for them and sleep when there is none; nothing ticks in an idle process. While
/// work waits and all workers are busy, a monitor looks at them every few milliseconds: a call that overruns its slice
/// by far (it blocks, or computes for long) is left alone, and a spare worker takes its place until it returns.
class threaded_executor final : public executor {
 public:
  explicit threaded_executor(threaded_executor_config config = {});
  ~threaded_executor() override;

  void wake_at(std::weak_ptr<runnable> work, time_point when) override;
  void run_blocking(std::function<void()> work) override;
  [[nodiscard]] time_point now() override { return std::chrono::steady_clock::now(); }
  bool stop(time_point deadline) override;

  /// Worker threads that exist now, spares included.
  [[nodiscard]] std::uint32_t workers() const;

 private:
  void enqueue(std::shared_ptr<runnable> work) override;

  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace flott
