#pragma once

#include "runtime/supervision/spec.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace flott::supervision {

/// What a child is doing.
enum class child_state : std::uint8_t {
  stopped,      ///< its spec is kept, nothing runs: it declined, ended for good, or was terminated
  starting,
  running,
  restarting,   ///< waits for its turn or for its back-off
  stopping,     ///< was asked to end and has not ended
  abandoned,    ///< did not end within its limit and is no longer waited for
};
[[nodiscard]] const char* to_string(child_state x);

using restart_counts = std::array<std::uint64_t, restart_cause_count>;   // by restart_cause

/// What an actor's counters show, read without asking it; not all of one instant.
struct vitals {
  std::uint64_t handled = 0;                           ///< messages, of this incarnation
  std::uint64_t waiting = 0, waiting_bytes = 0;        ///< in the mailbox; bytes where its limits have a size
  std::uint64_t oldest_ms = 0;                         ///< for at least so long has the oldest of them been waiting
  std::uint64_t busy_ms = 0;                           ///< in handlers, of this incarnation
  std::uint64_t in_handler_ms = 0;                     ///< how long it has been busy without a pause; 0: it is idle
  std::string handling;                                ///< the message it handles: a type, or an atom
  bool operator==(const vitals&) const = default;
};

/// One actor in the live tree. Numbers that cannot be read without asking the actor itself are absent.
struct tree_node {
  std::string path;                                    ///< "/node/task_manager/tasks"
  std::string child_class;                             ///< what metrics call it: a kind, never a single actor; empty: its id
  child_kind kind = child_kind::worker;
  child_state state = child_state::running;
  std::optional<milliseconds> restart_in;              ///< while it waits for its back-off
  std::uint64_t incarnation = 0;                       ///< 1 is the first life
  restart_counts restarts{};
  std::uint64_t abandoned = 0;                         ///< lives given up while still in a handler; of the root: in the whole tree
  std::string last_failure;                            ///< empty: none so far
  std::optional<supervision::vitals> vitals;           ///< of children that were spawned under supervision
  std::vector<std::string> ledger;                     ///< what this incarnation holds, as booked
  /// A supervisor that did not answer in time: what is shown is what its parent knows.
  bool unanswered = false;
  std::vector<std::shared_ptr<const tree_node>> children;   ///< in the order of their start
};
using tree_node_ptr = std::shared_ptr<const tree_node>;

/// {path, class, kind, state, restart_in_ms, incarnation, restarts: {total, cause: n}, abandoned, last_failure, mailbox: {length,
/// bytes, oldest_ms}?, handled?, busy_ms?, in_handler_ms?, handling?, ledger: {size, entries}, unanswered?, children?};
/// `restart_in_ms` and `last_failure` are null where there is none, `children` is there for supervisors, at most the first
/// 16 entries of a ledger are told.
[[nodiscard]] std::string to_json(const tree_node& root);

/// Two blanks of indent a level; one line a node.
[[nodiscard]] std::string to_text(const tree_node& root);

}  // namespace flott::supervision
