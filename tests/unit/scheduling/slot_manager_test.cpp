#include "runtime/scheduling/slot_manager.hpp"

#include <catch2/catch.hpp>

using namespace flott;

namespace {

slot_manager make_manager() {
  return slot_manager(evenly_spread_placement(), [n = 0]() mutable { return "alloc-" + std::to_string(n++); });
}

msg::RegisterNode node(const std::string& id, std::uint32_t slots, const std::string& incarnation = "i1") {
  msg::RegisterNode n;
  n.set_node_id(id);
  n.mutable_header()->set_incarnation(incarnation);
  n.mutable_rpc()->set_host(id);
  for (std::uint32_t i = 0; i < slots; ++i)
    n.add_slots()->set_state(msg::SLOT_STATE_FREE);
  return n;
}

slot_request want(const std::string& job, std::uint32_t count, std::uint64_t epoch = 1, std::int32_t priority = 0) {
  return {job, epoch, count, priority, {}};
}

template <class T>
std::vector<T> of(const slot_actions& actions) {
  std::vector<T> all;
  for (const auto& a : actions)
    if (const auto* t = std::get_if<T>(&a))
      all.push_back(*t);
  return all;
}

// A table as a TaskManager that holds these allocations for `job` would send it.
google::protobuf::RepeatedPtrField<msg::SlotReport> table(std::uint32_t slots, const std::vector<std::string>& ids,
                                                          const std::string& job = "a", std::uint64_t epoch = 1,
                                                          msg::SlotState state = msg::SLOT_STATE_ALLOCATED) {
  google::protobuf::RepeatedPtrField<msg::SlotReport> t;
  for (std::uint32_t i = 0; i < slots; ++i) {
    auto& r = *t.Add();
    r.set_index(i);
    r.set_state(msg::SLOT_STATE_FREE);
    if (i < ids.size()) {
      r.set_state(state);
      r.set_allocation_id(ids[i]);
      r.set_job_id(job);
      r.set_epoch(epoch);
    }
  }
  return t;
}

slot_actions answer(slot_manager& m, const slot_action::allocate& a, std::uint32_t slots) {
  return m.allocated(a.task_manager_id, "i1", a.allocation_ids, table(slots, a.allocation_ids, a.job_id, a.epoch));
}

}  // namespace

TEST_CASE("slots are spread evenly and granted once all are confirmed") {
  auto m = make_manager();
  m.register_task_manager(node("tm1", 2));
  m.register_task_manager(node("tm2", 2));
  const auto allocations = of<slot_action::allocate>(*m.request(want("a", 2)));
  REQUIRE(allocations.size() == 2);
  CHECK(allocations[0].task_manager_id == "tm1");
  CHECK(allocations[1].task_manager_id == "tm2");
  CHECK(m.count().free == 2);
  CHECK(of<slot_action::grant>(answer(m, allocations[0], 2)).empty());
  const auto grants = of<slot_action::grant>(answer(m, allocations[1], 2));
  REQUIRE(grants.size() == 1);
  CHECK(grants[0].job_id == "a");
  CHECK(grants[0].slots.size() == 2);
  CHECK(m.count() == slot_manager::counts{2, 4, 2, 0, 0});
  CHECK(m.held_by("a") == 2);
}

TEST_CASE("requests wait by priority, then in their order, all or nothing") {
  auto m = make_manager();
  m.register_task_manager(node("tm", 3));
  const auto first = of<slot_action::allocate>(*m.request(want("a", 2)));
  answer(m, first[0], 3);
  CHECK(m.request(want("b", 2))->empty());
  CHECK(m.request(want("c", 1))->empty());   // one is free, but b came first
  CHECK(m.request(want("d", 3, 1, 5))->empty());
  CHECK(m.count().waiting_slots == 6);
  const auto freed = of<slot_action::free>(m.release("a", 1, {}));
  REQUIRE(freed.size() == 1);
  CHECK(freed[0].allocation_ids.size() == 2);
  const auto next = of<slot_action::allocate>(m.report("tm", "i1", table(3, {})));
  REQUIRE(next.size() == 1);
  CHECK(next[0].job_id == "d");
}

TEST_CASE("a request beyond the whole cluster blocks nobody") {
  auto m = make_manager();
  m.register_task_manager(node("tm", 2));
  CHECK(m.request(want("huge", 5))->empty());
  CHECK(of<slot_action::allocate>(*m.request(want("small", 1))).size() == 1);
  CHECK(of<slot_action::allocate>(m.register_task_manager(node("tm2", 4))).size() == 2);   // now there are enough
}

TEST_CASE("a lost TaskManager's pending slots are taken elsewhere") {
  auto m = make_manager();
  m.register_task_manager(node("tm1", 2));
  m.register_task_manager(node("tm2", 2));
  auto allocations = of<slot_action::allocate>(*m.request(want("a", 2)));
  answer(m, allocations[0], 2);
  const auto after = m.task_manager_lost("tm2", "i1");
  CHECK(of<slot_action::free>(after).size() == 1);   // the confirmed half goes back
  CHECK(m.count().waiting_requests == 1);
  const auto again = of<slot_action::allocate>(m.report("tm1", "i1", table(2, {})));
  REQUIRE(again.size() == 1);
  CHECK(again[0].allocation_ids.size() == 2);
  CHECK(m.task_manager_lost("tm1", "another life").empty());
}

