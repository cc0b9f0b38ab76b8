#include "runtime/rest/documents.hpp"
#include "tests/rest/required_fields.hpp"
#include "tests/unit/rest/snapshots.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

using namespace flott;
using namespace flott::testing;
namespace json = boost::json;

TEST_CASE("/jobs and /jobs/overview") {
  const auto running = running_job(), failed = failed_job();
  const auto ids = json::parse(rest::job_ids({&running, &failed}));
  REQUIRE(ids.at("jobs").as_array().size() == 2);
  CHECK(missing(ids.at("jobs").at(0), job_id_with_status).empty());
  CHECK(ids.at("jobs").at(1).at("status") == "FAILED");

  const auto overview = json::parse(rest::jobs_overview({&running, &failed}, now));
  for (const auto& row : overview.at("jobs").as_array())
    CHECK(missing(row, job_details_row).empty());
  const auto& row = overview.at("jobs").at(0);
  CHECK(row.at("tasks").at("total") == 3);
  CHECK(row.at("tasks").at("running") == 2);
  CHECK(row.at("tasks").at("created") == 1);       // planned, and not heard of yet
  CHECK(row.at("duration") == 10'000);
  CHECK(row.at("end-time") == -1);
  CHECK(overview.at("jobs").at(1).at("duration") == 9'000);
}

TEST_CASE("/jobs/:jobid has all that Flink's clients need") {
  const auto job = running_job();
  const auto document = json::parse(rest::job_details(job, now));
  CHECK(missing(document, job_details_info).empty());
  CHECK(document.at("job-type") == "BATCH");
  CHECK(document.at("timestamps").as_object().size() == 11);
  CHECK(document.at("timestamps").at("RUNNING") == now - 9'000);
  CHECK(document.at("timestamps").at("FAILED") == 0);
  CHECK(document.at("status-counts").at("RUNNING") == 1);
  CHECK(document.at("status-counts").at("CREATED") == 1);
  REQUIRE(document.at("vertices").as_array().size() == 2);
  for (const auto& vertex : document.at("vertices").as_array()) {
    CHECK(missing(vertex, job_details_vertex).empty());
    CHECK(missing(vertex.at("metrics"), io_metrics_info).empty());
    CHECK(vertex.at("tasks").as_object().size() == 10);
    CHECK(vertex.at("slotSharingGroupId").as_string().size() == 32);
  }
  const auto& source = document.at("vertices").at(0);
  CHECK(source.at("metrics").at("write-records") == 300);
  CHECK(source.at("metrics").at("accumulated-busy-time") == 3.0);
  CHECK(source.at("start-time") == now - 8'000);
  CHECK(source.at("end-time") == -1);
  const auto& sink = document.at("vertices").at(1);
  CHECK(sink.at("start-time") == -1);
  CHECK(sink.at("duration") == -1);
  CHECK(source.at("slotSharingGroupId") == sink.at("slotSharingGroupId"));
}

TEST_CASE("the plan names vertices and their inputs, harmlessly") {
  const auto job = running_job();
  const auto plan = json::parse(rest::job_plan(job)).at("plan");
  CHECK(missing(plan, plan_info).empty());
  REQUIRE(plan.at("nodes").as_array().size() == 2);
  for (const auto& node : plan.at("nodes").as_array())
    CHECK(missing(node, plan_node).empty());
  CHECK_FALSE(plan.at("nodes").at(0).as_object().contains("inputs"));
  const auto& input = plan.at("nodes").at(1).at("inputs").at(0);
  CHECK(missing(input, plan_input).empty());
  CHECK(text_of(input.at("id")) == source_hex);
  CHECK(input.at("ship_strategy") == "HASH");
  CHECK(plan.at("nodes").at(1).at("description") == "count -&gt; Sink: &lt;b&gt;csv&lt;/b&gt;");   // shown as HTML
}

TEST_CASE("a job that is not planned yet has every document too") {
  msg::JobSnapshot job;
  job.set_job_id(job_hex);
  const auto document = json::parse(rest::job_details(job, now));
  CHECK(missing(document, job_details_info).empty());
  CHECK(document.at("state") == "INITIALIZING");
  CHECK(document.at("duration") == 0);
  CHECK(missing(document.at("plan"), plan_info).empty());
  CHECK(json::parse(rest::jobs_overview({&job}, now)).at("jobs").at(0).at("tasks").at("total") == 0);
  CHECK(missing(json::parse(rest::job_exceptions(job)), exceptions_info).empty());
  CHECK(missing(json::parse(rest::job_config(job, {})), job_config_info).empty());
}

TEST_CASE("/jobs/:jobid/exceptions in both versions' shapes, bounded") {
  auto job = failed_job();
  const auto document = json::parse(rest::job_exceptions(job));
  CHECK(missing(document, exceptions_info).empty());
  CHECK(document.at("root-exception") == "/data/in.txt:7: a size is no number");
  CHECK(missing(document.at("exceptionHistory"), exception_history).empty());
  const auto& entry = document.at("exceptionHistory").at("entries").at(0);
  CHECK(missing(entry, root_exception).empty());
  CHECK(entry.at("exceptionName") == "flott.user.permanent");
  CHECK(entry.at("taskManagerId") == "tm-1");
  CHECK(document.at("truncated") == false);
  *job.add_exceptions() = job.exceptions(0);
  const auto cut = json::parse(rest::job_exceptions(job, 1));
  CHECK(cut.at("exceptionHistory").at("entries").as_array().size() == 1);
  CHECK(cut.at("truncated") == true);
}

TEST_CASE("/jobs/:jobid/execution-result") {
  CHECK(json::parse(rest::job_execution_result(running_job(), now)).at("status").at("id") == "IN_PROGRESS");
  const auto failed = json::parse(rest::job_execution_result(failed_job(), now));
  CHECK(failed.at("status").at("id") == "COMPLETED");
  const auto& outcome = failed.at("job-execution-result");
  CHECK(missing(outcome, job_result).empty());
  CHECK(outcome.at("application-status") == "FAILED");
  CHECK(outcome.at("net-runtime") == 9'000);
  CHECK(missing(outcome.at("failure-cause"), failure_cause_info).empty());
  // The stream begins with Java's magic and version (AC ED 00 05) and an object of a described class (73 72).
  CHECK(outcome.at("failure-cause").at("serialized-throwable").as_string().starts_with("rO0ABXNy"));
  auto finished = running_job();
  finished.set_state(msg::JOB_STATE_FINISHED);
  finished.set_end_unix_ms(now);
  CHECK(json::parse(rest::job_execution_result(finished, now)).at("job-execution-result").at("application-status") == "SUCCEEDED");
  CHECK(missing(json::parse(rest::job_accumulators()), accumulators_info).empty());
  CHECK(json::parse(rest::job_status(finished)).at("status") == "FINISHED");
}

TEST_CASE("/jobs/:jobid/config shows the parameters") {
  msg::JobSpec spec;
  auto* parameter = spec.add_parameters();
  parameter->set_key("input");
  parameter->set_value("/data/*.txt");
  spec.set_parallelism(4);
  const auto document = json::parse(rest::job_config(running_job(), spec));
  CHECK(missing(document, job_config_info).empty());
  CHECK(missing(document.at("execution-config"), execution_config).empty());
  CHECK(document.at("execution-config").at("user-config").at("input") == "/data/*.txt");
  CHECK(document.at("execution-config").at("job-parallelism") == 4);
}

TEST_CASE("/jobs/:jobid/vertices/:vertexid and below") {
  const auto job = running_job();
  const auto details = rest::vertex_details(job, source_hex, now);
  REQUIRE(details);
  const auto document = json::parse(*details);
  CHECK(missing(document, vertex_details_info).empty());
  REQUIRE(document.at("subtasks").as_array().size() == 2);
  for (const auto& subtask : document.at("subtasks").as_array()) {
    CHECK(missing(subtask, subtask_attempt).empty());
    CHECK(missing(subtask.at("metrics"), io_metrics_info).empty());
  }
  CHECK(document.at("subtasks").at(0).at("host") == "127.0.0.1");
  CHECK(document.at("aggregated").at("metrics").at("write-records").at("sum") == 300);
  CHECK(document.at("aggregated").at("metrics").at("write-records").at("median") == 100);

  const auto unheard = json::parse(*rest::vertex_details(job, sink_hex, now));
  CHECK(missing(unheard.at("subtasks").at(0), subtask_attempt).empty());
  CHECK(unheard.at("subtasks").at(0).at("taskmanager-id") == "(unassigned)");

  const auto hosts = json::parse(*rest::vertex_task_managers(job, source_hex, now));
  CHECK(missing(hosts, vertex_task_managers_info).empty());
  REQUIRE(hosts.at("taskmanagers").as_array().size() == 1);
  CHECK(missing(hosts.at("taskmanagers").at(0), vertex_task_manager).empty());
  CHECK(hosts.at("taskmanagers").at(0).at("status-counts").at("RUNNING") == 2);

  const auto times = json::parse(*rest::vertex_subtask_times(job, source_hex, now));
  CHECK(missing(times, subtasks_times_info).empty());
  CHECK(missing(times.at("subtasks").at(0), subtask_time).empty());

  const std::string unknown(32, 'f');
  CHECK_FALSE(rest::vertex_details(job, unknown, now));
  CHECK_FALSE(rest::vertex_task_managers(job, unknown, now));
  CHECK_FALSE(rest::vertex_subtask_times(job, unknown, now));
  CHECK_FALSE(rest::vertex_accumulators(job, unknown));
  CHECK(rest::vertex_accumulators(job, source_hex));
}

TEST_CASE("a vertex's state is that of its subtasks by Flink's rule") {
  using msg::TaskState;
  const auto state_of = [](std::vector<TaskState> states) {
    auto job = running_job();
    job.mutable_graph()->mutable_vertices(0)->set_parallelism(static_cast<unsigned>(states.size()));
    auto* vertex = job.mutable_vertices(0);
    vertex->clear_subtasks();
    for (std::size_t i = 0; i < states.size(); ++i) {
      auto* subtask = vertex->add_subtasks();
      subtask->set_subtask(static_cast<unsigned>(i));
      subtask->set_state(states[i]);
    }
    return text_of(json::parse(rest::job_details(job, now)).at("vertices").at(0).at("status"));
  };
  CHECK(state_of({msg::TASK_STATE_RUNNING, msg::TASK_STATE_FAILED}) == "FAILED");
  CHECK(state_of({msg::TASK_STATE_RUNNING, msg::TASK_STATE_CANCELING}) == "CANCELING");
  CHECK(state_of({msg::TASK_STATE_RUNNING, msg::TASK_STATE_INITIALIZING}) == "INITIALIZING");
  CHECK(state_of({msg::TASK_STATE_RUNNING, msg::TASK_STATE_FINISHED}) == "RUNNING");
  CHECK(state_of({msg::TASK_STATE_CREATED, msg::TASK_STATE_FINISHED}) == "RUNNING");
  CHECK(state_of({msg::TASK_STATE_FINISHED, msg::TASK_STATE_FINISHED}) == "FINISHED");
  CHECK(state_of({msg::TASK_STATE_SCHEDULED, msg::TASK_STATE_DEPLOYING}) == "CREATED");
}

TEST_CASE("results: rows once FINISHED, each with its sink where there are several") {
  auto job = running_job();
  msg::CollectedRows counts, totals;
  counts.set_sink("counts");
  counts.add_columns("word");
  counts.add_json_rows(R"({"word":"a"})");
  counts.add_json_rows("{}");
  totals.set_sink("totals");
  totals.set_truncated(true);
  totals.add_json_rows(R"({"n":1})");

  auto document = json::parse(rest::job_results(job, {&counts}, now));
  CHECK(document.at("state") == "RUNNING");
  CHECK(document.at("rows").as_array().empty());

  job.set_state(msg::JOB_STATE_FINISHED);
  document = json::parse(rest::job_results(job, {&counts}, now));
  CHECK(document.at("rows") == json::parse(R"([{"word":"a"},{}])"));
  CHECK(document.at("sinks").at(0).at("columns").at(0) == "word");
  CHECK(document.at("truncated") == false);

  document = json::parse(rest::job_results(job, {&counts, &totals}, now));
  CHECK(document.at("rows") == json::parse(R"([{"_sink":"counts","word":"a"},{"_sink":"counts"},{"_sink":"totals","n":1}])"));
  CHECK(document.at("truncated") == true);

  document = json::parse(rest::job_results(failed_job(), {&counts}, now));
  CHECK(document.at("rows").as_array().empty());
  CHECK(document.at("failure").at("where") == "/data/in.txt:7");
  CHECK(document.at("failure").at("domain") == "user");
}

TEST_CASE("names that are no UTF-8 do not spoil a document") {
  auto job = running_job();
  job.set_name("bad \xFF name");
  CHECK(json::parse(rest::job_details(job, now)).at("name") == "bad \xEF\xBF\xBD name");
}
