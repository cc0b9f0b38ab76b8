#pragma once

#include "runtime/execution/data_plane.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace flott {

/// How a job that ran without actors has ended.
struct local_outcome {
  msg::TaskState state = msg::TASK_STATE_FINISHED;   ///< FINISHED, CANCELED or FAILED
  failure error;                                     ///< with FAILED: the first one
  std::string operator_name;
  std::vector<msg::Committable> committables;        ///< with FINISHED; nobody has published them
  std::vector<msg::CollectedRows> collected;         ///< with FINISHED
  std::vector<std::vector<msg::TaskCounters>> counters;   ///< by vertex, by subtask

  [[nodiscard]] bool finished() const { return state == msg::TASK_STATE_FINISHED; }
};

/// A data plane that takes part in a local run, and under which name its peers find it.
struct local_node {
  data_plane* plane = nullptr;
  std::string incarnation;                           ///< as in its data_plane_config
  std::string host = "127.0.0.1";
};

/// One job on one or several data planes of this process, without actors: every subtask deployed and started, one
/// failure cancels the rest. For tests, benchmarks and embedding; no restarts, and nothing is published.
class local_run {
 public:
  /// Subtask i of every vertex runs on node i modulo the number of nodes. Requires: the planes outlive the run.
  static result<std::unique_ptr<local_run>> start(const std::vector<local_node>& nodes,
                                                  std::shared_ptr<const compiled_job> job, msg::JobSpec spec = {});
  ~local_run();                                      ///< cancels what still runs

  void cancel();
  void trigger_checkpoint(std::uint64_t id, std::int64_t unix_ms);
  /// Nothing when the job has not ended by then.
  [[nodiscard]] std::optional<local_outcome> wait_until(std::chrono::steady_clock::time_point deadline);
  /// Waits without end.
  [[nodiscard]] local_outcome wait();
  /// All tasks have said RUNNING, or the job has ended.
  [[nodiscard]] bool all_running() const;
  /// Present counters, by vertex and subtask.
  [[nodiscard]] std::vector<std::vector<msg::TaskCounters>> counters() const;
  /// Snapshots of checkpoint `id` so far, by vertex and subtask; empty strings where there is none.
  [[nodiscard]] std::vector<std::vector<std::string>> snapshots(std::uint64_t id) const;

 private:
  struct state;
  struct observer;
  local_run() = default;

  std::shared_ptr<state> state_;
  std::vector<std::vector<std::unique_ptr<task_handle>>> tasks_;
};

struct local_run_options {
  msg::JobSpec spec;                                 ///< parameters, -D options
  std::uint32_t workers = 0;                         ///< 0: one per core
  std::uint64_t memory_bytes = 1ULL << 30;
  std::vector<std::pair<std::string, std::string>> options;   ///< defaults of operator_context::option
};

/// Runs the job in a data plane of its own until it ends.
result<local_outcome> run_locally(std::shared_ptr<const compiled_job> job, local_run_options options = {});

/// The deployments of all subtasks, by vertex and subtask, placed as `local_run` does.
result<std::vector<std::vector<msg::TaskDeployment>>> plan_local_deployments(const compiled_job& job,
                                                                             const std::string& id,
                                                                             const std::vector<local_node>& nodes);

}  // namespace flott
