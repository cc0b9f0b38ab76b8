#include "tests/unit/supervision/world.hpp"

using namespace flott::supervision;
using namespace flott::supervision::test;

TEST_CASE("child_adm: start, terminate, restart, delete, what each refuses, and the counts after each") {
  world w{with(strategy::one_for_one), {}};
  w.boot();
  const auto counts = [&] { return w.machine().counts(); };
  CHECK(counts() == child_counts{0, 0, 0, 0});
  CHECK(w.answer(w.add(child("a"))) == outcome::ok);
  CHECK(counts() == child_counts{1, 1, 0, 1});
  const auto again = w.add(child("a"));
  CHECK(w.answer(again) == outcome::already_started);
  CHECK(w.answers.at(again).key == w.machine().find("a"));
  CHECK(w.answer(w.restart("a")) == outcome::running);
  CHECK(w.answer(w.remove("a")) == outcome::running);
  CHECK(w.answer(w.terminate("a")) == outcome::ok);
  CHECK(counts() == child_counts{1, 0, 0, 1});
  CHECK(w.answer(w.terminate("a")) == outcome::ok);        // idempotent
  CHECK(counts() == child_counts{1, 0, 0, 1});
  CHECK(w.answer(w.add(child("a"))) == outcome::already_present);
  CHECK(w.answer(w.restart("a")) == outcome::ok);
  CHECK(counts() == child_counts{1, 1, 0, 1});
  CHECK(w.running() == "a");
  w.terminate("a");
  CHECK(w.answer(w.remove("a")) == outcome::ok);
  CHECK(counts() == child_counts{0, 0, 0, 0});
  for (const auto request : {w.terminate("a"), w.restart("a"), w.remove("a"), w.terminate(child_key{1})})
    CHECK(w.answer(request) == outcome::not_found);
  CHECK(w.answer(w.add(child("a"))) == outcome::ok);
  CHECK(w.machine().find("a") == child_key{2});            // a key is never used again
}

TEST_CASE("a terminated temporary child leaves no spec") {
  world w{with(strategy::one_for_one), {}};
  w.boot();
  w.add(child("t", restart_policy::temporary));
  CHECK(w.answer(w.terminate("t")) == outcome::ok);
  CHECK(w.machine().size() == 0);
}

TEST_CASE("terminate is answered when the child is down or abandoned") {
  world w{with(strategy::one_for_one), {child("a")}};
  w.immortal = {"a"};
  w.boot();
  const auto first = w.terminate("a");
  w.advance(1s);
  const auto second = w.terminate("a");            // does not ask again, nor give it more time
  CHECK_FALSE(w.answered(first));
  w.advance(4s);
  CHECK(w.happened() == "start a, stop a, kill a");
  CHECK_FALSE(w.answered(first));
  w.advance(500ms);
  CHECK(w.answer(first) == outcome::ok);
  CHECK(w.answer(second) == outcome::ok);
}

TEST_CASE("hanging_restart_loop, hanging_restart_loop_rest_for_one: during a restart loop the supervisor answers") {
  const auto how = GENERATE(strategy::one_for_one, strategy::rest_for_one, strategy::one_for_all);
  world w{with(how, 1'000'000, 5s), {child("a"), child("b")}};
  w.boot();
  w.fails = {"a"};
  w.crash("a");
  for (int i = 0; i < 100; ++i)
    w.tick();
  CHECK(w.view("a").state == child_state::restarting);
  CHECK(w.answer(w.add(child("a"))) == outcome::already_present);
  CHECK(w.answer(w.restart("a")) == outcome::restarting);
  CHECK(w.answer(w.remove("a")) == outcome::restarting);
  CHECK(w.answer(w.terminate("a")) == outcome::ok);        // stops the loop
  w.happened();
  w.advance(1s);
  CHECK(w.in(child_state::stopped) == "a");
  CHECK(w.running() == "b");
  w.stop();
  CHECK(w.end);
}

TEST_CASE("shutdown completes during a restart loop") {
  world w{with(strategy::one_for_one, 1'000'000, 5s), {child("a"), child("b")}};
  w.boot();
  w.fails = {"a"};
  w.crash("a");
  w.tick();
  w.stop();
  REQUIRE(w.end);
  CHECK(w.end->kind == exit_kind::shutdown);
}

