#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

namespace flott {

/// How much a runnable may do before it lets others run: until `deadline`, and no more than `steps` pieces of work.
struct slice {
  std::chrono::steady_clock::time_point deadline;
  std::uint32_t steps = UINT32_MAX;
};

/// Something that runs in slices, never on two threads at once: a subtask. Owned by std::shared_ptr.
///
///            wake              a worker takes it
///     idle ───────> queued ─────────────────────> running ── wake ──> notified
///      ^                ^                            │                    │
///      │                └── run() said `again` ──────┤                    │
///      │                └── run() ended ─────────────┼────────────────────┘
///      └──────── run() said `idle` ──────────────────┘
///
/// Guarantee: a wake after the runnable last looked at what it waits for leads to another `run`; no wake is lost.
class runnable : public std::enable_shared_from_this<runnable> {
 public:
  enum class next : std::uint8_t {
    again,   ///< has more to do: back into the queue
    idle,    ///< nothing until somebody wakes it
  };
  virtual ~runnable() = default;
  /// Must not throw.
  virtual next run(const slice& limits) = 0;

 protected:
  runnable() = default;

 private:
  friend class executor;
  enum class state : std::uint8_t { idle, queued, running, notified };
  std::atomic<state> state_{state::idle};
};

/// Runs subtasks. All members may be called from any thread; what comes after `stop` is dropped.
class executor {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  virtual ~executor() = default;

  /// Makes `work` run soon, or once more if it is running.
  void wake(const std::shared_ptr<runnable>& work) {
    if (must_queue_after_wake(*work))
      enqueue(work);
  }
  /// Wakes `work` at `when` or soon after, if it still exists then.
  virtual void wake_at(std::weak_ptr<runnable> work, time_point when) = 0;
  /// Runs `work`, which may block, beside the subtasks. It must not throw.
  virtual void run_blocking(std::function<void()> work) = 0;
  [[nodiscard]] virtual time_point now() = 0;
  /// Runs a piece of work on the calling thread, if the executor has no threads of its own and there is one.
  virtual bool help() { return false; }
  /// Takes no more work; returns when all calls have returned (true), or at `deadline` (false).
  virtual bool stop(time_point deadline) = 0;

 protected:
  virtual void enqueue(std::shared_ptr<runnable> work) = 0;

  // Every transition is a read-modify-write, also where the state stays the same: so whatever the waker wrote before
  // is visible to the run that follows.
  static bool must_queue_after_wake(runnable& work) noexcept {
    using state = runnable::state;
    auto seen = work.state_.load(std::memory_order_relaxed);
    for (;;) {
      const auto to = seen == state::idle ? state::queued : seen == state::running ? state::notified : seen;
      if (work.state_.compare_exchange_weak(seen, to, std::memory_order_acq_rel, std::memory_order_relaxed))
        return seen == state::idle;
    }
  }
  static void begin_run(runnable& work) noexcept {
    work.state_.exchange(runnable::state::running, std::memory_order_acq_rel);
  }
  static bool must_queue_after_run(runnable& work, runnable::next said) noexcept {
    using state = runnable::state;
    auto seen = state::running;
    if (said == runnable::next::idle &&
        work.state_.compare_exchange_strong(seen, state::idle, std::memory_order_acq_rel))
      return false;
    work.state_.exchange(state::queued, std::memory_order_acq_rel);
    return true;
  }
};

}  // namespace flott
