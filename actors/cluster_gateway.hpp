#pragma once

/// CLUSTER GATEWAY is the dispatcher process as other nodes see it.
///
/// Lives  one per dispatcher process, published on `jobmanager.rpc.port`; child of the process's supervisor.
/// Hears  everything that nodes say; checks the envelope of each message, here and nowhere else.
/// Tells  DISPATCHER what concerns JobManager nodes and jobs, RESOURCE MANAGER what concerns TaskManagers and slots,
///        MONITOR that a node lives. Answers go straight back to the sender.
/// Keeps  which incarnations may speak; nothing durable.

#include "actors/interfaces.hpp"
#include "actors/wire/envelope.hpp"

namespace flott {

class env;

struct cluster_gateway_state {
  cluster_gateway_state() {}                        // NOLINT: an aggregate state would take CAF's arguments
  envelope_guard guard;
  env* environment = nullptr;
  dispatcher_actor dispatcher;
  resource_manager_actor resources;
  monitor_actor monitor;
  std::string incarnation;
  static inline const char* name = "cluster_gateway";
};

cluster_gateway_actor::behavior_type
cluster_gateway(cluster_gateway_actor::stateful_pointer<cluster_gateway_state> self, std::string incarnation,
                env* environment, dispatcher_actor dispatcher, resource_manager_actor resources, monitor_actor monitor);

}  // namespace flott