TEST_CASE("CoordinatedShutdownSpec, nothing joins late: requests to a supervisor that ends are refused, those under way are answered") {
  world w{with(strategy::one_for_one), {child("a"), child("z")}};
  w.ignores_asking = {"z"};
  w.boot();
  w.slow_to_start = {"n"};
  const auto under_way = w.add(child("n"));
  w.stop();
  CHECK(w.answer(under_way) == outcome::stopping);
  CHECK(w.answer(w.add(child("m"))) == outcome::stopping);
  CHECK(w.answer(w.restart("a")) == outcome::stopping);
  const auto terminate = w.terminate("a");
  w.advance(5s);
  CHECK(w.answer(terminate) == outcome::ok);
  CHECK(w.end);
}

TEST_CASE("rotor 023, shut down during init: terminate while starting, the one who started it hears so") {
  world w{with(strategy::one_for_one), {}};
  w.boot();
  w.slow_to_start = {"n"};
  const auto start = w.add(child("n"));
  const auto terminate = w.terminate("n");
  CHECK(w.answer(start) == outcome::terminated);
  CHECK(w.answer(terminate) == outcome::ok);
  CHECK(w.in(child_state::stopped) == "n");
}

TEST_CASE("terminate during a group restart keeps the order and leaves that child stopped") {
  world w{with(strategy::one_for_all), {child("a"), child("b"), child("c")}};
  w.ignores_asking = {"c"};
  w.boot();
  w.happened();
  w.crash("b");
  const auto request = w.terminate("a");
  CHECK(w.happened() == "stop c");
  w.exits("c", exit_reason::shutdown());
  CHECK(w.happened() == "stop a, start b, start c");
  CHECK(w.answer(request) == outcome::ok);
  CHECK(w.in(child_state::stopped) == "a");
}

TEST_CASE("terminate while the boot waits for a retry: the boot goes on at once") {
  auto flaky = child("a");
  flaky.retry_first_start = true;
  flaky.restart_backoff = backoff{1s, 1s, 1, 0, 60s};
  world w{with(strategy::one_for_one), {flaky, child("b")}};
  w.fails = {"a"};
  w.boot();
  CHECK(w.count(report_kind::supervisor_started) == 0);
  CHECK(w.answer(w.terminate("a")) == outcome::ok);
  CHECK(w.running() == "b");
  CHECK(w.count(report_kind::supervisor_started) == 1);
}

TEST_CASE("a child added during a group restart starts after the group, once") {
  world w{with(strategy::one_for_all), {child("a"), child("b")}};
  w.ignores_asking = {"a"};
  w.boot();
  w.happened();
  w.crash("b");
  const auto request = w.add(child("n", restart_policy::temporary));
  CHECK_FALSE(w.answered(request));
  w.exits("a", exit_reason::shutdown());
  CHECK(w.happened() == "stop a, start a, start b, start n");
  CHECK(w.answer(request) == outcome::ok);
}

TEST_CASE("a dynamic child that fails its first start in the middle of a group restart is not retried") {
  world w{with(strategy::one_for_all), {child("a"), child("b")}};
  w.boot();
  w.slow_to_start = {"n"};
  const auto request = w.add(child("n"));
  w.crash("a");                                    // takes the start under way along
  CHECK_FALSE(w.answered(request));
  w.happened();
  w.exits("n", exit_reason::abnormal("no use"));
  CHECK(w.answer(request) == outcome::start_failed);
  CHECK(w.running() == "a b");
}

TEST_CASE("a bad spec is refused by the field's name, without a trace") {
  world w{with(strategy::one_for_one), {}};
  w.boot();
  auto bad = child("a");
  bad.start_limit = 0ms;
  const auto request = w.add(bad);
  CHECK(w.answer(request) == outcome::bad_spec);
  CHECK(w.answers.at(request).text.find("start_limit") != std::string::npos);
  CHECK(w.machine().size() == 0);
}

TEST_CASE("count_children, which_children: counts equal the listing at 1,000 and 2,000 children; order is that of the start") {
  world w{with(strategy::one_for_one), {}};
  w.boot();
  for (int i = 0; i < 2000; ++i) {
    w.add(child("c" + std::to_string(i)));
    if (i == 999)
      CHECK(w.machine().children(w.now).size() == 1000);
  }
  const auto all = w.machine().children(w.now);
  REQUIRE(all.size() == 2000);
  CHECK(w.machine().active() == 2000);
  CHECK(all.front().second.path == "c0");
  CHECK(all.back().second.path == "c1999");
}

