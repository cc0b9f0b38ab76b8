#include "actors/resource_manager.hpp"

#include "actors/dialer.hpp"
#include "actors/exit_reason.hpp"
#include "runtime/base/env.hpp"
#include "runtime/base/log.hpp"

#include <csignal>
#include <cstring>

namespace flott {

resource_manager_state::resource_manager_state() = default;

namespace {

using self_ptr = resource_manager_actor::stateful_pointer<resource_manager_state>;

constexpr std::size_t losses_kept = 256;
constexpr const char* left = "it left the cluster";

template <class Message>
Message stamped(const resource_manager_state& state, std::uint64_t epoch = 0) {
  Message message;
  message.mutable_header()->set_incarnation(state.config.incarnation);
  message.mutable_header()->set_epoch(epoch);
  return message;
}

void carry_out(self_ptr self, const slot_actions& actions);

void carry_out(self_ptr self, const slot_action::allocate& action) {
  auto& state = self->state;
  const auto peer = state.peers.find(action.task_manager_id);
  if (peer == state.peers.end())
    return;                                           // its loss is being told
  auto request = stamped<msg::AllocateSlot>(state, action.epoch);
  request.set_job_id(action.job_id);
  request.set_epoch(action.epoch);
  request.set_allocation_id(action.allocation_ids.front());
  for (std::size_t i = 1; i < action.allocation_ids.size(); ++i)
    request.add_more_allocation_ids(action.allocation_ids[i]);
  self->request(peer->second.gateway, state.config.rpc_timeout, std::move(request))
    .then(
      [self, id = action.task_manager_id, incarnation = peer->second.incarnation,
       allocations = action.allocation_ids](const msg::SlotTable& table) {
        carry_out(self, self->state.slots->allocated(id, incarnation, allocations, table.slots()));
      },
      [self, id = action.task_manager_id, incarnation = peer->second.incarnation,
       allocations = action.allocation_ids](const caf::error&) {
        carry_out(self, self->state.slots->allocation_failed(id, incarnation, allocations));
      });
}

void carry_out(self_ptr self, const slot_action::free& action) {
  auto& state = self->state;
  const auto peer = state.peers.find(action.task_manager_id);
  if (peer == state.peers.end())
    return;
  auto request = stamped<msg::FreeSlot>(state);
  for (const auto& id : action.allocation_ids)
    request.add_allocation_ids(id);
  self->request(peer->second.gateway, state.config.rpc_timeout, std::move(request))
    .then(
      [self, id = action.task_manager_id, incarnation = peer->second.incarnation](const msg::SlotTable& table) {
        carry_out(self, self->state.slots->report(id, incarnation, table.slots()));
      },
      [](const caf::error&) {});                      // the next heartbeat shows the slots, and they are freed again
}

void carry_out(self_ptr self, const slot_action::grant& action) {
  auto& state = self->state;
  const auto listener = state.job_managers.find(action.job_id);
  if (listener == state.job_managers.end() || !listener->second) {
    std::vector<std::string> ids;
    for (const auto& slot : action.slots)
      ids.push_back(slot.allocation_id());
    carry_out(self, state.slots->release(action.job_id, action.epoch, ids));
    return;
  }
  auto news = stamped<msg::SlotsGranted>(state, action.epoch);
  news.set_job_id(action.job_id);
  news.set_epoch(action.epoch);
  for (const auto& slot : action.slots)
    *news.add_slots() = slot;
  self->send(caf::actor_cast<job_manager_actor>(listener->second), std::move(news));
}

void carry_out(self_ptr self, const slot_actions& actions) {
  for (const auto& action : actions)
    std::visit([self](const auto& a) { carry_out(self, a); }, action);
}

// --- losses -----------------------------------------------------------------------------------------------------

void answer_askers(resource_manager_state::loss& loss) {
  for (auto& asker : loss.askers)
    asker.deliver(loss.news);
  loss.askers.clear();
}

/// The entry of an incarnation, made if need be; the oldest one goes when there are too many.
resource_manager_state::loss& loss_of(resource_manager_state& state, const std::string& incarnation) {
  if (!state.losses.contains(incarnation)) {
    state.loss_order.push_back(incarnation);
    if (state.loss_order.size() > losses_kept) {
      answer_askers(state.losses[state.loss_order.front()]);
      state.losses.erase(state.loss_order.front());
      state.loss_order.erase(state.loss_order.begin());
    }
  }
  return state.losses[incarnation];
}

/// The life is over. `signal` and user code as far as they are known.
void declare_lost(self_ptr self, const std::string& node_id, const std::string& incarnation, const std::string& why) {
  auto& state = self->state;
  const auto peer = state.peers.find(node_id);
  if (peer == state.peers.end() || peer->second.incarnation != incarnation)
    return;
  if (why == left)
    log::info("TaskManager left", {{"peer", node_id}});
  else
    log::warn("TaskManager lost", {{"peer", node_id}, {"why", why}});
  self->demonitor(peer->second.gateway.address());
  state.peers.erase(peer);
  auto& loss = loss_of(state, incarnation);
  loss.news = stamped<msg::TaskManagerLost>(state);
  loss.news.set_task_manager_id(node_id);
  loss.news.set_incarnation(incarnation);
  loss.since = self->clock().now();
  to_proto(transient_failure("TaskManager " + node_id, "lost: " + why), *loss.news.mutable_failure());
  state.config.lost(loss.news);
  // Jobs that hold slots there hear of it even when their own connection has not closed yet.
  const auto news = loss.news;
  for (const auto& slot : state.slots->slots_of(node_id))
    if (const auto listener = state.job_managers.find(slot.job_id()); listener != state.job_managers.end())
      self->send(caf::actor_cast<job_manager_actor>(listener->second), news);
  carry_out(self, state.slots->task_manager_lost(node_id, incarnation));
}

void on_node_exit(self_ptr self, const node_exit& end) {
  auto& state = self->state;
  std::string incarnation;
  if (const auto peer = state.peers.find(end.node_id); peer != state.peers.end()) {
    incarnation = peer->second.incarnation;
    if (state.alive->declare_lost({end.node_id, incarnation}))
      declare_lost(self, end.node_id, incarnation, "its process ended");
  }
  for (auto& [life, loss] : state.losses) {
    if (loss.news.task_manager_id() != end.node_id || loss.final)
      continue;
    loss.final = true;
    loss.news.set_signal(end.signal);
    if (end.crashed_in_job) {
      loss.news.set_job_id(end.job_id);
      loss.news.set_vertex_id(end.vertex_id);
      loss.news.set_subtask(end.subtask);
      loss.news.set_operator_name(end.operator_name);
    }
    std::string how = end.signal != 0 ? std::string{"killed by signal "} + std::to_string(end.signal) + " (" +
                                        ::strsignal(end.signal) + ")"
                                      : "exited with code " + std::to_string(end.exit_status);
    if (end.crashed_in_job)
      how += " in operator `" + end.operator_name + "`, subtask " + std::to_string(end.subtask) + " of vertex " +
             end.vertex_id + ", job " + end.job_id;
    to_proto(transient_failure("TaskManager " + end.node_id, how), *loss.news.mutable_failure());
    answer_askers(loss);
  }
}

caf::result<msg::TaskManagerLost> loss_cause(self_ptr self, const msg::RequestLossCause& question) {
  auto& state = self->state;
  const std::string id = question.task_manager_id(), incarnation = question.incarnation();
  // A job whose connection closed asks before our own connection has: we hear the end together.
  auto& loss = loss_of(state, incarnation);
  if (loss.news.incarnation().empty()) {
    loss.news = stamped<msg::TaskManagerLost>(state);
    loss.news.set_task_manager_id(id);
    loss.news.set_incarnation(incarnation);
    to_proto(transient_failure("TaskManager " + id, "lost: its connection closed"), *loss.news.mutable_failure());
    loss.since = self->clock().now();
  }
  if (loss.final)
    return loss.news;
  auto promise = self->make_response_promise<msg::TaskManagerLost>();
  loss.askers.push_back(promise);
  return promise;
}

// --- registration and liveness ---------------------------------------------------------------------------------

msg::RegisterNodeReply enroll(self_ptr self, const msg::RegisterNode& node, const caf::strong_actor_ptr& gateway) {
  auto& state = self->state;
  const auto& incarnation = node.header().incarnation();
  auto reply = stamped<msg::RegisterNodeReply>(state);
  reply.set_protocol_version(node.protocol_version());
  *reply.mutable_blobs() = state.config.blobs;
  const auto added = state.alive->add({node.node_id(), incarnation}, self->clock().now());
  if (!added.accepted) {
    to_proto(internal_failure(node.node_id(), "this life of the node was declared lost"), *reply.mutable_failure());
    return reply;
  }
  if (added.replaced)
    declare_lost(self, added.replaced->id, added.replaced->incarnation, "replaced by a new life of the same node");
  auto& peer = state.peers[node.node_id()];
  peer = {caf::actor_cast<task_manager_actor>(gateway), incarnation, node.rpc()};
  self->monitor(peer.gateway);
  log::info("TaskManager registered", {{"peer", node.node_id()}, {"slots", node.slots_size()}});
  carry_out(self, state.slots->register_task_manager(node));
  return reply;
}

/// A closed connection that is no death means nothing here: the node registers again, and silence decides.
void on_down(self_ptr self, const caf::down_msg& down) {
  auto& state = self->state;
  for (const auto& [id, peer] : state.peers) {
    if (peer.gateway.address() != down.source)
      continue;
    after_closed_connection(
      self, state.dial, state.config.rpc_timeout, peer.rpc,
      [self, node_id = id, incarnation = peer.incarnation](const char* why) {
        if (self->state.alive->dial_refused({node_id, incarnation}))
          declare_lost(self, node_id, incarnation, why);
      },
      [] {});
    return;
  }
}

void tick(self_ptr self) {
  auto& state = self->state;
  const auto now = self->clock().now();
  if (state.alive->observe_tick(now))
    log::warn("the dispatcher itself was asleep; its TaskManagers get a fresh heartbeat timeout");
  for (const auto& silent : state.alive->expire(now)) {
    declare_lost(self, silent.id, silent.incarnation, "silent for longer than heartbeat.timeout");
    state.config.kill_node(silent.id);
  }
  for (auto& [incarnation, loss] : state.losses)
    if (!loss.final && now - loss.since > state.config.loss_cause_wait)
      answer_askers(loss);
  self->delayed_send(self, std::min(state.config.heartbeat_interval, state.config.loss_cause_wait) / 2, atom::tick_v);
}

}  // namespace

resource_manager_actor::behavior_type resource_manager(self_ptr self, resource_manager_config config, dialer_actor dial) {
  keep_exception_text(self);
  auto& state = self->state;
  state.config = std::move(config);
  state.dial = std::move(dial);
  state.slots = std::make_unique<slot_manager>(
    evenly_spread_placement(), [e = state.config.environment] { return new_allocation_id(*e).hex(); });
  state.alive = std::make_unique<liveness>(state.config.heartbeat_interval, state.config.heartbeat_timeout);
  self->set_down_handler([self](const caf::down_msg& down) { on_down(self, down); });
  self->send(self, atom::tick_v);
  return {
    [self](const msg::RegisterNode& node, const caf::strong_actor_ptr& gateway) { return enroll(self, node, gateway); },
    [self](const msg::Heartbeat& pulse) {
      auto& now_state = self->state;
      auto reply = stamped<msg::HeartbeatReply>(now_state);
      if (!now_state.alive->touch({pulse.node_id(), pulse.header().incarnation()}, self->clock().now())) {
        reply.set_register_again(true);
        return reply;
      }
      carry_out(self, now_state.slots->report(pulse.node_id(), pulse.header().incarnation(), pulse.slots()));
      return reply;
    },
    [self](const msg::LeaveCluster& farewell) {
      self->state.alive->remove({farewell.node_id(), farewell.header().incarnation()});
      declare_lost(self, farewell.node_id(), farewell.header().incarnation(), left);
    },
    [self](const msg::SlotTable& table) {
      carry_out(self, self->state.slots->report(table.node_id(), table.header().incarnation(), table.slots()));
    },
    [self](const msg::RequestSlots& wish) {
      auto& now_state = self->state;
      auto actions = now_state.slots->request({wish.job_id(), wish.epoch(), wish.count(), wish.priority(),
                                               wish.job_manager()});
      if (actions) {                                  // a stale epoch does not become the one that is told of slots
        now_state.job_managers[wish.job_id()] = self->current_sender();
        carry_out(self, *actions);
      } else {
        auto refused = stamped<msg::SlotsGranted>(now_state, wish.epoch());
        refused.set_job_id(wish.job_id());
        refused.set_epoch(wish.epoch());
        to_proto(actions.error(), *refused.mutable_failure());
        self->send(caf::actor_cast<job_manager_actor>(self->current_sender()), std::move(refused));
      }
      return msg::Ack{};
    },
    [self](const msg::ReleaseSlots& given_back) {
      auto& now_state = self->state;
      const std::vector<std::string> ids(given_back.allocation_ids().begin(), given_back.allocation_ids().end());
      carry_out(self, now_state.slots->release(given_back.job_id(), given_back.epoch(), ids));
      return msg::Ack{};
    },
    [self](const msg::RequestPlanner& wish) {
      auto& now_state = self->state;
      auto reply = stamped<msg::PlannerReply>(now_state);
      const auto chosen = now_state.slots->pick_planner(
        {wish.avoid_task_manager_ids().begin(), wish.avoid_task_manager_ids().end()});
      if (chosen) {
        reply.set_task_manager_id(chosen->task_manager_id);
        *reply.mutable_rpc() = chosen->rpc;
      } else {
        to_proto(resource_failure("cluster", "no TaskManager is registered"), *reply.mutable_failure());
      }
      return reply;
    },
    [self](const msg::RequestLossCause& question) { return loss_cause(self, question); },
    [self](const node_exit& end) { on_node_exit(self, end); },
    [self](atom::forget, const std::string& ended_job) {
      carry_out(self, self->state.slots->job_ended(ended_job));
      self->state.job_managers.erase(ended_job);
    },
    [self](atom::tick) { tick(self); },
  };
}

}  // namespace flott
