#include "metrics/probes/job_probe.hpp"
#include "metrics/probes/node_probe.hpp"
#include "metrics/probes/supervisor_probe.hpp"
#include "metrics/probes/task_probe.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>

using namespace flott;
using namespace std::chrono_literals;

namespace {

/// The value of one series on the page; nothing if it is not there.
std::optional<double> value_of(const std::string& page, const std::string& series) {
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(series + " "))
      return std::stod(line.substr(series.size() + 1));
  return std::nullopt;
}

std::size_t count_of(const std::string& page, const std::string& start) {
  std::istringstream lines(page);
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line);)
    count += line.starts_with(start);
  return count;
}

task_labels labels(std::uint32_t subtask, const std::string& job = "j") { return {job, "name", "v", "map", subtask}; }

}  // namespace

TEST_CASE("counters and gauges are shared by name and labels") {
  metrics_registry registry;
  const auto a = registry.counter({"flott_x_total", "x"}, {{"a", "1"}, {"b", "2"}});
  registry.counter({"flott_x_total", "x"}, {{"b", "2"}, {"a", "1"}}).add(2);
  a.add();
  CHECK(value_of(registry.scrape(), "flott_x_total{a=\"1\",b=\"2\"}") == 3.0);
  registry.remove("flott_x_total", {{"a", "1"}, {"b", "2"}});
  a.add();
  CHECK_FALSE(value_of(registry.scrape(), "flott_x_total{a=\"1\",b=\"2\"}"));
  metric_counter().add();
  metric_gauge().set(1);
}

