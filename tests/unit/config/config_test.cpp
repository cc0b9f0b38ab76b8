#include "runtime/base/env.hpp"
#include "runtime/config/configuration.hpp"
#include "runtime/config/options.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

using namespace flott;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

configuration good(std::string_view yaml, const std::vector<std::string>& overrides = {}) {
  auto parsed = configuration::parse(yaml, "flott.yaml", overrides);
  INFO((parsed.ok() ? "" : parsed.error().to_string()));
  REQUIRE(parsed.ok());
  return std::move(parsed).value();
}

std::string error(std::string_view yaml, const std::vector<std::string>& overrides = {}) {
  const auto parsed = configuration::parse(yaml, "flott.yaml", overrides);
  REQUIRE_FALSE(parsed.ok());
  CHECK(parsed.error().cls == failure_class::permanent);
  CHECK(parsed.error().domain == failure_domain::user);
  return parsed.error().to_string();
}

}  // namespace

TEST_CASE("without a file everything has the design's defaults") {
  const auto config = good("");
  CHECK(config.get(options::heartbeat_interval) == 250ms);
  CHECK(config.get(options::heartbeat_timeout) == 1s);
  CHECK(config.get(options::restart_strategy) == restart_strategy_kind::exponential_delay);
  CHECK(config.get(options::restart_initial_backoff) == 100ms);
  CHECK(config.get(options::wait_for_resources) == 5min);
  CHECK(config.get(options::cancellation_timeout) == 30s);
  CHECK(config.get(options::max_record_size).bytes == 64ULL << 20);
  CHECK(config.get(options::rest_port) == port_range{8081, 8081});
  CHECK(config.get(options::rest_bind_address) == "127.0.0.1");
  CHECK(config.entries().empty());
  CHECK_FALSE(config.is_set(options::rest_port));
}

TEST_CASE("flat and nested keys are the same, and -D wins, the last one") {
  const auto config = good("heartbeat.interval: 100 ms\n"
                           "heartbeat:\n  timeout: 2 s\n"
                           "rest: {port: 0, address: host}\n"
                           "jobmanager.rpc.address: [a, 'b:6124']\n"
                           "execution.runtime-mode: batch\n",
                           {"rest.port=1", "rest.port=9000-9010", "resource-provider=process"});
  CHECK(config.get(options::heartbeat_interval) == 100ms);
  CHECK(config.get(options::heartbeat_timeout) == 2s);
  CHECK(config.get(options::rest_address) == "host");
  CHECK(config.get(options::rest_port) == port_range{9000, 9010});
  CHECK(config.get(options::jobmanager_rpc_address) == std::vector<std::string>{"a", "b:6124"});
  CHECK(config.get(options::execution_runtime_mode) == runtime_mode_setting::batch);
  CHECK(config.get(options::resource_provider) == resource_provider_kind::process);
  CHECK(config.is_set(options::rest_port));

  // What was set can be handed on as -D and means the same.
  std::vector<std::string> again;
  for (const auto& [key, value] : config.entries()) again.push_back(key + "=" + value);
  CHECK(good("", again).entries() == config.entries());
}

TEST_CASE("unknown keys name file, line and the nearest key") {
  CHECK(error("rest.port: 1\nheartbeat.intervall: 1 s\n")
        == "flott.yaml:2: unknown option 'heartbeat.intervall'; did you mean 'heartbeat.interval'?");
  CHECK(error("", {"rest.prot=1"}) == "-D: unknown option 'rest.prot'; did you mean 'rest.port'?");
  CHECK(error("completely.different.thing.altogether.zzzzzzzzzz: 1")
        == "flott.yaml:1: unknown option 'completely.different.thing.altogether.zzzzzzzzzz'");
}

TEST_CASE("bad values name file, line, key and what was expected") {
  CHECK(error("\n\nheartbeat.interval: soon") ==
        "flott.yaml:3: option 'heartbeat.interval': 'soon' is not a duration such as '250 ms', '1 s', '5 min', '2 h' or "
        "'1 d'");
  CHECK(error("taskmanager.numberOfTaskSlots: 0")
        == "flott.yaml:1: option 'taskmanager.numberOfTaskSlots': '0' is less than 1");
  CHECK(error("heartbeat.interval: 3 d") == "flott.yaml:1: option 'heartbeat.interval': '3 d' is more than 1 h");
  CHECK(error("restart-strategy.type: sometimes")
        == "flott.yaml:1: option 'restart-strategy.type': 'sometimes' is not one of none, exponential-delay");
  CHECK(error("rest.port: 99999").starts_with("flott.yaml:1: option 'rest.port': '99999' is not a port"));
  CHECK(error("rest.port:").starts_with("flott.yaml:1: option 'rest.port' has no value"));
  CHECK(error("", {"rest.port"}) == "-D: 'rest.port' is not of the form key=value");
  CHECK(error("", {"=1"}) == "-D: '=1' is not of the form key=value");
  CHECK(error("rest.port: 1\nrest:\n  port: 2")
        == "flott.yaml:3: option 'rest.port' is set twice, first at flott.yaml:1");
}

