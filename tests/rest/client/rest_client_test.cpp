#include "client/rest_client.hpp"
#include "runtime/rest/documents.hpp"
#include "runtime/rest/router.hpp"
#include "runtime/rest/run_request.hpp"
#include "tests/rest/http/loopback.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/rest/snapshots.hpp"

#include <atomic>
#include <fstream>
#include <map>

using namespace flott;
using namespace flott::testing;

namespace {

const std::string known_job = job_hex, failed_job_hex(32, 'f');

/// A cluster with one running and one failed job, and the modules that were uploaded.
class frozen_cluster {
 public:
  frozen_cluster() {
    failed.set_job_id(failed_job_hex);
    http::server_config config;
    config.upload_dir = folder.path();
    config.takes_upload = rest::takes_upload;
    server = serve(config, [this](http::request asked, http::responder reply) { reply(answer_to(asked)); });
  }

  [[nodiscard]] http::client_config config() const { return client_of(*server); }

  msg::JobSnapshot running = running_job(), failed = failed_job();
  msg::CollectedRows rows;
  std::map<std::string, std::string> modules;       // hash: content
  rest::run_request last_run;
  std::string last_module, last_wait;
  std::atomic<int> uploads{0};

 private:
  http::response answer_to(const http::request& asked) {
    const auto to = rest::route_request(asked);
    if (const auto* refused = std::get_if<http::response>(&to))
      return *refused;
    const auto& found = std::get<rest::routed>(to);
    const msg::JobSnapshot* job = found.job.hex() == known_job        ? &running
                                  : found.job.hex() == failed_job_hex ? &failed
                                                                      : nullptr;
    if (job == nullptr && !found.job.empty())
      return rest::no_such_job(found.job.hex());
    const rest::job_list jobs{&running, &failed};
    switch (found.to) {
      case rest::route::overview: return http::json_response(rest::cluster_overview({}, cluster(), jobs));
      case rest::route::jobs_overview: return http::json_response(rest::jobs_overview(jobs, now));
      case rest::route::job: return http::json_response(rest::job_details(*job, now));
      case rest::route::job_status: return http::json_response(rest::job_status(*job));
      case rest::route::job_exceptions: return http::json_response(rest::job_exceptions(*job));
      case rest::route::task_managers: return http::json_response(rest::task_managers(cluster(), jobs, now));
      case rest::route::job_results:
        last_wait = asked.parameter("wait-ms");
        return http::json_response(rest::job_results(*job, {&rows}, now));
      case rest::route::cancel_job:
        return job == &running ? http::json_response(rest::empty_document(), 202)
                               : http::error_response(409, "job " + job->job_id() + " has already ended");
      case rest::route::blob:
        return modules.count(found.name) > 0 ? http::json_response("{}") : http::error_response(404, "no such blob");
      case rest::route::upload_module: return take(asked);
      case rest::route::run_module: return run(asked, found.name);
      case rest::route::tree: return http::json_response(rest::cluster_tree({{"d-1", "{}"}}));
      default: return http::error_response(503, "no leader at the moment", 1);
    }
  }

  http::response take(const http::request& asked) {
    ++uploads;
    std::ifstream in(asked.parts.at(0).file->path(), std::ios::binary);
    std::string content((std::istreambuf_iterator<char>(in)), {});
    const std::string hash = hash_of.at(content);
    modules[hash] = content;
    return http::json_response(rest::module_uploaded(rest::module_id(hash, asked.parts.at(0).file_name)));
  }

  http::response run(const http::request& asked, const std::string& module) {
    auto made = rest::parse_run_request(asked);
    if (!made.ok())
      return rest::failed(400, made.error());
    last_run = *made;
    last_module = module;
    return http::json_response(rest::module_started(made->job ? made->job->hex() : known_job));
  }

  const std::map<std::string, std::string> hash_of = {
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}};      // FIPS 180-4's example
  temporary_folder folder;
  std::unique_ptr<http::server> server;              // last: goes first
};

}  // namespace

