#include "tests/unit/supervision/world.hpp"

using namespace flott::supervision;
using namespace flott::supervision::test;

TEST_CASE("sup_stop_timeout, CoordinatedShutdownSpec, timeout: a child busy past its limit is killed, the others stop in order") {
  auto slow = child("b");
  slow.shutdown = shutdown_limit{2s};
  world w{{}, {child("a"), slow, child("c")}};
  w.ignores_asking = {"b"};
  w.boot();
  w.happened();
  w.stop();
  CHECK(w.happened() == "stop c, stop b");
  CHECK(w.in(child_state::stopping) == "b");       // who blocks the shutdown
  w.advance(1999ms);
  CHECK(w.happened().empty());
  w.advance(1ms);
  CHECK(w.happened() == "kill b, stop a");
  CHECK(w.end);
}

TEST_CASE("rotor 012, failed shutdown: a deadline that holds; a child that cannot be killed is abandoned, counted and named, and stopping goes on") {
  supervisor_options options;
  options.kill_grace = 500ms;
  world w{options, {child("a"), child("b"), child("c")}};
  w.immortal = {"b"};
  w.boot();
  w.happened();
  w.stop();
  w.advance(5s);
  CHECK(w.happened() == "stop c, stop b, kill b");
  w.advance(499ms);
  CHECK_FALSE(w.end);
  w.advance(1ms);
  CHECK(w.happened() == "abandon b, stop a");
  REQUIRE(w.end);
  CHECK(w.end->kind == exit_kind::shutdown);
  CHECK(w.machine().abandoned() == 1);
  CHECK(w.in(child_state::abandoned) == "b");
  const auto abandoned = std::find_if(w.reports.begin(), w.reports.end(),
                                      [](auto& r) { return r.kind == report_kind::child_abandoned; });
  REQUIRE(abandoned != w.reports.end());
  CHECK(abandoned->child == "b");
  CHECK(w.count(report_kind::child_abandoned) == 1);
}

TEST_CASE("DeathWatchSpec, unwatched: what an abandoned life says later is ignored") {
  world w{with(strategy::one_for_one), {child("a")}};
  w.immortal = {"a"};
  w.boot();
  const auto request = w.terminate("a");
  w.advance(6s);
  CHECK(w.answer(request) == outcome::ok);
  CHECK(w.answer(w.restart("a")) == outcome::ok);
  const auto key = w.machine().find("a").value();
  CHECK(w.machine().child_exited(key, 1, exit_reason::abnormal("late"), w.now).empty());
  CHECK(w.running() == "a");
  CHECK(w.view("a").incarnation == 2);
  CHECK(w.view("a").abandoned == 1);
}

TEST_CASE("sup_stop_infinity: without a limit it is waited for") {
  auto c = child("a");
  c.kind = GENERATE(child_kind::worker, child_kind::supervisor);
  c.shutdown = shutdown_limit::infinite();
  world w{{}, {c}};
  w.ignores_asking = {"a"};
  w.boot();
  w.stop();
  w.advance(24h);
  CHECK_FALSE(w.end);
  w.exits("a", exit_reason::shutdown());
  CHECK(w.end);
}

TEST_CASE("sup_stop_brutal_kill: children to be stopped at once are not asked") {
  auto c = child("a");
  c.shutdown = shutdown_limit::at_once();
  world w{{}, {c, child("b")}};
  w.boot();
  w.happened();
  w.stop();
  CHECK(w.happened() == "stop b, kill a");
}

TEST_CASE("sup_stop_brutal_kill: one that can't be killed is abandoned after the grace") {
  auto c = child("a");
  c.shutdown = shutdown_limit::at_once();
  world w{{}, {c}};
  w.immortal = {"a"};
  w.boot();
  w.stop();
  w.advance(499ms);
  CHECK_FALSE(w.end);
  w.advance(1ms);
  CHECK(w.happened() == "start a, kill a, abandon a");
  CHECK(w.end);
}

TEST_CASE("sup_stop_race, CoordinatedShutdownSpec, task failure: children that end by themselves while the supervisor stops are not restarted, reasons kept") {
  world w{with(strategy::one_for_all, 0), {child("p"), child("t", restart_policy::transient),
                                           child("x", restart_policy::temporary), child("z")}};
  w.ignores_asking = {"z"};
  w.boot();
  w.happened();
  w.stop();
  w.exits("x", exit_reason::abnormal("x's own"));
  w.exits("t", exit_reason::normal());
  w.exits("p", exit_reason::abnormal("p's own"));
  w.exits("z", exit_reason::abnormal("z's own"));
  CHECK(w.happened() == "stop z");
  REQUIRE(w.end);
  CHECK(w.end->kind == exit_kind::shutdown);
  std::string reasons;
  for (auto& r : w.reports)
    if (r.kind == report_kind::child_exited || r.kind == report_kind::child_stopped)
      reasons += r.child + ":" + r.text + " ";
  CHECK(reasons == "x:x's own t:normal p:p's own z:z's own ");
}

