#include "runtime/execution/threaded_executor.hpp"

#include "runtime/base/log.hpp"
#include "runtime/execution/io_pool.hpp"
#include "runtime/resources/crash_report.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <queue>
#include <system_error>
#include <thread>
#include <tuple>
#include <vector>

namespace flott {

namespace {

struct timer {
  executor::time_point when;
  std::uint64_t order;
  std::weak_ptr<runnable> work;
  bool operator>(const timer& other) const { return std::tie(when, order) > std::tie(other.when, other.order); }
};

/// One worker thread, as the others see it; guarded by the state's mutex.
struct worker {
  executor::time_point running_since{};
  bool running = false;
  bool overrunning = false;   ///< a spare has taken its place
};

}  // namespace

// Threads own the state, not the executor: one that never returns from user code does not keep `stop` from returning.
struct threaded_executor::state : std::enable_shared_from_this<state> {
  explicit state(const threaded_executor_config& c) : config(c), io(c.most_io_threads) {
    if (config.workers == 0)
      config.workers = std::max(1U, std::thread::hardware_concurrency());
  }

  threaded_executor_config config;
  io_pool io;
  std::mutex mutex;
  std::condition_variable work_came;     ///< for sleeping workers
  std::condition_variable timer_came;    ///< for the one sleeping worker that keeps the time
  std::condition_variable thread_ended, monitor_armed;
  std::deque<std::shared_ptr<runnable>> queue;
  std::priority_queue<timer, std::vector<timer>, std::greater<>> timers;
  std::uint64_t timer_order = 0;
  std::list<worker> workers;
  std::uint32_t sleeping = 0;            ///< without the timekeeper
  std::uint32_t overrunning = 0;
  std::uint32_t threads = 0;             ///< workers and monitor
  bool timekeeper = false;               ///< a worker sleeps until the first timer
  bool monitor_exists = false, armed = false, stopped = false;

