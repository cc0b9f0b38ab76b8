#include "tests/unit/supervision/world.hpp"

using namespace flott::supervision;
using namespace flott::supervision::test;

TEST_CASE("code_change: an invalid change is refused by name, and everything stays as it was") {
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

TEST_CASE("code_change_simple: a pool's spec counts for all its children, from the next time") {
  world w{with(strategy::pool), {child("worker")}};
  w.boot();
  w.add_to_pool();
  REQUIRE(w.machine().change(with(strategy::pool), {child("worker", restart_policy::temporary)}).ok());
  w.crash("1");
  CHECK(w.machine().size() == 0);
  CHECK_FALSE(w.machine().change(with(strategy::pool), {child("a"), child("b")}).ok());
}

TEST_CASE("significant, upgrades: auto_shutdown and significant can be changed live") {
  auto flags = with(strategy::one_for_one);
  auto s = child("s", restart_policy::transient);
  world w{flags, {s, child("a")}};
  w.boot();
  SECTION("switched on") {
    flags.auto_shutdown = auto_shutdown::any_significant;
    s.significant = true;
    REQUIRE(w.machine().change(flags, {s, child("a")}).ok());
    w.exits("s", exit_reason::normal());
    CHECK(w.end);
  }
  SECTION("the flag alone changes nothing") {
    flags.auto_shutdown = auto_shutdown::all_significant;
    REQUIRE(w.machine().change(flags, {s, child("a")}).ok());
    w.exits("s", exit_reason::normal());
    CHECK_FALSE(w.end);
  }
  SECTION("significant without the flag is refused") {
    s.significant = true;
    CHECK_FALSE(w.machine().change(flags, {s, child("a")}).ok());
  }
  SECTION("switched off again, and between any and all") {
    auto t = child("t", restart_policy::transient);
    s.significant = t.significant = true;
    flags.auto_shutdown = auto_shutdown::any_significant;
    REQUIRE(w.machine().change(flags, {s, t}).ok());
    CHECK(w.answer(w.restart("t")) == outcome::ok);
    auto off = flags;
    off.auto_shutdown = auto_shutdown::never;
    CHECK_FALSE(w.machine().change(off, {s, t}).ok());       // they are still marked
    CHECK_FALSE(w.machine().change(off, {}).ok());           // and without a spec they stay as they were
    flags.auto_shutdown = auto_shutdown::all_significant;
    REQUIRE(w.machine().change(flags, {s, t}).ok());
    w.exits("s", exit_reason::normal());
    CHECK_FALSE(w.end);
    t.significant = false;
    REQUIRE(w.machine().change(flags, {t}).ok());
    w.exits("t", exit_reason::normal());
    CHECK_FALSE(w.end);
  }
}
