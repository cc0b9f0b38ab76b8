#pragma once

/// RESOURCE MANAGER knows every TaskManager and grants its slots.
///
/// Lives  one per cluster; child of the leading dispatcher's supervisor.
/// Hears  RegisterNode, Heartbeat, SlotTable, LeaveCluster of TaskManagers; RequestSlots, ReleaseSlots, RequestPlanner,
///        RequestLossCause of JOB MANAGERs; node_exit of the provider.
/// Tells  JOB MANAGERs which slots they got; TaskManagers which to take and to give back; the gateway and MONITOR which
///        lives are over; the provider which silent node to end.
/// Keeps  nothing durable: its view is rebuilt from registrations after a restart.

#include "actors/interfaces.hpp"
#include "runtime/monitoring/liveness.hpp"
#include "runtime/scheduling/slot_manager.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace flott {

class env;

struct resource_manager_config {
  std::string incarnation;                          ///< of the dispatcher process
  env* environment = nullptr;
  std::chrono::milliseconds heartbeat_interval{250};
  std::chrono::milliseconds heartbeat_timeout{1000};
  std::chrono::milliseconds rpc_timeout{10'000};
  std::chrono::milliseconds loss_cause_wait{100};   ///< how long a cause may take to become known
  msg::Address blobs;                               ///< told to nodes that register
  /// A silent node has to be ended; does nothing where nobody can.
  std::function<void(const std::string& node_id)> kill_node;
  /// An incarnation is dead: called for each loss, so that nothing of it is heard any more.
  std::function<void(const msg::TaskManagerLost&)> lost;
};

struct resource_manager_state {
  resource_manager_state();                         // NOLINT: an aggregate state would take CAF's arguments
  struct task_manager_peer {
    task_manager_actor gateway;
    std::string incarnation;
    msg::Address rpc;
  };
  struct loss {
    msg::TaskManagerLost news;
    bool final = false;                             ///< the cause is known, or will not be
    caf::actor_clock::time_point since;
    std::vector<caf::typed_response_promise<msg::TaskManagerLost>> askers;
  };
  resource_manager_config config;
  dialer_actor dial;
  std::unique_ptr<slot_manager> slots;
  std::unique_ptr<liveness> alive;
  std::map<std::string, task_manager_peer> peers;   ///< by node id
  std::map<std::string, caf::strong_actor_ptr> job_managers;   ///< direct peers that hold or want slots, by job
  std::map<std::string, loss> losses;               ///< by incarnation, the newest few
  std::vector<std::string> loss_order;
  static inline const char* name = "resource_manager";
};

resource_manager_actor::behavior_type
resource_manager(resource_manager_actor::stateful_pointer<resource_manager_state> self, resource_manager_config config,
                 dialer_actor dial);

}  // namespace flott
