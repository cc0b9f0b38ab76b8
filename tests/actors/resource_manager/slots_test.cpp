#include "tests/actors/resource_manager/lone_resource_manager.hpp"

#include <catch2/catch.hpp>

using namespace flott;
using namespace flott::testing;
using std::chrono::milliseconds;

TEST_CASE("slots are granted all together or not at all, and none is held meanwhile") {
  lone_resource_manager r;
  r.register_node("t1", "i1", 2);
  r.register_node("t2", "j1", 1);
  CHECK(r.want(a, 2).slots() == 2);
  CHECK(r.want(b, 2).granted.empty());
  CHECK(r.free_slots("t1") + r.free_slots("t2") == 1);
  r.release(a);
  REQUIRE(r.at(b).granted.size() == 1);
  CHECK(r.at(b).slots() == 2);
  CHECK(r.free_slots("t1") + r.free_slots("t2") == 1);
}

TEST_CASE("a grant names where its slots are and whose life they belong to") {
  lone_resource_manager r;
  r.register_node("t1", "i1", 1);
  r.want(a, 1);
  REQUIRE(r.at(a).slots() == 1);
  const auto& slot = r.at(a).granted[0].slots(0);
  CHECK(slot.task_manager_id() == "t1");
  CHECK(slot.task_manager_incarnation() == "i1");
  CHECK(slot.rpc().host() == "t1");
  CHECK(r.at(a).granted[0].epoch() == 1);
}

TEST_CASE("who wants more than there is waits for another TaskManager, and holds nobody up") {
  lone_resource_manager r;
  r.register_node("t1", "i1", 2);
  CHECK(r.want(a, 3).granted.empty());
  CHECK(r.want(b, 1).slots() == 1);
  r.register_node("t2", "j1", 2);
  CHECK(r.at(a).slots() == 3);
}

TEST_CASE("first come, first served: who wants little does not overtake who waits for much") {
  lone_resource_manager r;
  r.register_node("t1", "i1", 3);
  r.want(a, 2);
  r.want(b, 2);
  CHECK(r.want(c, 1).granted.empty());                  // though one slot is free
  r.release(a);
  CHECK(r.at(b).slots() == 2);
  CHECK(r.at(c).slots() == 1);
}

TEST_CASE("a TaskManager that has fewer slots than it said gets its job none that it does not need") {
  lone_resource_manager r;
  r.register_node("t1", "i1", 1);
  r.register_node("t2", "j1", 1);
  r.occupy("t2");                                       // of which no heartbeat has told yet
  CHECK(r.want(a, 2).granted.empty());
  CHECK(r.free_slots("t1") == 1);
  CHECK(r.want(b, 1).slots() == 1);
}

TEST_CASE("a stale epoch gets no slots and is told so; what its successor waits for still reaches the successor") {
  lone_resource_manager r;
  r.want(a, 1, 2);
  const auto& old = r.want(a, 1, 1);
  REQUIRE(old.granted.size() == 1);
  CHECK(from_proto(old.granted[0].failure()).cls == failure_class::permanent);
  r.register_node("t1", "i1", 1);
  CHECK(r.at(a, 2).slots() == 1);
  CHECK(old.granted.size() == 1);
}

TEST_CASE("a job's next epoch takes back what the former one holds") {
  lone_resource_manager r;
  r.register_node("t1", "i1", 2);
  CHECK(r.want(a, 2, 1).slots() == 2);
  CHECK(r.want(a, 2, 2).slots() == 2);
}

TEST_CASE("all that an ended job holds is free again") {
  lone_resource_manager r;
  r.register_node("t1", "i1", 2);
  r.want(a, 2);
  r.job_ended(a);
  CHECK(r.free_slots("t1") == 2);
  CHECK(r.want(b, 2).slots() == 2);
}

TEST_CASE("a TaskManager that does not answer in time does not keep a job from slots elsewhere") {
  lone_resource_manager r;
  r.register_node("t1", "i1", 1);
  r.freeze("t1");
  CHECK(r.want(a, 1).granted.empty());
  r.register_node("t2", "j1", 1);
  for (milliseconds passed{0}; passed <= r.rpc_timeout; passed += r.interval) {
    r.heartbeat("t1");                                  // it lives, so this is no loss
    r.heartbeat("t2");
    r.pass(r.interval);
  }
  REQUIRE(r.at(a).slots() == 1);
  CHECK(r.at(a).granted[0].slots(0).task_manager_id() == "t2");
  r.thaw("t1");
  r.heartbeat("t1");
  CHECK(r.free_slots("t1") == 1);                       // it has taken the slot by now, and was told to give it back
}

TEST_CASE("a planner is any TaskManager that lives, the avoided ones only if there is no other") {
  lone_resource_manager r;
  CHECK(r.planner().has_failure());
  r.register_node("t1", "i1");
  r.register_node("t2", "j1");
  CHECK(r.planner({"t1"}).task_manager_id() == "t2");
  CHECK(r.planner({"t2"}).task_manager_id() == "t1");
  CHECK_FALSE(r.planner({"t1", "t2"}).has_failure());
  r.leave("t1");
  CHECK(r.planner({"t2"}).task_manager_id() == "t2");
}
