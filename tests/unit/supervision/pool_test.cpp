#include "tests/unit/supervision/world.hpp"

using namespace flott::supervision;
using namespace flott::supervision::test;

// OTP's simple_one_for_one.

namespace {

world pool(restart_policy restart = restart_policy::permanent, unsigned restarts = 3) {
  return world{with(strategy::pool, restarts), {child("worker", restart)}};
}

}  // namespace

TEST_CASE("pool: starts empty; children are added while it runs, each with an id of its own") {
  auto w = pool();
  w.boot();
  CHECK(w.count(report_kind::supervisor_started) == 1);
  CHECK(w.happened().empty());
  const auto first = w.add_to_pool(), second = w.add_to_pool();
  CHECK(w.answer(first) == outcome::ok);
  CHECK(w.answers.at(first).key != w.answers.at(second).key);
  CHECK(w.running() == "1 2");
  CHECK(w.machine().counts() == child_counts{1, 2, 0, 2});
}

TEST_CASE("child_adm_simple: children are ended by handle only; what has ended is unknown; id operations are refused") {
  auto w = pool();
  w.boot();
  const auto key = w.answers.at(w.add_to_pool()).key;
  w.add_to_pool();
  CHECK(w.answer(w.terminate("1")) == outcome::by_handle_only);
  CHECK(w.answer(w.restart("1")) == outcome::by_handle_only);
  CHECK(w.answer(w.remove("1")) == outcome::by_handle_only);
  CHECK(w.running() == "1 2");
  CHECK(w.answer(w.add(child("other"))) == outcome::bad_spec);
  CHECK(w.answer(w.terminate(key)) == outcome::ok);
  CHECK(w.running() == "2");
  CHECK(w.machine().size() == 1);                  // nothing of it is kept
  CHECK(w.answer(w.terminate(key)) == outcome::not_found);
}

TEST_CASE("only a pool takes children of the pool's spec") {
  world w{with(strategy::one_for_one), {child("a")}};
  w.boot();
  CHECK(w.answer(w.add_to_pool()) == outcome::bad_spec);
}

TEST_CASE("simple_one_for_one: siblings keep their identity; the (n+1)th failure within the window ends the pool") {
  auto w = pool(restart_policy::permanent, 1);
  w.boot();
  w.add_to_pool();
  w.add_to_pool();
  w.crash("1");
  CHECK(w.view("1").incarnation == 2);
  CHECK(w.view("2").incarnation == 1);
  w.crash("2");
  REQUIRE(w.end);
  CHECK(w.end->restart_limit);
}

TEST_CASE("simple_one_for_one_escalation: a restart that keeps failing takes the others along") {
  auto w = pool(restart_policy::permanent, 4);
  w.boot();
  w.add_to_pool();
  w.add_to_pool();
  w.fails = {"1"};
  w.crash("1");
  w.advance(1s);
  REQUIRE(w.end);
  CHECK(w.end->restart_limit);
  CHECK(w.count(report_kind::child_start_failed) == 4);
  CHECK(w.lives() == 0);
}

TEST_CASE("pool: the restart matrix; whatever is not restarted leaves nothing") {
  for (const auto restart : {restart_policy::permanent, restart_policy::transient, restart_policy::temporary})
    for (const auto& how : {exit_reason::normal(), exit_reason::shutdown(), exit_reason::abnormal("boom")}) {
      auto w = pool(restart);
      w.boot();
      w.add_to_pool();
      w.exits("1", how);
      const bool comes_back = restart == restart_policy::permanent ||
                              (restart == restart_policy::transient && how.kind == exit_kind::abnormal);
      INFO(to_string(restart) << " " << how.text);
      CHECK(w.machine().size() == (comes_back ? 1 : 0));
      CHECK(w.machine().active() == (comes_back ? 1 : 0));
    }
}

TEST_CASE("sup_start_ignore_permanent_child_start_child_simple: one that declines leaves nothing, and the pool stops cleanly") {
  auto w = pool();
  w.declines = {"1"};
  w.boot();
  CHECK(w.answer(w.add_to_pool()) == outcome::declined);
  CHECK(w.machine().size() == 0);
  w.stop();
  REQUIRE(w.end);
  CHECK(w.end->kind == exit_kind::shutdown);
}

TEST_CASE("simple_one_for_one_restart_ignore: one that declines its restart is dropped") {
  auto w = pool();
  w.boot();
  w.add_to_pool();
  w.declines = {"1"};
  w.crash("1");
  CHECK(w.machine().size() == 0);
  CHECK_FALSE(w.end);
}

TEST_CASE("sup_start_child_returns_error_simple: a failing first start goes to the caller; nothing is kept, no budget used") {
  auto w = pool(restart_policy::permanent, 0);
  w.fails = {"1"};
  w.boot();
  const auto request = w.add_to_pool();
  CHECK(w.answer(request) == outcome::start_failed);
  CHECK(w.answers.at(request).text == "no 1");
  CHECK(w.machine().size() == 0);
  CHECK_FALSE(w.end);
}

TEST_CASE("simple_one_for_one_shutdown: children stop in parallel, so the slowest counts and not the sum") {
  auto w = pool();
  w.boot();
  for (int i = 0; i < 3; ++i)
    w.add_to_pool();
  w.ignores_asking = {"1", "2", "3"};
  w.happened();
  w.stop();
  CHECK(w.happened() == "stop 3, stop 2, stop 1");
  w.advance(5s);
  CHECK(w.end);
}

