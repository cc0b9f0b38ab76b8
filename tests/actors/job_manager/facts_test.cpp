#include "tests/actors/job_manager/lone_job_manager.hpp"

#include <catch2/catch.hpp>

using namespace flott;
using namespace flott::testing;
using namespace std::chrono_literals;
using list = std::vector<std::string>;

TEST_CASE("a fact that the dispatcher could not keep is told again until it is kept; nothing rests on it before") {
  lone_job_manager j;
  j.run();
  j.refusal_of_facts = transient_failure("disk", "is full");
  j.report("t1", msg::TASK_STATE_FINISHED);
  j.pass(1s);
  const auto told = j.said();
  CHECK(std::count(told.begin(), told.end(), "commit") > 1);
  CHECK(j.published.empty());
  j.refusal_of_facts = {};
  j.pass(1s);
  CHECK(j.published.size() == 1);
  CHECK(j.final_snapshot.state() == msg::JOB_STATE_FINISHED);
  CHECK(j.over);
}

TEST_CASE("a fact whose answer is lost with the link is told again to the next dispatcher") {
  lone_job_manager j;
  j.run();
  j.hold("commit");
  j.report("t1", msg::TASK_STATE_FINISHED);
  j.said();
  j.link_down();
  j.pass(1s);
  CHECK_FALSE(j.has_said("commit"));                    // there is nobody to tell it to
  j.link_up();
  CHECK(j.has_said("commit"));
  j.let_go("commit");                                   // both answers, of which the first belongs to the former link
  CHECK(j.published.size() == 1);
  CHECK(j.over);
}

TEST_CASE("without a link the job runs on; its end is told when there is one again") {
  lone_job_manager j;
  j.run();
  j.link_down();
  j.report("t1", msg::TASK_STATE_FINISHED);
  j.pass(10s);
  CHECK_FALSE(j.over);
  CHECK(j.snapshot.state() == msg::JOB_STATE_RUNNING);
  j.link_up();
  CHECK(j.final_snapshot.state() == msg::JOB_STATE_FINISHED);
  CHECK(j.over);
}

TEST_CASE("what is outstanding with a dispatcher that went away is asked of the next one") {
  lone_job_manager j;
  SECTION("a planner") {
    j.hold("planner");
    j.start();
    j.said();
    j.link_down();
    j.link_up();
    CHECK(j.said() == list{"planner"});
    j.let_go("planner");
    const auto told = j.said();                         // both answers have come
    CHECK(std::count(told.begin(), told.end(), "plan t1") == 1);
  }
  SECTION("slots") {
    j.start();
    j.said();
    j.link_down();
    j.link_up();
    CHECK(j.said() == list{"slots 2"});
  }
}

TEST_CASE("a job manager whose fact is refused for good runs another's job: it stops, and tells nothing more") {
  lone_job_manager j;
  j.run();
  j.refusal_of_facts = internal_failure("job", "epoch 1 is stale");
  j.report("t1", msg::TASK_STATE_FINISHED);
  CHECK(j.over);
  CHECK_FALSE(j.has_said("ended"));
  CHECK(j.published.empty());
}

TEST_CASE("a job manager that is not the job's any more cancels what it has running") {
  lone_job_manager j;
  j.hold("planned");
  j.refusal_of_facts = internal_failure("job", "epoch 1 is stale");
  j.start();
  j.let_go("planned");
  CHECK(j.over);
  CHECK_FALSE(j.has_said("ended"));
  CHECK(j.has_said("release"));                         // it waited for slots
}
