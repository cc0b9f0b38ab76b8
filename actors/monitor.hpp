#pragma once

/// MONITOR knows how the cluster looks.
///
/// Lives  one per dispatcher process; child of its supervisor.
/// Hears  of every node that registers, lives, leaves or is declared lost.
/// Tells  its view (the REST GATEWAY) a new cluster snapshot whenever something changed, at most once a tick; the
///        metrics how old each node's last heartbeat is; and the file `cluster.json` which nodes live.
/// Keeps  nothing durable.

#include "actors/interfaces.hpp"
#include "actors/supervisor.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <string>

namespace flott {

class env;
class node_probe;

struct monitor_config {
  std::chrono::milliseconds tick{100};
  env* environment = nullptr;
  std::shared_ptr<node_probe> probe;                ///< may be null
  /// The dispatcher's own entry, and the configuration that the dashboard shows.
  msg::RegisterNode dispatcher;
  std::vector<msg::KeyValue> configuration;
  child_ref_ptr root;                               ///< of this process's supervision tree
  std::chrono::milliseconds tree_timeout{1000};
  /// Called whenever the set of living nodes has changed; writes cluster.json, where there is one.
  std::function<void(const msg::ClusterSnapshot&)> membership_changed;
};

struct monitor_state {
  monitor_state() {}                                // NOLINT: an aggregate state would take CAF's arguments
  monitor_config config;
  view_actor view;
  std::map<std::string, msg::TaskManagerInfo> nodes;   ///< by node id, JobManager nodes too
  std::map<std::string, tree_server_actor> gateways;   ///< by node id
  bool dirty = true, membership_dirty = true;
  static inline const char* name = "monitor";
};

monitor_actor::behavior_type monitor(monitor_actor::stateful_pointer<monitor_state> self, monitor_config config,
                                     view_actor view);

}  // namespace flott
