#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace flott {

/// A queue from one thread to one other, without locks: segments of `N` slots, linked; an emptied segment is used
/// again. Unbounded, since channels bound what is in it by bytes; nothing is allocated before the first push.
template <class T, std::uint32_t N = 32>
class element_queue {
 public:
  element_queue() = default;
  element_queue(const element_queue&) = delete;
  element_queue& operator=(const element_queue&) = delete;
  /// Requires: neither side is in a call.
  ~element_queue() {
    segment* at = head_ != nullptr ? head_ : first_.load(std::memory_order_acquire);
    while (at != nullptr)
      delete std::exchange(at, at->following.load(std::memory_order_acquire));
    delete spare_.load(std::memory_order_acquire);
  }

  /// The producer's thread.
  void push(T value) {
    if (tail_ == nullptr || tail_index_ == N)
      append();
    tail_->slots[tail_index_] = std::move(value);
    tail_->written.store(++tail_index_, std::memory_order_release);
  }

  /// The consumer's thread. False, and `to` unchanged, when there is nothing.
  bool pop(T& to) {
    if (head_ == nullptr && (head_ = first_.load(std::memory_order_acquire)) == nullptr)
      return false;
    if (head_index_ == N) {
      segment* following = head_->following.load(std::memory_order_acquire);
      if (following == nullptr)
        return false;
      recycle(std::exchange(head_, following));
      head_index_ = 0;
    }
    if (head_index_ >= head_->written.load(std::memory_order_acquire))
      return false;
    T& slot = head_->slots[head_index_++];
    to = std::move(slot);
    slot = T{};
    return true;
  }

 private:
  struct segment {
    T slots[N]{};
    std::atomic<std::uint32_t> written{0};
    std::atomic<segment*> following{nullptr};
  };

  void append() {
    segment* fresh = spare_.exchange(nullptr, std::memory_order_acquire);
    if (fresh == nullptr)
      fresh = new segment;
    if (tail_ == nullptr)
      first_.store(fresh, std::memory_order_release);
    else
      tail_->following.store(fresh, std::memory_order_release);
    tail_ = fresh;
    tail_index_ = 0;
  }

  void recycle(segment* emptied) {
    emptied->written.store(0, std::memory_order_relaxed);
    emptied->following.store(nullptr, std::memory_order_relaxed);
    delete spare_.exchange(emptied, std::memory_order_acq_rel);
  }

  alignas(64) segment* tail_ = nullptr;          // the producer's
  std::uint32_t tail_index_ = 0;
  alignas(64) segment* head_ = nullptr;          // the consumer's
  std::uint32_t head_index_ = 0;
  alignas(64) std::atomic<segment*> first_{nullptr};
  std::atomic<segment*> spare_{nullptr};
};

}  // namespace flott