TEST_CASE("a refused allocation is tried on another TaskManager, and not again there before a slot comes free") {
  auto m = make_manager();
  m.register_task_manager(node("tm1", 1));
  m.register_task_manager(node("tm2", 1));
  const auto first = of<slot_action::allocate>(*m.request(want("a", 1)));
  CHECK(first[0].task_manager_id == "tm1");
  const auto second = of<slot_action::allocate>(m.allocated("tm1", "i1", first[0].allocation_ids, table(1, {})));
  REQUIRE(second.size() == 1);
  CHECK(second[0].task_manager_id == "tm2");
  CHECK(of<slot_action::allocate>(m.allocated("tm2", "i1", second[0].allocation_ids, table(1, {}))).empty());
  CHECK(of<slot_action::allocate>(m.report("tm1", "i1", table(1, {}))).empty());
  CHECK(of<slot_action::allocate>(m.register_task_manager(node("tm1", 1, "i2"))).size() == 1);
}

TEST_CASE("a heartbeat that was under way does not undo an allocation") {
  auto m = make_manager();
  m.register_task_manager(node("tm", 1));
  const auto a = of<slot_action::allocate>(*m.request(want("a", 1)));
  CHECK(m.report("tm", "i1", table(1, {})).empty());
  CHECK(of<slot_action::grant>(answer(m, a[0], 1)).size() == 1);
  CHECK(m.report("tm", "old life", table(1, {})).empty());
  CHECK(m.held_by("a") == 1);
  m.report("tm", "i1", table(1, {}));   // now the TaskManager has freed it by itself
  CHECK(m.held_by("a") == 0);
}

TEST_CASE("a higher epoch takes over, a stale one is refused") {
  auto m = make_manager();
  m.register_task_manager(node("tm", 2));
  answer(m, of<slot_action::allocate>(*m.request(want("a", 1)))[0], 2);
  const auto actions = *m.request(want("a", 1, 2));
  REQUIRE(of<slot_action::free>(actions).size() == 1);
  CHECK(of<slot_action::free>(actions)[0].allocation_ids == std::vector<std::string>{"alloc-0"});
  CHECK(of<slot_action::allocate>(actions)[0].epoch == 2);
  CHECK(m.request(want("a", 1, 1)).error().cls == failure_class::permanent);
  CHECK(m.release("a", 1, {}).empty());   // of the former epoch: touches nothing of the new one
  CHECK(m.held_by("a") == 1);
}

TEST_CASE("after a restart the tables are believed, but not those of ended jobs") {
  auto m = make_manager();
  m.job_ended("over");
  auto n = node("tm", 0);
  *n.mutable_slots() = table(3, {"x"}, "running", 4);
  n.mutable_slots(1)->set_state(msg::SLOT_STATE_ACTIVE);
  n.mutable_slots(1)->set_allocation_id("y");
  n.mutable_slots(1)->set_job_id("over");
  const auto actions = m.register_task_manager(n);
  REQUIRE(of<slot_action::free>(actions).size() == 1);
  CHECK(of<slot_action::free>(actions)[0].allocation_ids == std::vector<std::string>{"y"});
  CHECK(m.held_by("running") == 1);
  CHECK(m.count().free == 1);
  CHECK(m.request(want("running", 1, 3)).error().cls == failure_class::permanent);
  CHECK(m.request(want("over", 1)).error().cls == failure_class::permanent);
}

TEST_CASE("asking again replaces what waits and keeps its place") {
  auto m = make_manager();
  m.register_task_manager(node("tm", 2));
  answer(m, of<slot_action::allocate>(*m.request(want("a", 2)))[0], 2);
  CHECK(m.request(want("b", 2))->empty());
  CHECK(m.request(want("c", 1))->empty());
  CHECK(m.request(want("b", 1))->empty());
  CHECK(m.count().waiting_requests == 2);
  m.release("a", 1, {"alloc-0"});
  const auto next = of<slot_action::allocate>(m.report("tm", "i1", table(2, {"alloc-1"})));
  REQUIRE(next.size() == 1);
  CHECK(next[0].job_id == "b");
}

TEST_CASE("planners take turns, those to avoid only when there is no other") {
  auto m = make_manager();
  CHECK_FALSE(m.pick_planner({}));
  for (const auto* id : {"tm1", "tm2", "tm3"})
    m.register_task_manager(node(id, 1));
  CHECK(m.pick_planner({})->task_manager_id == "tm1");
  CHECK(m.pick_planner({})->task_manager_id == "tm2");
  CHECK(m.pick_planner({"tm3"})->task_manager_id == "tm1");
  CHECK(m.pick_planner({"tm1", "tm2", "tm3"})->task_manager_id == "tm2");
}

TEST_CASE("even spreading goes by the used share") {
  const auto placement = evenly_spread_placement();
  const std::vector<placement_candidate> candidates{{"a", 1, 2}, {"b", 3, 4}, {"c", 4, 4}};
  CHECK(placement->place(candidates, 4) == std::vector<std::size_t>{2, 1, 2, 1});
  CHECK(placement->place(candidates, 8).size() == 8);
}
