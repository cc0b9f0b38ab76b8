// What follows from a job's inputs: the steps of planning, deploying, restarting and ending.
#include "runtime/graph/job_lifecycle.hpp"
#include "runtime/graph/job_states.hpp"

#include <algorithm>

namespace flott {
namespace {

using namespace msg;
using std::chrono::milliseconds;

constexpr std::uint32_t most_plan_tries = 10;
constexpr std::uint32_t most_crashes = 2;
constexpr milliseconds longest_free_delay{10'000};
constexpr milliseconds longest_replan_delay{5'000};

milliseconds doubling(std::uint32_t tries, milliseconds longest) {
  return std::min(longest, milliseconds{100} * (1 << std::min(tries, 12U)));
}

std::string signal_text(std::int32_t signal) {
  switch (signal) {
    case 4: return "signal 4 (SIGILL)";
    case 6: return "signal 6 (SIGABRT)";
    case 7: return "signal 7 (SIGBUS)";
    case 8: return "signal 8 (SIGFPE)";
    case 9: return "signal 9 (SIGKILL)";
    case 11: return "signal 11 (SIGSEGV)";
    default: return "signal " + std::to_string(signal);
  }
}

}  // namespace

job_actions job_lifecycle::finish(step_context& c) {
  if (c.news && step_ != step::ended) {
    ++version_;
    c.actions.push_back(job_action::snapshot_changed{});
  }
  return std::move(c.actions);
}

void job_lifecycle::enter(step_context& c, msg::JobState to) {
  illegal_moves_ += can_move(state_, to) ? 0 : 1;
  state_ = to;
  if (to == JOB_STATE_RUNNING)
    timestamps_[to] = c.now.unix_ms;
  else
    timestamps_.emplace(to, c.now.unix_ms);
  c.news = true;
}

bool job_lifecycle::ended() const {
  return step_ == step::ended;
}

bool job_lifecycle::restarting() const {
  return state_ == JOB_STATE_RESTARTING;
}

// --- planning ------------------------------------------------------------------------------------------------------

void job_lifecycle::ask_for_planner(step_context& c, milliseconds delay) {
  plan_sent_ = false;
  planner_id_.clear();
  if (!tokens_.contains(job_timer::wait_for_resources))
    arm(c, job_timer::wait_for_resources, config_.wait_for_resources);
  if (delay > milliseconds{0}) {
    arm(c, job_timer::replan, delay);
    return;
  }
  disarm(job_timer::replan);
  c.actions.push_back(job_action::request_planner{avoid_});
}

void job_lifecycle::plan_again(step_context& c, const failure& error) {
  if (++plan_tries_ >= most_plan_tries) {
    fail_job(c, error, {});
    return;
  }
  record_exception(c, error, {});
  if (std::find(avoid_.begin(), avoid_.end(), planner_id_) == avoid_.end())
    avoid_.push_back(planner_id_);
  ask_for_planner(c, plan_tries_ == 1 ? milliseconds{0} : doubling(plan_tries_ - 2, longest_replan_delay));
}

void job_lifecycle::adopt_graph(step_context& c, msg::JobGraph graph) {
  plan_sent_ = false;
  disarm(job_timer::wait_for_resources);
  auto made = execution_graph::make(job_id(), epoch_, std::move(graph));
  if (!made.ok()) {
    fail_job(c, made.error(), {});
    return;
  }
  graph_ = std::move(made).value();
  enter(c, JOB_STATE_CREATED);
  wait_or_deploy(c);
}

// --- slots and deployment --------------------------------------------------------------------------------------------

void job_lifecycle::get_slots(step_context& c) {
  const auto needed = graph_->slots_needed();
  if (slots_.size() >= needed)
    return;
  if (step_ == step::waiting && !tokens_.contains(job_timer::wait_for_resources))
    arm(c, job_timer::wait_for_resources, config_.wait_for_resources);
  if (requested_ > 0)
    return;
  disarm(job_timer::slots_retry);
  requested_ = needed - static_cast<std::uint32_t>(slots_.size());
  if (!slots_.empty())
    arm(c, job_timer::partial_hold, config_.partial_hold);
  c.actions.push_back(job_action::request_slots{requested_});
  c.news = true;
}

void job_lifecycle::waited_too_long(step_context& c) {
  const auto wait = std::chrono::duration_cast<std::chrono::seconds>(config_.wait_for_resources);
  const auto within = " within " + std::to_string(wait.count()) + " s";
  if (step_ == step::planning && !plan_sent_)
    fail_job(c, resource_failure("job " + job_id(), "no TaskManager was there to plan it" + within), {});
  else if (step_ == step::waiting)
    fail_job(c, resource_failure("job " + job_id(), "it needs " + std::to_string(graph_->slots_needed()) +
                                                        " slots and has got " + std::to_string(slots_.size()) + within), {});
}

void job_lifecycle::wait_or_deploy(step_context& c) {
  step_ = step::waiting;
  get_slots(c);
  deploy_if_ready(c);
}

void job_lifecycle::deploy_if_ready(step_context& c) {
  if (step_ != step::waiting || !graph_durable_ || requested_ > 0 || slots_.size() < graph_->slots_needed())
    return;
  disarm(job_timer::wait_for_resources);
  disarm(job_timer::partial_hold);
  if (!graph_->all_in(TASK_STATE_CREATED))
    if (auto dropped = graph_->reset(); !dropped.empty())
      c.actions.push_back(job_action::discard{std::move(dropped)});
  if (auto assigned = graph_->assign(slots_, c.now.unix_ms); !assigned.ok()) {
    fail_job(c, assigned.error(), {});
    return;
  }
  enter(c, JOB_STATE_RUNNING);
  step_ = step::running;
  ++round_;
  for (auto& [id, tasks] : graph_->deployments()) {
    const auto slot = std::find_if(slots_.begin(), slots_.end(),
                                   [&, &task_manager = id](const SlotGrant& s) { return s.task_manager_id() == task_manager; });
    c.actions.push_back(job_action::deploy{id, slot->task_manager_incarnation(), slot->rpc(), round_, std::move(tasks)});
  }
  graph_->mark_deploying(c.now.unix_ms);
}

void job_lifecycle::release(step_context& c, std::vector<std::string> ids) {
  c.actions.push_back(job_action::release_slots{std::move(ids)});
}

void job_lifecycle::release_all(step_context& c) {
  if (slots_.empty() && requested_ == 0)
    return;
  slots_.clear();
  requested_ = 0;
  disarm(job_timer::partial_hold);
  disarm(job_timer::slots_retry);
  release(c, {});
}

void job_lifecycle::drop_slots_of(const std::string& task_manager_id, const std::string& incarnation, bool give_back,
                                  step_context& c) {
  std::vector<std::string> dropped;
  std::erase_if(slots_, [&](const SlotGrant& slot) {
    if (slot.task_manager_id() != task_manager_id || slot.task_manager_incarnation() != incarnation)
      return false;
    dropped.push_back(slot.allocation_id());
    return true;
  });
  if (give_back && !dropped.empty())
    release(c, std::move(dropped));
}

// --- failures and restarts -------------------------------------------------------------------------------------------

void job_lifecycle::task_failed(step_context& c, const failure& error, const task_location& where) {
  if (error.cls == failure_class::permanent)
    fail_job(c, error, where);
  else
    restart_after_failure(c, error, where);
}

// True: the job has failed by it.
bool job_lifecycle::charge_crash(step_context& c, const msg::TaskManagerLost& lost) {
  auto& charged = lost_.at({lost.task_manager_id(), lost.incarnation()});
  if (lost.signal() == 0 || lost.job_id() != job_id() || charged)
    return false;
  charged = true;
  if (crashes_ > 0 && c.now.steady - last_crash_ >= config_.restart.reset_backoff_threshold)
    crashes_ = 0;
  ++crashes_;
  last_crash_ = c.now.steady;
  const bool stays = strategy_->on_failure(c.now.steady, random()).has_value();
  if (stays && crashes_ < most_crashes)
    return false;
  const auto times = crashes_ < 2 ? std::string() : std::to_string(crashes_) + " times running, ";
  const auto task = graph_ && !lost.vertex_id().empty() ? graph_->task_name(lost.vertex_id(), lost.subtask())
                                                        : std::string("its job function");
  const auto where = lost.operator_name().empty() ? task : "operator '" + lost.operator_name() + "' of " + task;
  task_location place;
  place.task_name = graph_ ? task : std::string();
  place.operator_name = lost.operator_name();
  place.task_manager_id = lost.task_manager_id();
  const auto error = user_failure(where, "it crashed its TaskManager, " + times + "last by " + signal_text(lost.signal()),
                                  lost.failure().message());
  if (step_ == step::committing || step_ == step::publishing || state_ == JOB_STATE_CANCELLING ||
      state_ == JOB_STATE_FAILING)
    return false;
  fail_job(c, error, place);
  return true;
}

void job_lifecycle::restart_after_failure(step_context& c, const failure& error, const task_location& where) {
  before_incident_ = strategy_->clone();
  const auto delay = strategy_->on_failure(c.now.steady, random());
  if (!delay) {
    fail_job(c, error, where);
    return;
  }
  incident_is_free_ = false;
  record_exception(c, error, where);
  begin_restart(c, *delay);
}

void job_lifecycle::restart_free(step_context& c, const failure& error, const task_location& where) {
  if (!strategy_->restarts()) {
    fail_job(c, error, where);
    return;
  }
  incident_is_free_ = true;
  record_exception(c, error, where);
  begin_restart(c, free_restart_delay());
}

milliseconds job_lifecycle::free_restart_delay() {
  const auto delay = ran_since_loss_ ? milliseconds{0} : doubling(loss_streak_ - 1, longest_free_delay);
  ran_since_loss_ = false;
  ++loss_streak_;
  return delay;
}

void job_lifecycle::begin_restart(step_context& c, milliseconds delay) {
  ++restarts_;
  restart_due_ = c.now.steady + delay;
  enter(c, JOB_STATE_RESTARTING);
  // What a lost process took away is asked for while the other tasks are still being stopped.
  if (delay == milliseconds{0})
    get_slots(c);
  stop_tasks(c, after_stop::restart);
}

// A failure that turns out to have come from a lost process is not the job's.
void job_lifecycle::upgrade_incident(step_context& c) {
  if (incident_is_free_)
    return;
  incident_is_free_ = true;
  if (before_incident_)
    strategy_ = std::move(before_incident_);
  restart_due_ = std::min(restart_due_, c.now.steady + free_restart_delay());
  if (restart_due_ <= c.now.steady)
    get_slots(c);
  if (step_ == step::delaying) {
    disarm(job_timer::restart);
    stopped(c);
  }
}

void job_lifecycle::fail_job(step_context& c, const failure& error, const task_location& where) {
  if (state_ == JOB_STATE_FAILING || state_ == JOB_STATE_CANCELLING || ended())
    return;
  record_exception(c, error, where);
  failure_ = error;
  if (state_ == JOB_STATE_INITIALIZING) {
    release_all(c);
    end(c, JOB_STATE_FAILED);
    return;
  }
  enter(c, JOB_STATE_FAILING);
  stop_tasks(c, after_stop::fail);
}

void job_lifecycle::stop_tasks(step_context& c, after_stop then) {
  then_ = then;
  step_ = step::stopping;
  for (const auto timer : {job_timer::restart, job_timer::wait_for_resources, job_timer::cancellation})
    disarm(timer);
  if (then != after_stop::restart)
    disarm(job_timer::slots_retry);
  graph_->mark_canceling(c.now.unix_ms);
  cancel_attempts(c, graph_->active_attempts());
  if (!graph_->all_ended())
    arm(c, job_timer::cancellation, config_.cancellation_timeout);
  stopped_if_all_ended(c);
}

void job_lifecycle::cancel_attempts(step_context& c, const std::map<std::string, std::vector<msg::AttemptId>>& attempts) {
  for (const auto& [id, list] : attempts)
    if (const auto rpc = rpc_.find(id); rpc != rpc_.end())
      c.actions.push_back(job_action::cancel_tasks{id, rpc->second, list});
}

void job_lifecycle::stopped_if_all_ended(step_context& c) {
  if (step_ == step::stopping && graph_->all_ended())
    stopped(c);
}

void job_lifecycle::stopped(step_context& c) {
  disarm(job_timer::cancellation);
  if (then_ == after_stop::restart) {
    const auto left = std::chrono::ceil<milliseconds>(restart_due_ - c.now.steady);
    if (left > milliseconds{0}) {
      step_ = step::delaying;
      arm(c, job_timer::restart, left);
    } else {
      wait_or_deploy(c);
    }
    return;
  }
  if (auto dropped = graph_->reset_results(); !dropped.empty())
    c.actions.push_back(job_action::discard{std::move(dropped)});
  if (!committables_.empty())
    c.actions.push_back(job_action::discard{std::move(committables_)});
  if (auto folders = unpublished_outputs(); !folders.empty())
    c.actions.push_back(job_action::clear_outputs{std::move(folders)});
  release_all(c);
  end(c, then_ == after_stop::fail ? JOB_STATE_FAILED : JOB_STATE_CANCELED);
}

// Tasks that did not stop in time: their slots are left to their TaskManagers, the job goes on without them.
void job_lifecycle::give_up_stopping(step_context& c) {
  for (const auto& [id, attempts] : graph_->active_attempts())
    for (const auto& slot : std::vector(slots_))
      if (slot.task_manager_id() == id) {
        graph_->fail_on(id, slot.task_manager_incarnation(), c.now.unix_ms);
        drop_slots_of(id, slot.task_manager_incarnation(), true, c);
      }
  stopped(c);
}

// --- the end -----------------------------------------------------------------------------------------------------------

void job_lifecycle::begin_commit(step_context& c) {
  committables_ = graph_->committables();
  collected_ = graph_->collected();
  graph_->reset_results();
  release_all(c);
  step_ = step::committing;
  if (committables_.empty() && collected_.empty())
    end(c, JOB_STATE_FINISHED);
  else
    c.actions.push_back(job_action::persist_commit{committables_, collected_});
}

void job_lifecycle::begin_publish(step_context& c) {
  step_ = step::publishing;
  if (committables_.empty())
    end(c, JOB_STATE_FINISHED);
  else
    c.actions.push_back(job_action::publish{committables_});
}

void job_lifecycle::end(step_context& c, msg::JobState with) {
  enter(c, with);
  step_ = step::ended;
  end_unix_ms_ = c.now.unix_ms;
  tokens_.clear();
  ++version_;
  c.actions.push_back(job_action::snapshot_changed{});
  c.actions.push_back(job_action::report_ended{snapshot()});
}

std::vector<std::string> job_lifecycle::unpublished_outputs() const {
  if (!graph_ || step_ == step::committing || step_ == step::publishing || step_ == step::ended)
    return {};
  const auto& folders = graph_->graph().output_folders();
  return {folders.begin(), folders.end()};
}

// --- what is shown -------------------------------------------------------------------------------------------------------

void job_lifecycle::record_exception(step_context& c, const failure& error, const task_location& where) {
  ExceptionEntry entry;
  entry.set_unix_ms(c.now.unix_ms);
  to_proto(error, *entry.mutable_failure());
  entry.set_task_name(where.task_name);
  entry.set_task_manager_id(where.task_manager_id);
  entry.set_endpoint(where.endpoint);
  exceptions_.insert(exceptions_.begin(), std::move(entry));
  if (exceptions_.size() > config_.exceptions_kept)
    exceptions_.resize(config_.exceptions_kept);
  c.news = true;
}

msg::JobSnapshot job_lifecycle::snapshot() const {
  JobSnapshot s;
  s.set_job_id(job_id());
  s.set_epoch(epoch_);
  s.set_version(version_);
  s.set_name(!spec_.name().empty() || !graph_ ? spec_.name() : graph_->graph().name());
  s.set_state(state_);
  for (const auto& [state, unix_ms] : timestamps_) {
    auto& t = *s.add_timestamps();
    t.set_state(static_cast<JobState>(state));
    t.set_unix_ms(unix_ms);
  }
  s.set_start_unix_ms(start_unix_ms_);
  s.set_end_unix_ms(end_unix_ms_);
  if (graph_) {
    *s.mutable_graph() = graph_->graph();
    graph_->fill(s);
  }
  for (const auto& e : exceptions_)
    *s.add_exceptions() = e;
  if (failure_ && (state_ == JOB_STATE_FAILED || state_ == JOB_STATE_FAILING))
    to_proto(*failure_, *s.mutable_failure());
  s.set_restarts(restarts_);
  s.set_pending_slots(requested_);
  return s;
}

std::map<std::string, msg::SlotGrant> job_lifecycle::task_managers() const {
  std::map<std::string, SlotGrant> used;
  for (const auto& slot : slots_)
    used.emplace(slot.task_manager_id(), slot);
  if (step_ == step::planning && plan_sent_) {
    SlotGrant planner;
    planner.set_task_manager_id(planner_id_);
    planner.set_task_manager_incarnation(planner_rpc_.incarnation());
    *planner.mutable_rpc() = planner_rpc_;
    used.emplace(planner_id_, std::move(planner));
  }
  return used;
}

std::uint32_t job_lifecycle::illegal_moves() const {
  return illegal_moves_ + (graph_ ? graph_->illegal_moves() : 0);
}

void job_lifecycle::arm(step_context& c, job_timer timer, milliseconds delay) {
  tokens_[timer] = next_token_;
  c.actions.push_back(job_action::arm_timer{timer, delay, next_token_++});
}

double job_lifecycle::random() {
  return std::uniform_real_distribution<double>(0.0, 1.0)(random_);
}

}  // namespace flott
