#include "runtime/scheduling/slot_table.hpp"

#include <catch2/catch.hpp>

using namespace flott;
using namespace std::chrono_literals;

namespace {

slot_table::time_point at(std::chrono::milliseconds t) {
  return slot_table::time_point{} + 1h + t;
}

std::vector<msg::SlotState> states(const slot_table& table) {
  std::vector<msg::SlotState> all;
  for (const auto& r : table.report())
    all.push_back(r.state());
  return all;
}

using S = std::vector<msg::SlotState>;
constexpr auto FREE = msg::SLOT_STATE_FREE;
constexpr auto ALLOCATED = msg::SLOT_STATE_ALLOCATED;
constexpr auto ACTIVE = msg::SLOT_STATE_ACTIVE;
constexpr auto RELEASING = msg::SLOT_STATE_RELEASING;

}  // namespace

TEST_CASE("slots are allocated all or none, and again without harm") {
  slot_table table({2, 10s, 60s});
  CHECK(table.allocate("job", 1, {"a", "b", "c"}, at(0ms)).error().cls == failure_class::resources);
  CHECK(states(table) == S{FREE, FREE});
  CHECK(table.allocate("job", 1, {"a", "b"}, at(0ms)).ok());
  CHECK(table.allocate("job", 1, {"b", "a"}, at(0ms)).ok());
  CHECK(states(table) == S{ALLOCATED, ALLOCATED});
  CHECK(table.allocate("other", 1, {"a"}, at(0ms)).error().cls == failure_class::permanent);
}

TEST_CASE("a slot lives through its tasks") {
  slot_table table({1, 10s, 60s});
  REQUIRE(table.allocate("job", 1, {"a"}, at(0ms)).ok());
  REQUIRE(table.task_deployed("a", "job", 1, "source").ok());
  REQUIRE(table.task_deployed("a", "job", 1, "sink").ok());
  CHECK(states(table) == S{ACTIVE});
  table.task_ended("a", "source", at(1ms));
  CHECK(states(table) == S{ACTIVE});

  SECTION("that end by themselves") {
    table.task_ended("a", "sink", at(2ms));
    CHECK(states(table) == S{ALLOCATED});
    CHECK(table.free({"a"}).empty());
    CHECK(states(table) == S{FREE});
  }
  SECTION("that are stopped because it is freed") {
    CHECK(table.free({"a"}) == std::vector<std::string>{"sink"});
    CHECK(states(table) == S{RELEASING});
    CHECK(table.task_deployed("a", "job", 1, "late").error().cls == failure_class::resources);
    table.task_ended("a", "sink", at(2ms));
    CHECK(states(table) == S{FREE});
    CHECK(table.task_deployed("a", "job", 1, "late").error().message.find("not known") != std::string::npos);
  }
}

TEST_CASE("a higher epoch supersedes, a stale one is refused") {
  slot_table table({3, 10s, 60s});
  REQUIRE(table.allocate("job", 1, {"a", "b"}, at(0ms)).ok());
  REQUIRE(table.task_deployed("a", "job", 1, "source").ok());
  const auto superseded = table.allocate("job", 2, {"c", "d"}, at(1ms));
  REQUIRE(superseded.ok());
  CHECK(*superseded == std::vector<job_up_to>{{"job", 1}});
  CHECK(states(table) == S{RELEASING, ALLOCATED, ALLOCATED});   // b had no task: its slot was free at once
  CHECK(table.allocate("job", 1, {"e"}, at(2ms)).error().cls == failure_class::permanent);
  CHECK_FALSE(table.touch("job", 1, at(2ms)));
  CHECK(table.task_deployed("c", "job", 1, "x").error().cls == failure_class::resources);
  table.task_ended("a", "source", at(3ms));
  CHECK(states(table) == S{FREE, ALLOCATED, ALLOCATED});
  CHECK(table.free({"c", "d"}).empty());
  CHECK(table.epoch_of("job") == 2);
  CHECK(table.allocate("job", 1, {"e"}, at(4ms)).error().cls == failure_class::permanent);
}

TEST_CASE("unused allocations and orphans end by themselves") {
  slot_table table({2, 10s, 60s});
  REQUIRE(table.allocate("idle", 1, {"a"}, at(0ms)).ok());
  REQUIRE(table.allocate("busy", 4, {"b"}, at(0ms)).ok());
  REQUIRE(table.task_deployed("b", "busy", 4, "source").ok());
  CHECK(table.expire(at(9999ms)).freed.empty());
  CHECK(table.touch("idle", 1, at(5s)));
  CHECK(table.expire(at(10s)).freed.empty());
  CHECK(table.expire(at(15s)).freed == std::vector<std::string>{"a"});
  CHECK(table.touch("busy", 4, at(30s)));
  CHECK(table.expire(at(60s)).orphans.empty());
  CHECK(table.expire(at(90s)).orphans == std::vector<job_up_to>{{"busy", 4}});
  CHECK(table.expire(at(99s)).orphans.empty());   // once
  CHECK(states(table) == S{FREE, RELEASING});
}

TEST_CASE("a JobManager of a higher epoch makes orphans of the former one's tasks") {
  slot_table table({1, 10s, 60s});
  REQUIRE(table.allocate("job", 1, {"a"}, at(0ms)).ok());
  REQUIRE(table.task_deployed("a", "job", 1, "source").ok());
  CHECK(table.touch("job", 2, at(1ms)));
  CHECK(table.expire(at(2ms)).orphans == std::vector<job_up_to>{{"job", 1}});
}

TEST_CASE("the version moves with the report") {
  slot_table table({1, 10s, 60s});
  auto before = table.version();
  const auto moved = [&] { return std::exchange(before, table.version()) != before; };
  REQUIRE(table.allocate("job", 1, {"a"}, at(0ms)).ok());
  CHECK(moved());
  table.touch("job", 1, at(1ms));
  CHECK_FALSE(moved());
  REQUIRE(table.task_deployed("a", "job", 1, "t").ok());
  CHECK(moved());
  table.task_ended("a", "t", at(2ms));
  CHECK(moved());
  table.free({"a", "unknown"});
  CHECK(moved());
}
