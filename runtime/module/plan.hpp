#pragma once

#include "messages/job.pb.h"
#include "runtime/config/configuration.hpp"
#include "runtime/graph/logical_graph.hpp"
#include "runtime/module/module_registry.hpp"

#include <memory>

namespace flott {

/// Runs the job function that `spec` names, with its parameters, and compiles what it built; the same on every machine.
/// `cluster` is this node's configuration, over which the spec's own settings are laid. User code runs in the call.
///
/// Errors: what the registry says; user and permanent: no such function, a setting that is unknown or belongs to the
/// cluster, a parameter that is missing, malformed or not known to the job, whatever the function throws, a graph that
/// cannot run. The compiled job keeps its module loaded.
[[nodiscard]] result<std::shared_ptr<compiled_job>> plan_job(const msg::JobSpec& spec, module_registry& modules,
                                                             const configuration& cluster);

}  // namespace flott
