#include "actors/dispatcher.hpp"

#include "actors/dialer.hpp"
#include "actors/exit_reason.hpp"
#include "metrics/probes/job_probe.hpp"
#include "runtime/base/env.hpp"
#include "runtime/base/log.hpp"
#include "runtime/graph/job_states.hpp"

namespace flott {

dispatcher_state::dispatcher_state() = default;

namespace {

using self_ptr = dispatcher_actor::stateful_pointer<dispatcher_state>;
/// Called once: when all actions are done, with the failure of a `persist` if there was one.
using when_done = std::function<void(const std::optional<failure>&)>;
using action_list = std::shared_ptr<registry_actions>;

constexpr std::chrono::seconds store_timeout{60};
constexpr const char* left = "it left the cluster";

instant now_of(self_ptr self) { return {self->clock().now(), self->state.config.environment->now_unix_ms()}; }

template <class Message>
Message stamped(const dispatcher_state& state, std::uint64_t epoch = 0) {
  Message message;
  message.mutable_header()->set_incarnation(state.config.incarnation);
  message.mutable_header()->set_epoch(epoch);
  return message;
}

msg::DispatcherReply reply_of(const dispatcher_state& state, const std::optional<failure>& error) {
  auto reply = stamped<msg::DispatcherReply>(state);
  if (error)
    to_proto(*error, *reply.mutable_failure());
  return reply;
}

// --- what people see -----------------------------------------------------------------------------------------

void show(self_ptr self, const std::string& job_id) {
  auto& state = self->state;
  const auto* snapshot = state.jobs->snapshot(job_id);
  if (snapshot == nullptr)
    return;
  if (const auto view = state.siblings.view->as<view_actor>())
    self->send(view, std::make_shared<const msg::JobSnapshot>(*snapshot));
}

void show_counts(const dispatcher_state& state) {
  if (state.config.probe == nullptr)
    return;
  std::map<std::string, std::uint64_t> by_state;
  const auto counts = state.jobs->counts();
  for (std::size_t i = 1; i < counts.size(); ++i)
    by_state[std::string{to_string(static_cast<msg::JobState>(i))}] = counts[i];
  state.config.probe->show_states(by_state);
}

// --- actions ------------------------------------------------------------------------------------------------------

void perform(self_ptr self, registry_actions actions, when_done done);
void perform_from(self_ptr self, const action_list& actions, std::size_t next, const when_done& done);

void perform_alone(self_ptr self, registry_actions actions) {
  perform(self, std::move(actions), [](const std::optional<failure>&) {});
}

void assign(self_ptr self, const registry_action::assign& action) {
  auto& state = self->state;
  const auto peer = state.peers.find(action.node_id);
  const auto job_id = action.message.spec().job_id();
  const auto epoch = action.message.epoch();
  const auto answered = [self, job_id, epoch](const std::optional<failure>& error) {
    perform_alone(self, self->state.jobs->assign_answered(job_id, epoch, error, now_of(self)));
  };
  if (peer == state.peers.end())
    return;                                           // its loss is being told to the registry
  auto message = action.message;
  message.mutable_header()->set_incarnation(state.config.incarnation);
  message.mutable_header()->set_epoch(epoch);
  *message.mutable_dispatcher() = state.config.self;
  *message.mutable_blobs() = state.config.blobs;
  log::info("job assigned", {{"job", job_id}, {"peer", action.node_id}, {"epoch", epoch}});
  self->request(peer->second.gateway, state.config.rpc_timeout, std::move(message))
    .then(
      [answered](const msg::AssignReply& reply) {
        answered(reply.has_failure() ? std::optional{from_proto(reply.failure())} : std::nullopt);
      },
      [self, answered](const caf::error& err) {
        answered(transient_failure("JobManager node", "did not answer an assignment", self->system().render(err)));
      });
}

void cancel(self_ptr self, const registry_action::cancel& action) {
  auto& state = self->state;
  const auto peer = state.peers.find(action.node_id);
  if (peer == state.peers.end())
    return;                                           // a new assignment carries the wish
  auto wish = stamped<msg::CancelJob>(state, action.epoch);
  wish.set_job_id(action.job_id);
  self->request(peer->second.gateway, state.config.rpc_timeout, std::move(wish))
    .then([](const msg::Ack&) {}, [](const caf::error&) {});   // a node that is lost makes room for a new assignment
}

void ended(self_ptr self, const registry_action::ended& action) {
  auto& state = self->state;
  const auto* snapshot = state.jobs->snapshot(action.job_id);
  if (snapshot != nullptr && snapshot->has_failure())
    log::warn("job ended", {{"job", action.job_id}, {"state", to_string(action.state)},
                            {"why", from_proto(snapshot->failure()).to_string()}});
  else
    log::info("job ended", {{"job", action.job_id}, {"state", to_string(action.state)}});
  show(self, action.job_id);
  if (const auto resources = state.siblings.resource_manager->as<resource_manager_actor>())
    self->send(resources, atom::forget_v, action.job_id);
}

void persist(self_ptr self, const action_list& actions, std::size_t at, const when_done& done) {
  auto& state = self->state;
  const auto stored = std::make_shared<const msg::StoredJob>(std::get<registry_action::persist>((*actions)[at]).job);
  const auto failed = [self, stored, done](const failure& error) {
    log::error("a job can't be persisted", {{"job", stored->spec().job_id()}, {"why", error.to_string()}});
    if (const auto refusal = self->state.jobs->persist_failed(stored->spec().job_id(), error, now_of(self)))
      done(from_proto(refusal->failure()));
    else
      done(error);
  };
  self->request(state.siblings.store->as<job_store_actor>(), store_timeout, atom::put_v, stored)
    .then(
      [self, actions, at, done, stored, failed](const msg::DispatcherReply& reply) {
        if (reply.has_failure()) {
          failed(from_proto(reply.failure()));
          return;
        }
        self->state.jobs->persisted(stored->spec().job_id());
        if (const auto view = self->state.siblings.view->as<view_actor>())
          self->send(view, stored);
        perform_from(self, actions, at + 1, done);
      },
      [self, failed](const caf::error& err) {
        failed(transient_failure("job store", "did not answer", self->system().render(err)));
      });
}

void perform_from(self_ptr self, const action_list& actions, std::size_t next, const when_done& done) {
  for (std::size_t i = next; i < actions->size(); ++i) {
    auto& action = (*actions)[i];
    if (std::holds_alternative<registry_action::persist>(action)) {
      persist(self, actions, i, done);
      return;                                         // goes on once it is durable
    }
    if (const auto* a = std::get_if<registry_action::assign>(&action))
      assign(self, *a);
    else if (const auto* c = std::get_if<registry_action::cancel>(&action))
      cancel(self, *c);
    else if (const auto* e = std::get_if<registry_action::ended>(&action))
      ended(self, *e);
    else if (const auto* r = std::get_if<registry_action::remove>(&action)) {
      self->send(self->state.siblings.store->as<job_store_actor>(), atom::forget_v, r->job_id);
      if (const auto view = self->state.siblings.view->as<view_actor>())
        self->send(view, atom::forget_v, r->job_id);
    }
  }
  show_counts(self->state);
  done(std::nullopt);
}

const std::string& job_of(const registry_action_variant& action) {
  if (const auto* p = std::get_if<registry_action::persist>(&action))
    return p->job.spec().job_id();
  if (const auto* a = std::get_if<registry_action::assign>(&action))
    return a->message.spec().job_id();
  if (const auto* c = std::get_if<registry_action::cancel>(&action))
    return c->job_id;
  if (const auto* r = std::get_if<registry_action::remove>(&action))
    return r->job_id;
  return std::get<registry_action::ended>(action).job_id;
}

/// Each job's actions are a list of their own: what fails for one job holds up no other, and since the store takes
/// writes in the order of their requests, a later list of a job never overtakes an earlier one.
void perform(self_ptr self, registry_actions actions, when_done done) {
  std::vector<action_list> by_job;                     // in the order of their first actions
  std::map<std::string, action_list> of;
  for (auto& action : actions) {
    auto& list = of[job_of(action)];
    if (!list)
      by_job.push_back(list = std::make_shared<registry_actions>());
    list->push_back(std::move(action));
  }
  struct progress { std::size_t left; std::optional<failure> error; };
  auto all = std::make_shared<progress>(progress{by_job.size() + 1, std::nullopt});
  const when_done one = [all, done = std::move(done)](const std::optional<failure>& error) {
    if (error && !all->error)
      all->error = error;
    if (--all->left == 0)
      done(all->error);
  };
  for (const auto& list : by_job)
    perform_from(self, list, 0, one);
  one(std::nullopt);
}

/// A fact of a job manager: acknowledged once it is durable.
template <class Fact>
caf::result<msg::DispatcherReply> take(self_ptr self, const Fact& fact,
                                       result<registry_actions> (job_registry::*into)(const Fact&, instant)) {
  auto promise = self->make_response_promise<msg::DispatcherReply>();
  auto actions = ((*self->state.jobs).*into)(fact, now_of(self));
  if (!actions) {
    promise.deliver(reply_of(self->state, actions.error()));
    return promise;
  }
  perform(self, std::move(actions).value(), [self, promise, job = fact.job_id()](std::optional<failure> error) mutable {
    show(self, job);
    if (error)
      error->cls = failure_class::transient;          // a disk may work again; only a stale epoch is for ever
    promise.deliver(reply_of(self->state, error));
  });
  return promise;
}

// --- clients ------------------------------------------------------------------------------------------------------

caf::result<msg::SubmitReply> submit(self_ptr self, const msg::SubmitJob& request) {
  auto& state = self->state;
  auto promise = self->make_response_promise<msg::SubmitReply>();
  auto submission = state.jobs->submit(request.spec(), now_of(self));
  if (state.config.probe != nullptr && !submission.reply.existed()) {
    if (submission.reply.has_failure())
      state.config.probe->refused();
    else
      state.config.probe->submitted();
  }
  if (!submission.reply.has_failure())
    log::info("job accepted", {{"job", request.spec().job_id()}, {"name", request.spec().name()},
                               {"again", submission.reply.existed()}});
  // The job is answered once it is durable, not once it is assigned.
  const auto deliver = [self, promise, reply = submission.reply](const std::optional<failure>& error) mutable {
    if (error) {
      to_proto(*error, *reply.mutable_failure());
      if (reply.http_status() == 0 || reply.http_status() < 400)
        reply.set_http_status(503);
    } else {
      show(self, reply.job_id());
    }
    promise.deliver(reply);
  };
  perform(self, std::move(submission.actions), deliver);
  return promise;
}

// --- nodes --------------------------------------------------------------------------------------------------------

void node_lost(self_ptr self, const std::string& node_id, const std::string& incarnation, const std::string& why) {
  auto& state = self->state;
  const auto peer = state.peers.find(node_id);
  if (peer == state.peers.end() || peer->second.incarnation != incarnation)
    return;
  if (why == left)
    log::info("JobManager node left", {{"peer", node_id}});
  else
    log::warn("JobManager node lost", {{"peer", node_id}, {"why", why}});
  self->demonitor(peer->second.gateway.address());
  state.peers.erase(peer);
  state.config.lost(node_id, incarnation);
  perform_alone(self, state.jobs->node_lost(node_id, incarnation, now_of(self)));
}

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
    node_lost(self, added.replaced->id, added.replaced->incarnation, "replaced by a new life of the same node");
  auto& peer = state.peers[node.node_id()];
  peer = {caf::actor_cast<job_manager_node_actor>(gateway), incarnation, node.rpc()};
  self->monitor(peer.gateway);
  log::info("JobManager node registered", {{"peer", node.node_id()}, {"jobs", node.jobs_size()}});
  auto registration = state.jobs->node_registered(node, now_of(self));
  for (auto& unwanted : registration.unwanted)
    *reply.add_unwanted_jobs() = std::move(unwanted);
  perform_alone(self, std::move(registration.actions));
  return reply;
}

/// A closed connection that is no death means nothing here: the node registers again, and silence decides.
void on_down(self_ptr self, const caf::down_msg& down) {
  auto& state = self->state;
  for (const auto& [id, peer] : state.peers) {
    if (peer.gateway.address() != down.source)
      continue;
    after_closed_connection(
      self, state.siblings.dial->as<dialer_actor>(), state.config.rpc_timeout, peer.rpc,
      [self, node_id = id, incarnation = peer.incarnation](const char* why) {
        if (self->state.alive->dial_refused({node_id, incarnation}))
          node_lost(self, node_id, incarnation, why);
      },
      [] {});
    return;
  }
}

void tick(self_ptr self) {
  auto& state = self->state;
  const auto now = self->clock().now();
  if (state.alive->observe_tick(now))
    log::warn("the dispatcher itself was asleep; its nodes get a fresh heartbeat timeout");
  for (const auto& silent : state.alive->expire(now)) {
    node_lost(self, silent.id, silent.incarnation, "silent for longer than heartbeat.timeout");
    state.config.kill_node(silent.id);
  }
  perform_alone(self, state.jobs->tick(now_of(self)));
  self->delayed_send(self, state.config.heartbeat_interval, atom::tick_v);
}

}  // namespace

