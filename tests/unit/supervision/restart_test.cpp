#include "tests/unit/supervision/world.hpp"

using namespace flott::supervision;
using namespace flott::supervision::test;

TEST_CASE("restart matrix: permanent always, transient after an abnormal end, temporary never") {
  const auto abnormal = exit_reason::abnormal("boom");
  const auto normal = GENERATE(exit_reason::normal(), exit_reason::shutdown(), exit_reason::shutdown("with info"));
  world w{with(strategy::one_for_one, 10),
          {child("p"), child("t", restart_policy::transient), child("x", restart_policy::temporary)}};
  w.boot();
  w.happened();
  SECTION("normal ends: " + normal.text) {
    w.exits("p", normal);
    w.exits("t", normal);
    w.exits("x", normal);
    CHECK(w.happened() == "start p");
    CHECK(w.in(child_state::stopped) == "t");      // its spec stays
    CHECK(w.machine().size() == 2);
    CHECK(w.view("p").restarts[static_cast<std::size_t>(restart_cause::exit)] == 1);
  }
  SECTION("abnormal ends") {
    w.exits("p", abnormal);
    w.exits("t", abnormal);
    w.exits("x", abnormal);
    CHECK(w.happened() == "start p, start t");
    CHECK(w.machine().size() == 2);
    CHECK(w.view("t").restarts[static_cast<std::size_t>(restart_cause::failure)] == 1);
    CHECK(w.view("t").last_failure == "boom");
    CHECK(w.view("t").incarnation == 2);
    CHECK(w.reports.at(4).kind == report_kind::child_exited);
    CHECK(w.reports.at(4).cause == restart_cause::failure);
  }
}

TEST_CASE("one_for_one: siblings keep their identity; the (n+1)th failure within the window ends the supervisor") {
  world w{with(strategy::one_for_one, 2, 5s), {child("a"), child("b")}};
  w.boot();
  w.crash("a", "first");
  w.advance(1s);
  w.crash("a", "second");
  CHECK(w.view("b").incarnation == 1);
  CHECK(w.view("a").incarnation == 3);
  w.happened();
  w.advance(1s);
  w.crash("a", "third");
  CHECK(w.happened() == "stop b");
  REQUIRE(w.end);
  CHECK(w.end->kind == exit_kind::abnormal);       // in OTP: shutdown
  CHECK(w.end->restart_limit);
  CHECK(w.end->text == "more than 2 restarts within 5000 ms; last: a: third");
}

TEST_CASE("multiple_restarts: failures spaced wider than the window never use up the budget") {
  world w{with(strategy::one_for_one, 1, 5s), {child("a")}};
  w.boot();
  for (int i = 0; i < 100; ++i) {
    w.crash("a");
    CHECK(w.running() == "a");
    w.advance(5001ms);
  }
  w.crash("a");
  w.advance(5000ms);                               // exactly the window still counts
  w.crash("a");
  CHECK(w.end);
}

TEST_CASE("intensity is counted per supervisor, not per child") {
  world w{with(strategy::one_for_one, 1, 5s), {child("a"), child("b")}};
  w.boot();
  w.crash("a");
  w.crash("b");
  REQUIRE(w.end);
  CHECK(w.end->restart_limit);
}

TEST_CASE("limit 0: stops at the first failure") {
  world w{with(strategy::one_for_one, 0), {child("a")}};
  w.boot();
  w.crash("a");
  CHECK(w.end);
}

TEST_CASE("one_for_one_escalation: a restart that keeps failing uses the same budget, then takes the siblings along") {
  const auto how = GENERATE(strategy::one_for_one, strategy::one_for_all, strategy::rest_for_one);
  world w{with(how, 4, 5s), {child("a"), child("b")}};
  w.boot();
  w.fails = {"a"};
  w.crash("a");
  w.advance(1s);
  REQUIRE(w.end);
  CHECK(w.end->restart_limit);
  CHECK(w.count(report_kind::restart_limit) == 1);
  CHECK(w.count(report_kind::child_start_failed) == 4);
  CHECK(w.lives() == 0);
}

