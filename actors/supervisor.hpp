#pragma once

/// SUPERVISOR starts, watches, restarts and stops other actors by OTP's rules, with deadlines that hold.
///
/// Lives  anywhere in a tree whose root the host holds; restarted by its own supervisor.
/// Hears  requests to start, terminate, restart, find and list children; DOWN of each child.
/// Tells  its observer what happened; its parent, by the way it ends, when its budget is used up.
/// Keeps  the tree's shape: answers for it at once, whatever its children are doing.
///
/// The rules are `supervision::supervisor_machine` (runtime/supervision); this is the part that talks to CAF. A host
/// keeps the handle of its root supervisor, since CAF drops an idle actor that nobody refers to, and ends the tree by
/// `stop_request` (or an exit message with `user_shutdown`) before it ends its actor system.

#include "runtime/supervision/machine.hpp"
#include "runtime/supervision/tree.hpp"

#include <caf/all.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace flott {

// --- what a child is ---------------------------------------------------------------------------------------------

/// What a factory is given.
struct child_context {
  caf::actor_system& system;
  std::string path;                  ///< of the child: "/node/tasks/3"
  std::uint64_t incarnation = 1;     ///< of the life that begins
  /// For children whose spec says `ready_when::confirmed`: call it once, from any thread, when ready to work.
  std::function<void()> confirm;
};

/// Starts one life of a child. A failure is reported with its cause; a null handle declines: no child, no failure.
using child_factory = std::function<result<caf::strong_actor_ptr>(const child_context&)>;

/// When a child counts as started, so that the next one may be.
enum class ready_when : std::uint8_t {
  initialized,   ///< its behaviour is set up; if it ended with an error instead, its start has failed
  spawned,       ///< its factory has returned: for actors that block
  confirmed,     ///< it said so: for children that need more than their first step (supervisors use this)
};

/// The living handle of a child across its restarts, for its siblings and for the host: null while it is down.
/// Handles are not kept elsewhere, so nobody talks to a dead one. Threads: any.
class child_ref {
 public:
  [[nodiscard]] caf::strong_actor_ptr get() const;
  template <class Handle>
  [[nodiscard]] Handle as() const { return caf::actor_cast<Handle>(get()); }
  void set(caf::strong_actor_ptr handle);

 private:
  mutable std::mutex mutex_;
  caf::strong_actor_ptr handle_;
};
using child_ref_ptr = std::shared_ptr<child_ref>;

struct supervisor_spec;

struct child_spec {
  std::string id;                                    ///< unique under its supervisor
  child_factory start;
  supervision::child_kind kind = supervision::child_kind::worker;
  supervision::restart_policy restart = supervision::restart_policy::permanent;
  std::optional<supervision::shutdown_limit> shutdown{};        ///< default 5 s; infinite for supervisors
  std::optional<supervision::backoff> restart_backoff{};        ///< default: restarts follow at once
  bool retry_first_start = false;                    ///< a failing first start is repeated instead of reported
  std::optional<supervision::milliseconds> start_limit{};       ///< default 30 s; none for supervisors
  ready_when ready = ready_when::initialized;
  std::string child_class{};                         ///< bounded label for metrics; default: the id
  child_ref_ptr ref{};                               ///< kept up to date, when there is one
  std::shared_ptr<const supervisor_spec> tree{};     ///< instead of `start`: a nested supervisor (see `subtree`)
};

/// A factory that spawns `behaviour` with copies of `arguments`, as `system.spawn` would.
template <class Behaviour, class... Arguments>
child_factory spawns(Behaviour behaviour, Arguments... arguments) {
  return [=](const child_context& context) -> result<caf::strong_actor_ptr> {
    return caf::actor_cast<caf::strong_actor_ptr>(context.system.spawn(behaviour, arguments...));
  };
}

/// A factory for an actor that its owner has spawned already and now puts under a supervisor: for temporary children.
template <class Handle>
child_factory adopts(const Handle& handle) {
  return [started = caf::actor_cast<caf::strong_actor_ptr>(handle)](const child_context&)
           -> result<caf::strong_actor_ptr> { return started; };
}

