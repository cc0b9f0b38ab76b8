#include "runtime/rest/router.hpp"
#include "tests/unit/rest/snapshots.hpp"

#include <catch2/catch.hpp>

#include <vector>

using namespace flott;
using namespace flott::testing;
using http::method;
using rest::route;

namespace {

http::request asked(method verb, const std::string& target) {
  http::request made;
  made.verb = verb;
  REQUIRE(http::parse_target(target, made));
  return made;
}

rest::routed found(method verb, const std::string& target) {
  const auto to = rest::route_request(asked(verb, target));
  INFO(target);
  REQUIRE(std::holds_alternative<rest::routed>(to));
  return std::get<rest::routed>(to);
}

http::response refused(method verb, const std::string& target) {
  const auto to = rest::route_request(asked(verb, target));
  INFO(target);
  REQUIRE(std::holds_alternative<http::response>(to));
  return std::get<http::response>(to);
}

}  // namespace

TEST_CASE("every route is found, with the prefix and without") {
  const std::string job = "/jobs/" + job_hex, vertex = job + "/vertices/" + source_hex, hash(64, 'c');
  struct expectation {
    method verb;
    std::string path;
    route to;
  };
  const std::vector<expectation> all = {
      {method::get, "/config", route::config}, {method::get, "/overview", route::overview},
      {method::get, "/jobs", route::jobs}, {method::post, "/jobs", route::submit_java_plan},
      {method::get, "/jobs/overview", route::jobs_overview}, {method::get, job, route::job},
      {method::patch, job, route::cancel_job}, {method::patch, job + "?mode=cancel", route::cancel_job},
      {method::get, job + "/yarn-cancel", route::cancel_job}, {method::get, job + "/plan", route::job_plan},
      {method::get, job + "/exceptions?maxExceptions=5", route::job_exceptions}, {method::get, job + "/config", route::job_config},
      {method::get, job + "/status", route::job_status}, {method::get, job + "/execution-result", route::job_execution_result},
      {method::get, job + "/accumulators", route::job_accumulators}, {method::get, job + "/checkpoints", route::job_checkpoints},
      {method::get, job + "/jobmanager/config", route::job_manager_config}, {method::get, vertex, route::vertex},
      {method::get, vertex + "/taskmanagers", route::vertex_task_managers},
      {method::get, vertex + "/subtasktimes", route::vertex_subtask_times},
      {method::get, vertex + "/accumulators", route::vertex_accumulators},
      {method::get, "/jobmanager/config", route::cluster_config}, {method::get, "/jobmanager/environment", route::cluster_environment},
      {method::get, "/taskmanagers", route::task_managers}, {method::get, "/taskmanagers/tm-1", route::task_manager},
      {method::get, "/jars", route::modules}, {method::post, "/jars/upload", route::upload_module},
      {method::post, "/jars/x.so/run", route::run_module}, {method::delete_, "/jars/x.so", route::delete_module},
      {method::get, "/livez", route::livez}, {method::get, "/readyz", route::readyz}, {method::get, "/flott/v1/tree", route::tree},
      {method::get, "/flott/v1/blobs/" + hash, route::blob}, {method::get, "/flott/v1" + job + "/results", route::job_results}};
  for (const auto& each : all) {
    CHECK(found(each.verb, each.path).to == each.to);
    CHECK(found(each.verb, "/v1" + each.path).to == each.to);
    if (each.verb == method::get)
      CHECK(found(method::head, each.path).to == each.to);
  }
}

TEST_CASE("parameters come out of the path") {
  const auto vertex = found(method::get, "/v1/jobs/0123456789ABCDEF0123456789abcdef/vertices/" + source_hex);
  CHECK(vertex.job.hex() == job_hex);            // in either case, as Flink reads them
  CHECK(vertex.vertex.hex() == source_hex);
  CHECK(found(method::get, "/taskmanagers/127.0.0.1%3A6122-ab%20c").name == "127.0.0.1:6122-ab c");
  CHECK(found(method::get, "/flott/v1/blobs/" + std::string(64, 'a')).name == std::string(64, 'a'));
}

TEST_CASE("what changes something needs more than looking") {
  CHECK(found(method::get, "/jobs/" + job_hex).needs == rest::access::view);
  CHECK(found(method::patch, "/jobs/" + job_hex).needs == rest::access::submit);
  CHECK(found(method::get, "/jobs/" + job_hex + "/yarn-cancel").needs == rest::access::submit);
  CHECK(found(method::post, "/jars/upload").needs == rest::access::submit);
  CHECK(found(method::post, "/jars/x/run").needs == rest::access::submit);
  CHECK(found(method::delete_, "/jars/x").needs == rest::access::submit);
}