TEST_CASE("one_for_all: all go down in reverse order, all come back in order; one unit of budget an incident") {
  world w{with(strategy::one_for_all, 1), {child("a"), child("b"), child("c")}};
  w.boot();
  w.happened();
  w.crash("b");
  CHECK(w.happened() == "stop c, stop a, start a, start b, start c");
  for (const auto* id : {"a", "b", "c"})
    CHECK(w.view(id).incarnation == 2);
  CHECK(w.view("a").restarts[static_cast<std::size_t>(restart_cause::group)] == 1);
  CHECK(w.view("b").restarts[static_cast<std::size_t>(restart_cause::failure)] == 1);
  CHECK_FALSE(w.end);
}

TEST_CASE("one_for_all: nobody starts before everybody is down") {
  world w{with(strategy::one_for_all), {child("a"), child("b"), child("c")}};
  w.ignores_asking = {"a"};
  w.boot();
  w.happened();
  w.crash("c");
  CHECK(w.happened() == "stop b, stop a");
  CHECK(w.in(child_state::restarting) == "b c");
  CHECK(w.in(child_state::stopping) == "a");
  w.advance(5s);
  CHECK(w.happened() == "kill a, start a, start b, start c");
}

TEST_CASE("one_for_all_other_child_fails_restart: the group is stopped again and the whole group retried") {
  world w{with(strategy::one_for_all, 5), {child("a"), child("b"), child("c")}};
  w.boot();
  w.happened();
  w.fails = {"b"};
  w.crash("c");
  CHECK(w.happened() == "stop b, stop a, start a, start b, stop a");
  w.fails = {};
  w.tick();
  CHECK(w.happened() == "start a, start b, start c");
  CHECK(w.running() == "a b c");
}

TEST_CASE("rest_for_one: earlier children untouched, the failed one and later ones replaced") {
  world w{with(strategy::rest_for_one), {child("a"), child("b"), child("c"), child("d")}};
  w.boot();
  w.happened();
  w.crash("b");
  CHECK(w.happened() == "stop d, stop c, start b, start c, start d");
  CHECK(w.view("a").incarnation == 1);
}

TEST_CASE("rest_for_one_other_child_fails_restart: only from the failing one on") {
  world w{with(strategy::rest_for_one, 5), {child("a"), child("b"), child("c"), child("d")}};
  w.boot();
  w.happened();
  w.fails = {"c"};
  w.crash("b");
  CHECK(w.happened() == "stop d, stop c, start b, start c");
  w.fails = {};
  w.tick();
  CHECK(w.happened() == "start c, start d");
  CHECK(w.view("b").incarnation == 2);
}

TEST_CASE("temporary_bystander: killed by a group restart, not restarted, no budget, no spec left") {
  world w{with(strategy::one_for_all, 1), {child("a"), child("t", restart_policy::temporary)}};
  w.boot();
  w.happened();
  w.crash("a");
  CHECK(w.happened() == "stop t, start a");
  CHECK(w.machine().size() == 1);
  CHECK_FALSE(w.end);
}

TEST_CASE("a temporary child that fails takes nobody along") {
  world w{with(strategy::one_for_all, 0), {child("a"), child("t", restart_policy::temporary)}};
  w.boot();
  w.crash("t");
  CHECK(w.running() == "a");
}

TEST_CASE("a transient child stopped by a group restart comes back with the group") {
  world w{with(strategy::one_for_all), {child("a"), child("t", restart_policy::transient)}};
  w.boot();
  w.crash("a");
  CHECK(w.running() == "a t");
  w.exits("t", exit_reason::normal());
  CHECK(w.running() == "a");
  w.crash("a");                                    // as in OTP, a stopped sibling starts with its group
  CHECK(w.running() == "a t");
}

