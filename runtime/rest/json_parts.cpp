#include "runtime/rest/json_parts.hpp"

#include "runtime/http/message.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace flott::rest {
namespace {

std::int64_t milliseconds(std::uint64_t ns) { return static_cast<std::int64_t>(ns / 1'000'000); }

bool is_valid_state(int state) { return state > 0 && state <= static_cast<int>(task_states); }

/// min, max, avg, sum and the nearest-rank percentiles that Flink's dashboard shows.
json::object statistics(std::vector<std::int64_t> values) {
  std::sort(values.begin(), values.end());
  std::int64_t sum = 0;
  for (const auto value : values)
    sum += value;
  const auto rank = [&](std::size_t percent) -> std::int64_t {
    return values.empty() ? 0 : values[(values.size() * percent + 99) / 100 - 1];
  };
  const auto count = static_cast<std::int64_t>(values.size());
  return {{"min", values.empty() ? 0 : values.front()}, {"max", values.empty() ? 0 : values.back()},
          {"avg", count == 0 ? 0 : sum / count}, {"sum", sum}, {"median", rank(50)}, {"p25", rank(25)},
          {"p75", rank(75)}, {"p95", rank(95)}};
}

life life_of(const msg::SubtaskSnapshot& subtask) { return {subtask.start_unix_ms(), subtask.end_unix_ms()}; }

/// The states that status-duration names. Only the time since the attempt began is known, and charged to its state.
json::object status_duration(const msg::SubtaskSnapshot& subtask, std::int64_t now) {
  json::object durations;
  for (const auto state : {msg::TASK_STATE_CREATED, msg::TASK_STATE_SCHEDULED, msg::TASK_STATE_DEPLOYING,
                           msg::TASK_STATE_INITIALIZING, msg::TASK_STATE_RUNNING}) {
    const bool charged = subtask.state() == state || (is_terminal(subtask.state()) && state == msg::TASK_STATE_RUNNING) ||
                         (subtask.state() == msg::TASK_STATE_CANCELING && state == msg::TASK_STATE_RUNNING);
    durations[name_of(state)] = charged ? life_of(subtask).duration(now) : 0;
  }
  return durations;
}

}  // namespace

std::string_view name_of(msg::TaskState state) {
  switch (state) {
    case msg::TASK_STATE_SCHEDULED: return "SCHEDULED";
    case msg::TASK_STATE_DEPLOYING: return "DEPLOYING";
    case msg::TASK_STATE_INITIALIZING: return "INITIALIZING";
    case msg::TASK_STATE_RUNNING: return "RUNNING";
    case msg::TASK_STATE_FINISHED: return "FINISHED";
    case msg::TASK_STATE_CANCELING: return "CANCELING";
    case msg::TASK_STATE_CANCELED: return "CANCELED";
    case msg::TASK_STATE_FAILED: return "FAILED";
    case msg::TASK_STATE_RECONCILING: return "RECONCILING";
    default: return "CREATED";
  }
}

std::string_view name_of(msg::JobState state) {
  switch (state) {
    case msg::JOB_STATE_CREATED: return "CREATED";
    case msg::JOB_STATE_RUNNING: return "RUNNING";
    case msg::JOB_STATE_FAILING: return "FAILING";
    case msg::JOB_STATE_FAILED: return "FAILED";
    case msg::JOB_STATE_CANCELLING: return "CANCELLING";
    case msg::JOB_STATE_CANCELED: return "CANCELED";
    case msg::JOB_STATE_FINISHED: return "FINISHED";
    case msg::JOB_STATE_RESTARTING: return "RESTARTING";
    case msg::JOB_STATE_SUSPENDED: return "SUSPENDED";
    case msg::JOB_STATE_RECONCILING: return "RECONCILING";
    default: return "INITIALIZING";
  }
}

bool is_terminal(msg::JobState state) {
  return state == msg::JOB_STATE_FINISHED || state == msg::JOB_STATE_FAILED || state == msg::JOB_STATE_CANCELED;
}

