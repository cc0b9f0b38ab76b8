#pragma once

#include "actors/supervisor.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

/// Parts of `run_hierarchy`: who lives where, what happens in which order, and the invariants over it.
namespace flott::testing::hierarchy_parts {

struct member;

/// One life of a leaf. Moments are positions in the log; 0: not yet.
struct life {
  member* of = nullptr;
  std::uint64_t incarnation = 0;
  std::uint64_t began = 0, ended = 0, abandoned = 0;
  bool was_stuck = false;                ///< it was frozen for a time
  std::shared_ptr<supervision::ledger> ledger;
  caf::weak_actor_ptr handle;
  [[nodiscard]] bool counts() const { return began > 0 && ended == 0 && abandoned == 0; }
};
using life_ptr = std::shared_ptr<life>;

/// A place in the tree: a leaf, or a supervisor with what is below.
struct member {
  std::string path;
  member* parent = nullptr;
  std::uint64_t order = 0;               ///< among its siblings, as their supervisor starts them
  std::uint64_t first_order = 0;         ///< the same, in a new life of their supervisor
  std::map<std::string, member*> below;
  // a leaf
  life_ptr latest;
  // a supervisor
  bool supervisor = false;
  supervisor_spec* spec = nullptr;       ///< as it is in force
  std::shared_ptr<const supervisor_spec> original;   ///< what it is started with; null: the root
  std::uint64_t spec_changed = 0;        ///< moment
  bool between = false;                  ///< its strategy was changed in the middle of an incident, which goes on by the old one
  std::vector<supervision::time_point> incidents;
  child_ref_ptr ref;                     ///< of a supervisor; null: the root's
  // both
  std::uint64_t last_end = 0, checked_end = 0;
  supervision::time_point failed_at{};
  bool manual = false;                   ///< its next start was asked for
};

/// A message that an actor of the hierarchy sends another, with its sender's life and its moment.
struct word {
  life_ptr from;                         ///< null: from outside
  std::uint64_t sent = 0;
  std::string order;                     ///< what to do: "throw", "error", "quit"; empty: nothing
};

class chronicle final : public supervision_observer {
 public:
  using clock = std::function<supervision::time_point()>;
  /// Whether a life is stuck at this moment.
  using stuck_predicate = std::function<bool(const life&)>;
  chronicle(clock now, stuck_predicate stuck) : now_(std::move(now)), stuck_(std::move(stuck)) {}

  std::uint64_t note(std::string what);
  void fail(std::string what);

  member& at(const std::string& path);
  [[nodiscard]] const std::map<std::string, member>& members() const { return members_; }

  /// `start` as a factory whose lives are watched.
  [[nodiscard]] child_factory watch(child_factory start);
  void on_event(const supervision_event& event) override;
  /// The tree that supervisors show is who lives. Requires that everybody has come to rest.
  void compare(const supervision::tree_node& shown);
  /// Something was booked on a ledger (+1), or released (-1).
  void booked(int by) { held_ += by; }
  [[nodiscard]] std::int64_t held() const { return held_; }

  std::vector<std::string> failures, log;
  std::vector<life_ptr> given_up;        ///< abandoned, in order
  std::size_t lives = 0, restarts = 0, abandoned = 0;

 private:
  life_ptr begins(const child_context& context);
  void ends(life& of, const std::string& how);
  void handles(const life& by, const caf::type_erased_tuple* message);
  void check_groups(member& starting);
  void check_group(const member& group, member& starting);
  void check_ended(const member& supervisor);
  /// What its children did under its last life means nothing for the next one.
  static void begin_anew(member& supervisor);
  void count_incident(member& supervisor, const member& child);
  void compare_below(const supervision::tree_node& shown, std::size_t& living);

  clock now_;
  stuck_predicate stuck_;
  std::map<std::string, member> members_;
  std::int64_t held_ = 0;
};

}  // namespace flott::testing::hierarchy_parts

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::testing::hierarchy_parts::word)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::testing::hierarchy_parts::life_ptr)
