#include "runtime/scheduling/restart_strategy.hpp"

#include <catch2/catch.hpp>

using namespace flott;
using namespace std::chrono_literals;

namespace {

restart_strategy::time_point at(std::chrono::milliseconds t) {
  return restart_strategy::time_point{} + 1h + t;
}

std::unique_ptr<restart_strategy> make(const restart_strategy_config& config = {}) {
  auto made = make_restart_strategy(config);
  REQUIRE(made.ok());
  return std::move(*made);
}

}  // namespace

TEST_CASE("the delay grows with each failure and stops at its maximum") {
  auto s = make();
  auto t = 0ms;
  std::vector<long> delays;
  for (int i = 0; i < 20; ++i) {
    const auto delay = s->on_failure(at(t), 0.5);
    REQUIRE(delay);
    delays.push_back(delay->count());
    t += *delay + 1ms;
  }
  CHECK(delays[0] == 100);
  CHECK(delays[1] == 150);
  CHECK(delays[2] == 225);
  CHECK(delays.back() == 60'000);
}

TEST_CASE("failures within the delay of an earlier one belong to it") {
  auto s = make();
  CHECK(s->on_failure(at(0ms), 0.5) == 100ms);
  CHECK(s->on_failure(at(40ms), 0.5) == 60ms);
  CHECK(s->on_failure(at(100ms), 0.5) == 150ms);
}

TEST_CASE("a quiet hour after the restart forgets all failures") {
  auto s = make();
  for (auto t = 0ms; t < 1000ms; t += 250ms)
    s->on_failure(at(t), 0.5);
  const auto last = *s->on_failure(at(5000ms), 0.5);
  CHECK(last > 400ms);
  auto early = s->clone();
  CHECK(*early->on_failure(at(5000ms + last + 1h - 1ms), 0.5) > last);
  CHECK(s->on_failure(at(5000ms + last + 1h), 0.5) == 100ms);
}

TEST_CASE("jitter moves the delay to either side, within its bounds") {
  restart_strategy_config c;
  c.backoff_multiplier = 10;
  const auto second = [&](double random) {
    auto s = make(c);
    s->on_failure(at(0ms), 0.5);
    return *s->on_failure(at(500ms), random);
  };
  CHECK(second(0.0) == 900ms);
  CHECK(second(0.5) == 1000ms);
  CHECK(second(0.999999) == 1100ms);
  CHECK(make()->on_failure(at(0ms), 0.0) == 100ms);   // never below the initial delay
}

TEST_CASE("attempts may be bounded, and none means none") {
  restart_strategy_config c;
  c.attempts_before_reset_backoff = 2;
  auto s = make(c);
  CHECK(s->on_failure(at(0ms), 0.5));
  CHECK(s->on_failure(at(1000ms), 0.5));
  CHECK_FALSE(s->on_failure(at(2000ms), 0.5));
  CHECK(s->restarts());

  c.type = "none";
  auto none = make(c);
  CHECK_FALSE(none->on_failure(at(0ms), 0.5));
  CHECK_FALSE(none->restarts());
}

TEST_CASE("a configuration out of bounds names its key") {
  const auto where = [](auto change) {
    restart_strategy_config c;
    change(c);
    auto made = make_restart_strategy(c);
    REQUIRE_FALSE(made.ok());
    return made.error().where;
  };
  CHECK(where([](auto& c) { c.type = "sometimes"; }) == "restart-strategy.type");
  CHECK(where([](auto& c) { c.initial_backoff = 0ms; }) == "restart-strategy.exponential-delay.initial-backoff");
  CHECK(where([](auto& c) { c.max_backoff = 1ms; }) == "restart-strategy.exponential-delay.max-backoff");
  CHECK(where([](auto& c) { c.backoff_multiplier = 0.5; }) == "restart-strategy.exponential-delay.backoff-multiplier");
  CHECK(where([](auto& c) { c.jitter_factor = 2; }) == "restart-strategy.exponential-delay.jitter-factor");
}