bool is_terminal(msg::TaskState state) {
  return state == msg::TASK_STATE_FINISHED || state == msg::TASK_STATE_FAILED || state == msg::TASK_STATE_CANCELED;
}

json::string text(std::string_view from) { return json::string(http::valid_utf8(from)); }

std::string lower_case(std::string_view upper) {
  std::string lower(upper);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

std::string html_escaped(std::string_view from) {
  std::string escaped;
  for (const char c : from) {
    switch (c) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '"': escaped += "&quot;"; break;
      default: escaped += c;
    }
  }
  return escaped;
}

std::string_view job_type(const msg::JobGraph& graph) { return graph.bounded() ? "BATCH" : "STREAMING"; }

void state_counts::add(msg::TaskState state) {
  ++of[static_cast<std::size_t>(is_valid_state(state) ? state : msg::TASK_STATE_CREATED)];
}

int state_counts::total() const {
  int sum = 0;
  for (const int count : of)
    sum += count;
  return sum;
}

json::object state_counts::to_json() const {
  json::object counts;
  for (std::size_t state = 1; state <= task_states; ++state)
    counts[name_of(static_cast<msg::TaskState>(state))] = of[state];
  return counts;
}

msg::TaskState state_counts::aggregate() const {
  for (const auto state : {msg::TASK_STATE_FAILED, msg::TASK_STATE_CANCELING, msg::TASK_STATE_CANCELED,
                           msg::TASK_STATE_INITIALIZING, msg::TASK_STATE_RUNNING})
    if (of[state] > 0)
      return state;
  if (of[msg::TASK_STATE_FINISHED] > 0)
    return of[msg::TASK_STATE_FINISHED] == total() ? msg::TASK_STATE_FINISHED : msg::TASK_STATE_RUNNING;
  return msg::TASK_STATE_CREATED;
}

void life::include(const msg::SubtaskSnapshot& subtask) {
  if (subtask.start_unix_ms() > 0 && (start == 0 || subtask.start_unix_ms() < start))
    start = subtask.start_unix_ms();
  end = std::max(end, subtask.end_unix_ms());
}

std::int64_t life::duration(std::int64_t now) const {
  return start == 0 ? 0 : std::max<std::int64_t>(0, (end == 0 ? now : end) - start);
}

void life::add_to(json::object& document, std::int64_t now) const {
  document["start-time"] = start == 0 ? -1 : start;
  document["end-time"] = end == 0 ? -1 : end;
  document["duration"] = start == 0 ? -1 : duration(now);
}

void accumulate(msg::TaskCounters& sum, const msg::TaskCounters& more) {
  sum.set_records_in(sum.records_in() + more.records_in());
  sum.set_records_out(sum.records_out() + more.records_out());
  sum.set_bytes_in(sum.bytes_in() + more.bytes_in());
  sum.set_bytes_out(sum.bytes_out() + more.bytes_out());
  sum.set_busy_ns(sum.busy_ns() + more.busy_ns());
  sum.set_idle_ns(sum.idle_ns() + more.idle_ns());
  sum.set_backpressured_ns(sum.backpressured_ns() + more.backpressured_ns());
}

json::object io_metrics(const msg::TaskCounters& c) {
  return {{"read-bytes", c.bytes_in()}, {"read-bytes-complete", true},
          {"write-bytes", c.bytes_out()}, {"write-bytes-complete", true},
          {"read-records", c.records_in()}, {"read-records-complete", true},
          {"write-records", c.records_out()}, {"write-records-complete", true},
          {"accumulated-backpressured-time", milliseconds(c.backpressured_ns())},
          {"accumulated-idle-time", milliseconds(c.idle_ns())},
          {"accumulated-busy-time", static_cast<double>(c.busy_ns()) / 1e6}};
}