struct supervisor_spec {
  std::string name;                                  ///< its id under its parent; the root's path is "/name"
  supervision::strategy strategy = supervision::strategy::one_for_one;
  supervision::intensity intensity{};
  supervision::stop_order stopping = supervision::stop_order::reverse;
  supervision::milliseconds kill_grace{500};
  supervision::milliseconds child_shutdown{5'000};   ///< of workers that name no limit of their own
  std::vector<child_spec> children{};                ///< started in this order
};

/// A supervisor as the child of another.
[[nodiscard]] child_spec subtree(supervisor_spec spec,
                                 supervision::restart_policy restart = supervision::restart_policy::permanent);

/// Every invalid field of it is refused by name; nothing is started.
[[nodiscard]] result<void> validate(const child_spec& spec);
/// Every invalid field in it and below is refused by path and name; nothing is started.
[[nodiscard]] result<void> validate(const supervisor_spec& spec);

// --- what a supervisor says ----------------------------------------------------------------------------------------

/// One fact of a supervisor's life.
struct supervision_event {
  supervision::report_kind kind{};
  std::string supervisor;            ///< its path
  std::string child;                 ///< id; empty when it is about the supervisor itself
  std::string child_class;
  std::uint64_t incarnation = 0;
  std::optional<supervision::restart_cause> cause;   ///< of a restart; of an end, whether it was a `failure` or an `exit`
  std::string text;
};

/// Told of everything, in the order in which it happens to one supervisor; called by the threads of the actor system,
/// must be quick and must not throw.
class supervision_observer {
 public:
  virtual ~supervision_observer() = default;
  virtual void on_event(const supervision_event& event) = 0;
};

/// Logs each event, and calls `restarted` with the supervisor's name (its own, without its parents') and the child's
/// class for each restart: for `flott_supervisor_restarts_total`. `restarted` is called by several threads.
[[nodiscard]] std::shared_ptr<supervision_observer>
make_node_observer(std::function<void(const std::string& supervisor, const std::string& child_class)> restarted);

/// How a supervisor ended.
struct supervisor_end {
  supervision::exit_reason reason;
  std::uint64_t abandoned = 0;       ///< children, here and below, that were still in a handler at their deadline
};

/// Errors that answer requests to a supervisor. The numbers are never reused.
enum class supervisor_error : std::uint8_t {
  not_found = 1,         ///< no such child
  already_started = 2,   ///< the id is taken by a living child, whose handle is the context's second element
  already_present = 3,   ///< the id is taken by a child that is stopped or restarting
  running = 4,           ///< restart or delete of a running child
  restarting = 5,        ///< restart or delete of a child that is about to be restarted
  stopping = 6,          ///< the supervisor ends
  start_failed = 7,      ///< with the cause as text
  bad_spec = 8,          ///< with the field's name as text
  restart_limit = 9,     ///< the reason with which a supervisor ends when its budget is used up
  terminated = 10,       ///< the child was taken down while it was starting
};
[[nodiscard]] caf::error make_error(supervisor_error code, std::string text);

struct start_child_request { child_spec spec; };
struct terminate_child_request { std::string id; };
struct restart_child_request { std::string id; };
struct delete_child_request { std::string id; };
struct find_child_request { std::string id; };
struct list_children_request {};
struct child_list { std::vector<supervision::tree_node> children; };
/// `budget`: how long nested supervisors may take to answer; one that takes longer is shown as its parent sees it.
struct tree_request { supervision::milliseconds budget{500}; };
struct stop_request {};
struct child_handle {
  caf::strong_actor_ptr handle;      ///< null: the child declined, or does not run
  std::uint64_t incarnation = 0;
};
struct child_confirmed { std::uint64_t key = 0, incarnation = 0; };
struct supervisor_tick {};

}  // namespace flott

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::start_child_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::terminate_child_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::restart_child_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::delete_child_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::find_child_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::list_children_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::child_list)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::tree_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::stop_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::child_handle)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::child_confirmed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::supervisor_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::supervisor_end)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::supervision::tree_node_ptr)

namespace flott {

using supervisor_actor = caf::typed_actor<
  /// Adds a child and starts it; answered when it has started. On failure nothing of it is kept.
  caf::replies_to<start_child_request>::with<child_handle>,
  /// Stops a child; answered when it is down or abandoned. Its spec stays, unless it is temporary.
  caf::replies_to<terminate_child_request>::with<child_handle>,
  /// Starts a child that is stopped.
  caf::replies_to<restart_child_request>::with<child_handle>,
  /// Forgets a child that is stopped.
  caf::replies_to<delete_child_request>::with<child_handle>,
  caf::replies_to<find_child_request>::with<child_handle>,
  /// In the order of their start.
  caf::replies_to<list_children_request>::with<child_list>,
  /// The live tree from here downwards. Never waits for a worker, nor longer than its budget for a supervisor.
  caf::replies_to<tree_request>::with<supervision::tree_node_ptr>,
  /// Ends the whole tree in order; answered just before the supervisor itself ends.
  caf::replies_to<stop_request>::with<supervisor_end>,
  /// From a child's `child_context::confirm`.
  caf::reacts_to<child_confirmed>,
  /// To itself.
  caf::reacts_to<supervisor_tick>>;

/// What a host gives to the whole tree.
struct supervision_host {
  std::shared_ptr<supervision_observer> observer{};
  std::uint64_t seed = 0;                                 ///< of the back-offs' jitter
  /// The root has ended, on request or because its budget was used up. Called once, by a thread of the actor system.
  std::function<void(const supervisor_end&)> on_end{};
  /// All static children of the root are up for the first time.
  std::function<void()> on_started{};
};

/// Starts a tree. Its children start in order, asynchronously; a static child that cannot start ends it.
/// Failure: an invalid spec.
[[nodiscard]] result<supervisor_actor> spawn_supervisor(caf::actor_system& system, supervisor_spec spec,
                                                        supervision_host host = {});

// --- for threads that are no actors (never for actors: these wait) ---------------------------------------------------

/// Ends the tree and waits for it, at most `limit`.
result<supervisor_end> stop_and_wait(caf::actor_system& system, const supervisor_actor& root,
                                     supervision::milliseconds limit);

/// The live tree, at most `limit` later.
result<supervision::tree_node_ptr> read_tree(caf::actor_system& system, const supervisor_actor& root,
                                             supervision::milliseconds limit);

}  // namespace flott
