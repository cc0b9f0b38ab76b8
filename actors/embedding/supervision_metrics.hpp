#pragma once

#include "actors/supervisor.hpp"
#include "metrics/registry.hpp"

namespace flott {

/// What a tree needs so that everything about it is logged and shown in `metrics`: restarts and abandoned children by
/// supervisor and class, what its actors do and what waits for them, dead letters by reason. Labels are bounded.
/// Requires: the registry outlives the tree.
[[nodiscard]] supervision_host measured_host(metrics_registry& metrics);

}  // namespace flott
