#pragma once

/// TASK MANAGER owns its slots and what runs in them.
///
/// Lives  one per TaskManager process, published on `taskmanager.rpc.port`; child of the process's supervisor.
/// Hears  PlanJob, DeployTasks, CancelTasks, JobHeartbeat from JOB MANAGERs; AllocateSlot, FreeSlot from the RESOURCE
///        MANAGER; reports from its TASKs; the link from its REGISTRAR.
/// Tells  each JOB MANAGER what its tasks do: changes at once, counters once a tick; the dispatcher its slot table.
/// Keeps  the slot table, which is the truth; the last report of every attempt until its job is released.

#include "actors/interfaces.hpp"
#include "actors/wire/envelope.hpp"
#include "actors/supervisor.hpp"
#include "actors/task.hpp"
#include "runtime/scheduling/slot_table.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace flott {

class env;

struct task_manager_config {
  msg::RegisterNode self;                           ///< who this node is, without slots
  slot_table_config slots;
  data_plane* plane = nullptr;
  env* environment = nullptr;
  task_board* board = nullptr;
  task_probe* probe = nullptr;                      ///< may be null
  std::chrono::milliseconds tick{250};
  std::chrono::milliseconds plan_timeout{30'000};
  /// How long the tasks of a job may take to end once cancelled.
  std::function<std::chrono::milliseconds(const msg::JobSpec&)> cancellation_timeout;
  std::chrono::milliseconds heartbeat_timeout{1000};
  /// Starts a job loader; user code runs in it, so it gets a thread of its own wherever there are threads.
  std::function<caf::strong_actor_ptr(const child_context&)> start_loader;
  /// The supervisors of this node's TASKs and JOB LOADERs.
  child_ref_ptr tasks, loaders;
  child_ref_ptr root;                               ///< of this process's supervision tree
  /// The node can't be trusted any more.
  std::function<void(failure why)> abort;
};

/// What a TaskManager keeps of one job.
struct task_manager_job {
  std::uint64_t epoch = 0;
  compiled_job_ptr compiled;
  caf::strong_actor_ptr job_manager;                ///< a direct peer
  caf::actor_clock::time_point last_contact;
  std::map<std::string, msg::TaskReport> latest;    ///< by attempt key: every attempt's newest report
  std::set<std::string> unsent;                     ///< keys of `latest` to report
};

/// What a TaskManager keeps of one running attempt.
struct task_manager_task {
  task_actor actor;                                 ///< unset while it is being started
  msg::AttemptId attempt;
  std::string allocation_id;
  std::chrono::milliseconds cancellation_timeout{};
  std::optional<caf::actor_clock::time_point> cancel_since;
};

struct task_manager_state {
  task_manager_state() {}                           // NOLINT: an aggregate state would take CAF's arguments
  task_manager_config config;
  cluster_gateway_actor dispatcher;                 ///< while linked
  slot_table slots{slot_table_config{}};
  std::map<std::string, task_manager_job> jobs;
  std::map<std::string, task_manager_task> tasks;   ///< by job id + attempt key
  bool flush_armed = false;
  std::uint64_t last_loader = 0;
  std::uint64_t told_version = 0;                   ///< of the slot table
  std::optional<caf::actor_clock::time_point> last_tick;
  envelope_guard guard;
  static inline const char* name = "task_manager";
};

task_manager_actor::behavior_type task_manager(task_manager_actor::stateful_pointer<task_manager_state> self,
                                               task_manager_config config);

}  // namespace flott
