#include "actors/exit_reason.hpp"
#include "actors/supervisor/state.hpp"

namespace flott {
namespace {

using namespace supervisor_parts;

void boot(self_ptr self, supervisor_config config) {
  auto& state = self->state;
  state.config = std::move(config);
  state.log_level->store(state.config.log_level);
  state.random.seed(state.config.scope->seed ^ std::hash<std::string>{}(state.config.path));
  auto& spec = state.config.spec;
  std::vector<supervision::child_options> options;
  for (const auto& child : spec.children)
    options.push_back(to_options(child, spec));
  state.machine.emplace(to_options(spec), std::move(options), [self] {
    return std::uniform_real_distribution<double>{0, 1}(self->state.random);
  });
  if (spec.strategy != supervision::strategy::pool) {      // a pool keeps its one spec
    for (auto& child : spec.children) {
      const auto key = state.machine->find(child.id).value();
      state.children[key].spec = std::move(child);
    }
    spec.children.clear();
  }
  execute(self, state.machine->begin(self->clock().now()));
}

supervisor_actor::behavior_type supervisor(self_ptr self, supervisor_config config) {
  keep_exception_text(self);
  self->set_down_handler([self](const caf::down_msg& down) { on_down(self, down); });
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    if (exit.reason)
      execute(self, self->state.machine->stop(exit_reason_of(exit.reason), self->clock().now()));
  });
  boot(self, std::move(config));
  return {
    [self](const start_child_request& x) { return add_child(self, x.spec); },
    [self](const start_pool_child_request& x) { return add_to_pool(self, x.arguments); },
    [self](const terminate_child_request& x) { return terminate(self, x.id); },
    [self](const terminate_handle_request& x) { return terminate(self, x.handle); },
    [self](const restart_child_request& x) { return restart(self, x.id); },
    [self](const delete_child_request& x) { return remove(self, x.id); },
    [self](const find_child_request& x) { return find(self, x.id); },
    [self](const get_spec_request& x) { return spec_of(self, x); },
    [self](count_children_request) { return self->state.machine->counts(); },
    [self](const change_spec_request& x) { return change_spec(self, x.spec); },
    [self](const log_level_request& x) { return set_log_level(self, x); },
    [self](list_children_request) { return list_children(self); },
    [self](const tree_request& x) { return answer_tree(self, x.budget); },
    [self](stop_request) {
      self->state.stop_requests.push_back(self->make_response_promise<supervisor_end>());
      auto promise = self->state.stop_requests.back();
      execute(self, self->state.machine->stop(supervision::exit_reason::shutdown(), self->clock().now()));
      return promise;
    },
    [self](const child_confirmed& x) {
      execute(self, self->state.machine->child_started(x.key, x.incarnation, self->clock().now()));
    },
    [self](supervisor_tick) { execute(self, self->state.machine->timer_fired(self->clock().now())); },
    [self](const ledger_closed& x) { released(self, x.number, &x.how); },
    [self](ledger_late x) {
      released(self, x.number, nullptr);
      orphans_late(self, x.number);
    },
  };
}

}  // namespace

supervisor_actor spawn_supervisor_actor(caf::actor_system& system, supervisor_config config) {
  auto where = config.scope->lane;
  return spawn_on(system, std::move(where), supervisor, std::move(config));
}

}  // namespace flott
