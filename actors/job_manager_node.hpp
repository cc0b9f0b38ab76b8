#pragma once

/// JOB MANAGER NODE hosts the job managers of one JobManager process.
///
/// Lives  one per JobManager process, published on `jobmanager-node.rpc.port`; child of the process's supervisor.
/// Hears  AssignJob and CancelJob from the DISPATCHER; snapshots from its JOB MANAGERs; the link from its REGISTRAR.
/// Tells  the DISPATCHER which jobs it runs whenever it registers, changed snapshots, and jobs whose JOB MANAGER
///        crashed (ReturnJob).
/// Keeps  the job managers it has started; nothing durable.

#include "actors/interfaces.hpp"
#include "actors/wire/envelope.hpp"
#include "actors/job_manager.hpp"
#include "actors/supervisor.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <string>

namespace flott {

class env;

struct job_manager_node_config {
  msg::RegisterNode self;                           ///< who this node is, without jobs
  std::uint32_t max_jobs = 1000;
  std::chrono::milliseconds snapshot_interval{20};  ///< changed snapshots are told together
  env* environment = nullptr;
  /// What every job manager of this node is given, but for its assignment.
  std::function<job_manager_config(const msg::AssignJob&)> job_config;
  dialer_actor dial;
  /// The supervisor of this node's JOB MANAGERs.
  child_ref_ptr job_managers;
  child_ref_ptr root;                               ///< of this process's supervision tree
};

struct job_manager_node_state {
  job_manager_node_state() {}                       // NOLINT: an aggregate state would take CAF's arguments
  struct hosted_job {
    job_manager_actor actor;                        ///< unset while it is being started
    std::uint64_t epoch = 0;
    job_snapshot_ptr snapshot;
    bool changed = false;
    bool cancel = false;                            ///< asked for before it was started
  };
  job_manager_node_config config;
  cluster_gateway_actor dispatcher;
  msg::RegisterNodeReply link;
  envelope_guard guard;
  std::map<std::string, hosted_job> jobs;
  bool flush_armed = false;
  static inline const char* name = "job_manager_node";
};

job_manager_node_actor::behavior_type
job_manager_node(job_manager_node_actor::stateful_pointer<job_manager_node_state> self, job_manager_node_config config);

}  // namespace flott
