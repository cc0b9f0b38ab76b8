#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace flott {

/// One TaskManager with room.
struct placement_candidate {
  std::string task_manager_id;
  std::uint32_t free = 0;
  std::uint32_t total = 0;
};

/// Chooses where a job's slots come from.
class placement_strategy {
 public:
  virtual ~placement_strategy() = default;
  /// The candidate's index for each of `count` slots, never more than its free ones. Requires enough free slots and
  /// candidates in the order of their ids; deterministic.
  [[nodiscard]] virtual std::vector<std::size_t> place(std::span<const placement_candidate> candidates,
                                                       std::uint32_t count) const = 0;
};

/// taskmanager.load-balance.mode SLOTS: each slot from the TaskManager with the least used share, so that work is
/// spread evenly; ties go to the one with more free slots, then to the first.
std::unique_ptr<placement_strategy> evenly_spread_placement();

}  // namespace flott
