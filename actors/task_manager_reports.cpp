// What becomes of a TaskManager's tasks, told to their job managers.

#include "actors/task_manager_parts.hpp"
#include "runtime/base/env.hpp"
#include "runtime/base/log.hpp"
#include "runtime/graph/job_states.hpp"

namespace flott::task_manager_parts {
namespace {

constexpr std::size_t report_message_bytes = 512 << 10;     // well below what a control message may have
constexpr std::chrono::seconds report_timeout{10};

void arm_flush(self_ptr self) {
  if (self->state.flush_armed)
    return;
  self->state.flush_armed = true;
  self->send(self, atom::flush_v);
}

/// The job manager knows how these attempts ended: what came with their ends is not told again.
void acknowledged(task_manager_state& state, const std::string& job_id, std::uint64_t epoch,
                  const std::vector<std::string>& ended) {
  const auto job = state.jobs.find(job_id);
  if (job == state.jobs.end() || job->second.epoch != epoch)
    return;
  for (const auto& key : ended)
    if (const auto report = job->second.latest.find(key); report != job->second.latest.end()) {
      report->second.clear_committables();
      report->second.clear_collected();
    }
}

}  // namespace

void flush(self_ptr self) {
  auto& state = self->state;
  state.flush_armed = false;
  for (auto& [id, job] : state.jobs) {
    if (job.unsent.empty() || !job.job_manager)
      continue;
    msg::TaskReports bundle;
    std::vector<std::string> ended;
    std::size_t bytes = 0;
    const auto send = [&] {
      stamp(*bundle.mutable_header(), state, job.epoch);
      bundle.set_job_id(id);
      bundle.set_task_manager_id(state.config.self.node_id());
      self->request(caf::actor_cast<job_manager_actor>(job.job_manager), report_timeout, std::move(bundle))
        .then([self, id = id, epoch = job.epoch,
               ended = std::move(ended)](const msg::Ack&) { acknowledged(self->state, id, epoch, ended); },
              [](const caf::error&) {});              // heartbeats tell it again
      bundle = {};
      ended.clear();
      bytes = 0;
    };
    for (const auto& key : job.unsent) {
      const auto& report = job.latest[key];
      const auto size = report.ByteSizeLong();
      if (bytes > 0 && bytes + size > report_message_bytes)
        send();
      *bundle.add_reports() = report;
      if (is_terminal(report.state()))
        ended.push_back(key);
      bytes += size;
    }
    job.unsent.clear();
    if (bytes > 0)
      send();
  }
}

void keep_report(self_ptr self, const msg::TaskReport& report) {
  auto& state = self->state;
  const auto job = state.jobs.find(report.attempt().job_id());
  if (job == state.jobs.end() || report.attempt().epoch() != job->second.epoch)
    return;
  const auto key = attempt_key(report.attempt());
  auto& latest = job->second.latest[key];
  if (report.state() == msg::TASK_STATE_FAILED && latest.state() != msg::TASK_STATE_FAILED)
    log::warn("task failed", {{"job", report.attempt().job_id()}, {"vertex", report.attempt().vertex_id()},
                              {"subtask", report.attempt().subtask()}, {"attempt", report.attempt().attempt()},
                              {"operator", report.operator_name()}, {"why", from_proto(report.failure()).to_string()}});
  const bool first_record = latest.first_record_seen() || report.first_record_seen();
  latest = report;
  latest.set_first_record_seen(first_record);
  job->second.unsent.insert(key);
  arm_flush(self);
}

void report_failed(self_ptr self, const msg::AttemptId& attempt, const failure& why) {
  msg::TaskReport report;
  *report.mutable_attempt() = attempt;
  report.set_state(msg::TASK_STATE_FAILED);
  report.set_unix_ms(self->state.config.environment->now_unix_ms());
  to_proto(why, *report.mutable_failure());
  keep_report(self, report);
}

void forget_earlier_attempts(task_manager_job& job, const msg::AttemptId& next) {
  const auto of_subtask = next.vertex_id() + ":" + std::to_string(next.subtask()) + "#";
  for (auto old = job.latest.lower_bound(of_subtask); old != job.latest.end() && old->first.starts_with(of_subtask);) {
    job.unsent.erase(old->first);
    old = job.latest.erase(old);
  }
}

msg::JobHeartbeatReply answer_heartbeat(self_ptr self, const msg::JobHeartbeat& pulse) {
  auto& state = self->state;
  msg::JobHeartbeatReply reply;
  stamp(*reply.mutable_header(), state, pulse.header().epoch());
  state.slots.touch(pulse.job_id(), pulse.header().epoch(), self->clock().now());
  const auto job = state.jobs.find(pulse.job_id());
  if (job == state.jobs.end() || job->second.epoch != pulse.header().epoch())
    return reply;
  job->second.job_manager = self->current_sender();
  job->second.last_contact = self->clock().now();
  for (const auto& [attempt, counters] : state.config.board->counters(pulse.job_id())) {
    const auto latest = job->second.latest.find(attempt_key(attempt));
    if (latest != job->second.latest.end() && !is_terminal(latest->second.state()))
      *latest->second.mutable_counters() = counters;
  }
  std::size_t bytes = 0;
  for (const auto& [key, report] : job->second.latest) {
    const auto size = report.ByteSizeLong();
    if (bytes > 0 && bytes + size > report_message_bytes) {
      job->second.unsent.insert(key);                 // goes in a message of its own
      continue;
    }
    bytes += size;
    *reply.add_tasks() = report;
  }
  return reply;
}

}  // namespace flott::task_manager_parts
