#include "runtime/rest/documents.hpp"
#include "tests/rest/required_fields.hpp"
#include "tests/unit/rest/snapshots.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

using namespace flott;
using namespace flott::testing;
namespace json = boost::json;

TEST_CASE("/config") {
  const auto document = json::parse(rest::dashboard_config({"1.2.3", "abc"}, 3000, true));
  CHECK(missing(document, dashboard_configuration).empty());
  CHECK(missing(document.at("features"), dashboard_features).empty());
  CHECK(document.at("features").at("web-history") == false);
  CHECK(document.at("flink-revision") == "abc");
}

TEST_CASE("/overview counts jobs and slots") {
  const auto running = running_job(), failed = failed_job();
  auto restarting = running;
  restarting.set_state(msg::JOB_STATE_RESTARTING);
  const auto document = json::parse(rest::cluster_overview({}, cluster(), {&running, &failed, &restarting}));
  CHECK(missing(document, cluster_overview_with_version).empty());
  CHECK(document.at("taskmanagers") == 2);
  CHECK(document.at("slots-total") == 4);
  CHECK(document.at("slots-available") == 2);
  CHECK(document.at("jobs-running") == 2);       // whatever has not ended
  CHECK(document.at("jobs-failed") == 1);
}

TEST_CASE("/taskmanagers and /taskmanagers/:id") {
  const auto job = running_job();
  const auto all = json::parse(rest::task_managers(cluster(), {&job}, now));
  const auto& rows = all.at("taskmanagers").as_array();
  REQUIRE(rows.size() == 2);
  for (const auto& row : rows) {
    CHECK(missing(row, task_manager_info).empty());
    CHECK(missing(row.at("totalResource"), resource_profile).empty());
    CHECK(missing(row.at("freeResource"), resource_profile).empty());
    CHECK(missing(row.at("hardware"), hardware_description).empty());
  }
  CHECK(rows[0].at("id") == "tm-1");
  CHECK(rows[0].at("path") == "127.0.0.1:6122");
  CHECK(rows[0].at("freeSlots") == 0);
  CHECK(rows[0].at("assignedTasks") == 2);
  CHECK(rows[1].at("freeSlots") == 2);

  const auto one = rest::task_manager(cluster(), {&job}, "tm-1", now);
  REQUIRE(one);
  const auto document = json::parse(*one);
  CHECK(missing(document, task_manager_info).empty());
  CHECK(missing(document.at("metrics"), task_manager_metrics).empty());
  REQUIRE(document.at("allocatedSlots").as_array().size() == 2);
  CHECK(missing(document.at("allocatedSlots").at(0), slot_info).empty());
  CHECK_FALSE(rest::task_manager(cluster(), {&job}, "tm-9", now));
}

TEST_CASE("configuration is shown, secrets are not") {
  const auto document = json::parse(rest::cluster_config(cluster()));
  REQUIRE(document.as_array().size() == 2);
  CHECK(document.at(0).at("key") == "rest.port");
  CHECK(document.at(0).at("value") == "8081");
  CHECK(document.at(1).at("value") == "******");
}

TEST_CASE("a job's own options stand in front of the cluster's, the last of a key") {
  msg::JobSpec spec;
  for (const char* port : {"1", "2"}) {
    auto* entry = spec.add_configuration();
    entry->set_key("rest.port");
    entry->set_value(port);
  }
  const auto document = json::parse(rest::job_manager_config(cluster(), spec));
  REQUIRE(document.as_array().size() == 2);
  CHECK(document.at(0).at("value") == "2");
  CHECK(document.at(1).at("key") == "some.password");
}

TEST_CASE("/jars: list, upload and run") {
  const std::string hash(64, 'c');
  const auto list = json::parse(rest::modules("http://localhost:8081", {{hash, "word_count.so", 5, {"word_count"}}}));
  CHECK(missing(list, jar_list_info).empty());
  const auto& file = list.at("files").at(0);
  CHECK(missing(file, jar_file_info).empty());
  CHECK(text_of(file.at("id")) == hash + "_word_count.so");
  CHECK(file.at("entry").at(0).at("name") == "word_count");

  const auto uploaded = json::parse(rest::module_uploaded(rest::module_id(hash, "word_count.so")));
  CHECK(uploaded.at("status") == "success");
  const std::string name = text_of(uploaded.at("filename"));
  CHECK(name.substr(name.rfind('/') + 1) == hash + "_word_count.so");   // as Flink's clients find the id
  CHECK(text_of(json::parse(rest::module_started(job_hex)).at("jobid")) == job_hex);
}

TEST_CASE("module ids hold the hash, and only that") {
  const std::string hash(64, 'c');
  CHECK(rest::sha256_of_module_id(rest::module_id(hash, "a_b.so")) == hash);
  CHECK(rest::sha256_of_module_id(hash) == hash);
  CHECK_FALSE(rest::sha256_of_module_id(hash + "x"));
  CHECK_FALSE(rest::sha256_of_module_id(hash.substr(1)));
  CHECK_FALSE(rest::sha256_of_module_id(std::string(64, 'C')));
  CHECK_FALSE(rest::sha256_of_module_id(""));
}

TEST_CASE("uploaded files are called what is safe to call them") {
  const auto name = [](std::string_view as) {
    auto made = rest::module_file_name(as);
    return made.ok() ? *made : "refused";
  };
  CHECK(name("word_count.so") == "word_count.so");
  CHECK(name("../../etc/job.jar") == "job.jar");
  CHECK(name("C:\\jobs\\job.jar") == "job.jar");
  CHECK(name("a b\n<script>.so") == "abscript.so");
  CHECK(name("passwd") == "refused");
  CHECK(name("") == "refused");
  CHECK(name(std::string(5000, 'x') + ".so") == "refused");
  CHECK(name(std::string(300, 'x') + ".so").size() == 100);
}

TEST_CASE("trees of several nodes become one document") {
  const auto document = json::parse(rest::cluster_tree({{"d-1", "{\"name\":\"root\"}"}, {"tm \"1\"", ""}}));
  const auto& nodes = document.at("nodes").as_array();
  REQUIRE(nodes.size() == 2);
  CHECK(nodes[0].at("tree").at("name") == "root");
  CHECK(nodes[1].at("node") == "tm \"1\"");
  CHECK(nodes[1].at("tree").is_null());
  CHECK(json::parse(rest::cluster_tree({})).at("nodes").as_array().empty());
}

TEST_CASE("answers that are errors") {
  CHECK(rest::no_such_job(job_hex).status == 404);
  CHECK(rest::no_checkpoints(job_hex).status == 404);
  CHECK(rest::java_plan_refused().status == 400);
  const auto reply = rest::failed(503, transient_failure("dispatcher", "no leader"), 2);
  CHECK(reply.status == 503);
  CHECK(reply.header("Retry-After") == "2");
  CHECK(json::parse(reply.body).at("errors").at(0) == "dispatcher: no leader");
  CHECK(rest::empty_document() == "{}");
  CHECK(json::parse(rest::cluster_environment({})).at("jvm").at("options").as_array().empty());
}
