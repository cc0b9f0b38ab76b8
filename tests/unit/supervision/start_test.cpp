#include "tests/unit/supervision/world.hpp"

using namespace flott::supervision;
using namespace flott::supervision::test;

TEST_CASE("sup_start_normal: starts empty, stops on request with reason shutdown") {
  world w{{}, {}};
  w.boot();
  CHECK(w.count(report_kind::supervisor_started) == 1);
  CHECK(w.machine().state() == child_state::running);
  w.stop();
  REQUIRE(w.end);
  CHECK(*w.end == exit_reason::shutdown());
}

TEST_CASE("order_of_children, rotor 023, operational: started in order, each when the one before is up; stopped in reverse") {
  world w{{}, {child("a"), child("b"), child("c")}};
  w.slow_to_start = {"b"};
  w.boot();
  CHECK(w.happened() == "start a, start b");
  CHECK(w.machine().state() == child_state::starting);
  CHECK(w.in(child_state::starting) == "b");
  CHECK_FALSE(w.view("b").restart_in);             // the time that is left is that of a wait, not of a limit
  w.ready("b");
  CHECK(w.happened() == "start c");
  CHECK(w.running() == "a b c");
  CHECK(w.count(report_kind::supervisor_started) == 1);
  w.stop();
  CHECK(w.happened() == "stop c, stop b, stop a");
}

TEST_CASE("order_of_children: a group goes down in reverse and comes back in order") {
  world w{with(strategy::one_for_all), {child("a"), child("b"), child("c"), child("d")}};
  w.boot();
  w.add(child("e"));
  w.happened();
  w.crash("c");
  CHECK(w.happened() == "stop e, stop d, stop b, stop a, start a, start b, start c, start d, start e");
}

TEST_CASE("sup_start_fail, SupervisionSpec, children before a failing setup: a child that cannot start takes back those before it and surfaces with id and cause") {
  world w{with(strategy::one_for_one), {child("a"), child("b"), child("c")}};
  w.fails = {"b"};
  w.boot();
  CHECK(w.happened() == "start a, start b, stop a");
  REQUIRE(w.end);
  CHECK(w.end->kind == exit_kind::abnormal);
  CHECK_FALSE(w.end->restart_limit);
  CHECK(w.end->text == "b did not start: no b");
}

TEST_CASE("sup_start_ignore_child: a permanent child that declines keeps its spec, without a life") {
  world w{{}, {child("a"), child("b")}};
  w.declines = {"a"};
  w.boot();
  CHECK(w.machine().size() == 2);
  CHECK(w.machine().active() == 1);
  CHECK(w.in(child_state::stopped) == "a");
  CHECK(w.running() == "b");
}

TEST_CASE("sup_start_ignore_temporary_child, sup_start_ignore_temporary_child_start_child: a temporary child that declines leaves no spec") {
  world w{{}, {child("a", restart_policy::temporary), child("b")}};
  w.declines = {"a"};
  w.boot();
  CHECK(w.machine().size() == 1);
  const auto request = w.add(child("a", restart_policy::temporary));
  CHECK(w.answer(request) == outcome::declined);
  CHECK(w.machine().size() == 1);
  w.stop();
  CHECK(w.end);
}

TEST_CASE("sup_start_child_returns_error, SupervisionSpec, first start is not retried: its failure goes to the caller; no spec, no retry, no budget") {
  world w{with(strategy::one_for_one, 1), {child("a")}};
  w.boot();
  w.fails = {"x"};
  for (int i = 0; i < 5; ++i) {
    const auto request = w.add(child("x"));
    CHECK(w.answer(request) == outcome::start_failed);
    CHECK(w.answers.at(request).text == "no x");
  }
  w.advance(1h);
  CHECK(w.happened() == "start a, start x, start x, start x, start x, start x");
  CHECK(w.machine().size() == 1);
  w.crash("a");
  CHECK(w.running() == "a");
}

TEST_CASE("sup_start_restart_child_returns_error: failed manual restart keeps the spec, stopped") {
  world w{with(strategy::one_for_one, 1), {child("a")}};
  w.boot();
  w.terminate("a");
  w.fails = {"a"};
  CHECK(w.answer(w.restart("a")) == outcome::start_failed);
  CHECK(w.in(child_state::stopped) == "a");
  w.fails = {};
  CHECK(w.answer(w.restart("a")) == outcome::ok);
  CHECK(w.running() == "a");
  CHECK(w.view("a").incarnation == 3);
}

TEST_CASE("external_start_no_progress_log, SupervisionTests, cause of the restart: reports tell what was asked for from what the supervisor restarted") {
  world w{with(strategy::one_for_one), {child("a")}};
  w.boot();
  CHECK(w.count(report_kind::child_started) == 1);
  w.crash("a");
  CHECK(w.count(report_kind::child_started) == 1);
  REQUIRE(w.count(report_kind::child_restarted) == 1);
  CHECK(w.reports.back().cause == restart_cause::failure);
}

