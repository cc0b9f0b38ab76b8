#pragma once

#include "actors/supervisor.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace flott::testing {

/// How large a random tree is, and how long it lives.
struct hierarchy_options {
  std::size_t actors = 250;              ///< about so many to begin with, supervisors included
  std::size_t breadth = 6;               ///< at most so many children of one supervisor
  std::size_t depth = 5;                 ///< at most so many supervisors above a leaf
  std::size_t events = 250;              ///< what happens to them from outside, besides random faults
  /// Leaves by the user's own factories, drawn at random; empty: actors that throw, linger, do not listen. Each must be
  /// event-based, spawned under supervision, on no thread of its own.
  std::vector<child_factory> leaves{};
};

/// What became of one.
struct hierarchy_result {
  std::uint64_t seed = 0;
  std::vector<std::string> failures;     ///< invariants that did not hold
  std::vector<std::string> log;          ///< everything that happened, in order
  std::size_t actors = 0, supervisors = 0;                     ///< in the tree at first
  std::size_t events = 0, lives = 0, restarts = 0, abandoned = 0, faults = 0, requests = 0;

  [[nodiscard]] bool ok() const { return failures.empty(); }
  /// Seed, failures, and the end of the log up to the first failure: enough to replay it.
  [[nodiscard]] std::string to_string() const;
};

/// A random tree of supervisors and leaves in virtual time, its interleaving from a seed (Pekko: SupervisorHierarchySpec).
/// Strategies, restart policies, back-offs, limits, significance and pools are random. It is disturbed by exceptions,
/// errors, normal ends, kills, frozen actors, failing starts, requests to its supervisors and live changes of their
/// specs, while these hold at every step:
///
/// - one life per child at a time, and what a life held is released before its successor starts;
/// - in a group nobody starts while one that has to be stopped still lives;
/// - nobody is abandoned who is not stuck;
/// - a life handles nothing that was sent to it after it was abandoned, and nobody handles what it sends from then on;
/// - restarts stay within the intensity;
/// - the tree that supervisors show is who lives; handles that they give out are of the living;
/// - a supervisor that ends, or is killed, leaves nobody behind when it starts again.
///
/// In the end it is calmed: who should live answers, all requests were answered, the tree stops, nothing runs, every
/// ledger is empty.
///
/// Same seed and options, same run. Threads: none.
[[nodiscard]] hierarchy_result run_hierarchy(std::uint64_t seed, const hierarchy_options& options = {});

}  // namespace flott::testing
