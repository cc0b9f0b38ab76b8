#pragma once

#include <caf/all.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <utility>

namespace caf::scheduler {
class test_coordinator;
}

namespace flott::testing {

/// What became of a request: nothing yet, a value, or an error.
template <class Reply>
struct answer {
  std::optional<Reply> value;
  caf::error error;
  [[nodiscard]] bool pending() const { return !value && !error; }
};

/// An actor system on one thread, in virtual time, one message at a time: nothing happens unless a test lets it.
///
/// With a seed, the actor that runs next is drawn among those that have something to do, so that the same seed gives
/// the same interleaving again and another seed another one; the messages of one sender to one receiver keep their
/// order. Seed 0 runs them first come, first served.
///
/// Requires: no blocking and no detached actors. A frozen actor stands for one that is stuck in a handler.
class virtual_system {
 public:
  using time_point = caf::actor_clock::time_point;

  explicit virtual_system(std::uint64_t seed = 0);
  virtual_system(const virtual_system&) = delete;
  virtual_system& operator=(const virtual_system&) = delete;

  /// A test ends its actors; those that are left would make CAF wait for ever, so they are only logged.
  ~virtual_system();

  [[nodiscard]] caf::actor_system& system() { return *system_; }
  [[nodiscard]] time_point now();

  /// Lets one actor handle one message. False: nobody has anything to do.
  bool step();
  /// Runs until nobody has anything to do at this moment. Throws when that does not happen within `limit` messages.
  void settle(std::size_t limit = 1'000'000);
  /// Lets time pass, from one timer to the next, everybody coming to rest in between.
  void advance(std::chrono::nanoseconds by);

  /// Asks an actor. Nothing has happened yet when this returns: settle or advance, then look at the answer.
  template <class Reply, class Handle, class... Arguments>
  std::shared_ptr<answer<Reply>> ask(const Handle& whom, Arguments... arguments) {
    auto out = std::make_shared<answer<Reply>>();
    system_->spawn([=](caf::event_based_actor* self) {
      self->request(whom, caf::infinite, arguments...)
        .then([out](const Reply& reply) { out->value = reply; }, [out](const caf::error& err) { out->error = err; });
    });
    return out;
  }

  /// Asks, and lets everybody come to rest; throws where there is no answer by then.
  template <class Reply, class Handle, class... Arguments>
  answer<Reply> ask_now(const Handle& whom, Arguments... arguments) {
    auto out = ask<Reply>(whom, std::move(arguments)...);
    settle();
    if (out->pending())
      throw std::runtime_error("a request was not answered");
    return *out;
  }

  /// From here on the actor handles nothing, whatever is sent to it, until it is thawed.
  template <class Handle>
  void freeze(const Handle& whom) { freeze(caf::actor_cast<caf::strong_actor_ptr>(whom)); }
  template <class Handle>
  void thaw(const Handle& whom) { thaw(caf::actor_cast<caf::strong_actor_ptr>(whom)); }
  void freeze(const caf::strong_actor_ptr& whom);
  void thaw(const caf::strong_actor_ptr& whom);
  void thaw_all();
  /// The actor freezes instead of handling the first message for which `stuck` holds: it is in its handler, as it were.
  using message_predicate = std::function<bool(const caf::type_erased_tuple&)>;
  void freeze_at(const caf::strong_actor_ptr& whom, message_predicate stuck);
  [[nodiscard]] bool is_frozen(const caf::strong_actor_ptr& whom) const { return frozen_.contains(job_of(whom)); }
  [[nodiscard]] std::size_t frozen() const { return frozen_.size(); }

  [[nodiscard]] std::mt19937_64& random() { return random_; }

 private:
  struct watched {
    caf::weak_actor_ptr life;        // keeps its address from being used again
    message_predicate stuck;
  };
  static caf::resumable* job_of(const caf::strong_actor_ptr& whom);
  [[nodiscard]] bool gets_stuck(caf::resumable* job);

  caf::actor_system_config config_;
  std::optional<caf::actor_system> system_;
  caf::scheduler::test_coordinator* coordinator_ = nullptr;
  std::mt19937_64 random_;
  bool seeded_ = false;
  std::map<const caf::resumable*, caf::strong_actor_ptr> frozen_;
  std::map<const caf::resumable*, watched> watched_;
};

}  // namespace flott::testing
