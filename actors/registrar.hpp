#pragma once

/// REGISTRAR finds the leading dispatcher and keeps its node registered there.
///
/// Lives  one per JobManager and TaskManager process; child of the node's supervisor.
/// Hears  the dispatcher's answers; SlotTable from its owner, the node's gateway. Stopped in order, it says good-bye.
/// Tells  its owner when the link to a dispatcher came (link_up) or went (link_down).
/// Keeps  nothing durable. Ends the node when no dispatcher is found within `registration_timeout`, or when the
///        dispatcher has declared this life of the node dead.

#include "actors/interfaces.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace flott {

class env;

struct registrar_config {
  std::vector<std::pair<std::string, std::uint16_t>> dispatchers;   ///< tried in turn
  std::string incarnation;                                          ///< of this process
  std::string node_id;
  msg::NodeRole role = msg::NODE_ROLE_TASKMANAGER;
  std::chrono::milliseconds heartbeat_interval{250};
  std::chrono::milliseconds heartbeat_timeout{1000};
  std::chrono::milliseconds registration_timeout{300'000};
  env* environment = nullptr;
  /// The node has to end: called once, from the actor; must not block.
  std::function<void(failure why)> give_up;
};

struct registrar_state {
  registrar_state() {}                              // NOLINT: an aggregate state would take CAF's arguments
  registrar_config config;
  registered_node_actor owner;                                 ///< the node's gateway: answers describe, hears of the link
  dialer_actor dial;
  cluster_gateway_actor gateway;                    ///< valid while registered
  bool busy = false;                                ///< dialing or registering
  std::size_t next_address = 0;
  std::chrono::milliseconds backoff{0};
  std::string last_trouble;                         ///< why there is no link yet
  caf::actor_clock::time_point not_before;          ///< of the next dial
  caf::actor_clock::time_point last_linked;
  caf::actor_clock::time_point last_answer;         ///< of the dispatcher, while registered
  std::uint64_t generation = 0;                     ///< answers of an earlier link are ignored
  static inline const char* name = "registrar";
};

registrar_actor::behavior_type registrar(registrar_actor::stateful_pointer<registrar_state> self,
                                         registrar_config config, registered_node_actor owner, dialer_actor dial);

}  // namespace flott