TEST_CASE("simple_one_for_one_corruption: nothing of a temporary child is retained") {
  world w{with(strategy::one_for_one), {}};
  w.boot();
  for (int i = 0; i < 1000; ++i) {
    w.add(child("t" + std::to_string(i), restart_policy::temporary));
    w.exits("t" + std::to_string(i), i % 2 == 0 ? exit_reason::normal() : exit_reason::abnormal("boom"));
  }
  CHECK(w.machine().size() == 0);
  CHECK(w.machine().active() == 0);
}

TEST_CASE("SupervisorMiscSpec, name reuse: an id is free again when its child is down, not before") {
  world w{with(strategy::one_for_one), {}};
  w.boot();
  w.add(child("x", restart_policy::temporary));
  w.ignores_asking = {"x"};
  const auto terminate = w.terminate("x");
  CHECK(w.answer(w.add(child("x", restart_policy::temporary))) == outcome::already_started);
  CHECK_FALSE(w.answered(terminate));
  w.exits("x", exit_reason::shutdown());
  CHECK(w.answer(terminate) == outcome::ok);
  CHECK(w.answer(w.add(child("x", restart_policy::temporary))) == outcome::ok);
  CHECK(w.running() == "x");
}

TEST_CASE("SObjectizer coop, deregistered already: terminating twice and stopping an empty supervisor are fine") {
  world w{with(strategy::one_for_one), {child("a")}};
  w.boot();
  w.terminate("a");
  CHECK(w.answer(w.terminate("a")) == outcome::ok);
  w.remove("a");
  CHECK(w.answer(w.terminate("a")) == outcome::not_found);
  w.stop();
  CHECK(w.end == exit_reason::shutdown());
}

TEST_CASE("count_children_supervisor: supervisors and workers are counted apart, alive or not") {
  auto s = child("s");
  s.kind = child_kind::supervisor;
  world w{with(strategy::one_for_one), {s, child("a"), child("b")}};
  w.declines = {"b"};
  w.boot();
  CHECK(w.machine().counts() == child_counts{3, 2, 1, 2});
  CHECK(w.view("s").kind == child_kind::supervisor);
  CHECK(w.view("a").kind == child_kind::worker);
  w.terminate("s");
  CHECK(w.machine().counts() == child_counts{3, 1, 1, 2});
}

TEST_CASE("count_restarting_children: one that waits for its next try is present, and not active") {
  world w{with(strategy::one_for_one, 1000), {child("a"), child("b"), child("c")}};
  w.boot();
  w.fails = {"a", "c"};
  w.crash("a");
  CHECK(w.machine().counts() == child_counts{3, 2, 0, 3});
  w.crash("c");
  CHECK(w.in(child_state::restarting) == "a c");
  CHECK(w.machine().counts() == child_counts{3, 1, 0, 3});
  w.fails = {};
  w.tick();
  CHECK(w.machine().counts() == child_counts{3, 3, 0, 3});
}

TEST_CASE("scale_start_stop_many_children: a hundred times the children are a hundred times the work, not more") {
  const auto work = [](int children) {
    world w{with(strategy::one_for_one), {}};
    w.boot();
    for (int i = 0; i < children; ++i)
      w.add(child("c" + std::to_string(i)));
    for (int i = 0; i < children; ++i) {
      w.terminate("c" + std::to_string(i));
      w.remove("c" + std::to_string(i));
    }
    CHECK(w.machine().size() == 0);
    return w.carried_out;
  };
  CHECK(work(3000) <= 100 * work(30));
}

TEST_CASE("a child whose turn has not come is not taken along by those before it") {
  world w{with(strategy::one_for_all, 10), {child("a"), child("b")}};
  w.ignores_asking = {"a"};
  w.boot();
  w.crash("b");
  const auto request = w.add(child("n", restart_policy::temporary));
  w.fails = {"a"};
  w.exits("a", exit_reason::shutdown());           // and does not come back at first
  CHECK_FALSE(w.answered(request));
  w.fails = {};
  w.tick();
  CHECK(w.answer(request) == outcome::ok);
  CHECK(w.running() == "a b n");
}

TEST_CASE("one that is terminated before its turn at boot does not start, also not later") {
  world w{with(strategy::one_for_one), {child("a"), child("b"), child("c")}};
  w.slow_to_start = {"a"};
  w.boot();
  CHECK(w.answer(w.terminate("b")) == outcome::ok);
  w.ready("a");
  CHECK(w.running() == "a c");
  w.add(child("n"));
  CHECK(w.running() == "a c n");
  CHECK(w.in(child_state::stopped) == "b");
}
