#include "tests/actors/job_manager/lone_job_manager.hpp"

#include <catch2/catch.hpp>

using namespace flott;
using namespace flott::testing;
using namespace std::chrono_literals;
using list = std::vector<std::string>;

TEST_CASE("TaskManagers that a job uses hear from it all the time") {
  lone_job_manager j;
  j.run();
  const auto before = j.heartbeats("t1");
  j.pass(10 * j.interval);
  CHECK(j.heartbeats("t1") >= before + 9);
  CHECK(j.state() == msg::JOB_STATE_RUNNING);
}

TEST_CASE("a TaskManager that is silent for longer than heartbeat.timeout is lost: its job goes on elsewhere at once") {
  lone_job_manager j;
  j.run();
  j.fall_silent("t1");
  j.pass(j.timeout - j.interval);
  CHECK(j.state() == msg::JOB_STATE_RUNNING);
  j.pass(3 * j.interval);
  CHECK(j.said() == list{"cause i1", "slots 2"});
  CHECK(j.state() == msg::JOB_STATE_RESTARTING);
  CHECK(j.snapshot.restarts() == 1);

  j.add_node("t2", "j1");
  j.grant(j.two_slots("t2", "j1"));
  REQUIRE(j.deployed("t2") == 5);
  CHECK(j.attempts("t2")[0].attempt() == 1);
  CHECK(j.report("t1", msg::TASK_STATE_FINISHED).error);   // nothing of that life counts any more
  CHECK(j.state() == msg::JOB_STATE_RUNNING);
  j.report("t2", msg::TASK_STATE_FINISHED);
  CHECK(j.final_snapshot.state() == msg::JOB_STATE_FINISHED);
  REQUIRE(j.published.size() == 1);
  CHECK(j.published[0].payload() == "part-1");
}

TEST_CASE("reports count only when they come from the life that was granted") {
  lone_job_manager j;
  j.run();
  CHECK(j.report("t1", msg::TASK_STATE_FINISHED, "i2").error);
  CHECK(j.report("t1", msg::TASK_STATE_FINISHED, "i0").error);
  CHECK(j.state() == msg::JOB_STATE_RUNNING);
  CHECK_FALSE(j.has_said("commit"));
  CHECK(j.report("t1", msg::TASK_STATE_FINISHED, "i1").value);
  CHECK(j.has_said("commit"));
}

TEST_CASE("reports of a TaskManager that the job does not use are refused") {
  lone_job_manager j;
  j.add_node("t2", "j1");
  j.run();
  CHECK(j.report("t2", msg::TASK_STATE_RUNNING).error);
}

TEST_CASE("a closed connection is no loss while somebody listens there: it is dialed again") {
  lone_job_manager j;
  j.run();
  j.add_node("t1", "i1");                               // the same life behind a new connection
  CHECK(j.said() == list{"dial t1"});
  const auto before = j.heartbeats("t1");
  j.pass(4 * j.interval);
  CHECK(j.heartbeats("t1") > before);
  CHECK(j.state() == msg::JOB_STATE_RUNNING);
}

TEST_CASE("a TaskManager whose connection comes back, but who says nothing, is lost all the same") {
  lone_job_manager j;
  j.run();
  for (auto passed = 0ms; passed <= 2 * j.timeout; passed += j.interval) {
    j.add_node("t1", "i1");
    j.fall_silent("t1");
    j.pass(j.interval);
  }
  CHECK(j.has_said("cause i1"));
  CHECK(j.state() == msg::JOB_STATE_RESTARTING);
}

