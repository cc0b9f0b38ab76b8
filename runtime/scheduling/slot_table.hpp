#pragma once

#include "messages/cluster.pb.h"
#include "runtime/base/result.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace flott {

struct slot_table_config {
  std::uint32_t slots = 1;                                ///< taskmanager.numberOfTaskSlots
  std::chrono::milliseconds slot_timeout{10'000};         ///< taskmanager.slot.timeout: allocated, never used
  std::chrono::milliseconds orphan_timeout{60'000};       ///< taskmanager.orphan-timeout: the JobManager is silent
};

/// A job whose tasks, up to and including `epoch`, have to be cancelled.
struct job_up_to {
  std::string job_id;
  std::uint64_t epoch = 0;
  auto operator<=>(const job_up_to&) const = default;
};

/// A TaskManager's own slots: the truth about them.
///
/// FREE -> ALLOCATED (for a job and epoch) -> ACTIVE (holds tasks) -> RELEASING (freed, its tasks are stopping) -> FREE.
/// A slot that is freed without tasks is FREE at once. A job's higher epoch supersedes the lower ones: their slots are
/// released; what comes with a stale epoch is refused.
class slot_table {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit slot_table(slot_table_config config);

  /// All of the ids or none. Ids that are allocated to this job and epoch already are taken as done (a repeated
  /// message). Returns jobs whose lower epochs have to be cancelled now.
  /// Errors: stale epoch, an id of another job (permanent); too few free slots (resources).
  result<std::vector<job_up_to>> allocate(const std::string& job_id, std::uint64_t epoch,
                                          const std::vector<std::string>& allocation_ids, time_point now);

  /// Gives the slots back. Returns the tasks in them, which have to be cancelled. Unknown ids are ignored.
  std::vector<std::string> free(const std::vector<std::string>& allocation_ids);

  /// A task is about to be deployed in the slot, which becomes ACTIVE. Errors: unknown allocation, another job, stale
  /// or other epoch, releasing.
  result<void> task_deployed(const std::string& allocation_id, const std::string& job_id, std::uint64_t epoch,
                             const std::string& task);
  /// The task has ended: the last one turns an ACTIVE slot into an ALLOCATED one, a RELEASING one into a FREE one.
  void task_ended(const std::string& allocation_id, const std::string& task, time_point now);
  [[nodiscard]] std::vector<std::string> tasks_in(const std::string& allocation_id) const;

  /// The job's JobManager has been heard from. False: its epoch is stale.
  bool touch(const std::string& job_id, std::uint64_t epoch, time_point now);

  struct expired {
    std::vector<std::string> freed;        ///< allocations that were never used, FREE by now
    std::vector<job_up_to> orphans;        ///< silent JobManagers' jobs: their slots are RELEASING, cancel their tasks
  };
  expired expire(time_point now);

  /// The job's highest known epoch; 0: unknown. Survives its slots, so that late messages are refused.
  [[nodiscard]] std::uint64_t epoch_of(const std::string& job_id) const;

  [[nodiscard]] std::vector<msg::SlotReport> report() const;
  [[nodiscard]] std::uint32_t free_slots() const;
  /// Moves with every change of report().
  [[nodiscard]] std::uint64_t version() const { return version_; }

 private:
  struct slot {
    msg::SlotState state = msg::SLOT_STATE_FREE;
    std::string allocation_id;
    std::string job_id;
    std::uint64_t epoch = 0;
    std::vector<std::string> tasks;
    time_point since{};                    // allocated, or last task ended
  };
  struct job_view {
    std::uint64_t epoch = 0;
    time_point heard{};
  };

  slot* find(const std::string& allocation_id);
  [[nodiscard]] const slot* find(const std::string& allocation_id) const;
  void release(slot& s);
  void forget_old_jobs();

  slot_table_config config_;
  std::vector<slot> slots_;
  std::map<std::string, job_view> jobs_;
  std::uint64_t version_ = 1;
};

}  // namespace flott
