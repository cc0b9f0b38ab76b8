#pragma once

/// The numbers of all supervised actors of a process by supervisor and class: what metrics show.

#include "actors/supervisor/vitals.hpp"

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace flott {

/// The actors of one class under supervisors of one name. Threads: any; joining, leaving and reading hold one of many locks
/// for a moment each, so that reading holds up no supervisor, and actors never.
class actor_group {
 public:
  /// From now on it counts. Requires: it leaves before it goes.
  void join(actor_vitals& one);
  /// What it has done stays counted.
  void leave(actor_vitals& one);
  [[nodiscard]] actor_numbers read() const;

 private:
  struct shard {
    mutable std::mutex mutex;
    actor_vitals* first = nullptr;
    std::uint64_t actors = 0;
    actor_numbers gone;                              // `handled` and `busy_ms` of those that left
  };
  [[nodiscard]] shard& shard_of(const actor_vitals& one);

  std::array<shard, 32> shards_;
};

/// All groups of a process. There is a bounded number of them: beyond it, and for whoever has none, there is one group
/// called "other". Threads: any.
class actor_board {
 public:
  explicit actor_board(std::size_t most_groups = 500) : most_(most_groups) {}

  struct row {
    std::string supervisor, child_class;
    actor_numbers numbers;
  };

  /// Names of kinds, never of single actors.
  [[nodiscard]] std::shared_ptr<actor_group> group_of(const std::string& supervisor, const std::string& child_class);
  [[nodiscard]] std::vector<row> read() const;

 private:
  const std::size_t most_;
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<actor_group>> groups_;
};

}  // namespace flott
