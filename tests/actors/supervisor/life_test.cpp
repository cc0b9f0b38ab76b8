#include "tests/actors/supervisor/tree_fixture.hpp"

using namespace flott;
using namespace flott::supervision;
using namespace flott::supervision::test;

// What one life is to the next, and to those who watch it.

namespace {

child_spec plain(tree_fixture& t, const std::string& id, child_factory start) {
  auto spec = t.make(id);
  spec.start = std::move(start);
  return spec;
}

/// Counts what it hears; ends as `worker` does.
caf::behavior counter(caf::event_based_actor* self) {
  keep_exception_text(self);
  return {
    [count = 0](int) mutable { return ++count; },
    [](const std::string&) { throw std::runtime_error("the counter's own words"); },
  };
}

}  // namespace

TEST_CASE("SupervisionSpec, fresh state: a restarted worker knows nothing of the life before") {
  tree_fixture t;
  t.boot(named("node", {plain(t, "a", spawns(counter))}));
  CHECK(t.world.ask_now<int>(t.at("a"), 0).value == 1);
  CHECK(t.world.ask_now<int>(t.at("a"), 0).value == 2);
  t.tell("a", "throw");
  CHECK(t.world.ask_now<int>(t.at("a"), 0).value == 1);
}

TEST_CASE("SupervisionSpec, failure while adapting: an exception from the handler of an answer is a failure as any other") {
  tree_fixture t;
  const auto other = t.refs["b"] = std::make_shared<child_ref>();
  auto asks = plain(t, "a", spawns([other](caf::event_based_actor* self) -> caf::behavior {
    keep_exception_text(self);
    return {[self, other](int x) {
      self->request(other->as<caf::actor>(), caf::infinite, x).then([](int) { throw std::runtime_error("no such answer"); });
    }};
  }));
  auto answers = plain(t, "b", spawns(counter));
  answers.ref = other;
  t.boot(named("node", {asks, answers}));
  caf::anon_send(t.at("a"), 1);
  t.world.settle();
  CHECK(t.tree()->children.at(0)->incarnation == 2);
  CHECK_THAT(t.tree()->children.at(0)->last_failure, Catch::Contains("no such answer"));
  CHECK(t.tree()->children.at(1)->incarnation == 1);
}

TEST_CASE("SupervisionSpec, two back-offs: those of a supervisor and of a worker below it do not disturb each other") {
  tree_fixture t;
  auto flaky = t.make("b");
  flaky.restart_backoff = backoff{100ms, 10s, 2, 0, 60s};
  auto inner = subtree(named("inner", {flaky}, strategy::one_for_one, 2));
  inner.restart_backoff = backoff{1s, 10s, 2, 0, 60s};
  t.boot(named("node", {inner}, strategy::one_for_one, 100));
  const auto delay = [&] { return t.tree()->children.at(0)->children.at(0)->restart_in; };
  for (const auto expected : {100ms, 200ms}) {
    t.tell("b", "throw");
    CHECK(delay() == expected);
    t.world.advance(expected);
  }
  t.tell("b", "throw");                              // the third within the window: the supervisor's turn
  CHECK(t.tree()->children.at(0)->restart_in == 1000ms);
  t.world.advance(1s);
  CHECK(t.answers("b"));
  t.tell("b", "throw");
  CHECK(delay() == 100ms);                           // a new supervisor begins anew
  CHECK(t.tree()->children.at(0)->incarnation == 2);
}

TEST_CASE("SupervisorSpec, exception in the constructor during a restart: another attempt, and it converges") {
  tree_fixture t;
  int attempts = 0;
  auto spec = plain(t, "a", [&, notes = t.notes](const child_context& context) -> start_outcome {
    if (++attempts == 2 || attempts == 3)
      throw std::runtime_error("not yet");
    return spawn_supervised(context, worker, std::string("a"), notes);
  });
  t.boot(named("node", {spec}));
  t.tell("a", "throw");
  CHECK(attempts == 4);
  CHECK(t.answers("a"));
  const auto node = t.tree()->children.at(0);
  CHECK(node->restarts[static_cast<std::size_t>(restart_cause::failure)] == 1);
  CHECK(node->restarts[static_cast<std::size_t>(restart_cause::start_failed)] == 2);
}

