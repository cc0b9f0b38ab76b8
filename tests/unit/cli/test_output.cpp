#include "apps/cli/progress.hpp"
#include "apps/cli/table.hpp"
#include "apps/cli/tree_text.hpp"
#include "apps/cli/watch.hpp"
#include "client/json_slices.hpp"

#include <catch2/catch.hpp>

using namespace flott;
using namespace flott::cli;

TEST_CASE("columns are as wide as their widest cell; numbers stand to the right") {
  CHECK(table({"section", "n"}, {{"libs", "12"}, {"überlang", "7"}}) ==
        "section    n\n"
        "--------  --\n"
        "libs      12\n"
        "überlang   7\n");
  CHECK(table({"a"}, {{"1"}, {"2"}, {"3"}}, 2) == "a\n-\n1\n2\n... and 1 more rows\n");
  CHECK(table({"a", "b"}, {{"x\ny"}}) == "a    b\n---  -\nx y\n");   // short rows, one line a row
}

TEST_CASE("results of several sinks become several tables, columns in the rows' order") {
  const auto text = result_tables({R"({"_sink":"one","word":"b","count":2})", R"({"_sink":"two","x":null})",
                                   R"({"_sink":"one","word":"a","count":10,"more":true})"},
                                  {});
  CHECK(text ==
        "one\n\n"
        "word  count  more\n"
        "----  -----  ----\n"
        "b         2\n"
        "a        10  true\n"
        "\n"
        "two\n\n"
        "x\n"
        "-\n"
        "\n");
  CHECK(result_tables({R"({"b":1,"a":2})"}, {"a", "b"}).starts_with("a  b\n"));
  CHECK(result_tables({"no json"}, {}).find("no json") != std::string::npos);
  CHECK(result_tables({}, {}).empty());
}

TEST_CASE("durations are for people") {
  CHECK(duration_text(-5) == "0 ms");
  CHECK(duration_text(999) == "999 ms");
  CHECK(duration_text(1250) == "1.2 s");
  CHECK(duration_text(125'000) == "2 min 5 s");
  CHECK(duration_text(3'720'000) == "1 h 2 min");
}

TEST_CASE("a job's outcome is one JSON document") {
  job_outcome outcome;
  outcome.id = "00";
  outcome.name = "a \"name\"";
  outcome.state = "FINISHED";
  outcome.duration_ms = 7;
  CHECK(outcome_json(outcome) ==
        R"({"jobid":"00","name":"a \"name\"","state":"FINISHED","duration-ms":7,"results":[]})"
        "\n");
  outcome.rows = {R"({"x":1})", R"({"x":2})"};
  outcome.state = "FAILED";
  outcome.error = user_failure("file.txt:3", "is wrong");
  const auto text = outcome_json(outcome);
  CHECK(text.find("[\n{\"x\":1},\n{\"x\":2}]") != std::string::npos);
  CHECK(text.find("\"failure\":\"file.txt:3: is wrong\"") != std::string::npos);
}

TEST_CASE("progress counts finished tasks and what the sources emitted") {
  job_info job;
  job.vertices.resize(2);
  job.vertices[0].records_out = 100;
  job.vertices[0].tasks = {{"FINISHED", 2}, {"RUNNING", 0}};
  job.vertices[1].records_in = 100;
  job.vertices[1].records_out = 5;
  job.vertices[1].tasks = {{"FINISHED", 0}, {"RUNNING", 2}};
  CHECK(progress_text(job) == "2/4 tasks finished, 100 records read");
}

TEST_CASE("trees are outlines") {
  const std::string tree =
      R"({"path":"/node","kind":"supervisor","state":"running","restart_in_ms":null,"restarts":{"total":0},"abandoned":0,)"
      R"("last_failure":null,"children":[{"path":"/node/tasks","kind":"worker","state":"restarting","restart_in_ms":50,)"
      R"("restarts":{"total":3},"abandoned":0,"last_failure":"boom"}]})";
  const std::string outline = "node/  running\n  tasks  restarting in 50 ms  restarts 3  last failure: boom\n";
  CHECK(tree_text(tree) == outline);
  CHECK(tree_text(R"({"nodes":[{"node":"taskmanager-1","tree":)" + tree + "}]}") ==
        "taskmanager-1\n  node/  running\n    tasks  restarting in 50 ms  restarts 3  last failure: boom\n");
  CHECK(tree_text("oops") == "oops\n");
  CHECK(tree_text("oops\x1b[2J\nmore") == "oops [2J\nmore\n");
}

TEST_CASE("an outline tells mailboxes, what is held and who is stuck in what") {
  const std::string worker =
      R"({"path":"/node/a","kind":"worker","state":"stopping","mailbox":{"length":12,"bytes":0,"oldest_ms":3400},"handled":5,)"
      R"("in_handler_ms":2500,"handling":"chat::line","ledger":{"size":2,"entries":["x","y"]},"last_failure":"a\u001b[31m\nb"})";
  CHECK(tree_text(worker) == "a  stopping  mailbox 12, oldest 3.4 s  in chat::line for 2.5 s  holds 2  last failure: a [31m b\n");
  CHECK(tree_text(R"({"nodes":[{"node":"n-1","tree":{"state":"unreachable","last_failure":"too late"}},{"node":"n-2","tree":null}]})") ==
        "n-1  unreachable: too late\nn-2  unreachable: no answer\n");
}

TEST_CASE("numbers are shown as they were sent") {
  CHECK(result_tables({R"({"x":12.5,"y":0.9999999999999999,"z":12345678901234567890,"s":"a\"b"})"}, {}) ==
        "   x                   y                     z  s\n"
        "----  ------------------  --------------------  ---\n"
        "12.5  0.9999999999999999  12345678901234567890  a\"b\n");
}

TEST_CASE("values are cut out of a document as they stand") {
  const std::string document = R"({"a":[1],"note":"\"rows\":[9]","rows": [ {"x":1E3,"t":"]},"} ,[2,[3]], "s" ,-0.10],"b":{}})";
  const auto rows = json_slices::elements(document, "rows");
  CHECK(std::vector<std::string>(rows.begin(), rows.end()) ==
        std::vector<std::string>{R"({"x":1E3,"t":"]},"})", "[2,[3]]", R"("s")", "-0.10"});
  CHECK(json_slices::elements(document, "c").empty());
  CHECK(json_slices::elements(R"({"rows":[]})", "rows").empty());
  CHECK(json_slices::members(R"({"x":1,"y":{"z":[2]}})").size() == 2);
  for (std::size_t n = 0; n < document.size(); ++n)   // of no use, but within bounds
    (void)json_slices::elements(std::string_view(document).substr(0, n), "rows");
}
