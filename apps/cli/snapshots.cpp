#include "apps/cli/console.hpp"
#include "apps/cli/embedded.hpp"
#include "messages/job.pb.h"

namespace flott::cli {
namespace {

/// "RUNNING" of JOB_STATE_RUNNING or TASK_STATE_RUNNING.
std::string state_name(const std::string& enumerator) { return enumerator.substr(enumerator.find("STATE_") + 6); }

std::int64_t duration_of(const msg::JobSnapshot& job, std::int64_t now) {
  const auto end = job.end_unix_ms() > 0 ? job.end_unix_ms() : now;
  return job.start_unix_ms() > 0 && end > job.start_unix_ms() ? end - job.start_unix_ms() : 0;
}

}  // namespace

job_info info_of(const msg::JobSnapshot& job, std::int64_t now) {
  job_info info;
  info.job.id = job.job_id();
  info.job.name = job.name();
  info.job.state = state_name(msg::JobState_Name(job.state()));
  info.job.start_unix_ms = job.start_unix_ms();
  info.job.duration_ms = duration_of(job, now);
  for (const auto& vertex : job.vertices()) {
    auto& shown = info.vertices.emplace_back();
    shown.id = vertex.id();
    shown.parallelism = vertex.subtasks_size();
    for (const auto& subtask : vertex.subtasks()) {
      ++shown.tasks[state_name(msg::TaskState_Name(subtask.state()))];
      shown.records_in += subtask.counters().records_in();
      shown.records_out += subtask.counters().records_out();
    }
  }
  return info;
}

job_outcome outcome_of(const msg::JobSnapshot& job, const std::vector<msg::CollectedRows>& collected,
                       std::int64_t now) {
  job_outcome outcome;
  outcome.id = job.job_id();
  outcome.name = job.name();
  outcome.state = state_name(msg::JobState_Name(job.state()));
  outcome.duration_ms = duration_of(job, now);
  for (const auto& sink : collected) {
    outcome.truncated = outcome.truncated || sink.truncated();
    for (const auto& row : sink.json_rows()) {
      if (collected.size() == 1 || row.size() < 2)
        outcome.rows.push_back(row);
      else
        outcome.rows.push_back("{\"_sink\":" + json_text(sink.sink()) + (row == "{}" ? "" : ",") + row.substr(1));
    }
  }
  if (collected.size() == 1)
    outcome.columns.assign(collected.front().columns().begin(), collected.front().columns().end());
  if (job.has_failure())
    outcome.error = from_proto(job.failure());
  return outcome;
}

}  // namespace flott::cli