TEST_CASE("DeathWatchSpec, one notice; DeathWatchSpec, dead before watch; DeathWatchSpec, reborn: each watcher hears once of each life it watches, also of one that is over") {
  tree_fixture t;
  t.boot(named("node", {t.make("a")}));
  std::vector<caf::actor> watchers;
  for (int i = 0; i < 2; ++i)
    watchers.push_back(t.world.system().spawn([notes = t.notes](caf::event_based_actor* self) -> caf::behavior {
      self->set_down_handler([notes](const caf::down_msg&) { notes->note("down"); });
      return {[self](const caf::actor& whom) { self->monitor(whom); }};
    }));
  const auto watch = [&](const caf::actor& whom) {
    for (const auto& each : watchers)
      caf::anon_send(each, whom);
    t.world.settle();
  };
  const auto first = t.at("a");
  watch(first);
  t.notes->take();
  t.tell("a", "throw");
  CHECK(t.notes->take() == "-a down down +a");
  t.tell("a", "throw");                              // of a life that nobody watches, nobody hears
  CHECK(t.notes->take() == "-a +a");
  watch(t.at("a"));                                  // its successor, under the same name
  t.tell("a", "throw");
  CHECK(t.notes->take() == "-a down down +a");
  watch(first);                                      // one that is over long since
  CHECK(t.notes->take() == "down down");
  for (const auto& each : watchers)
    caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
}

TEST_CASE("TimerSpec, old incarnation: its timers reach no other life, also those that lie in the mailbox already") {
  tree_fixture t;
  auto notes = t.notes;
  t.boot(named("node", {plain(t, "a", spawns([notes](caf::event_based_actor* self) -> caf::behavior {
    keep_exception_text(self);
    return {
      [self](caf::unit_t) { self->delayed_send(self, 1s, 7); },
      [notes](int) { notes->note("timer"); },
      [](const std::string&) { throw std::runtime_error("boom"); },
    };
  }))}));
  caf::anon_send(t.at("a"), caf::unit);
  t.world.settle();
  SECTION("pending") { t.tell("a", "throw"); }
  SECTION("in the mailbox") {
    const auto life = t.at("a");
    t.world.freeze(life);
    caf::anon_send(life, std::string("throw"));
    t.world.advance(1s);
    t.world.thaw(life);
    t.world.settle();
  }
  t.world.advance(5s);
  CHECK(t.tree()->children.at(0)->incarnation == 2);
  CHECK(t.notes->take().empty());
}

TEST_CASE("SObjectizer coop, msg_loss_at_registration: what is sent to a child while it starts is not lost") {
  tree_fixture t;
  auto notes = t.notes;
  auto spec = plain(t, "a", [notes](const child_context& context) -> start_outcome {
    const auto behaviour = [notes](caf::event_based_actor*) -> caf::behavior {
      return {[notes](int x) { notes->note(std::to_string(x)); }};
    };
    auto handle = spawn_supervised(context, behaviour);
    caf::anon_send(caf::actor_cast<caf::actor>(handle), 1);
    return handle;
  });
  spec.ready = ready_when::confirmed;                // and it never says so
  t.boot(named("node", {spec}));
  CHECK_FALSE(t.started);
  caf::anon_send(t.at("a"), 2);                      // by name it is known while it starts
  t.world.settle();
  CHECK(t.notes->take() == "1 2");
}

TEST_CASE("child_unlink: a child that lets go of everybody and does not listen can't hold up its supervisor") {
  tree_fixture t;
  auto deaf = plain(t, "b", spawns([](caf::event_based_actor* self) -> caf::behavior {
    self->set_exit_handler([](caf::exit_msg&) {});
    return {[](int x) { return x + 1; }};
  }));
  deaf.shutdown = shutdown_limit{2s};
  t.boot(named("node", {t.make("a"), deaf, t.make("c")}));
  t.notes->take();
  t.stop();
  t.world.advance(1999ms);
  CHECK(t.answers("b"));
  CHECK_FALSE(t.end);
  t.world.advance(1ms);
  REQUIRE(t.end);
  CHECK(t.end->abandoned == 0);                      // CAF's own kill is heard by everybody who is in no handler
  CHECK(t.notes->take() == "-c -a");
}

TEST_CASE("simple_global_supervisor: worker or supervisor killed, both come back under the same names") {
  tree_fixture t{GENERATE(range(0u, 20u))};          // in whichever order they hear of it
  t.boot(named("node", {t.make("a"), subtree(named("inner", {t.make("b"), t.make("c")}))}, strategy::one_for_one, 100));
  caf::anon_send_exit(t.at("b"), caf::exit_reason::kill);
  t.world.settle();
  CHECK(t.answers("b"));
  const auto inner = t.world.ask_now<child_handle>(t.root, find_child_request{"inner"}).value->handle;
  caf::anon_send_exit(inner, caf::exit_reason::kill);
  t.world.settle();
  const auto again = t.world.ask_now<child_handle>(t.root, find_child_request{"inner"}).value.value();
  CHECK(again.handle != inner);
  CHECK(again.incarnation == 2);
  for (const auto* name : {"a", "b", "c"})
    CHECK(t.answers(name));
  CHECK(t.notes->alive == std::multiset<std::string>{"a", "b", "c"});
}
