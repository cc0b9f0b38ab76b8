#include "tests/actors/supervisor/tree_fixture.hpp"

using namespace flott;
using namespace flott::supervision;
using namespace flott::supervision::test;

TEST_CASE("tree, SupervisionSpec, children stopped before the new instance: a budget used up below is the parent's incident; static children return, dynamic ones do not") {
  tree_fixture t;
  auto inner = subtree(named("inner", {t.make("b"), t.make("c")}, strategy::one_for_one, 1), restart_policy::transient);
  t.boot(named("node", {t.make("a"), inner}));
  const auto supervisor =
    caf::actor_cast<supervisor_actor>(t.world.ask_now<child_handle>(t.root, find_child_request{"inner"}).value->handle);
  REQUIRE(t.world.ask_now<child_handle>(supervisor, start_child_request{t.make("dynamic")}).value);
  t.tell("b", "throw");
  CHECK(t.tree()->children.at(1)->incarnation == 1);      // stays local
  t.notes->take();
  t.tell("b", "throw");
  CHECK(t.notes->take() == "-b -dynamic -c +b +c");
  const auto node = t.tree()->children.at(1);
  CHECK(node->incarnation == 2);
  CHECK(node->restarts[static_cast<std::size_t>(restart_cause::restart_limit)] == 1);
  CHECK(node->last_failure.find("the worker's own words") != std::string::npos);
  CHECK(node->children.size() == 2);
}

TEST_CASE("SupervisionTests, escalation at the root: the host is told, with everything below stopped") {
  tree_fixture t;
  t.boot(named("node", {t.make("a"), subtree(named("inner", {t.make("b")}, strategy::one_for_one, 0))},
               strategy::one_for_one, 0));
  t.tell("b", "throw");
  REQUIRE(t.end);
  CHECK(t.end->reason.restart_limit);
  CHECK(t.end->reason.text.find("the worker's own words") != std::string::npos);
  CHECK(t.notes->alive.empty());
}

TEST_CASE("faulty_application_shutdown: a start failure deep in the tree surfaces at the top with id and cause") {
  tree_fixture t;
  auto bad = t.make("deep");
  bad.start = [](const child_context& context) -> result<caf::strong_actor_ptr> {
    return user_failure(context.path, "no such file");
  };
  t.boot(named("node", {t.make("a"), subtree(named("one", {t.make("b"), subtree(named("two", {bad}))}))}));
  CHECK_FALSE(t.started);
  REQUIRE(t.end);
  CHECK(t.end->reason.text.find("/node/one/two/deep: no such file") != std::string::npos);
  CHECK(t.notes->alive.empty());
}

TEST_CASE("SupervisorHierarchySpec, random trees: after many failures every survivor answers, and all ends in order") {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    INFO("seed " << seed);
    tree_fixture t{seed};
    std::vector<std::string> ids;
    std::vector<child_spec> top;
    for (int s = 0; s < 3; ++s) {
      std::vector<child_spec> workers;
      for (int w = 0; w < 4; ++w) {
        ids.push_back("w" + std::to_string(s) + std::to_string(w));
        workers.push_back(t.make(ids.back()));
      }
      top.push_back(subtree(named("s" + std::to_string(s), workers, static_cast<strategy>(s), 4)));
    }
    t.boot(named("node", top, strategy::rest_for_one, 1000));
    for (int round = 0; round < 40; ++round) {
      const auto& id = ids.at(t.world.random()() % ids.size());
      if (auto handle = t.at(id))
        caf::anon_send(handle, std::string{round % 3 == 0 ? "error" : "throw"});
      for (auto steps = t.world.random()() % 20; steps > 0; --steps)
        t.world.step();
      t.world.advance(std::chrono::milliseconds{t.world.random()() % 300});
      for (const auto& who : ids)
        CHECK(t.notes->alive.count(who) <= 1);
    }
    t.world.settle();
    CHECK_FALSE(t.end);
    for (const auto& who : ids)
      CHECK(t.answers(who));
    t.stop();
    REQUIRE(t.end);
    CHECK(t.notes->alive.empty());
  }
}
