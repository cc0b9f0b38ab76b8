#include "actors/job_manager.hpp"

#include "actors/exit_reason.hpp"
#include "actors/job_manager_parts.hpp"
#include "actors/wire/envelope.hpp"
#include "metrics/probes/job_probe.hpp"
#include "runtime/base/env.hpp"
#include "runtime/base/log.hpp"
#include "runtime/graph/job_states.hpp"

#include <algorithm>

namespace flott {

job_manager_state::job_manager_state() = default;
job_manager_state::~job_manager_state() = default;

namespace job_manager_parts {

instant now_of(self_ptr self) { return {self->clock().now(), self->state.config.environment->now_unix_ms()}; }

}  // namespace job_manager_parts

namespace {

using namespace job_manager_parts;

constexpr std::chrono::minutes commit_timeout{5};      // of a slow disk; then it is tried again
constexpr std::size_t deploy_message_bytes = 256 * 1024;

failure unreachable(self_ptr self, const std::string& what, const caf::error& err) {
  return transient_failure(what, "did not answer", self->system().render(err));
}

// --- actions ----------------------------------------------------------------------------------------------------

void act(self_ptr self, const job_action::request_planner& action) {
  auto& state = self->state;
  if (!state.dispatcher)
    return;                                           // asked again when the link comes up
  auto wish = stamped<msg::RequestPlanner>(state);
  wish.set_job_id(state.life->job_id());
  for (const auto& id : action.avoid)
    wish.add_avoid_task_manager_ids(id);
  self->request(state.dispatcher, state.config.rpc_timeout, std::move(wish))
    .then(
      [self](const msg::PlannerReply& reply) {
        auto& life = *self->state.life;
        carry_out(self, reply.has_failure()
                          ? life.planner_missing(from_proto(reply.failure()), now_of(self))
                          : life.planner_found(reply.task_manager_id(), reply.rpc(), now_of(self)));
      },
      [self](const caf::error& err) {
        carry_out(self, self->state.life->planner_missing(unreachable(self, "resource manager", err), now_of(self)));
      });
}

void act(self_ptr self, const job_action::plan& action) {
  with_peer(self, action.task_manager_id, action.rpc, [self, id = action.task_manager_id](const task_manager_actor& to) {
    auto& state = self->state;
    if (!to) {
      carry_out(self, state.life->plan_failed(transient_failure("TaskManager " + id, "can't be dialed"), now_of(self)));
      return;
    }
    auto request = stamped<msg::PlanJob>(state);
    *request.mutable_spec() = state.life->spec();
    *request.mutable_blobs() = state.config.assignment.blobs();
    self->request(to, state.config.plan_timeout, std::move(request))
      .then(
        [self](const msg::PlanResult& reply) {
          auto& life = *self->state.life;
          carry_out(self, reply.has_failure() ? life.plan_failed(from_proto(reply.failure()), now_of(self))
                                              : life.planned(reply.graph(), now_of(self)));
        },
        [self, id](const caf::error& err) {
          carry_out(self, self->state.life->plan_failed(unreachable(self, "TaskManager " + id, err), now_of(self)));
        });
  });
}

void act(self_ptr self, const job_action::persist_graph& action) {
  auto fact = stamped<msg::JobPlanned>(self->state);
  fact.set_job_id(self->state.life->job_id());
  fact.set_epoch(self->state.life->epoch());
  *fact.mutable_graph() = action.graph;
  self->state.facts.emplace_back(std::move(fact));
  tell_facts(self);
}

void act(self_ptr self, const job_action::request_slots& action) {
  auto& state = self->state;
  if (!state.dispatcher)
    return;                                           // asked again when the link comes up
  auto wish = stamped<msg::RequestSlots>(state);
  wish.set_job_id(state.life->job_id());
  wish.set_epoch(state.life->epoch());
  wish.set_count(action.count);
  *wish.mutable_job_manager() = state.config.self;
  self->request(state.dispatcher, state.config.rpc_timeout, std::move(wish))
    .then([](const msg::Ack&) {},
          [self](const caf::error& err) {
            carry_out(self, self->state.life->slots_refused(unreachable(self, "resource manager", err), now_of(self)));
          });
}

void act(self_ptr self, const job_action::deploy& action) {
  auto rpc = action.rpc;
  rpc.set_incarnation(action.incarnation);
  with_peer(self, action.task_manager_id, rpc, [self, action](const task_manager_actor& to) {
    auto& state = self->state;
    const auto failed = [self, action](const failure& why) {
      carry_out(self, self->state.life->deploy_failed(action.task_manager_id, action.round, why, now_of(self)));
    };
    if (!to) {
      failed(transient_failure("TaskManager " + action.task_manager_id, "can't be dialed"));
      return;
    }
    auto request = stamped<msg::DeployTasks>(state);
    *request.mutable_spec() = state.life->spec();
    *request.mutable_graph() = state.life->graph()->graph();
    *request.mutable_blobs() = state.config.assignment.blobs();
    *request.mutable_job_manager() = state.config.self;
    const auto send = [&] {
      self->request(to, state.config.plan_timeout, request)
        .then(
          [failed](const msg::DeployResult& reply) {
            if (reply.has_failure())
              failed(from_proto(reply.failure()));
          },
          [self, failed, id = action.task_manager_id](const caf::error& err) {
            failed(unreachable(self, "TaskManager " + id, err));
          });
      request.clear_tasks();
    };
    std::size_t bytes = 0;                            // of tasks: each of a wide job names many producers
    for (const auto& task : action.tasks) {
      const auto size = task.ByteSizeLong();
      if (bytes > 0 && bytes + size > deploy_message_bytes) {
        send();
        bytes = 0;
      }
      *request.add_tasks() = task;
      bytes += size;
    }
    send();
  });
}

void act(self_ptr self, const job_action::cancel_tasks& action) {
  auto& state = self->state;
  const auto peer = state.peers.find(action.task_manager_id);
  if (peer == state.peers.end() || !peer->second.handle)
    return;                                           // lost, or never reached: nothing of ours runs there
  auto request = stamped<msg::CancelTasks>(state);
  request.set_job_id(state.life->job_id());
  for (const auto& attempt : action.attempts)
    *request.add_attempts() = attempt;
  self->request(peer->second.handle, state.config.rpc_timeout, std::move(request))
    .then([](const msg::Ack&) {}, [](const caf::error&) {});   // the cancellation timeout judges
}

void act(self_ptr self, const job_action::release_slots& action) {
  auto& state = self->state;
  if (!state.dispatcher)
    return;                                           // a dispatcher that comes back frees the slots of ended jobs
  auto request = stamped<msg::ReleaseSlots>(state);
  request.set_job_id(state.life->job_id());
  request.set_epoch(state.life->epoch());
  for (const auto& id : action.allocation_ids)
    request.add_allocation_ids(id);
  self->request(state.dispatcher, state.config.rpc_timeout, std::move(request))
    .then([](const msg::Ack&) {}, [](const caf::error&) {});
}

void act(self_ptr self, const job_action::arm_timer& action) {
  self->state.timers[action.timer] = {self->clock().now() + action.delay, action.token};
  wake_within(self, action.delay);
}

void act(self_ptr self, const job_action::persist_commit& action) {
  auto fact = stamped<msg::CommitDecided>(self->state);
  fact.set_job_id(self->state.life->job_id());
  fact.set_epoch(self->state.life->epoch());
  for (const auto& committable : action.committables)
    *fact.add_committables() = committable;
  for (const auto& rows : action.collected)
    *fact.add_collected() = rows;
  self->state.facts.emplace_back(std::move(fact));
  tell_facts(self);
}

void act(self_ptr self, const job_action::publish& action) {
  self->request(self->state.config.committer, commit_timeout, atom::put_v,
                std::make_shared<const std::vector<msg::Committable>>(action.committables))
    .then([self](bool) { carry_out(self, self->state.life->published(now_of(self))); },
          [self](const caf::error& err) {
            carry_out(self, self->state.life->publish_failed(to_failure(err), now_of(self)));
          });
}

void act(self_ptr self, const job_action::discard& action) {
  self->send(self->state.config.committer, atom::forget_v,
             std::make_shared<const std::vector<msg::Committable>>(action.committables));
}

void clear_outputs(self_ptr self, const std::vector<std::string>& folders) {
  for (const auto& folder : folders)
    self->send(self->state.config.committer, atom::forget_v, folder, self->state.life->job_id(),
               self->state.life->epoch());
}

void act(self_ptr self, const job_action::clear_outputs& action) { clear_outputs(self, action.folders); }

void act(self_ptr self, const job_action::snapshot_changed&) {
  if (self->state.snapshot_dirty)
    return;
  self->state.snapshot_dirty = true;
  wake_within(self, self->state.config.snapshot_interval);
}

/// Told once the files are as they will stay.
void act(self_ptr self, const job_action::report_ended& action) {
  auto fact = stamped<msg::JobEnded>(self->state);
  fact.set_job_id(self->state.life->job_id());
  fact.set_epoch(self->state.life->epoch());
  *fact.mutable_snapshot() = action.snapshot;
  const auto tell = [self, fact = std::move(fact)] {
    self->state.facts.emplace_back(fact);
    tell_facts(self);
  };
  self->request(self->state.config.committer, commit_timeout, atom::flush_v)
    .then([tell](bool) { tell(); }, [tell](const caf::error&) { tell(); });
}

void act(self_ptr self, const job_action::abandoned&) {
  self->state.ended = true;
  self->quit();
}

}  // namespace

void job_manager_parts::carry_out(self_ptr self, const job_actions& actions) {
  for (const auto& action : actions)
    std::visit([self](const auto& a) { act(self, a); }, action);
}

// --- time -------------------------------------------------------------------------------------------------------

/// Makes sure that a tick comes within `delay`. One tick at a time is under way where possible, so that an actor
/// that ends leaves no long timer behind.
void job_manager_parts::wake_within(self_ptr self, std::chrono::nanoseconds delay) {
  auto& state = self->state;
  delay = std::min<std::chrono::nanoseconds>(delay, state.config.heartbeat_interval);
  const auto due = self->clock().now() + delay;
  if (state.next_tick && *state.next_tick <= due)
    return;
  state.next_tick = due;
  self->delayed_send(self, delay, atom::tick_v);
}

namespace {

/// What the log and the metrics say of a job's course.
void note(job_manager_state& state, const msg::JobSnapshot& news) {
  if (state.noted_state != news.state())
    log::info("job changed its state", {{"job", news.job_id()}, {"state", to_string(news.state())},
                                        {"epoch", news.epoch()}, {"restarts", news.restarts()}});
  state.noted_state = news.state();
  if (state.restarts_counted == news.restarts())
    return;
  const auto& cause = news.exceptions_size() > 0 ? news.exceptions(0) : msg::ExceptionEntry::default_instance();
  log::warn("job restarts", {{"job", news.job_id()}, {"restarts", news.restarts()}, {"task", cause.task_name()},
                             {"peer", cause.task_manager_id()}, {"why", from_proto(cause.failure()).to_string()}});
  for (; state.restarts_counted < news.restarts(); ++state.restarts_counted)
    if (state.config.probe != nullptr)
      state.config.probe->restarted();
}

void tick(self_ptr self) {
  auto& state = self->state;
  const auto now = self->clock().now();
  if (state.next_tick && now < *state.next_tick)
    return;                                           // a later tick that an earlier one has overtaken
  state.next_tick.reset();
  if (now >= state.next_heartbeat) {
    state.next_heartbeat = now + state.config.heartbeat_interval;
    beat(self);
  }
  std::vector<std::pair<job_timer, std::uint64_t>> due;
  for (const auto& [timer, armed] : state.timers)
    if (armed.first <= now)
      due.emplace_back(timer, armed.second);
  for (const auto& [timer, token] : due) {
    if (const auto armed = state.timers.find(timer); armed != state.timers.end() && armed->second.second == token)
      state.timers.erase(armed);
    carry_out(self, state.life->timer_due(timer, token, now_of(self)));
  }
  if (state.snapshot_dirty && !state.ended) {
    state.snapshot_dirty = false;
    auto snapshot = std::make_shared<const msg::JobSnapshot>(state.life->snapshot());
    note(state, *snapshot);
    self->send(state.node, std::move(snapshot));
  }
  tell_facts(self);
  std::chrono::nanoseconds next = state.next_heartbeat - now;
  for (const auto& [timer, armed] : state.timers)
    next = std::min(next, armed.first - now);
  wake_within(self, std::max<std::chrono::nanoseconds>(next, std::chrono::milliseconds{1}));
}

void link_up(self_ptr self, const cluster_gateway_actor& dispatcher, const msg::RegisterNodeReply& reply) {
  auto& state = self->state;
  state.dispatcher = dispatcher;
  state.telling = false;
  ++state.link_generation;
  if (reply.has_blobs())
    *state.config.assignment.mutable_blobs() = reply.blobs();
  tell_facts(self);
  carry_out(self, state.life->resource_manager_changed(now_of(self)));
}

}  // namespace

job_manager_actor::behavior_type job_manager(self_ptr self, job_manager_config config, job_manager_node_actor node,
                                             dialer_actor dial, cluster_gateway_actor dispatcher) {
  keep_exception_text(self);
  auto& state = self->state;
  state.config = std::move(config);
  state.node = std::move(node);
  state.dial = std::move(dial);
  state.dispatcher = std::move(dispatcher);
  state.alive = std::make_unique<liveness>(state.config.heartbeat_interval, state.config.heartbeat_timeout);
  auto made = job_lifecycle::make(state.config.assignment, state.config.lifecycle, now_of(self));
  if (!made) {
    self->quit(caf::make_error(caf::sec::invalid_argument, made.error().to_string()));
    return job_manager_actor::behavior_type::make_empty_behavior();
  }
  state.life.emplace(std::move(made).value());
  self->set_down_handler([self](const caf::down_msg& down) { on_down(self, down); });
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    // The node stops, or the job is run elsewhere: what this epoch wrote aside will be published by nobody.
    clear_outputs(self, self->state.life->unpublished_outputs());
    self->quit(exit.reason);
  });
  state.next_heartbeat = self->clock().now();
  self->send(self, atom::tick_v);
  carry_out(self, state.life->start(now_of(self)));
  return {
    [self](const msg::TaskReports& news) -> caf::result<msg::Ack> {
      const auto peer = self->state.peers.find(news.task_manager_id());
      if (peer == self->state.peers.end() || peer->second.incarnation != news.header().incarnation())
        return make_error(refusal::stale_incarnation, news.GetDescriptor()->name());   // over for this job
      self->state.alive->touch({news.task_manager_id(), news.header().incarnation()}, self->clock().now());
      carry_out(self, self->state.life->task_reports(news.task_manager_id(), news.reports(), now_of(self)));
      return msg::Ack{};
    },
    [self](const msg::SlotsGranted& news) {
      auto& life = *self->state.life;
      if (news.epoch() != life.epoch())
        return;
      if (news.has_failure()) {
        carry_out(self, life.slots_refused(from_proto(news.failure()), now_of(self)));
        return;
      }
      carry_out(self, life.slots_granted({news.slots().begin(), news.slots().end()}, now_of(self)));
    },
    [self](const msg::TaskManagerLost& news) {
      self->state.alive->declare_lost({news.task_manager_id(), news.incarnation()});
      if (news.signal() == 0)
        ask_for_cause(self, news.task_manager_id(), news.incarnation());
      carry_out(self, self->state.life->task_manager_lost(news, now_of(self)));
    },
    [self](const msg::CancelJob&) { carry_out(self, self->state.life->cancel_requested(now_of(self))); },
    [self](atom::link_up, const cluster_gateway_actor& gateway, const msg::RegisterNodeReply& reply) {
      link_up(self, gateway, reply);
    },
    [self](atom::link_down) {
      self->state.dispatcher = cluster_gateway_actor{};
      self->state.telling = false;
      ++self->state.link_generation;
    },
    [self](atom::tick) { tick(self); },
  };
}

}  // namespace flott
