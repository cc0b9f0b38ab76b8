#include "tests/unit/supervision/world.hpp"

using namespace flott::supervision;
using namespace flott::supervision::test;

TEST_CASE("code_change, code_change_map: an invalid change is refused by name, and everything stays as it was") {
  world w{with(strategy::one_for_one, 1), {child("a"), child("b")}};
  w.boot();
  const auto twice = w.machine().change(with(strategy::one_for_all, 5), {child("a"), child("a")});
  CHECK_THAT(twice.error().to_string(), Catch::Contains("twice"));
  auto endless = with(strategy::one_for_all, 5);
  endless.intensity.period = 0ms;
  CHECK_THAT(w.machine().change(endless, {child("a")}).error().to_string(), Catch::Contains("intensity.period"));
  w.happened();
  w.crash("a");
  CHECK(w.happened() == "start a");                // one_for_one, as before
  w.crash("a");
  CHECK(w.end);                                    // and one restart, as before
}

TEST_CASE("code_change: added children are not started by it, removed ones not stopped") {
  world w{with(strategy::one_for_one), {child("a"), child("b")}};
  w.boot();
  w.happened();
  REQUIRE(w.machine().change(with(strategy::one_for_one), {child("b"), child("c")}).ok());
  CHECK(w.happened().empty());
  CHECK(w.running() == "a b");
  CHECK(w.in(child_state::stopped) == "c");
  CHECK(w.answer(w.restart("c")) == outcome::ok);
  CHECK(w.running() == "a b c");
  w.crash("a");                                    // goes on as it was
  CHECK(w.running() == "a b c");
}

TEST_CASE("code_change: changed values count from the next time") {
  world w{with(strategy::one_for_one, 1), {child("a"), child("b")}};
  w.boot();
  auto slow = child("a");
  slow.restart_backoff = backoff{1s, 1s, 1, 0, 60s};
  auto temporary = child("b", restart_policy::temporary);
  REQUIRE(w.machine().change(with(strategy::one_for_one, 3), {slow, temporary}).ok());
  CHECK(w.view("a").incarnation == 1);
  w.crash("b");
  CHECK(w.machine().size() == 1);
  w.crash("a");
  CHECK(w.view("a").restart_in == 1s);
  w.advance(1s);
  w.crash("a");
  w.advance(1s);
  CHECK(w.running() == "a");                       // the new budget
}

TEST_CASE("code_change: the strategy may change, but not from or to a pool") {
  world w{with(strategy::one_for_one), {child("a"), child("b")}};
  w.boot();
  REQUIRE(w.machine().change(with(strategy::one_for_all), {child("a"), child("b")}).ok());
  w.happened();
  w.crash("a");
  CHECK(w.happened() == "stop b, start a, start b");
  CHECK_THAT(w.machine().change(with(strategy::pool), {child("a")}).error().to_string(), Catch::Contains("pool"));
}

TEST_CASE("code_change_simple, code_change_simple_map: a pool's spec counts for all its children, from the next time") {
  world w{with(strategy::pool), {child("worker")}};
  w.boot();
  w.add_to_pool();
  REQUIRE(w.machine().change(with(strategy::pool), {child("worker", restart_policy::temporary)}).ok());
  w.crash("1");
  CHECK(w.machine().size() == 0);
  CHECK_FALSE(w.machine().change(with(strategy::pool), {child("a"), child("b")}).ok());
}

namespace {

child_options marked(const std::string& id, bool significant) {
  auto options = child(id, restart_policy::transient);
  options.significant = significant;
  return options;
}

supervisor_options ending(auto_shutdown when) {
  auto options = with(strategy::one_for_one);
  options.auto_shutdown = when;
  return options;
}

/// A supervisor with two like children, s and t, that was changed from one mode to another; then s ends for good.
world changed(auto_shutdown from, auto_shutdown to) {
  const bool before = from != auto_shutdown::never, after = to != auto_shutdown::never;
  world w{ending(from), {marked("s", before), marked("t", before)}};
  w.boot();
  w.happened();
  REQUIRE(w.machine().change(ending(to), {marked("s", after), marked("t", after)}).ok());
  CHECK(w.happened().empty());                     // starts and stops nobody
  w.exits("s", exit_reason::normal());
  return w;
}

}  // namespace

