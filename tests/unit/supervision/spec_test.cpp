#include "tests/unit/supervision/world.hpp"

#include <cmath>

using namespace flott::supervision;
using namespace flott::supervision::test;

TEST_CASE("sup_start_map: documented defaults") {
  child_options options;
  CHECK(options.restart == restart_policy::permanent);
  CHECK(options.kind == child_kind::worker);
  CHECK(options.effective_shutdown().limit() == 5s);
  CHECK(options.effective_start_limit() == 30s);
  options.kind = child_kind::supervisor;
  CHECK(options.effective_shutdown().is_infinite());
  CHECK_FALSE(options.effective_start_limit());
  const supervisor_options supervisor;
  CHECK(supervisor.strategy == strategy::one_for_one);
  CHECK(supervisor.intensity.restarts == 1);
  CHECK(supervisor.intensity.period == 5s);
}

namespace {

struct bad_child {
  const char* field;
  std::function<void(child_options&)> spoil;
};

}  // namespace

TEST_CASE("child_specs, child_specs_map, sup_start_map_faulty_specs: every invalid field is refused by its name") {
  const auto [field, spoil] = GENERATE(values<bad_child>({
    {"id", [](auto& c) { c.id = ""; }},
    {"id", [](auto& c) { c.id = "a/b"; }},
    {"kind", [](auto& c) { c.kind = static_cast<child_kind>(7); }},
    {"restart", [](auto& c) { c.restart = static_cast<restart_policy>(7); }},
    {"shutdown", [](auto& c) { c.shutdown = shutdown_limit{-1ms}; }},
    {"start_limit", [](auto& c) { c.start_limit = 0ms; }},
    {"restart_backoff.initial", [](auto& c) { c.restart_backoff = backoff{0ms, 1s, 2, 0, 1s}; }},
    {"restart_backoff.maximum", [](auto& c) { c.restart_backoff = backoff{2s, 1s, 2, 0, 1s}; }},
    {"restart_backoff.multiplier", [](auto& c) { c.restart_backoff = backoff{1s, 1s, 0.5, 0, 1s}; }},
    {"restart_backoff.multiplier", [](auto& c) { c.restart_backoff = backoff{1s, 1s, std::nan(""), 0, 1s}; }},
    {"restart_backoff.multiplier", [](auto& c) { c.restart_backoff = backoff{1s, 1s, HUGE_VAL, 0, 1s}; }},
    {"restart_backoff.jitter", [](auto& c) { c.restart_backoff = backoff{1s, 1s, 2, 1, 1s}; }},
    {"restart_backoff.jitter", [](auto& c) { c.restart_backoff = backoff{1s, 1s, 2, -0.1, 1s}; }},
    {"restart_backoff.reset_after", [](auto& c) { c.restart_backoff = backoff{1s, 1s, 2, 0, -1s}; }},
    {"restart_backoff", [](auto& c) { c.restart = restart_policy::temporary; c.restart_backoff = backoff{}; }},
    {"significant", [](auto& c) { c.significant = true; }},
    {"retry_first_start", [](auto& c) { c.restart = restart_policy::temporary; c.retry_first_start = true; }},
  }));
  auto options = child("a");
  REQUIRE(validate(options));
  spoil(options);
  const auto refused = validate(options);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.substr(0, std::string(field).size()) == field);
}

TEST_CASE("sup_flags: invalid flags and duplicate ids are refused by name") {
  CHECK(validate(supervisor_options{}, {child("a"), child("b")}));
  const auto twice = validate(supervisor_options{}, {child("a"), child("b"), child("a")});
  REQUIRE_FALSE(twice);
  CHECK(twice.error().to_string().find("'a'") != std::string::npos);
  supervisor_options options;
  std::string field;
  std::vector<child_options> children;
  SECTION("no period") { field = "intensity.period", options.intensity.period = 0ms; }
  SECTION("an infinite period") { field = "intensity.period", options.intensity.period = milliseconds::max(); }
  SECTION("an infinite intensity") { field = "intensity.restarts", options.intensity.restarts = ~0U; }
  SECTION("strategy") { field = "strategy", options.strategy = static_cast<strategy>(9); }
  SECTION("auto_shutdown") { field = "auto_shutdown", options.auto_shutdown = static_cast<auto_shutdown>(9); }
  SECTION("stopping") { field = "stopping", options.stopping = static_cast<stop_order>(9); }
  SECTION("kill_grace") { field = "kill_grace", options.kill_grace = -1ms; }
  SECTION("a pool without a spec") { field = "children", options.strategy = strategy::pool; }
  SECTION("a pool with two") {
    field = "children", options.strategy = strategy::pool;
    children = {child("a"), child("b")};
  }
  SECTION("a pool that ends by itself") {
    field = "auto_shutdown", options.strategy = strategy::pool, options.auto_shutdown = auto_shutdown::any_significant;
    children = {child("a")};
  }
  SECTION("a bad child") {
    field = "start_limit", children = {child("a")};
    children.front().start_limit = 0ms;
  }
  const auto refused = validate(options, children);
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message, Catch::StartsWith(field));
}

TEST_CASE("sup_flags: the limits themselves are accepted") {
  supervisor_options options;
  options.intensity = {1'000'000, std::chrono::hours{24 * 366}};
  options.kill_grace = 0ms;
  auto c = child("a");
  c.shutdown = shutdown_limit::at_once();
  c.start_limit = 1ms;
  c.restart_backoff = backoff{1ms, 1ms, 1, 0, 0ms};
  CHECK(validate(options, {c}));
  options.intensity = {0, 1ms};
  CHECK(validate(options, {c}));
}

TEST_CASE("child_specs, sup_flags: the full cross product of valid values is accepted and can be stopped") {
  for (const auto how : {strategy::one_for_one, strategy::one_for_all, strategy::rest_for_one})
    for (const auto order : {stop_order::reverse, stop_order::parallel})
      for (const auto restart : {restart_policy::permanent, restart_policy::transient, restart_policy::temporary})
        for (const auto kind : {child_kind::worker, child_kind::supervisor})
          for (const auto limit : {shutdown_limit::at_once(), shutdown_limit{1s}, shutdown_limit::infinite()}) {
            auto options = with(how);
            options.stopping = order;
            auto c = child("a", restart);
            c.kind = kind;
            c.shutdown = limit;
            REQUIRE(validate(options, {c}));
            world w{options, {c, child("b")}};
            w.boot();
            w.crash("a");
            w.stop();
            REQUIRE(w.end);
          }
}
