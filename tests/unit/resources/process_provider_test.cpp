#include "runtime/resources/process_provider.hpp"
#include "tests/unit/resources/processes.hpp"

#include <mutex>
#include <set>

using namespace flott;
using namespace flott::testing;

namespace {

constexpr auto task_manager = msg::NODE_ROLE_TASKMANAGER;
constexpr auto job_manager = msg::NODE_ROLE_JOBMANAGER;

class recorder final : public resource_listener {
 public:
  void on_started(const node_started& event) override {
    std::lock_guard lock(mutex_);
    started_.push_back(event);
  }
  void on_exited(const node_exited& event) override {
    std::lock_guard lock(mutex_);
    exited_.push_back(event);
  }
  void on_start_failed(msg::NodeRole, const failure& why) override {
    std::lock_guard lock(mutex_);
    failed_.push_back(why);
  }
  std::vector<node_started> started() const {
    std::lock_guard lock(mutex_);
    return started_;
  }
  std::vector<node_exited> exited() const {
    std::lock_guard lock(mutex_);
    return exited_;
  }
  std::vector<failure> failed() const {
    std::lock_guard lock(mutex_);
    return failed_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<node_started> started_;
  std::vector<node_exited> exited_;
  std::vector<failure> failed_;
};

struct provided : cluster_folder {
  recorder events;

