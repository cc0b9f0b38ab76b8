#include "tests/actors/supervisor/tree_fixture.hpp"

using namespace flott;
using namespace flott::supervision;
using namespace flott::supervision::test;

namespace {

/// A worker that books things which it does not give back itself.
child_spec holder(tree_fixture& t, const std::string& id, std::vector<std::string> things, std::string breaks = {}) {
  auto spec = t.make(id);
  spec.start = [notes = t.notes, id, things, breaks](const child_context& context) -> start_outcome {
    for (const auto& thing : things)
      context.ledger->book(thing, [=] {
        notes->note("~" + thing);
        if (thing == breaks)
          throw std::runtime_error("does not let go");
      }).leave();
    return spawn_supervised(context, worker, id, notes);
  };
  return spec;
}

}  // namespace

TEST_CASE("SObjectizer coop, destruction order: what a life held is released in reverse order before its successor starts") {
  tree_fixture t;
  t.boot(named("node", {holder(t, "a", {"slot", "socket"})}));
  CHECK(t.tree()->children.at(0)->ledger == std::vector<std::string>{"slot", "socket"});
  t.notes->take();
  t.tell("a", "throw");
  CHECK(t.notes->take() == "-a ~socket ~slot +a");
  CHECK(t.tree()->children.at(0)->incarnation == 2);
  CHECK(t.tree()->children.at(0)->ledger.size() == 2);
  t.stop();
  CHECK(t.notes->take() == "-a ~socket ~slot");
  CHECK(t.observer->count(report_kind::child_released) == 2);
}

TEST_CASE("SupervisorSpec, exception while letting go: a release that throws is reported and holds up nothing") {
  tree_fixture t;
  t.boot(named("node", {holder(t, "a", {"slot", "socket"}, "socket")}));
  t.notes->take();
  t.tell("a", "throw");
  CHECK(t.notes->take() == "-a ~socket ~slot +a");
  REQUIRE(t.observer->count(report_kind::release_failed) == 1);
  for (const auto& event : t.observer->events)
    if (event.kind == report_kind::release_failed)
      CHECK(event.text == "socket: does not let go");
}

TEST_CASE("what a failing start had booked is released before it is tried again") {
  tree_fixture t;
  int tries = 0;
  auto spec = t.make("a");
  spec.restart_backoff = backoff{100ms, 100ms, 1, 0, 60s};
  spec.retry_first_start = true;
  spec.start = [&](const child_context& context) -> start_outcome {
    t.notes->note("try");
    context.ledger->book("port", [&] { t.notes->note("~port"); }).leave();
    if (++tries < 3)
      return user_failure("port", "taken");
    return spawn_supervised(context, worker, std::string("a"), t.notes);
  };
  t.boot(named("node", {spec}));
  t.world.advance(1s);
  CHECK(t.notes->take() == "try ~port try ~port try +a");
}

TEST_CASE("a group waits for what each of its lives held") {
  tree_fixture t;
  t.boot(named("node", {holder(t, "a", {"x"}), holder(t, "b", {"y"})}, strategy::one_for_all));
  t.notes->take();
  t.tell("a", "throw");
  CHECK(t.notes->take() == "-a ~x -b ~y +a +b");
}

TEST_CASE("a child that is stopped while its predecessor's things are given back does not start") {
  tree_fixture t;
  auto stubborn = holder(t, "a", {"x"});
  stubborn.shutdown = shutdown_limit{100ms};
  t.boot(named("node", {stubborn}));
  t.world.freeze(t.at("a"));
  t.notes->take();
  t.stop();
  t.world.advance(5s);
  REQUIRE(t.end);
  CHECK(t.end->abandoned == 1);
  CHECK(t.notes->take() == "~x");                    // its things are free although it never came out of its handler
}

TEST_CASE("a supervisor has ended when what its abandoned child held is given back") {
  tree_fixture t{7};
  auto stubborn = holder(t, "a", {"x"});
  stubborn.shutdown = shutdown_limit{100ms};
  t.boot(named("node", {subtree(named("inner", {stubborn}))}));
  t.world.freeze(t.at("a"));
  t.stop();
  t.world.advance(5s);
  REQUIRE(t.end);
  std::vector<std::string> order;
  for (const auto& event : t.observer->events)
    if (event.kind == report_kind::child_released || event.kind == report_kind::supervisor_ended)
      order.push_back(event.supervisor);
  CHECK(order == std::vector<std::string>{"/node/inner", "/node/inner", "/node"});
  CHECK(t.observer->count(report_kind::child_released) == 1);
}