TEST_CASE("unknown paths are 404") {
  for (const char* path : {"/", "/v1", "/v2/jobs", "/jobs2", "/jobs//plan", "/jobs/overview/x", "/jars/x/y/z", "/flott/v2/tree",
                           "/v1/v1/jobs", "/..", "/config/../jobs"}) {
    const auto reply = refused(method::get, path);
    INFO(path);
    CHECK(reply.status == 404);
    CHECK(reply.body.rfind("{\"errors\":[\"", 0) == 0);
  }
}

TEST_CASE("a trailing slash is forgiven") { CHECK(found(method::get, "/v1/jobs/").to == route::jobs); }

TEST_CASE("a wrong method is 405 and says which are right") {
  const auto reply = refused(method::delete_, "/jobs/" + job_hex);
  CHECK(reply.status == 405);
  CHECK(reply.header("Allow") == "GET, HEAD, PATCH, OPTIONS");
  CHECK(refused(method::get, "/jars/upload").header("Allow") == "POST, OPTIONS");
  CHECK(refused(method::patch, "/jobs/overview").status == 405);
  CHECK(refused(method::other, "/config").status == 405);
  const auto options = refused(method::options, "/jobs");
  CHECK(options.status == 204);
  CHECK(options.body.empty());
  CHECK(options.header("Allow") == "GET, HEAD, POST, OPTIONS");
  CHECK(refused(method::options, "*").status == 204);
}

TEST_CASE("malformed ids are 400 and named") {
  const std::vector<std::string> paths = {"/jobs/xyz", "/jobs/0123", "/jobs/" + job_hex + "0/plan",
                                          "/jobs/" + job_hex + "/vertices/nothex", "/flott/v1/blobs/abc",
                                          "/flott/v1/jobs/" + std::string(32, 'g') + "/results"};
  for (const auto& path : paths) {
    const auto reply = refused(method::get, path);
    INFO(path);
    CHECK(reply.status == 400);
    CHECK(reply.body.find("malformed") != std::string::npos);
  }
  CHECK(refused(method::get, "/jobs/%22%0A").body.find("'\\\"\\n'") != std::string::npos);
}

TEST_CASE("only cancellation is asked for by PATCH") {
  CHECK(refused(method::patch, "/jobs/" + job_hex + "?mode=stop").status == 308);
  CHECK(refused(method::patch, "/jobs/" + job_hex + "?mode=CANCEL").status == 400);
}

TEST_CASE("multipart bodies are for uploads") {
  CHECK(rest::takes_upload(method::post, "/jars/upload"));
  CHECK(rest::takes_upload(method::post, "/v1/jars/upload"));
  CHECK(rest::takes_upload(method::post, "/v1/jobs"));        // what `flink run` sends, to be told why not
  CHECK_FALSE(rest::takes_upload(method::get, "/jars/upload"));
  CHECK_FALSE(rest::takes_upload(method::post, "/jars/x/run"));
}

TEST_CASE("names of this machine's loopback are told from all others") {
  for (const auto* name : {"localhost", "localhost:8081", "127.0.0.1", "127.0.0.1:8081", "127.1.2.3", "[::1]", "[::1]:8081",
                           "cluster.localhost:80"})
    CHECK(rest::names_loopback(name));
  for (const auto* name : {"", "evil.example", "evil.example:8081", "127.0.0.1.evil.example", "localhost.evil.example",
                           "[::2]", "[::1", "10.0.0.1", "xlocalhost"})
    CHECK_FALSE(rest::names_loopback(name));
}

TEST_CASE("another site's page is recognized") {
  auto request = asked(method::post, "/jars/upload");
  request.headers["Host"] = "localhost:8081";
  CHECK_FALSE(rest::is_cross_site(request));                  // curl and the like
  request.headers["Origin"] = "http://localhost:8081";
  CHECK_FALSE(rest::is_cross_site(request));
  request.headers["Origin"] = "https://evil.example";
  CHECK(rest::is_cross_site(request));
  request.headers["Origin"] = "null";
  CHECK(rest::is_cross_site(request));
  request.headers["Sec-Fetch-Site"] = "same-origin";          // the browser knows better, behind a proxy
  CHECK_FALSE(rest::is_cross_site(request));
  request.headers["Sec-Fetch-Site"] = "cross-site";
  CHECK(rest::is_cross_site(request));
}