TEST_CASE("a child that fails while its group is being restarted is no further incident") {
  world w{with(strategy::one_for_all, 1), {child("a"), child("b"), child("c")}};
  w.boot();
  w.ignores_asking = {"c"};
  w.happened();
  w.crash("b");
  CHECK(w.happened() == "stop c");
  w.crash("a");                                    // its turn to be stopped had not come
  w.exits("c", exit_reason::abnormal("late"));
  CHECK(w.happened() == "start a, start b, start c");
  CHECK_FALSE(w.end);
}

TEST_CASE("restart_limit of a nested supervisor is abnormal: a transient one comes back, counted by its cause") {
  auto nested = child("s", restart_policy::transient);
  nested.kind = child_kind::supervisor;
  world w{with(strategy::one_for_one), {nested}};
  w.boot();
  auto reason = exit_reason::abnormal("more than 1 restarts within 5000 ms");
  reason.restart_limit = true;
  w.exits("s", reason);
  CHECK(w.running() == "s");
  CHECK(w.view("s").restarts[static_cast<std::size_t>(restart_cause::restart_limit)] == 1);
}

TEST_CASE("back-off doubles to the maximum and resets after quiet time") {
  auto c = child("a");
  c.restart_backoff = backoff{100ms, 400ms, 2, 0, 10s};
  world w{with(strategy::one_for_one, 100, 1s), {c, child("b")}};
  w.boot();
  for (const auto delay : {100ms, 200ms, 400ms, 400ms}) {
    w.crash("a");
    CHECK(w.view("a").state == child_state::restarting);
    CHECK(w.view("a").restart_in == delay);
    CHECK(w.machine().size() == 2);                // count_restarting_children: present, not active
    CHECK(w.machine().active() == 1);
    w.advance(delay - 1ms);
    CHECK(w.running() == "b");
    w.advance(1ms);
    CHECK(w.running() == "a b");
  }
  w.advance(10s);
  w.crash("a");
  CHECK(w.view("a").restart_in == 100ms);
}

TEST_CASE("back-off delay: table, jitter and overflow") {
  const backoff plain{100ms, 10s, 2, 0, 0ms};
  CHECK(backoff_delay(plain, 1, 0) == 100ms);
  CHECK(backoff_delay(plain, 2, 0) == 200ms);
  CHECK(backoff_delay(plain, 7, 0) == 6400ms);
  CHECK(backoff_delay(plain, 8, 0) == 10s);
  CHECK(backoff_delay(plain, 2147483647, 0.5) == 10s);
  const backoff spread{100ms, 10s, 2, 0.2, 0ms};
  CHECK(backoff_delay(spread, 1, 0) == 80ms);
  CHECK(backoff_delay(spread, 1, 0.5) == 100ms);
  CHECK(backoff_delay(spread, 1, 0.999999) == 120ms);
  CHECK(backoff_delay(spread, 50, 0.999999) == 10s);
  CHECK(backoff_delay(spread, 50, 0) == 8s);       // spread also at its maximum, so that children do not restart in step
}

TEST_CASE("a group waits for the back-off of the child that failed, and nobody starts before") {
  auto c = child("b");
  c.restart_backoff = backoff{1s, 10s, 2, 0, 60s};
  world w{with(strategy::one_for_all), {child("a"), c, child("d")}};
  w.boot();
  w.happened();
  w.crash("b");
  CHECK(w.happened() == "stop d, stop a");
  w.advance(999ms);
  CHECK(w.happened().empty());
  w.advance(1ms);
  CHECK(w.happened() == "start a, start b, start d");
}

TEST_CASE("a child that declines its restart is stopped") {
  world w{with(strategy::one_for_one), {child("a"), child("b")}};
  w.boot();
  w.declines = {"a"};
  w.crash("a");
  CHECK(w.in(child_state::stopped) == "a");
  CHECK(w.running() == "b");
}
