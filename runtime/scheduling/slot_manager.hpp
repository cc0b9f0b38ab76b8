#pragma once

#include "messages/cluster.pb.h"
#include "runtime/base/result.hpp"
#include "runtime/scheduling/placement_strategy.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace flott {

struct slot_request {
  std::string job_id;
  std::uint64_t epoch = 0;
  std::uint32_t count = 0;        ///< beyond the slots the job holds
  std::int32_t priority = 0;      ///< higher first
  msg::Address job_manager;       ///< whom the grant is told
};

/// What the RESOURCE MANAGER has to send, in the order given.
namespace slot_action {
/// One AllocateSlot; its answer goes to slot_manager::allocated() or allocation_failed().
struct allocate {
  std::string task_manager_id;
  msg::Address rpc;
  std::string job_id;
  std::uint64_t epoch = 0;
  std::vector<std::string> allocation_ids;
};
/// One FreeSlot; its answer goes to slot_manager::report().
struct free {
  std::string task_manager_id;
  msg::Address rpc;
  std::vector<std::string> allocation_ids;
};
/// One SlotsGranted. When it can't be delivered, call release() with its allocation ids.
struct grant {
  std::string job_id;
  std::uint64_t epoch = 0;
  msg::Address job_manager;
  std::vector<msg::SlotGrant> slots;
};
}  // namespace slot_action

using slot_action_variant = std::variant<slot_action::allocate, slot_action::free, slot_action::grant>;
using slot_actions = std::vector<slot_action_variant>;

struct planner_choice {
  std::string task_manager_id;
  msg::Address rpc;
};

/// The ResourceManager's view of all slots, and who waits for how many.
///
/// A slot is free, pending (an AllocateSlot is under way), held (its TaskManager said so) or freeing (a FreeSlot is
/// under way, or tasks in it are stopping). Messages to one TaskManager must arrive in the order of the actions.
/// Requests are granted all or nothing, by priority, then first come first served; one that exceeds what the job could
/// get from the whole cluster does not block those behind it. Nothing is durable: the TaskManagers' tables are the
/// truth. An allocation found there that is unknown here is adopted, unless its job has ended or has a higher epoch:
/// then it is freed.
class slot_manager {
 public:
  /// `new_allocation_id` makes 32 hex digits, never the same ones.
  slot_manager(std::unique_ptr<placement_strategy> placement, std::function<std::string()> new_allocation_id);

  /// A TaskManager registers, also again. Another incarnation under the same id replaces the former one, as if lost.
  /// Requires: rpc and data addresses; `node.slots` is its whole table.
  slot_actions register_task_manager(const msg::RegisterNode& node);
  /// Its table, from a heartbeat, from the answer to FreeSlot, or when it changed by itself. One from another
  /// incarnation or an unknown TaskManager is ignored.
  slot_actions report(const std::string& task_manager_id, const std::string& incarnation,
                      const google::protobuf::RepeatedPtrField<msg::SlotReport>& slots);
  /// The answer to AllocateSlot: whichever of `allocation_ids` the table holds are confirmed, the others have failed.
  slot_actions allocated(const std::string& task_manager_id, const std::string& incarnation,
                         const std::vector<std::string>& allocation_ids,
                         const google::protobuf::RepeatedPtrField<msg::SlotReport>& slots);
  /// AllocateSlot was not answered. Whether the slots are taken is unknown: they are freed, and others tried.
  slot_actions allocation_failed(const std::string& task_manager_id, const std::string& incarnation,
                                 const std::vector<std::string>& allocation_ids);
  slot_actions task_manager_lost(const std::string& task_manager_id, const std::string& incarnation);

  /// Replaces the job's waiting request of the same epoch (it keeps its place); one of a higher epoch frees all that
  /// lower ones hold. Errors: a stale epoch (permanent).
  result<slot_actions> request(const slot_request& request);
  /// Frees what the job holds in `epoch` or below: the ids named, or with none all, its requests included.
  slot_actions release(const std::string& job_id, std::uint64_t epoch, const std::vector<std::string>& allocation_ids);
  /// The job has ended: all it holds, in any epoch, is freed, also if it turns up later.
  slot_actions job_ended(const std::string& job_id);

  /// Any living TaskManager, in turn; those to avoid only when there is no other. Nothing: none lives.
  std::optional<planner_choice> pick_planner(const std::vector<std::string>& avoid);

  struct counts {
    std::uint32_t task_managers = 0;
    std::uint32_t slots = 0;
    std::uint32_t free = 0;
    std::uint32_t waiting_requests = 0;
    std::uint32_t waiting_slots = 0;
    bool operator==(const counts&) const = default;
  };
  [[nodiscard]] counts count() const;
  /// The table of one TaskManager as it is seen here; empty for an unknown one.
  [[nodiscard]] std::vector<msg::SlotReport> slots_of(const std::string& task_manager_id) const;
  /// Slots that `job_id` holds, confirmed or not.
  [[nodiscard]] std::uint32_t held_by(const std::string& job_id) const;

 private:
  enum class allocation_state { pending, held, freeing };
  struct allocation {
    allocation_state state = allocation_state::pending;
    bool active = false;                      // tasks run in it
    std::string job_id;
    std::uint64_t epoch = 0;
    std::uint64_t request = 0;                // the request it is pending for
  };
  // Which of its slots an allocation takes is the TaskManager's business: here they are counted.
  struct task_manager {
    msg::RegisterNode node;
    std::uint32_t total = 0;
    std::map<std::string, allocation> allocations;   // by id

    [[nodiscard]] std::uint32_t free() const {
      const auto used = static_cast<std::uint32_t>(allocations.size());
      return used < total ? total - used : 0;
    }
  };
  struct waiting_request {
    slot_request wanted;
    bool allocating = false;                  // its slots are pending; else it waits for free ones
    std::vector<msg::SlotGrant> confirmed;
    std::set<std::string> refused_by;         // TaskManagers, until one of their slots comes free
  };
  using queue_key = std::pair<std::int64_t, std::uint64_t>;   // -priority, arrival
  struct job_view {
    std::uint64_t epoch = 0;
    bool ended = false;
  };
  using table = google::protobuf::RepeatedPtrField<msg::SlotReport>;
  using filter = std::function<bool(const std::string& id, const allocation&)>;

  task_manager* find(const std::string& task_manager_id, const std::string& incarnation);
  void reconcile(slot_actions& out, task_manager& tm, const table& slots);
  void confirm(slot_actions& out, task_manager& tm, const std::string& id, allocation& a);
  void drop(slot_actions& out, const std::string& task_manager_id);
  void free_where(slot_actions& out, const filter& which);
  void take_back(slot_actions& out, std::uint64_t request);
  void slot_came_free(const std::string& task_manager_id);
  void schedule(slot_actions& out);
  void allocate(slot_actions& out, std::uint64_t sequence, waiting_request& request,
                const std::vector<placement_candidate>& candidates);
  [[nodiscard]] bool wanted(const msg::SlotReport& reported) const;
  [[nodiscard]] waiting_request* find_request(std::uint64_t sequence);
  void erase_requests(const std::string& job_id, std::uint64_t up_to_epoch);

  std::unique_ptr<placement_strategy> placement_;
  std::function<std::string()> new_allocation_id_;
  std::map<std::string, task_manager> task_managers_;
  std::map<queue_key, waiting_request> queue_;
  std::map<std::string, job_view> jobs_;
  std::deque<std::string> ended_order_;       // bounds the ended ones in jobs_
  std::uint64_t next_sequence_ = 1;
  std::string last_planner_;
};

}  // namespace flott
