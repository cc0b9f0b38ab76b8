#pragma once

#include "runtime/exchange/channel.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <variant>
#include <vector>

namespace flott {

/// Merges the channels of one subtask into one sequence of events. Used on the subtask's worker.
///
/// - Batches are taken from the channels in turn.
/// - The watermark is the least of all channels that neither are idle nor have ended; it never goes back.
/// - The gate is idle while all channels that have not ended are.
/// - Barriers are aligned: a channel that has delivered checkpoint n's barrier is not read until all others have, or
///   have ended. A barrier of a later checkpoint abandons the alignment; one of an earlier checkpoint is ignored.
class input_gate {
 public:
  struct nothing {};                          ///< no channel has anything to give
  struct input_batch {
    std::size_t input = 0;                    ///< of the chain's head
    record_batch batch;
  };
  struct all_ended {};                        ///< said again and again
  struct broke {
    channel_break why;
  };
  struct unreadable {                         ///< bytes of another process that are no batch
    failure error;
  };
  using event = std::variant<nothing, input_batch, watermark, stream_status, barrier, latency_marker, all_ended, broke,
                             unreadable>;

  explicit input_gate(std::shared_ptr<memory_budget> budget) : budget_(std::move(budget)) {}

  /// One more channel, feeding input `input` of the head; its number counts from 0. To be connected before `next`.
  void add(std::size_t input) {
    inputs_.push_back({.of_head = input});
    ++open_;
  }
  void connect(std::size_t number, std::shared_ptr<channel> source) { inputs_[number].source = std::move(source); }
  [[nodiscard]] std::size_t size() const noexcept { return inputs_.size(); }

  [[nodiscard]] event next();
  /// Tells the producers that have not ended, of connected channels.
  void break_off(const channel_break& why);
  /// Lets go of all channels and of what is in them.
  void clear() {
    inputs_.clear();
    pending_.clear();
  }

 private:
  struct entry {
    std::size_t of_head = 0;
    std::shared_ptr<channel> source{};
    event_time mark = min_event_time;
    bool idle = false, ended = false, blocked = false;
  };

  /// Takes elements from the channel until one of them has a consequence.
  bool take(entry& from);
  void heard(entry& from, watermark mark);
  void heard(entry& from, stream_status status);
  void heard(entry& from, barrier b);
  void ended(entry& from);
  void complete_alignment();
  void move_time();

  std::vector<entry> inputs_;
  std::shared_ptr<memory_budget> budget_;
  std::deque<event> pending_;                 ///< consequences of the last element
  std::size_t cursor_ = 0;
  event_time mark_ = min_event_time;
  bool idle_ = false;
  std::size_t open_ = 0;                      ///< channels that have not ended
  bool aligning_ = false;
  bool unblocked_ = false;                    ///< an alignment was given up
  barrier aligned_{};                         ///< the checkpoint being aligned, or the last one
};

}  // namespace flott