TEST_CASE("what the cluster shows arrives as values") {
  frozen_cluster there;
  rest_client client(there.config());

  const auto overview = client.overview();
  REQUIRE(overview.ok());
  CHECK(overview.status() == 200);
  CHECK(overview->task_managers == 2);
  CHECK(overview->slots_available == 2);
  CHECK(overview->jobs_failed == 1);

  const auto jobs = client.jobs();
  REQUIRE(jobs.ok());
  REQUIRE(jobs->size() == 2);
  CHECK(jobs->at(0).id == known_job);
  CHECK(jobs->at(0).state == "RUNNING");
  CHECK(jobs->at(0).tasks.at("total") == 3);

  const auto job = client.job(*job_id::parse(known_job));
  REQUIRE(job.ok());
  CHECK(job->type == "BATCH");
  CHECK(job->job.tasks.at("running") == 2);
  CHECK(job->timestamps.at("FINISHED") == 0);
  REQUIRE(job->vertices.size() == 2);
  CHECK(job->vertices[0].records_out == 300);
  CHECK(job->vertices[0].status == "RUNNING");

  CHECK(*client.status(*job_id::parse(failed_job_hex)) == "FAILED");
  const auto exceptions = client.exceptions(*job_id::parse(failed_job_hex));
  REQUIRE(exceptions.ok());
  REQUIRE(exceptions->size() == 1);
  CHECK(exceptions->at(0).message == "/data/in.txt:7: a size is no number");
  CHECK(exceptions->at(0).task == "Source: lines -> split (1/2)");

  const auto task_managers = client.task_managers();
  REQUIRE(task_managers.ok());
  CHECK(task_managers->at(1).free_slots == 2);
  CHECK(client.tree().value().find("d-1") != std::string::npos);
}

TEST_CASE("refusals carry their status and the cluster's words") {
  frozen_cluster there;
  rest_client client(there.config());
  const auto unknown = client.status(*job_id::parse(std::string(32, '1')));
  REQUIRE_FALSE(unknown.ok());
  CHECK(unknown.status() == 404);
  CHECK(unknown.error().domain == failure_domain::user);
  CHECK(unknown.error().message.find(std::string(32, '1')) != std::string::npos);

  CHECK(client.cancel(*job_id::parse(known_job)).status() == 202);
  CHECK(client.cancel(*job_id::parse(known_job)).ok());
  const auto ended = client.cancel(*job_id::parse(failed_job_hex));
  CHECK(ended.status() == 409);
  CHECK(ended.error().cls == failure_class::permanent);

  const auto busy = client.ready();
  CHECK(busy.status() == 503);
  CHECK(busy.error().cls == failure_class::transient);

  http::client_config nowhere;
  nowhere.port = 1;
  const auto refused = rest_client(nowhere).jobs();
  CHECK(refused.status() == 0);
  CHECK(refused.error().cls == failure_class::transient);
}

TEST_CASE("a module is sent once, and run by its id") {
  frozen_cluster there;
  const temporary_folder folder;
  std::ofstream(folder / "job.so") << "abc";
  rest_client client(there.config());
  const auto first = client.upload_module(folder / "job.so");
  REQUIRE(first.ok());
  CHECK(*first == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad_job.so");
  const auto second = client.upload_module(folder / "job.so");
  REQUIRE(second.ok());
  CHECK(*second == *first);
  CHECK(there.uploads == 1);

  run_options options;
  options.function = "count";
  options.name = "my job";
  options.parameters = {{"input", "/data/*.txt"}};
  options.configuration = {{"parallelism.default", "2"}};
  options.parallelism = 3;
  options.job = job_id::parse(std::string(32, 'e'));
  const auto started = client.run(*first, options);
  REQUIRE(started.ok());
  CHECK(started->hex() == std::string(32, 'e'));
  CHECK(there.last_module == *first);
  CHECK(there.last_run.function == "count");
  CHECK(there.last_run.name == "my job");
  CHECK(there.last_run.parameters == options.parameters);
  CHECK(there.last_run.configuration == options.configuration);
  CHECK(there.last_run.parallelism == 3);

  CHECK(client.upload_module(folder / "missing.so").error().where == (folder / "missing.so").string());
  std::ofstream(folder / "notes.txt") << "abc";
  CHECK(client.upload_module(folder / "notes.txt").error().domain == failure_domain::user);
}

TEST_CASE("results: rows of a finished job, the failure of a failed one") {
  frozen_cluster there;
  there.rows.set_sink("counts");
  there.rows.add_columns("word");
  there.rows.add_columns("n");
  there.rows.add_json_rows(R"({"word":"a","n":1})");
  rest_client client(there.config());

  auto outcome = client.results(*job_id::parse(known_job), 250ms);
  REQUIRE(outcome.ok());
  CHECK(there.last_wait == "250");
  CHECK_FALSE(outcome->ended());
  CHECK(outcome->rows.empty());

  there.running.set_state(msg::JOB_STATE_FINISHED);
  outcome = client.results(*job_id::parse(known_job));
  REQUIRE(outcome.ok());
  CHECK(outcome->ended());
  CHECK(outcome->rows == std::vector<std::string>{R"({"word":"a","n":1})"});
  CHECK(outcome->columns == std::vector<std::string>{"word", "n"});
  CHECK_FALSE(outcome->error);

  outcome = client.results(*job_id::parse(failed_job_hex));
  REQUIRE(outcome.ok());
  CHECK(outcome->state == "FAILED");
  REQUIRE(outcome->error);
  CHECK(outcome->error->where == "/data/in.txt:7");
  CHECK(outcome->error->cls == failure_class::permanent);
  CHECK(outcome->error->domain == failure_domain::user);
}
