#include "lifecycle_fixture.hpp"
#include "runtime/graph/job_states.hpp"

#include <catch2/catch.hpp>

using namespace flott;
using namespace flott::testing;
using namespace std::chrono_literals;

namespace {

// Planned, granted, deployed, and all tasks RUNNING.
job_world running(job_lifecycle_config config = {}) {
  job_world w({}, config);
  w.silent_tasks = true;
  w.answer_all();
  for (const auto& [tm, attempt] : w.running())
    w.report(tm, attempt, msg::TASK_STATE_RUNNING);
  REQUIRE(w.state() == msg::JOB_STATE_RUNNING);
  return w;
}

std::vector<std::chrono::milliseconds> restart_delays(const job_world& w) {
  std::vector<std::chrono::milliseconds> all;
  for (const auto& t : w.pending<job_action::arm_timer>())
    if (t.timer == job_timer::restart)
      all.push_back(t.delay);
  return all;
}

std::int64_t stamp(const job_world& w, msg::JobState state) {
  const auto snapshot = const_cast<job_world&>(w).job().snapshot();
  for (const auto& t : snapshot.timestamps())
    if (t.state() == state)
      return t.unix_ms();
  return 0;
}

const failure bad_disk = transient_failure("words", "connection closed");

}  // namespace

TEST_CASE("a job runs from planning to its published end") {
  job_world w;
  CHECK(w.state() == msg::JOB_STATE_INITIALIZING);
  w.answer_all();
  CHECK(w.state() == msg::JOB_STATE_FINISHED);
  CHECK(w.published() == std::vector<std::string>{"counts of attempt 0"});
  CHECK(w.held() == 0);
  CHECK(w.deployments() == 2);   // one message a TaskManager
  const auto s = w.job().snapshot();
  CHECK(s.graph().vertices_size() == 3);
  CHECK(s.vertices(2).subtasks(0).state() == msg::TASK_STATE_FINISHED);
  CHECK(s.end_unix_ms() == 1'000);
  CHECK_FALSE(s.has_failure());
}

TEST_CASE("nothing is deployed before the graph is durable") {
  job_world w;
  w.silent_tasks = true;
  w.answer_next();                                   // planner
  while (w.pending<job_action::persist_graph>().empty())
    w.answer_next();
  REQUIRE(w.pending<job_action::request_slots>().size() == 1);
  w.take(w.job().slots_granted({slot("x", "tm1"), slot("y", "tm2"), slot("z", "tm2")}, w.now()));
  CHECK(w.pending<job_action::release_slots>().size() == 1);   // not the number that was asked for
  while (!w.pending<job_action::request_slots>().empty())
    w.answer_next();
  CHECK(w.pending<job_action::persist_graph>().size() == 1);
  CHECK(w.held() == 2);
  CHECK(w.deployments() == 0);
  w.answer_all();
  CHECK(w.deployments() == 2);
}

TEST_CASE("a known graph is not planned again; a decided commit is only published") {
  msg::AssignJob assignment;
  assignment.set_epoch(4);
  *assignment.mutable_graph() = word_count_graph();
  SECTION("graph") {
    job_world w(assignment);
    CHECK(w.pending<job_action::request_planner>().empty());
    w.answer_all();
    CHECK(w.state() == msg::JOB_STATE_FINISHED);
  }
  SECTION("commit, even if it was to be cancelled") {
    assignment.set_commit_decided(true);
    assignment.set_cancel_requested(true);
    assignment.add_committed()->set_payload("decided before");
    job_world w(assignment);
    w.answer_all();
    CHECK(w.state() == msg::JOB_STATE_FINISHED);
    CHECK(w.deployments() == 0);
    CHECK(w.published() == std::vector<std::string>{"decided before"});
  }
  SECTION("cancelled while nobody ran it") {
    assignment.set_cancel_requested(true);
    job_world w(assignment);
    CHECK(w.state() == msg::JOB_STATE_CANCELED);
    CHECK(w.pending<job_action::report_ended>().size() == 1);
  }
}

TEST_CASE("a permanent failure of planning fails the job at once, a transient one tries another planner") {
  job_world w;
  w.answer_next();
  SECTION("permanent") {
    w.take(w.job().plan_failed(user_failure("--input", "no such file"), w.now()));
    CHECK(w.state() == msg::JOB_STATE_FAILED);
    CHECK(w.job().snapshot().failure().where() == "--input");
    CHECK(w.pending<job_action::release_slots>().empty());
  }
  SECTION("transient") {
    w.take(w.job().plan_failed(bad_disk, w.now()));
    REQUIRE(w.pending<job_action::request_planner>().size() == 1);
    CHECK(w.pending<job_action::request_planner>()[0].avoid == std::vector<std::string>{"tm1"});
    w.answer_all();
    CHECK(w.state() == msg::JOB_STATE_FINISHED);
  }
  SECTION("its planner crashes, twice") {
    w.lose("tm1", 11, "job");
    CHECK(w.state() == msg::JOB_STATE_INITIALIZING);
    while (w.pending<job_action::plan>().empty())
      w.answer_next();
    w.lose("tm1", 11, "job");
    CHECK(w.state() == msg::JOB_STATE_FAILED);
    CHECK(w.job().snapshot().failure().message().find("SIGSEGV") != std::string::npos);
  }
}

TEST_CASE("without a planner or slots it waits, and fails when it has waited too long") {
  job_world w;
  SECTION("planner") {
    w.drop_next();
    for (int i = 0; i < 3; ++i)
      w.take(w.job().planner_missing(resource_failure("cluster", "no TaskManager"), w.now()));
    CHECK(w.state() == msg::JOB_STATE_INITIALIZING);
  }
  SECTION("slots") {
    while (w.pending<job_action::request_slots>().empty())
      w.answer_next();
    w.take(w.job().slots_refused(resource_failure("cluster", "none"), w.now()));
    CHECK(w.state() == msg::JOB_STATE_CREATED);
    CHECK(w.job().snapshot().pending_slots() == 0);
  }
  while (!w.job().ended()) {
    while (w.pending<job_action::request_planner>().size() + w.pending<job_action::request_slots>().size() > 0)
      w.drop_next();
    REQUIRE(w.fire_timer());
  }
  CHECK(w.state() == msg::JOB_STATE_FAILED);
  CHECK(w.job().snapshot().failure().cls() == msg::FAILURE_CLASS_RESOURCES);
  CHECK(w.job().snapshot().failure().message().find("within 300 s") != std::string::npos);
}

TEST_CASE("a transient failure restarts after the strategy's delay, in the slots it has") {
  auto w = running();
  const auto first_running = stamp(w, msg::JOB_STATE_RUNNING);
  const auto victim = w.running()[0];
  w.report(victim.first, victim.second, msg::TASK_STATE_FAILED, bad_disk);
  CHECK(w.state() == msg::JOB_STATE_RESTARTING);
  w.answer_all();                                     // the others are cancelled
  REQUIRE(restart_delays(w).size() == 1);
  CHECK(restart_delays(w)[0] >= 100ms);
  CHECK(w.deployments() == 2);
  w.silent_tasks = false;
  w.fire_timer();
  while (w.state() == msg::JOB_STATE_RESTARTING)
    REQUIRE(w.fire_timer());
  CHECK(stamp(w, msg::JOB_STATE_RUNNING) > first_running);   // moves, unlike the others
  CHECK(stamp(w, msg::JOB_STATE_CREATED) == 1'000);
  w.answer_all();
  CHECK(w.state() == msg::JOB_STATE_FINISHED);
  CHECK(w.published() == std::vector<std::string>{"counts of attempt 1"});
  CHECK(w.last_request() == 2);                       // never asked for more
  const auto s = w.job().snapshot();
  CHECK(s.restarts() == 1);
  REQUIRE(s.exceptions_size() == 1);
  CHECK(s.exceptions(0).task_name() == "lines (1/2)");
}

TEST_CASE("a permanent failure cancels the others, and the job has failed once they stopped or time is up") {
  auto w = running();
  const auto victim = w.running()[0];
  w.report(victim.first, victim.second, msg::TASK_STATE_FAILED, user_failure("a.txt:7", "bad line"));
  CHECK(w.state() == msg::JOB_STATE_FAILING);
  CHECK(w.held() == 2);
  SECTION("stopped") {
    w.answer_all();
  }
  SECTION("time is up") {
    while (!w.job().ended())
      REQUIRE(w.fire_timer());
    CHECK(w.now().unix_ms >= 31'000);
  }
  CHECK(w.state() == msg::JOB_STATE_FAILED);
  CHECK(w.held() == 0);
  CHECK(w.job().snapshot().failure().where() == "a.txt:7");
  CHECK(w.published().empty());
}

TEST_CASE("files that a failed or restarted attempt wrote are given to be discarded") {
  auto w = running();
  for (const auto& [tm, attempt] : w.running())
    if (attempt.vertex_id() == "counts")
      w.report(tm, attempt, msg::TASK_STATE_FINISHED);
  const auto victim = w.running()[0];
  w.report(victim.first, victim.second, msg::TASK_STATE_FAILED, user_failure("a.txt:7", "bad line"));
  w.answer_all();
  CHECK(w.discarded() == std::vector<std::string>{"counts of attempt 0", "/out"});   // then whatever else is there
}

TEST_CASE("a lost TaskManager restarts the job at once and free of charge, asking only for what is missing") {
  job_lifecycle_config c;
  c.restart.attempts_before_reset_backoff = 0;        // the job's own failures would be the end
  auto w = running(c);
  w.lose("tm2", 9);
  CHECK(w.state() == msg::JOB_STATE_RESTARTING);
  CHECK(w.last_request() == 1);
  w.answer_all();
  CHECK(w.state() == msg::JOB_STATE_RUNNING);         // no timer had to fire
  CHECK(w.now().unix_ms == 1'000);
  CHECK(w.deployments() == 3);                        // both slots are on tm1 now
  CHECK(w.job().snapshot().restarts() == 1);
}

TEST_CASE("a task failure that a lost process caused is not charged to the job") {
  auto w = running();
  const auto victim = w.running()[0];
  REQUIRE(victim.first == "tm1");
  w.report(victim.first, victim.second, msg::TASK_STATE_FAILED, bad_disk);   // its peer is gone, and it notices first
  SECTION("while the others are stopping") {
    w.lose("tm2", 9);
  }
  SECTION("while the delay runs") {
    w.answer_all();
    REQUIRE(restart_delays(w).size() == 1);
    w.lose("tm2", 9);
  }
  w.answer_all();
  CHECK(w.state() == msg::JOB_STATE_RUNNING);
  CHECK(w.now().unix_ms == 1'000);
  CHECK(w.job().snapshot().restarts() == 1);
}

TEST_CASE("losses in a row, without having run, wait longer and longer") {
  auto w = running();
  w.lose("tm2", 9);
  w.answer_all();
  w.lose("tm1", 9);                                   // before all tasks ran
  w.answer_all();
  REQUIRE(restart_delays(w).size() == 1);
  CHECK(restart_delays(w)[0] == 100ms);
}

TEST_CASE("a job that crashes its TaskManager twice running fails, naming signal, operator and subtask") {
  auto w = running();
  w.lose("tm2");                                      // the connection closed
  w.answer_all();
  CHECK(w.state() == msg::JOB_STATE_RUNNING);
  w.explain(11, "job");                               // the cause comes later
  CHECK(w.state() == msg::JOB_STATE_RUNNING);
  for (const auto& [tm, attempt] : w.running())
    w.report(tm, attempt, msg::TASK_STATE_RUNNING);
  SECTION("twice") {
    w.lose("tm2", 11, "job");
    w.answer_all();
    CHECK(w.state() == msg::JOB_STATE_FAILED);
    const auto f = w.job().snapshot().failure();
    CHECK(f.message().find("signal 11 (SIGSEGV)") != std::string::npos);
    CHECK(f.where() == "operator 'split' of words (2/2)");
    CHECK(f.cls() == msg::FAILURE_CLASS_PERMANENT);
  }
  SECTION("the same crash told twice counts once") {
    w.explain(11, "job");
    CHECK(w.state() == msg::JOB_STATE_RUNNING);
  }
  SECTION("a bystander's loss counts for nothing") {
    w.lose("tm2", 11, "another job");
    w.answer_all();
    CHECK(w.state() == msg::JOB_STATE_RUNNING);
  }
  SECTION("long ago is forgotten") {
    w.pass(2h);
    w.lose("tm2", 11, "job");
    w.answer_all();
    CHECK(w.state() == msg::JOB_STATE_RUNNING);
  }
}

TEST_CASE("without a restart strategy every failure is the end") {
  job_lifecycle_config c;
  c.restart.type = "none";
  auto w = running(c);
  SECTION("task") {
    const auto victim = w.running()[0];
    w.report(victim.first, victim.second, msg::TASK_STATE_FAILED, bad_disk);
  }
  SECTION("process") {
    w.lose("tm2", 9);
  }
  w.answer_all();
  CHECK(w.state() == msg::JOB_STATE_FAILED);
  CHECK(w.held() == 0);
}

TEST_CASE("cancelling works in every state") {
  job_world w;
  w.silent_tasks = true;
  SECTION("while planning") {}
  SECTION("while waiting for slots") {
    while (w.pending<job_action::request_slots>().empty())
      w.answer_next();
  }
  SECTION("while running") {
    w.answer_all();
  }
  SECTION("while restarting") {
    w.answer_all();
    const auto victim = w.running()[0];
    w.report(victim.first, victim.second, msg::TASK_STATE_FAILED, bad_disk);
  }
  SECTION("while waiting to restart") {
    w.answer_all();
    const auto victim = w.running()[0];
    w.report(victim.first, victim.second, msg::TASK_STATE_FAILED, bad_disk);
    w.answer_all();
  }
  w.take(w.job().cancel_requested(w.now()));
  w.answer_all();
  CHECK(w.state() == msg::JOB_STATE_CANCELED);
  CHECK(w.held() == 0);
  CHECK(w.job().snapshot().end_unix_ms() > 0);
}

TEST_CASE("what has been committed is not cancelled any more") {
  job_world w;
  while (w.pending<job_action::persist_commit>().empty())
    w.answer_next();
  CHECK(w.held() == 0);                               // nobody waits for slots that only a disk keeps busy
  w.take(w.job().cancel_requested(w.now()));
  w.answer_all();
  CHECK(w.state() == msg::JOB_STATE_FINISHED);
}

TEST_CASE("publishing is tried again, and fails the job only for good reason") {
  job_world w;
  while (w.pending<job_action::publish>().empty())
    w.answer_next();
  w.take(w.job().publish_failed(transient_failure("out", "disk full"), w.now()));
  CHECK(w.state() == msg::JOB_STATE_RUNNING);
  SECTION("it works the next time") {
    w.drop_next();
    w.answer_all();
    CHECK(w.state() == msg::JOB_STATE_FINISHED);
  }
  SECTION("it cannot") {
    w.take(w.job().publish_failed(user_failure("out", "holds another job's files"), w.now()));
    w.answer_all();
    CHECK(w.state() == msg::JOB_STATE_FAILED);
    CHECK(w.discarded().size() == 2);
  }
}

TEST_CASE("a refused deployment: foreign slots are replaced, other failures restart or end the job") {
  job_world w;
  w.silent_tasks = true;
  while (w.deployments() == 0)
    w.answer_next();
  const auto round = w.pending<job_action::deploy>()[0].round;
  w.take(w.job().deploy_failed("tm1", round + 1, user_failure("x", "of no round that is"), w.now()));
  CHECK(w.state() == msg::JOB_STATE_RUNNING);
  SECTION("slots") {
    w.take(w.job().deploy_failed("tm1", round, resource_failure("slot", "unknown"), w.now()));
    CHECK(w.state() == msg::JOB_STATE_RESTARTING);
    CHECK(w.held() == 1);
    w.answer_all();
    CHECK(w.state() == msg::JOB_STATE_RUNNING);
  }
  SECTION("permanent") {
    w.take(w.job().deploy_failed("tm1", round, user_failure("module", "fingerprint differs"), w.now()));
    w.answer_all();
    CHECK(w.state() == msg::JOB_STATE_FAILED);
  }
}

TEST_CASE("jobs do not block each other by holding some slots and waiting for others") {
  auto w = running();
  w.lose("tm2", 9);
  CHECK(w.last_request() == 1);
  while (!w.pending<job_action::request_slots>().empty())
    w.drop_next();                                    // nobody has a slot
  for (const auto& [tm, attempt] : w.running())
    w.report(tm, attempt, msg::TASK_STATE_CANCELED);
  CHECK(w.held() == 1);
  CHECK(w.fire_timer());
  CHECK(w.now().unix_ms == 3'000);                    // partial hold
  CHECK(w.held() == 0);
  CHECK(w.last_request() == 2);
  w.answer_all();
  CHECK(w.state() == msg::JOB_STATE_RUNNING);
}

TEST_CASE("a suspended job stops quietly") {
  auto w = running();
  w.take(w.job().suspend(w.now()));
  CHECK(w.state() == msg::JOB_STATE_SUSPENDED);
  CHECK(w.pending<job_action::abandoned>().size() == 1);
  CHECK(w.pending<job_action::report_ended>().empty());
  CHECK(w.pending<job_action::cancel_tasks>().size() == 2);
}

TEST_CASE("attempts of earlier rounds that still run are stopped") {
  auto w = running();
  const auto old = w.running()[0];
  w.lose("tm2", 9);
  w.answer_all();
  w.report(old.first, old.second, msg::TASK_STATE_RUNNING);
  const auto cancels = w.pending<job_action::cancel_tasks>();
  REQUIRE(cancels.size() == 1);
  CHECK(cancels[0].attempts.size() == 1);
  CHECK(cancels[0].attempts[0].attempt() == 0);
}

TEST_CASE("the version moves with every change, and the history is bounded") {
  auto w = running();
  auto version = w.job().snapshot().version();
  for (int i = 0; i < 20; ++i) {
    while (w.state() != msg::JOB_STATE_RUNNING) {
      w.answer_all();
      if (w.state() != msg::JOB_STATE_RUNNING)
        REQUIRE(w.fire_timer());
    }
    w.answer_all();
    const auto victim = w.running()[0];
    w.report(victim.first, victim.second, msg::TASK_STATE_FAILED, bad_disk);
    CHECK(w.job().snapshot().version() > version);
    version = w.job().snapshot().version();
  }
  CHECK(w.job().snapshot().exceptions_size() == 16);
  CHECK(w.job().snapshot().restarts() == 20);
}
