#include "actors/job_manager_node.hpp"

#include "actors/exit_reason.hpp"
#include "actors/show_tree.hpp"
#include "runtime/base/env.hpp"
#include "runtime/base/log.hpp"
#include "runtime/graph/job_states.hpp"

namespace flott {
namespace {

using self_ptr = job_manager_node_actor::stateful_pointer<job_manager_node_state>;

constexpr std::chrono::seconds request_timeout{10};
constexpr std::size_t snapshot_message_bytes = 512 << 10;   // well below what a control message may have

msg::AssignReply answer(const job_manager_node_state& state) {
  msg::AssignReply reply;
  reply.mutable_header()->set_incarnation(state.config.self.header().incarnation());
  return reply;
}

void drop(self_ptr self, std::map<std::string, job_manager_node_state::hosted_job>::iterator job) {
  if (job->second.actor) {
    self->demonitor(job->second.actor.address());
    self->send_exit(job->second.actor, caf::exit_reason::user_shutdown);
  }
  self->state.jobs.erase(job);
}

/// The job manager of this epoch has been started, or the job was dropped meanwhile.
void started(self_ptr self, const std::string& id, std::uint64_t epoch, const job_manager_actor& actor) {
  auto& state = self->state;
  const auto found = state.jobs.find(id);
  if (found == state.jobs.end() || found->second.epoch != epoch) {
    self->send_exit(actor, caf::exit_reason::user_shutdown);
    return;
  }
  found->second.actor = actor;
  self->monitor(actor);
  if (state.dispatcher)
    self->send(actor, atom::link_up_v, state.dispatcher, state.link);
  if (found->second.cancel)
    self->send(actor, msg::CancelJob{});
}

caf::result<msg::AssignReply> assign(self_ptr self, const msg::AssignJob& assignment) {
  auto& state = self->state;
  const auto id = assignment.spec().job_id();
  const auto epoch = assignment.epoch();
  if (const auto found = state.jobs.find(id); found != state.jobs.end()) {
    if (found->second.epoch >= epoch)
      return answer(state);                           // the same again, or an older one that came late
    drop(self, found);
  }
  if (state.jobs.size() >= state.config.max_jobs) {
    auto full = answer(state);
    to_proto(resource_failure(state.config.self.node_id(), "runs jobmanager-node.max-jobs jobs already"),
             *full.mutable_failure());
    return full;
  }
  state.jobs[id].epoch = epoch;
  auto config = std::make_shared<job_manager_config>(state.config.job_config(assignment));
  child_spec spec;
  spec.id = id + "@" + std::to_string(epoch);
  spec.child_class = "job_manager";
  spec.restart = supervision::restart_policy::temporary;
  spec.ready = ready_when::spawned;
  spec.start = [config, node = job_manager_node_actor{self}, dial = state.config.dial,
                dispatcher = state.dispatcher](const child_context& context) -> result<caf::strong_actor_ptr> {
    return spawn_supervised(context, job_manager, *config, node, dial, dispatcher);
  };
  auto promise = self->make_response_promise<msg::AssignReply>();
  self->request(state.config.job_managers->as<supervisor_actor>(), request_timeout, start_child_request{std::move(spec)})
    .then(
      [self, id, epoch, promise](const child_handle& child) mutable {
        log::info("job taken over", {{"job", id}, {"epoch", epoch}});
        started(self, id, epoch, caf::actor_cast<job_manager_actor>(child.handle));
        promise.deliver(answer(self->state));
      },
      [self, id, epoch, promise](const caf::error& err) mutable {
        auto& now_state = self->state;
        if (const auto found = now_state.jobs.find(id); found != now_state.jobs.end() && found->second.epoch == epoch)
          now_state.jobs.erase(found);
        auto failed = answer(now_state);
        to_proto(transient_failure(now_state.config.self.node_id(), "can't start a job manager",
                                   self->system().render(err)), *failed.mutable_failure());
        promise.deliver(std::move(failed));
      });
  return promise;
}

void on_down(self_ptr self, const caf::down_msg& down) {
  auto& state = self->state;
  for (auto entry = state.jobs.begin(); entry != state.jobs.end(); ++entry) {
    if (!entry->second.actor || entry->second.actor.address() != down.source)
      continue;
    const auto id = entry->first;
    const auto epoch = entry->second.epoch;
    state.jobs.erase(entry);
    if (!down.reason || down.reason == caf::exit_reason::normal || down.reason == caf::exit_reason::user_shutdown)
      return;                                         // the job is over, or the node stops
    log::error("a job manager crashed", {{"job", id}, {"reason", self->system().render(down.reason)}});
    if (!state.dispatcher)
      return;                                         // the next registration no longer reports the job
    msg::ReturnJob returned;
    returned.mutable_header()->set_incarnation(state.config.self.header().incarnation());
    returned.set_job_id(id);
    returned.set_epoch(epoch);
    to_proto(internal_failure("job manager of " + id, "crashed", self->system().render(down.reason)),
             *returned.mutable_failure());
    self->request(state.dispatcher, request_timeout, std::move(returned))
      .then([](const msg::DispatcherReply&) {}, [](const caf::error&) {});
    return;
  }
}

void flush(self_ptr self) {
  auto& state = self->state;
  state.flush_armed = false;
  if (!state.dispatcher)
    return;
  msg::JobSnapshots bundle;
  std::size_t bytes = 0;
  const auto send = [&] {
    bundle.mutable_header()->set_incarnation(state.config.self.header().incarnation());
    bundle.set_node_id(state.config.self.node_id());
    self->send(state.dispatcher, std::move(bundle));
    bundle = {};
    bytes = 0;
  };
  for (auto& [id, job] : state.jobs) {
    if (!job.changed || !job.snapshot)
      continue;
    const auto size = job.snapshot->ByteSizeLong();
    if (bytes > 0 && bytes + size > snapshot_message_bytes)
      send();
    *bundle.add_jobs() = *job.snapshot;
    bytes += size;
    job.changed = false;
  }
  if (bytes > 0)
    send();
}

msg::RegisterNode describe(const job_manager_node_state& state) {
  auto description = state.config.self;
  for (const auto& [id, job] : state.jobs) {
    auto& report = *description.add_jobs();
    report.set_job_id(id);
    report.set_epoch(job.epoch);
    report.set_state(job.snapshot ? job.snapshot->state() : msg::JOB_STATE_INITIALIZING);
  }
  return description;
}

void link_up(self_ptr self, const cluster_gateway_actor& dispatcher, const msg::RegisterNodeReply& reply) {
  auto& state = self->state;
  state.guard.led_by(reply.header().incarnation());
  state.dispatcher = dispatcher;
  state.link = reply;
  for (const auto& unwanted : reply.unwanted_jobs()) {
    const auto found = state.jobs.find(unwanted.job_id());
    if (found == state.jobs.end() || found->second.epoch > unwanted.epoch())
      continue;
    log::info("job dropped, it is run elsewhere or has ended", {{"job", unwanted.job_id()}});
    drop(self, found);
  }
  for (auto& [id, job] : state.jobs) {
    job.changed = true;
    if (job.actor)
      self->send(job.actor, atom::link_up_v, dispatcher, reply);
  }
  flush(self);
}

msg::Ack cancel(self_ptr self, const msg::CancelJob& wish) {
  const auto found = self->state.jobs.find(wish.job_id());
  if (found == self->state.jobs.end())
    return {};
  found->second.cancel = true;
  if (found->second.actor)
    self->send(found->second.actor, wish);
  return {};
}

}  // namespace

job_manager_node_actor::behavior_type job_manager_node(self_ptr self, job_manager_node_config config) {
  keep_exception_text(self);
  self->state.config = std::move(config);
  self->set_down_handler([self](const caf::down_msg& down) { on_down(self, down); });
  return {
    [self](const msg::AssignJob& assignment) { return checked<msg::AssignReply>(self, assignment, assign); },
    [self](const msg::CancelJob& wish) { return checked<msg::Ack>(self, wish, cancel); },
    [self](const msg::GetTree& request) {
      return checked<msg::TreeReply>(self, request, [](self_ptr me, const msg::GetTree&) {
        return show_tree(me, me->state.config.root, me->state.config.self.node_id());
      });
    },
    [self](atom::describe) { return describe(self->state); },
    [self](atom::link_up, const cluster_gateway_actor& dispatcher, const msg::RegisterNodeReply& reply) {
      link_up(self, dispatcher, reply);
    },
    [self](atom::link_down) {
      self->state.dispatcher = cluster_gateway_actor{};
      for (auto& [id, job] : self->state.jobs)
        if (job.actor)
          self->send(job.actor, atom::link_down_v);
    },
    [self](const job_snapshot_ptr& snapshot) {
      auto& state = self->state;
      const auto found = state.jobs.find(snapshot->job_id());
      if (found == state.jobs.end() || found->second.epoch != snapshot->epoch())
        return;
      found->second.snapshot = snapshot;
      found->second.changed = true;
      if (!state.flush_armed) {
        state.flush_armed = true;
        self->delayed_send(self, state.config.snapshot_interval, atom::flush_v);
      }
    },
    [self](atom::flush) { flush(self); },
  };
}

}  // namespace flott
