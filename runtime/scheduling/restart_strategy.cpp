#include "runtime/scheduling/restart_strategy.hpp"

#include <algorithm>
#include <cmath>

namespace flott {
namespace {

using std::chrono::milliseconds;

class no_restart final : public restart_strategy {
 public:
  std::optional<milliseconds> on_failure(time_point, double) override { return std::nullopt; }
  bool restarts() const override { return false; }
  std::unique_ptr<restart_strategy> clone() const override { return std::make_unique<no_restart>(*this); }
};

// Flink's rule: a failure within the delay that an earlier one has set belongs to it and costs nothing; each further
// failure multiplies the delay; running quietly for the threshold after the last restart forgets them all.
class exponential_delay final : public restart_strategy {
 public:
  explicit exponential_delay(const restart_strategy_config& config) : config_(config) {}

  std::optional<milliseconds> on_failure(time_point now, double random) override {
    if (attempts_ > 0 && now < next_restart_)
      return std::chrono::ceil<milliseconds>(next_restart_ - now);
    if (attempts_ > 0 && now - next_restart_ >= config_.reset_backoff_threshold)
      attempts_ = 0;
    ++attempts_;
    if (config_.attempts_before_reset_backoff && attempts_ > *config_.attempts_before_reset_backoff)
      return std::nullopt;
    const auto first = static_cast<double>(config_.initial_backoff.count());
    const auto longest = static_cast<double>(config_.max_backoff.count());
    const auto plain = std::min(longest, first * std::pow(config_.backoff_multiplier, attempts_ - 1.0));
    const auto jittered = plain + plain * config_.jitter_factor * (2 * random - 1);
    const milliseconds delay{std::llround(std::clamp(jittered, first, longest))};
    next_restart_ = now + delay;
    return delay;
  }
  bool restarts() const override { return true; }
  std::unique_ptr<restart_strategy> clone() const override { return std::make_unique<exponential_delay>(*this); }

 private:
  restart_strategy_config config_;
  std::uint32_t attempts_ = 0;       // since the last reset
  time_point next_restart_{};        // of the last failure charged
};

failure out_of_bounds(const char* key, const char* rule) {
  return user_failure(std::string("restart-strategy.") + key, rule);
}

}  // namespace

result<std::unique_ptr<restart_strategy>> make_restart_strategy(const restart_strategy_config& c) {
  if (c.type == "none" || c.type == "off" || c.type == "disable")
    return std::unique_ptr<restart_strategy>(std::make_unique<no_restart>());
  if (c.type != "exponential-delay")
    return out_of_bounds("type", "must be 'exponential-delay' or 'none'");
  if (c.initial_backoff < milliseconds{1})
    return out_of_bounds("exponential-delay.initial-backoff", "must be at least 1 ms");
  if (c.max_backoff < c.initial_backoff)
    return out_of_bounds("exponential-delay.max-backoff", "must not be below the initial backoff");
  if (!(c.backoff_multiplier >= 1.0) || !std::isfinite(c.backoff_multiplier))
    return out_of_bounds("exponential-delay.backoff-multiplier", "must be at least 1");
  if (!(c.jitter_factor >= 0.0 && c.jitter_factor <= 1.0))
    return out_of_bounds("exponential-delay.jitter-factor", "must be between 0 and 1");
  if (c.reset_backoff_threshold < milliseconds{1})
    return out_of_bounds("exponential-delay.reset-backoff-threshold", "must be at least 1 ms");
  return std::unique_ptr<restart_strategy>(std::make_unique<exponential_delay>(c));
}

}  // namespace flott
