#pragma once

#include "messages/cluster.pb.h"
#include "messages/job.pb.h"
#include "messages/task.pb.h"
#include "runtime/base/result.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace flott {

/// What one task report means for its job.
enum class report_effect {
  stale,          ///< of another epoch, an older attempt, or one that has ended: ignored
  unchanged,      ///< only counters
  changed,        ///< a state moved
  all_running,    ///< a state moved, and with it every subtask runs or has finished
  all_finished,   ///< a state moved, and with it every subtask has finished
  all_ended,      ///< a state moved, and with it no subtask is deployed any more (but not all have finished)
  failed,         ///< the attempt failed; see `failed_task`
};

/// Where a failure happened, for the exceptions page and for naming it.
struct task_location {
  std::string task_name;         ///< "counts (2/4)"
  std::string operator_name;     ///< may be empty
  std::string task_manager_id;
  std::string endpoint;          ///< host:port of the data endpoint
};

struct report_result {
  report_effect effect = report_effect::stale;
  bool zombie = false;                 ///< stale, of an older attempt, and still active: to be cancelled
  failure error;                         ///< with failed
  task_location failed_task;             ///< with failed
};

/// The parallel form of a job graph: every subtask's current attempt, its state and its slot.
///
/// Vertices and edges keep the order of the JobGraph. Attempts are numbered from 0 within an epoch; a reset moves
/// all of them to the next number (the region is the whole job). States move by can_move() only: a report that
/// skips states (reports are coalesced) walks through them.
class execution_graph {
 public:
  static constexpr std::size_t max_collected_bytes = 768 * 1024;

  /// Errors (permanent, internal): duplicate or unknown vertex ids, parallelism 0, vertices out of topological order,
  /// edge ids that are not their index, a FORWARD edge between different parallelisms.
  static result<execution_graph> make(std::string job_id, std::uint64_t epoch, msg::JobGraph graph);

  [[nodiscard]] const msg::JobGraph& graph() const { return graph_; }
  [[nodiscard]] std::size_t subtasks() const { return total_; }
  /// Of each slot sharing group the largest parallelism, summed.
  [[nodiscard]] std::uint32_t slots_needed() const;

  /// Requires all subtasks CREATED, and at least slots_needed() slots (those beyond stay unused); subtask i of
  /// every vertex of a group gets the group's slot i. They become SCHEDULED.
  result<void> assign(std::span<const msg::SlotGrant> slots, std::int64_t unix_ms);
  /// What each TaskManager has to deploy, by its id. Requires assign().
  [[nodiscard]] std::map<std::string, std::vector<msg::TaskDeployment>> deployments() const;
  /// SCHEDULED subtasks become DEPLOYING.
  void mark_deploying(std::int64_t unix_ms);

  report_result apply(const msg::TaskReport& report, const std::string& task_manager_id);

  /// Every subtask becomes FINISHED: the commit of a former epoch was decided, and its tasks are not seen again.
  void mark_finished(std::int64_t unix_ms);
  /// Active subtasks become CANCELING, those not yet deployed CANCELED.
  void mark_canceling(std::int64_t unix_ms);
  /// The attempts that are still deployed, by TaskManager.
  [[nodiscard]] std::map<std::string, std::vector<msg::AttemptId>> active_attempts() const;
  /// Its active attempts become FAILED (they can report no more). Returns where they ran; empty: it ran none.
  std::vector<task_location> fail_on(const std::string& task_manager_id, const std::string& incarnation,
                                     std::int64_t unix_ms);
  /// Whether attempts of this round are active on it, or have finished there.
  [[nodiscard]] bool uses(const std::string& task_manager_id, const std::string& incarnation) const;

  /// All subtasks CREATED again under the next attempt number; results of the former attempts are dropped and
  /// returned, to be discarded.
  std::vector<msg::Committable> reset();

  /// Drops the results of all attempts, whose states stay; returns what was written aside.
  std::vector<msg::Committable> reset_results();

  [[nodiscard]] bool all_in(msg::TaskState state) const { return counts_[state] == total_; }
  [[nodiscard]] bool all_ended() const;
  [[nodiscard]] std::uint32_t count(msg::TaskState state) const { return counts_[state]; }

  /// Of the FINISHED current attempts, by vertex and subtask; collected rows are merged by sink, and cut where all sinks
  /// together have more than `max_collected_bytes`: they travel in one control message.
  [[nodiscard]] std::vector<msg::Committable> committables() const;
  [[nodiscard]] std::vector<msg::CollectedRows> collected() const;

  /// One msg::VertexSnapshot for each vertex, appended to the snapshot's.
  void fill(msg::JobSnapshot& snapshot) const;

  /// Moves that can_move() forbids. Not 0: a bug.
  [[nodiscard]] std::uint32_t illegal_moves() const { return illegal_moves_; }

  /// "counts (2/4)"; the ids as they are when they name nothing of this graph.
  [[nodiscard]] std::string task_name(const std::string& vertex_id, std::uint32_t subtask) const;

 private:
  struct subtask_state {
    msg::SubtaskSnapshot shown;             // attempt, state, times, counters, location
    msg::SlotGrant slot;
    std::vector<msg::Committable> committables;
    std::vector<msg::CollectedRows> collected;
  };
  struct vertex_state {
    std::size_t group = 0;                  // index into group_demand_
    std::vector<subtask_state> subtasks;
  };

  execution_graph() = default;
  void move(subtask_state& subtask, msg::TaskState to, std::int64_t unix_ms);
  void walk(subtask_state& subtask, msg::TaskState to, std::int64_t unix_ms);
  [[nodiscard]] msg::AttemptId attempt_of(std::size_t vertex, std::uint32_t subtask) const;
  [[nodiscard]] task_location location_of(std::size_t vertex, std::uint32_t subtask) const;
  report_result moved();
  template <class Visit> void for_each(Visit visit);

  std::string job_id_;
  std::uint64_t epoch_ = 0;
  msg::JobGraph graph_;
  std::vector<vertex_state> vertices_;
  std::map<std::string, std::size_t> vertex_index_;
  std::vector<std::uint32_t> group_demand_;   // in order of the groups' first appearance
  std::uint32_t counts_[msg::TaskState_ARRAYSIZE]{};
  std::uint32_t total_ = 0;
  std::uint32_t illegal_moves_ = 0;
  bool was_all_running_ = false;
  bool cancel_asked_ = false;               // in this round; a task that is cancelled unasked has failed
};

}  // namespace flott
