#include "tests/unit/supervision/world.hpp"

#include <boost/json.hpp>

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

TEST_CASE("child_specs: every invalid field is refused by its name") {
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
    {"restart_backoff.jitter", [](auto& c) { c.restart_backoff = backoff{1s, 1s, 2, 1, 1s}; }},
    {"restart_backoff.reset_after", [](auto& c) { c.restart_backoff = backoff{1s, 1s, 2, 0, -1s}; }},
    {"restart_backoff", [](auto& c) { c.restart = restart_policy::temporary; c.restart_backoff = backoff{}; }},
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
  SECTION("period") { options.intensity.period = 0ms; }
  SECTION("strategy") { options.strategy = static_cast<strategy>(9); }
  SECTION("stopping") { options.stopping = static_cast<stop_order>(9); }
  SECTION("kill_grace") { options.kill_grace = -1ms; }
  CHECK_FALSE(validate(options, {}));
}

TEST_CASE("the full cross product of valid values is accepted and can be stopped") {
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

TEST_CASE("the tree as JSON has one node shape, as text one line a node") {
  tree_node root;
  root.path = "/node";
  root.kind = child_kind::supervisor;
  root.incarnation = 1;
  auto worker = std::make_shared<tree_node>();
  worker->path = "/node/w";
  worker->state = child_state::restarting;
  worker->restart_in = 250ms;
  worker->incarnation = 3;
  worker->restarts[static_cast<std::size_t>(restart_cause::failure)] = 2;
  worker->last_failure = "said \"no\"";
  root.children.push_back(worker);
  const auto json = boost::json::parse(to_json(root)).as_object();
  CHECK(json.at("path") == "/node");
  CHECK(json.at("state") == "running");
  CHECK(json.at("restart_in_ms").is_null());
  CHECK(json.at("last_failure").is_null());
  const auto& below = json.at("children").as_array().at(0).as_object();
  CHECK(below.at("kind") == "worker");
  CHECK(below.at("state") == "restarting");
  CHECK(below.at("restart_in_ms") == 250);
  CHECK(below.at("incarnation") == 3);
  CHECK(below.at("restarts").as_object().at("failure") == 2);
  CHECK(below.at("restarts").as_object().at("total") == 2);
  CHECK(below.at("last_failure") == "said \"no\"");
  CHECK_FALSE(below.contains("children"));
  CHECK(to_text(root) == "/node/  running\n  w  restarting in 250 ms  restarts 2  last failure: said \"no\"\n");
}
