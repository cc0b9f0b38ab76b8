#include "runtime/scheduling/job_registry.hpp"

#include "runtime/graph/job_states.hpp"

#include <algorithm>

namespace flott {
namespace {

using namespace msg;

bool same_work(const JobSpec& a, const JobSpec& b) {
  return a.module_sha256() == b.module_sha256() && a.function() == b.function() &&
         std::equal(a.parameters().begin(), a.parameters().end(), b.parameters().begin(), b.parameters().end(),
                    [](const KeyValue& x, const KeyValue& y) { return x.key() == y.key() && x.value() == y.value(); });
}

void stamp(JobSnapshot& snapshot, JobState state, std::int64_t unix_ms) {
  snapshot.set_state(state);
  for (const auto& t : snapshot.timestamps())
    if (t.state() == state)
      return;
  auto& t = *snapshot.add_timestamps();
  t.set_state(state);
  t.set_unix_ms(unix_ms);
}

// What is shown of a job before its JobManager has said anything.
JobSnapshot first_snapshot(const JobSpec& spec, std::int64_t unix_ms) {
  JobSnapshot s;
  s.set_job_id(spec.job_id());
  s.set_name(spec.name());
  s.set_start_unix_ms(unix_ms);
  stamp(s, JOB_STATE_INITIALIZING, unix_ms);
  return s;
}

}  // namespace

job_registry::job_registry(job_registry_config config) : config_(config), placement_(config.max_jobs_per_node) {}

registry_actions job_registry::recover(std::vector<msg::StoredJob> jobs, instant now) {
  registry_actions out;
  std::stable_sort(jobs.begin(), jobs.end(), [](const StoredJob& a, const StoredJob& b) {
    return a.spec().submitted_unix_ms() < b.spec().submitted_unix_ms();
  });
  std::vector<std::pair<std::int64_t, std::string>> ended;
  for (auto& stored : jobs) {
    const auto id = stored.spec().job_id();
    auto& job = jobs_[id];
    job.sequence = next_sequence_++;
    by_sequence_[job.sequence] = id;
    job.fresh = false;
    job.stored = std::move(stored);
    if (!job.stored.has_last_snapshot())
      *job.stored.mutable_last_snapshot() = first_snapshot(job.stored.spec(), job.stored.spec().submitted_unix_ms());
    if (job.stored.ended()) {
      job.where = phase::ended;
      ended.emplace_back(job.stored.last_snapshot().end_unix_ms(), id);
    } else {
      ++unfinished_;
      if (job.stored.epoch() == 0) {
        wait(job);   // it was never given to anyone
        continue;
      }
      job.where = phase::recovering;
      job.not_before = now.steady + config_.recovery_grace;
    }
  }
  std::sort(ended.begin(), ended.end());
  for (auto& [time, id] : ended)
    ended_.push_back(std::move(id));
  retire(out);
  return out;
}

// --- clients ---------------------------------------------------------------------------------------------------------

job_registry::submission job_registry::submit(const msg::JobSpec& spec, instant now) {
  submission s;
  const auto& id = spec.job_id();
  s.reply.set_job_id(id);
  if (const auto known = jobs_.find(id); known != jobs_.end()) {
    auto& job = known->second;
    if (!same_work(job.stored.spec(), spec)) {
      to_proto(user_failure("job " + id, "this id belongs to a job of another module, function or parameters"),
               *s.reply.mutable_failure());
      s.reply.set_http_status(409);
      return s;
    }
    s.reply.set_existed(true);
    if (job.fresh)
      s.actions.push_back(registry_action::persist{job.stored});   // nobody is told before it is durable
    return s;
  }
  if (unfinished_ >= config_.max_unfinished_jobs) {
    to_proto(resource_failure("job " + id, std::to_string(unfinished_) + " jobs have not ended, which is the limit"),
             *s.reply.mutable_failure());
    s.reply.set_http_status(429);
    s.reply.set_retry_after_s(5);
    return s;
  }
  auto& job = jobs_[id];
  job.sequence = next_sequence_++;
  by_sequence_[job.sequence] = id;
  *job.stored.mutable_spec() = spec;
  *job.stored.mutable_last_snapshot() = first_snapshot(spec, now.unix_ms);
  ++unfinished_;
  wait(job);
  give_out(s.actions, now);
  // An assignment has persisted it together with its epoch.
  if (job.where == phase::waiting)
    s.actions.push_back(registry_action::persist{job.stored});
  return s;
}

void job_registry::persisted(const std::string& job_id) {
  if (const auto job = jobs_.find(job_id); job != jobs_.end())
    job->second.fresh = false;
}

std::optional<msg::SubmitReply> job_registry::persist_failed(const std::string& job_id, const failure& error,
                                                             instant now) {
  const auto known = jobs_.find(job_id);
  if (known == jobs_.end())
    return std::nullopt;
  auto& job = known->second;
  if (!job.fresh) {
    if (job.where == phase::assigning) {
      placement_.unassign(job_id);
      job.not_before = now.steady + config_.assign_retry;
      wait(job);
    }
    return std::nullopt;
  }
  forget(job_id);
  SubmitReply reply;
  reply.set_job_id(job_id);
  reply.set_http_status(503);
  reply.set_retry_after_s(1);
  to_proto(error, *reply.mutable_failure());
  return reply;
}

job_registry::cancellation job_registry::cancel(const std::string& job_id, instant now) {
  cancellation c;
  const auto known = jobs_.find(job_id);
  if (known == jobs_.end()) {
    c.reply.set_http_status(404);
    to_proto(user_failure("job " + job_id, "there is no such job"), *c.reply.mutable_failure());
    return c;
  }
  auto& job = known->second;
  if (job.where == phase::ended) {
    c.reply.set_http_status(409);
    to_proto(user_failure("job " + job_id, "it has ended already: " +
                                               std::string(to_string(job.stored.last_snapshot().state()))),
             *c.reply.mutable_failure());
    return c;
  }
  c.reply.set_http_status(202);
  const bool again = job.stored.cancel_requested();
  job.stored.set_cancel_requested(true);
  // A decided commit has to be published by somebody, so such a job waits on for a node.
  if (job.where == phase::waiting && !job.stored.commit_decided()) {
    end_here(c.actions, job, JOB_STATE_CANCELED, std::nullopt, now);
    return c;
  }
  if (!again)
    c.actions.push_back(registry_action::persist{job.stored});
  tell_cancel(c.actions, job);
  return c;
}

void job_registry::tell_cancel(registry_actions& out, const entry& job) const {
  const auto& id = job.stored.spec().job_id();
  const auto node = placement_.node_of(id);
  if (node && (job.where == phase::assigning || job.where == phase::assigned))
    out.push_back(registry_action::cancel{*node, placement_.find(*node)->rpc(), id, job.stored.epoch()});
}

// --- JobManager nodes --------------------------------------------------------------------------------------------------

job_registry::registration job_registry::node_registered(const msg::RegisterNode& node, instant now) {
  registration r;
  for (const auto& id : placement_.join(node))
    wait(jobs_.at(id));
  std::set<std::string> running;
  for (const auto& report : node.jobs()) {
    const auto known = jobs_.find(report.job_id());
    const auto owner = placement_.node_of(report.job_id());
    if (known == jobs_.end() || known->second.where == phase::ended ||
        known->second.stored.epoch() != report.epoch() || (owner && *owner != node.node_id())) {
      r.unwanted.push_back(report);
      continue;
    }
    auto& job = known->second;
    running.insert(report.job_id());
    waiting_.erase(job.sequence);
    job.where = phase::assigned;
    placement_.assign(report.job_id(), node.node_id());
    if (job.stored.cancel_requested())
      tell_cancel(r.actions, job);
  }
  // What it should run and does not: it has restarted its JobManager's host without us noticing.
  for (auto& [id, job] : jobs_)
    if (job.where == phase::assigned && !running.contains(id) && placement_.node_of(id) == node.node_id()) {
      placement_.unassign(id);
      wait(job);
    }
  give_out(r.actions, now);
  return r;
}

registry_actions job_registry::node_lost(const std::string& node_id, const std::string& incarnation, instant now) {
  registry_actions out;
  for (const auto& id : placement_.leave(node_id, incarnation))
    wait(jobs_.at(id));
  give_out(out, now);
  return out;
}

registry_actions job_registry::assign_answered(const std::string& job_id, std::uint64_t epoch,
                                               const std::optional<failure>& error, instant now) {
  registry_actions out;
  const auto known = jobs_.find(job_id);
  if (known == jobs_.end() || known->second.where != phase::assigning || known->second.stored.epoch() != epoch)
    return out;
  auto& job = known->second;
  job.fresh = false;   // it was durable before it was assigned
  if (!error) {
    job.where = phase::assigned;
    return out;
  }
  job.avoid = placement_.node_of(job_id).value_or("");
  job.not_before = now.steady + config_.assign_retry;
  placement_.unassign(job_id);
  wait(job);
  give_out(out, now);
  return out;
}

void job_registry::wait(entry& job) {
  job.where = phase::waiting;
  waiting_.insert(job.sequence);
}

void job_registry::give_out(registry_actions& out, instant now) {
  for (const auto sequence : std::vector(waiting_.begin(), waiting_.end())) {
    if (!waiting_.contains(sequence))
      continue;   // given out while one before it ended
    auto& job = jobs_.at(by_sequence_.at(sequence));
    if (job.stored.cancel_requested() && !job.stored.commit_decided()) {
      end_here(out, job, JOB_STATE_CANCELED, std::nullopt, now);
      continue;
    }
    const bool held_back = now.steady < job.not_before;
    if (held_back && job.avoid.empty())
      continue;
    if (const auto node = placement_.pick(held_back ? job.avoid : std::string()))
      assign(out, job, *node);
    else if (!held_back)
      return;   // no node has room for anyone
  }
}

// The new epoch is durable before its node hears of it: epochs never repeat, whoever crashes.
void job_registry::assign(registry_actions& out, entry& job, const std::string& node_id) {
  const auto& id = job.stored.spec().job_id();
  waiting_.erase(job.sequence);
  job.where = phase::assigning;
  job.avoid.clear();
  job.stored.set_epoch(job.stored.epoch() + 1);
  placement_.assign(id, node_id);
  out.push_back(registry_action::persist{job.stored});
  registry_action::assign a{node_id, placement_.find(node_id)->rpc(), {}};
  *a.message.mutable_spec() = job.stored.spec();
  a.message.set_epoch(job.stored.epoch());
  if (job.stored.has_graph())
    *a.message.mutable_graph() = job.stored.graph();
  a.message.set_commit_decided(job.stored.commit_decided());
  *a.message.mutable_committed() = job.stored.committables();
  *a.message.mutable_collected() = job.stored.collected();
  *a.message.mutable_timestamps() = job.stored.last_snapshot().timestamps();
  a.message.set_cancel_requested(job.stored.cancel_requested());
  out.push_back(std::move(a));
}

// --- facts -----------------------------------------------------------------------------------------------------------

result<job_registry::entry*> job_registry::current(const std::string& job_id, std::uint64_t epoch) {
  const auto known = jobs_.find(job_id);
  if (known == jobs_.end())
    return internal_failure("job " + job_id, "it is not known here");
  if (known->second.stored.epoch() != epoch)
    return internal_failure("job " + job_id, "epoch " + std::to_string(epoch) + " is stale: epoch " +
                                                 std::to_string(known->second.stored.epoch()) + " has been given out");
  known->second.fresh = false;   // somebody runs it, so it was durable before
  return &known->second;
}

result<registry_actions> job_registry::planned(const msg::JobPlanned& fact, instant) {
  FLOTT_ASSIGN(auto* job, current(fact.job_id(), fact.epoch()));
  if (!job->stored.has_graph())
    *job->stored.mutable_graph() = fact.graph();
  return registry_actions{registry_action::persist{job->stored}};
}

result<registry_actions> job_registry::commit_decided(const msg::CommitDecided& fact, instant) {
  FLOTT_ASSIGN(auto* job, current(fact.job_id(), fact.epoch()));
  if (!job->stored.commit_decided() && job->where != phase::ended) {
    job->stored.set_commit_decided(true);
    *job->stored.mutable_committables() = fact.committables();
    *job->stored.mutable_collected() = fact.collected();
  }
  return registry_actions{registry_action::persist{job->stored}};
}

result<registry_actions> job_registry::ended(const msg::JobEnded& fact, instant now) {
  FLOTT_ASSIGN(auto* job, current(fact.job_id(), fact.epoch()));
  registry_actions out;
  if (job->where == phase::ended) {
    out.push_back(registry_action::persist{job->stored});
    return out;
  }
  if (!is_terminal(fact.snapshot().state()))
    return internal_failure("job " + fact.job_id(), "it was reported as ended in state " +
                                                        std::string(to_string(fact.snapshot().state())));
  *job->stored.mutable_last_snapshot() = fact.snapshot();
  finish(out, *job, now);
  return out;
}

result<registry_actions> job_registry::returned(const msg::ReturnJob& fact, instant now) {
  FLOTT_ASSIGN(auto* job, current(fact.job_id(), fact.epoch()));
  registry_actions out;
  if (job->where == phase::ended || job->where == phase::waiting)
    return out;
  if (++job->returns >= config_.max_returns) {
    auto error = from_proto(fact.failure());
    end_here(out, *job, JOB_STATE_FAILED,
             internal_failure("job " + fact.job_id(), "its JobManager crashed " + std::to_string(job->returns) + " times",
                              error.to_string()),
             now);
    return out;
  }
  placement_.unassign(fact.job_id());
  wait(*job);
  give_out(out, now);
  return out;
}

std::vector<std::string> job_registry::snapshots(const msg::JobSnapshots& message) {
  std::vector<std::string> unwanted;
  for (const auto& snapshot : message.jobs()) {
    const auto known = jobs_.find(snapshot.job_id());
    if (known == jobs_.end() || known->second.stored.epoch() != snapshot.epoch()) {
      unwanted.push_back(snapshot.job_id());
      continue;
    }
    auto& job = known->second;
    const auto& last = job.stored.last_snapshot();
    // A terminal state counts once JobEnded has brought it: what is shown as ended is durable.
    if (job.where == phase::ended || is_terminal(snapshot.state()) ||
        (last.epoch() == snapshot.epoch() && last.version() >= snapshot.version()))
      continue;
    *job.stored.mutable_last_snapshot() = snapshot;
  }
  return unwanted;
}

registry_actions job_registry::tick(instant now) {
  registry_actions out;
  for (auto& [id, job] : jobs_)
    if (job.where == phase::recovering && now.steady >= job.not_before)
      wait(job);
  give_out(out, now);
  return out;
}

// --- ends ------------------------------------------------------------------------------------------------------------

void job_registry::end_here(registry_actions& out, entry& job, msg::JobState with, const std::optional<failure>& error,
                            instant now) {
  auto& snapshot = *job.stored.mutable_last_snapshot();
  stamp(snapshot, with, now.unix_ms);
  snapshot.set_end_unix_ms(now.unix_ms);
  snapshot.set_epoch(job.stored.epoch());
  snapshot.set_version(snapshot.version() + 1);
  if (error)
    to_proto(*error, *snapshot.mutable_failure());
  finish(out, job, now);
}

void job_registry::finish(registry_actions& out, entry& job, instant now) {
  const auto id = job.stored.spec().job_id();
  waiting_.erase(job.sequence);
  placement_.unassign(id);
  job.where = phase::ended;
  job.stored.set_ended(true);
  job.stored.clear_committables();   // published by now
  --unfinished_;
  ended_.push_back(id);
  out.push_back(registry_action::persist{job.stored});
  out.push_back(registry_action::ended{id, job.stored.last_snapshot().state()});
  retire(out);
  give_out(out, now);
}

void job_registry::retire(registry_actions& out) {
  while (ended_.size() > config_.retained_jobs) {
    out.push_back(registry_action::remove{ended_.front()});
    const auto job = jobs_.find(ended_.front());
    by_sequence_.erase(job->second.sequence);
    jobs_.erase(job);
    ended_.pop_front();
  }
}

void job_registry::forget(const std::string& job_id) {
  const auto job = jobs_.find(job_id);
  placement_.unassign(job_id);
  waiting_.erase(job->second.sequence);
  by_sequence_.erase(job->second.sequence);
  if (job->second.where == phase::ended)
    std::erase(ended_, job_id);
  else
    --unfinished_;
  jobs_.erase(job);
}

// --- looking ---------------------------------------------------------------------------------------------------------

const msg::StoredJob* job_registry::find(const std::string& job_id) const {
  const auto job = jobs_.find(job_id);
  return job == jobs_.end() ? nullptr : &job->second.stored;
}

const msg::JobSnapshot* job_registry::snapshot(const std::string& job_id) const {
  const auto* job = find(job_id);
  return job == nullptr ? nullptr : &job->last_snapshot();
}

std::vector<const msg::JobSnapshot*> job_registry::all() const {
  std::vector<const JobSnapshot*> snapshots;
  for (const auto& [sequence, id] : by_sequence_)
    snapshots.push_back(&jobs_.at(id).stored.last_snapshot());
  return snapshots;
}

std::vector<std::uint32_t> job_registry::counts() const {
  std::vector<std::uint32_t> by_state(JobState_ARRAYSIZE);
  for (const auto& [id, job] : jobs_)
    ++by_state[job.stored.last_snapshot().state()];
  return by_state;
}

}  // namespace flott
