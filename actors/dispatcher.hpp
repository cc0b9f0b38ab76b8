#pragma once

/// DISPATCHER accepts jobs, gives each to a JobManager node, and sees it through to its archived end.
///
/// Lives  one per dispatcher process; child of its supervisor.
/// Hears  SubmitJob, CancelJob from the REST GATEWAY (or an embedder); RegisterNode, Heartbeat, LeaveCluster of JobManager
///        nodes; JobPlanned, CommitDecided, JobEnded, ReturnJob, JobSnapshots of JOB MANAGERs.
/// Tells  JobManager nodes which jobs are theirs; the view what jobs look like; the RESOURCE MANAGER which jobs ended.
/// Keeps  every job in the job store, before anybody is told of it. `job_registry` decides, this carries it out.

#include "actors/interfaces.hpp"
#include "actors/supervisor.hpp"
#include "runtime/monitoring/liveness.hpp"
#include "runtime/scheduling/job_registry.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace flott {

class env;
class job_probe;

struct dispatcher_config {
  std::string incarnation;                          ///< of the process
  env* environment = nullptr;
  job_registry_config registry;
  std::chrono::milliseconds heartbeat_interval{250};
  std::chrono::milliseconds heartbeat_timeout{1000};
  std::chrono::milliseconds rpc_timeout{10'000};
  msg::Address blobs;                               ///< HTTP address of the module blobs
  msg::Address self;                                ///< RPC address of this process
  job_probe* probe = nullptr;                       ///< may be null
  std::function<void(const std::string& node_id)> kill_node;
  std::function<void(const std::string& node_id, const std::string& incarnation)> lost;
};

/// Who works with the dispatcher in its process; handles change when one of them is restarted.
struct dispatcher_siblings {
  child_ref_ptr resource_manager, view, store, dial;
};

struct dispatcher_state {
  dispatcher_state();                               // NOLINT: an aggregate state would take CAF's arguments
  struct node_peer {
    job_manager_node_actor gateway;
    std::string incarnation;
    msg::Address rpc;
  };
  dispatcher_config config;
  dispatcher_siblings siblings;
  std::unique_ptr<job_registry> jobs;
  std::unique_ptr<liveness> alive;
  std::map<std::string, node_peer> peers;           ///< JobManager nodes, by id
  static inline const char* name = "dispatcher";
};

/// `recovered`: what the job store held when the process started.
dispatcher_actor::behavior_type dispatcher(dispatcher_actor::stateful_pointer<dispatcher_state> self,
                                           dispatcher_config config, dispatcher_siblings siblings,
                                           std::vector<msg::StoredJob> recovered);

}  // namespace flott
