#pragma once

#include "actors/supervisor/actor.hpp"

/// What the files of SUPERVISOR share.
namespace flott::supervisor_parts {

using supervision::child_key;

struct live_child {
  child_spec spec;
  caf::strong_actor_ptr handle;      // of the life that is waited for
  caf::message arguments;            // of a pool's child
  caf::message extra;                // what its factory gave besides
  std::uint64_t incarnation = 0;
  actor_vitals_ptr vitals;           // of the life that began last
  std::shared_ptr<actor_group> group;   // where they count
  std::shared_ptr<supervision::ledger> ledger;
  std::shared_ptr<orphanage> orphans;  // of a supervisor
  bool releasing = false;            // what its last life held is being given back
  std::optional<supervision::start_child> start_when_released;
};

/// What metrics call it: a kind, never a single actor.
[[nodiscard]] inline const std::string& class_of(const child_spec& spec) { return spec.child_class.empty() ? spec.id : spec.child_class; }

/// A ledger that is being closed elsewhere, and what follows.
struct closing_ledger {
  child_key key = 0;
  std::string child, child_class;
  std::uint64_t incarnation = 0;
  std::shared_ptr<supervision::ledger> ledger;
  std::function<void()> then;
};

/// Orphans that are waited for, and what follows with what they held.
struct mourning {
  child_key key = 0;
  std::map<caf::actor_addr, orphanage::orphan> waiting;
  std::vector<std::shared_ptr<supervision::ledger>> ledgers;
  std::function<void(std::vector<std::shared_ptr<supervision::ledger>>)> then;
};

struct supervisor_state {
  supervisor_state() {}                             // NOLINT: an aggregate state would take CAF's arguments
  ~supervisor_state();

  supervisor_config config;
  std::optional<supervision::supervisor_machine> machine;
  std::map<child_key, live_child> children;
  std::map<caf::actor_addr, child_key> keys;        // of living children
  std::map<std::uint64_t, closing_ledger> closing;
  std::map<std::uint64_t, mourning> mournings;
  std::map<supervision::request_token, caf::typed_response_promise<child_handle>> requests;
  std::vector<caf::typed_response_promise<supervisor_end>> stop_requests;
  std::deque<supervision::action> queue;
  supervision::actions last_actions;                // its end, which waits for the ledgers that are being closed
  std::mt19937_64 random;
  std::map<std::string, std::shared_ptr<actor_group>> groups;   // of the board, by class
  supervision::request_token last_token = 0;
  std::uint64_t last_closing = 0;
  std::shared_ptr<std::atomic<int>> log_level = std::make_shared<std::atomic<int>>(-1);
  bool executing = false, ended = false;
  static inline const char* name = "supervisor";
};

using self_ptr = supervisor_actor::stateful_pointer<supervisor_state>;

/// Past whatever is in its mailbox.
void kill(const caf::strong_actor_ptr& life, caf::actor_addr by = nullptr);
/// Carries out actions in order; what an action brings about at once comes after those already decided.
void execute(self_ptr self, supervision::actions actions);
/// Whether the process goes on beside it; if not, it does not come back, unless the host lets it.
void weigh_abandoned(const supervision_scope& scope, const supervision_event& about, std::optional<when_abandoned> own);
/// The numbers of the child's last life are as they will stay.
void leave_group(live_child& child);
void on_down(self_ptr self, const caf::down_msg& down);
/// What a ledger held has been given back, or its time is over: what waited for it goes on.
void released(self_ptr self, std::uint64_t number, const supervision::ledger::closing* how);

/// Calls `then` when all of them, and whom they leave in turn, have ended, or `kill_grace` has passed.
void await_orphans(self_ptr self, child_key of, std::vector<orphanage::orphan> left,
                   std::function<void(std::vector<std::shared_ptr<supervision::ledger>>)> then);
void orphan_ended(self_ptr self, const caf::actor_addr& who);
void orphans_late(self_ptr self, std::uint64_t number);
/// Nobody waits for this child any more, nor for those whom it left.
void orphans_given_up(self_ptr self, child_key of);

// requests, and the answer to those that wait for something
void answer(self_ptr self, const supervision::reply& what);
using child_promise = caf::typed_response_promise<child_handle>;
child_promise add_child(self_ptr self, const child_spec& spec);
child_promise add_to_pool(self_ptr self, const caf::message& arguments);
child_promise terminate(self_ptr self, const std::string& id);
child_promise terminate(self_ptr self, const caf::strong_actor_ptr& handle);
child_promise restart(self_ptr self, const std::string& id);
child_promise remove(self_ptr self, const std::string& id);
caf::result<child_handle> find(self_ptr self, const std::string& id);
caf::result<child_spec> spec_of(self_ptr self, const get_spec_request& asked);
caf::result<supervision::child_counts> change_spec(self_ptr self, const supervisor_spec& spec);
caf::result<caf::ok_atom> set_log_level(self_ptr self, const log_level_request& asked);

// what it looks like
[[nodiscard]] caf::typed_response_promise<supervision::tree_node_ptr> answer_tree(self_ptr self,
                                                                                  supervision::milliseconds budget);
[[nodiscard]] child_list list_children(self_ptr self);

}  // namespace flott::supervisor_parts
