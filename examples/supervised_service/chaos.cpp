#include "chaos.hpp"

#include "worker.hpp"

using namespace flott;
using namespace std::chrono_literals;

namespace {

struct strike {};

void kill(caf::event_based_actor* self, const child_ref_ptr& whom) {
  if (const auto there = whom->get())
    self->send_exit(there, caf::exit_reason::kill);
}

/// It is stuck for longer than it may take to end: its supervisor gives it up, and it is started anew.
void hang(caf::event_based_actor* self, const victims& all, std::size_t which) {
  const auto worker = all.workers[which]->as<caf::actor>();
  const auto supervisor = all.workers_supervisor->as<supervisor_actor>();
  if (!worker || !supervisor)
    return;
  self->send(worker, hang_for{1500ms});
  const auto id = "worker-" + std::to_string(which + 1);
  const auto start_again = [=] { self->request(supervisor, 5s, restart_child_request{id}).then([](const child_handle&) {}, [](const caf::error&) {}); };
  self->request(supervisor, 5s, terminate_child_request{id})
    .then([=](const child_handle&) { start_again(); }, [](const caf::error&) {});
}

}  // namespace

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(strike)

caf::behavior chaos(caf::event_based_actor* self, victims all, std::shared_ptr<std::mt19937_64> random) {
  self->send(self, strike{});
  return {[=](strike) {
    self->delayed_send(self, std::chrono::milliseconds{50 + (*random)() % 200}, strike{});
    const auto which = (*random)() % all.workers.size();
    switch ((*random)() % 12) {
      case 0: all.backend->drop_all(); break;
      case 1: all.backend->refuse_for(300ms); break;
      case 2: all.backend->stall_for(300ms); break;
      case 3: kill(self, all.cache); break;
      case 4: kill(self, all.front); break;
      case 5: kill(self, all.workers_supervisor); break;
      case 6: hang(self, all, which); break;
      case 7:
      case 8: kill(self, all.workers[which]); break;
      default:
        if (const auto worker = all.workers[which]->as<caf::actor>())
          self->send(worker, fail_now{});
    }
  }};
}
