#pragma once

#include "runtime/base/failure.hpp"
#include "runtime/batch/record_batch.hpp"
#include "runtime/exchange/element_queue.hpp"
#include "runtime/exchange/waker.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <variant>

namespace flott {

/// A batch as bytes of the wire format, on its way to or from another process: the first `size` of `bytes`.
struct encoded_batch {
  arena_ptr bytes;
  std::uint32_t size = 0;
  schema_ptr shape;
};

/// What flows through a channel. Control elements keep their place among the batches.
using channel_element = std::variant<std::monostate, record_batch, encoded_batch, watermark, stream_status, barrier,
                                     end_of_stream, latency_marker>;

/// How an end of a channel went away without `end_of_stream`.
struct channel_break {
  /// The task at the other end failed or was canceled: its own report tells why, and comes first. Otherwise the
  /// connection or the process was lost, which nobody else may report.
  bool reported_elsewhere = false;
  failure error;
};

/// One way from one producing subtask to one consuming subtask, inside a process. Towards another process the
/// network's thread is the consumer here and the producer there.
///
///     producer ── push ──> [ batch | watermark | batch | barrier | ... | end ] ── pop ──> consumer
///              <── credit: may push batches while less than `credit_bytes` are in flight ──
///
/// Guarantees: elements arrive in order, once; an end hears of the other's doings through its waker: the consumer
/// when something came into an empty channel or the producer broke off, the producer when half of the credit is free
/// again, the consumer broke off, or, after `push_last`, when everything was taken. A wake may be spurious.
/// Threads: one producer and one consumer at a time; each attaches before its first other call.
class channel {
 public:
  explicit channel(std::uint64_t credit_bytes) : credit_(static_cast<std::int64_t>(credit_bytes)) {}

  // --- producer ---
  void attach_producer(std::shared_ptr<waker> producer);
  /// Never blocks and never refuses; the producer looks at `writable` between its pieces of work.
  void push(channel_element element);
  /// Like `push`, for the last element; from now on the producer is woken when the channel is drained.
  void push_last(channel_element element);
  [[nodiscard]] bool writable() const noexcept {
    return in_flight_.load(std::memory_order_acquire) < credit_ || consumer_broke();
  }
  /// Everything that was pushed has been taken.
  [[nodiscard]] bool drained() const noexcept { return in_flight_.load(std::memory_order_acquire) <= 0; }
  /// True: the consumer wants `encoded_batch`es. A batch pushed as it is all the same is encoded by the consumer.
  [[nodiscard]] bool wants_encoded() const noexcept { return wants_encoded_.load(std::memory_order_relaxed); }
  /// The producer goes, without an end of the stream.
  void break_producer(channel_break why);
  /// Null while the consumer is there.
  [[nodiscard]] const channel_break* consumer_break() const noexcept {
    return consumer_broke() ? &consumer_break_ : nullptr;
  }

  // --- consumer ---
  void attach_consumer(std::shared_ptr<waker> consumer, bool encoded = false);
  bool pop(channel_element& to);
  /// The consumer is the network: `producer` shall also be woken for every `step` bytes of batches popped.
  void wake_producer_every(std::uint64_t step) noexcept { step_ = step; }
  /// Bytes of batches popped so far, by `credit_of`. Any thread.
  [[nodiscard]] std::uint64_t popped_bytes() const noexcept { return popped_.load(std::memory_order_acquire); }
  void break_consumer(channel_break why);
  [[nodiscard]] const channel_break* producer_break() const noexcept {
    return producer_gone_.load(std::memory_order_acquire) ? &producer_break_ : nullptr;
  }

  [[nodiscard]] std::uint64_t credit_bytes() const noexcept { return static_cast<std::uint64_t>(credit_); }
  /// What an element takes of the credit; control elements nothing.
  [[nodiscard]] static std::uint64_t credit_of(const channel_element& element) noexcept;
  /// Even the smallest batch costs this much, so that credit bounds their number too.
  static constexpr std::uint64_t batch_overhead = 256;

 private:
  [[nodiscard]] bool consumer_broke() const noexcept { return consumer_gone_.load(std::memory_order_acquire); }
  static void wake(const std::atomic<waker*>& whom) noexcept {
    if (waker* w = whom.load(std::memory_order_seq_cst))
      w->wake();
  }

  element_queue<channel_element> queue_;
  /// Elements published and not yet popped, by weight. The producer adds after it has published, so for a moment it
  /// may be negative.
  alignas(64) std::atomic<std::int64_t> in_flight_{0};
  const std::int64_t credit_;
  std::atomic<bool> wants_encoded_{false}, closing_{false};
  std::atomic<bool> producer_gone_{false}, consumer_gone_{false};
  std::atomic<waker*> producer_{nullptr}, consumer_{nullptr};
  std::shared_ptr<waker> producer_owner_, consumer_owner_;
  channel_break producer_break_, consumer_break_;
  alignas(64) std::atomic<std::uint64_t> popped_{0};   // written by the consumer only
  std::uint64_t step_ = 0, since_step_ = 0;
};

}  // namespace flott
