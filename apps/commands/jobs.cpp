#include "apps/cli/command_line.hpp"
#include "apps/cli/console.hpp"
#include "apps/cli/endpoint.hpp"
#include "apps/cli/table.hpp"
#include "apps/commands/commands.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <functional>
#include <thread>

namespace flott::cli {
namespace {

using namespace std::chrono_literals;

command_spec client_spec(std::string name, std::string arguments, std::string prose, std::size_t operands) {
  command_spec spec{.name = std::move(name), .arguments = std::move(arguments), .prose = std::move(prose),
                    .options = cluster_options(), .least_operands = operands, .most_operands = operands};
  spec.options.push_back({.names = "json", .value = "", .prose = "Prints one JSON document, alone, on standard output."});
  return spec;
}

/// Parses, connects and, for commands with a JOB operand, reads its id; then does `work`.
int with_client(const command_spec& spec, const std::vector<std::string>& arguments,
                const std::function<int(const parsed_command&, rest_client&, const job_id&)>& work) {
  const auto line = parse(spec, arguments);
  if (!line.ok())
    return misused(spec.name, line.error());
  if (line->wants_help) {
    print(help(spec));
    return ok;
  }
  job_id job;
  if (!line->operands.empty()) {
    const auto id = job_id::parse(line->operands.front());
    if (!id)
      return misused(spec.name, user_failure("\"" + line->operands.front() + "\"", "is not a job id: 32 hex digits"));
    job = *id;
  }
  const auto where = cluster_endpoint(*line);
  if (!where.ok())
    return line->has("jobmanager") ? misused(spec.name, where.error()) : refusal(where.error());
  auto client = connect_to(*where, 10s);
  return work(*line, client, job);
}

std::string time_text(std::int64_t unix_ms) {
  if (unix_ms <= 0)
    return "-";
  const auto seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
  return text;
}

std::string json_counts(const std::map<std::string, int>& counts) {
  std::string text = "{";
  for (const auto& [name, count] : counts)
    text += (text.size() == 1 ? "" : ",") + json_text(name) + ":" + std::to_string(count);
  return text + "}";
}

std::string json_members(const job_summary& job) {
  return "\"jobid\":" + json_text(job.id) + ",\"name\":" + json_text(job.name) + ",\"state\":" + json_text(job.state) +
         ",\"start-time\":" + std::to_string(job.start_unix_ms) + ",\"end-time\":" + std::to_string(job.end_unix_ms) +
         ",\"duration-ms\":" + std::to_string(job.duration_ms) + ",\"tasks\":" + json_counts(job.tasks);
}

std::string json_of(const job_info& job, const std::vector<job_exception>& exceptions) {
  std::string text = "{" + json_members(job.job) + ",\"type\":" + json_text(job.type) + ",\"timestamps\":{";
  bool first = true;
  for (const auto& [state, at] : job.timestamps) {
    text += (first ? "" : ",") + json_text(state) + ":" + std::to_string(at);
    first = false;
  }
  text += "},\"vertices\":[";
  for (std::size_t i = 0; i < job.vertices.size(); ++i) {
    const auto& vertex = job.vertices[i];
    text += (i == 0 ? "" : ",") + ("{\"id\":" + json_text(vertex.id)) + ",\"name\":" + json_text(vertex.name) +
            ",\"status\":" + json_text(vertex.status) + ",\"parallelism\":" + std::to_string(vertex.parallelism) +
            ",\"records-in\":" + std::to_string(vertex.records_in) +
            ",\"records-out\":" + std::to_string(vertex.records_out) +
            ",\"bytes-in\":" + std::to_string(vertex.bytes_in) + ",\"bytes-out\":" + std::to_string(vertex.bytes_out) +
            ",\"tasks\":" + json_counts(vertex.tasks) + "}";
  }
  text += "],\"exceptions\":[";
  for (std::size_t i = 0; i < exceptions.size(); ++i) {
    const auto& entry = exceptions[i];
    text += (i == 0 ? "" : ",") + ("{\"timestamp\":" + std::to_string(entry.unix_ms)) +
            ",\"message\":" + json_text(entry.message) + ",\"task\":" + json_text(entry.task) +
            ",\"endpoint\":" + json_text(entry.endpoint) + ",\"taskmanager\":" + json_text(entry.task_manager_id) + "}";
  }
  return text + "]}\n";
}

int show_jobs(const parsed_command& line, rest_client& client) {
  auto jobs = client.jobs();
  if (!jobs.ok())
    return refusal(jobs.error());
  std::stable_sort(jobs->begin(), jobs->end(),
                   [](const auto& a, const auto& b) { return a.start_unix_ms > b.start_unix_ms; });
  if (line.has("json")) {
    std::string text = "[";
    for (const auto& job : *jobs)
      text += (text.size() == 1 ? "\n  {" : ",\n  {") + json_members(job) + "}";
    print(text + (jobs->empty() ? "]\n" : "\n]\n"));
    return ok;
  }
  if (jobs->empty()) {
    tell("No jobs.");
    return ok;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& job : *jobs)
    rows.push_back({job.id, job.name, job.state, time_text(job.start_unix_ms), duration_text(job.duration_ms)});
  print(table({"job", "name", "state", "started", "duration"}, rows));
  return ok;
}

int show_job(const parsed_command& line, rest_client& client, const job_id& id) {
  const auto job = client.job(id);
  if (!job.ok())
    return refusal(job.error());
  const auto exceptions = client.exceptions(id);
  if (!exceptions.ok())
    return refusal(exceptions.error());
  if (line.has("json")) {
    print(json_of(*job, *exceptions));
    return ok;
  }
  print("job       " + job->job.id + "\nname      " + job->job.name + "\nstate     " + job->job.state + "\ntype      " +
        job->type + "\nstarted   " + time_text(job->job.start_unix_ms) + "\nended     " +
        time_text(job->job.end_unix_ms) + "\nduration  " + duration_text(job->job.duration_ms) + "\n");
  std::vector<std::vector<std::string>> rows;
  for (const auto& vertex : job->vertices)
    rows.push_back({vertex.name, vertex.status, std::to_string(vertex.parallelism), std::to_string(vertex.records_in),
                    std::to_string(vertex.records_out)});
  if (!rows.empty())
    print("\n" + table({"vertex", "status", "parallelism", "records in", "records out"}, rows));
  for (const auto& entry : *exceptions)
    print("\n" + time_text(entry.unix_ms) + "  " + (entry.task.empty() ? "" : entry.task + ": ") + entry.message + "\n");
  return ok;
}

/// Asks, and waits until the job has ended.
int cancel_job(const parsed_command& line, rest_client& client, const job_id& id) {
  if (const auto asked = client.cancel(id); !asked.ok())
    return refusal(asked.error());
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  while (std::chrono::steady_clock::now() < deadline) {
    const auto outcome = client.results(id, 500ms);
    if (!outcome.ok() && outcome.error().cls != failure_class::transient)
      return refusal(outcome.error());
    if (!outcome.ok()) {
      std::this_thread::sleep_for(100ms);
      continue;
    }
    if (!outcome->ended())
      continue;
    if (line.has("json"))
      print("{\"jobid\":" + json_text(outcome->id) + ",\"state\":" + json_text(outcome->state) + "}\n");
    else
      tell("Job " + outcome->name + " (" + outcome->id + ") " + outcome->state);
    return ok;
  }
  return refusal(transient_failure("job " + id.hex(), "was asked to end and has not ended within 60 s"));
}

}  // namespace

int list_command(const std::vector<std::string>& arguments) {
  return with_client(client_spec("list", "[options]", "Lists the cluster's jobs, the newest first.", 0), arguments,
                     [](const auto& line, auto& client, const auto&) { return show_jobs(line, client); });
}

int info_command(const std::vector<std::string>& arguments) {
  return with_client(client_spec("info", "[options] JOBID", "Shows a job: state, vertices, and what went wrong.", 1),
                     arguments, show_job);
}

int cancel_command(const std::vector<std::string>& arguments) {
  return with_client(client_spec("cancel", "[options] JOBID", "Cancels a job and waits until it has ended.", 1), arguments,
                     cancel_job);
}

}  // namespace flott::cli