  void push(std::shared_ptr<runnable> work);
  void need_hands();
  void work_loop(std::list<worker>::iterator self);
  void monitor_loop();
  void start_worker();
  void arm_monitor();
  void fire_due_timers(time_point now);
  void sleep(std::unique_lock<std::mutex>& lock);
  [[nodiscard]] std::uint32_t able() const { return static_cast<std::uint32_t>(workers.size()) - overrunning; }
};

void threaded_executor::state::push(std::shared_ptr<runnable> work) {
  queue.push_back(std::move(work));
  need_hands();
}

/// There is work: a sleeper takes it, or a new worker, or whoever is free next.
void threaded_executor::state::need_hands() {
  if (queue.size() <= sleeping) {
    work_came.notify_one();
  } else if (timekeeper && queue.size() <= sleeping + 1) {
    timer_came.notify_one();
  } else if (able() < config.workers) {
    start_worker();
  } else {
    arm_monitor();
  }
}

void threaded_executor::state::start_worker() {
  workers.emplace_front();
  ++threads;
  try {
    std::thread([s = shared_from_this(), self = workers.begin()] { s->work_loop(self); }).detach();
  } catch (const std::system_error& e) {              // the others do it, or whoever can be started with the next work
    workers.pop_front();
    --threads;
    log::error("no thread can be started for a worker", {{"why", e.what()}, {"workers", workers.size()}});
  }
}

void threaded_executor::state::arm_monitor() {
  if (armed)
    return;
  armed = true;
  if (monitor_exists) {
    monitor_armed.notify_one();
    return;
  }
  monitor_exists = true;
  ++threads;
  try {
    std::thread([s = shared_from_this()] { s->monitor_loop(); }).detach();
  } catch (const std::system_error& e) {
    monitor_exists = armed = false;
    --threads;
    log::error("no thread can be started to watch the workers", {{"why", e.what()}});
  }
}

void threaded_executor::state::fire_due_timers(time_point now) {
  while (!timers.empty() && timers.top().when <= now) {
    auto work = timers.top().work.lock();
    timers.pop();
    if (work && must_queue_after_wake(*work))
      push(std::move(work));
  }
}

void threaded_executor::state::sleep(std::unique_lock<std::mutex>& lock) {
  if (timers.empty() || timekeeper) {
    ++sleeping;
    work_came.wait(lock);
    --sleeping;
    return;
  }
  timekeeper = true;
  const auto first = timers.top().when;  // a copy: the heap moves while this sleeps
  timer_came.wait_until(lock, first);
  timekeeper = false;
  if (timers.empty())
    return;
  if (sleeping > 0)
    work_came.notify_one();              // another one keeps the time while this one works
  else
    arm_monitor();                       // which does, should this one's work last
}

void threaded_executor::state::work_loop(std::list<worker>::iterator self) {
  const alternate_signal_stack stack;
  std::unique_lock lock(mutex);
  while (!stopped) {
    if (!timers.empty())
      fire_due_timers(std::chrono::steady_clock::now());
    if (queue.empty()) {
      sleep(lock);
      continue;
    }
    auto work = std::move(queue.front());
    queue.pop_front();
    begin_run(*work);
    self->running_since = std::chrono::steady_clock::now();
    self->running = true;
    const slice limits{self->running_since + config.slice};
    lock.unlock();

    const auto said = work->run(limits);
    const bool again = must_queue_after_run(*work, said);
    if (!again)
      work.reset();                      // the last reference may be ours; not under the lock

    lock.lock();
    self->running = false;
    if (again)
      queue.push_back(std::move(work));  // this worker goes on, so there is a hand for it
    if (self->overrunning) {
      self->overrunning = false;
      --overrunning;
      if (able() > config.workers) {
        if (!queue.empty())
          need_hands();
        break;                           // the spare that took the place keeps it
      }
    }
  }
  workers.erase(self);
  --threads;
  thread_ended.notify_all();
}

void threaded_executor::state::monitor_loop() {
  std::unique_lock lock(mutex);
  std::uint32_t calm = 0;
  while (!stopped) {
    if (!armed) {
      monitor_armed.wait(lock);
      continue;
    }
    monitor_armed.wait_for(lock, config.overrun / 2);
    if (stopped)
      break;
    const auto now = std::chrono::steady_clock::now();
    if (queue.empty() && timers.empty()) {
      if (++calm > 10)
        armed = false;
      continue;
    }
    calm = 0;
    for (auto& w : workers) {
      if (w.running && !w.overrunning && now - w.running_since >= config.overrun &&
          overrunning < config.most_spares) {
        w.overrunning = true;
        ++overrunning;
      }
    }
    fire_due_timers(now);
    if (sleeping == 0 && !timekeeper && able() < config.workers && (!queue.empty() || !timers.empty()))
      start_worker();
    if (sleeping > 0 || timekeeper)
      armed = !queue.empty();
  }
  --threads;
  thread_ended.notify_all();
}

threaded_executor::threaded_executor(threaded_executor_config config) : state_(std::make_shared<state>(config)) {}

threaded_executor::~threaded_executor() { stop(std::chrono::steady_clock::now() + std::chrono::seconds(30)); }

void threaded_executor::enqueue(std::shared_ptr<runnable> work) {
  const std::lock_guard lock(state_->mutex);
  if (!state_->stopped)
    state_->push(std::move(work));
}

void threaded_executor::wake_at(std::weak_ptr<runnable> work, time_point when) {
  const std::lock_guard lock(state_->mutex);
  auto& s = *state_;
  if (s.stopped)
    return;
  const bool first = s.timers.empty() || when < s.timers.top().when;
  s.timers.push({when, s.timer_order++, std::move(work)});
  if (s.timekeeper) {
    if (first)
      s.timer_came.notify_one();
  } else if (s.sleeping > 0) {
    s.work_came.notify_one();            // becomes the timekeeper
  } else if (s.able() < s.config.workers) {
    s.start_worker();
  } else {
    s.arm_monitor();
  }
}

void threaded_executor::run_blocking(std::function<void()> work) { state_->io.run(std::move(work)); }

bool threaded_executor::stop(time_point deadline) {
  std::deque<std::shared_ptr<runnable>> dropped;
  std::unique_lock lock(state_->mutex);
  auto& s = *state_;
  s.stopped = true;
  s.work_came.notify_all();
  s.timer_came.notify_all();
  s.monitor_armed.notify_all();
  const bool ended = s.thread_ended.wait_until(lock, deadline, [&] { return s.threads == 0; });
  dropped.swap(s.queue);
  lock.unlock();
  return s.io.stop(deadline) && ended;
}

std::uint32_t threaded_executor::workers() const {
  const std::lock_guard lock(state_->mutex);
  return static_cast<std::uint32_t>(state_->workers.size());
}

}  // namespace flott
