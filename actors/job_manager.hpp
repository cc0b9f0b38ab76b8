#pragma once

/// JOB MANAGER runs one job: plans it, gets slots, deploys, watches, restarts, commits, releases.
///
/// Lives  one per job, on a JobManager node; temporary child of the node's supervisor.
/// Hears  TaskReports of its tasks, SlotsGranted and TaskManagerLost of the RESOURCE MANAGER, CancelJob; the link to the
///        dispatcher from its node.
/// Tells  TaskManagers what to run; the DISPATCHER the facts that must not be lost, again and again until each is
///        acknowledged; its node every change of the job's snapshot.
/// Keeps  nothing of its own: `job_lifecycle` decides everything, this carries it out.

#include "actors/interfaces.hpp"
#include "runtime/base/instant.hpp"
#include "runtime/graph/job_lifecycle.hpp"
#include "runtime/monitoring/liveness.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace flott {

class env;
class restart_probe;

struct job_manager_config {
  committer_actor committer;                        ///< of this node
  msg::AssignJob assignment;
  job_lifecycle_config lifecycle;
  msg::Address self;                                ///< of the node's gateway, with the node's incarnation
  env* environment = nullptr;
  restart_probe* probe = nullptr;                   ///< may be null
  std::chrono::milliseconds heartbeat_interval{250};
  std::chrono::milliseconds heartbeat_timeout{1000};
  std::chrono::milliseconds rpc_timeout{10'000};
  std::chrono::milliseconds plan_timeout{35'000};   ///< longer than a TaskManager's own
  std::chrono::milliseconds snapshot_interval{10};
};

struct job_manager_state {
  job_manager_state();                              // NOLINT: an aggregate state would take CAF's arguments
  ~job_manager_state();

  /// A TaskManager that this job uses, as a direct peer.
  struct peer {
    task_manager_actor handle;                      ///< unset while it is being dialed
    std::string incarnation;
    std::vector<std::function<void(const task_manager_actor&)>> waiting;   ///< for the handle; null: not reached
  };
  using fact = std::variant<msg::JobPlanned, msg::CommitDecided, msg::JobEnded>;

  job_manager_config config;
  std::optional<job_lifecycle> life;
  job_manager_node_actor node;
  dialer_actor dial;
  cluster_gateway_actor dispatcher;                 ///< while linked
  std::map<std::string, peer> peers;                ///< by TaskManager id
  std::unique_ptr<liveness> alive;                  ///< of the peers
  std::map<job_timer, std::pair<caf::actor_clock::time_point, std::uint64_t>> timers;
  std::optional<caf::actor_clock::time_point> next_tick;
  caf::actor_clock::time_point next_heartbeat;
  std::vector<fact> facts;                          ///< not acknowledged yet, in order; the first is being told
  bool telling = false;
  std::uint32_t restarts_counted = 0;
  msg::JobState noted_state = msg::JOB_STATE_UNSPECIFIED;
  bool snapshot_dirty = false;
  bool ended = false;                               ///< reported and acknowledged, or abandoned
  std::uint64_t link_generation = 0;
  static inline const char* name = "job_manager";
};

job_manager_actor::behavior_type job_manager(job_manager_actor::stateful_pointer<job_manager_state> self,
                                             job_manager_config config, job_manager_node_actor node, dialer_actor dial,
                                             cluster_gateway_actor dispatcher);

}  // namespace flott
