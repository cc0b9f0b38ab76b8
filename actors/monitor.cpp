#include "actors/monitor.hpp"

#include "metrics/cluster_probe.hpp"
#include "runtime/base/env.hpp"
#include "runtime/base/log.hpp"

namespace flott {
namespace {

using self_ptr = monitor_actor::stateful_pointer<monitor_state>;

cluster_snapshot_ptr snapshot_of(const monitor_state& state) {
  auto snapshot = std::make_shared<msg::ClusterSnapshot>();
  for (const auto& [id, info] : state.nodes)
    if (info.node().role() == msg::NODE_ROLE_TASKMANAGER)
      *snapshot->add_task_managers() = info;
    else
      *snapshot->add_job_managers() = info.node();
  for (const auto& entry : state.config.configuration)
    *snapshot->add_configuration() = entry;
  *snapshot->mutable_dispatcher() = state.config.dispatcher;
  return snapshot;
}

void publish(self_ptr self) {
  auto& state = self->state;
  const auto snapshot = snapshot_of(state);
  if (state.membership_dirty && state.config.membership_changed)
    state.config.membership_changed(*snapshot);
  self->send(state.view, snapshot);
  state.dirty = state.membership_dirty = false;
}

void forget(self_ptr self, const std::string& node_id, const std::string& incarnation) {
  auto& state = self->state;
  const auto found = state.nodes.find(node_id);
  if (found == state.nodes.end() || found->second.node().header().incarnation() != incarnation)
    return;
  metrics::forget_node(node_id);
  state.nodes.erase(found);
  state.membership_dirty = true;
  publish(self);
}

}  // namespace

monitor_actor::behavior_type monitor(self_ptr self, monitor_config config, view_actor view) {
  self->state.config = std::move(config);
  self->state.view = std::move(view);
  self->send(self, atom::tick_v);
  return {
    [self](const msg::RegisterNode& node) {
      auto& state = self->state;
      auto& info = state.nodes[node.node_id()];
      *info.mutable_node() = node;
      *info.mutable_slots() = node.slots();
      info.set_last_heartbeat_unix_ms(state.config.environment->now_unix_ms());
      state.membership_dirty = true;
      publish(self);
    },
    [self](const msg::Heartbeat& pulse) {
      auto& state = self->state;
      const auto found = state.nodes.find(pulse.node_id());
      if (found == state.nodes.end())
        return;
      found->second.set_last_heartbeat_unix_ms(state.config.environment->now_unix_ms());
      found->second.set_rss_bytes(pulse.rss_bytes());
      *found->second.mutable_slots() = pulse.slots();
      state.dirty = true;
    },
    [self](const msg::SlotTable& table) {
      const auto found = self->state.nodes.find(table.node_id());
      if (found == self->state.nodes.end())
        return;
      *found->second.mutable_slots() = table.slots();
      publish(self);
    },
    [self](const msg::LeaveCluster& gone) { forget(self, gone.node_id(), gone.header().incarnation()); },
    [self](atom::tick) {
      auto& state = self->state;
      const auto now = state.config.environment->now_unix_ms();
      for (const auto& [id, info] : state.nodes)
        metrics::heartbeat_age(id, std::chrono::milliseconds{now - info.last_heartbeat_unix_ms()});
      if (state.dirty || state.membership_dirty)
        publish(self);
      self->delayed_send(self, state.config.tick, atom::tick_v);
    },
  };
}

}  // namespace flott
