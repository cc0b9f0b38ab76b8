#include "tests/actors/job_manager_node/lone_node.hpp"

#include <catch2/catch.hpp>

using namespace flott;
using namespace flott::testing;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

TEST_CASE("a job whose JOB MANAGER throws is returned to the dispatcher, with what the exception said") {
  lone_node n;
  n.link_up();
  n.assign(b, 1);
  SECTION("while it runs") {
    n.assign(a, 3);
    REQUIRE(n.jobs() == "a3 b1");
    n.break_clock_of(a);
    n.pass(1s);
  }
  SECTION("while it starts") {
    n.break_clock_of(a);
    n.assign(a, 3);
  }
  REQUIRE(n.returned.size() == 1);
  CHECK(n.returned[0].job_id() == a);
  CHECK(n.returned[0].epoch() == 3);
  CHECK(n.returned[0].header().incarnation() == "m1");
  CHECK_THAT(from_proto(n.returned[0].failure()).to_string(), Contains("the clock has stopped"));
  CHECK(n.jobs() == "b1");                              // the others are not concerned
  CHECK(n.managers() == "b@1");
  n.break_clock_of(a, false);
  CHECK_FALSE(n.assign(a, 4).has_failure());            // it may come back
  CHECK(n.jobs() == "a4 b1");
}

TEST_CASE("a JOB MANAGER that throws while there is no link is noticed at the next registration") {
  lone_node n;
  n.link_up();
  n.assign(a, 1);
  n.link_down();
  n.break_clock_of(a);
  n.pass(1s);
  n.send_cancellation(a);                               // anything that makes it look at its clock
  n.settle();
  CHECK(n.jobs().empty());
  n.link_up();
  CHECK(n.returned.empty());
}

TEST_CASE("a job that is over is not returned") {
  lone_node n;
  n.link_up();
  n.assign(a, 1);
  n.send_cancellation(a);
  n.settle();
  REQUIRE(n.ended.size() == 1);
  CHECK(n.ended[0].snapshot().state() == msg::JOB_STATE_CANCELED);
  CHECK(n.jobs().empty());
  CHECK(n.returned.empty());
}

TEST_CASE("an assignment that comes again, or too late, changes nothing and is answered") {
  lone_node n;
  n.link_up();
  n.assign(a, 2);
  n.asked.clear();
  CHECK_FALSE(n.assign(a, 2).has_failure());
  CHECK_FALSE(n.assign(a, 1).has_failure());
  CHECK(n.jobs() == "a2");
  CHECK(n.managers() == "a@2");
  CHECK(n.asked.empty());                               // nobody has started anew
}

TEST_CASE("an assignment under a higher epoch ends the former JOB MANAGER, and is no crash") {
  lone_node n;
  n.link_up();
  n.assign(a, 1);
  CHECK_FALSE(n.assign(a, 2).has_failure());
  CHECK(n.jobs() == "a2");
  CHECK(n.managers() == "a@2");
  CHECK(n.returned.empty());
  n.asked.clear();
  n.pass(1s);
  for (const auto epoch : n.asked[a])
    CHECK(epoch == 2);
}

TEST_CASE("whatever the interleaving, one job has one JOB MANAGER, of the highest epoch that was assigned") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    lone_node n(seed);
    n.link_up();
    for (const std::uint64_t epoch : {2, 1, 3, 3, 2})
      n.send_assignment(a, epoch);
    n.settle();
    CAPTURE(seed);
    CHECK(n.jobs() == "a3");
    CHECK(n.managers() == "a@3");
    CHECK(n.returned.empty());
  }
}

TEST_CASE("a cancellation that comes while the JOB MANAGER is being started is not lost") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    lone_node n(seed);
    n.link_up();
    n.assign_and_cancel(a, 1);
    CAPTURE(seed);
    REQUIRE(n.ended.size() == 1);
    CHECK(n.ended[0].snapshot().state() == msg::JOB_STATE_CANCELED);
  }
}

TEST_CASE("a node that is full says so, and takes a job again once one has ended") {
  lone_node n(0, 1);
  n.link_up();
  n.assign(a, 1);
  const auto refused = n.assign(b, 1);
  REQUIRE(refused.has_failure());
  CHECK(from_proto(refused.failure()).cls == failure_class::resources);
  CHECK(n.jobs() == "a1");
  CHECK_FALSE(n.assign(a, 2).has_failure());            // that is not one more
  n.send_cancellation(a);
  n.settle();
  CHECK_FALSE(n.assign(b, 1).has_failure());
}

TEST_CASE("a registration that names unwanted jobs drops them, but not under a higher epoch") {
  lone_node n;
  n.link_up();
  n.assign(a, 1);
  n.assign(b, 2);
  n.link_down();
  msg::RegisterNodeReply reply;
  for (const auto& id : {a, b}) {
    auto& unwanted = *reply.add_unwanted_jobs();
    unwanted.set_job_id(id);
    unwanted.set_epoch(1);
  }
  n.link_up(reply);
  CHECK(n.jobs() == "b2");
  CHECK(n.managers() == "b@2");
  CHECK(n.returned.empty());
}

TEST_CASE("how jobs stand is told soon and together, and all of it again to a new dispatcher") {
  lone_node n;
  n.link_up();
  n.assign(a, 1);
  n.assign(b, 1);
  n.pass(100ms);
  REQUIRE(n.snapshots.size() == 1);
  CHECK(n.snapshots[0].jobs_size() == 2);
  CHECK(n.snapshots[0].header().incarnation() == "m1");
  n.link_down();
  n.link_up();
  REQUIRE(n.snapshots.size() == 2);
  CHECK(n.snapshots[1].jobs_size() == 2);
}
