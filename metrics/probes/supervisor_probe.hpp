#pragma once

#include "metrics/registry.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace flott {

/// What supervisors and supervised actors measure. Label sets are names of kinds ("job_managers", "task"), never of single
/// actors, so that there is a bounded number of them.
class supervisor_probe {
 public:
  explicit supervisor_probe(metrics_registry& registry);

  /// Shows zero restarts, and nobody abandoned, from now on.
  void supervises(const std::string& supervisor, const std::string& child_class);
  void restarted(const std::string& supervisor, const std::string& child_class);
  void abandoned(const std::string& supervisor, const std::string& child_class);

  /// The actors of one class under one kind of supervisor, together.
  struct group {
    std::string supervisor, child_class;
    std::uint64_t actors = 0, handled = 0, busy_ms = 0, waiting = 0, waiting_bytes = 0, oldest_ms = 0;
  };
  /// Both are asked at each scrape, and have to outlive the registry.
  void watch(std::function<std::vector<group>()> actors, std::function<std::vector<std::pair<std::string, std::uint64_t>>()> lost_by_reason);

 private:
  metrics_registry* registry_;
};

}  // namespace flott