  std::unique_ptr<resource_provider> provider(std::vector<std::string> what = {"sleep"}) {
    process_provider_config config;
    config.run_dir = run();
    config.log_dir = logs();
    config.command = [what](msg::NodeRole, const std::string&) {
      std::vector<std::string> command{FLOTT_TEST_CHILD};
      command.insert(command.end(), what.begin(), what.end());
      return command;
    };
    config.first_pause = 1ms;
    config.longest_pause = 5ms;
    auto started = start_process_provider(std::move(config), events, system_env());
    REQUIRE(started.ok());
    return std::move(started).value();
  }
};

bool has_running(const resource_provider& provider, msg::NodeRole role, std::size_t count) {
  return eventually([&] {
    const auto nodes = provider.nodes();
    return static_cast<std::size_t>(std::ranges::count(nodes, role, &node_started::role)) == count;
  });
}

}  // namespace

TEST_CASE("as many nodes of each role run as are wanted, each recorded under an id of its own") {
  provided cluster;
  const auto provider = cluster.provider();
  provider->want(task_manager, 2);
  provider->want(job_manager, 1);
  CHECK(has_running(*provider, task_manager, 2));
  CHECK(has_running(*provider, job_manager, 1));
  std::set<std::string> ids;
  for (const auto& node : provider->nodes()) ids.insert(node.node_id);
  CHECK(ids.size() == 3);
  const auto records = recorded_processes(cluster.run());
  REQUIRE(records.size() == 3);
  for (const auto& record : records) {
    CHECK(ids.contains(record.node_id));
    CHECK(is_alive(record));
  }
}

TEST_CASE("a node that is killed is reported by signal and replaced under a new id") {
  provided cluster;
  const auto provider = cluster.provider();
  provider->want(task_manager, 1);
  REQUIRE(has_running(*provider, task_manager, 1));
  const auto first = provider->nodes().at(0);
  ::kill(first.pid, SIGKILL);
  REQUIRE(eventually([&] { return cluster.events.started().size() == 2; }));
  const auto exited = cluster.events.exited();
  REQUIRE(exited.size() == 1);
  CHECK(exited[0].node_id == first.node_id);
  CHECK(exited[0].signal == SIGKILL);
  CHECK_FALSE(exited[0].asked_for);
  CHECK(exited[0].how() == "ended by SIGKILL");
  CHECK(cluster.events.started()[1].node_id != first.node_id);
  CHECK_FALSE(system_env().exists(record_path(cluster.run(), first.node_id)));
}

TEST_CASE("a stopped node is killed when asked, and replaced") {
  provided cluster;
  const auto provider = cluster.provider();
  provider->want(task_manager, 1);
  REQUIRE(has_running(*provider, task_manager, 1));
  const auto first = provider->nodes().at(0);
  ::kill(first.pid, SIGSTOP);
  provider->kill_node(first.node_id);
  provider->kill_node("nobody");
  REQUIRE(eventually([&] { return cluster.events.started().size() == 2; }));
  CHECK(cluster.events.exited().at(0).asked_for);
}

TEST_CASE("a node asked to stop is not replaced") {
  provided cluster;
  const auto provider = cluster.provider();
  provider->want(task_manager, 2);
  REQUIRE(has_running(*provider, task_manager, 2));
  const auto first = provider->nodes().at(0);
  REQUIRE(cluster.ready(first.node_id));
  provider->stop_node(first.node_id);
  provider->stop_node(first.node_id);
  REQUIRE(eventually([&] { return cluster.events.exited().size() == 1; }));
  CHECK(cluster.events.exited()[0].signal == SIGTERM);
  CHECK(cluster.events.exited()[0].asked_for);
  // Whoever is wanted next proves that nobody was started in between.
  provider->want(job_manager, 1);
  REQUIRE(has_running(*provider, job_manager, 1));
  CHECK(cluster.events.started().size() == 3);
  CHECK(has_running(*provider, task_manager, 1));
}

TEST_CASE("nodes that end at once again and again are started after pauses, each reported with its code") {
  provided cluster;
  const auto provider = cluster.provider({"exit", "3"});
  provider->want(task_manager, 1);
  REQUIRE(eventually([&] { return cluster.events.exited().size() >= 4; }));
  provider->want(task_manager, 0);
  for (const auto& event : cluster.events.exited()) {
    CHECK(event.exit_code == 3);
    CHECK_FALSE(event.signal);
  }
}

TEST_CASE("a crash is reported with what the node wrote about it") {
  provided cluster;
  process_provider_config config;
  config.run_dir = cluster.run();
  config.log_dir = cluster.logs();
  config.longest_pause = 5ms;
  config.command = [&](msg::NodeRole, const std::string& id) -> std::vector<std::string> {
    return {FLOTT_TEST_CHILD, "crash", crash_path(cluster.run(), id).string(), "segv"};
  };
  auto provider = start_process_provider(std::move(config), cluster.events, system_env());
  REQUIRE(provider.ok());
  provider.value()->want(task_manager, 1);
  REQUIRE(eventually([&] { return !cluster.events.exited().empty(); }));
  provider.value()->want(task_manager, 0);
  const auto event = cluster.events.exited().at(0);
  CHECK(event.signal == SIGSEGV);
  REQUIRE(event.crash.has_value());
  CHECK(event.crash->job_id == std::string(32, 'a'));
  CHECK(event.crash->subtask == 3);
  CHECK_FALSE(system_env().exists(crash_path(cluster.run(), event.node_id)));
}

TEST_CASE("what cannot be started is reported and tried again") {
  provided cluster;
  process_provider_config config;
  config.run_dir = cluster.run();
  config.log_dir = cluster.logs();
  config.first_pause = config.longest_pause = 1ms;
  config.command = [](msg::NodeRole, const std::string&) { return std::vector<std::string>{"/nonexistent/flott"}; };
  auto provider = start_process_provider(std::move(config), cluster.events, system_env());
  REQUIRE(provider.ok());
  provider.value()->want(task_manager, 1);
  REQUIRE(eventually([&] { return cluster.events.failed().size() >= 2; }));
  CHECK(cluster.events.failed()[0].where == "/nonexistent/flott");
  CHECK(cluster.events.started().empty());
}

TEST_CASE("nodes outlive a provider; the next one adopts those that live and reports those that ended meanwhile") {
  provided cluster;
  std::vector<node_started> nodes;
  {
    const auto provider = cluster.provider();
    provider->want(task_manager, 2);
    REQUIRE(has_running(*provider, task_manager, 2));
    nodes = provider->nodes();
  }
  const auto records = recorded_processes(cluster.run());
  REQUIRE(records.size() == 2);
  for (const auto& record : records) CHECK(is_alive(record));
  ::kill(nodes[0].pid, SIGKILL);
  CHECK(WTERMSIG(status_of(nodes[0].pid)) == SIGKILL);

  recorder later;
  process_provider_config config;
  config.run_dir = cluster.run();
  config.log_dir = cluster.logs();
  config.command = [](msg::NodeRole, const std::string&) {
    return std::vector<std::string>{FLOTT_TEST_CHILD, "sleep"};
  };
  auto provider = start_process_provider(std::move(config), later, system_env());
  REQUIRE(provider.ok());
  REQUIRE(eventually([&] { return later.started().size() == 1; }));
  CHECK(later.started()[0].node_id == nodes[1].node_id);
  CHECK(later.started()[0].adopted);
  REQUIRE(eventually([&] { return later.exited().size() == 1; }));
  CHECK(later.exited()[0].node_id == nodes[0].node_id);

  // An adopted node is watched like one of its own: one more is wanted only when it ends.
  provider.value()->want(task_manager, 1);
  ::kill(nodes[1].pid, SIGKILL);
  CHECK(WTERMSIG(status_of(nodes[1].pid)) == SIGKILL);
  REQUIRE(eventually([&] { return later.started().size() == 2; }));
  CHECK(later.exited().at(1).node_id == nodes[1].node_id);
  CHECK_FALSE(later.started()[1].adopted);
}
