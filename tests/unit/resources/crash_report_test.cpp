#include "runtime/resources/crash_report.hpp"
#include "tests/support/mutate.hpp"
#include "tests/unit/resources/processes.hpp"

using namespace flott;
using namespace flott::testing;
using Catch::Matchers::Contains;

namespace {

const std::string sample = "flott-crash 1\nsignal 11\njob " + std::string(32, 'a') + "\nvertex " + std::string(32, 'b')
                           + "\nsubtask 3\nattempt 1\noperator parse \"x\" next\n";

}  // namespace

TEST_CASE("a crash inside user code names signal, job, vertex, subtask and operator") {
  const auto [how, signal] = GENERATE(table<std::string, int>({{"segv", SIGSEGV}, {"null", SIGSEGV},
                                                              {"abort", SIGABRT}, {"fpe", SIGFPE},
                                                              {"overflow", SIGSEGV}}));
  cluster_folder cluster;
  const auto file = cluster / "x.crash";
  const auto record = cluster.start("x", {"crash", file.string(), how});
  REQUIRE(record.ok());
  const int status = status_of(record->pid);
  INFO(how << " " << cluster.log_of("x"));
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == signal);
  const auto report = read_crash_report(file);
  REQUIRE(report.ok());
  CHECK(report.value()
        == crash_report{signal, std::string(32, 'a'), std::string(32, 'b'), 3, 1, "parse \"x\" next"});
  CHECK_THAT(report->to_string(), Contains(signal_name(signal)) && Contains("parse \"x\" next"));
  CHECK_THAT(report->to_string(), Contains("subtask 3"));
  CHECK_THAT(cluster.log_of("x"), Contains("crashed with " + signal_name(signal)));
}

TEST_CASE("a crash outside user code names nobody") {
  cluster_folder cluster;
  const auto file = cluster / "x.crash";
  const auto record = cluster.start("x", {"crash", file.string(), "segv", "no-context"});
  REQUIRE(record.ok());
  CHECK(WTERMSIG(status_of(record->pid)) == SIGSEGV);
  const auto report = read_crash_report(file);
  REQUIRE(report.ok());
  CHECK(report->job_id.empty());
  CHECK_THAT(report->to_string(), Contains("outside user code"));
}

TEST_CASE("a crash that has broken the operator's name still ends the process and names the job") {
  cluster_folder cluster;
  const auto file = cluster / "x.crash";
  const auto record = cluster.start("x", {"crash", file.string(), "dangling"});
  REQUIRE(record.ok());
  CHECK(WTERMSIG(status_of(record->pid)) == SIGSEGV);
  const auto report = read_crash_report(file);
  REQUIRE(report.ok());
  CHECK(report->job_id == std::string(32, 'a'));
  CHECK(report->operator_name.empty());
}

TEST_CASE("an embedded process ends with the code it was told, naming the operator") {
  cluster_folder cluster;
  const auto record = cluster.start("x", {"crash", "", "segv", "context", "2"});
  REQUIRE(record.ok());
  const int status = status_of(record->pid);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 2);
  CHECK_THAT(cluster.log_of("x"), Contains("SIGSEGV") && Contains("parse") && Contains(std::string(32, 'a')));
}

TEST_CASE("scopes nest and belong to their thread") {
  CHECK(current_task_context() == nullptr);
  task_context a("a", "v", 0, 0), b(std::string(100, 'x'), "v", 1, 2);
  CHECK(std::string(b.job) == std::string(32, 'x'));
  {
    const task_context_scope outer(a);
    CHECK(current_task_context() == &a);
    {
      const task_context_scope inner(b);
      CHECK(current_task_context() == &b);
      std::thread([] { CHECK(current_task_context() == nullptr); }).join();
      const operator_scope first(b, "first");
      {
        const operator_scope second(b, "second");
        CHECK(std::string(current_task_context()->operator_name) == "second");
      }
      CHECK(std::string(current_task_context()->operator_name) == "first");
    }
    CHECK(current_task_context() == &a);
  }
  CHECK(current_task_context() == nullptr);
}

TEST_CASE("what is no crash report is an error that names file and line") {
  CHECK(parse_crash_report(sample, "f").ok());
  CHECK(parse_crash_report("flott-crash 1\nsignal 6\n", "f").ok());
  CHECK(parse_crash_report("", "f").error().where == "f:0");
  CHECK(parse_crash_report("flott-crash 2\n", "f").error().where == "f:1");
  CHECK(parse_crash_report("flott-crash 1\nsignal 0\n", "f").error().where == "f:2");
  CHECK_FALSE(parse_crash_report("flott-crash 1\nsignal 11\njob x\n", "f").ok());
  CHECK_FALSE(parse_crash_report("flott-crash 1\nsignal 11\nvertex " + std::string(32, 'b') + "\n", "f").ok());
  CHECK_FALSE(parse_crash_report(sample.substr(0, sample.size() - 1), "f").ok());
  CHECK_FALSE(read_crash_report("/nonexistent.crash").ok());
}

TEST_CASE("whatever the bytes of a crash file, there is a report in bounds or a clear error") {
  const auto seed = GENERATE(1u, 2u, 3u);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 3000; ++i) {
    const auto report = parse_crash_report(mutate(sample, random), "f");
    INFO("seed " << seed << ", step " << i);
    if (!report.ok()) {
      CHECK(report.error().where.starts_with("f:"));
      continue;
    }
    CHECK(report->signal >= 1);
    CHECK(report->signal <= 64);
    CHECK((report->job_id.empty() || report->job_id.size() == 32));
    CHECK(report->to_string().find('\n') == std::string::npos);
  }
}

TEST_CASE("a crash of a job function names its job, though it belongs to no vertex") {
  cluster_folder cluster;
  const auto file = cluster / "x.crash";
  const auto record = cluster.start("x", {"crash", file.string(), "segv", "job-function"});
  REQUIRE(record.ok());
  CHECK(WTERMSIG(status_of(record->pid)) == SIGSEGV);
  const auto report = read_crash_report(file);
  INFO((report.ok() ? "" : report.error().to_string()));
  REQUIRE(report.ok());
  CHECK(report.value() == crash_report{SIGSEGV, std::string(32, 'a'), "", 0, 0, "job function"});
  CHECK(report->to_string() == "SIGSEGV (Segmentation fault) in the job function of job " + std::string(32, 'a'));
}
