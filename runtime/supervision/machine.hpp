#pragma once

#include "runtime/supervision/tree.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace flott::supervision {

/// Names a child for as long as its spec is kept; never used again.
using child_key = std::uint64_t;
/// Names a request, so that its answer finds it.
using request_token = std::uint64_t;

/// How a request to change the children ended.
enum class outcome : std::uint8_t {
  ok, declined, not_found, already_started, already_present, running, restarting, stopping, start_failed, bad_spec,
  terminated, by_handle_only,
};

/// How many children a supervisor has (OTP: count_children).
struct child_counts {
  std::size_t specs = 0;         ///< child specs; of a pool 1
  std::size_t active = 0;        ///< children that are starting, running or stopping
  std::size_t supervisors = 0;   ///< of all children, alive or not
  std::size_t workers = 0;
  bool operator==(const child_counts&) const = default;
};

/// Facts for logs, metrics and people.
enum class report_kind : std::uint8_t {
  child_started,         ///< as asked for
  child_restarted,       ///< by the supervisor, on its own; with the cause
  child_declined,
  child_start_failed,
  child_exited,          ///< by itself
  child_stopped,         ///< as asked for
  child_abandoned,       ///< did not end within its limit
  child_released,        ///< what an ended life still held was given back
  release_failed,        ///< or not: a release threw, or did not return in time
  supervisor_started,    ///< all static children are up
  restart_limit,         ///< the budget is used up; the supervisor ends
  auto_shutdown,         ///< its significant children have ended; the supervisor ends
  supervisor_ended,
};
[[nodiscard]] const char* to_string(report_kind x);

// --- actions -------------------------------------------------------------------------------------------------------

/// Begin this life of the child; answer with child_started, child_declined or child_start_failed.
struct start_child { child_key key; std::uint64_t incarnation; };
/// End it: ask, or kill. Answer with child_exited once it is down. A life that has ended meanwhile needs nothing.
struct stop_child { child_key key; std::uint64_t incarnation; bool kill; };
/// Stop waiting for it: whatever this life still says is to be refused.
struct abandon_child { child_key key; std::uint64_t incarnation; };
/// Nothing of the child is needed any more.
struct forget_child { child_key key; };
/// Call timer_fired at this time, or soon after. A timer that was armed before may fire as well; that is harmless.
struct arm_timer { time_point at; };
/// The answer to a request; `key` is the child's where there is one.
struct reply { request_token token; supervision::outcome outcome; child_key key; std::string text; };
struct report {
  report_kind kind;
  child_key key;                     ///< 0: about the supervisor
  std::string child;
  std::uint64_t incarnation;
  std::optional<restart_cause> cause;  // of a restart; of an end, whether it was a failure or an exit
  std::string text;
};
/// The supervisor has ended; the last action there is.
struct finished { exit_reason reason; };

using action = std::variant<start_child, stop_child, abandon_child, forget_child, arm_timer, reply, report, finished>;
using actions = std::vector<action>;

// --- the machine -----------------------------------------------------------------------------------------------------

/// One supervisor by OTP's rules, as a state machine: every member function below `events` takes one event and gives
/// the actions to carry out, in order.
///
///              start_child                child_started
///   stopped ─────────────────> starting ─────────────────> running ──────┐ child_exited
///      ^  ^                       │ child_start_failed          │        │
///      │  └── declined, ended     v                  stop_child │        v
///      │      for good       restarting <────────────────────── │ ── by policy, within the budget
///      │                          (timer, or its turn)          v
///      └──────────────────────────────────────────────────── stopping ── (ask, kill) ──> abandoned
///
/// Requires: specs that pass `validate`; `now` never goes back; events about a life carry the key and incarnation of
/// its start_child. Guarantees: events of another life are ignored; every request is answered once; `finished` comes
/// when no child lives or is waited for; an event costs O(log children), and a step for each child
/// that waits to be started.
class supervisor_machine {
 public:
  /// Gives numbers in [0, 1): the jitter of back-offs.
  using random_source = std::function<double()>;

  supervisor_machine(supervisor_options options, std::vector<child_options> children, random_source random);

  // events
  actions begin(time_point now);
  actions child_started(child_key key, std::uint64_t incarnation, time_point now);
  actions child_declined(child_key key, std::uint64_t incarnation, time_point now);
  actions child_start_failed(child_key key, std::uint64_t incarnation, std::string cause, time_point now);
  actions child_exited(child_key key, std::uint64_t incarnation, exit_reason reason, time_point now);
  actions timer_fired(time_point now);
  actions stop(exit_reason why, time_point now);

