#pragma once

#include "runtime/base/result.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace flott {

/// Says whether a job starts again after a transient failure, and how long it waits first.
class restart_strategy {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  virtual ~restart_strategy() = default;
  /// A failure at `now`: the delay before the restart, or nothing to give up. `random` in [0, 1) sets the jitter.
  virtual std::optional<std::chrono::milliseconds> on_failure(time_point now, double random) = 0;
  /// False: never restarts, not even after a failure that is charged to nobody.
  [[nodiscard]] virtual bool restarts() const = 0;
  /// The same strategy in the same state: kept before a failure is charged, so that the charge can be taken back.
  [[nodiscard]] virtual std::unique_ptr<restart_strategy> clone() const = 0;
};

/// restart-strategy.*; Flink's keys and, but for the first delay, its defaults.
struct restart_strategy_config {
  std::string type = "exponential-delay";                    ///< or "none" (also "off", "disable")
  std::chrono::milliseconds initial_backoff{100};
  std::chrono::milliseconds max_backoff{60'000};
  double backoff_multiplier = 1.5;
  std::chrono::milliseconds reset_backoff_threshold{3'600'000};   ///< running quietly for so long forgets all failures
  double jitter_factor = 0.1;                                ///< of the delay, to either side
  std::optional<std::uint32_t> attempts_before_reset_backoff;   ///< nothing: without end
};

/// Errors (permanent, user) name the key out of bounds.
result<std::unique_ptr<restart_strategy>> make_restart_strategy(const restart_strategy_config& config);

}  // namespace flott
