#include "tests/actors/job_manager/lone_job_manager.hpp"

#include <catch2/catch.hpp>

using namespace flott;
using namespace flott::testing;
using list = std::vector<std::string>;

TEST_CASE("a job is planned, gets slots, is deployed, runs, commits and ends, each step behind the one it rests on") {
  lone_job_manager j;
  j.hold("planned");
  j.hold("commit");
  j.hold("publish");
  j.hold("flush");
  j.hold("ended");
  j.start();
  CHECK(j.said() == list{"planner", "dial t1", "plan t1", "slots 2", "planned"});
  j.grant(j.two_slots("t1", "i1"));
  CHECK(j.deployed("t1") == 0);                         // not before the graph is durable
  CHECK(j.state() == msg::JOB_STATE_CREATED);
  j.let_go("planned");
  CHECK(j.deployed("t1") == 5);
  CHECK(j.state() == msg::JOB_STATE_RUNNING);
  j.report("t1", msg::TASK_STATE_RUNNING);
  CHECK(j.said() == list{"deploy t1"});

  j.report("t1", msg::TASK_STATE_FINISHED);
  REQUIRE(j.committed.size() == 1);
  CHECK(j.committed[0].payload() == "part-0");
  CHECK(j.published.empty());                           // not before the decision is durable
  j.let_go("commit");
  REQUIRE(j.published.size() == 1);
  CHECK_FALSE(j.has_said("ended"));                     // not before the files are in their place
  j.let_go("publish");
  CHECK(j.has_said("release"));                         // before the end is told
  CHECK_FALSE(j.has_said("ended"));                     // not before the committer has nothing left to do
  j.let_go("flush");
  CHECK(j.has_said("ended"));
  CHECK(j.final_snapshot.state() == msg::JOB_STATE_FINISHED);
  CHECK_FALSE(j.over);                                  // not before the dispatcher knows
  j.let_go("ended");
  CHECK(j.over);
}

TEST_CASE("a job that was planned under a former epoch is not planned again") {
  lone_job_manager j;
  msg::AssignJob assignment;
  *assignment.mutable_graph() = word_count_graph();
  j.start(assignment);
  CHECK(j.said() == list{"slots 2"});
  j.grant(j.two_slots("t1", "i1"));
  CHECK(j.deployed("t1") == 5);
}

TEST_CASE("a job whose commit was decided under a former epoch only publishes") {
  lone_job_manager j;
  msg::AssignJob assignment;
  *assignment.mutable_graph() = word_count_graph();
  assignment.set_commit_decided(true);
  assignment.add_committed()->set_payload("part-7");
  j.start(assignment);
  REQUIRE(j.published.size() == 1);
  CHECK(j.published[0].payload() == "part-7");
  CHECK_FALSE(j.has_said("slots 2"));
  CHECK(j.final_snapshot.state() == msg::JOB_STATE_FINISHED);
}

TEST_CASE("what is told of a task twice counts once, and nothing that comes behind its end counts at all") {
  lone_job_manager j;
  j.add_node("t2", "j1");
  j.start();
  j.grant({slot("x", "t1", "i1"), slot("y", "t2", "j1")});
  j.hold("commit");
  CHECK(j.report("t1", msg::TASK_STATE_FINISHED).value);
  CHECK(j.report("t1", msg::TASK_STATE_FINISHED).value);   // acknowledged too: its answer may have been lost
  CHECK(j.report("t1", msg::TASK_STATE_RUNNING).value);
  j.fail("t1", 0, transient_failure("disk", "is full"));
  CHECK(j.state() == msg::JOB_STATE_RUNNING);
  CHECK(j.snapshot.restarts() == 0);
  j.said();
  CHECK(j.report("t2", msg::TASK_STATE_FINISHED).value);
  CHECK(j.report("t2", msg::TASK_STATE_FINISHED).value);
  j.let_go("commit");
  CHECK(j.said() == list{"release", "commit", "publish", "flush", "ended"});
  CHECK(j.published.size() == 1);
  CHECK(j.final_snapshot.state() == msg::JOB_STATE_FINISHED);
}

TEST_CASE("a failed task restarts the whole job as a further attempt; what came aside of the former is discarded") {
  lone_job_manager j;
  j.run();
  auto& attempts = j.attempts("t1");
  REQUIRE(attempts.size() == 5);
  j.fail("t1", 0, transient_failure("disk", "is full"));
  CHECK(j.state() == msg::JOB_STATE_RESTARTING);
  CHECK(j.cancelled("t1") == 4);
  j.forget_deployed("t1");
  j.cancelled_all("t1");
  j.pass(std::chrono::seconds{1});
  REQUIRE(j.deployed("t1") == 5);
  for (const auto& attempt : j.attempts("t1"))
    CHECK(attempt.attempt() == 1);
  CHECK_FALSE(j.has_said("slots 2"));                   // it kept its slots
}

TEST_CASE("a permanent failure fails the job, and the folders it wrote to are cleared before that is told") {
  lone_job_manager j;
  j.run();
  j.hold("flush");
  j.fail("t1", 0, user_failure("line 7", "no such column"));
  j.cancelled_all("t1");
  CHECK(j.has_said("clear /out"));
  CHECK_FALSE(j.has_said("ended"));
  j.let_go("flush");
  CHECK(j.final_snapshot.state() == msg::JOB_STATE_FAILED);
  CHECK(j.final_snapshot.failure().message() == "no such column");
  CHECK(j.published.empty());
}

TEST_CASE("a cancellation before planning is answered ends the job; the late answer changes nothing") {
  lone_job_manager j;
  j.hold("planner");
  j.hold("plan");
  j.hold("ended");
  SECTION("no planner known yet") {
    j.start();
    j.cancel();
    CHECK(j.has_said("ended"));
    j.let_go("planner");
    CHECK_FALSE(j.has_said("plan t1"));
  }
  SECTION("being planned") {
    j.start();
    j.let_go("planner");
    REQUIRE(j.has_said("plan t1"));
    j.cancel();
    CHECK(j.has_said("ended"));
    j.let_go("plan");
    CHECK_FALSE(j.has_said("planned"));
    CHECK_FALSE(j.has_said("slots 2"));
  }
  SECTION("asked for under a former epoch") {
    msg::AssignJob assignment;
    assignment.set_cancel_requested(true);
    j.start(assignment);
    CHECK_FALSE(j.has_said("planner"));
  }
  CHECK(j.final_snapshot.state() == msg::JOB_STATE_CANCELED);
  j.let_go("ended");
  CHECK(j.over);
}

TEST_CASE("a running job that is cancelled ends once its tasks have, and publishes nothing") {
  lone_job_manager j;
  j.run();
  j.cancel();
  CHECK(j.cancelled("t1") == 5);
  CHECK(j.state() == msg::JOB_STATE_CANCELLING);
  CHECK_FALSE(j.has_said("ended"));
  j.cancelled_all("t1");
  CHECK(j.final_snapshot.state() == msg::JOB_STATE_CANCELED);
  CHECK(j.published.empty());
  CHECK(j.over);
}

TEST_CASE("slots that come after the job has ended, or under another epoch, are given back or left alone") {
  lone_job_manager j;
  j.hold("ended");
  j.start();
  j.grant(j.two_slots("t1", "i1"), 2);
  CHECK(j.deployed("t1") == 0);                         // another epoch's: not its business
  CHECK_FALSE(j.has_said("release"));
  j.cancel();
  j.said();
  j.grant(j.two_slots("t1", "i1"));
  CHECK(j.said() == list{"release"});
  CHECK(j.deployed("t1") == 0);
}
