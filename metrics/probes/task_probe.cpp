#include "metrics/probes/task_probe.hpp"

#include <deque>
#include <map>
#include <mutex>

namespace flott {

namespace {

struct shown_counter {
  metric_description what;
  std::uint64_t task_totals::*value;
  double scale;
};

const shown_counter shown_counters[] = {
    {{"flott_task_records_in_total", "Records that a subtask has received."}, &task_totals::records_in, 1},
    {{"flott_task_records_out_total", "Records that a subtask has emitted; a fused source counts as a subtask."},
     &task_totals::records_out, 1},
    {{"flott_task_bytes_in_total", "Bytes that a subtask has received."}, &task_totals::bytes_in, 1},
    {{"flott_task_bytes_out_total", "Bytes that a subtask has emitted."}, &task_totals::bytes_out, 1},
    {{"flott_task_busy_seconds_total", "Time that a subtask has worked."}, &task_totals::busy_ns, 1e-9},
    {{"flott_task_idle_seconds_total", "Time that a subtask has waited for input."}, &task_totals::idle_ns, 1e-9},
    {{"flott_task_backpressured_seconds_total", "Time that a subtask has waited for its consumers."},
     &task_totals::backpressured_ns, 1e-9},
};

task_totals sum(const task_totals& a, const task_totals& b) {
  auto both = a;
  for (const auto& counter : shown_counters)
    both.*counter.value += b.*counter.value;
  return both;
}

metric_labels labels_of(const task_labels& task) {
  return {{"job_id", task.job_id}, {"job_name", task.job_name}, {"task_id", task.vertex_id},
          {"task_name", task.vertex_name}, {"subtask_index", std::to_string(task.subtask)}};
}

}  // namespace

struct task_probe::state {
  struct subtask {
    task_totals ended;   ///< of all attempts that are over
    std::map<std::uint64_t, std::function<task_totals()>> running;   ///< by attempt's ticket; rarely more than one
  };

  std::mutex mutex;
  std::size_t kept = 0;
  std::uint64_t next_ticket = 0;
  std::map<task_labels, subtask> subtasks;
  std::deque<task_labels> idle;   ///< without a running attempt, in the order in which they ended

  std::vector<metric_sample> sample(const shown_counter& counter) {
    std::lock_guard lock(mutex);
    std::vector<metric_sample> samples;
    samples.reserve(subtasks.size());
    for (const auto& [labels, task] : subtasks) {
      auto totals = task.ended;
      for (const auto& [ticket, current] : task.running)
        totals = sum(totals, current());
      samples.push_back({labels_of(labels), static_cast<double>(totals.*counter.value) * counter.scale});
    }
    return samples;
  }

  void end(const task_labels& labels, std::uint64_t ticket) {
    std::lock_guard lock(mutex);
    auto& task = subtasks.at(labels);
    const auto attempt = task.running.find(ticket);
    task.ended = sum(task.ended, attempt->second());
    task.running.erase(attempt);
    if (!task.running.empty())
      return;
    idle.push_back(labels);
    while (idle.size() > kept) {
      subtasks.erase(idle.front());
      idle.pop_front();
    }
  }
};

task_probe::task_probe(metrics_registry& registry, std::size_t kept)
    : registry_(&registry), state_(std::make_shared<state>()) {
  state_->kept = kept;
  for (const auto& counter : shown_counters)
    families_.push_back(registry.sampled(counter.what, metric_kind::counter,
                                         [shared = state_, &counter] { return shared->sample(counter); }));
}

task_probe::~task_probe() = default;

metric_registration task_probe::began(task_labels labels, std::function<task_totals()> totals) {
  std::lock_guard lock(state_->mutex);
  std::erase(state_->idle, labels);
  const auto ticket = state_->next_ticket++;
  state_->subtasks[labels].running.emplace(ticket, std::move(totals));
  return metric_registration([shared = state_, labels = std::move(labels), ticket] { shared->end(labels, ticket); });
}

metric_registration task_probe::memory_pool(std::function<std::uint64_t()> used, std::uint64_t limit) {
  registry_->gauge({"flott_memory_pool_bytes", "Size of the pool for batches and operators' state."})
      .set(static_cast<double>(limit));
  return registry_->sampled({"flott_memory_pool_used_bytes", "Bytes of the pool that are in use."}, metric_kind::gauge,
                            [used = std::move(used)] {
                              return std::vector<metric_sample>{{{}, static_cast<double>(used())}};
                            });
}

}  // namespace flott
