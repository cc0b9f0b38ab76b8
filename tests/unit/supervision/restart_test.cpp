#include "tests/unit/supervision/world.hpp"

using namespace flott::supervision;
using namespace flott::supervision::test;

namespace {

const auto any_normal_end = {exit_reason::normal(), exit_reason::shutdown(), exit_reason::shutdown("with info")};

/// One child of this policy, with a sibling, after it has ended in this way.
world ended(restart_policy restart, exit_reason how) {
  world w{with(strategy::one_for_one, 1), {child("a", restart), child("b")}};
  w.boot();
  w.happened();
  w.exits("a", std::move(how));
  return w;
}

}  // namespace

TEST_CASE("permanent_normal, permanent_shutdown, permanent_abnormal: a permanent child always comes back") {
  for (const auto& how : any_normal_end) {
    const auto w = ended(restart_policy::permanent, how);
    CHECK(w.running() == "a b");
    CHECK(w.view("a").incarnation == 2);
    CHECK(w.view("a").restarts[static_cast<std::size_t>(restart_cause::exit)] == 1);
    CHECK(w.view("a").last_failure.empty());
  }
  const auto w = ended(restart_policy::permanent, exit_reason::abnormal("boom"));
  CHECK(w.running() == "a b");
  CHECK(w.view("a").restarts[static_cast<std::size_t>(restart_cause::failure)] == 1);
}

TEST_CASE("transient_normal, transient_shutdown, transient_abnormal: a transient child comes back after an abnormal end") {
  for (const auto& how : any_normal_end) {
    const auto w = ended(restart_policy::transient, how);
    CHECK(w.running() == "b");
    CHECK(w.in(child_state::stopped) == "a");      // its spec stays
  }
  const auto w = ended(restart_policy::transient, exit_reason::abnormal("boom"));
  CHECK(w.running() == "a b");
  CHECK(w.view("a").last_failure == "boom");
  CHECK(w.view("a").incarnation == 2);
}

TEST_CASE("temporary_normal, temporary_shutdown, temporary_abnormal: a temporary child never comes back, nor is its spec kept") {
  for (const auto& how : {exit_reason::normal(), exit_reason::shutdown(), exit_reason::shutdown("with info"),
                          exit_reason::abnormal("boom")}) {
    auto w = ended(restart_policy::temporary, how);
    CHECK(w.running() == "b");
    CHECK(w.machine().size() == 1);
    CHECK(w.count(report_kind::child_restarted) == 0);
    w.crash("b");                                  // and the budget is untouched
    CHECK(w.running() == "b");
  }
}

TEST_CASE("SupervisorSpec, failing child is known: by its id, its life and what it said") {
  const auto w = ended(restart_policy::permanent, exit_reason::abnormal("boom"));
  const auto found = std::find_if(w.reports.begin(), w.reports.end(),
                                  [](auto& r) { return r.kind == report_kind::child_exited; });
  REQUIRE(found != w.reports.end());
  CHECK(found->child == "a");
  CHECK(found->incarnation == 1);
  CHECK(found->cause == restart_cause::failure);
  CHECK(found->text == "boom");
}

