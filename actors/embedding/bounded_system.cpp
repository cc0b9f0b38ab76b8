#include "actors/embedding/bounded_system.hpp"

#include <caf/io/all.hpp>
#include <caf/io/basp_broker.hpp>

#include <condition_variable>
#include <mutex>
#include <thread>

namespace flott {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

constexpr auto between_sweeps = 2ms;
constexpr auto for_the_system = 1s;                  // to join its threads once no actor is left

/// Published actors are held by CAF's broker, and, as others of which a peer has heard, by the registry.
void let_go_published(caf::actor_system& system, steady::time_point deadline) {
  if (system.has_middleman()) {
    const auto broker = system.middleman().named_broker<caf::io::basp_broker>(caf::atom("BASP"));
    caf::anon_send_exit(broker, caf::exit_reason::kill);
  }
  for (caf::actor_id id = system.latest_actor_id(); id > 0; --id) {     // it can't be asked whom it has
    system.registry().erase(id);
    if (id % 65'536 == 0 && steady::now() > deadline)
      return;
  }
}

void pause(std::chrono::milliseconds time) {
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock{mutex};
  never.wait_for(lock, time);
}

}  // namespace

bounded_system::bounded_system(std::unique_ptr<caf::actor_system_config> config) : parts_(std::make_shared<parts>()) {
  parts_->config = config ? std::move(config) : std::make_unique<caf::actor_system_config>();
  parts_->system = std::make_unique<caf::actor_system>(*parts_->config);
  let_go();
}

void bounded_system::let_go() noexcept { caf::logger::set_current_actor_system(nullptr); }

bounded_system::~bounded_system() { end(1s); }

/// What holds actors besides those who know them. Repeated, since an actor may take hold of itself again.
void bounded_system::sweep(caf::actor_system& system) {
  for (const auto& [name, actor] : system.registry().named_actors()) {
    if (name == caf::atom("SpawnServ") || name == caf::atom("ConfigServ") || name == caf::atom("StreamServ"))
      continue;                                      // its own, which it ends itself
    system.registry().erase(name);
    if (actor)
      caf::anon_send_exit(actor, caf::exit_reason::kill);
  }
  system.clock().cancel_all();
}

std::size_t bounded_system::end(std::chrono::milliseconds limit) {
  if (!parts_)
    return 0;
  let_go();
  const auto deadline = steady::now() + limit;
  auto& system = *parts_->system;
  let_go_published(system, deadline);
  sweep(system);
  while (system.registry().running() > 0 && steady::now() < deadline) {
    pause(between_sweeps);
    sweep(system);
  }
  const auto left = system.registry().running();

  struct progress {
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
  };
  auto ended = std::make_shared<progress>();
  std::thread ending{[rest = std::exchange(parts_, nullptr), ended]() mutable {
    for (; rest->system->registry().running() > 0; pause(50ms))
      sweep(*rest->system);
    rest->system.reset();
    rest.reset();
    const std::lock_guard lock{ended->mutex};
    ended->done = true;
    ended->changed.notify_all();
  }};
  {
    std::unique_lock lock{ended->mutex};
    if (left == 0)
      ended->changed.wait_for(lock, for_the_system, [&] { return ended->done; });
    if (!ended->done) {
      ending.detach();
      return left;
    }
  }
  ending.join();
  return 0;
}

}  // namespace flott
