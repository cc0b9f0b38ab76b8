// The ResourceManager's slot manager against the TaskManagers' slot tables, with messages under way between them,
// lost answers, dying TaskManagers and a restarting ResourceManager, in any order.
#include "runtime/scheduling/slot_manager.hpp"
#include "runtime/scheduling/slot_table.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

#include <deque>
#include <map>
#include <set>

using namespace flott;

namespace {

constexpr std::uint32_t slots_each = 2;
constexpr std::size_t task_managers = 3;
constexpr int jobs = 4;

struct message {
  bool allocate = false;
  std::string job;
  std::uint64_t epoch = 0;
  std::vector<std::string> ids;
  google::protobuf::RepeatedPtrField<msg::SlotReport> table;   // of an answer
};

struct fake_task_manager {
  std::string id;
  int life = 1;
  slot_table table{{slots_each, std::chrono::hours{1}, std::chrono::hours{1}}};
  std::deque<message> in, out;

  [[nodiscard]] std::string incarnation() const { return id + "-" + std::to_string(life); }
};

class world {
 public:
  world() {
    for (std::size_t i = 0; i < task_managers; ++i)
      tms_.push_back({"tm" + std::to_string(i), 1, slot_table{{slots_each, std::chrono::hours{1}, std::chrono::hours{1}}}, {}, {}});
    restart_manager();
  }

  void step(std::uint32_t dice) {
    auto& tm = tms_[dice / 16 % task_managers];
    const auto job = "job" + std::to_string(dice / 64 % jobs);
    switch (dice % 16) {
      case 0: case 1: case 2: case 3: return to_task_manager(tm);
      case 4: case 5: case 6: case 7: return to_manager(tm);
      case 8: return heartbeat(tm);
      case 9: case 10: return request(job, 1 + dice / 256 % 4, static_cast<std::int32_t>(dice / 1024 % 2));
      case 11: case 12: return release(job);
      case 13: return new_epoch(job);
      case 14:
        if (dice / 256 % 2 == 0)
          return lose(tm);
        return lose_answer(tm);
      default:
        if (dice / 256 % 4 == 0)
          restart_manager();
    }
  }

  // Nothing new happens: messages arrive, jobs that got slots give them back.
  void settle() {
    for (int round = 0; round < 100; ++round) {
      for (auto& tm : tms_) {
        while (!tm.in.empty())
          to_task_manager(tm);
        heartbeat(tm);
        while (!tm.out.empty())
          to_manager(tm);
      }
      for (const auto& [job, slots] : std::map(granted_))
        give_back(job, slots);
      if (round % 10 == 9)
        expire();
    }
    RC_ASSERT(manager_->count().waiting_requests == 0U);
    for (int j = 0; j < jobs; ++j)
      run(manager_->job_ended("job" + std::to_string(j)));
    for (int round = 0; round < 3; ++round)
      for (auto& tm : tms_) {
        while (!tm.in.empty())
          to_task_manager(tm);
        heartbeat(tm);
        while (!tm.out.empty())
          to_manager(tm);
      }
    for (const auto& tm : tms_)
      RC_ASSERT(tm.table.free_slots() == slots_each);
    RC_ASSERT(manager_->count().free == slots_each * task_managers);
  }

 private:
  void run(const slot_actions& actions) {
    for (const auto& action : actions) {
      if (const auto* a = std::get_if<slot_action::allocate>(&action))
        find(a->task_manager_id).in.push_back({true, a->job_id, a->epoch, a->allocation_ids, {}});
      else if (const auto* f = std::get_if<slot_action::free>(&action))
        find(f->task_manager_id).in.push_back({false, {}, 0, f->allocation_ids, {}});
      else
        take(std::get<slot_action::grant>(action));
    }
    const auto count = manager_->count();
    RC_ASSERT(count.free <= count.slots);
  }

  void take(const slot_action::grant& grant) {
    RC_ASSERT(grant.epoch == epochs_[grant.job_id]);
    RC_ASSERT(grant.slots.size() == wanted_[grant.job_id]);   // all or nothing
    wanted_[grant.job_id] = 0;
    for (const auto& slot : grant.slots) {
      RC_ASSERT(ever_granted_.insert(slot.allocation_id()).second);   // no slot is granted twice
      auto& tm = find(slot.task_manager_id());
      granted_[grant.job_id].emplace(slot.allocation_id(), tm.incarnation());
      RC_ASSERT(slot.task_manager_incarnation() == tm.incarnation());
    }
    std::map<std::string, std::uint32_t> per_task_manager;
    for (const auto& [job, ids] : granted_)
      for (const auto& [id, incarnation] : ids)
        RC_ASSERT(++per_task_manager[incarnation] <= slots_each);
  }

  void to_task_manager(fake_task_manager& tm) {
    if (tm.in.empty())
      return;
    auto m = std::move(tm.in.front());
    tm.in.pop_front();
    if (m.allocate)
      (void)tm.table.allocate(m.job, m.epoch, m.ids, {});
    else
      tm.table.free(m.ids);
    m.table = table_of(tm);
    tm.out.push_back(std::move(m));
  }

