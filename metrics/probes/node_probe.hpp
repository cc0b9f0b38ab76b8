#pragma once

#include "metrics/registry.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace flott {

/// What the RESOURCE MANAGER measures of nodes and slots.
class node_probe {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// `now` is asked at each scrape.
  node_probe(metrics_registry& registry, std::function<time_point()> now);
  ~node_probe();

  void show_slots(std::uint64_t all, std::uint64_t free) const;
  void show_task_managers(std::uint64_t registered) const;
  /// A sign of life of a node; its age is shown until `forget`.
  void heard_from(const std::string& node_id, const std::string& role, time_point at);
  void forget(const std::string& node_id);

 private:
  struct ages;
  std::shared_ptr<ages> ages_;
  metric_gauge slots_, free_slots_, task_managers_;
  metric_registration age_;
};

}  // namespace flott
