#pragma once

#include "actors/exit_reason.hpp"
#include "actors/supervisor.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace flott::testing {

/// Asks a child, on behalf of `self`, what its state is; `answer` is called with it as text.
using child_probe = std::function<void(caf::event_based_actor* self, const caf::actor& child,
                                       std::function<void(std::string)> answer)>;
/// Sends a child something.
using child_touch = std::function<void(const caf::actor& child)>;

/// A probe that requests `request` and takes a `Reply`.
template <class Reply, class... Request>
[[nodiscard]] child_probe asks(Request... request) {
  return [=](caf::event_based_actor* self, const caf::actor& child, std::function<void(std::string)> answer) {
    self->request(child, caf::infinite, request...)
      .then([answer](const Reply& reply) { answer(caf::deep_to_string(reply)); },
            [answer](const caf::error& err) { answer("error: " + describe(err)); });
  };
}

/// A touch that sends `message`.
template <class... Message>
[[nodiscard]] child_touch tells(Message... message) {
  return [=](const caf::actor& child) { caf::anon_send(child, message...); };
}

/// A kind of child, as its users would put it under a supervisor: one that lives until it is asked to end.
struct conformance_subject {
  /// Its factory, readiness, limits and mailbox. Id, restart policy, back-off and significance are the checks' own.
  child_spec spec;
  /// What its state is. Without it, fresh state after a restart is not looked at.
  child_probe probe{};
  /// Changes the state that `probe` shows.
  child_touch touch{};
  /// What children in a pool are asked for with.
  caf::message arguments{};
  /// How much lives of this kind hold in this process outside their ledgers, as its author counts it. Open files are looked
  /// at anyway.
  std::function<std::size_t()> held{};
};

struct conformance_options {
  /// Virtual time on one thread is exact and quick; children that block or have threads of their own need real time.
  bool real_time = false;
  std::size_t rounds = 100;              ///< of repeated starts and stops
  std::size_t pool = 20;                 ///< children in a pool
};

enum class verdict : std::uint8_t {
  passed,
  failed,
  unchecked,   ///< it presupposes what has failed
};

struct finding {
  std::string property;                  ///< "sup_start_normal: it starts, and is ready within its limit"
  testing::verdict verdict = verdict::passed;
  std::string what{};                    ///< what happened instead, or what kept it from being checked
  [[nodiscard]] bool passed() const { return verdict == verdict::passed; }
};
using findings = std::vector<finding>;

/// One line each: "passed", "FAILED" or "unchecked", the property, and what happened.
[[nodiscard]] std::string to_string(const findings& all);
[[nodiscard]] bool all_passed(const findings& all);

/// What supervisors expect of every child, tried on one kind of child, one finding a property, always in the same order.
/// Where a property has failed, those that build on it stay unchecked, so that a fault is named once. The names before the
/// colons are the cases of the suites where the properties come from.
///
/// Starts some hundred lives of it, in actor systems of the checks' own. Requires: a factory that can be called again;
/// in virtual time, event-based children without threads of their own. A child that never ends (real time) leaves its
/// actor system behind.
///
/// Threads: any that is no actor's; waits.
[[nodiscard]] findings check_child(const conformance_subject& subject, const conformance_options& options = {});

}  // namespace flott::testing
