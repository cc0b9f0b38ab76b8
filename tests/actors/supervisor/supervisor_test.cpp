#include "metrics/probes/supervisor_probe.hpp"
#include "tests/actors/supervisor/tree_fixture.hpp"

using namespace flott;
using namespace flott::supervision;
using namespace flott::supervision::test;

TEST_CASE("order_of_children: a nested supervisor counting as started when its own are up") {
  tree_fixture t;
  t.boot(named("node", {t.make("a"), subtree(named("inner", {t.make("b"), t.make("c")})), t.make("d")}));
  CHECK(t.started);
  CHECK(t.notes->take() == "+a +b +c +d");
  t.stop();
  CHECK(t.notes->take() == "-d -c -b -a");
  REQUIRE(t.end);
  CHECK(t.end->reason.kind == exit_kind::shutdown);
  CHECK(t.end->abandoned == 0);
}

TEST_CASE("one_for_one, DeathWatchSpec, cause of the end: a worker that throws is restarted; its words are kept, its siblings keep their identity") {
  tree_fixture t;
  t.boot(named("node", {t.make("a"), t.make("b")}));
  const auto a = t.at("a"), b = t.at("b");
  t.tell("a", "throw");
  CHECK(t.at("a") != a);
  CHECK(t.at("b") == b);
  CHECK(t.answers("a"));
  const auto node = t.tree()->children.at(0);
  CHECK(node->path == "/node/a");
  CHECK(node->incarnation == 2);
  CHECK(node->restarts[static_cast<std::size_t>(restart_cause::failure)] == 1);
  CHECK(node->last_failure.find("the worker's own words") != std::string::npos);
  CHECK(node->last_failure.find("runtime_error") != std::string::npos);
  CHECK(t.observer->count(report_kind::child_restarted) == 1);
}

TEST_CASE("one_for_all, SupervisorSpec, all-for-one: replaces all handles, in order") {
  tree_fixture t;
  t.boot(named("node", {t.make("a"), t.make("b"), t.make("c")}, strategy::one_for_all));
  t.notes->take();
  t.tell("b", "error");
  CHECK(t.notes->take() == "-b -c -a +a +b +c");
  for (const auto* id : {"a", "b", "c"})
    CHECK(t.answers(id));
  CHECK(t.tree()->children.at(1)->last_failure == "line 7: no such column");
}

TEST_CASE("SupervisionSpec, exception stops: temporary children come and go without a trace") {
  tree_fixture t;
  t.boot(named("tasks", {}));
  for (int round = 0; round < 50; ++round) {
    const auto id = "task" + std::to_string(round);
    auto spec = t.make(id, restart_policy::temporary);
    const auto started = t.world.ask_now<child_handle>(t.root, start_child_request{spec});
    REQUIRE(started.value);
    CHECK(started.value->handle == t.refs.at(id)->get());
    t.tell(id, round % 2 == 0 ? "quit" : "throw");
    CHECK(t.refs.at(id)->get() == nullptr);
  }
  CHECK(t.world.ask_now<child_list>(t.root, list_children_request{}).value->children.empty());
  CHECK(t.notes->alive.empty());
}

TEST_CASE("child_adm: start, find, terminate, restart, delete, and what each refuses") {
  tree_fixture t;
  t.boot(named("node", {t.make("a")}));
  auto again = t.world.ask_now<child_handle>(t.root, start_child_request{t.make("a")});
  REQUIRE(again.error);
  CHECK(again.error.code() == static_cast<std::uint8_t>(supervisor_error::already_started));
  const auto found = t.world.ask_now<child_handle>(t.root, find_child_request{"a"});
  CHECK(again.error.context().get_as<caf::strong_actor_ptr>(1) == found.value->handle);
  CHECK(t.world.ask_now<child_handle>(t.root, delete_child_request{"a"}).error);
  CHECK(t.world.ask_now<child_handle>(t.root, terminate_child_request{"a"}).value);
  CHECK(t.world.ask_now<child_handle>(t.root, find_child_request{"a"}).value->handle == nullptr);
  CHECK(t.world.ask_now<child_handle>(t.root, restart_child_request{"a"}).value->incarnation == 2);
  CHECK(t.world.ask_now<child_handle>(t.root, terminate_child_request{"a"}).value);
  CHECK(t.world.ask_now<child_handle>(t.root, delete_child_request{"a"}).value);
  const auto gone = t.world.ask_now<child_handle>(t.root, find_child_request{"a"});
  CHECK(gone.error.code() == static_cast<std::uint8_t>(supervisor_error::not_found));
}

