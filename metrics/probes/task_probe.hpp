#pragma once

#include "metrics/registry.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace flott {

/// What one attempt has counted so far.
struct task_totals {
  std::uint64_t records_in = 0, records_out = 0, bytes_in = 0, bytes_out = 0;
  std::uint64_t busy_ns = 0, idle_ns = 0, backpressured_ns = 0;
};

/// Which subtask it is; every attempt at it continues the same series.
struct task_labels {
  std::string job_id, job_name, vertex_id, vertex_name;
  std::uint32_t subtask = 0;
  auto operator<=>(const task_labels&) const = default;
};

/// What a TASK MANAGER measures of the tasks it runs: their counters are sampled at each scrape.
///
/// The series of a subtask that has ended keep their last value, so that a job shorter than the scrape interval is
/// seen and no series goes backwards; only the `kept` subtasks that ended last are kept, older ones disappear whole.
class task_probe {
 public:
  explicit task_probe(metrics_registry& registry, std::size_t kept = 256);
  ~task_probe();

  /// Shows an attempt until the registration ends (before what `totals` refers to dies). A later attempt at the same
  /// subtask counts on from where this one ended.
  [[nodiscard]] metric_registration began(task_labels labels, std::function<task_totals()> totals);

  /// The pool for batches and operators' state; sampled at each scrape until the registration ends.
  [[nodiscard]] metric_registration memory_pool(std::function<std::uint64_t()> used, std::uint64_t limit);

  struct state;

 private:
  metrics_registry* registry_;
  std::shared_ptr<state> state_;
  std::vector<metric_registration> families_;
};

}  // namespace flott
