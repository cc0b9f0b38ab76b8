#include "testing/virtual_system.hpp"

#include "runtime/base/log.hpp"

#include <caf/scheduler/test_coordinator.hpp>

#include <algorithm>

namespace flott::testing {

virtual_system::virtual_system(std::uint64_t seed) : random_(seed), seeded_(seed != 0) {
  config_.set("scheduler.policy", caf::atom("testing"));
  system_.emplace(config_);
  coordinator_ = dynamic_cast<caf::scheduler::test_coordinator*>(&system_->scheduler());
}

virtual_system::~virtual_system() {
  watched_.clear();
  frozen_.clear();
  settle();
  if (const auto left = system_->registry().running(); left > 0) {
    log::error("actors are still there at the end of a test", {{"actors", left}});
    system_->await_actors_before_shutdown(false);
  }
  coordinator_->clock().cancel_all();
}

virtual_system::time_point virtual_system::now() { return coordinator_->clock().now(); }

bool virtual_system::step() {
  auto& jobs = coordinator_->jobs;
  for (;;) {
    std::size_t ready = jobs.size();
    if (!frozen_.empty())
      ready = static_cast<std::size_t>(std::count_if(jobs.begin(), jobs.end(), [&](auto* job) { return !frozen_.contains(job); }));
    if (ready == 0)
      return false;
    auto choice = seeded_ ? std::uniform_int_distribution<std::size_t>{0, ready - 1}(random_) : 0;
    auto next = jobs.begin() + static_cast<std::ptrdiff_t>(choice);
    if (ready != jobs.size())
      next = std::find_if(jobs.begin(), jobs.end(), [&](auto* job) { return !frozen_.contains(job) && choice-- == 0; });
    if (!watched_.empty() && gets_stuck(*next))
      continue;
    if (seeded_)
      std::iter_swap(jobs.begin(), next);
    else
      std::rotate(jobs.begin(), next, next + 1);
    coordinator_->run_once();
    return true;
  }
}

void virtual_system::settle(std::size_t limit) {
  while (step())
    if (limit-- == 0)
      throw std::runtime_error("actors do not come to rest");
}

void virtual_system::advance(std::chrono::nanoseconds by) {
  auto& clock = coordinator_->clock();
  const auto target = now() + by;
  settle();
  while (clock.has_pending_timeout() && clock.schedule().begin()->first <= target) {
    clock.trigger_timeout();
    settle();
  }
  clock.current_time = target;
}

void virtual_system::freeze(const caf::strong_actor_ptr& whom) { frozen_.emplace(job_of(whom), whom); }

void virtual_system::thaw(const caf::strong_actor_ptr& whom) {
  frozen_.erase(job_of(whom));
  watched_.erase(job_of(whom));
}

void virtual_system::thaw_all() {
  watched_.clear();
  frozen_.clear();
}

void virtual_system::freeze_at(const caf::strong_actor_ptr& whom, message_predicate stuck) {
  watched_[job_of(whom)] = {caf::actor_cast<caf::weak_actor_ptr>(whom), std::move(stuck)};
}

bool virtual_system::gets_stuck(caf::resumable* job) {
  const auto found = watched_.find(job);
  if (found == watched_.end())
    return false;
  auto* actor = dynamic_cast<caf::scheduled_actor*>(job);
  auto* message = actor == nullptr ? nullptr : actor->mailbox().peek();
  if (message == nullptr || !found->second.stuck(message->content()))
    return false;
  frozen_.emplace(job, caf::actor_cast<caf::strong_actor_ptr>(found->second.life));
  watched_.erase(found);
  return true;
}

caf::resumable* virtual_system::job_of(const caf::strong_actor_ptr& whom) {
  auto* job = dynamic_cast<caf::resumable*>(caf::actor_cast<caf::abstract_actor*>(whom));
  if (job == nullptr)
    throw std::invalid_argument("only event-based actors can be frozen");
  return job;
}

}  // namespace flott::testing
