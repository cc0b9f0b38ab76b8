#include "runtime/base/simulated_env.hpp"
#include "runtime/resources/process_table.hpp"
#include "tests/unit/resources/processes.hpp"

#include <fcntl.h>
#include <unistd.h>

using namespace flott;
using namespace flott::testing;

TEST_CASE("a started process is recorded, alive, and has nothing of its starter's") {
  cluster_folder cluster;
  const int inherited = ::open("/dev/null", O_RDONLY);   // without close-on-exec, on purpose
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t usr1, before;
  ::sigemptyset(&usr1);
  ::sigaddset(&usr1, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &usr1, &before);
  const auto record = cluster.start("tm-1", {"report"});
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  std::signal(SIGPIPE, SIG_DFL);
  ::close(inherited);
  REQUIRE(record.ok());
  CHECK(recorded_processes(cluster.run()) == std::vector{record.value()});
  CHECK(status_of(record->pid) == 0);
  CHECK(cluster.log_of("tm-1") == "fd 0\nfd 1\nfd 2\nsession own\nblocked 0\nsigpipe default\n");
  CHECK_FALSE(is_alive(record.value()));
}

TEST_CASE("a zombie is not alive") {
  cluster_folder cluster;
  const auto record = cluster.start("tm-1", {"exit", "0"});
  REQUIRE(record.ok());
  CHECK(eventually([&] { return !is_alive(record.value()); }));
  CHECK(process_stat_of(record->pid).has_value());   // it is there still: nobody has reaped it
  CHECK(status_of(record->pid) == 0);
}

TEST_CASE("what cannot be executed is an error that names it, and leaves no record") {
  cluster_folder cluster;
  const auto outcome = start_process({"tm-1", msg::NODE_ROLE_TASKMANAGER, {"/nonexistent/flott", "x"}, cluster.run(),
                                      cluster.logs() / "l"}, system_env());
  REQUIRE_FALSE(outcome.ok());
  CHECK(outcome.error().where == "/nonexistent/flott");
  CHECK(recorded_processes(cluster.run()).empty());
}

TEST_CASE("what cannot be recorded does not run") {
  cluster_folder cluster;
  simulated_env full(1);
  full.fail_writes(1);
  REQUIRE(system_env().make_directories(cluster.logs()).ok());
  const auto outcome = start_process({"tm-1", msg::NODE_ROLE_TASKMANAGER, {FLOTT_TEST_CHILD, "report"}, cluster.run(),
                                      cluster.logs() / "tm-1.log"}, full);
  REQUIRE_FALSE(outcome.ok());
  CHECK(cluster.log_of("tm-1").empty());
}

TEST_CASE("processes started by several threads all run") {
  cluster_folder cluster;
  std::vector<std::thread> threads;
  std::array<int, 8> pids{}, codes{};
  for (std::size_t t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      const auto record = cluster.start("tm-" + std::to_string(t), {"exit", std::to_string(10 + t)});
      pids[t] = record.ok() ? record->pid : 0;
    });
  for (auto& thread : threads) thread.join();
  for (std::size_t t = 0; t < 8; ++t) codes[t] = WEXITSTATUS(status_of(pids[t]));
  CHECK(codes == std::array<int, 8>{10, 11, 12, 13, 14, 15, 16, 17});
}

TEST_CASE("stopping ends every process, whatever state it is in, and leaves no folder") {
  cluster_folder cluster;
  std::vector<process_record> started;
  for (const auto* what : {"sleep", "stubborn", "sleep", "stubborn"}) {
    const auto id = "tm-" + std::to_string(started.size());
    auto record = cluster.start(id, {what}, started.empty() ? msg::NODE_ROLE_DISPATCHER : msg::NODE_ROLE_TASKMANAGER);
    REQUIRE(record.ok());
    REQUIRE(cluster.ready(id));
    started.push_back(record.value());
  }
  ::kill(started[2].pid, SIGSTOP);
  ::kill(started[3].pid, SIGSTOP);
  REQUIRE(system_env().write_file(crash_path(cluster.run(), "tm-9"), "x").ok());
  const auto outcome = stop_processes(cluster.run(), 100ms, std::chrono::steady_clock::now() + 60s);
  INFO((outcome.ok() ? "" : outcome.error().to_string()));
  CHECK(outcome.ok());
  const int expected[] = {SIGTERM, SIGKILL, SIGTERM, SIGKILL};
  for (std::size_t i = 0; i < started.size(); ++i) {
    CHECK_FALSE(is_alive(started[i]));
    const int status = status_of(started[i].pid);
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == expected[i]);
  }
  CHECK_FALSE(system_env().exists(cluster.run()));
  CHECK(stop_processes(cluster.run(), 100ms, std::chrono::steady_clock::now() + 60s).ok());
}

TEST_CASE("stopping leaves alone whoever has a recorded pid by accident, and says which record it cannot read") {
  cluster_folder cluster;
  auto record = cluster.start("tm-1", {"sleep"});
  REQUIRE(record.ok());
  auto stranger = record.value();
  stranger.start_ticks += 1;
  REQUIRE(system_env().write_file(record_path(cluster.run(), "tm-1"), to_json(stranger)).ok());
  const auto broken = cluster.run() / "tm-2.json";
  REQUIRE(system_env().write_file(broken, "{").ok());
  const auto outcome = stop_processes(cluster.run(), 10ms, std::chrono::steady_clock::now() + 60s);
  REQUIRE_FALSE(outcome.ok());
  CHECK(outcome.error().where == broken.string());
  CHECK(is_alive(record.value()));
  ::kill(record->pid, SIGKILL);
  CHECK(WTERMSIG(status_of(record->pid)) == SIGKILL);
}

TEST_CASE("files of somebody else in the run folder are never touched, and named as the reason why it stays") {
  cluster_folder cluster;
  auto record = cluster.start("tm-1", {"sleep"});
  REQUIRE(record.ok());
  const auto foreign = cluster.run() / "holiday.jpg";
  REQUIRE(system_env().write_file(foreign, "sea").ok());
  const auto outcome = stop_processes(cluster.run(), 1s, std::chrono::steady_clock::now() + 60s);
  REQUIRE_FALSE(outcome.ok());
  CHECK(outcome.error().where == foreign.string());
  CHECK_FALSE(is_alive(record.value()));
  CHECK(system_env().read_file(foreign).value() == "sea");
  CHECK_FALSE(system_env().exists(record_path(cluster.run(), "tm-1")));
  const auto modules = module_cache_path(cluster.run(), "taskmanager-1");
  REQUIRE(system_env().make_directories(modules).ok());
  REQUIRE(system_env().write_file(modules / "x.so", "x").ok());
  REQUIRE(system_env().remove(foreign).ok());
  CHECK(remove_run_folder(cluster.run()).ok());
  CHECK_FALSE(system_env().exists(cluster.run()));
  CHECK(remove_run_folder(cluster.run()).ok());
}

TEST_CASE("the folder of a process that lives is not removed") {
  cluster_folder cluster;
  auto record = cluster.start("tm-1", {"sleep"});
  REQUIRE(record.ok());
  CHECK(remove_run_folder(cluster.run()).error().where == "tm-1");
  ::kill(record->pid, SIGKILL);
  CHECK(WTERMSIG(status_of(record->pid)) == SIGKILL);
  CHECK(remove_run_folder(cluster.run()).ok());
}