TEST_CASE("a TaskManager that a job did not use for a while is watched like any other when it uses it again") {
  lone_job_manager j;
  j.add_node("t2", "j1");
  j.start();
  REQUIRE(j.has_said("plan t1"));
  j.grant(j.two_slots("t2", "j1"));
  j.report("t2", msg::TASK_STATE_RUNNING);
  j.pass(5 * j.timeout);
  j.lose("t2", "j1");
  j.grant(j.two_slots("t1", "i1"));
  CHECK(j.report("t1", msg::TASK_STATE_RUNNING).value);
  j.pass(2 * j.timeout);
  REQUIRE(j.state() == msg::JOB_STATE_RUNNING);
  SECTION("it falls silent") {
    j.fall_silent("t1");
    j.pass(j.timeout + 2 * j.interval);
  }
  SECTION("it is gone") {
    j.somebody_listens = false;
    j.drop_connection("t1");
  }
  CHECK(j.has_said("cause i1"));
  CHECK(j.state() == msg::JOB_STATE_RESTARTING);
}

TEST_CASE("a closed connection where nobody listens any more is a loss at once") {
  lone_job_manager j;
  j.run();
  j.somebody_listens = false;
  j.drop_connection("t1");
  CHECK(j.said() == list{"cause i1", "slots 2"});
  CHECK(j.state() == msg::JOB_STATE_RESTARTING);
}

TEST_CASE("another life that answers at a TaskManager's address means that the granted one is over") {
  lone_job_manager j;
  j.run();
  j.add_node("t1", "i2");
  j.pass(2 * j.interval);
  CHECK(j.has_said("cause i1"));
  CHECK(j.has_said("slots 2"));
  CHECK(j.state() == msg::JOB_STATE_RESTARTING);
}

TEST_CASE("a loss that the resource manager tells is acted on once, whoever notices it") {
  lone_job_manager j;
  j.run();
  j.lose("t1", "i1");
  CHECK(j.said() == list{"cause i1", "slots 2"});
  j.add_node("t2", "j1");
  j.grant(j.two_slots("t2", "j1"));
  j.report("t2", msg::TASK_STATE_RUNNING);
  j.lose("t1", "i1");
  j.somebody_listens = false;
  j.drop_connection("t1");
  j.pass(2 * j.timeout);
  CHECK_FALSE(j.has_said("slots 2"));
  CHECK(j.state() == msg::JOB_STATE_RUNNING);
  CHECK(j.snapshot.restarts() == 1);
}

TEST_CASE("code that crashes its TaskManager twice running fails the job; somebody else's crash does not count") {
  lone_job_manager j;
  j.run();
  j.cause.set_signal(11);
  const bool own = GENERATE(true, false);
  j.cause.set_job_id(own ? a : std::string(32, 'b'));
  j.somebody_listens = false;
  j.drop_connection("t1");
  CHECK(j.state() == msg::JOB_STATE_RESTARTING);
  j.somebody_listens = true;
  j.add_node("t1", "i2");
  j.grant(j.two_slots("t1", "i2"));
  j.report("t1", msg::TASK_STATE_RUNNING);
  REQUIRE(j.state() == msg::JOB_STATE_RUNNING);
  j.somebody_listens = false;
  j.drop_connection("t1");
  CHECK(j.over == own);
  if (own)
    CHECK(j.final_snapshot.state() == msg::JOB_STATE_FAILED);
  else
    CHECK(j.state() == msg::JOB_STATE_RESTARTING);
}

TEST_CASE("a TaskManager that can't be reached plans nothing; another one does") {
  lone_job_manager j;
  j.add_node("t0", "h1");                               // the first to be asked
  j.unreachable("t0");
  j.start();
  CHECK(j.has_said("dial t0"));
  CHECK(j.has_said("plan t1"));
  CHECK(j.has_said("planned"));
}

TEST_CASE("a TaskManager that is lost while it plans does not keep the job waiting") {
  lone_job_manager j;
  j.add_node("t2", "j1");
  j.hold("plan");
  j.start();
  REQUIRE(j.has_said("plan t1"));
  j.somebody_listens = false;
  j.drop_connection("t1");
  CHECK(j.has_said("plan t2"));
  j.let_go("plan");
  CHECK(j.has_said("planned"));
}