TEST_CASE("one_for_one, SupervisionSpec, max restarts, SupervisionTests, n restarts in the window: siblings keep their identity; the (n+1)th failure within the window ends the supervisor") {
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

TEST_CASE("multiple_restarts, SupervisionSpec, limit resets after the window: failures spaced wider than the window never use up the budget") {
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

TEST_CASE("RestartStrategySpec, not more restarts than allowed: counted per supervisor, not per child") {
  world w{with(strategy::one_for_one, 1, 5s), {child("a"), child("b")}};
  w.boot();
  w.crash("a");
  w.crash("b");
  REQUIRE(w.end);
  CHECK(w.end->restart_limit);
}

TEST_CASE("SupervisionSpec, limit 0: stops at the first failure") {
  world w{with(strategy::one_for_one, 0), {child("a")}};
  w.boot();
  w.crash("a");
  CHECK(w.end);
}

TEST_CASE("one_for_one_escalation, one_for_all_escalation, rest_for_one_escalation: a restart that keeps failing uses the same budget, then takes the siblings along") {
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
  CHECK(w.reports.back().kind == report_kind::child_restarted);
  CHECK(w.reports.back().child == "c");
  CHECK(w.reports.back().cause == restart_cause::group);
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

TEST_CASE("a restart that two incidents want is one restart") {
  world w{with(strategy::rest_for_one), {child("a"), child("b"), child("c")}};
  w.boot();
  w.ignores_asking = {"c"};
  w.crash("b");
  w.crash("a");
  w.happened();
  w.exits("c", exit_reason::shutdown());
  CHECK(w.happened() == "start a, start b, start c");
  CHECK(w.view("c").restarts[static_cast<std::size_t>(restart_cause::group)] == 1);
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

TEST_CASE("SupervisionSpec, back-off: doubles to the maximum and resets after quiet time") {
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

TEST_CASE("BackoffSupervisorSpec, delay table: jitter, maximum and overflow (restart count 2^31-1)") {
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

TEST_CASE("BackoffSupervisorSpec, manual reset: a restart on request begins the back-off anew") {
  auto c = child("a");
  c.restart_backoff = backoff{100ms, 10s, 2, 0, 60s};
  world w{with(strategy::one_for_one, 100, 1s), {c}};
  w.boot();
  for (const auto delay : {100ms, 200ms}) {
    w.crash("a");
    w.advance(delay);
  }
  w.crash("a");
  CHECK(w.view("a").restart_in == 400ms);
  w.terminate("a");
  CHECK(w.answer(w.restart("a")) == outcome::ok);
  w.crash("a");
  CHECK(w.view("a").restart_in == 100ms);
}

TEST_CASE("BackoffSupervisorSpec, count query: restarts are counted by cause for as long as the spec is kept") {
  world w{with(strategy::one_for_one, 100), {child("a")}};
  w.boot();
  w.crash("a");
  w.exits("a", exit_reason::normal());
  w.exits("a", exit_reason::normal());
  w.terminate("a");
  w.restart("a");                                  // asked for: not one of them
  restart_counts expected{};
  expected[static_cast<std::size_t>(restart_cause::failure)] = 1;
  expected[static_cast<std::size_t>(restart_cause::exit)] = 2;
  CHECK(w.view("a").restarts == expected);
  CHECK(w.view("a").incarnation == 5);
}

TEST_CASE("SupervisionSpec, two back-offs: those of two children do not disturb each other") {
  auto a = child("a"), b = child("b");
  a.restart_backoff = backoff{300ms, 10s, 2, 0, 60s};
  b.restart_backoff = backoff{100ms, 10s, 2, 0, 60s};
  world w{with(strategy::one_for_one, 100), {a, b}};
  w.boot();
  w.crash("a");
  w.advance(50ms);
  w.crash("b");
  CHECK(w.view("a").restart_in == 250ms);
  w.advance(100ms);
  CHECK(w.running() == "b");
  w.crash("b");
  CHECK(w.view("b").restart_in == 200ms);
  w.advance(150ms);
  CHECK(w.running() == "a");
  w.advance(50ms);
  CHECK(w.running() == "a b");
}

TEST_CASE("a timer that fires early or for nothing changes nothing") {
  auto c = child("a");
  c.restart_backoff = backoff{1s, 1s, 1, 0, 60s};
  const auto how = GENERATE(strategy::one_for_one, strategy::one_for_all);
  world w{with(how), {c, child("b")}};
  w.boot();
  CHECK(w.machine().timer_fired(w.now).empty());
  w.crash("a");
  const auto again = w.machine().timer_fired(w.now);
  REQUIRE(again.size() == 1);                      // only asks for the one that is still to come
  CHECK(std::get<arm_timer>(again.front()).at == w.now + 1s);
  CHECK(w.view("a").state == child_state::restarting);
  w.terminate("a");
  CHECK(w.machine().timer_fired(w.now).empty() == (how == strategy::one_for_one));   // nothing is to come, but for a group
}

TEST_CASE("one timer starts a whole group") {
  auto c = child("a");
  c.restart_backoff = backoff{1s, 1s, 1, 0, 60s};
  world w{with(strategy::one_for_all), {c, child("b"), child("c")}};
  w.boot();
  w.crash("a");
  w.happened();
  w.now += 1s;
  w.tick();
  CHECK(w.happened() == "start a, start b, start c");
  CHECK(w.machine().timer_fired(w.now).empty());
}

TEST_CASE("what comes twice, too late or from another life changes nothing") {
  world w{with(strategy::one_for_one, 1), {child("a")}};
  w.boot();
  auto& machine = w.machine();
  const auto key = machine.find("a").value();
  const auto boom = exit_reason::abnormal("boom");
  CHECK(machine.child_started(key, 1, w.now).empty());
  CHECK(machine.child_declined(key, 1, w.now).empty());
  CHECK(machine.child_start_failed(key, 1, "late", w.now).empty());
  for (const std::uint64_t life : {0u, 2u})
    CHECK(machine.child_exited(key, life, boom, w.now).empty());
  CHECK(machine.child_exited(key + 1, 1, boom, w.now).empty());
  w.terminate("a");
  CHECK(machine.child_exited(key, 1, boom, w.now).empty());
  CHECK(machine.child_started(key, 1, w.now).empty());
  CHECK(machine.active() == 0);
  CHECK(w.in(child_state::stopped) == "a");
  CHECK(w.view("a").last_failure.empty());
}

TEST_CASE("a life that was killed leaves nothing to the next: its limits are its own") {
  auto c = child("a");
  c.start_limit = 2s;
  c.retry_first_start = true;
  world w{with(strategy::one_for_one, 10), {c}};
  w.slow_to_start = {"a"};
  w.boot();
  w.advance(2s);                                   // killed for its start limit, and started again
  CHECK(w.happened() == "start a, kill a, start a");
  w.slow_to_start = {};
  w.ready("a");
  w.crash("a");                                    // a failure, not a failed start
  CHECK(w.view("a").restarts[static_cast<std::size_t>(restart_cause::failure)] == 1);
  CHECK(w.view("a").restarts[static_cast<std::size_t>(restart_cause::start_failed)] == 1);
  w.ignores_asking = {"a"};
  w.terminate("a");
  w.advance(5s);
  w.happened();
  w.slow_to_start = {"a"};
  w.restart("a");
  w.advance(2s);
  CHECK(w.happened() == "start a, kill a, start a");         // killed first, and not abandoned at once
  CHECK(w.view("a").abandoned == 0);
}

TEST_CASE("rotor 024, factory fails: with each restart policy, at the first start and at a restart") {
  const auto restart = GENERATE(restart_policy::permanent, restart_policy::transient, restart_policy::temporary);
  world w{with(strategy::one_for_one, 2), {child("z")}};
  w.boot();
  w.fails = {"a"};
  CHECK(w.answer(w.add(child("a", restart))) == outcome::start_failed);
  CHECK(w.machine().size() == 1);
  w.fails = {};
  CHECK(w.answer(w.add(child("a", restart))) == outcome::ok);
  w.fails = {"a"};
  w.crash("a");
  if (restart == restart_policy::temporary) {
    CHECK(w.machine().size() == 1);
    return;
  }
  CHECK(w.in(child_state::restarting) == "a");
  SECTION("once: it comes back") {
    w.fails = {};
    w.tick();
    CHECK(w.running() == "z a");
  }
  SECTION("for ever: its supervisor gives up") {
    w.tick();
    REQUIRE(w.end);
    CHECK(w.end->restart_limit);
    CHECK_THAT(w.end->text, Catch::EndsWith("last: a: no a"));
  }
}
