#pragma once

#include "actors/supervisor.hpp"
#include "testing/virtual_system.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace flott::testing {

/// What a plan does to a child. Start: its factory fails, throws or declines, or the actor throws in its first step.
/// Handler: it throws before a message's handler. Stop: it throws instead of handling the exit message, or it is stuck
/// there. Connect: what dials gives a failure, or throws.
enum class fault_kind : std::uint8_t {
  start_fails, start_throws, start_declines, first_step_throws, handler_throws, stop_throws, stop_stalls, connect_fails,
  connect_throws,
};
inline constexpr std::size_t fault_kind_count = 9;
[[nodiscard]] const char* to_string(fault_kind x);

/// Faults by chance, each a probability: of a start, of a message, of a life that is asked to end, of a call.
struct fault_rates {
  double start_fails = 0, start_throws = 0, start_declines = 0, first_step_throws = 0;
  double handler_throws = 0;
  double stop_throws = 0, stop_stalls = 0;
  double connect_fails = 0, connect_throws = 0;
};

/// A fault at a known place, injected once.
struct scripted_fault {
  fault_kind kind{};
  /// The child's path, or the name of what dials; empty: any.
  std::string where{};
  /// Which start (or call) of it, 1 being the first; of `handler_throws`: which message of a life. Exit messages, DOWNs,
  /// and CAF's questions to actors do not count.
  std::uint64_t number = 1;
  /// Of which life, for faults in the handler and at stop; 0: of any.
  std::uint64_t incarnation = 0;
};

/// A fault that was injected.
struct injected_fault {
  fault_kind kind{};
  std::string where;
  std::uint64_t number = 0;          ///< of the start, message or call
  std::uint64_t incarnation = 0;     ///< of the life; 0: at connect
};
/// "handler_throws /node/a#2, number 5".
[[nodiscard]] std::string to_string(const injected_fault& x);

/// What an injected fault throws.
class fault_injected : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Injects faults into children, by script and by chance, without a change to them:
///
///     fault_plan plan{seed, {.start_fails = 0.1, .handler_throws = 0.01}};
///     plan.script({fault_kind::start_throws, "/node/importer", 3});
///     spec.start = plan.disturb(spec.start);
///
/// Whether chance strikes follows from the seed, the child's path, its incarnation, and the number of the start, message or
/// call: not from the order in which threads run. Faults in the handler and at stop need children that are spawned under
/// supervision (`spawns`, `spawn_supervised`, `keeps`).
///
/// Copies share one plan. Threads: any.
class fault_plan {
 public:
  explicit fault_plan(std::uint64_t seed = 0, fault_rates rates = {});

  fault_plan& script(scripted_fault fault);
  /// In virtual time an actor that stalls is frozen in `world`, which has to outlive its children. Without this, it blocks
  /// its thread.
  fault_plan& in(virtual_system& world);

  [[nodiscard]] child_factory disturb(child_factory start) const;
  /// A callable that dials and gives a `result<T>`, as one that sometimes does not. `name` is its place in scripts and log.
  template <class Dial>
  [[nodiscard]] auto disturb_connect(std::string name, Dial dial) const {
    return [plan = *this, name = std::move(name), dial = std::move(dial)](auto&&... arguments) mutable
             -> std::invoke_result_t<Dial&, decltype(arguments)...> {
      if (auto refused = plan.connect(name); !refused.ok())
        return std::move(refused).error();
      return dial(std::forward<decltype(arguments)>(arguments)...);
    };
  }

  /// No faults from now on; who stalls is let go.
  void calm();
  /// Faults again, after `calm`.
  void arm();
  /// Lets go who stalls; in virtual time everybody who is frozen.
  void release();

  [[nodiscard]] std::uint64_t injected() const;
  [[nodiscard]] std::uint64_t injected(fault_kind kind) const;
  /// What was injected, in order.
  [[nodiscard]] std::vector<injected_fault> log() const;
  /// The seed, and the log a line each: for a test that fails.
  [[nodiscard]] std::string to_string() const;

 private:
  struct shared_state;
  result<void> connect(const std::string& name) const;
  std::shared_ptr<shared_state> state_;
};

/// Whether a message counts as the actor's own: neither exit message, DOWN nor timeout, nor a question of CAF or of its
/// supervisor to any actor.
[[nodiscard]] bool is_own_message(const caf::type_erased_tuple& content);

/// Calls `also` besides the interceptor that is set already, after it. Before the actor is spawned.
void intercept_too(actor_vitals& vitals, actor_vitals::interceptor also);

}  // namespace flott::testing
