#include "tests/actors/supervisor/tree_fixture.hpp"

using namespace flott;
using namespace flott::supervision;
using namespace flott::supervision::test;

namespace {

/// A worker that holds a thing named after it.
child_spec holder(tree_fixture& t, const std::string& id) {
  auto spec = t.make(id);
  spec.start = [notes = t.notes, id](const child_context& context) -> start_outcome {
    context.ledger->book("thing", [=] { notes->note("~" + id); }).leave();
    return spawn_supervised(context, worker, id, notes);
  };
  return spec;
}

}  // namespace

TEST_CASE("a nested supervisor that was killed comes back when everybody below has ended and given back what it held") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    INFO("seed " << seed);
    tree_fixture t{seed};
    auto deep = subtree(named("deep", {holder(t, "c"), holder(t, "d")}));
    auto inner = subtree(named("inner", {holder(t, "a"), holder(t, "b"), deep}));
    inner.ref = t.refs["inner"] = std::make_shared<child_ref>();
    t.boot(named("node", {inner}));
    t.notes->take();
    caf::anon_send_exit(t.at("inner"), caf::exit_reason::kill);
    t.world.settle();
    const auto line = t.notes->take();
    const auto first_start = line.find('+');
    for (const std::string id : {"a", "b", "c", "d"}) {
      CHECK(line.find("-" + id) < first_start);
      CHECK(line.find("~" + id) < first_start);
      CHECK(t.answers(id));
    }
    t.stop();
    CHECK(t.notes->alive.empty());
  }
}

TEST_CASE("an orphan that does not end is abandoned by whoever starts its supervisor again") {
  tree_fixture t;
  auto inner = subtree(named("inner", {holder(t, "a"), holder(t, "b")}));
  inner.ref = t.refs["inner"] = std::make_shared<child_ref>();
  t.boot(named("node", {inner}));
  const auto stuck = t.at("a");
  t.world.freeze(stuck);
  caf::anon_send_exit(t.at("inner"), caf::exit_reason::kill);
  t.world.settle();
  CHECK(t.refs.at("inner")->get() == nullptr);
  t.world.advance(500ms);
  CHECK(t.answers("b"));
  CHECK(t.at("a") != stuck);
  REQUIRE(t.observer->count(report_kind::child_abandoned) == 1);
  for (const auto& event : t.observer->events)
    if (event.kind == report_kind::child_abandoned)
      CHECK(event.supervisor + "/" + event.child == "/node/inner/a");
  t.world.thaw(stuck);
}

TEST_CASE("who waits for an answer of a supervisor that is killed hears that it has ended") {
  tree_fixture t;
  auto slow = t.make("a");
  slow.ready = ready_when::confirmed;              // and never says so
  auto inner = subtree(named("inner", {}));
  inner.ref = t.refs["inner"] = std::make_shared<child_ref>();
  t.boot(named("node", {inner}));
  const auto answer = t.world.ask<child_handle>(t.refs.at("inner")->as<supervisor_actor>(), start_child_request{slow});
  t.world.settle();
  CHECK(answer->pending());
  caf::anon_send_exit(t.at("inner"), caf::exit_reason::kill);
  t.world.settle();
  REQUIRE(answer->error);
  CHECK(answer->error.code() == static_cast<std::uint8_t>(supervisor_error::stopping));
}

TEST_CASE("whoever waits for the end or the tree of a supervisor hears when it is killed instead") {
  tree_fixture t;
  auto below = subtree(named("below", {t.make("b")}));
  below.ref = std::make_shared<child_ref>();
  t.boot(named("node", {t.make("a"), below}));
  t.world.freeze(t.at("a"));
  const auto stuck = below.ref->as<caf::actor>();
  t.world.freeze(stuck);
  const auto tree = t.world.ask<tree_node_ptr>(t.root, tree_request{1h});
  const auto end = t.world.ask<supervisor_end>(t.root, stop_request{});
  t.world.settle();
  CHECK(tree->pending());
  CHECK(end->pending());
  caf::anon_send_exit(t.root, caf::exit_reason::kill);
  t.world.settle();
  CHECK(tree->error);
  REQUIRE(end->value);
  CHECK(end->value->reason.kind == exit_kind::abnormal);
  t.world.thaw(stuck);
}

TEST_CASE("a subtree that is late leaves nobody behind unfenced, unnamed or with what it held") {
  tree_fixture t;
  auto below = subtree(named("below", {holder(t, "stuck")}));
  below.shutdown = 100ms;
  t.boot(named("node", {t.make("a"), below}));
  t.notes->take();
  const auto stuck = t.at("stuck");
  t.world.freeze(stuck);
  caf::anon_send(stuck, 1);
  t.stop();
  t.world.advance(60s);
  REQUIRE(t.end);
  CHECK(t.notes->take().find("~stuck") != std::string::npos);
  const auto named_it = [&](auto& event) { return event.kind == report_kind::child_abandoned && event.child == "stuck"; };
  CHECK(std::any_of(t.observer->events.begin(), t.observer->events.end(), named_it));
  t.world.thaw(stuck);
  t.world.settle();
}

TEST_CASE("a killed root gives back what its children held") {
  tree_fixture t;
  t.boot(named("node", {holder(t, "a"), subtree(named("below", {holder(t, "b")}))}));
  t.notes->take();
  caf::anon_send_exit(t.root, caf::exit_reason::kill);
  t.world.settle();
  CHECK(t.notes->take().find("~a") != std::string::npos);
}

TEST_CASE("children of a killed supervisor end past whatever is in their mailboxes") {
  tree_fixture t;
  auto below = subtree(named("below", {t.make("busy")}));
  below.ref = std::make_shared<child_ref>();
  t.boot(named("node", {below}));
  const auto busy = t.at("busy");
  t.world.freeze(busy);
  for (int i = 0; i < 100; ++i)
    caf::anon_send(busy, i);
  caf::anon_send_exit(below.ref->get(), caf::exit_reason::kill);
  t.world.settle();
  t.world.thaw(busy);
  t.world.settle();
  CHECK(t.dead->count(loss::receiver_ended) >= 90);
  CHECK(t.observer->count(report_kind::child_abandoned) == 0);
  CHECK(t.answers("busy"));
}

TEST_CASE("an abandoned life handles nothing of what was in its mailbox") {
  tree_fixture t;
  auto spec = t.make("a", restart_policy::temporary);
  spec.shutdown = 10ms;
  std::vector<int> handled;
  spec.start = spawns([&handled](caf::event_based_actor*) -> caf::behavior { return {[&handled](int x) { handled.push_back(x); return x; }}; });
  t.boot(named("node", {spec}));
  const auto zombie = t.at("a");
  t.world.freeze(zombie);
  caf::anon_send(zombie, 1);
  const auto asked = t.world.ask<int>(zombie, 2);
  t.world.settle();
  const auto ended = t.world.ask<child_handle>(t.root, terminate_child_request{"a"});
  t.world.advance(10s);
  CHECK_FALSE(ended->pending());
  CHECK(t.observer->count(report_kind::child_abandoned) == 1);
  t.world.thaw(zombie);
  t.world.settle();
  CHECK(handled.empty());
  CHECK(asked->error);
  CHECK(t.dead->count(loss::stale) + t.dead->count(loss::receiver_ended) >= 2);
}
