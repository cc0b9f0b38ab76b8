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
