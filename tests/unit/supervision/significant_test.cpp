#include "tests/unit/supervision/world.hpp"

using namespace flott::supervision;
using namespace flott::supervision::test;

// OTP's "significant" group.

namespace {

child_options significant(std::string id, restart_policy restart = restart_policy::transient) {
  auto options = child(std::move(id), restart);
  options.significant = true;
  return options;
}

supervisor_options ending(auto_shutdown when, strategy how = strategy::one_for_one) {
  auto options = with(how);
  options.auto_shutdown = when;
  return options;
}

}  // namespace

TEST_CASE("any_significant: the first significant child that ends for good ends the supervisor, with reason shutdown") {
  const auto how = GENERATE(strategy::one_for_one, strategy::one_for_all, strategy::rest_for_one);
  world w{ending(auto_shutdown::any_significant, how), {child("a"), significant("s"), significant("t"), child("b")}};
  w.boot();
  w.happened();
  w.exits("s", exit_reason::normal());
  CHECK(w.happened() == "stop b, stop t, stop a");
  REQUIRE(w.end);
  CHECK(w.end->kind == exit_kind::shutdown);
  CHECK_FALSE(w.end->restart_limit);
  CHECK(w.end->text == "auto_shutdown: s ended");
  CHECK(w.count(report_kind::auto_shutdown) == 1);
}

TEST_CASE("all_significant: the last significant child that ends for good ends the supervisor") {
  world w{ending(auto_shutdown::all_significant),
          {significant("s"), significant("t", restart_policy::temporary), child("a")}};
  w.boot();
  w.exits("t", exit_reason::abnormal("boom"));
  CHECK(w.running() == "s a");
  w.exits("s", exit_reason::shutdown());
  REQUIRE(w.end);
  CHECK(w.end->kind == exit_kind::shutdown);
}

TEST_CASE("all_significant: one that waits for its restart has not ended for good") {
  auto slow = significant("s");
  slow.restart_backoff = backoff{1s, 1s, 1, 0, 60s};
  world w{ending(auto_shutdown::all_significant), {slow, significant("t")}};
  w.boot();
  w.crash("s");
  w.exits("t", exit_reason::normal());
  CHECK_FALSE(w.end);
  w.advance(1s);
  CHECK(w.running() == "s");
  w.exits("s", exit_reason::normal());
  CHECK(w.end);
}

TEST_CASE("significant_transient: a transient child counts when it ends normally, and is restarted otherwise") {
  world w{ending(auto_shutdown::any_significant), {significant("s"), child("a")}};
  w.boot();
  w.crash("s");
  CHECK_FALSE(w.end);
  CHECK(w.view("s").incarnation == 2);
  w.exits("s", GENERATE(exit_reason::normal(), exit_reason::shutdown(), exit_reason::shutdown("done")));
  CHECK(w.end);
}

TEST_CASE("significant_temporary: a temporary child counts however it ends") {
  const auto how = GENERATE(exit_reason::normal(), exit_reason::shutdown(), exit_reason::abnormal("boom"));
  world w{ending(auto_shutdown::any_significant), {significant("s", restart_policy::temporary), child("a")}};
  w.boot();
  w.exits("s", how);
  REQUIRE(w.end);
  CHECK(w.end->kind == exit_kind::shutdown);
}

TEST_CASE("nonsignificant_temporary, nonsignificant_transient: the end of a child that is not does not count") {
  const auto when = GENERATE(auto_shutdown::any_significant, auto_shutdown::all_significant);
  world w{ending(when), {significant("s"), child("x", restart_policy::transient), child("y", restart_policy::temporary)}};
  w.boot();
  w.exits("x", exit_reason::normal());
  w.exits("y", exit_reason::normal());
  CHECK(w.running() == "s");
  CHECK_FALSE(w.end);
}

TEST_CASE("significant: one that the supervisor stopped on request does not count") {
  const auto when = GENERATE(auto_shutdown::any_significant, auto_shutdown::all_significant);
  world w{ending(when), {significant("s"), child("a")}};
  w.boot();
  w.terminate("s");
  CHECK(w.running() == "a");
  CHECK_FALSE(w.end);
  SECTION("it may start again, and then counts") {
    w.restart("s");
    w.exits("s", exit_reason::normal());
    CHECK(w.end);
  }
}

TEST_CASE("significant_bystander: one that a sibling's restart stopped does not count, not even a temporary one") {
  world w{ending(auto_shutdown::any_significant, strategy::one_for_all),
          {child("a"), significant("s"), significant("t", restart_policy::temporary)}};
  w.boot();
  w.crash("a");
  CHECK_FALSE(w.end);
  CHECK(w.running() == "a s");
}

TEST_CASE("significant: a child added while running counts as well") {
  world w{ending(auto_shutdown::any_significant), {child("a")}};
  w.boot();
  CHECK(w.answer(w.add(significant("s"))) == outcome::ok);
  w.exits("s", exit_reason::normal());
  CHECK(w.end);
}

TEST_CASE("significant: an end while the supervisor stops anyway does not change its reason") {
  world w{ending(auto_shutdown::any_significant), {significant("s"), child("a")}};
  w.ignores_asking = {"a"};
  w.boot();
  w.stop();
  w.exits("s", exit_reason::normal());
  w.advance(10s);
  REQUIRE(w.end);
  CHECK(w.end->text == "shutdown");
}

TEST_CASE("significant_escalation: propagates upward level by level") {
  world below{ending(auto_shutdown::any_significant), {significant("s")}};
  below.boot();
  below.exits("s", exit_reason::normal());
  REQUIRE(below.end);
  auto nested = significant("below");
  nested.kind = child_kind::supervisor;
  world above{ending(auto_shutdown::any_significant), {nested, child("a")}};
  above.boot();
  above.exits("below", *below.end);
  REQUIRE(above.end);
  CHECK(above.end->kind == exit_kind::shutdown);
}

TEST_CASE("significant_simple: combinations that make no sense are refused by name, so are pools") {
  CHECK_THAT(validate(significant("s", restart_policy::permanent)).error().to_string(), Catch::Contains("significant"));
  CHECK_THAT(validate(with(strategy::one_for_one), {significant("s")}).error().to_string(),
             Catch::Contains("auto_shutdown: never"));
  CHECK_THAT(validate(ending(auto_shutdown::any_significant, strategy::pool), {child("s", restart_policy::temporary)})
               .error().to_string(), Catch::Contains("pool"));
  CHECK_FALSE(validate(with(strategy::pool), {significant("s")}));
  CHECK(validate(ending(auto_shutdown::any_significant), {significant("s")}).ok());
  CHECK(validate(ending(auto_shutdown::any_significant), {child("a")}).ok());
  world w{with(strategy::one_for_one), {child("a")}};
  w.boot();
  CHECK(w.answer(w.add(significant("s"))) == outcome::bad_spec);
}
