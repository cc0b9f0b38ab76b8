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

#include "actors/supervisor/board.hpp"
#include "actors/supervisor/supervised.hpp"
#include "runtime/supervision/ledger.hpp"
#include "runtime/supervision/machine.hpp"
#include "runtime/supervision/tree.hpp"

#include <caf/all.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace flott {

class supervisor_probe;

// --- what a child is ---------------------------------------------------------------------------------------------

/// What a factory is given. It may be kept and used by any thread, `system` as long as the actor system lives.
struct child_context {
  caf::actor_system& system;
  std::string path;                  ///< of the child: "/node/tasks/3"
  std::uint64_t incarnation = 1;     ///< of the life that begins
  /// For children whose spec says `ready_when::confirmed`: call it once, from any thread, when ready to work. Too late or twice
  /// it does nothing.
  std::function<void()> confirm;
  /// What this incarnation holds is booked here, and released before its successor starts.
  std::shared_ptr<supervision::ledger> ledger{};
  /// Of a pool's child: what it was asked for with.
  caf::message arguments{};
  actor_vitals_ptr vitals{};         ///< for `spawn_supervised`
};

/// What a factory gives: the child's handle (null: it declines, no child, no failure), and what its asker shall get besides.
struct started_child {
  started_child(caf::strong_actor_ptr of = nullptr, caf::message more = {})       // NOLINT: implicit
      : handle(std::move(of)), extra(std::move(more)) {}
  caf::strong_actor_ptr handle;
  caf::message extra;
};

/// How a start went: what has started, or why nothing has.
struct start_outcome : result<started_child> {
  start_outcome(started_child child) : result(std::move(child)) {}                 // NOLINT: implicit
  start_outcome(caf::strong_actor_ptr handle) : result(started_child{std::move(handle)}) {}   // NOLINT: implicit
  start_outcome(failure why) : result(std::move(why)) {}                           // NOLINT: implicit
  start_outcome(result<caf::strong_actor_ptr> handle)                              // NOLINT: implicit
      : result(handle ? result<started_child>{started_child{*handle}} : result<started_child>{handle.error()}) {}
};

/// Starts one life of a child. A failure is reported with its cause; an exception is one. Called on the thread that all
/// supervisors of the tree share: must not block, since no limit applies to it and they all wait.
using child_factory = std::function<start_outcome(const child_context&)>;

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

/// What an abandoned child means for the process. Its thread and its memory stay with it until it returns.
enum class when_abandoned : std::uint8_t {
  go_on,
  end_process,   ///< for what must not go on beside it: by `supervision_host::end_process`
};

struct supervisor_spec;

struct child_spec {
  std::string id;                                    ///< unique under its supervisor
  child_factory start;
  supervision::child_kind kind = supervision::child_kind::worker;
  supervision::restart_policy restart = supervision::restart_policy::permanent;
  std::optional<supervision::shutdown_limit> shutdown{};        ///< default: `child_shutdown`; infinite for supervisors
  std::optional<supervision::backoff> restart_backoff{};        ///< default: restarts follow at once
  bool retry_first_start = false;                    ///< a failing first start is repeated instead of reported
  std::optional<supervision::milliseconds> start_limit{};       ///< more than 0; default 30 s; none for supervisors
  ready_when ready = ready_when::initialized;
  bool significant = false;                          ///< its end may end its supervisor (see auto_shutdown)
  std::optional<when_abandoned> if_abandoned{};      ///< default: the host's
  mailbox_limits mailbox{};                          ///< of a child that is spawned under supervision
  std::string child_class{};                         ///< bounded label for metrics; default: the id
  child_ref_ptr ref{};                               ///< kept up to date, when there is one; of no other child
  std::shared_ptr<const supervisor_spec> tree{};     ///< instead of `start`: a nested supervisor (see `subtree`)
};

