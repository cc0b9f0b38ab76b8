#include "actors/cluster_gateway.hpp"

#include "actors/exit_reason.hpp"
#include "runtime/base/env.hpp"
#include "runtime/base/log.hpp"

namespace flott {
namespace {

using self_ptr = cluster_gateway_actor::stateful_pointer<cluster_gateway_state>;

constexpr std::uint32_t oldest_protocol = 1, newest_protocol = 1;

/// Passes `message` on to `target`, whose answer goes to the sender; or refuses it by its envelope.
template <class Reply, class Message, class Target>
caf::result<Reply> pass(self_ptr self, const Message& message, const Target& target) {
  auto& state = self->state;
  if (auto refused = state.guard.refuse(self, message, state.environment->now_unix_ms(), true))
    return refused;
  return self->delegate(target, message);
}

/// The same for messages that nobody waits on.
template <class Message, class... Targets>
void tell(self_ptr self, const Message& message, const Targets&... targets) {
  auto& state = self->state;
  if (!state.guard.refuse(self, message, state.environment->now_unix_ms(), true))
    (self->send(targets, message), ...);
}

msg::RegisterNodeReply refuse_registration(const std::string& incarnation, failure why) {
  msg::RegisterNodeReply reply;
  reply.mutable_header()->set_incarnation(incarnation);
  to_proto(why, *reply.mutable_failure());
  return reply;
}

caf::result<msg::RegisterNodeReply> enroll(self_ptr self, const msg::RegisterNode& node,
                                           const caf::strong_actor_ptr& gateway) {
  auto& state = self->state;
  if (node.protocol_version_min() > newest_protocol || node.protocol_version() < oldest_protocol)
    return refuse_registration(state.incarnation,
                               user_failure(node.node_id(), "speaks protocol versions " +
                                            std::to_string(node.protocol_version_min()) + " to " +
                                            std::to_string(node.protocol_version()) + "; this dispatcher speaks " +
                                            std::to_string(oldest_protocol) + " to " + std::to_string(newest_protocol)));
  const auto reason = state.guard.check(node, state.environment->now_unix_ms(), false);
  if (reason != refusal::none || !gateway || !state.guard.admit(node.header().incarnation()))
    return refuse_registration(state.incarnation,
                               internal_failure(node.node_id(), std::string{"registration refused: "} +
                                                to_string(gateway ? reason : refusal::no_sender)));
  self->send(state.monitor, node, gateway);
  if (node.role() == msg::NODE_ROLE_TASKMANAGER)
    return self->delegate(state.resources, node, gateway);
  return self->delegate(state.dispatcher, node, gateway);
}

}  // namespace

cluster_gateway_actor::behavior_type
cluster_gateway(self_ptr self, std::string incarnation, env* environment, dispatcher_actor dispatcher,
                resource_manager_actor resources, monitor_actor monitor) {
  keep_exception_text(self);
  auto& state = self->state;
  state.incarnation = std::move(incarnation);
  state.environment = environment;
  state.dispatcher = std::move(dispatcher);
  state.resources = std::move(resources);
  state.monitor = std::move(monitor);
  return {
    [self](const msg::RegisterNode& node, const caf::strong_actor_ptr& gateway) { return enroll(self, node, gateway); },
    [self](const msg::Heartbeat& pulse) -> caf::result<msg::HeartbeatReply> {
      auto& now_state = self->state;
      const auto reason = now_state.guard.check(pulse, now_state.environment->now_unix_ms());
      if (reason == refusal::unknown_incarnation || reason == refusal::stale_incarnation) {
        msg::HeartbeatReply reply;
        reply.mutable_header()->set_incarnation(now_state.incarnation);
        reply.set_register_again(true);
        return reply;
      }
      if (reason != refusal::none)
        return make_error(reason, "Heartbeat");
      self->send(now_state.monitor, pulse);
      if (pulse.role() == msg::NODE_ROLE_TASKMANAGER)
        return self->delegate(now_state.resources, pulse);
      return self->delegate(now_state.dispatcher, pulse);
    },
    [self](const msg::LeaveCluster& farewell) {
      if (farewell.role() == msg::NODE_ROLE_TASKMANAGER)
        tell(self, farewell, self->state.resources);
      else
        tell(self, farewell, self->state.dispatcher);
    },
    [self](const msg::SlotTable& table) { tell(self, table, self->state.resources, self->state.monitor); },
    [self](const msg::RequestSlots& x) { return pass<msg::Ack>(self, x, self->state.resources); },
    [self](const msg::ReleaseSlots& x) { return pass<msg::Ack>(self, x, self->state.resources); },
    [self](const msg::RequestPlanner& x) { return pass<msg::PlannerReply>(self, x, self->state.resources); },
    [self](const msg::RequestLossCause& x) { return pass<msg::TaskManagerLost>(self, x, self->state.resources); },
    [self](const msg::JobPlanned& x) { return pass<msg::DispatcherReply>(self, x, self->state.dispatcher); },
    [self](const msg::CommitDecided& x) { return pass<msg::DispatcherReply>(self, x, self->state.dispatcher); },
    [self](const msg::JobEnded& x) { return pass<msg::DispatcherReply>(self, x, self->state.dispatcher); },
    [self](const msg::ReturnJob& x) { return pass<msg::DispatcherReply>(self, x, self->state.dispatcher); },
    [self](const msg::JobSnapshots& x) { tell(self, x, self->state.dispatcher); },
    [self](atom::fence, const std::string& lost) { self->state.guard.fence(lost); },
  };
}

}  // namespace flott
