#include "tests/actors/embedding/node_fixture.hpp"
#include "tests/support/eventually.hpp"

#include <caf/io/all.hpp>

using namespace flott;
using namespace flott::test;
using testing::eventually;
using Catch::Matchers::Contains;

namespace {

actor_node_end stopped(actor_node& node) {
  node.stop();
  return node.wait_ended();
}

/// What stopping has to get along with is far beyond what any limit here allows.
constexpr auto never = 600s;

}  // namespace

TEST_CASE("a tree starts and stops inside a program that goes on") {
  auto ref = std::make_shared<child_ref>();
  auto spec = child("echo", spawns(echo));
  spec.ref = ref;
  auto node = started(service({spec}));
  CHECK(node->ready());
  caf::scoped_actor self{node->system()};
  int answer = 0;
  self->request(ref->as<caf::actor>(), 60s, 7).receive([&](int x) { answer = x; }, [](const caf::error&) {});
  CHECK(answer == 7);
  CHECK(node->tree().value()->children.size() == 1);
}

TEST_CASE("stop comes back at once, and twice is once; the end is told once") {
  std::promise<actor_node_end> told;
  actor_node_options options;
  options.on_end = [&](const actor_node_end& how) { told.set_value(how); };
  auto node = started(service({child("echo", spawns(echo))}), std::move(options));
  node->stop();
  node->stop();
  const auto end = told.get_future().get();
  CHECK(end.in_time);
  CHECK(end.reason.kind == supervision::exit_kind::shutdown);
  CHECK(end.abandoned == 0);
  CHECK(end.left_behind == 0);
  CHECK_FALSE(node->ready());
  CHECK_FALSE(node->tree());
}

TEST_CASE("a child that cannot start is told with its path and cause; the node ends by itself") {
  auto node = actor_node::start(service({child("echo", spawns(echo)), child("port", [](const child_context&) -> start_outcome {
                                           return user_failure("port 80", "in use");
                                         })}));
  REQUIRE(node);
  const auto up = node.value()->wait_started(60s);
  REQUIRE_FALSE(up);
  CHECK_THAT(up.error().to_string(), Contains("port") && Contains("in use"));
  CHECK(node.value()->wait_ended().reason.kind == supervision::exit_kind::abnormal);
}

TEST_CASE("an invalid spec is refused by its field") {
  const auto node = actor_node::start(service({child("a/b", spawns(echo))}));
  REQUIRE_FALSE(node);
  CHECK_THAT(node.error().to_string(), Contains("a/b"));
}

TEST_CASE("a node may be destroyed by its own end, and several live in one process") {
  auto other = started(service({child("echo", spawns(echo))}));
  std::promise<void> gone;
  std::unique_ptr<actor_node> node;
  std::promise<void> ready;
  auto held = ready.get_future().share();
  actor_node_options options;
  options.on_end = [&, held](const actor_node_end&) {
    held.wait();
    node.reset();
    gone.set_value();
  };
  node = started(service({child("echo", spawns(echo))}), std::move(options));
  caf::anon_send_exit(node->root(), caf::exit_reason::kill);     // it ends by itself
  ready.set_value();
  gone.get_future().wait();
  CHECK(other->ready());
  CHECK(stopped(*other).left_behind == 0);
}

TEST_CASE("an actor that never returns is abandoned and named, and the node ends within its limits") {
  auto at = std::make_shared<gate>();
  auto ref = std::make_shared<child_ref>();
  auto spec = child("worker", spawns(stuck, at));
  spec.ref = ref;
  actor_node_options options;
  options.stop_limit = 500ms;
  auto node = started(service({child("echo", spawns(echo)), spec}), std::move(options));
  caf::anon_send(ref->as<caf::actor>(), std::string{"for ever"});
  at->entered.get_future().wait();
  const auto end = stopped(*node);
  CHECK(end.in_time);
  CHECK(end.abandoned == 1);
  CHECK(end.left_behind == 1);
  CHECK_THAT(history_of(*node), Contains("/service/worker #1 child abandoned") && Contains("in str"));
  node.reset();
  at->open.set_value();                              // it comes back to an actor system that is still there, and then goes
  CHECK(eventually([&] { return at->left == 1; }));
}

