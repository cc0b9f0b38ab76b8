#pragma once

#include "metrics/registry.hpp"

#include <map>
#include <string>

namespace flott {

/// What the DISPATCHER measures of jobs.
class job_probe {
 public:
  explicit job_probe(metrics_registry& registry);

  /// A job was accepted for the first time.
  void submitted() const { submissions_.add(); }
  /// A submission was refused.
  void refused() const { refusals_.add(); }
  /// How many jobs are in each state now, by Flink's name of the state; states left out have none.
  void show_states(const std::map<std::string, std::uint64_t>& jobs_by_state) const;

 private:
  metric_counter submissions_, refusals_;
  std::map<std::string, metric_gauge> states_;
};

/// What a JOB MANAGER measures: one probe for all jobs of a node.
class restart_probe {
 public:
  explicit restart_probe(metrics_registry& registry);
  /// A job, or a region of it, begins again after a failure.
  void restarted() const { restarts_.add(); }

 private:
  metric_counter restarts_;
};

}  // namespace flott