TEST_CASE("significant_upgrade_never_any, significant_upgrade_all_any: the first end counts") {
  CHECK(changed(auto_shutdown::never, auto_shutdown::any_significant).end);
  CHECK(changed(auto_shutdown::all_significant, auto_shutdown::any_significant).end);
}

TEST_CASE("significant_upgrade_never_all, significant_upgrade_any_all: the last end counts") {
  for (const auto from : {auto_shutdown::never, auto_shutdown::any_significant}) {
    auto w = changed(from, auto_shutdown::all_significant);
    CHECK_FALSE(w.end);
    w.exits("t", exit_reason::normal());
    CHECK(w.end);
  }
}

TEST_CASE("significant_upgrade_any_never, significant_upgrade_all_never: no end counts") {
  for (const auto from : {auto_shutdown::any_significant, auto_shutdown::all_significant}) {
    auto w = changed(from, auto_shutdown::never);
    w.exits("t", exit_reason::normal());
    CHECK_FALSE(w.end);
  }
}

TEST_CASE("significant_upgrade_child: one child is marked, or no longer") {
  const auto when = GENERATE(auto_shutdown::any_significant, auto_shutdown::all_significant);
  world w{ending(when), {marked("s", false), marked("t", false)}};
  w.boot();
  SECTION("the mode alone counts nobody") {
    w.exits("s", exit_reason::normal());
    CHECK_FALSE(w.end);
  }
  SECTION("marked") {
    REQUIRE(w.machine().change(ending(when), {marked("s", true), marked("t", false)}).ok());
    w.exits("t", exit_reason::normal());
    CHECK_FALSE(w.end);
    w.exits("s", exit_reason::normal());
    CHECK(w.end);
  }
  SECTION("no longer marked") {
    REQUIRE(w.machine().change(ending(when), {marked("s", true)}).ok());
    REQUIRE(w.machine().change(ending(when), {marked("s", false)}).ok());
    w.exits("s", exit_reason::normal());
    CHECK_FALSE(w.end);
  }
  SECTION("marked under never is refused, also where the one that is marked has no spec any more") {
    CHECK_FALSE(w.machine().change(ending(auto_shutdown::never), {marked("s", true)}).ok());
    REQUIRE(w.machine().change(ending(when), {marked("s", true)}).ok());
    const auto refused = w.machine().change(ending(auto_shutdown::never), {});
    CHECK_THAT(refused.error().to_string(), Catch::Contains("'s'") && Catch::Contains("significant"));
    CHECK(w.machine().change(ending(auto_shutdown::never), {marked("s", false)}).ok());
  }
}

TEST_CASE("code_change_simple: the children of a pool keep their ids, and the next one is of the new spec") {
  world w{with(strategy::pool), {child("worker")}};
  w.boot();
  w.add_to_pool();
  REQUIRE(w.machine().change(with(strategy::pool), {child("other", restart_policy::temporary)}).ok());
  w.add_to_pool();
  CHECK(w.running() == "1 2");
  w.crash("2");
  CHECK(w.running() == "1");
  w.crash("1");
  CHECK(w.machine().size() == 0);
}

TEST_CASE("code_change: who waits alone when its supervisor becomes a group waits with the group") {
  const auto second = GENERATE(5'000ms, 500ms);
  auto a = child("a"), b = child("b");
  a.restart_backoff = backoff{1s, 1s, 1, 0, 60s};
  b.restart_backoff = backoff{second, second, 1, 0, 60s};
  world w{with(strategy::one_for_one), {a, b}};
  w.boot();
  w.crash("a");
  REQUIRE(w.machine().change(with(strategy::one_for_all), {a, b}).ok());
  w.happened();
  w.crash("b");
  w.advance(std::max<milliseconds>(1s, second) - 1ms);
  CHECK(w.happened().empty());
  w.advance(1ms);
  CHECK(w.happened() == "start a, start b");
}