dispatcher_actor::behavior_type dispatcher(self_ptr self, dispatcher_config config, dispatcher_siblings siblings,
                                           std::vector<msg::StoredJob> recovered) {
  keep_exception_text(self);
  auto& state = self->state;
  state.config = std::move(config);
  state.siblings = std::move(siblings);
  state.jobs = std::make_unique<job_registry>(state.config.registry);
  state.alive = std::make_unique<liveness>(state.config.heartbeat_interval, state.config.heartbeat_timeout);
  self->set_down_handler([self](const caf::down_msg& down) { on_down(self, down); });
  for (const auto& stored : recovered)
    if (const auto view = state.siblings.view->as<view_actor>())
      self->send(view, std::make_shared<const msg::StoredJob>(stored));
  perform_alone(self, state.jobs->recover(std::move(recovered), now_of(self)));
  for (const auto* snapshot : state.jobs->all())
    show(self, snapshot->job_id());
  self->send(self, atom::tick_v);
  return {
    [self](const msg::SubmitJob& request) { return submit(self, request); },
    [self](const msg::CancelJob& request) {
      auto cancellation = self->state.jobs->cancel(request.job_id(), now_of(self));
      perform_alone(self, std::move(cancellation.actions));
      show(self, request.job_id());
      return cancellation.reply;
    },
    [self](const msg::RegisterNode& node, const caf::strong_actor_ptr& gateway) { return enroll(self, node, gateway); },
    [self](const msg::Heartbeat& pulse) {
      auto reply = stamped<msg::HeartbeatReply>(self->state);
      reply.set_register_again(
        !self->state.alive->touch({pulse.node_id(), pulse.header().incarnation()}, self->clock().now()));
      return reply;
    },
    [self](const msg::LeaveCluster& farewell) {
      self->state.alive->remove({farewell.node_id(), farewell.header().incarnation()});
      node_lost(self, farewell.node_id(), farewell.header().incarnation(), left);
    },
    [self](const msg::JobPlanned& fact) { return take(self, fact, &job_registry::planned); },
    [self](const msg::CommitDecided& fact) { return take(self, fact, &job_registry::commit_decided); },
    [self](const msg::JobEnded& fact) { return take(self, fact, &job_registry::ended); },
    [self](const msg::ReturnJob& fact) { return take(self, fact, &job_registry::returned); },
    [self](const msg::JobSnapshots& news) {
      self->state.jobs->snapshots(news);
      for (const auto& job : news.jobs())
        if (!is_terminal(job.state()))                // an end is shown once it is durable
          show(self, job.job_id());
      show_counts(self->state);
    },
    [self](const node_exit& end) {
      auto& now_state = self->state;
      const auto peer = now_state.peers.find(end.node_id);
      if (peer == now_state.peers.end())
        return;
      const auto incarnation = peer->second.incarnation;
      if (now_state.alive->declare_lost({end.node_id, incarnation}))
        node_lost(self, end.node_id, incarnation, "its process ended");
    },
    [self](atom::tick) { tick(self); },
  };
}

}  // namespace flott
