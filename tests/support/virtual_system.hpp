#pragma once

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <utility>

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

  explicit virtual_system(std::uint64_t seed = 0) : random_(seed), seeded_(seed != 0) {
    config_.set("scheduler.policy", caf::atom("testing"));
    system_.emplace(config_);
    coordinator_ = dynamic_cast<caf::scheduler::test_coordinator*>(&system_->scheduler());
  }

  virtual_system(const virtual_system&) = delete;
  virtual_system& operator=(const virtual_system&) = delete;

  /// A test ends its actors; those that are left would make CAF wait for ever, so they are only reported.
  ~virtual_system() {
    frozen_.clear();
    settle();
    if (const auto left = system_->registry().running(); left > 0) {
      std::cerr << left << " actors are still there at the end of a test\n";
      system_->await_actors_before_shutdown(false);
    }
    coordinator_->clock().cancel_all();
  }

  [[nodiscard]] caf::actor_system& system() { return *system_; }
  [[nodiscard]] time_point now() { return coordinator_->clock().now(); }

  /// Lets one actor handle one message. False: nobody has anything to do.
  bool step() {
    auto& jobs = coordinator_->jobs;
    std::size_t ready = 0;
    for (auto* job : jobs)
      ready += frozen_.count(job) == 0;
    if (ready == 0)
      return false;
    auto choice = seeded_ ? std::uniform_int_distribution<std::size_t>{0, ready - 1}(random_) : 0;
    auto next = std::find_if(jobs.begin(), jobs.end(), [&](auto* job) { return frozen_.count(job) == 0 && choice-- == 0; });
    if (seeded_)
      std::iter_swap(jobs.begin(), next);
    else
      std::rotate(jobs.begin(), next, next + 1);
    coordinator_->run_once();
    return true;
  }

  /// Runs until nobody has anything to do at this moment. Throws when that does not happen within `limit` messages.
  void settle(std::size_t limit = 1'000'000) {
    while (step())
      if (limit-- == 0)
        throw std::runtime_error("actors do not come to rest");
  }

  /// Lets time pass, from one timer to the next, everybody coming to rest in between.
  void advance(std::chrono::nanoseconds by) {
    auto& clock = coordinator_->clock();
    const auto target = now() + by;
    settle();
    while (clock.has_pending_timeout() && clock.schedule().begin()->first <= target) {
      clock.trigger_timeout();
      settle();
    }
    clock.current_time = target;
  }

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
  void freeze(const Handle& whom) { frozen_.insert(job_of(whom)); }
  template <class Handle>
  void thaw(const Handle& whom) { frozen_.erase(job_of(whom)); }

  [[nodiscard]] std::mt19937_64& random() { return random_; }

 private:
  template <class Handle>
  static caf::resumable* job_of(const Handle& whom) {
    auto* job = dynamic_cast<caf::resumable*>(caf::actor_cast<caf::abstract_actor*>(whom));
    if (job == nullptr)
      throw std::invalid_argument("only event-based actors can be frozen");
    return job;
  }

  caf::actor_system_config config_;
  std::optional<caf::actor_system> system_;
  caf::scheduler::test_coordinator* coordinator_ = nullptr;
  std::mt19937_64 random_;
  bool seeded_ = false;
  std::set<const caf::resumable*> frozen_;
};

}  // namespace flott::testing
