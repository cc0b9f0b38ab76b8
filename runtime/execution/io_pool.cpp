#include "runtime/execution/io_pool.hpp"

#include "runtime/resources/crash_report.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

namespace flott {

struct io_pool::state {
  std::mutex mutex;
  std::condition_variable work_came, thread_ended;
  std::deque<std::function<void()>> queue;
  std::uint32_t threads = 0, sleeping = 0, most_threads = 1;
  std::chrono::milliseconds idle_timeout{};
  bool stopped = false;

  void loop() {
    const alternate_signal_stack stack;
    std::unique_lock lock(mutex);
    for (;;) {
      if (!queue.empty()) {
        auto work = std::move(queue.front());
        queue.pop_front();
        lock.unlock();
        work();
        work = nullptr;
        lock.lock();
        continue;
      }
      if (stopped)
        break;
      ++sleeping;
      const auto woken = work_came.wait_for(lock, idle_timeout);
      --sleeping;
      if (woken == std::cv_status::timeout && queue.empty())
        break;
    }
    --threads;
    thread_ended.notify_all();
  }
};

io_pool::io_pool(std::uint32_t most_threads, std::chrono::milliseconds idle_timeout)
    : state_(std::make_shared<state>()) {
  state_->most_threads = most_threads;
  state_->idle_timeout = idle_timeout;
}

io_pool::~io_pool() { stop(std::chrono::steady_clock::now() + std::chrono::seconds(30)); }

void io_pool::run(std::function<void()> work) {
  const std::lock_guard lock(state_->mutex);
  if (state_->stopped)
    return;
  state_->queue.push_back(std::move(work));
  if (state_->queue.size() <= state_->sleeping) {
    state_->work_came.notify_one();
  } else if (state_->threads < state_->most_threads) {
    ++state_->threads;
    try {
      std::thread([s = state_] { s->loop(); }).detach();
    } catch (const std::system_error&) {
      if (--state_->threads == 0) {        // otherwise one of the others takes it
        state_->queue.pop_back();
        throw;
      }
    }
  }
}

bool io_pool::stop(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(state_->mutex);
  state_->stopped = true;
  std::deque<std::function<void()>> dropped;
  dropped.swap(state_->queue);
  state_->work_came.notify_all();
  const bool ended = state_->thread_ended.wait_until(lock, deadline, [&] { return state_->threads == 0; });
  lock.unlock();
  return ended;
}

std::uint32_t io_pool::threads() const {
  const std::lock_guard lock(state_->mutex);
  return state_->threads;
}

}  // namespace flott
