#include "actors/task.hpp"

#include "actors/exit_reason.hpp"
#include "metrics/probes/task_probe.hpp"
#include "runtime/base/env.hpp"
#include "runtime/base/log.hpp"

namespace flott {

std::string attempt_key(const msg::AttemptId& attempt) {
  return attempt.vertex_id() + ":" + std::to_string(attempt.subtask()) + "#" + std::to_string(attempt.attempt()) + "@" +
         std::to_string(attempt.epoch());
}

void task_board::enter(const msg::AttemptId& attempt, std::shared_ptr<const task_handle> handle) {
  const std::lock_guard lock{mutex_};
  tasks_[attempt.job_id() + attempt_key(attempt)] = {attempt, std::move(handle)};
}

void task_board::leave(const msg::AttemptId& attempt) {
  const std::lock_guard lock{mutex_};
  tasks_.erase(attempt.job_id() + attempt_key(attempt));
}

std::vector<std::pair<msg::AttemptId, msg::TaskCounters>> task_board::counters() const {
  const std::lock_guard lock{mutex_};
  std::vector<std::pair<msg::AttemptId, msg::TaskCounters>> all;
  all.reserve(tasks_.size());
  for (const auto& [key, entry] : tasks_)
    all.emplace_back(entry.first, entry.second->counters());
  return all;
}

std::vector<std::pair<msg::AttemptId, msg::TaskCounters>> task_board::counters(const std::string& job) const {
  const std::lock_guard lock{mutex_};
  std::vector<std::pair<msg::AttemptId, msg::TaskCounters>> found;
  for (auto entry = tasks_.lower_bound(job); entry != tasks_.end() && entry->first.starts_with(job); ++entry)
    found.emplace_back(entry->second.first, entry->second.second->counters());
  return found;
}

std::chrono::nanoseconds task_board::in_call_for(const msg::AttemptId& attempt) const {
  const std::lock_guard lock{mutex_};
  const auto found = tasks_.find(attempt.job_id() + attempt_key(attempt));
  return found == tasks_.end() ? std::chrono::nanoseconds{0} : found->second.second->in_call_for();
}

task_state::~task_state() {
  if (config.board != nullptr && handle)
    config.board->leave(config.deployment.attempt());
}

namespace {

using self_ptr = task_actor::stateful_pointer<task_state>;

/// Turns the data plane's calls into messages. Holds the actor until the attempt has ended.
class reporter final : public task_observer {
 public:
  explicit reporter(task_actor target) : target_(std::move(target)) {}

  void on_state(msg::TaskState state) override {
    task_event event;
    event.state = state;
    caf::anon_send(target_, std::move(event));
  }

  void on_first_batch() override {
    task_event event;
    event.first_batch = true;
    caf::anon_send(target_, std::move(event));
  }

  void on_outcome(task_outcome outcome) override {
    task_event event;
    event.state = outcome.state;
    event.outcome = std::make_shared<task_outcome>(std::move(outcome));
    caf::anon_send(target_, std::move(event));
    target_ = task_actor{};
  }

 private:
  task_actor target_;
};

msg::TaskReport report_of(const task_state& state, msg::TaskState reached) {
  msg::TaskReport report;
  *report.mutable_attempt() = state.config.deployment.attempt();
  report.set_state(reached);
  report.set_unix_ms(state.config.environment->now_unix_ms());
  if (state.handle)
    *report.mutable_counters() = state.handle->counters();
  return report;
}

void show(task_state& state) {
  if (state.config.probe == nullptr)
    return;
  const auto& attempt = state.config.deployment.attempt();
  task_labels labels{attempt.job_id(), state.config.spec.name(), attempt.vertex_id(), {}, attempt.subtask()};
  for (const auto& vertex : state.config.job->graph.vertices())
    if (vertex.id() == attempt.vertex_id())
      labels.vertex_name = vertex.name();
  state.shown = state.config.probe->began(std::move(labels), [handle = state.handle] {
    const auto counted = handle->counters();
    return task_totals{counted.records_in(), counted.records_out(), counted.bytes_in(), counted.bytes_out(),
                       counted.busy_ns(), counted.idle_ns(), counted.backpressured_ns()};
  });
}

void end(self_ptr self, msg::TaskReport report) {
  self->state.ended = true;
  self->send(self->state.owner, std::move(report));
  self->quit();
}

void conclude(self_ptr self, task_outcome& outcome) {
  auto report = report_of(self->state, outcome.state);
  if (outcome.state == msg::TASK_STATE_FAILED)
    to_proto(outcome.error, *report.mutable_failure());
  report.set_operator_name(outcome.operator_name);
  for (auto& committable : outcome.committables)
    *report.add_committables() = std::move(committable);
  for (auto& rows : outcome.collected)
    *report.add_collected() = std::move(rows);
  end(self, std::move(report));
}

}  // namespace

task_actor::behavior_type task(self_ptr self, task_config config, task_manager_actor owner) {
  keep_exception_text(self);
  auto& state = self->state;
  state.config = std::move(config);
  state.owner = std::move(owner);
  auto deployed = state.config.plane->deploy(state.config.deployment, state.config.job, state.config.spec,
                                             std::make_shared<reporter>(self));
  if (deployed) {
    state.handle = std::move(deployed).value();
    state.config.board->enter(state.config.deployment.attempt(), state.handle);
    show(state);
    state.handle->start();
  } else {
    auto report = report_of(state, msg::TASK_STATE_FAILED);
    to_proto(deployed.error(), *report.mutable_failure());
    end(self, std::move(report));
  }
  return {
    [self](task_event& event) {
      if (self->state.ended)
        return;
      if (event.outcome) {
        conclude(self, *event.outcome);
        return;
      }
      if (event.state != msg::TASK_STATE_UNSPECIFIED && self->state.canceling)
        return;
      auto report = report_of(self->state, event.first_batch ? msg::TASK_STATE_RUNNING : event.state);
      report.set_first_record_seen(event.first_batch);
      self->send(self->state.owner, std::move(report));
    },
    [self](atom::cancel) {
      auto& now_state = self->state;
      if (now_state.ended || now_state.canceling || !now_state.handle)
        return;
      now_state.canceling = true;
      self->send(now_state.owner, report_of(now_state, msg::TASK_STATE_CANCELING));
      now_state.handle->cancel();
    },
  };
}

}  // namespace flott
