#include "runtime/execution/manual_executor.hpp"

#include <utility>

namespace flott {

void manual_executor::enqueue(std::shared_ptr<runnable> work) {
  const std::lock_guard lock(mutex_);
  if (!stopped_)
    ready_.push_back(std::move(work));
}

void manual_executor::wake_at(std::weak_ptr<runnable> work, time_point when) {
  const std::lock_guard lock(mutex_);
  if (!stopped_)
    timers_.emplace(when, std::move(work));
}

void manual_executor::run_blocking(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  if (!stopped_)
    blocking_.push_back(std::move(work));
}

bool manual_executor::stop(time_point) {
  std::vector<std::shared_ptr<runnable>> dropped;
  std::vector<std::function<void()>> dropped_work;
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  dropped.swap(ready_);
  dropped_work.swap(blocking_);
  timers_.clear();
  return true;
}

/// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
std::uint64_t manual_executor::draw(std::uint64_t below) {
  std::uint64_t z = (random_ += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return (z ^ (z >> 31)) % below;
}

void manual_executor::fire_due_timers() {
  const auto now = environment_.now();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    auto work = timers_.begin()->second.lock();
    timers_.erase(timers_.begin());
    if (work && must_queue_after_wake(*work))
      ready_.push_back(std::move(work));
  }
}

bool manual_executor::run_one() {
  std::unique_lock lock(mutex_);
  fire_due_timers();
  const auto choices = ready_.size() + blocking_.size();
  if (choices == 0)
    return false;
  const auto chosen = static_cast<std::size_t>(draw(choices));
  if (chosen >= ready_.size()) {
    const auto at = blocking_.begin() + static_cast<std::ptrdiff_t>(chosen - ready_.size());
    auto work = std::move(*at);
    blocking_.erase(at);
    lock.unlock();
    work();
    return true;
  }
  auto work = std::move(ready_[chosen]);
  ready_.erase(ready_.begin() + static_cast<std::ptrdiff_t>(chosen));
  const auto steps = static_cast<std::uint32_t>(1 + draw(8));
  lock.unlock();
  begin_run(*work);
  const auto said = work->run({time_point::max(), steps});
  if (must_queue_after_run(*work, said))
    enqueue(std::move(work));
  return true;
}

std::size_t manual_executor::run(std::size_t most) {
  std::size_t ran = 0;
  while (ran < most && run_one())
    ++ran;
  return ran;
}

std::optional<manual_executor::time_point> manual_executor::next_timer() const {
  const std::lock_guard lock(mutex_);
  if (timers_.empty())
    return std::nullopt;
  return timers_.begin()->first;
}

}  // namespace flott
