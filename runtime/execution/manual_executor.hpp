#pragma once

#include "runtime/base/env.hpp"
#include "runtime/execution/executor.hpp"

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

namespace flott {

/// The executor's deterministic twin: runs what is runnable on the caller's thread, in an order that a seed decides,
/// with the time of `environment`. The same seed and the same calls give the same run. For simulation and tests.
class manual_executor final : public executor {
 public:
  manual_executor(env& environment, std::uint64_t seed) : environment_(environment), random_(seed) {}

  void wake_at(std::weak_ptr<runnable> work, time_point when) override;
  void run_blocking(std::function<void()> work) override;
  [[nodiscard]] time_point now() override { return environment_.now(); }
  bool help() override { return run_one(); }
  bool stop(time_point deadline) override;

  /// Runs one runnable for a few steps, or one piece of blocking work; false if there was nothing to run.
  bool run_one();
  /// Runs until nothing is runnable at this time, or `most` slices have run. Returns how many ran.
  std::size_t run(std::size_t most = SIZE_MAX);
  /// When the next timer is due, if there is one: how far a simulation may move its clock.
  [[nodiscard]] std::optional<time_point> next_timer() const;

 private:
  void enqueue(std::shared_ptr<runnable> work) override;
  void fire_due_timers();
  std::uint64_t draw(std::uint64_t below);

  env& environment_;
  mutable std::mutex mutex_;
  std::uint64_t random_;
  std::vector<std::shared_ptr<runnable>> ready_;
  std::vector<std::function<void()>> blocking_;
  std::multimap<time_point, std::weak_ptr<runnable>> timers_;
  bool stopped_ = false;
};

}  // namespace flott
