#include "tests/actors/supervisor/tree_fixture.hpp"

#include <condition_variable>
#include <future>

using namespace flott;
using namespace flott::supervision;
using namespace flott::supervision::test;

namespace {

caf::behavior blocker(caf::event_based_actor*, std::shared_future<void> release, std::shared_ptr<std::promise<void>> entered) {
  return {
    [=](const std::string&) {
      entered->set_value();
      release.wait();
    },
  };
}

child_spec plain(const std::string& id, child_factory start) {
  child_spec spec;
  spec.id = id;
  spec.start = std::move(start);
  return spec;
}

}  // namespace

TEST_CASE("stopping ends in bounded time although an actor never returns") {
  std::promise<void> release;
  auto entered = std::make_shared<std::promise<void>>();
  auto notes = std::make_shared<journal>();
  auto ref = std::make_shared<child_ref>();
  caf::actor_system_config config;
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("scheduler.max-threads", std::size_t{3});
  caf::actor_system system{config};
  {
    auto stuck = plain("stuck", spawns(blocker, release.get_future().share(), entered));
    stuck.shutdown = shutdown_limit{20ms};
    stuck.ref = ref;
    auto spec = named("node", {plain("a", spawns(worker, std::string{"a"}, notes)), stuck});
    spec.kill_grace = 20ms;
    std::promise<void> up;
    supervision_host host;
    host.on_started = [&] { up.set_value(); };
    auto root = spawn_supervisor(system, spec, host);
    REQUIRE(root);
    up.get_future().wait();
    auto handle = ref->as<caf::actor>();
    caf::anon_send(handle, std::string{"block"});
    entered->get_future().wait();
    const auto tree = read_tree(system, root.value(), 30s);      // not blocked by it either
    REQUIRE(tree);
    CHECK(tree.value()->children.size() == 2);
    const auto end = stop_and_wait(system, root.value(), 60s);
    REQUIRE(end);
    CHECK(end.value().abandoned == 1);
    CHECK(notes->alive.empty());
  }
  release.set_value();                             // an actor system itself waits for every actor
}

TEST_CASE("TimerSpec, cancelled on stop: an actor system comes down although a stopped supervisor has timers pending") {
  const auto begin = std::chrono::steady_clock::now();
  {
    caf::actor_system_config config;
    caf::actor_system system{config};
    auto spec = plain("a", spawns([](caf::event_based_actor* self) -> caf::behavior {
                        self->delayed_send(self, 600s, 1);
                        return {[](int) {}};
                      }));
    spec.start_limit = 600s;
    auto root = spawn_supervisor(system, named("node", {spec}));
    REQUIRE(root);
    REQUIRE(read_tree(system, root.value(), 30s));
    REQUIRE(stop_and_wait(system, root.value(), 60s));
  }
  CHECK(std::chrono::steady_clock::now() - begin < 300s);        // and not when the timers are due
}