/// Spawns `behaviour` with `arguments` for a child, as `system.spawn` would, under supervision: with vitals in the tree, the
/// mailbox limits of its spec, its messages counted when they are lost. Blocking actors are spawned as they are; theirs is
/// `ready_when::spawned`, and a handler for caf::exit_msg, without which they never end.
template <caf::spawn_options Options = caf::no_spawn_options, class Behaviour, class... Arguments>
caf::strong_actor_ptr spawn_supervised(const child_context& context, Behaviour behaviour, Arguments&&... arguments) {
  using impl = caf::infer_impl_from_fun_t<Behaviour>;
  if constexpr (std::is_base_of_v<caf::scheduled_actor, impl>) {
    caf::actor_config config;
    caf::detail::init_fun_factory<impl, Behaviour> make;
    config.init_fun = make(std::move(behaviour), std::forward<Arguments>(arguments)...);
    context.vitals->taken(!caf::has_lazy_init_flag(Options));
    return caf::actor_cast<caf::strong_actor_ptr>(
      context.system.spawn_class<supervised<impl>, Options>(config, context.vitals));
  } else {
    return caf::actor_cast<caf::strong_actor_ptr>(
      context.system.spawn<Options>(std::move(behaviour), std::forward<Arguments>(arguments)...));
  }
}

/// The same for an actor that is a class.
template <class Actor, caf::spawn_options Options = caf::no_spawn_options, class... Arguments>
  requires std::is_base_of_v<caf::scheduled_actor, Actor>
caf::strong_actor_ptr spawn_supervised(const child_context& context, Arguments&&... arguments) {
  caf::actor_config config;
  context.vitals->taken(!caf::has_lazy_init_flag(Options));
  return caf::actor_cast<caf::strong_actor_ptr>(
    context.system.spawn_class<supervised<Actor>, Options>(config, context.vitals, std::forward<Arguments>(arguments)...));
}

/// A factory that spawns `behaviour` with copies of `arguments` under supervision.
template <class Behaviour, class... Arguments>
child_factory spawns(Behaviour behaviour, Arguments... arguments) {
  return [=](const child_context& context) -> start_outcome {
    return spawn_supervised(context, behaviour, arguments...);
  };
}

/// Something with a start and a stop that is no actor: a server, a pool of threads, a client of a library.
struct plain_resource {
  /// Called for each incarnation, before `ready`, within the child's start limit. Error or exception: the start has failed.
  std::function<result<void>(const child_context&)> start;
  /// Called once for each incarnation that has started, within the child's shutdown limit, before its ledger is released. What it
  /// throws is logged.
  std::function<void()> stop{};
  /// Both may block: they get a thread of their own, for as long as the child lives. False: on the actor system's.
  bool blocks = true;
};

/// A resource as a child.
[[nodiscard]] child_factory keeps(plain_resource resource);

/// A factory for an actor that its owner has spawned already and now puts under a supervisor: for temporary children.
template <class Handle>
child_factory adopts(const Handle& handle) {
  return [started = caf::actor_cast<caf::strong_actor_ptr>(handle)](const child_context&)
           -> start_outcome { return started; };
}