TEST_CASE("rotor 023, init timeout: a start that takes longer than its limit has failed, and its life is killed first") {
  auto slow = child("a");
  slow.start_limit = 2s;
  world w{with(strategy::one_for_one), {slow}};
  w.slow_to_start = {"a"};
  w.boot();
  w.advance(1999ms);
  CHECK_FALSE(w.end);
  w.advance(1ms);
  CHECK(w.happened() == "start a, kill a");
  REQUIRE(w.end);
  CHECK(w.end->text == "a did not start: did not start within its limit");
}

TEST_CASE("SupervisionSpec, first start with back-off: retry_first_start, a first start is repeated by back-off where the spec asks for it") {
  auto flaky = child("a");
  flaky.retry_first_start = true;
  flaky.restart_backoff = backoff{100ms, 1s, 2, 0, 10s};
  world w{with(strategy::one_for_one, 10, 10s), {flaky, child("b")}};
  w.fails = {"a"};
  w.boot();
  CHECK(w.view("a").state == child_state::restarting);
  CHECK(w.view("a").restart_in == 100ms);
  w.advance(100ms);
  CHECK(w.view("a").restart_in == 200ms);
  w.fails = {};
  w.advance(200ms);
  CHECK(w.running() == "a b");
}

TEST_CASE("SupervisionSpec, stopped in setup: a child that ends normally in its first step was started and has ended") {
  world w{{}, {child("a")}};
  w.boot();
  w.slow_to_start = {"t"};
  const auto request = w.add(child("t", restart_policy::temporary));
  w.exits("t", exit_reason::normal());
  CHECK(w.answer(request) == outcome::ok);
  CHECK(w.machine().size() == 1);
}

TEST_CASE("rotor 023, child ends while starting: normally it was started, otherwise the boot has failed") {
  world w{with(strategy::one_for_one), {child("a"), child("t", restart_policy::transient), child("c")}};
  w.slow_to_start = {"t"};
  w.boot();
  SECTION("normally") {
    w.exits("t", exit_reason::normal());
    CHECK(w.running() == "a c");
    CHECK(w.in(child_state::stopped) == "t");
    CHECK(w.count(report_kind::supervisor_started) == 1);
  }
  SECTION("abnormally") {
    w.exits("t", exit_reason::abnormal("boom"));
    REQUIRE(w.end);
    CHECK(w.end->text == "t did not start: boom");
    CHECK(w.happened() == "start a, start t, stop a");
    CHECK(w.count(report_kind::supervisor_started) == 0);
  }
}

TEST_CASE("rotor 023, init timeout: takes the whole group down") {
  auto slow = child("b");
  slow.start_limit = 2s;
  world w{with(strategy::one_for_all), {child("a"), slow, child("c")}};
  w.slow_to_start = {"b"};
  w.boot();
  w.advance(2s);
  CHECK(w.happened() == "start a, start b, kill b, stop a");
  CHECK(w.end);
}

TEST_CASE("a start that fails after it was to be stopped is a stop, and no further incident") {
  world w{with(strategy::one_for_all, 2), {child("a"), child("b")}};
  w.boot();
  w.slow_to_start = {"b"};
  w.ignores_asking = {"b"};
  w.crash("b");
  w.crash("a");                                    // takes the start under way along
  w.happened();
  w.not_ready("b", "no use");
  CHECK(w.happened() == "start a, start b");
  CHECK_FALSE(w.end);
  CHECK(w.count(report_kind::child_start_failed) == 0);
  CHECK(w.view("b").restarts[static_cast<std::size_t>(restart_cause::failure)] == 1);
  CHECK(w.view("b").restarts[static_cast<std::size_t>(restart_cause::group)] == 1);
}

TEST_CASE("a late start that nobody wants any more is over when it is down") {
  const auto restart = GENERATE(restart_policy::permanent, restart_policy::temporary);
  auto late = child("n", restart);
  late.start_limit = 2s;
  world w{with(strategy::one_for_one), {child("a")}};
  w.slow_to_start = w.immortal = {"n"};
  w.boot();
  const auto start = w.add(late);
  w.advance(2s);                                   // killed, and not down yet
  SECTION("terminated") {
    const auto terminate = w.terminate("n");
    CHECK(w.answer(start) == outcome::terminated);
    w.exits("n", exit_reason::abnormal("killed"));
    CHECK(w.answer(terminate) == outcome::ok);
    CHECK(w.machine().size() == (restart == restart_policy::permanent ? 2 : 1));
    CHECK(w.running() == "a");
  }
  SECTION("its supervisor stops") {
    w.stop();
    CHECK(w.answer(start) == outcome::stopping);
    w.exits("n", exit_reason::abnormal("killed"));
    CHECK(w.end == exit_reason::shutdown());
  }
}

TEST_CASE("a late start at boot does not change the reason of a stop that came before") {
  auto late = child("a");
  late.start_limit = 2s;
  world w{{}, {late}};
  w.slow_to_start = w.immortal = {"a"};
  w.boot();
  w.advance(2s);
  w.stop();
  w.exits("a", exit_reason::abnormal("killed"));
  CHECK(w.end == exit_reason::shutdown());
}