TEST_CASE("options are checked against each other") {
  CHECK_THAT(error("heartbeat.interval: 800 ms"), Contains("heartbeat.timeout") && Contains("800 ms"));
  CHECK_THAT(error("", {"heartbeat.timeout=300 ms"}), Contains("-D") && Contains("twice"));
  CHECK_THAT(error("restart-strategy.exponential-delay.initial-backoff: 2 min"), Contains("less than the first"));
  CHECK_THAT(error("jobmanager.rpc.address: []"), Contains("names nobody"));
}

TEST_CASE("nothing but loopback is bound unless it is asked for twice") {
  for (const std::string key : {"rest.bind-address", "jobmanager.bind-host", "taskmanager.bind-host",
                                "jobmanager-node.bind-host", "metrics.bind-host"}) {
    for (const std::string open : {"0.0.0.0", "::", "10.0.0.1", "example.org", "127.0.0.1.example.org", ""}) {
      CHECK_THAT(error("", {key + "=" + open}), Contains(key) && Contains("flott.insecure"));
      good("", {key + "=" + open, "flott.insecure=true"});
    }
    for (const std::string closed : {"127.0.0.1", "127.1.2.3", "::1", "localhost"})
      good("", {key + "=" + closed});
  }
  CHECK_THAT(error("security.enabled: true"), Contains("security.enabled"));
}

TEST_CASE("Flink's keys without a meaning here are read over with a word; those with one are not") {
  const auto config = good("env.java.opts.all: -Xmx1g\ntaskmanager.memory.flink.size: 1 g\nrest.port: 1\n",
                           {"pekko.ask.timeout=1 s"});
  REQUIRE(config.warnings().size() == 3);
  CHECK(config.warnings()[0] == "flott.yaml:1: option 'env.java.opts.all' is ignored: there is no JVM to configure");
  CHECK_THAT(config.warnings()[2], Contains("-D") && Contains("pekko.ask.timeout"));
  CHECK(config.entries().size() == 1);
  error("execution.checkpointing.interval: 1 s");
  error("high-availability.type: zookeeper");
}

TEST_CASE("a job sets its own options and no others") {
  const auto cluster = good("parallelism.default: 2");
  const auto job = cluster.for_job({{"restart-strategy.type", "none"}, {"parallelism.default", "4"}});
  REQUIRE(job.ok());
  CHECK(job->get(options::restart_strategy) == restart_strategy_kind::none);
  CHECK(job->get(options::parallelism_default) == 4);
  CHECK(cluster.get(options::parallelism_default) == 2);
  CHECK_THAT(cluster.for_job({{"heartbeat.interval", "1 s"}}).error().message, Contains("belongs to the cluster"));
  CHECK_FALSE(cluster.for_job({{"parallelism.default", "0"}}).ok());
  CHECK(cluster.with("rest.port", "12", "--port").value().get(options::rest_port).low == 12);
  CHECK(cluster.with("rest.port", "x", "--port").error().where == "--port");
}

TEST_CASE("a file is read from disk; a missing one is an error") {
  testing::temporary_folder folder;
  const auto file = folder / "flott.yaml";
  CHECK(configuration::load(file).error().where == file.string());
  REQUIRE(system_env().write_file(file, "rest.port: 77").ok());
  CHECK(configuration::load(file).value().get(options::rest_port).low == 77);
  CHECK(configuration::load({}).ok());
}

TEST_CASE("every declaration is sound") {
  for (const auto* option : all_options()) {
    INFO(option->key);
    CHECK(find_option(option->key) == option);
    CHECK(option->prose.size() > 10);
    CHECK(option->prose.ends_with('.'));
    CHECK(nearest_option(option->key) == option->key);
    const auto again = option->parse(option->render(option->default_value));
    CHECK(again.ok());
    if (again.ok())
      CHECK(again.value() == option->default_value);
  }
  CHECK(all_options().size() > 40);
}

TEST_CASE("the reference page is what the declarations say") {
  const auto file = std::filesystem::path(FLOTT_SOURCE_DIR) / "docs/reference/configuration.md";
  const auto page = configuration_reference();
  for (const auto* option : all_options())
    CHECK(page.find("`" + std::string(option->key) + "`") != std::string::npos);
  // FLOTT_REGENERATE=1 writes the page instead of comparing it.
  if (std::getenv("FLOTT_REGENERATE") != nullptr) {
    REQUIRE(system_env().make_directories(file.parent_path()).ok());
    REQUIRE(system_env().write_file(file, page).ok());
  }
  CHECK(system_env().read_file(file).value() == page);
}