TEST_CASE("simple_one_for_one_scale_many_temporary_children, simple_one_for_one_corruption: nothing is retained of thousands") {
  auto w = pool(restart_policy::temporary);
  w.boot();
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 1000; ++i)
      w.add_to_pool();
    CHECK(w.machine().counts() == child_counts{1, 1000, 0, 1000});
    const auto alive = w.machine().children(w.now);
    for (const auto& [key, node] : alive)
      w.exits(node.path, exit_reason::normal());
    CHECK(w.machine().size() == 0);
  }
  CHECK_FALSE(w.end);
}

TEST_CASE("hanging_restart_loop_simple: during a restart loop the pool answers, and termination ends the loop") {
  auto w = pool(restart_policy::permanent, 1000);
  w.boot();
  const auto key = w.answers.at(w.add_to_pool()).key;
  w.fails = {"1"};
  w.crash("1");
  for (int i = 0; i < 10; ++i)
    w.tick();
  CHECK(w.in(child_state::restarting) == "1");
  CHECK(w.answer(w.add_to_pool()) == outcome::ok);
  CHECK(w.answer(w.terminate(key)) == outcome::ok);
  CHECK(w.running() == "2");
  CHECK(w.machine().size() == 1);
}

TEST_CASE("sup_start_ignore_temporary_child_start_child_simple: one that declines leaves no trace, the next one starts") {
  auto w = pool(restart_policy::temporary);
  w.declines = {"1"};
  w.boot();
  CHECK(w.answer(w.add_to_pool()) == outcome::declined);
  CHECK(w.answer(w.add_to_pool()) == outcome::ok);
  CHECK(w.machine().counts() == child_counts{1, 1, 0, 1});
  CHECK(w.running() == "2");
}

TEST_CASE("sup_stop_timeout_dynamic: one busy past its limit is killed, then abandoned; the others are not held up") {
  auto spec = child("worker");
  spec.shutdown = shutdown_limit{2s};
  world w{with(strategy::pool), {spec}};
  w.boot();
  for (int i = 0; i < 3; ++i)
    w.add_to_pool();
  w.ignores_asking = {"1", "2"};
  w.immortal = {"2"};
  w.happened();
  w.stop();
  CHECK(w.happened() == "stop 3, stop 2, stop 1");
  CHECK(w.in(child_state::stopping) == "1 2");
  w.advance(2s);
  CHECK(w.happened() == "kill 1, kill 2");
  w.advance(500ms);
  CHECK(w.happened() == "abandon 2");
  REQUIRE(w.end);
  CHECK(w.machine().abandoned() == 1);
}

TEST_CASE("sup_stop_brutal_kill_dynamic: those to be stopped at once are not asked") {
  auto spec = child("worker");
  spec.shutdown = shutdown_limit::at_once();
  world w{with(strategy::pool), {spec}};
  w.boot();
  w.add_to_pool();
  w.add_to_pool();
  w.happened();
  w.stop();
  CHECK(w.happened() == "kill 2, kill 1");
  CHECK(w.end);
}

TEST_CASE("sup_stop_non_shutdown_exit_dynamic: another answer to the stop than shutdown does not disturb it") {
  auto w = pool(restart_policy::permanent, 0);
  w.boot();
  for (int i = 0; i < 3; ++i)
    w.add_to_pool();
  w.ignores_asking = {"1", "2", "3"};
  w.stop();
  w.exits("2", exit_reason::abnormal("not now"));
  w.exits("1", exit_reason::normal());
  CHECK_FALSE(w.end);
  w.exits("3", exit_reason::abnormal("nor I"));
  REQUIRE(w.end);
  CHECK(*w.end == exit_reason::shutdown());
  CHECK(w.count(report_kind::child_stopped) == 3);
  CHECK(w.count(report_kind::child_restarted) == 0);
}

TEST_CASE("which_children_simple_one_for_one: the listing equals the counts, in the order of the start") {
  auto w = pool();
  w.boot();
  for (int i = 0; i < 1000; ++i)
    w.add_to_pool();
  const auto all = w.machine().children(w.now);
  REQUIRE(all.size() == 1000);
  CHECK(w.machine().counts() == child_counts{1, 1000, 0, 1000});
  for (std::size_t i = 0; i < all.size(); ++i)
    CHECK(all[i].first == i + 1);
  CHECK(w.machine().find("77") == child_key{77});
  CHECK_FALSE(w.machine().find("worker"));
}

TEST_CASE("do_not_save_child_specs_for_temporary_children: each that ends is forgotten, and what it leaves is nothing") {
  auto w = pool(restart_policy::temporary);
  w.boot();
  for (int i = 0; i < 100; ++i) {
    const auto key = w.answers.at(w.add_to_pool()).key;
    const auto actions = w.machine().child_exited(key, 1, exit_reason::abnormal("boom"), w.now);
    const auto forgets = [&](const action& each) {
      const auto* what = std::get_if<forget_child>(&each);
      return what != nullptr && what->key == key;
    };
    CHECK(std::count_if(actions.begin(), actions.end(), forgets) == 1);
  }
  CHECK(w.machine().size() == 0);
  CHECK_FALSE(w.machine().find("1"));
}

TEST_CASE("a pool that stops tells those who ask for one more") {
  auto w = pool();
  w.boot();
  w.add_to_pool();
  w.ignores_asking = {"1"};
  w.stop();
  CHECK(w.answer(w.add_to_pool()) == outcome::stopping);
  CHECK(w.answer(w.terminate(child_key{9})) == outcome::stopping);
}