TEST_CASE("supervisors keep their deadlines and answer although every thread of the actor system is stuck") {
  auto first = std::make_shared<gate>(), second = std::make_shared<gate>();
  auto one = child("one", spawns(stuck, first)), two = child("two", spawns(stuck, second));
  one.ref = std::make_shared<child_ref>();
  two.ref = std::make_shared<child_ref>();
  one.shutdown = supervision::shutdown_limit{never};
  actor_node_options options;
  options.threads = 2;
  options.stop_limit = 700ms;
  auto node = started(service({one, two, subtree(service({child("echo", spawns(echo))}))}), std::move(options));
  caf::anon_send(one.ref->as<caf::actor>(), std::string{"x"});
  caf::anon_send(two.ref->as<caf::actor>(), std::string{"x"});
  first->entered.get_future().wait();
  second->entered.get_future().wait();
  CHECK(node->tree(60s).value()->children.size() == 3);
  node->stop();
  REQUIRE(eventually([&] {                           // the second is given up, the first is waited for: it blocks
    const auto tree = node->tree(60s);
    return tree && tree.value()->children.front()->state == supervision::child_state::stopping;
  }));
  const auto blocking = node->tree(60s);
  REQUIRE(blocking);
  CHECK_THAT(supervision::to_text(**blocking), Contains("one  stopping") && Contains("in str for"));
  const auto end = node->wait_ended();
  CHECK_FALSE(end.in_time);
  CHECK(end.abandoned == 2);                         // also "echo", which no thread was left to end
  CHECK(end.left_behind == 3);
  first->open.set_value();
  second->open.set_value();
  CHECK(eventually([&] { return first->left + second->left == 2; }));
}

namespace {

/// Neither C++ nor CAF lets a state's destructor throw; what an actor does at its end may.
struct throws_at_its_end : caf::event_based_actor {
  using caf::event_based_actor::event_based_actor;
  void on_exit() override { throw std::runtime_error("at the end"); }
  caf::behavior make_behavior() override {
    return {[](int x) { return x; }, [](const std::string&) { throw std::runtime_error("from a handler"); },
            [this](double) { quit(); }};
  }
};

}  // namespace

TEST_CASE("an actor that throws at its end takes nobody along, however it ends; nor does a resource") {
  std::vector<child_spec> children;
  for (const auto* id : {"quits", "fails", "is stopped"}) {
    children.push_back(child(id, [](const child_context& context) -> start_outcome { return spawn_supervised<throws_at_its_end>(context); }));
    children.back().ref = std::make_shared<child_ref>();
  }
  plain_resource resource;
  resource.start = [](const child_context&) { return result<void>{}; };
  resource.stop = [] { throw std::runtime_error("from a resource"); };
  children.push_back(child("resource", keeps(resource)));
  auto tree = service(children);
  tree.intensity = {10, 5s};
  auto node = started(tree);
  caf::anon_send(children[0].ref->as<caf::actor>(), 1.0);
  caf::anon_send(children[1].ref->as<caf::actor>(), std::string{"x"});
  REQUIRE(eventually([&] {
    const auto shown = node->tree(60s).value();
    return shown->children[0]->incarnation == 2 && shown->children[1]->incarnation == 2 && children[0].ref->get() && children[1].ref->get();
  }));
  CHECK_THAT(history_of(*node), Contains("from a handler"));
  const auto end = stopped(*node);
  CHECK(end.abandoned == 0);
  CHECK(end.left_behind == 0);
}

TEST_CASE("messages far ahead hold nobody up: a child's, a stranger's, and one that is sent again and again") {
  const auto far_ahead = [](caf::event_based_actor* self) -> caf::behavior {
    self->delayed_send(self, never, 1);
    return {[](int) {}};
  };
  const auto ticking = [](caf::event_based_actor* self) -> caf::behavior {
    self->delayed_send(self, 1ms, 1);
    return {[self](int x) { self->delayed_send(self, 1ms, x); }};
  };
  const auto parent = [=](caf::event_based_actor* self) -> caf::behavior {
    self->spawn(far_ahead);                          // known to nobody
    self->spawn(ticking);
    return {[](int) {}};
  };
  auto node = started(service({child("far ahead", spawns(far_ahead)), child("ticking", spawns(ticking)), child("parent", spawns(parent))}));
  CHECK(stopped(*node).left_behind == 0);
}