  /// Not for pools.
  actions add_child(child_options child, request_token token, time_point now);
  /// Only for pools: one child more, of the pool's spec. Its id is its key.
  actions add_to_pool(request_token token, time_point now);
  /// Children of a pool are ended by key only; restarted or deleted on request they are not.
  actions terminate_child(const std::string& id, request_token token, time_point now);
  actions terminate_child(child_key key, request_token token, time_point now);
  actions restart_child(const std::string& id, request_token token, time_point now);
  actions delete_child(const std::string& id, request_token token, time_point now);

  /// Other specs from now on (OTP: code_change). All or nothing: an error changes nothing. Starts and stops nobody: a
  /// new child is there, stopped, after the others; one without a spec goes on as it was; changed values count from
  /// the next time they are needed. A pool stays a pool.
  result<void> change(supervisor_options options, std::vector<child_options> children);

  // what it looks like; children in the order of their start
  /// Shows each child in the node that `where` gives for it; its id is appended to `path`.
  void show_children(time_point now, const std::function<tree_node&(child_key)>& where) const;
  /// `path` is the bare id.
  [[nodiscard]] std::vector<std::pair<child_key, tree_node>> children(time_point now) const;
  [[nodiscard]] std::optional<child_key> find(const std::string& id) const;
  [[nodiscard]] child_state state() const;
  [[nodiscard]] std::uint64_t abandoned() const { return abandoned_; }
  [[nodiscard]] std::size_t size() const { return children_.size(); }
  /// Children that are starting, running or stopping.
  [[nodiscard]] std::size_t active() const { return alive_; }
  [[nodiscard]] child_counts counts() const;

 private:
  /// Who wanted the start that is pending or under way; decides what its failure means.
  enum class origin : std::uint8_t { boot, added, manual, restart };

  struct child {
    child_options options;
    child_key key = 0;
    child_state state = child_state::stopped;
    origin start_origin = origin::boot;
    restart_cause cause = restart_cause::exit;     // of the restart that is pending or under way
    std::uint64_t incarnation = 0;
    unsigned failures_in_a_row = 0;
    time_point up_since{};
    std::optional<time_point> wait_until;          // not started before; reset by the timer
    std::optional<time_point> timer;               // its entry in timers_
    bool killed = false;
    bool start_timed_out = false;
    std::optional<request_token> start_token;
    std::vector<request_token> stop_tokens;
    restart_counts restarts{};
    std::uint64_t abandoned = 0;
    std::string last_failure;

    [[nodiscard]] bool alive() const {
      return state == child_state::starting || state == child_state::running || state == child_state::stopping;
    }
  };

  [[nodiscard]] bool is_pool() const { return options_.strategy == strategy::pool; }
  /// Its spec goes with it.
  [[nodiscard]] bool leaves_nothing(const child& c) const {
    return c.options.restart == restart_policy::temporary || is_pool();
  }
  child& insert(child_options options, origin from);
  child* of_life(child_key key, std::uint64_t incarnation);
  child* by_id(const std::string& id);
  void terminate(child& c, request_token token, time_point now);
  void remove(child& c);

  void request_start(child& c, origin from);
  void cancel_start(child& c, outcome why);
  void issue_start(child& c, time_point now);
  void issue_stop(child& c, time_point now);
  void deadline_passed(child& c, time_point now);
  void came_up(child& c, time_point now);
  void gone(child& c);
  void went_down(child& c, const exit_reason& reason, time_point now);
  void start_failed(child& c, const std::string& cause, time_point now);
  void incident(child& c, restart_cause cause, time_point now);
  void take_along(child& c, std::optional<time_point> wait_until);
  void wait_is_over(child& c, time_point now);
  [[nodiscard]] bool ordered() const;              // starts follow one another
  bool within_budget(time_point now);
  void ended_for_good(const child& c);
  void begin_stop(exit_reason why);

  void drive(time_point now);
  void drive_stops(time_point now);
  void drive_starts(time_point now);

  void set_timer(child& c, time_point at);
  void clear_timer(child& c);
  void answer(request_token token, outcome how, child_key key = 0, std::string text = {});
  void tell(report_kind kind, const child& c, std::string text = {}, std::optional<restart_cause> cause = {});
  actions take();

  supervisor_options options_;
  child_options pool_spec_;
  random_source random_;
  std::map<child_key, child> children_;            // by key, which is the order of start
  std::map<std::string, child_key> ids_;
  std::set<child_key> to_stop_, to_start_;
  std::set<child_key> idle_;                       // of to_start_: neither alive nor waiting for a timer
  std::set<std::pair<time_point, child_key>> timers_;
  std::optional<time_point> armed_;
  std::deque<time_point> restarts_;                // within the period
  std::size_t alive_ = 0;
  std::uint64_t abandoned_ = 0;
  child_key next_key_ = 1;
  bool booting_ = true, stopping_ = false, all_asked_ = false, finished_ = false;
  exit_reason end_reason_;
  actions out_;
};

}  // namespace flott::supervision
