#include "testing/faults.hpp"

#include "tests/actors/supervisor/tree_fixture.hpp"

#include <future>

using namespace flott;
using namespace flott::supervision;
using namespace flott::supervision::test;
using flott::testing::fault_kind;
using flott::testing::fault_plan;

namespace {

child_spec disturbed(tree_fixture& t, const std::string& id, const fault_plan& plan) {
  auto spec = t.make(id);
  spec.start = plan.disturb(spec.start);
  return spec;
}

std::string last_failure(tree_fixture& t) { return t.tree()->children.at(0)->last_failure; }

}  // namespace

TEST_CASE("faults at start: a failure, an exception, a refusal, an exception in the first step") {
  fault_plan plan;
  std::string cause;
  SECTION("fails") {
    plan.script({fault_kind::start_fails, "/node/a", 2});
    cause = "/node/a: fault_plan: the start fails";
  }
  SECTION("throws") {
    plan.script({fault_kind::start_throws, "/node/a", 2});
    cause = "fault_plan: start of /node/a";
  }
  SECTION("in the first step") {
    plan.script({fault_kind::first_step_throws, "/node/a", 2});
    cause = "fault_plan: first step of /node/a";
  }
  tree_fixture t;
  t.boot(named("node", {disturbed(t, "a", plan), disturbed(t, "b", plan)}));
  CHECK(t.started);
  CHECK(plan.injected() == 0);
  t.tell("b", "throw");                            // a second start as well, and not the one that is meant
  CHECK(plan.injected() == 0);
  t.tell("a", "throw");
  CHECK(plan.injected() == 1);
  CHECK(last_failure(t).find(cause) != std::string::npos);
  CHECK(t.tree()->children.at(0)->incarnation == 3);
  CHECK(t.answers("a"));
}

TEST_CASE("a start that declines") {
  fault_plan plan;
  plan.script({fault_kind::start_declines, {}, 1});
  tree_fixture t;
  t.boot(named("node", {disturbed(t, "a", plan)}));
  CHECK(t.tree()->children.at(0)->state == child_state::stopped);
  CHECK(plan.log().at(0).where == "/node/a");
}

TEST_CASE("faults in the handler: before the n-th message of a life") {
  fault_plan plan;
  plan.script({fault_kind::handler_throws, "/node/a", 3, 2});
  tree_fixture t;
  t.boot(named("node", {disturbed(t, "a", plan)}));
  for (int i = 0; i < 5; ++i)
    CHECK(t.answers("a"));
  t.tell("a", "throw");
  CHECK(t.answers("a"));
  CHECK(t.answers("a"));
  caf::anon_send(t.at("a"), 1);
  t.world.settle();
  CHECK(plan.injected(fault_kind::handler_throws) == 1);
  CHECK(testing::to_string(plan.log().at(0)) == "handler_throws /node/a#2, number 3");
  CHECK(t.tree()->children.at(0)->incarnation == 3);
  CHECK(last_failure(t).find("fault_plan: handler of /node/a") != std::string::npos);
  CHECK(t.answers("a"));
}

TEST_CASE("faults at stop: an exception there ends it as well; one that is stuck is abandoned") {
  fault_plan plan;
  tree_fixture t;
  plan.in(t.world);
  SECTION("throws") { plan.script({fault_kind::stop_throws, "/node/a", 1}); }
  SECTION("stalls") { plan.script({fault_kind::stop_stalls, "/node/a", 1}); }
  t.boot(named("node", {disturbed(t, "a", plan), t.make("b")}));
  t.stop();
  t.world.advance(10s);
  REQUIRE(t.end);
  CHECK(t.end->abandoned == plan.injected(fault_kind::stop_stalls));
  CHECK(plan.injected() == 1);
  plan.calm();
  t.world.settle();
  CHECK(t.notes->alive.empty());
}

TEST_CASE("in real time one that is stuck blocks its thread until it is let go") {
  fault_plan plan;
  plan.script({fault_kind::stop_stalls, {}, 1});
  auto notes = std::make_shared<journal>();
  caf::actor_system_config config;
  config.set("scheduler.max-threads", std::size_t{3});
  caf::actor_system system{config};
  child_spec spec;
  spec.id = "a";
  spec.start = plan.disturb(spawns(worker, std::string("a"), notes));
  spec.shutdown = shutdown_limit{20ms};
  auto tree = named("node", {spec});
  tree.kill_grace = 20ms;
  auto up = std::make_shared<std::promise<void>>();
  supervision_host host;
  host.on_started = [up] { up->set_value(); };
  auto root = spawn_supervisor(system, tree, host);
  REQUIRE(root);
  up->get_future().wait();
  const auto end = stop_and_wait(system, root.value(), 60s);
  REQUIRE(end);
  CHECK(end.value().abandoned == 1);
  CHECK(notes->alive.size() == 1);
  plan.calm();                                     // or the system would wait for it for ever
}

TEST_CASE("faults at connect: what dials fails, or throws, and goes on when the plan is calm") {
  fault_plan plan{7, {.connect_fails = 0.3, .connect_throws = 0.2}};
  auto dial = plan.disturb_connect("db", [](const std::string& host) -> result<std::string> { return "to " + host; });
  int failed = 0, thrown = 0, connected = 0;
  for (int i = 0; i < 200; ++i) {
    try {
      const auto connection = dial("there");
      ++(connection.ok() ? connected : failed);
      if (connection.ok())
        CHECK(*connection == "to there");
    } catch (const testing::fault_injected&) {
      ++thrown;
    }
  }
  CHECK(failed == static_cast<int>(plan.injected(fault_kind::connect_fails)));
  CHECK(thrown == static_cast<int>(plan.injected(fault_kind::connect_throws)));
  CHECK(failed > 30);
  CHECK(thrown > 15);
  CHECK(connected > 60);
  plan.calm();
  for (int i = 0; i < 200; ++i)
    CHECK(dial("there").ok());
}

TEST_CASE("random faults follow from the seed, and from nothing else") {
  const auto run = [](std::uint64_t seed, std::uint64_t interleaving) {
    fault_plan plan{seed, {.start_fails = 0.2, .handler_throws = 0.1}};
    tree_fixture t{interleaving};
    auto spec = disturbed(t, "a", plan);
    spec.retry_first_start = true;
    t.boot(named("node", {spec}, strategy::one_for_one, 1000));
    for (int i = 0; i < 100; ++i)
      if (auto handle = t.at("a")) {
        caf::anon_send(handle, i);
        t.world.settle();
      }
    return plan.to_string();
  };
  const auto first = run(1, 1);
  CHECK(first.find("start_fails") != std::string::npos);
  CHECK(first.find("handler_throws") != std::string::npos);
  CHECK(run(1, 2) == first);
  CHECK(run(2, 1) != first);
}

TEST_CASE("a request whose handler throws, by itself or by a plan, is answered with what was thrown") {
  fault_plan plan;
  plan.script({fault_kind::handler_throws, "/node/a", 2});
  tree_fixture t;
  auto spec = disturbed(t, "a", plan);
  t.boot(named("node", {spec}));
  CHECK(t.answers("a"));
  const auto planned = t.world.ask<int>(t.at("a"), 1);
  t.world.settle();
  REQUIRE(planned->error);
  CHECK(describe(planned->error).find("fault_plan: handler of /node/a") != std::string::npos);
  const auto own = t.world.ask<int>(t.at("a"), std::string("throw"));
  t.world.settle();
  REQUIRE(own->error);
  CHECK(describe(own->error).find("the worker's own words") != std::string::npos);
}
