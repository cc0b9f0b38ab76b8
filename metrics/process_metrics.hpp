#pragma once

namespace flott {

class metrics_registry;

/// Adds build information and what the kernel knows of this process to the page, under the names that Prometheus'
/// own client libraries use.
void add_process_metrics(metrics_registry& registry);

}  // namespace flott