struct supervisor_spec {
  std::string name;                                  ///< its id under its parent; the root's path is "/name"
  supervision::strategy strategy = supervision::strategy::one_for_one;
  supervision::intensity intensity{};
  supervision::auto_shutdown auto_shutdown = supervision::auto_shutdown::never;
  supervision::stop_order stopping = supervision::stop_order::reverse;
  supervision::milliseconds kill_grace{500};
  supervision::milliseconds child_shutdown{5'000};   ///< of workers that name no limit of their own
  supervision::milliseconds release_limit{5'000};    ///< how long the releases of one ledger may take together
  std::vector<child_spec> children{};                ///< started in this order; of a pool: the one that all are made of
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
  std::string supervisor_class, child_class;         ///< bounded labels for metrics; the child's may be empty
  std::uint64_t incarnation = 0;
  std::optional<supervision::restart_cause> cause;   ///< of a restart; of an end, whether it was a `failure` or an `exit`
  std::string text;                  ///< one line, at most 2,000 bytes of what children said
};

/// Told of everything, in the order in which it happens to one supervisor; called on the thread that the tree's supervisors
/// share, must be quick and must not throw.
class supervision_observer {
 public:
  virtual ~supervision_observer() = default;
  virtual void on_event(const supervision_event& event) = 0;
};

/// Logs each event; counts restarts and abandoned children by their classes, unless `probe` is null.
[[nodiscard]] std::shared_ptr<supervision_observer> make_node_observer(std::shared_ptr<supervisor_probe> probe);

/// How a supervisor ended.
struct supervisor_end {
  supervision::exit_reason reason;
  std::uint64_t abandoned = 0;       ///< lives of the whole tree, since it began, that were still in a handler at their deadline
};

/// Errors that answer requests to a supervisor. The numbers are never reused.
enum class supervisor_error : std::uint8_t {
  not_found = 1,         ///< no such child
  already_started = 2,   ///< the id is taken by a living child, whose handle is the context's second element
  already_present = 3,   ///< the id is taken by a child that is stopped or restarting
  running = 4,           ///< restart or delete of a running child
  restarting = 5,        ///< restart or delete of a child that is about to be restarted
  stopping = 6,          ///< the supervisor ends, or was killed while the request waited
  start_failed = 7,      ///< with the cause as text; also the end of a supervisor whose static child could not start
  bad_spec = 8,          ///< with the field's name as text
  restart_limit = 9,     ///< the reason with which a supervisor ends when its budget is used up
  terminated = 10,       ///< the child was taken down while it was starting
  by_handle_only = 11,   ///< children of a pool are not ended, restarted or deleted by id
  mailbox_full = 12,     ///< the request met the full mailbox of a supervised actor
};
[[nodiscard]] caf::error make_error(supervisor_error code, std::string text);

struct start_child_request { child_spec spec; };
/// One child more of a pool; `arguments` are what its factory finds in `child_context::arguments`, also at its restarts.
struct start_pool_child_request { caf::message arguments; };
struct terminate_child_request { std::string id; };
struct terminate_handle_request { caf::strong_actor_ptr handle; };
struct restart_child_request { std::string id; };
struct delete_child_request { std::string id; };
struct find_child_request { std::string id; };
/// By id, or, where that is empty, by the handle of a living child.
struct get_spec_request { std::string id; caf::strong_actor_ptr handle; };
struct count_children_request {};
/// Other specs from now on: all or nothing, and nobody is started or stopped by it (see supervisor_machine::change).
struct change_spec_request { supervisor_spec spec; };
/// For the actors below the supervisor at `path` (empty: the one that is asked) that were spawned under supervision, also those
/// to come; `level`: a log::level as a number, or -1 for the process's again.
struct log_level_request { int level = -1; std::string path{}; };
struct list_children_request {};
struct child_list { std::vector<supervision::tree_node> children; };
/// `budget`: how long nested supervisors may take to answer; one that takes longer is shown as its parent sees it.
struct tree_request { supervision::milliseconds budget{500}; };
struct stop_request {};
struct child_handle {
  caf::strong_actor_ptr handle;      ///< null: the child declined, or does not run
  std::uint64_t incarnation = 0;
  caf::message extra{};              ///< what its factory gave besides
  std::string id{};
};
struct child_confirmed { std::uint64_t key = 0, incarnation = 0; };
struct supervisor_tick {};
struct ledger_closed { std::uint64_t number = 0; supervision::ledger::closing how; };
struct ledger_late { std::uint64_t number = 0; };

}  // namespace flott

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::start_child_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::start_pool_child_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::terminate_child_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::terminate_handle_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::get_spec_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::count_children_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::change_spec_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::log_level_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::ledger_closed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::ledger_late)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::child_spec)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::supervision::child_counts)
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
  // Errors are supervisor_errors, but for caf::sec::request_receiver_down: the supervisor has ended.

  /// Adds a child and starts it; answered when it has started. On failure nothing of it is kept. Errors: bad_spec (also: it is a
  /// pool), already_started, already_present, start_failed, terminated, stopping.
  caf::replies_to<start_child_request>::with<child_handle>,
  /// One child more of a pool; answered as above. Errors: bad_spec (it is no pool), start_failed, terminated, stopping.
  caf::replies_to<start_pool_child_request>::with<child_handle>,
  /// Stops a child; answered when it is down or abandoned. Its spec stays, unless it is temporary. Errors: not_found,
  /// by_handle_only, stopping (the supervisor ends, and knows no such child).
  caf::replies_to<terminate_child_request>::with<child_handle>,
  /// The same by its handle: the only way in a pool. A dead handle is fine, a living stranger is
  /// not_found and left alive.
  caf::replies_to<terminate_handle_request>::with<child_handle>,
  /// Starts a child that is stopped or abandoned. Errors: not_found, running, restarting, start_failed (its spec stays),
  /// terminated, by_handle_only, stopping.
  caf::replies_to<restart_child_request>::with<child_handle>,
  /// Forgets a child that is stopped or abandoned. Errors: not_found, running, restarting, by_handle_only.
  caf::replies_to<delete_child_request>::with<child_handle>,
  /// Error: not_found.
  caf::replies_to<find_child_request>::with<child_handle>,
  /// Error: not_found.
  caf::replies_to<get_spec_request>::with<child_spec>,
  caf::replies_to<count_children_request>::with<supervision::child_counts>,
  /// Error: bad_spec, with nothing changed.
  caf::replies_to<change_spec_request>::with<supervision::child_counts>,
  /// Error: not_found, there is no supervisor at that path.
  caf::replies_to<log_level_request>::with<caf::ok_atom>,
  /// In the order of their start.
  caf::replies_to<list_children_request>::with<child_list>,
  /// The live tree from here downwards. Never waits for a worker, nor longer than its budget for a supervisor.
  caf::replies_to<tree_request>::with<supervision::tree_node_ptr>,
  /// Ends the whole tree in order; answered just before the supervisor itself ends.
  caf::replies_to<stop_request>::with<supervisor_end>,
  /// From a child's `child_context::confirm`.
  caf::reacts_to<child_confirmed>,
  /// To itself.
  caf::reacts_to<supervisor_tick>,
  caf::reacts_to<ledger_closed>,
  caf::reacts_to<ledger_late>>;

