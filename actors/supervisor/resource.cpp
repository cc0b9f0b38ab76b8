// Plain resources as children: an actor that is nothing but their life.
#include "actors/exit_reason.hpp"
#include "actors/supervisor.hpp"
#include "runtime/base/log.hpp"

namespace flott {
namespace {

struct resource_state {
  resource_state() {}                              // NOLINT: an aggregate state would take CAF's arguments
  ~resource_state() {
    if (!started || !resource.stop)
      return;
    try {
      resource.stop();
    } catch (...) {                                  // it is gone all the same
      log::error("stopping a resource threw", {{"resource", path}, {"what", describe(to_error(std::current_exception(), path.c_str()))}});
    }
  }
  std::string path;
  plain_resource resource;
  bool started = false;
  static inline const char* name = "resource";
};

caf::behavior resource_keeper(caf::stateful_actor<resource_state>* self, plain_resource resource, child_context context) {
  self->state.path = context.path;
  self->state.resource = std::move(resource);
  if (auto begun = self->state.resource.start(context); !begun) {
    self->quit(to_error(begun.error()));
    return {};
  }
  self->state.started = true;
  return {[](caf::unit_t) {}};                     // it hears nothing, and lives until it is told to end
}

}  // namespace

child_factory keeps(plain_resource resource) {
  return [resource = std::move(resource)](const child_context& context) -> start_outcome {
    return resource.blocks ? spawn_supervised<caf::detached>(context, resource_keeper, resource, context)
                           : spawn_supervised(context, resource_keeper, resource, context);
  };
}

}  // namespace flott