TEST_CASE("SObjectizer coop, exception while starting; SupervisionTests, failure in Started: the caller gets the cause") {
  tree_fixture t;
  t.boot(named("node", {t.make("a")}, strategy::one_for_one, 0));
  auto spec = t.make("x");
  std::string cause;
  SECTION("the factory returns a failure") {
    spec.start = [](const child_context&) -> result<caf::strong_actor_ptr> { return user_failure("port 80", "in use"); };
    cause = "port 80: in use";
  }
  SECTION("the factory throws") {
    spec.start = [](const child_context&) -> result<caf::strong_actor_ptr> { throw std::runtime_error("thrown"); };
    cause = "thrown";
  }
  SECTION("the actor quits with an error in its first step") {
    spec.start = spawns([](caf::event_based_actor* self) -> caf::behavior {
      self->quit(to_error(user_failure("config", "no such key")));
      return {};
    });
    cause = "config: no such key";
  }
  SECTION("the actor throws in its first step") {
    spec.start = spawns([](caf::event_based_actor* self) -> caf::behavior {
      keep_exception_text(self);
      throw std::runtime_error("in the first step");
    });
    cause = "in the first step";
  }
  const auto answer = t.world.ask_now<child_handle>(t.root, start_child_request{spec});
  REQUIRE(answer.error);
  CHECK(answer.error.code() == static_cast<std::uint8_t>(supervisor_error::start_failed));
  CHECK(describe(answer.error).find(cause) != std::string::npos);
  CHECK(t.world.ask_now<child_list>(t.root, list_children_request{}).value->children.size() == 1);
  CHECK_FALSE(t.end);
}

TEST_CASE("sup_start_ignore_init, sup_start_error_return: a factory may decline; a bad spec is refused by its field") {
  tree_fixture t;
  t.boot(named("node", {}));
  auto spec = t.make("x");
  spec.start = [](const child_context&) -> result<caf::strong_actor_ptr> { return caf::strong_actor_ptr{}; };
  CHECK(t.world.ask_now<child_handle>(t.root, start_child_request{spec}).value->handle == nullptr);
  CHECK(t.observer->count(report_kind::child_declined) == 1);
  CHECK(t.observer->count(report_kind::child_exited) == 0);
  spec.id = "y";
  spec.start = nullptr;
  const auto refused = t.world.ask_now<child_handle>(t.root, start_child_request{spec});
  CHECK(refused.error.code() == static_cast<std::uint8_t>(supervisor_error::bad_spec));
  CHECK(describe(refused.error).find("start is missing") != std::string::npos);
  auto below = named("bad", {subtree(named("inner", {spec}))});
  const auto spawned = spawn_supervisor(t.world.system(), below);
  REQUIRE_FALSE(spawned);
  CHECK(spawned.error().to_string().find("inner/") != std::string::npos);
}

TEST_CASE("a child waiting for its back-off is seen as restarting, with the time that is left") {
  tree_fixture t;
  auto flaky = t.make("a");
  flaky.restart_backoff = backoff{400ms, 10s, 2, 0, 60s};
  t.boot(named("node", {flaky}));
  t.tell("a", "throw");
  t.world.advance(100ms);
  auto node = t.tree()->children.at(0);
  CHECK(node->state == child_state::restarting);
  CHECK(node->restart_in == 300ms);
  CHECK(t.refs.at("a")->get() == nullptr);
  t.world.advance(300ms);
  CHECK(t.answers("a"));
}

TEST_CASE("a child stuck in a handler is abandoned at its deadline; until then the tree says who blocks") {
  tree_fixture t;
  auto stuck = t.make("b");
  stuck.shutdown = shutdown_limit{2s};
  t.boot(named("node", {t.make("a"), stuck, t.make("c")}));
  const auto handle = t.at("b");
  t.world.freeze(handle);
  t.notes->take();
  auto stopped = t.world.ask<supervisor_end>(t.root, stop_request{});
  t.world.advance(1s);
  CHECK(t.notes->take() == "-c");
  CHECK(t.tree()->children.at(1)->state == child_state::stopping);
  CHECK(stopped->pending());
  t.world.advance(2s);
  CHECK(t.notes->take() == "-a");
  REQUIRE(stopped->value);
  CHECK(stopped->value->abandoned == 1);
  CHECK(t.end->abandoned == 1);
  REQUIRE(t.observer->count(report_kind::child_abandoned) == 1);
  t.world.thaw(handle);
  t.world.settle();
  CHECK(t.notes->take() == "-b");                  // asked and killed: it goes when it comes to it
}

