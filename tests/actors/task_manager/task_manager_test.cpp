#include "runtime/config/options.hpp"
#include "tests/actors/task_manager/lone_task_manager.hpp"

#include <catch2/catch.hpp>

using namespace flott;
using namespace flott::testing;
using Catch::Matchers::Contains;

namespace {

struct number {
  std::uint64_t value = 0;
};
FLOTT_DESCRIBE(number, value)

void few(job_builder& job, const parameters&) {
  collect(generate(job, {.count = 10}, [](std::uint64_t n) { return number{n}; }), "few");
}
void endless(job_builder& job, const parameters&) {
  collect(generate(job, {.rows_per_second = 10.0}, [](std::uint64_t n) { return number{n}; })
            .filter([](const number&) { return false; }), "endless");
}

const std::string a(32, 'a'), b(32, 'b');

}  // namespace

TEST_CASE("what becomes of a task is told at once to whoever deployed it, also right after a heartbeat") {
  lone_task_manager t;
  t.add_job("few", &few);
  REQUIRE(lone_task_manager::slots(t.allocate(a, 1, {"x"}).slots()) == "ALLOCATED " + a + ", FREE");
  t.heartbeat(a, 1);
  CHECK_FALSE(t.deploy(a, 1, "few", {"x"}).has_failure());
  CHECK(t.all_reported(msg::TASK_STATE_FINISHED));      // no time has passed
  std::size_t rows = 0;
  for (const auto& [subtask, report] : t.reports())
    for (const auto& sink : report.collected())
      rows += static_cast<std::size_t>(sink.json_rows_size());
  CHECK(rows == 10);
}

TEST_CASE("a slot that one job holds is not another's") {
  lone_task_manager t;
  t.allocate(a, 1, {"x"});
  const auto answer = t.allocate(b, 1, {"y", "z"});
  CHECK(answer.has_failure());
  CHECK(lone_task_manager::slots(answer.slots()) == "ALLOCATED " + a + ", FREE");   // all or nothing
  CHECK_FALSE(t.allocate(b, 1, {"y"}).has_failure());
}

TEST_CASE("a deployment into a slot that nobody has allocated fails, and runs nothing") {
  lone_task_manager t;
  t.add_job("endless", &endless);
  CHECK_FALSE(t.deploy(a, 1, "endless", {"nowhere"}).has_failure());   // each task reports for itself
  CHECK(t.all_reported(msg::TASK_STATE_FAILED));
  CHECK_THAT(t.reports().begin()->second.failure().ShortDebugString(), Contains("nowhere"));
  CHECK(t.running() == 0);
}

TEST_CASE("a freed slot is another's only when its tasks have ended") {
  lone_task_manager t;
  t.add_job("endless", &endless);
  t.allocate(a, 1, {"x"});
  t.deploy(a, 1, "endless", {"x"});
  CHECK(t.slots() == "ACTIVE " + a + ", FREE");
  CHECK(t.running() > 0);
  msg::FreeSlot request;
  request.add_allocation_ids("x");
  t.ask<msg::SlotTable>(std::move(request), 1);
  t.settle();
  CHECK(t.running() == 0);
  CHECK(t.slots() == "FREE, FREE");
}

TEST_CASE("an old epoch is refused; a new one ends the old one's tasks") {
  lone_task_manager t;
  t.add_job("endless", &endless);
  t.allocate(a, 1, {"x"});
  t.deploy(a, 1, "endless", {"x"});
  t.heartbeat(a, 1);
  t.allocate(a, 2, {"y"});
  t.settle();
  CHECK(t.running() == 0);
  CHECK(t.slots() == "FREE, ALLOCATED " + a);
  const auto late = t.deploy(a, 1, "endless", {"x"});
  REQUIRE(late.has_failure());
  CHECK_THAT(late.failure().message(), Contains("epoch 1 is stale"));
  CHECK_FALSE(t.deploy(a, 2, "endless", {"y"}).has_failure());
  CHECK(t.running() > 0);
}

TEST_CASE("a job whose job manager has gone silent keeps its tasks for the orphan timeout, then they end") {
  lone_task_manager t;
  t.add_job("endless", &endless);
  t.allocate(a, 1, {"x"});
  t.deploy(a, 1, "endless", {"x"});
  const auto limit = t.config().get(options::taskmanager_orphan_timeout);
  t.pass(limit - std::chrono::milliseconds{500});
  CHECK(t.slots() == "ACTIVE " + a + ", FREE");
  t.heartbeat(a, 1);                                    // not silent after all
  t.pass(limit - std::chrono::milliseconds{500});
  CHECK(t.slots() == "ACTIVE " + a + ", FREE");
  t.pass(std::chrono::milliseconds{1500});
  CHECK(t.running() == 0);
  CHECK(t.slots() == "FREE, FREE");
}

TEST_CASE("a slot that is allocated and never used comes back after the slot timeout") {
  lone_task_manager t;
  t.allocate(a, 1, {"x"});
  t.pass(t.config().get(options::taskmanager_slot_timeout) + std::chrono::milliseconds{500});
  CHECK(t.slots() == "FREE, FREE");
}

TEST_CASE("nothing of a dispatcher that has been replaced is obeyed, nor what names no sender") {
  lone_task_manager t;
  const auto led_by = [&](const std::string& incarnation) {
    msg::RegisterNodeReply reply;
    reply.mutable_header()->set_incarnation(incarnation);
    caf::anon_send(t.manager(), atom::link_up_v, cluster_gateway_actor{}, reply);
    t.settle();
  };
  const std::string before = t.sender, after(32, 'e');
  led_by(before);
  CHECK(t.allocate(a, 1, {"x"}).slots_size() == 2);
  led_by(after);
  CHECK_THROWS_WITH(t.allocate(a, 1, {"y"}), Catch::Contains("no answer"));
  CHECK(t.slots() == "ALLOCATED " + a + ", FREE");
  t.sender = after;
  CHECK(t.allocate(a, 1, {"y"}).slots_size() == 2);
  led_by(after);                                      // the same again fences nobody
  CHECK(t.allocate(a, 1, {"x", "y"}).slots_size() == 2);
  t.sender = "";
  CHECK_THROWS_WITH(t.allocate(b, 1, {"z"}), Catch::Contains("no answer"));
}
