// What hosts call: to start a tree, and to wait for it from threads that are no actors.
#include "actors/exit_reason.hpp"
#include "actors/supervisor/actor.hpp"

#include <system_error>

namespace flott {
namespace {

bool is_simulated(const caf::actor_system& system) {
  return caf::get_or(system.config(), "scheduler.policy", caf::atom("")) == caf::atom("testing");
}

}  // namespace

result<supervisor_actor> spawn_supervisor(caf::actor_system& system, supervisor_spec spec, supervision_host host) {
  FLOTT_TRY(validate(spec));
  supervisor_config config;
  config.path = "/" + spec.name;
  config.label = spec.name;
  config.spec = std::move(spec);
  config.scope = std::make_shared<supervision_scope>();
  config.scope->observer = std::move(host.observer);
  config.scope->seed = host.seed;
  config.scope->dead_letters = host.dead_letters ? std::move(host.dead_letters)
                                                 : std::make_shared<supervision::dead_letters>();
  config.scope->board = std::move(host.board);
  config.scope->if_abandoned = host.if_abandoned;
  config.scope->end_process = std::move(host.end_process);
  config.scope->system = &system;
  config.scope->one_thread = is_simulated(system);
  if (!config.scope->one_thread) {
    try {
      config.scope->lane = std::make_shared<lane>(system);
    } catch (const std::system_error& err) {
      return transient_failure("supervisor", "no thread for it: " + std::string{err.what()});
    }
  }
  config.on_started = std::move(host.on_started);
  config.on_end = std::move(host.on_end);
  return spawn_supervisor_actor(system, std::move(config));
}

result<supervisor_end> stop_and_wait(caf::actor_system& system, const supervisor_actor& root,
                                     supervision::milliseconds limit) {
  if (!root)
    return user_failure("supervisor", "there is none to stop");
  caf::scoped_actor self{system};
  result<supervisor_end> end = transient_failure("supervisor", "did not end within " + std::to_string(limit.count()) + " ms");
  self->request(root, limit, stop_request{})
    .receive([&](const supervisor_end& x) { end = x; },
             [&](const caf::error& err) {
               if (err != caf::sec::request_timeout)
                 end = to_failure(err);
             });
  return end;
}

result<supervision::tree_node_ptr> read_tree(caf::actor_system& system, const supervisor_actor& root,
                                             supervision::milliseconds limit) {
  if (!root)
    return user_failure("supervisor", "there is no tree");
  caf::scoped_actor self{system};
  result<supervision::tree_node_ptr> tree = transient_failure("supervisor", "no answer");
  self->request(root, limit, tree_request{limit * 3 / 4})
    .receive([&](const supervision::tree_node_ptr& x) { tree = x; }, [&](const caf::error& err) { tree = to_failure(err); });
  return tree;
}

result<void> set_log_level(caf::actor_system& system, const supervisor_actor& root, const std::string& path,
                           std::optional<log::level> level, supervision::milliseconds limit) {
  if (!root)
    return transient_failure("supervisor", "there is no tree");
  caf::scoped_actor self{system};
  result<void> set = transient_failure("supervisor", "no answer");
  self->request(root, limit, log_level_request{level ? static_cast<int>(*level) : -1, path})
    .receive([&](caf::ok_atom) { set = {}; }, [&](const caf::error& err) {
      const bool unknown = err == make_error(supervisor_error::not_found, {});   // compares codes
      set = unknown ? user_failure("path", describe(err)) : to_failure(err);
    });
  return set;
}

}  // namespace flott
