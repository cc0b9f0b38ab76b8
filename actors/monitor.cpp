#include "actors/monitor.hpp"

#include "actors/exit_reason.hpp"
#include "metrics/probes/node_probe.hpp"
#include "runtime/base/env.hpp"
#include "runtime/base/log.hpp"
#include "runtime/http/message.hpp"
#include "runtime/rest/documents.hpp"

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

/// Slots of the cluster as the TaskManagers report them.
void show_slots(const monitor_state& state) {
  if (!state.config.probe)
    return;
  std::uint64_t all = 0, free = 0, task_managers = 0;
  for (const auto& [id, info] : state.nodes) {
    if (info.node().role() != msg::NODE_ROLE_TASKMANAGER)
      continue;
    ++task_managers;
    for (const auto& slot : info.slots()) {
      ++all;
      free += slot.state() == msg::SLOT_STATE_FREE ? 1U : 0U;
    }
  }
  state.config.probe->show_slots(all, free);
  state.config.probe->show_task_managers(task_managers);
}

void publish(self_ptr self) {
  auto& state = self->state;
  const auto snapshot = snapshot_of(state);
  if (state.membership_dirty && state.config.membership_changed)
    state.config.membership_changed(*snapshot);
  show_slots(state);
  self->send(state.view, snapshot);
  state.dirty = state.membership_dirty = false;
}

void heard_from(self_ptr self, msg::TaskManagerInfo& info) {
  auto& config = self->state.config;
  info.set_last_heartbeat_unix_ms(config.environment->now_unix_ms());
  if (config.probe)
    config.probe->heard_from(info.node().node_id(),
                             info.node().role() == msg::NODE_ROLE_TASKMANAGER ? "taskmanager" : "jobmanager",
                             self->clock().now());
}

void forget(self_ptr self, const std::string& node_id, const std::string& incarnation) {
  auto& state = self->state;
  const auto found = state.nodes.find(node_id);
  if (found == state.nodes.end() || found->second.node().header().incarnation() != incarnation)
    return;
  if (state.config.probe)
    state.config.probe->forget(node_id);
  state.nodes.erase(found);
  state.gateways.erase(node_id);
  state.membership_dirty = true;
  publish(self);
}

std::string unanswered(const std::string& why) {
  return "{\"state\":\"unreachable\",\"last_failure\":" + http::json_quoted(why) + "}";
}

/// The trees of all processes, gathered; a node that does not answer in time is shown without one.
struct tree_collection {
  caf::typed_response_promise<msg::TreeReply> promise;
  std::map<std::string, std::string> trees;
  std::size_t missing = 0;
};

void tree_arrived(const std::shared_ptr<tree_collection>& all, const std::string& node_id, const std::string& json) {
  all->trees[node_id] = json;
  if (--all->missing > 0)
    return;
  msg::TreeReply reply;
  reply.set_json(rest::cluster_tree({all->trees.begin(), all->trees.end()}));
  all->promise.deliver(std::move(reply));
}

caf::result<msg::TreeReply> collect_trees(self_ptr self, const msg::GetTree& wish) {
  auto& state = self->state;
  auto all = std::make_shared<tree_collection>();
  all->promise = self->make_response_promise<msg::TreeReply>();
  all->missing = state.gateways.size() + 1;
  const auto own_id = state.config.dispatcher.node_id();
  self->request(state.config.root->as<supervisor_actor>(), state.config.tree_timeout, tree_request{})
    .then([all, own_id](const supervision::tree_node_ptr& tree) { tree_arrived(all, own_id, supervision::to_json(*tree)); },
          [all, own_id](const caf::error& err) { tree_arrived(all, own_id, unanswered(to_string(err))); });
  for (const auto& [id, gateway] : state.gateways)
    self->request(gateway, state.config.tree_timeout, wish)
      .then([all, id = id](const msg::TreeReply& reply) { tree_arrived(all, id, reply.json()); },
            [all, id = id](const caf::error& err) { tree_arrived(all, id, unanswered(to_string(err))); });
  return all->promise;
}

}  // namespace

monitor_actor::behavior_type monitor(self_ptr self, monitor_config config, view_actor view) {
  keep_exception_text(self);
  self->state.config = std::move(config);
  self->state.view = std::move(view);
  self->send(self, atom::tick_v);
  return {
    [self](const msg::RegisterNode& node, const caf::strong_actor_ptr& gateway) {
      auto& state = self->state;
      auto& info = state.nodes[node.node_id()];
      *info.mutable_node() = node;
      *info.mutable_slots() = node.slots();
      state.gateways[node.node_id()] = caf::actor_cast<tree_server_actor>(gateway);
      heard_from(self, info);
      state.membership_dirty = true;
      publish(self);
    },
    [self](const msg::GetTree& wish) { return collect_trees(self, wish); },
    [self](const msg::Heartbeat& pulse) {
      auto& state = self->state;
      const auto found = state.nodes.find(pulse.node_id());
      if (found == state.nodes.end())
        return;
      heard_from(self, found->second);
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
      if (state.dirty || state.membership_dirty)
        publish(self);
      self->delayed_send(self, state.config.tick, atom::tick_v);
    },
  };
}

}  // namespace flott