TEST_CASE("an actor registered by a name holds nobody up, whether it is a child or not") {
  const auto registered = [](caf::event_based_actor* self) -> caf::behavior {
    self->system().registry().put(caf::atom("cache"), caf::actor_cast<caf::strong_actor_ptr>(self));
    return {[](int) {}};
  };
  auto node = started(service({child("cache", spawns(registered))}));
  node->system().registry().put(caf::atom("stranger"), caf::actor_cast<caf::strong_actor_ptr>(node->system().spawn(echo)));
  CHECK(stopped(*node).left_behind == 0);
}

TEST_CASE("an actor published on a port holds nobody up, whether it is a child or not") {
  actor_node_options options;
  options.system = std::make_unique<caf::actor_system_config>();
  options.system->load<caf::io::middleman>();
  auto spec = child("gateway", spawns(echo));
  spec.ref = std::make_shared<child_ref>();
  auto node = started(service({spec}), std::move(options));
  REQUIRE(node->system().middleman().publish(spec.ref->as<caf::actor>(), 0, "127.0.0.1"));
  REQUIRE(node->system().middleman().publish(node->system().spawn(echo), 0, "127.0.0.1"));
  CHECK(stopped(*node).left_behind == 0);
}

TEST_CASE("handles kept elsewhere are harmless: a child's is dead, a stranger's keeps its system until it goes") {
  auto spec = child("echo", spawns(echo));
  spec.ref = std::make_shared<child_ref>();
  actor_node_options options;
  options.stop_limit = 300ms;
  auto node = started(service({spec}), std::move(options));
  auto of_child = spec.ref->as<caf::actor>();
  auto over = std::make_shared<std::atomic<bool>>(false);
  auto of_stranger = node->system().spawn([over](caf::event_based_actor* self) -> caf::behavior {
    self->attach_functor([over](const caf::error&) { *over = true; });
    return {[](int) {}};
  });
  CHECK(stopped(*node).left_behind == 1);
  node.reset();
  caf::anon_send(of_child, 1);
  caf::anon_send(of_stranger, 1);
  of_child = nullptr;
  CHECK_FALSE(*over);
  of_stranger = nullptr;
  CHECK(eventually([&] { return over->load(); }));
}

TEST_CASE("a budget that is used up ends the node by itself") {
  auto spec = child("fails", spawns([](caf::event_based_actor*) -> caf::behavior {
                      return {[](int) { throw std::runtime_error("no more"); }};
                    }));
  spec.ref = std::make_shared<child_ref>();
  auto tree = service({spec});
  tree.intensity = {0, 5s};
  auto node = started(tree);
  caf::anon_send(spec.ref->as<caf::actor>(), 1);
  const auto end = node->wait_ended();
  CHECK(end.reason.restart_limit);
  CHECK_FALSE(node->ready());
}

TEST_CASE("whether an abandoned child ends the process is a policy: the host's, or the child's own") {
  for (const bool own : {false, true}) {
    auto at = std::make_shared<gate>();
    auto spec = child("worker", spawns(stuck, at));
    spec.ref = std::make_shared<child_ref>();
    std::promise<std::string> asked;
    supervision_host host;
    (own ? spec.if_abandoned.emplace() : host.if_abandoned) = when_abandoned::end_process;
    host.end_process = [&](const supervision_event& about) { asked.set_value(about.supervisor + "/" + about.child + ": " + about.text); };
    bounded_system system{nullptr};
    auto root = spawn_supervisor(system.get(), service({spec}), host).value();
    REQUIRE(eventually([&] { return spec.ref->get() != nullptr; }));
    caf::anon_send(spec.ref->as<caf::actor>(), std::string{"x"});
    at->entered.get_future().wait();
    caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
    CHECK_THAT(asked.get_future().get(), Contains("/service/worker: ") && Contains("in str"));
    at->open.set_value();
    root = nullptr;
  }
}

TEST_CASE("the system does not go before the supervisors' thread has done with it") {
  auto node = started(service({child("echo", spawns(echo))}));
  auto done = std::make_shared<std::atomic<bool>>(false);
  auto go_on = std::make_shared<std::promise<void>>();
  caf::actor_cast<caf::abstract_actor*>(node->root())->attach_functor([done, wait = go_on->get_future().share()] {
    wait.wait_for(200ms);                            // it counts as ended already, and is about to use the system once more
    *done = true;
  });
  CHECK(stopped(*node).left_behind == 0);
  CHECK(*done);
}
