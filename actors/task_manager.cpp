#include "actors/task_manager.hpp"

#include "actors/exit_reason.hpp"
#include "actors/show_tree.hpp"
#include "actors/task_manager_parts.hpp"
#include "runtime/base/env.hpp"
#include "runtime/base/log.hpp"
#include "runtime/graph/job_states.hpp"

#include <algorithm>

namespace flott {
namespace {

using namespace task_manager_parts;
constexpr std::chrono::seconds start_timeout{10};

msg::SlotTable slot_table_message(const task_manager_state& state) {
  msg::SlotTable table;
  stamp(*table.mutable_header(), state);
  table.set_node_id(state.config.self.node_id());
  for (auto& slot : state.slots.report())
    *table.add_slots() = std::move(slot);
  return table;
}

/// Tells the dispatcher the slot table when it has changed since it was told last.
void tell_slots(self_ptr self) {
  auto& state = self->state;
  if (state.told_version == state.slots.version() || !state.dispatcher)
    return;
  state.told_version = state.slots.version();
  self->send(state.dispatcher, slot_table_message(state));
}

// --- tasks -----------------------------------------------------------------------------------------------------

void cancel_task(self_ptr self, task_manager_task& running) {
  if (running.cancel_since)
    return;
  running.cancel_since = self->clock().now();
  if (running.actor)
    self->send(running.actor, atom::cancel_v);
}

template <class Predicate>
void cancel_tasks(self_ptr self, const std::string& job_id, Predicate&& which) {
  auto& tasks = self->state.tasks;
  for (auto entry = tasks.lower_bound(job_id); entry != tasks.end() && entry->first.starts_with(job_id); ++entry)
    if (which(entry->second))
      cancel_task(self, entry->second);
}

void cancel_up_to(self_ptr self, const std::string& job_id, std::uint64_t epoch) {
  cancel_tasks(self, job_id, [epoch](const task_manager_task& t) { return t.attempt.epoch() <= epoch; });
}

/// The job holds no slot and runs no task here any more: forget it, and with it its module.
void forget_if_idle(self_ptr self, const std::string& job_id) {
  auto& state = self->state;
  const auto task = state.tasks.lower_bound(job_id);
  if (task != state.tasks.end() && task->first.starts_with(job_id))
    return;
  for (const auto& slot : state.slots.report())
    if (slot.job_id() == job_id)
      return;
  state.jobs.erase(job_id);
}

void task_ended(self_ptr self, const std::string& key) {
  auto& state = self->state;
  const auto found = state.tasks.find(key);
  if (found == state.tasks.end())
    return;
  const auto job_id = found->second.attempt.job_id();
  state.slots.task_ended(found->second.allocation_id, key, self->clock().now());
  state.tasks.erase(found);
  bool holds_slot = false;
  for (const auto& slot : state.slots.report())
    holds_slot = holds_slot || slot.job_id() == job_id;
  if (!holds_slot) {
    flush(self);
    forget_if_idle(self, job_id);
  }
  tell_slots(self);
}

void task_started(self_ptr self, const std::string& key, const task_actor& actor) {
  const auto found = self->state.tasks.find(key);
  if (found == self->state.tasks.end()) {             // given up meanwhile
    self->send(actor, atom::cancel_v);
    return;
  }
  found->second.actor = actor;
  self->monitor(actor);
  if (found->second.cancel_since)
    self->send(actor, atom::cancel_v);
}

void launch(self_ptr self, const msg::DeployTasks& request, const compiled_job_ptr& job,
            const msg::TaskDeployment& deployment) {
  auto& state = self->state;
  const auto& attempt = deployment.attempt();
  const auto key = attempt.job_id() + attempt_key(attempt);
  if (state.tasks.contains(key))
    return;                                           // the same request again
  if (auto taken = state.slots.task_deployed(deployment.allocation_id(), attempt.job_id(), attempt.epoch(), key); !taken) {
    report_failed(self, attempt, taken.error());
    return;
  }
  state.tasks[key] = {task_actor{}, attempt, deployment.allocation_id(),
                      state.config.cancellation_timeout(request.spec()), std::nullopt};
  forget_earlier_attempts(state.jobs[attempt.job_id()], attempt);
  auto config = std::make_shared<task_config>(task_config{deployment, request.spec(), job, state.config.plane,
                                                          state.config.board, state.config.environment,
                                                          state.config.probe});
  child_spec spec;
  spec.id = attempt.job_id().substr(0, 8) + ":" + attempt_key(attempt);
  spec.child_class = "task";
  spec.restart = supervision::restart_policy::temporary;
  spec.ready = ready_when::spawned;
  spec.start = [config, owner = task_manager_actor{self}](const child_context& context) -> result<caf::strong_actor_ptr> {
    return spawn_supervised(context, task, *config, owner);
  };
  self->request(state.config.tasks->as<supervisor_actor>(), start_timeout, start_child_request{std::move(spec)})
    .then(
      [self, key](const child_handle& child) { task_started(self, key, caf::actor_cast<task_actor>(child.handle)); },
      [self, key, attempt](const caf::error& err) {
        report_failed(self, attempt, transient_failure("task " + attempt_key(attempt), "could not be started",
                                                       self->system().render(err)));
        task_ended(self, key);
      });
  log::debug("task deployed", {{"job", attempt.job_id()}, {"vertex", attempt.vertex_id()},
                               {"subtask", attempt.subtask()}, {"attempt", attempt.attempt()}});
}

/// A TASK actor ended: after its last report in the normal case, by an exception otherwise.
void on_task_down(self_ptr self, const caf::down_msg& down) {
  auto& state = self->state;
  for (const auto& [key, running] : state.tasks) {
    if (!running.actor || running.actor.address() != down.source)
      continue;
    if (down.reason && down.reason != caf::exit_reason::normal) {
      auto crashed = internal_failure("task " + attempt_key(running.attempt), "its actor ended",
                                      self->system().render(down.reason));
      crashed.cls = failure_class::transient;
      report_failed(self, running.attempt, crashed);
    }
    task_ended(self, std::string{key});
    return;
  }
}

// --- requests of job managers --------------------------------------------------------------------------------------

/// The job's entry under the request's epoch; null when the epoch is stale. A higher epoch starts from nothing.
task_manager_job* enter_job(self_ptr self, const std::string& job_id, std::uint64_t epoch) {
  auto& state = self->state;
  if (state.slots.epoch_of(job_id) > epoch)
    return nullptr;
  auto& job = state.jobs[job_id];
  if (job.epoch > epoch)
    return nullptr;
  if (job.epoch < epoch) {
    cancel_up_to(self, job_id, epoch - 1);
    job = {};
    job.epoch = epoch;
  }
  job.last_contact = self->clock().now();
  return &job;
}

failure stale(const std::string& job_id, std::uint64_t epoch) {
  return internal_failure("job " + job_id, "epoch " + std::to_string(epoch) + " is stale");
}

/// Compiles the job on a thread of its own, by a loader in the tree. `then` gets the compiled job or its failure; a job
/// function that does not return in time is one, and its loader is given up where everybody sees it.
void load(self_ptr self, const msg::JobSpec& job, const msg::Address& blobs, std::function<void(const load_outcome&)> then) {
  auto& state = self->state;
  const auto loaders = state.config.loaders->as<supervisor_actor>();
  child_spec spec;
  spec.id = job.job_id().substr(0, 8) + ":" + std::to_string(++state.last_loader);
  spec.child_class = "job_loader";
  spec.restart = supervision::restart_policy::temporary;
  spec.ready = ready_when::spawned;
  spec.start = [start = state.config.start_loader](const child_context& context) -> result<caf::strong_actor_ptr> {
    return start(context);
  };
  const auto failed = [then](failure why) {
    load_outcome outcome;
    outcome.error = std::move(why);
    then(outcome);
  };
  const auto id = spec.id;
  self->request(loaders, start_timeout, start_child_request{std::move(spec)})
    .then(
      [self, job, blobs, then, failed, id](const child_handle& child) {
        auto& now_state = self->state;
        self->request(caf::actor_cast<job_loader_actor>(child.handle), now_state.config.plan_timeout, atom::load_v, job, blobs)
          .then([then](const load_outcome_ptr& loaded) { then(*loaded); },
                [self, job, failed, id](const caf::error& err) {
                  caf::anon_send(self->state.config.loaders->as<supervisor_actor>(), terminate_child_request{id});
                  failed(user_failure("job " + job.job_id(), "the job function did not return within its time limit",
                                      self->system().render(err)));
                });
      },
      [self, job, failed](const caf::error& err) {
        failed(transient_failure("job " + job.job_id(), "its loader could not be started", self->system().render(err)));
      });
}

caf::result<msg::PlanResult> plan(self_ptr self, const msg::PlanJob& request) {
  auto promise = self->make_response_promise<msg::PlanResult>();
  const auto job_id = request.spec().job_id();
  const auto epoch = request.header().epoch();
  load(self, request.spec(), request.blobs(), [self, promise, job_id, epoch](const load_outcome& loaded) mutable {
    msg::PlanResult result;
    stamp(*result.mutable_header(), self->state, epoch);
    if (loaded.job) {
      *result.mutable_graph() = loaded.job->graph;
      if (auto* job = enter_job(self, job_id, epoch))
        job->compiled = loaded.job;
    } else {
      to_proto(loaded.error, *result.mutable_failure());
    }
    promise.deliver(std::move(result));
  });
  return promise;
}

void launch_all(self_ptr self, const msg::DeployTasks& request, const compiled_job_ptr& job,
                caf::typed_response_promise<msg::DeployResult> promise) {
  msg::DeployResult result;
  stamp(*result.mutable_header(), self->state, request.header().epoch());
  if (job->graph.fingerprint() != request.graph().fingerprint()) {
    to_proto(user_failure("job " + request.spec().job_id(),
                          "the job function built another graph than at planning; it must depend on its parameters only"),
             *result.mutable_failure());
    promise.deliver(std::move(result));
    return;
  }
  for (const auto& deployment : request.tasks())
    launch(self, request, job, deployment);
  tell_slots(self);
  promise.deliver(std::move(result));
}

caf::result<msg::DeployResult> deploy(self_ptr self, const msg::DeployTasks& request) {
  auto& state = self->state;
  auto job_manager = self->current_sender();         // first: the promise takes the sender with it
  auto promise = self->make_response_promise<msg::DeployResult>();
  const auto& job_id = request.spec().job_id();
  const auto epoch = request.header().epoch();
  auto* job = enter_job(self, job_id, epoch);
  if (job == nullptr) {
    msg::DeployResult result;
    stamp(*result.mutable_header(), state, epoch);
    to_proto(stale(job_id, epoch), *result.mutable_failure());
    promise.deliver(std::move(result));
    return promise;
  }
  job->job_manager = std::move(job_manager);
  state.slots.touch(job_id, epoch, self->clock().now());
  if (job->compiled) {
    launch_all(self, request, job->compiled, promise);
    return promise;
  }
  load(self, request.spec(), request.blobs(), [self, request, promise](const load_outcome& loaded) mutable {
    auto* entry = enter_job(self, request.spec().job_id(), request.header().epoch());
    if (loaded.job && entry != nullptr) {
      entry->compiled = loaded.job;
      launch_all(self, request, loaded.job, promise);
      return;
    }
    msg::DeployResult result;
    stamp(*result.mutable_header(), self->state, request.header().epoch());
    to_proto(entry == nullptr ? stale(request.spec().job_id(), request.header().epoch()) : loaded.error,
             *result.mutable_failure());
    promise.deliver(std::move(result));
  });
  return promise;
}

msg::Ack cancel(self_ptr self, const msg::CancelTasks& request) {
  if (request.attempts().empty()) {
    cancel_up_to(self, request.job_id(), request.header().epoch());
    return {};
  }
  auto& tasks = self->state.tasks;
  for (const auto& attempt : request.attempts())
    if (const auto found = tasks.find(attempt.job_id() + attempt_key(attempt)); found != tasks.end())
      cancel_task(self, found->second);
  return {};
}

// --- requests of the resource manager ---------------------------------------------------------------------------

msg::SlotTable allocate(self_ptr self, const msg::AllocateSlot& request) {
  auto& state = self->state;
  std::vector<std::string> ids{request.allocation_id()};
  ids.insert(ids.end(), request.more_allocation_ids().begin(), request.more_allocation_ids().end());
  auto superseded = state.slots.allocate(request.job_id(), request.epoch(), ids, self->clock().now());
  if (superseded)
    for (const auto& old : *superseded)
      cancel_up_to(self, old.job_id, old.epoch);
  auto table = slot_table_message(state);
  if (!superseded)
    to_proto(superseded.error(), *table.mutable_failure());
  state.told_version = state.slots.version();
  return table;
}

msg::SlotTable free_slots(self_ptr self, const msg::FreeSlot& request) {
  auto& state = self->state;
  const std::vector<std::string> ids(request.allocation_ids().begin(), request.allocation_ids().end());
  for (const auto& id : ids)
    for (const auto& key : state.slots.tasks_in(id))
      if (const auto found = state.tasks.find(key); found != state.tasks.end())
        cancel_task(self, found->second);
  std::set<std::string> released;
  for (const auto& slot : state.slots.report())
    if (std::find(ids.begin(), ids.end(), slot.allocation_id()) != ids.end())
      released.insert(slot.job_id());
  state.slots.free(ids);
  for (const auto& job_id : released)
    forget_if_idle(self, job_id);
  state.told_version = state.slots.version();
  return slot_table_message(state);
}

// --- the tick ---------------------------------------------------------------------------------------------------

void check_stuck_tasks(self_ptr self) {
  auto& state = self->state;
  const auto now = self->clock().now();
  for (const auto& [key, running] : state.tasks)
    if (running.cancel_since && now - *running.cancel_since > running.cancellation_timeout) {
      const auto in_call = std::chrono::floor<std::chrono::milliseconds>(state.config.board->in_call_for(running.attempt));
      state.config.abort(internal_failure(
        "task " + attempt_key(running.attempt) + " of job " + running.attempt.job_id(),
        "did not stop within task.cancellation.timeout; its process has to end",
        in_call.count() > 0 ? "one call into the job's code has been running for " + std::to_string(in_call.count()) + " ms"
                            : std::string{}));
      return;
    }
}

/// After a gap in this process's own time (it was stopped, or the machine slept) nobody's silence counts: what was heard
/// of last is younger than it looks.
bool was_asleep(task_manager_state& state, caf::actor_clock::time_point now) {
  const auto last = std::exchange(state.last_tick, now);
  if (!last || now - *last <= state.config.heartbeat_timeout)
    return false;
  log::warn("the TaskManager itself was asleep; its job managers get a fresh timeout");
  for (auto& [id, job] : state.jobs) {
    job.last_contact = now;
    state.slots.touch(id, job.epoch, now);
  }
  return true;
}

void tick(self_ptr self) {
  auto& state = self->state;
  const auto now = self->clock().now();
  was_asleep(state, now);
  const auto expired = state.slots.expire(now);
  for (const auto& orphan : expired.orphans) {
    log::warn("job released: its job manager has been silent too long", {{"job", orphan.job_id}});
    cancel_up_to(self, orphan.job_id, orphan.epoch);
  }
  // A plan whose deployment never came keeps its module loaded only this long.
  std::vector<std::string> idle;
  for (const auto& [id, job] : state.jobs)
    if (now - job.last_contact > state.config.slots.slot_timeout)
      idle.push_back(id);
  for (const auto& id : idle)
    forget_if_idle(self, id);
  for (const auto& [attempt, counters] : state.config.board->counters()) {
    const auto job = state.jobs.find(attempt.job_id());
    if (job == state.jobs.end())
      continue;
    const auto key = attempt_key(attempt);
    const auto latest = job->second.latest.find(key);
    if (latest == job->second.latest.end() || is_terminal(latest->second.state()))
      continue;
    *latest->second.mutable_counters() = counters;
    job->second.unsent.insert(key);
  }
  flush(self);
  tell_slots(self);
  check_stuck_tasks(self);
  self->delayed_send(self, state.config.tick, atom::tick_v);
}

}  // namespace

task_manager_actor::behavior_type task_manager(self_ptr self, task_manager_config config) {
  keep_exception_text(self);
  auto& state = self->state;
  state.config = std::move(config);
  state.slots = slot_table{state.config.slots};
  self->set_down_handler([self](const caf::down_msg& down) { on_task_down(self, down); });
  self->send(self, atom::tick_v);
  return {
    [self](atom::describe) {
      auto description = self->state.config.self;
      for (auto& slot : self->state.slots.report())
        *description.add_slots() = std::move(slot);
      return description;
    },
    [self](atom::link_up, const cluster_gateway_actor& dispatcher, const msg::RegisterNodeReply& reply) {
      self->state.guard.led_by(reply.header().incarnation());
      self->state.dispatcher = dispatcher;
      self->state.told_version = 0;
      tell_slots(self);
    },
    [self](atom::link_down) { self->state.dispatcher = cluster_gateway_actor{}; },
    [self](const msg::PlanJob& request) { return checked<msg::PlanResult>(self, request, plan); },
    [self](const msg::DeployTasks& request) { return checked<msg::DeployResult>(self, request, deploy); },
    [self](const msg::CancelTasks& request) { return checked<msg::Ack>(self, request, cancel); },
    [self](const msg::AllocateSlot& request) { return checked<msg::SlotTable>(self, request, allocate); },
    [self](const msg::FreeSlot& request) { return checked<msg::SlotTable>(self, request, free_slots); },
    [self](const msg::JobHeartbeat& pulse) { return checked<msg::JobHeartbeatReply>(self, pulse, answer_heartbeat); },
    [self](const msg::GetTree& request) {
      return checked<msg::TreeReply>(self, request, [](self_ptr me, const msg::GetTree&) {
        return show_tree(me, me->state.config.root, me->state.config.self.node_id());
      });
    },
    [self](const msg::TaskReport& report) { keep_report(self, report); },
    [self](atom::flush) { flush(self); },
    [self](atom::tick) { tick(self); },
  };
}

}  // namespace flott
