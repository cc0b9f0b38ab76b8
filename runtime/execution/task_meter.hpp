#pragma once

#include "messages/job.pb.h"

#include <atomic>
#include <chrono>
#include <cstdint>

namespace flott {

/// What one attempt counts. Written by the worker that runs it, without read-modify-write; read from any thread, each
/// value by itself.
class task_meter {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  /// What the subtask does, and waits for while it does not run.
  enum class activity : std::uint8_t { none, busy, idle, backpressured };

  void count_in(std::uint64_t records, std::uint64_t bytes) noexcept {
    add(records_in_, records);
    add(bytes_in_, bytes);
  }
  void count_out(std::uint64_t records, std::uint64_t bytes) noexcept {
    add(records_out_, records);
    add(bytes_out_, bytes);
  }
  void change(activity to, time_point now) noexcept {
    const auto at = now.time_since_epoch().count();
    const auto spent = static_cast<std::uint64_t>(at - since_.load(std::memory_order_relaxed));
    if (auto* total = total_of(activity_.load(std::memory_order_relaxed)))
      add(*total, spent);
    since_.store(at, std::memory_order_relaxed);
    activity_.store(to, std::memory_order_relaxed);
  }
  void enter_call(time_point now) noexcept {
    call_since_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }
  void leave_call() noexcept { call_since_.store(0, std::memory_order_relaxed); }

  /// The time of the present activity included.
  void read(time_point now, msg::TaskCounters& to) const {
    to.set_records_in(records_in_.load(std::memory_order_relaxed));
    to.set_records_out(records_out_.load(std::memory_order_relaxed));
    to.set_bytes_in(bytes_in_.load(std::memory_order_relaxed));
    to.set_bytes_out(bytes_out_.load(std::memory_order_relaxed));
    const auto doing = activity_.load(std::memory_order_relaxed);
    const auto spent = now.time_since_epoch().count() - since_.load(std::memory_order_relaxed);
    const auto running = [&](activity a) { return a == doing && spent > 0 ? static_cast<std::uint64_t>(spent) : 0; };
    to.set_busy_ns(busy_.load(std::memory_order_relaxed) + running(activity::busy));
    to.set_idle_ns(idle_.load(std::memory_order_relaxed) + running(activity::idle));
    to.set_backpressured_ns(backpressured_.load(std::memory_order_relaxed) + running(activity::backpressured));
  }
  [[nodiscard]] std::chrono::nanoseconds in_call_for(time_point now) const noexcept {
    const auto since = call_since_.load(std::memory_order_relaxed);
    const auto spent = now.time_since_epoch().count() - since;
    return std::chrono::nanoseconds(since == 0 || spent < 0 ? 0 : spent);
  }

 private:
  using counter = std::atomic<std::uint64_t>;
  static void add(counter& to, std::uint64_t n) noexcept {
    to.store(to.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  counter* total_of(activity a) noexcept {
    switch (a) {
      case activity::busy: return &busy_;
      case activity::idle: return &idle_;
      case activity::backpressured: return &backpressured_;
      case activity::none: break;
    }
    return nullptr;
  }

  counter records_in_{0}, records_out_{0}, bytes_in_{0}, bytes_out_{0};
  counter busy_{0}, idle_{0}, backpressured_{0};
  std::atomic<std::int64_t> since_{0}, call_since_{0};
  std::atomic<activity> activity_{activity::none};
};

}  // namespace flott
