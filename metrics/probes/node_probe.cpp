#include "metrics/probes/node_probe.hpp"

#include <algorithm>

namespace flott {

struct node_probe::ages {
  struct entry {
    std::string role;
    time_point heard;
  };
  std::mutex mutex;
  std::map<std::string, entry> nodes;
};

node_probe::node_probe(metrics_registry& registry, std::function<time_point()> now)
    : ages_(std::make_shared<ages>()),
      slots_(registry.gauge({"flott_slots", "Slots of all registered TaskManagers."})),
      free_slots_(registry.gauge({"flott_slots_free", "Slots that no job holds."})),
      task_managers_(registry.gauge({"flott_taskmanagers", "TaskManagers that are registered and alive."})) {
  age_ = registry.sampled(
      {"flott_heartbeat_age_seconds", "Time since a node was last heard from."}, metric_kind::gauge,
      [ages = ages_, now = std::move(now)] {
        std::vector<metric_sample> samples;
        const auto at = now();
        std::lock_guard lock(ages->mutex);
        for (const auto& [node, entry] : ages->nodes)
          samples.push_back({{{"node_id", node}, {"role", entry.role}},
                             std::chrono::duration<double>(std::max(at - entry.heard, time_point::duration{})).count()});
        return samples;
      });
}

node_probe::~node_probe() = default;

void node_probe::show_slots(std::uint64_t all, std::uint64_t free) const {
  slots_.set(static_cast<double>(all));
  free_slots_.set(static_cast<double>(free));
}

void node_probe::show_task_managers(std::uint64_t registered) const {
  task_managers_.set(static_cast<double>(registered));
}

void node_probe::heard_from(const std::string& node_id, const std::string& role, time_point at) {
  std::lock_guard lock(ages_->mutex);
  ages_->nodes.insert_or_assign(node_id, ages::entry{role, at});
}

void node_probe::forget(const std::string& node_id) {
  std::lock_guard lock(ages_->mutex);
  ages_->nodes.erase(node_id);
}

}  // namespace flott