std::vector<vertex_view> view_of(const msg::JobSnapshot& job) {
  std::map<std::string_view, const msg::VertexSnapshot*> reported;
  for (const auto& vertex : job.vertices())
    reported.emplace(vertex.id(), &vertex);
  std::vector<vertex_view> views;
  for (const auto& vertex : job.graph().vertices()) {
    vertex_view& view = views.emplace_back();
    view.vertex = &vertex;
    view.subtasks.resize(vertex.parallelism());
    for (std::size_t i = 0; i < view.subtasks.size(); ++i) {
      view.subtasks[i].set_subtask(static_cast<std::uint32_t>(i));
      view.subtasks[i].set_state(msg::TASK_STATE_CREATED);
    }
    if (const auto found = reported.find(vertex.id()); found != reported.end())
      for (const auto& subtask : found->second->subtasks())
        if (subtask.subtask() < view.subtasks.size())
          view.subtasks[subtask.subtask()] = subtask;
    for (const auto& subtask : view.subtasks) {
      view.counts.add(subtask.state());
      accumulate(view.counters, subtask.counters());
      view.lived.include(subtask);
    }
    if (!is_terminal(view.counts.aggregate()))
      view.lived.end = 0;
  }
  return views;
}

json::object aggregated(const std::vector<const msg::SubtaskSnapshot*>& subtasks, std::int64_t now) {
  const auto over = [&](auto value_of) {
    std::vector<std::int64_t> values;
    for (const auto* subtask : subtasks)
      values.push_back(static_cast<std::int64_t>(value_of(*subtask)));
    return statistics(std::move(values));
  };
  using subtask_type = msg::SubtaskSnapshot;
  const json::object metrics{
      {"read-bytes", over([](const subtask_type& s) { return s.counters().bytes_in(); })},
      {"write-bytes", over([](const subtask_type& s) { return s.counters().bytes_out(); })},
      {"read-records", over([](const subtask_type& s) { return s.counters().records_in(); })},
      {"write-records", over([](const subtask_type& s) { return s.counters().records_out(); })},
      {"accumulated-backpressured-time", over([](const subtask_type& s) { return milliseconds(s.counters().backpressured_ns()); })},
      {"accumulated-idle-time", over([](const subtask_type& s) { return milliseconds(s.counters().idle_ns()); })},
      {"accumulated-busy-time", over([](const subtask_type& s) { return milliseconds(s.counters().busy_ns()); })}};
  json::object durations;
  for (const auto state : {msg::TASK_STATE_CREATED, msg::TASK_STATE_SCHEDULED, msg::TASK_STATE_DEPLOYING,
                           msg::TASK_STATE_INITIALIZING, msg::TASK_STATE_RUNNING})
    durations[name_of(state)] =
        over([&](const subtask_type& s) { return status_duration(s, now).at(name_of(state)).as_int64(); });
  return {{"metrics", metrics}, {"status-duration", std::move(durations)}};
}

json::object subtask_details(const msg::SubtaskSnapshot& subtask, std::int64_t now) {
  const std::string_view endpoint = subtask.host().empty() ? unassigned : std::string_view(subtask.host());
  json::object details{
      {"subtask", subtask.subtask()}, {"status", name_of(subtask.state())}, {"attempt", subtask.attempt()},
      {"endpoint", text(endpoint)}, {"host", text(endpoint.substr(0, endpoint.rfind(':')))},
      {"taskmanager-id", text(subtask.task_manager_id().empty() ? unassigned : std::string_view(subtask.task_manager_id()))},
      {"metrics", io_metrics(subtask.counters())}, {"status-duration", status_duration(subtask, now)}};
  life_of(subtask).add_to(details, now);
  return details;
}

std::string_view shown_value(std::string_view key, std::string_view value) {
  const std::string lower = lower_case(key);
  for (const std::string_view secret : {"password", "secret", "token", "apikey", "api-key", "account.key", "credential"})
    if (lower.find(secret) != std::string::npos)
      return "******";
  return value;
}

json::object config_entry(std::string_view key, std::string_view value) {
  return {{"key", text(key)}, {"value", text(shown_value(key, value))}};
}

}  // namespace flott::rest