TEST_CASE("a counter counts every call of every thread") {
  metrics_registry registry;
  const auto counter = registry.counter({"flott_y_total", "y"});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] { for (int i = 0; i < 10'000; ++i) counter.add(); });
  for (int i = 0; i < 20; ++i) CHECK_FALSE(registry.scrape().empty());
  for (auto& t : threads) t.join();
  CHECK(value_of(registry.scrape(), "flott_y_total") == 40'000.0);
}

TEST_CASE("a sampled metric ends with its registration, which may outlive the registry") {
  metric_registration registration;
  {
    metrics_registry registry;
    double now = 1;
    registration = registry.sampled({"flott_z", "z"}, metric_kind::gauge,
                                    [&] { return std::vector<metric_sample>{{{{"k", "v"}}, now}}; });
    CHECK(value_of(registry.scrape(), "flott_z{k=\"v\"}") == 1.0);
    now = 2;
    CHECK(value_of(registry.scrape(), "flott_z{k=\"v\"}") == 2.0);
    auto moved = std::move(registration);
    moved.reset();
    CHECK_FALSE(value_of(registry.scrape(), "flott_z{k=\"v\"}"));
    registration = registry.sampled({"flott_z", "z"}, metric_kind::gauge, [] { return std::vector<metric_sample>{}; });
  }
  registration.reset();
}

TEST_CASE("label values that Prometheus would refuse are cleaned and bounded") {
  metrics_registry registry;
  registry.gauge({"flott_l", "l"}, {{"k", "a\"b\\c\nd\xff\xc3"}}).set(1);
  registry.gauge({"flott_m", "m"}, {{"k", std::string(10'000, 'x')}}).set(1);
  const auto page = registry.scrape();
  CHECK(value_of(page, "flott_l{k=\"a\\\"b\\\\c\\nd??\"}") == 1.0);
  CHECK(value_of(page, "flott_m{k=\"" + std::string(256, 'x') + "\"}") == 1.0);
}

TEST_CASE("the process and its build are on every page") {
  metrics_registry registry;
  const auto page = registry.scrape();
  CHECK(count_of(page, "flott_build_info{compiler=\"gcc ") == 1);
  CHECK(value_of(page, "process_resident_memory_bytes").value() > 1e6);
  CHECK(value_of(page, "process_open_fds").value() >= 3);
  CHECK(value_of(page, "process_threads").value() >= 1);
  CHECK(value_of(page, "process_cpu_seconds_total").has_value());
  const auto started = value_of(page, "process_start_time_seconds").value();
  const auto now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  CHECK(started <= now + 1);
  CHECK(started > now - 86'400);
}

TEST_CASE("jobs are shown in every state, also where there are none") {
  metrics_registry registry;
  const job_probe probe(registry);
  CHECK(value_of(registry.scrape(), "flott_jobs{state=\"RUNNING\"}") == 0.0);
  probe.submitted();
  probe.submitted();
  probe.refused();
  probe.show_states({{"RUNNING", 2}});
  CHECK(value_of(registry.scrape(), "flott_jobs{state=\"RUNNING\"}") == 2.0);
  probe.show_states({{"FINISHED", 2}});
  const auto page = registry.scrape();
  CHECK(value_of(page, "flott_jobs{state=\"RUNNING\"}") == 0.0);
  CHECK(value_of(page, "flott_jobs{state=\"FINISHED\"}") == 2.0);
  CHECK(value_of(page, "flott_job_submissions_total") == 2.0);
  CHECK(value_of(page, "flott_job_refusals_total") == 1.0);
  restart_probe(registry).restarted();
  restart_probe(registry).restarted();
  CHECK(value_of(registry.scrape(), "flott_job_restarts_total") == 2.0);
}

TEST_CASE("the age of a heartbeat grows until the next one, and goes with the node") {
  metrics_registry registry;
  node_probe::time_point now(100s);
  node_probe probe(registry, [&] { return now; });
  const std::string series = "flott_heartbeat_age_seconds{node_id=\"tm\",role=\"taskmanager\"}";
  probe.heard_from("tm", "taskmanager", now);
  now += 1500ms;
  CHECK(value_of(registry.scrape(), series) == 1.5);
  probe.heard_from("tm", "taskmanager", now);
  CHECK(value_of(registry.scrape(), series) == 0.0);
  probe.forget("tm");
  CHECK_FALSE(value_of(registry.scrape(), series));
  probe.show_slots(8, 3);
  probe.show_task_managers(2);
  const auto page = registry.scrape();
  CHECK(value_of(page, "flott_slots") == 8.0);
  CHECK(value_of(page, "flott_slots_free") == 3.0);
  CHECK(value_of(page, "flott_taskmanagers") == 2.0);
}

TEST_CASE("a subtask's series never goes back over attempts, and old ones disappear whole") {
  metrics_registry registry;
  task_probe probe(registry, 2);
  const auto series = [](std::uint32_t subtask) {
    return "flott_task_records_in_total{job_id=\"j\",job_name=\"name\",subtask_index=\"" + std::to_string(subtask)
           + "\",task_id=\"v\",task_name=\"map\"}";
  };
  task_totals first{.records_in = 10, .busy_ns = 1'500'000'000};
  auto running = probe.began(labels(0), [&] { return first; });
  CHECK(value_of(registry.scrape(), series(0)) == 10.0);
  first.records_in = 15;
  running.reset();
  CHECK(value_of(registry.scrape(), series(0)) == 15.0);

  task_totals second{.records_in = 2};
  auto again = probe.began(labels(0), [&] { return second; });
  CHECK(value_of(registry.scrape(), series(0)) == 17.0);
  CHECK(registry.scrape().find("flott_task_busy_seconds_total{job_id=\"j\",job_name=\"name\",subtask_index=\"0\","
                               "task_id=\"v\",task_name=\"map\"} 1.5") != std::string::npos);

  // Subtask 0 runs: it is not dropped however many end meanwhile.
  for (std::uint32_t i = 1; i <= 5; ++i)
    static_cast<void>(probe.began(labels(i), [] { return task_totals{.records_in = 1}; }));
  CHECK(value_of(registry.scrape(), series(0)) == 17.0);
  CHECK_FALSE(value_of(registry.scrape(), series(3)));
  CHECK(value_of(registry.scrape(), series(4)) == 1.0);
  CHECK(value_of(registry.scrape(), series(5)) == 1.0);
  again.reset();
  CHECK_FALSE(value_of(registry.scrape(), series(4)));
  CHECK(value_of(registry.scrape(), series(0)) == 17.0);
}

TEST_CASE("promtool has nothing to say against a page with everything on it") {
  if (std::system("command -v promtool >/dev/null 2>&1") != 0) {
    WARN("promtool is not installed; skipped");
    return;
  }
  metrics_registry registry;
  job_probe jobs(registry);
  restart_probe restarts(registry);
  node_probe nodes(registry, [] { return std::chrono::steady_clock::now(); });
  supervisor_probe supervisors(registry);
  task_probe tasks(registry);
  jobs.submitted();
  restarts.restarted();
  nodes.heard_from("tm-1", "taskmanager", std::chrono::steady_clock::now());
  supervisors.supervises("job_managers", "job_manager");
  supervisors.restarted("tasks", "task");
  const auto task = tasks.began({"0123", "a \"job\"\n", "45", "Source: a -> \xff b", 1},
                                [] { return task_totals{.records_in = 1}; });
  const auto pool = tasks.memory_pool([] { return 1; }, 2);
  const auto page = registry.scrape();
  for (const auto* name : {"flott_jobs", "flott_job_submissions_total", "flott_job_restarts_total", "flott_slots",
                           "flott_slots_free", "flott_taskmanagers", "flott_task_records_in_total",
                           "flott_task_records_out_total", "flott_task_bytes_in_total", "flott_task_bytes_out_total",
                           "flott_task_busy_seconds_total", "flott_task_idle_seconds_total",
                           "flott_task_backpressured_seconds_total", "flott_supervisor_restarts_total",
                           "flott_heartbeat_age_seconds", "flott_build_info"}) {
    INFO(name);
    CHECK(count_of(page, "# HELP " + std::string(name) + " ") == 1);
    CHECK(count_of(page, std::string(name) + (page.find(std::string(name) + "{") != std::string::npos ? "{" : " ")) >= 1);
  }
  testing::temporary_folder folder;
  std::ofstream(folder / "page") << page;
  const auto command = "promtool check metrics <" + (folder / "page").string() + " >" + (folder / "says").string()
                       + " 2>&1";
  const int code = std::system(command.c_str());
  std::ostringstream says;
  says << std::ifstream(folder / "says").rdbuf();
  INFO(says.str() << page);
  CHECK(code == 0);
  CHECK(std::filesystem::file_size(folder / "says") == 0);
}
