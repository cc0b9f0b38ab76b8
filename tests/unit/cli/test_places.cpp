#include "apps/cli/endpoint.hpp"
#include "apps/cli/free_ports.hpp"
#include "apps/cli/module_path.hpp"
#include "apps/cli/node_command.hpp"
#include "runtime/base/env.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace flott;
using namespace flott::cli;

TEST_CASE("endpoints are read in every usual form") {
  const auto text = [](std::string_view given) {
    const auto where = parse_endpoint(given);
    return where.ok() ? where->to_string() : "refused";
  };
  CHECK(text("localhost:8082") == "localhost:8082");
  CHECK(text("localhost") == "localhost:8081");
  CHECK(text("http://127.0.0.1:9/") == "127.0.0.1:9");
  CHECK(text("[::1]:9") == "[::1]:9");
  CHECK(text("[::1]") == "[::1]:8081");
  for (const auto* wrong : {"", ":80", "h:", "h:0", "h:65536", "h:x", "h:1x", "https://h:1", "[::1", "[::1]9", "a b:1",
                            "h/path:1"})
    CHECK(text(wrong) == "refused");
}

TEST_CASE("a module is a file or an example") {
  const flott::testing::temporary_folder folder;
  auto& files = system_env();
  REQUIRE(files.write_file(folder / "word_count.so", "x").ok());
  REQUIRE(files.write_file(folder / "ticker.so", "x").ok());
  CHECK(example_names(folder.path()) == std::vector<std::string>{"ticker", "word_count"});
  CHECK(find_module("ticker", folder.path()).value() == folder / "ticker.so");
  CHECK(find_module((folder / "ticker.so").string(), "/nowhere").value() == folder / "ticker.so");
  const auto unknown = find_module("tickr", folder.path());
  REQUIRE_FALSE(unknown.ok());
  CHECK(unknown.error().to_string().find("ticker, word_count") != std::string::npos);
  CHECK_FALSE(find_module("./ticker", folder.path()).ok());
  CHECK_FALSE(find_module("ticker.so", folder.path()).ok());   // a path, and not there
  CHECK_FALSE(find_module(folder.path().string(), folder.path()).ok());
  CHECK(examples_folder("/p/bin/flott") == "/p/lib/flott/examples");
}

TEST_CASE("no port is given twice, and a taken one is named") {
  free_ports ports;
  const auto first = ports.take("127.0.0.1", {});
  REQUIRE(first.ok());
  const auto second = ports.take("127.0.0.1", {});
  REQUIRE(second.ok());
  CHECK(*first != *second);
  const auto taken = ports.take("127.0.0.1", {*first, *first});
  REQUIRE_FALSE(taken.ok());
  CHECK(taken.error().to_string().find(std::to_string(*first)) != std::string::npos);
}

TEST_CASE("a node is called with the dispatcher's options and finds it where it is") {
  auto config = configuration::parse("", "flott.yaml",
                                     {"rest.port=0", "jobmanager.rpc.port=0", "metrics.reporter.prom.port=9300",
                                      "heartbeat.timeout=2 s", "resource-provider=process", "cluster.dir=/d"});
  REQUIRE(config.ok());
  const auto words = node_command({.executable = "/bin/flott", .dir = "/d", .config = *config,
                                   .dispatcher_host = "127.0.0.1", .dispatcher_rpc_port = 7000},
                                  msg::NODE_ROLE_TASKMANAGER, "taskmanager-1");
  const std::vector<std::string> front(words.begin(), words.begin() + 6);
  CHECK(front == std::vector<std::string>{"/bin/flott", "taskmanager", "--dir", "/d", "--id", "taskmanager-1"});
  const auto has = [&](const std::string& word) { return std::count(words.begin(), words.end(), word) == 1; };
  CHECK(has("jobmanager.rpc.address=127.0.0.1"));
  CHECK(has("jobmanager.rpc.port=7000"));
  CHECK(has("heartbeat.timeout=2 s"));
  CHECK(has("metrics.reporter.prom.port=0"));   // 9300 is the dispatcher's own
  CHECK_FALSE(has("resource-provider=process"));

  config = configuration::parse("", "flott.yaml", {"metrics.reporter.prom.port=9249-9260"});
  REQUIRE(config.ok());
  const auto ranged = node_command({.executable = "f", .dir = "/d", .config = *config, .dispatcher_host = "h",
                                    .dispatcher_rpc_port = 1},
                                   msg::NODE_ROLE_JOBMANAGER, "j");
  CHECK(std::count(ranged.begin(), ranged.end(), "metrics.reporter.prom.port=9249-9260") == 1);
}
