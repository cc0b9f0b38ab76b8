#pragma once

#include "runtime/batch/partition.hpp"
#include "runtime/exchange/channel.hpp"
#include "runtime/execution/task_meter.hpp"
#include "runtime/operators/operator.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <vector>

namespace flott {

/// One edge that leaves a chain, as this subtask sees it.
struct output_edge {
  std::unique_ptr<partitioner> distribute;             ///< null: everything goes to the only channel
  std::vector<std::shared_ptr<channel>> channels;      ///< one per consumer that this subtask feeds
};

/// The end of a chain: distributes what comes out of it over the channels of its edges. Used on the subtask's worker.
class task_output final : public output {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// `first` is called once, before the first batch leaves; `count` says whether batches count as records out.
  task_output(std::vector<output_edge> edges, task_meter& meter, std::shared_ptr<memory_budget> budget,
              std::function<void()> first, bool count);

  /// `producer` hears when there is room again. To be called before the first `emit`.
  void attach(const std::shared_ptr<waker>& producer);

  void emit(record_batch batch) override;
  void emit(watermark mark) override;
  void emit(stream_status status) override;
  /// To one channel of each edge, in turn.
  void emit(latency_marker marker) override;
  void emit(barrier b);
  [[nodiscard]] bool full() const noexcept override;

  /// Hands over all rows that partitioners still gather.
  void flush();
  /// Hands them over where the consumer has nothing else to do, and everywhere if they have waited for `longest`.
  void flush_starving(time_point now, std::chrono::nanoseconds longest);
  /// Flushes, and ends every channel.
  void finish();
  /// After `finish`: the consumers have taken everything.
  [[nodiscard]] bool drained() const noexcept;
  void break_off(const channel_break& why);
  /// Lets go of all channels, and of partitioners.
  void clear() {
    edges_.clear();
    first_ = nullptr;
  }
  /// Why a consumer went away; null while all are there.
  [[nodiscard]] const channel_break* broken() const noexcept;
  /// From now on `full` says yes: the subtask was canceled, possibly in the middle of a long call.
  void stop() noexcept { stopped_.store(true, std::memory_order_relaxed); }

 private:
  void send(output_edge& edge, std::uint32_t to, record_batch batch);
  template <class T>
  void in_band(T element);
  [[nodiscard]] bool pending() const;

  std::vector<output_edge> edges_;
  task_meter& meter_;
  std::shared_ptr<memory_budget> budget_;
  std::function<void()> first_;
  bool count_;
  bool finished_ = false;
  bool has_pending_ = false;
  time_point pending_since_{};
  std::uint32_t next_marker_ = 0;
  std::atomic<bool> stopped_{false};
};

}  // namespace flott
