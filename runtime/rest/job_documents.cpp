#include "runtime/rest/documents.hpp"
#include "runtime/rest/json_parts.hpp"

#include <xxhash.h>

#include <algorithm>

namespace flott::rest {
namespace {

life life_of(const msg::JobSnapshot& job) { return {job.start_unix_ms(), job.end_unix_ms()}; }

void add_life(json::object& document, const msg::JobSnapshot& job, std::int64_t now) {
  const life lived = life_of(job);
  document["start-time"] = lived.start;
  document["end-time"] = lived.end == 0 ? -1 : lived.end;
  document["duration"] = lived.duration(now);
}

std::int64_t last_modification(const msg::JobSnapshot& job) {
  std::int64_t last = job.start_unix_ms();
  for (const auto& stamp : job.timestamps())
    last = std::max(last, stamp.unix_ms());
  for (const auto& vertex : job.vertices())
    for (const auto& subtask : vertex.subtasks())
      last = std::max({last, subtask.start_unix_ms(), subtask.end_unix_ms()});
  return last;
}

json::object timestamps(const msg::JobSnapshot& job) {
  json::object stamps;
  for (std::size_t state = 1; state <= job_states; ++state)
    stamps[name_of(static_cast<msg::JobState>(state))] = 0;
  for (const auto& stamp : job.timestamps())
    stamps[name_of(stamp.state())] = stamp.unix_ms();
  return stamps;
}

/// Flink's ids of slot sharing groups are hex32; ours are names.
std::string slot_sharing_group_id(const msg::JobVertex& vertex) {
  const auto hash = XXH3_128bits(vertex.slot_sharing_group().data(), vertex.slot_sharing_group().size());
  static constexpr char digits[] = "0123456789abcdef";
  std::string id;
  for (const std::uint64_t word : {hash.high64, hash.low64})
    for (int shift = 60; shift >= 0; shift -= 4)
      id += digits[word >> shift & 15];
  return id;
}

std::string_view name_of(msg::ShipStrategy strategy) {
  switch (strategy) {
    case msg::SHIP_STRATEGY_HASH: return "HASH";
    case msg::SHIP_STRATEGY_REBALANCE: return "REBALANCE";
    case msg::SHIP_STRATEGY_BROADCAST: return "BROADCAST";
    default: return "FORWARD";
  }
}

json::object plan(const msg::JobSnapshot& job) {
  json::array nodes;
  for (const auto& vertex : job.graph().vertices()) {
    json::array inputs;
    for (const auto& edge : job.graph().edges())
      if (edge.target_vertex() == vertex.id())
        inputs.push_back(json::object{{"num", inputs.size()}, {"id", text(edge.source_vertex())},
                                      {"ship_strategy", json::string(name_of(edge.strategy()))},
                                      {"exchange", "pipelined_bounded"}});
    json::object node{{"id", text(vertex.id())}, {"parallelism", vertex.parallelism()}, {"operator", ""},
                      {"operator_strategy", ""}, {"description", text(html_escaped(vertex.name()))},
                      {"optimizer_properties", json::object()}};
    if (!inputs.empty())
      node["inputs"] = std::move(inputs);
    nodes.push_back(std::move(node));
  }
  return {{"jid", text(job.job_id())}, {"name", text(job.name())}, {"type", json::string(job_type(job.graph()))},
          {"nodes", std::move(nodes)}};
}

std::string_view application_status(msg::JobState state) {
  switch (state) {
    case msg::JOB_STATE_FINISHED: return "SUCCEEDED";
    case msg::JOB_STATE_FAILED: return "FAILED";
    case msg::JOB_STATE_CANCELED: return "CANCELED";
    default: return "UNKNOWN";
  }
}

json::object exception(const msg::ExceptionEntry& entry) {
  json::object one{{"exceptionName", text(failure_kind(entry.failure()))},
                   {"stacktrace", text(failure_text(entry.failure()))},
                   {"timestamp", entry.unix_ms()}, {"failureLabels", json::object()}};
  const auto add = [&one](const char* name, const std::string& value) {
    if (!value.empty())
      one[name] = text(value);
  };
  add("taskName", entry.task_name());
  add("endpoint", entry.endpoint());
  add("location", entry.endpoint());
  add("taskManagerId", entry.task_manager_id());
  return one;
}

}  // namespace

std::string job_ids(const job_list& jobs) {
  json::array all;
  for (const auto* job : jobs)
    all.push_back(json::object{{"id", text(job->job_id())}, {"status", json::string(name_of(job->state()))}});
  return json::serialize(json::object{{"jobs", std::move(all)}});
}

std::string jobs_overview(const job_list& jobs, std::int64_t now) {
  json::array all;
  for (const auto* job : jobs) {
    state_counts counts;
    for (const auto& view : view_of(*job))
      for (const auto& subtask : view.subtasks)
        counts.add(subtask.state());
    json::object tasks{{"total", counts.total()}};
    for (std::size_t state = 1; state <= task_states; ++state)
      tasks[lower_case(name_of(static_cast<msg::TaskState>(state)))] = counts.of[state];
    json::object row{{"jid", text(job->job_id())}, {"name", text(job->name())},
                     {"state", json::string(name_of(job->state()))}};
    add_life(row, *job, now);
    row["last-modification"] = last_modification(*job);
    row["tasks"] = std::move(tasks);
    row["pending-operators"] = 0;
    row["jobType"] = json::string(job_type(job->graph()));
    row["schedulerType"] = "Default";
    all.push_back(std::move(row));
  }
  return json::serialize(json::object{{"jobs", std::move(all)}});
}

std::string job_details(const msg::JobSnapshot& job, std::int64_t now) {
  json::array vertices;
  state_counts per_state;
  std::int64_t max_parallelism = -1;
  for (const auto& view : view_of(job)) {
    per_state.add(view.counts.aggregate());
    max_parallelism = std::max<std::int64_t>(max_parallelism, view.vertex->max_parallelism());
    json::object one{{"id", text(view.vertex->id())},
                     {"slotSharingGroupId", slot_sharing_group_id(*view.vertex)},
                     {"name", text(view.vertex->name())},
                     {"maxParallelism", view.vertex->max_parallelism()},
                     {"parallelism", view.vertex->parallelism()},
                     {"status", json::string(name_of(view.counts.aggregate()))}};
    view.lived.add_to(one, now);
    one["tasks"] = view.counts.to_json();
    one["metrics"] = io_metrics(view.counters);
    vertices.push_back(std::move(one));
  }
  json::object details{{"jid", text(job.job_id())}, {"name", text(job.name())}, {"isStoppable", false},
                       {"state", json::string(name_of(job.state()))},
                       {"job-type", json::string(job_type(job.graph()))}};
  add_life(details, job, now);
  details["maxParallelism"] = max_parallelism;
  details["now"] = now;
  details["timestamps"] = timestamps(job);
  details["vertices"] = std::move(vertices);
  details["status-counts"] = per_state.to_json();
  details["plan"] = plan(job);
  details["pending-operators"] = 0;
  details["schedulerType"] = "Default";
  return json::serialize(details);
}

std::string job_plan(const msg::JobSnapshot& job) { return json::serialize(json::object{{"plan", plan(job)}}); }

std::string job_exceptions(const msg::JobSnapshot& job, std::size_t limit) {
  json::array entries, legacy;
  for (const auto& entry : job.exceptions()) {
    if (entries.size() == limit)
      break;
    json::object one = exception(entry);
    one["concurrentExceptions"] = json::array();
    entries.push_back(std::move(one));
    const std::string_view endpoint = entry.endpoint().empty() ? unassigned : std::string_view(entry.endpoint());
    legacy.push_back(json::object{{"exception", text(failure_text(entry.failure()))},
                                  {"task", text(entry.task_name())}, {"location", text(endpoint)},
                                  {"endpoint", text(endpoint)}, {"timestamp", entry.unix_ms()},
                                  {"taskManagerId", text(entry.task_manager_id())}});
  }
  const bool truncated = static_cast<std::size_t>(job.exceptions_size()) > entries.size();
  json::object document;
  if (job.exceptions_size() > 0) {
    document["root-exception"] = text(failure_text(job.exceptions(0).failure()));
    document["timestamp"] = job.exceptions(0).unix_ms();
  } else if (job.has_failure()) {
    document["root-exception"] = text(failure_text(job.failure()));
    document["timestamp"] = job.end_unix_ms();
  }
  document["all-exceptions"] = std::move(legacy);
  document["truncated"] = truncated;
  document["exceptionHistory"] = json::object{{"entries", std::move(entries)}, {"truncated", truncated}};
  return json::serialize(document);
}

std::string job_config(const msg::JobSnapshot& job, const msg::JobSpec& spec) {
  json::object parameters;
  for (const auto& parameter : spec.parameters())
    parameters[std::string_view(http::valid_utf8(parameter.key()))] = text(shown_value(parameter.key(), parameter.value()));
  return json::serialize(json::object{
      {"jid", text(job.job_id())}, {"name", text(job.name())},
      {"execution-config", json::object{{"execution-mode", "PIPELINED"},
                                        {"restart-strategy", "Cluster level default restart strategy"},
                                        {"job-parallelism", std::max<std::uint32_t>(1, spec.parallelism())},
                                        {"object-reuse-mode", false}, {"user-config", std::move(parameters)}}}});
}

std::string job_status(const msg::JobSnapshot& job) {
  return json::serialize(json::object{{"status", json::string(name_of(job.state()))}});
}

std::string job_execution_result(const msg::JobSnapshot& job, std::int64_t now) {
  if (!is_terminal(job.state()))
    return R"({"status":{"id":"IN_PROGRESS"}})";
  json::object outcome{{"id", text(job.job_id())}, {"name", text(job.name())},
                       {"application-status", json::string(application_status(job.state()))},
                       {"accumulator-results", json::object()}, {"net-runtime", life_of(job).duration(now)}};
  if (job.state() == msg::JOB_STATE_FAILED)
    outcome["failure-cause"] = failure_cause(job.failure());
  return json::serialize(json::object{{"status", json::object{{"id", "COMPLETED"}}},
                                      {"job-execution-result", std::move(outcome)}});
}

std::string job_accumulators() {
  return R"({"job-accumulators":[],"user-task-accumulators":[],"serialized-user-task-accumulators":{}})";
}

std::string job_results(const msg::JobSnapshot& job, const std::vector<const msg::CollectedRows*>& collected,
                        std::int64_t now) {
  json::object head{{"jobid", text(job.job_id())}, {"name", text(job.name())},
                    {"state", json::string(name_of(job.state()))}};
  add_life(head, job, now);
  if (job.state() == msg::JOB_STATE_FAILED)
    head["failure"] = failure_document(job.failure());
  const bool visible = job.state() == msg::JOB_STATE_FINISHED;
  bool truncated = false;
  json::array sinks;
  for (const auto* rows : collected) {
    truncated = truncated || rows->truncated();
    json::array columns;
    for (const auto& column : rows->columns())
      columns.push_back(text(column));
    sinks.push_back(json::object{{"name", text(rows->sink())}, {"columns", std::move(columns)},
                                 {"rows", visible ? rows->json_rows_size() : 0}});
  }
  head["truncated"] = truncated;
  head["sinks"] = visible ? std::move(sinks) : json::array();
  // Rows are JSON objects already and may be many: they are joined, not parsed.
  std::string document = json::serialize(head);
  document.back() = ',';
  document += "\"rows\":[";
  bool first = true;
  for (const auto* rows : collected) {
    const std::string tag = collected.size() > 1 ? "\"_sink\":" + http::json_quoted(rows->sink()) : std::string();
    for (const auto& row : rows->json_rows()) {
      if (!visible || row.size() < 2 || row.front() != '{')
        continue;
      if (!std::exchange(first, false))
        document += ',';
      document += '{';
      document += tag;
      if (!tag.empty() && row[row.find_first_not_of(" \t\r\n", 1)] != '}')
        document += ',';
      document.append(row, 1);
    }
  }
  return document + "]}";
}

}  // namespace flott::rest