/// What a host gives to the whole tree. Its functions are called on the thread that the supervisors share, must be quick and must
/// not throw.
struct supervision_host {
  std::shared_ptr<supervision_observer> observer{};
  std::uint64_t seed = 0;                                 ///< of the back-offs' jitter
  /// Where messages go that nobody handles; unset: they are counted and not shown.
  std::shared_ptr<supervision::dead_letters> dead_letters{};
  /// Where the numbers of supervised actors are gathered for metrics; unset: nowhere.
  std::shared_ptr<actor_board> board{};
  when_abandoned if_abandoned = when_abandoned::go_on;
  /// Does not come back. Unset: `abort`, so that a core dump shows where the actor hangs.
  std::function<void(const supervision_event& about)> end_process{};
  /// The root has ended: on request, by its budget, since a static child could not start, by auto_shutdown, or killed. Called
  /// once.
  std::function<void(const supervisor_end&)> on_end{};
  /// All static children of the root are up for the first time.
  std::function<void()> on_started{};
};

/// Starts a tree. Its children start in order, asynchronously; a static child that cannot start ends it.
///
/// Its supervisors share a thread of their own, so that they keep their deadlines and answer also while all threads of the
/// actor system are stuck in handlers; not in a simulation (CAF's scheduler policy `testing`), where everything is on one.
/// Failure: an invalid spec, no thread to be had.
[[nodiscard]] result<supervisor_actor> spawn_supervisor(caf::actor_system& system, supervisor_spec spec,
                                                        supervision_host host = {});

// --- for threads that are no actors (never for actors: these wait) ---------------------------------------------------

/// Ends the tree and waits for it, at most `limit`. Failures: it did not end in time, or has ended already.
result<supervisor_end> stop_and_wait(caf::actor_system& system, const supervisor_actor& root,
                                     supervision::milliseconds limit);

/// Sets the log level of the subtree at `path`. Failures: there is no supervisor at that path (domain user), or no answer
/// within `limit` (transient).
result<void> set_log_level(caf::actor_system& system, const supervisor_actor& root, const std::string& path,
                           std::optional<log::level> level, supervision::milliseconds limit);

/// The live tree, at most `limit` later. Failure: no answer by then, or it has ended.
result<supervision::tree_node_ptr> read_tree(caf::actor_system& system, const supervisor_actor& root,
                                             supervision::milliseconds limit);

}  // namespace flott
