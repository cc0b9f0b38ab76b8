#pragma once

#include "actors/embedding/bounded_system.hpp"
#include "actors/embedding/process_pages.hpp"
#include "actors/embedding/supervision_history.hpp"
#include "actors/supervisor.hpp"
#include "metrics/registry.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace flott {

/// How the life of an actor_node ended.
struct actor_node_end {
  supervision::exit_reason reason;
  bool in_time = true;               ///< the tree ended within the limit
  /// Lives that were in a handler at their deadline, since the start; the history names them. 0 if the tree was not in time.
  std::uint64_t abandoned = 0;
  /// Actors that had not ended: the memory and the threads of their actor system are given back when they have.
  std::size_t left_behind = 0;
};

struct actor_node_options {
  /// CAF's settings, with the service's own message types; null: a scheduler that shares, with `threads`, no network.
  std::unique_ptr<caf::actor_system_config> system{};
  std::size_t threads = 0;                           ///< where `system` is null; 0: one per core, at least two
  std::chrono::milliseconds stop_limit{10'000};      ///< for the whole of stopping; then what is left is left behind
  std::size_t history = 1000;                        ///< events that are kept
  when_abandoned if_abandoned = when_abandoned::go_on;
  std::uint64_t seed = 0;                            ///< of the back-offs' jitter
  std::shared_ptr<supervision_observer> observer{};  ///< told of everything as well, on the supervisors' own thread
  /// All static children are up for the first time. On the supervisors' own thread: must be quick, may not destroy the node.
  std::function<void()> on_started{};
  /// All is over: as `stop` asked for, or since the tree ended by itself. Called once, by a thread of the node's; may
  /// destroy it.
  std::function<void(const actor_node_end&)> on_end{};
};

/// A supervision tree with an actor system of its own, in a program that keeps its own main, signals and threads.
///
///     auto node = actor_node::start(std::move(tree)).value();
///     if (auto up = node->wait_started(5s); !up) ...
///     node->stop();                 // comes back at once
///     const auto end = node->wait_ended();
///
/// Starts no thread before `start` and leaves none after it is destroyed, handles no signal, reads no file, opens no port, and
/// logs only what the program lets it. Several may live in one process. Stopping takes no longer than `stop_limit` and two
/// seconds, whatever its actors do; a call of `tree` that is under way may add its own limit if the supervisors' thread is
/// blocked. Threads: any.
class actor_node {
 public:
  /// Comes back at once; the children start in order. Errors: an invalid spec, no thread to be had.
  static result<std::unique_ptr<actor_node>> start(supervisor_spec tree, actor_node_options options = {});
  /// Stops, unless it has, and waits for the end.
  ~actor_node();
  actor_node(const actor_node&) = delete;
  actor_node& operator=(const actor_node&) = delete;

  /// Blocks until all static children are up. Failure: one could not start (with its path and cause), or time is up.
  [[nodiscard]] result<void> wait_started(std::chrono::milliseconds limit);
  /// All static children are up, and it is not stopping.
  [[nodiscard]] bool ready() const;

  /// Begins to stop; comes back at once. Idempotent.
  void stop();
  /// Blocks until all is over: after `stop`, or after the tree ended by itself.
  actor_node_end wait_ended();

  /// Requires: it has not ended.
  [[nodiscard]] caf::actor_system& system();
  [[nodiscard]] supervisor_actor root() const;

  /// The live tree, at most `limit` later, also while it stops: whoever is `stopping` blocks it. Failures: it has ended,
  /// no answer.
  [[nodiscard]] result<supervision::tree_node_ptr> tree(std::chrono::milliseconds limit = std::chrono::milliseconds{1000});
  [[nodiscard]] const supervision_history& history() const;
  /// Everything about the tree is in it, and whatever the service adds.
  [[nodiscard]] metrics_registry& metrics();
  [[nodiscard]] supervision::dead_letters& dead_letters();
  /// What it serves of itself over HTTP (see process_pages); false: it is none of that. Never blocks.
  /// Requires: the server stops before the node is destroyed.
  [[nodiscard]] bool answer(const http::request& asked, const http::responder& answer) const;

 private:
  struct core;
  explicit actor_node(std::shared_ptr<core> of) : core_(std::move(of)) {}
  std::shared_ptr<core> core_;
};

}  // namespace flott
