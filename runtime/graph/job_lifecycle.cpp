// The inputs of a job's life: what comes from outside, sorted by the step the job is in. What follows from them is in
// job_lifecycle_steps.cpp.
#include "runtime/graph/job_lifecycle.hpp"

#include "runtime/graph/job_states.hpp"

#include <algorithm>

namespace flott {
namespace {

using namespace msg;
using std::chrono::milliseconds;

constexpr milliseconds planner_retry{200};
constexpr milliseconds slots_retry_delay{500};

// Grows from 100 ms, doubling, to `longest`.
milliseconds doubling(std::uint32_t tries, milliseconds longest) {
  return std::min(longest, milliseconds{100} * (1 << std::min(tries, 12U)));
}

}  // namespace

result<job_lifecycle> job_lifecycle::make(msg::AssignJob assignment, job_lifecycle_config config, instant now) {
  job_lifecycle job;
  FLOTT_ASSIGN(job.strategy_, make_restart_strategy(config.restart));
  job.random_.seed(config.seed);
  job.config_ = std::move(config);
  job.spec_ = assignment.spec();
  job.epoch_ = assignment.epoch();
  job.cancel_asked_ = assignment.cancel_requested();
  for (const auto& t : assignment.timestamps())
    job.timestamps_.emplace(t.state(), t.unix_ms());
  job.timestamps_.emplace(JOB_STATE_INITIALIZING, now.unix_ms);
  job.start_unix_ms_ = job.timestamps_.at(JOB_STATE_INITIALIZING);
  job.assignment_ = std::move(assignment);
  return job;
}

job_actions job_lifecycle::start(instant now) {
  step_context c{now, {}, true};
  if (step_ != step::not_started)
    return {};
  step_ = step::planning;
  if (cancel_asked_ && !assignment_.commit_decided()) {
    end(c, JOB_STATE_CANCELED);
    return finish(c);
  }
  if (!assignment_.has_graph()) {
    ask_for_planner(c, milliseconds{0});
    return finish(c);
  }
  graph_durable_ = true;
  if (!assignment_.commit_decided()) {
    adopt_graph(c, std::move(*assignment_.mutable_graph()));
    return finish(c);
  }
  auto graph = execution_graph::make(job_id(), epoch_, std::move(*assignment_.mutable_graph()));
  if (!graph.ok()) {
    fail_job(c, graph.error(), {});
    return finish(c);
  }
  graph_ = std::move(graph).value();
  graph_->mark_finished(now.unix_ms);
  enter(c, JOB_STATE_CREATED);
  enter(c, JOB_STATE_RUNNING);
  committables_.assign(assignment_.committed().begin(), assignment_.committed().end());
  begin_publish(c);
  return finish(c);
}

// --- planning ------------------------------------------------------------------------------------------------------

job_actions job_lifecycle::planner_found(const std::string& task_manager_id, const msg::Address& rpc, instant now) {
  step_context c{now, {}, false};
  if (step_ != step::planning || plan_sent_ || lost_.contains({task_manager_id, rpc.incarnation()}))
    return {};
  plan_sent_ = true;
  planner_id_ = task_manager_id;
  planner_rpc_ = rpc;
  disarm(job_timer::wait_for_resources);
  c.actions.push_back(job_action::plan{task_manager_id, rpc});
  return finish(c);
}

job_actions job_lifecycle::planner_missing(const failure&, instant now) {
  step_context c{now, {}, false};
  if (step_ == step::planning && !plan_sent_)
    ask_for_planner(c, planner_retry);
  return finish(c);
}

job_actions job_lifecycle::planned(msg::JobGraph graph, instant now) {
  step_context c{now, {}, true};
  if (step_ != step::planning || !plan_sent_)
    return {};
  auto to_persist = graph;
  adopt_graph(c, std::move(graph));
  // Slots are asked for while the graph goes to disk; nothing is deployed before it is there.
  if (!ended())
    c.actions.push_back(job_action::persist_graph{std::move(to_persist)});
  return finish(c);
}

job_actions job_lifecycle::plan_failed(const failure& error, instant now) {
  step_context c{now, {}, true};
  if (step_ != step::planning || !plan_sent_)
    return {};
  if (error.cls == failure_class::permanent)
    fail_job(c, error, {});
  else
    plan_again(c, error);
  return finish(c);
}

job_actions job_lifecycle::graph_persisted(instant now) {
  step_context c{now, {}, false};
  graph_durable_ = true;
  deploy_if_ready(c);
  return finish(c);
}

// --- slots ---------------------------------------------------------------------------------------------------------

job_actions job_lifecycle::slots_granted(const std::vector<msg::SlotGrant>& slots, instant now) {
  step_context c{now, {}, true};
  std::vector<std::string> unwanted;
  // A count that was not asked for answers a request that was withdrawn: its slots are not ours.
  const bool awaited = requested_ > 0 && slots.size() == requested_ && !ended();
  if (awaited)
    requested_ = 0;
  for (const auto& slot : slots) {
    if (!awaited || lost_.contains({slot.task_manager_id(), slot.task_manager_incarnation()})) {
      unwanted.push_back(slot.allocation_id());
      continue;
    }
    slots_.push_back(slot);
    rpc_[slot.task_manager_id()] = slot.rpc();
  }
  if (!unwanted.empty())
    release(c, std::move(unwanted));
  if (awaited) {
    disarm(job_timer::partial_hold);
    if (step_ == step::waiting || restarting())
      get_slots(c);
    deploy_if_ready(c);
  }
  return finish(c);
}

job_actions job_lifecycle::slots_refused(const failure& error, instant now) {
  step_context c{now, {}, true};
  if (requested_ == 0 || ended())
    return {};
  requested_ = 0;
  if (step_ == step::waiting && error.cls == failure_class::permanent)
    fail_job(c, error, {});
  else
    arm(c, job_timer::slots_retry, slots_retry_delay);
  return finish(c);
}

job_actions job_lifecycle::resource_manager_changed(instant now) {
  step_context c{now, {}, false};
  if (step_ == step::planning && !plan_sent_)
    ask_for_planner(c, milliseconds{0});
  if (requested_ > 0)
    c.actions.push_back(job_action::request_slots{requested_});
  return finish(c);
}

// --- tasks ---------------------------------------------------------------------------------------------------------

job_actions job_lifecycle::deploy_failed(const std::string& task_manager_id, std::uint32_t round, const failure& error,
                                         instant now) {
  step_context c{now, {}, true};
  if (round != round_ || !graph_ || (step_ != step::running && step_ != step::stopping))
    return {};
  const auto slot = std::find_if(slots_.begin(), slots_.end(),
                                 [&](const SlotGrant& s) { return s.task_manager_id() == task_manager_id; });
  if (slot == slots_.end())
    return {};
  const auto incarnation = slot->task_manager_incarnation();
  // It may have taken the tasks all the same (an answer that was lost), so they are cancelled there too.
  auto attempts = graph_->active_attempts();
  if (auto there = attempts.find(task_manager_id); there != attempts.end())
    cancel_attempts(c, {{there->first, there->second}});
  const auto where = graph_->fail_on(task_manager_id, incarnation, now.unix_ms);
  if (step_ == step::stopping) {
    stopped_if_all_ended(c);
    return finish(c);
  }
  if (where.empty())
    return finish(c);
  if (error.cls == failure_class::resources) {
    drop_slots_of(task_manager_id, incarnation, true, c);   // the slots are not what was granted: ask for others
    restart_free(c, error, where.front());
  } else {
    task_failed(c, error, where.front());
  }
  return finish(c);
}

job_actions job_lifecycle::task_reports(const std::string& task_manager_id,
                                        const google::protobuf::RepeatedPtrField<msg::TaskReport>& reports,
                                        instant now) {
  step_context c{now, {}, false};
  if (!graph_ || ended())
    return {};
  std::vector<AttemptId> zombies;
  for (const auto& report : reports) {
    const auto r = graph_->apply(report, task_manager_id);
    if (r.zombie)
      zombies.push_back(report.attempt());
    if (r.effect == report_effect::stale)
      continue;
    c.news = true;
    if (r.effect == report_effect::all_running || r.effect == report_effect::all_finished) {
      ran_since_loss_ = true;
      loss_streak_ = 0;
    }
    if (r.effect == report_effect::failed && step_ == step::running)
      task_failed(c, r.error, r.failed_task);
    else if (r.effect == report_effect::all_finished && step_ == step::running)
      begin_commit(c);
    else
      stopped_if_all_ended(c);
    if (ended())
      break;
  }
  if (!zombies.empty())
    cancel_attempts(c, {{task_manager_id, zombies}});
  return finish(c);
}

job_actions job_lifecycle::task_manager_lost(const msg::TaskManagerLost& lost, instant now) {
  step_context c{now, {}, true};
  if (ended())
    return {};
  const task_manager_key key{lost.task_manager_id(), lost.incarnation()};
  const bool first_notice = lost_.emplace(key, false).second;
  const bool planner = step_ == step::planning && plan_sent_ && planner_id_ == key.first &&
                       (planner_rpc_.incarnation().empty() || planner_rpc_.incarnation() == key.second);
  task_location where;
  where.task_manager_id = key.first;
  std::vector<task_location> failed;
  bool used = false;
  if (first_notice && graph_) {
    used = graph_->uses(key.first, key.second);
    failed = graph_->fail_on(key.first, key.second, now.unix_ms);
    if (!failed.empty())
      where = failed.front();
  }
  if (graph_ && !lost.vertex_id().empty() && lost.job_id() == job_id())
    where.task_name = graph_->task_name(lost.vertex_id(), lost.subtask());
  where.operator_name = lost.operator_name();
  if (first_notice)
    drop_slots_of(key.first, key.second, false, c);

  const auto error = lost.has_failure() ? from_proto(lost.failure())
                                        : transient_failure("TaskManager " + key.first, "it was lost");
  if (charge_crash(c, lost))
    return finish(c);
  if (!first_notice) {
    // The cause of a loss that was acted on already: say it where the loss is shown. What the job failed of stays.
    if (!exceptions_.empty() && exceptions_.front().task_manager_id() == key.first && lost.has_failure() &&
        exceptions_.front().failure().cls() == msg::FAILURE_CLASS_TRANSIENT)
      *exceptions_.front().mutable_failure() = lost.failure();
    return finish(c);
  }
  if (planner)
    plan_again(c, error);
  else if (step_ == step::running && !failed.empty())
    restart_free(c, error, where);
  else if (restarting() && used)
    upgrade_incident(c);
  stopped_if_all_ended(c);
  if (step_ == step::waiting)
    get_slots(c);
  return finish(c);
}

// --- the user, time, the end ---------------------------------------------------------------------------------------

job_actions job_lifecycle::cancel_requested(instant now) {
  step_context c{now, {}, true};
  cancel_asked_ = true;
  switch (step_) {
    case step::not_started:
    case step::ended:
    case step::committing:    // what the job has made is being decided on: it will be FINISHED
    case step::publishing:
      return {};
    case step::planning:
      end(c, JOB_STATE_CANCELED);
      break;
    default:
      if (state_ == JOB_STATE_FAILING || state_ == JOB_STATE_CANCELLING)
        return {};
      enter(c, JOB_STATE_CANCELLING);
      stop_tasks(c, after_stop::cancel);
  }
  return finish(c);
}

job_actions job_lifecycle::timer_due(job_timer timer, std::uint64_t token, instant now) {
  step_context c{now, {}, true};
  const auto armed = tokens_.find(timer);
  if (armed == tokens_.end() || armed->second != token || ended())
    return {};
  tokens_.erase(armed);
  switch (timer) {
    case job_timer::restart:
      if (step_ == step::delaying)
        wait_or_deploy(c);
      break;
    case job_timer::replan:
      if (step_ == step::planning && !plan_sent_)
        ask_for_planner(c, milliseconds{0});
      break;
    case job_timer::slots_retry:
      if (step_ == step::waiting || restarting())
        get_slots(c);
      break;
    case job_timer::partial_hold:
      // Holding some and waiting for others is how jobs block each other: give all back and wait for all.
      if (requested_ > 0 && !slots_.empty()) {
        release_all(c);
        get_slots(c);
      }
      break;
    case job_timer::wait_for_resources:
      waited_too_long(c);
      break;
    case job_timer::cancellation:
      if (step_ == step::stopping)
        give_up_stopping(c);
      break;
    case job_timer::publish_retry:
      if (step_ == step::publishing)
        c.actions.push_back(job_action::publish{committables_});
      break;
  }
  return finish(c);
}

job_actions job_lifecycle::commit_persisted(instant now) {
  step_context c{now, {}, false};
  if (step_ == step::committing)
    begin_publish(c);
  return finish(c);
}

job_actions job_lifecycle::published(instant now) {
  step_context c{now, {}, true};
  if (step_ != step::publishing)
    return {};
  end(c, JOB_STATE_FINISHED);
  return finish(c);
}

job_actions job_lifecycle::publish_failed(const failure& error, instant now) {
  constexpr std::uint32_t most_tries = 30;
  step_context c{now, {}, true};
  if (step_ != step::publishing)
    return {};
  if (error.cls == failure_class::permanent || ++publish_tries_ >= most_tries) {
    fail_job(c, error, {});
  } else {
    record_exception(c, error, {});
    arm(c, job_timer::publish_retry, doubling(publish_tries_ - 1, milliseconds{10'000}));
  }
  return finish(c);
}

job_actions job_lifecycle::suspend(instant now) {
  step_context c{now, {}, true};
  if (ended())
    return {};
  if (graph_) {
    graph_->mark_canceling(now.unix_ms);
    cancel_attempts(c, graph_->active_attempts());
  }
  release_all(c);
  enter(c, JOB_STATE_SUSPENDED);
  step_ = step::ended;
  tokens_.clear();
  c.actions.push_back(job_action::abandoned{});
  return finish(c);
}

}  // namespace flott