  void to_manager(fake_task_manager& tm) {
    if (tm.out.empty())
      return;
    const auto m = std::move(tm.out.front());
    tm.out.pop_front();
    run(m.allocate ? manager_->allocated(tm.id, tm.incarnation(), m.ids, m.table)
                   : manager_->report(tm.id, tm.incarnation(), m.table));
  }

  void heartbeat(fake_task_manager& tm) { tm.out.push_back({false, {}, 0, {}, table_of(tm)}); }

  void request(const std::string& job, std::uint32_t count, std::int32_t priority) {
    auto& epoch = epochs_[job];
    epoch = std::max<std::uint64_t>(epoch, 1);
    if (granted_[job].size() + count > slots_each * task_managers)
      return;
    wanted_[job] = count;
    auto actions = manager_->request({job, epoch, count, priority, {}});
    RC_ASSERT(actions.ok());
    run(*actions);
  }

  void release(const std::string& job) {
    granted_[job].clear();
    wanted_[job] = 0;
    run(manager_->release(job, epochs_[job], {}));
  }

  void give_back(const std::string& job, const std::map<std::string, std::string>& slots) {
    std::vector<std::string> ids;
    for (const auto& [id, incarnation] : slots)
      ids.push_back(id);
    granted_.erase(job);
    if (!ids.empty())
      run(manager_->release(job, epochs_[job], ids));
  }

  // Allocations of which a restarted ResourceManager never heard are freed by taskmanager.slot.timeout.
  void expire() {
    for (auto& tm : tms_)
      (void)tm.table.expire(slot_table::time_point{} + std::chrono::hours{24});
  }

  void new_epoch(const std::string& job) {
    granted_[job].clear();
    ++epochs_[job];
    request(job, 1, 0);
  }

  void lose(fake_task_manager& tm) {
    forget_slots_of(tm.incarnation());
    const auto former = tm.incarnation();
    tm.in.clear();
    tm.out.clear();
    ++tm.life;
    tm.table = slot_table{{slots_each, std::chrono::hours{1}, std::chrono::hours{1}}};
    if (tm.life % 2 == 0)
      run(manager_->task_manager_lost(tm.id, former));   // else the new life registers before the old one was missed
    run(manager_->register_task_manager(node_of(tm)));
  }

  // The connection broke with an AllocateSlot or its answer under way; what followed on it is lost as well.
  void lose_answer(fake_task_manager& tm) {
    std::vector<std::string> ids;
    for (auto* queue : {&tm.in, &tm.out}) {
      for (const auto& m : *queue)
        if (m.allocate)
          ids.insert(ids.end(), m.ids.begin(), m.ids.end());
      queue->clear();
    }
    run(manager_->allocation_failed(tm.id, tm.incarnation(), ids));
  }

  void restart_manager() {
    manager_ = std::make_unique<slot_manager>(evenly_spread_placement(),
                                              [this] { return "alloc-" + std::to_string(next_id_++); });
    for (auto& tm : tms_) {
      tm.in.clear();
      tm.out.clear();
      run(manager_->register_task_manager(node_of(tm)));
    }
    for (int j = 0; j < jobs; ++j) {
      const auto job = "job" + std::to_string(j);
      if (const auto count = wanted_[job]; count > 0)
        request(job, count, 0);
    }
  }

  void forget_slots_of(const std::string& incarnation) {
    for (auto& [job, ids] : granted_)
      std::erase_if(ids, [&](const auto& slot) { return slot.second == incarnation; });
  }

  static google::protobuf::RepeatedPtrField<msg::SlotReport> table_of(const fake_task_manager& tm) {
    const auto report = tm.table.report();
    return {report.begin(), report.end()};
  }

  static msg::RegisterNode node_of(const fake_task_manager& tm) {
    msg::RegisterNode node;
    node.set_node_id(tm.id);
    node.mutable_header()->set_incarnation(tm.incarnation());
    *node.mutable_slots() = table_of(tm);
    return node;
  }

  fake_task_manager& find(const std::string& id) {
    for (auto& tm : tms_)
      if (tm.id == id)
        return tm;
    throw std::logic_error("a message to an unknown TaskManager " + id);
  }

  std::vector<fake_task_manager> tms_;
  std::unique_ptr<slot_manager> manager_;
  std::map<std::string, std::uint64_t> epochs_;
  std::map<std::string, std::uint32_t> wanted_;
  std::map<std::string, std::map<std::string, std::string>> granted_;   // job -> allocation -> incarnation
  std::set<std::string> ever_granted_;
  int next_id_ = 0;
};

}  // namespace

TEST_CASE("no slot is granted twice, none is lost, grants are whole, whatever happens in whatever order") {
  CHECK(rc::check([](const std::vector<std::uint32_t>& script) {
    world w;
    for (const auto dice : script)
      w.step(dice * 2654435761U >> 8);
    w.settle();
  }));
}
