#include "metrics/probes/job_probe.hpp"

namespace flott {

job_probe::job_probe(metrics_registry& registry)
    : submissions_(registry.counter({"flott_job_submissions_total", "Jobs accepted for the first time."})),
      refusals_(registry.counter({"flott_job_refusals_total", "Submissions that were refused."})) {
  for (const auto* state : {"INITIALIZING", "CREATED", "RUNNING", "FAILING", "FAILED", "CANCELLING", "CANCELED",
                            "FINISHED", "RESTARTING", "SUSPENDED", "RECONCILING"})
    states_.emplace(state, registry.gauge({"flott_jobs", "Jobs the cluster knows, by state."}, {{"state", state}}));
}

void job_probe::show_states(const std::map<std::string, std::uint64_t>& jobs_by_state) const {
  for (const auto& [state, gauge] : states_) {
    const auto found = jobs_by_state.find(state);
    gauge.set(found == jobs_by_state.end() ? 0 : static_cast<double>(found->second));
  }
}

restart_probe::restart_probe(metrics_registry& registry)
    : restarts_(registry.counter(
          {"flott_job_restarts_total", "Times that a job, or a region of one, began again after a failure."})) {}

}  // namespace flott
