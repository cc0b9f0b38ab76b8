#include "actors/registrar.hpp"

#include "actors/exit_reason.hpp"
#include "runtime/base/env.hpp"
#include "runtime/base/log.hpp"
#include "runtime/base/process_usage.hpp"

#include <algorithm>

namespace flott {
namespace {

using self_ptr = registrar_actor::stateful_pointer<registrar_state>;

constexpr std::uint32_t protocol_version = 1;
constexpr std::uint32_t protocol_version_min = 1;
constexpr std::chrono::milliseconds request_timeout{5000};
constexpr std::chrono::milliseconds first_backoff{20}, longest_backoff{1000};

void fill(msg::Header& header, const registrar_config& config) {
  header.set_incarnation(config.incarnation);
}

void lose_link(self_ptr self, const std::string& why) {
  auto& state = self->state;
  ++state.generation;
  state.busy = false;
  if (state.gateway) {
    self->demonitor(state.gateway.address());
    log::warn("lost the dispatcher", {{"why", why}});
    state.gateway = cluster_gateway_actor{};
    state.last_linked = self->clock().now();
    self->send(state.owner, atom::link_down_v);
  }
}

void retry_later(self_ptr self, const std::string& why) {
  auto& state = self->state;
  state.busy = false;
  state.backoff = std::clamp(state.backoff * 2, first_backoff, longest_backoff);
  state.not_before = self->clock().now() + state.backoff;
  if (std::exchange(state.last_trouble, why) != why)
    log::warn("no dispatcher yet", {{"why", why}});
}

void on_registered(self_ptr self, const cluster_gateway_actor& gateway, const msg::RegisterNodeReply& reply) {
  auto& state = self->state;
  state.busy = false;
  if (reply.has_failure()) {
    const auto refused = from_proto(reply.failure());
    if (refused.cls == failure_class::permanent) {
      state.config.give_up(refused);
      self->quit();
      return;
    }
    retry_later(self, refused.to_string());
    return;
  }
  state.gateway = gateway;
  state.backoff = std::chrono::milliseconds{0};
  state.last_answer = self->clock().now();
  log::info("registered with the dispatcher", {{"incarnation", reply.header().incarnation()}});
  self->send(state.owner, atom::link_up_v, gateway, reply);
}

void enroll(self_ptr self, const cluster_gateway_actor& gateway, msg::RegisterNode node) {
  auto& state = self->state;
  fill(*node.mutable_header(), state.config);
  node.set_protocol_version(protocol_version);
  node.set_protocol_version_min(protocol_version_min);
  const auto generation = state.generation;
  self->request(gateway, request_timeout, std::move(node), caf::actor_cast<caf::strong_actor_ptr>(state.owner))
    .then(
      [self, gateway, generation](const msg::RegisterNodeReply& reply) {
        if (generation == self->state.generation)
          on_registered(self, gateway, reply);
      },
      [self, generation](const caf::error& err) {
        if (generation == self->state.generation)
          retry_later(self, "registration failed: " + self->system().render(err));
      });
}

void look_for_dispatcher(self_ptr self) {
  auto& state = self->state;
  if (state.config.dispatchers.empty())
    return;
  state.busy = true;
  const auto generation = ++state.generation;
  const auto [host, port] = state.config.dispatchers[state.next_address++ % state.config.dispatchers.size()];
  self->request(state.dial, request_timeout, atom::dial_v, host, port)
    .then(
      [self, generation](const caf::strong_actor_ptr& found) {
        if (generation != self->state.generation)
          return;
        auto gateway = caf::actor_cast<cluster_gateway_actor>(found);
        self->monitor(gateway);
        self->request(self->state.owner, request_timeout, atom::describe_v)
          .then(
            [self, gateway, generation](msg::RegisterNode& node) {
              if (generation == self->state.generation)
                enroll(self, gateway, std::move(node));
            },
            [self, generation](const caf::error& err) {
              if (generation == self->state.generation)
                retry_later(self, "the node did not describe itself: " + self->system().render(err));
            });
      },
      [self, generation](const caf::error& err) {
        if (generation == self->state.generation)
          retry_later(self, self->system().render(err));
      });
}

void beat(self_ptr self) {
  auto& state = self->state;
  if (self->clock().now() - state.last_answer > state.config.heartbeat_timeout + state.config.heartbeat_interval) {
    lose_link(self, "it has not answered within the heartbeat timeout");
    return;
  }
  const auto generation = state.generation;
  self->request(state.owner, state.config.heartbeat_timeout, atom::describe_v)
    .then(
      [self, generation](const msg::RegisterNode& node) {
        auto& now_state = self->state;
        if (generation != now_state.generation || !now_state.gateway)
          return;
        msg::Heartbeat pulse;
        fill(*pulse.mutable_header(), now_state.config);
        pulse.set_node_id(node.node_id());
        pulse.set_role(now_state.config.role);
        *pulse.mutable_slots() = node.slots();
        const auto usage = process_usage();
        pulse.set_rss_bytes(usage.resident_bytes);
        self->request(now_state.gateway, now_state.config.heartbeat_timeout, std::move(pulse))
          .then(
            [self, generation](const msg::HeartbeatReply& reply) {
              if (generation != self->state.generation)
                return;
              self->state.last_answer = self->clock().now();
              if (reply.register_again())
                lose_link(self, "it asks to register again");
            },
            [](const caf::error&) {});              // a missing answer is judged by last_answer
      },
      [](const caf::error& err) { log::warn("the node is too busy to describe itself", {{"error", to_string(err)}}); });
}

void leave(self_ptr self) {
  auto& state = self->state;
  if (!state.gateway)
    return;
  msg::LeaveCluster farewell;
  fill(*farewell.mutable_header(), state.config);
  farewell.set_node_id(state.config.node_id);
  farewell.set_role(state.config.role);
  self->send(state.gateway, std::move(farewell));
}

}  // namespace

registrar_actor::behavior_type registrar(self_ptr self, registrar_config config, registered_node_actor owner, dialer_actor dial) {
  keep_exception_text(self);
  auto& state = self->state;
  state.config = std::move(config);
  state.owner = std::move(owner);
  state.dial = std::move(dial);
  state.last_linked = self->clock().now();
  self->set_down_handler([self](const caf::down_msg& down) {
    if (self->state.gateway && down.source == self->state.gateway.address()) {
      lose_link(self, "connection closed");
      look_for_dispatcher(self);
    }
  });
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    if (exit.reason == caf::exit_reason::user_shutdown)
      leave(self);
    self->quit(exit.reason);
  });
  self->send(self, atom::tick_v);
  return {
    [self](atom::tick) {
      auto& now_state = self->state;
      const auto now = self->clock().now();
      if (now_state.gateway) {
        beat(self);
      } else if (now - now_state.last_linked > now_state.config.registration_timeout) {
        now_state.config.give_up(transient_failure("registration.timeout", "no dispatcher was found in time",
                                                     now_state.last_trouble));
        self->quit();
        return;
      } else if (!now_state.busy && now >= now_state.not_before) {
        look_for_dispatcher(self);
      }
      const auto interval = now_state.gateway ? now_state.config.heartbeat_interval
                                              : std::min(now_state.config.heartbeat_interval,
                                                         std::max(now_state.backoff, first_backoff));
      self->delayed_send(self, interval, atom::tick_v);
    },
    [self](const msg::SlotTable& table) {
      if (!self->state.gateway)
        return;
      auto stamped = table;
      fill(*stamped.mutable_header(), self->state.config);
      self->send(self->state.gateway, std::move(stamped));
    },
  };
}

}  // namespace flott
