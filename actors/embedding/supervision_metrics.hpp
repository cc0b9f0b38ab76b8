#pragma once

#include "actors/supervisor.hpp"
#include "metrics/registry.hpp"

namespace flott {

/// What a tree needs so that everything about it is logged and shown in `metrics`: restarts and abandoned children by
/// supervisor and class, what its actors do and what waits for them, dead letters by reason. Labels are bounded.
/// The observer keeps the registry, since a supervisor that was left behind may still report.
[[nodiscard]] supervision_host measured_host(const std::shared_ptr<metrics_registry>& metrics);

}  // namespace flott