TEST_CASE("the tree answers although a worker and a whole nested supervisor hang") {
  tree_fixture t;
  t.boot(named("node", {t.make("a"), subtree(named("one", {t.make("b")})), subtree(named("two", {t.make("c")}))}));
  t.world.freeze(t.at("a"));
  t.world.freeze(t.at("c"));
  const auto whole = t.tree();
  CHECK(whole->children.at(2)->children.at(0)->path == "/node/two/c");
  const auto one = t.world.ask_now<child_handle>(t.root, find_child_request{"one"}).value->handle;
  t.world.freeze(one);
  auto asked = t.world.ask<tree_node_ptr>(t.root, tree_request{200ms});
  t.world.advance(199ms);
  CHECK(asked->pending());
  t.world.advance(1ms);
  REQUIRE(asked->value);
  const auto& children = (*asked->value)->children;
  CHECK(children.at(1)->unanswered);
  CHECK(children.at(1)->state == child_state::running);
  CHECK(children.at(2)->children.size() == 1);
  t.world.thaw(one);
  t.world.thaw(t.at("a"));
  t.world.thaw(t.at("c"));
}

TEST_CASE("a worker that never comes to its first step fails its start within the limit") {
  tree_fixture t;
  t.boot(named("node", {}));
  auto slow = t.make("s");
  slow.start_limit = 1s;
  slow.ready = ready_when::confirmed;              // and never does
  auto asked = t.world.ask<child_handle>(t.root, start_child_request{slow});
  t.world.advance(999ms);
  CHECK(asked->pending());
  t.world.advance(1ms);
  CHECK(asked->error.code() == static_cast<std::uint8_t>(supervisor_error::start_failed));
  CHECK(t.notes->alive.empty());
}

TEST_CASE("CoordinatedShutdownSpec, dead already: a killed supervisor takes its tree along, and who stops it later is answered") {
  tree_fixture t;
  t.boot(named("node", {t.make("a"), subtree(named("inner", {t.make("b")}))}));
  caf::anon_send_exit(t.root, caf::exit_reason::kill);
  t.world.settle();
  CHECK(t.notes->alive.empty());
  REQUIRE(t.end);
  CHECK(t.end->reason.kind == exit_kind::abnormal);
  CHECK(t.refs.at("a")->get() == nullptr);
  CHECK(t.world.ask_now<supervisor_end>(t.root, stop_request{}).error == caf::sec::request_receiver_down);
  CHECK(t.world.ask_now<child_handle>(t.root, find_child_request{"a"}).error == caf::sec::request_receiver_down);
}

TEST_CASE("an actor spawned elsewhere can be put under a supervisor") {
  tree_fixture t;
  t.boot(named("jobs", {}));
  const auto handle = t.world.system().spawn(worker, std::string{"job"}, t.notes);
  child_spec spec;
  spec.id = "job";
  spec.restart = restart_policy::temporary;
  spec.start = adopts(handle);
  caf::anon_send(t.root, start_child_request{spec});
  t.world.settle();
  CHECK(t.tree()->children.at(0)->path == "/jobs/job");
  SECTION("it ends by itself") { caf::anon_send(handle, std::string{"throw"}); }
  SECTION("it ends with the tree") { t.stop(); }
  t.world.settle();
  CHECK(t.notes->alive.empty());
  if (!t.end)
    CHECK(t.tree()->children.empty());
}

TEST_CASE("the node's observer counts by supervisor and class, never by the single child") {
  metrics_registry metrics;
  const auto observer = make_node_observer(std::make_shared<supervisor_probe>(metrics));
  supervision_event event;
  event.kind = report_kind::child_started;
  event.supervisor = "/node/job_managers";
  event.supervisor_class = "job_managers";
  event.child = "7c0f";
  event.child_class = "job_manager";
  event.incarnation = 1;
  const std::string restarts = R"(flott_supervisor_restarts_total{child="job_manager",supervisor="job_managers"} )";
  observer->on_event(event);
  CHECK(metrics.scrape().find(restarts + "0") != std::string::npos);
  event.kind = report_kind::child_restarted;
  observer->on_event(event);
  event.kind = report_kind::child_abandoned;
  observer->on_event(event);
  const auto page = metrics.scrape();
  CHECK(page.find(restarts + "1") != std::string::npos);
  CHECK(page.find(R"(flott_supervisor_abandoned_total{child="job_manager",supervisor="job_managers"} 1)") != std::string::npos);
  CHECK(page.find("7c0f") == std::string::npos);
}