TEST_CASE("parallel stop: all are asked at once, so the slowest counts and not the sum") {
  supervisor_options options;
  options.stopping = stop_order::parallel;
  world w{options, {child("a"), child("b"), child("c")}};
  w.ignores_asking = {"a", "b", "c"};
  w.boot();
  w.happened();
  w.stop();
  CHECK(w.happened() == "stop c, stop b, stop a");
  w.advance(5s);
  CHECK(w.end);
}

TEST_CASE("SObjectizer coop, shutdown while registering: the pending start is stopped too, nothing else begins") {
  world w{{}, {child("a"), child("b"), child("c")}};
  w.slow_to_start = {"b"};
  w.boot();
  w.happened();
  w.stop();
  CHECK(w.happened() == "stop b, stop a");
  CHECK(w.end);
}

TEST_CASE("rotor 024, stop in the middle of the restart wait") {
  auto c = child("a");
  c.restart_backoff = backoff{1s, 10s, 2, 0, 60s};
  world w{with(strategy::one_for_one), {c, child("b")}};
  w.boot();
  w.crash("a");
  w.happened();
  w.stop();
  CHECK(w.happened() == "stop b");
  CHECK(w.end);
}

TEST_CASE("stop in the middle of a group restart") {
  world w{with(strategy::one_for_all), {child("a"), child("b"), child("c")}};
  w.ignores_asking = {"b"};
  w.boot();
  w.happened();
  w.crash("c");
  w.stop();
  w.advance(5s);
  CHECK(w.happened() == "stop b, kill b, stop a");
  CHECK(w.end);
}

TEST_CASE("rotor 019, double shutdown; CoordinatedShutdownSpec, phases run once; CoordinatedShutdownSpec, reason kept") {
  world w{with(strategy::one_for_one, 0), {child("a"), child("b")}};
  w.ignores_asking = {"b"};
  w.boot();
  w.crash("a", "the cause");
  w.stop();
  w.stop();
  w.advance(5s);
  REQUIRE(w.end);
  CHECK(w.end->restart_limit);
}

TEST_CASE("after its end a supervisor does nothing more, and still answers") {
  world w{with(strategy::one_for_one), {child("a"), child("t", restart_policy::temporary)}};
  w.boot();
  w.stop();
  REQUIRE(w.end);
  CHECK(w.machine().state() == child_state::stopped);
  CHECK(w.machine().stop(exit_reason::shutdown(), w.now).empty());
  CHECK(w.machine().timer_fired(w.now).empty());
  CHECK(w.machine().child_exited(1, 1, exit_reason::normal(), w.now).empty());
  const auto only = [](const actions& all) { return std::get<reply>(all.at(all.size() - 1)).outcome; };
  CHECK(only(w.machine().add_child(child("n"), 1, w.now)) == outcome::stopping);
  CHECK(only(w.machine().terminate_child("a", 2, w.now)) == outcome::ok);
  CHECK(only(w.machine().terminate_child("t", 3, w.now)) == outcome::stopping);
  CHECK(only(w.machine().restart_child("a", 4, w.now)) == outcome::stopping);
}

TEST_CASE("the state of a supervisor: starting, running, stopping, stopped") {
  world w{{}, {child("a")}};
  w.slow_to_start = {"a"};
  CHECK(w.machine().state() == child_state::starting);
  w.boot();
  CHECK(w.machine().state() == child_state::starting);
  w.ready("a");
  CHECK(w.machine().state() == child_state::running);
  w.ignores_asking = {"a"};
  w.stop();
  CHECK(w.machine().state() == child_state::stopping);
  w.exits("a", exit_reason::normal());
  CHECK(w.machine().state() == child_state::stopped);
}

TEST_CASE("sup_stop_infinity: without a limit to stop, that of the start does not apply either") {
  auto c = child("n");
  c.start_limit = 2s;
  c.shutdown = shutdown_limit::infinite();
  world w{with(strategy::one_for_one), {}};
  w.boot();
  w.slow_to_start = w.ignores_asking = {"n"};
  w.add(c);
  w.terminate("n");
  w.advance(1h);
  CHECK(w.happened() == "start n, stop n");
}

TEST_CASE("abandoned is seen of one that does not come back; of one that does, that it waits") {
  auto failing = child("a");
  failing.restart_backoff = backoff{10s, 10s, 1, 0, 60s};
  auto late = child("n");
  late.start_limit = 2s;
  world w{with(strategy::one_for_all), {failing, child("b")}};
  w.immortal = {"b", "n"};
  w.boot();
  SECTION("with its group") {
    w.crash("a");
    w.advance(5500ms);
    CHECK(w.in(child_state::restarting) == "a b");
    CHECK(w.view("b").abandoned == 1);
    w.advance(4500ms);
    CHECK(w.running() == "a b");
  }
  SECTION("also while it started") {
    w.slow_to_start = {"n"};
    w.add(late);
    w.advance(2s);
    w.terminate("n");
    w.advance(500ms);
    CHECK(w.in(child_state::abandoned) == "n");
    CHECK(w.running() == "a b");
  }
}
