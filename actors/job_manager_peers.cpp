// The TaskManagers that a job uses: reaching them, and noticing that they are gone.

#include "actors/dialer.hpp"
#include "actors/job_manager_parts.hpp"
#include "runtime/base/log.hpp"

namespace flott::job_manager_parts {
namespace {

constexpr std::chrono::milliseconds dial_timeout{5000}, loss_cause_timeout{1000};

/// The TaskManager is gone: at once what that means, and once more when the resource manager knows why.
void peer_lost(self_ptr self, const std::string& id, const std::string& incarnation, const std::string& why) {
  auto& state = self->state;
  const auto found = state.peers.find(id);
  if (found != state.peers.end() && found->second.incarnation == incarnation) {
    if (found->second.handle)
      self->demonitor(found->second.handle.address());
    state.peers.erase(found);
  }
  auto lost = stamped<msg::TaskManagerLost>(state);
  lost.set_task_manager_id(id);
  lost.set_incarnation(incarnation);
  to_proto(transient_failure("TaskManager " + id, "lost: " + why), *lost.mutable_failure());
  ask_for_cause(self, id, incarnation);
  carry_out(self, state.life->task_manager_lost(lost, now_of(self)));
}

/// Its silence counts from here on, unless it does already: a connection that opens is no sign of life.
void watch(self_ptr self, const std::string& id) {
  auto& state = self->state;
  if (const peer watched{id, state.peers[id].incarnation}; !state.alive->alive(watched))
    state.alive->add(watched, self->clock().now());
}

}  // namespace

void with_peer(self_ptr self, const std::string& id, const msg::Address& rpc,
               std::function<void(const task_manager_actor&)> then) {
  auto& peer = self->state.peers[id];
  if (peer.handle && peer.incarnation == rpc.incarnation()) {
    watch(self, id);
    then(peer.handle);
    return;
  }
  peer.waiting.push_back(std::move(then));
  if (peer.waiting.size() > 1)
    return;                                           // the dial is under way
  peer.incarnation = rpc.incarnation();
  const auto settle = [self, id](const task_manager_actor& handle) {
    auto& found = self->state.peers[id];
    found.handle = handle;
    auto waiting = std::move(found.waiting);
    found.waiting.clear();
    for (auto& call : waiting)
      call(handle);
  };
  self->request(self->state.dial, dial_timeout, atom::dial_v, rpc.host(), static_cast<std::uint16_t>(rpc.port()))
    .then(
      [self, id, settle](const caf::strong_actor_ptr& found) {
        auto handle = caf::actor_cast<task_manager_actor>(found);
        self->monitor(handle);
        watch(self, id);
        settle(handle);
      },
      [id, settle](const caf::error& err) {
        log::warn("TaskManager not reached", {{"peer", id}, {"error", to_string(err)}});
        settle(task_manager_actor{});
      });
}

void ask_for_cause(self_ptr self, const std::string& id, const std::string& incarnation) {
  auto& state = self->state;
  if (!state.dispatcher)
    return;
  auto question = stamped<msg::RequestLossCause>(state);
  question.set_task_manager_id(id);
  question.set_incarnation(incarnation);
  self->request(state.dispatcher, loss_cause_timeout, std::move(question))
    .then(
      [self](const msg::TaskManagerLost& cause) {
        carry_out(self, self->state.life->task_manager_lost(cause, now_of(self)));
      },
      [](const caf::error&) {});
}

void on_down(self_ptr self, const caf::down_msg& down) {
  auto& state = self->state;
  for (auto& [id, peer] : state.peers) {
    if (!peer.handle || peer.handle.address() != down.source)
      continue;
    peer.handle = task_manager_actor{};
    const auto grants = state.life->task_managers();
    const auto grant = grants.find(id);
    if (grant == grants.end()) {
      state.peers.erase(id);
      return;
    }
    const auto& rpc = grant->second.rpc();
    after_closed_connection(
      self, state.dial, dial_timeout, rpc,
      [self, lost_id = id, incarnation = peer.incarnation](const char* why) {
        if (self->state.alive->dial_refused({lost_id, incarnation}))
          peer_lost(self, lost_id, incarnation, why);
      },
      [self, id = id, rpc] { with_peer(self, id, rpc, [](const task_manager_actor&) {}); });
    return;
  }
}

void beat(self_ptr self) {
  auto& state = self->state;
  const auto now = self->clock().now();
  if (state.alive->observe_tick(now))
    log::warn("the job manager itself was asleep", {{"job", state.life->job_id()}});
  const auto used = state.life->task_managers();
  for (const auto& known : state.alive->peers())
    if (!used.contains(known.id))
      state.alive->remove(known);                     // not spoken to any more, so its silence means nothing
  for (const auto& silent : state.alive->expire(now)) {
    if (used.contains(silent.id))
      peer_lost(self, silent.id, silent.incarnation, "silent for longer than heartbeat.timeout");
  }
  for (const auto& [id, grant] : used) {
    const auto peer = state.peers.find(id);
    if (peer == state.peers.end() || !peer->second.handle)
      continue;
    auto pulse = stamped<msg::JobHeartbeat>(state);
    pulse.set_job_id(state.life->job_id());
    *pulse.mutable_job_manager() = state.config.self;
    self->request(peer->second.handle, state.config.heartbeat_timeout, std::move(pulse))
      .then(
        [self, id = id, incarnation = peer->second.incarnation](const msg::JobHeartbeatReply& reply) {
          if (!self->state.alive->touch({id, incarnation}, self->clock().now()))
            return;
          if (reply.header().incarnation() != incarnation) {
            if (self->state.alive->declare_lost({id, incarnation}))
              peer_lost(self, id, incarnation, "another life answers at its address");
            return;
          }
          carry_out(self, self->state.life->task_reports(id, reply.tasks(), now_of(self)));
        },
        [](const caf::error&) {});                    // silence is judged by `alive`
  }
}

}  // namespace flott::job_manager_parts
