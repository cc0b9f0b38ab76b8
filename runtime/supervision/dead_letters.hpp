#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace flott::supervision {

/// Why a message was not handled; the bounded label of the counter of dead letters.
enum class loss : std::uint8_t {
  unhandled,        ///< its receiver has no handler for it
  receiver_ended,   ///< its receiver had ended, or ended before its turn
  stale,            ///< it comes from, or goes to, a life that was given up
  mailbox_full,     ///< its receiver's mailbox was full
  expired,          ///< an answer that came after its time limit, or a message after its deadline
  refused,          ///< its receiver took it for not allowed
};
inline constexpr std::size_t loss_count = 6;
[[nodiscard]] const char* to_string(loss x);

/// A message that nobody handled.
struct dead_letter {
  loss why = loss::unhandled;
  std::string type;             ///< of the message, for people; empty: not known any more
  std::string receiver;         ///< path, or name
  std::uint64_t sender = 0;     ///< actor id; 0: none
  std::uint64_t count = 1;      ///< how many alike this one stands for
};

/// The stream of dead letters: all are counted, a few are kept and shown. Threads: any; `add` never blocks long and
/// never throws.
class dead_letters {
 public:
  using listener = std::function<void(const dead_letter&)>;

  /// At most `per_second` letters are shown to `shown` (and kept as samples); it is called by whoever loses the letter, must
  /// be quick and must not send to the actor that lost it.
  explicit dead_letters(listener shown = {}, unsigned per_second = 10);

  /// `describe` is called only when the letter is shown.
  template <class Describe>
  void add(loss why, std::uint64_t count, Describe describe) noexcept {
    counts_[static_cast<std::size_t>(why)].fetch_add(count, std::memory_order_relaxed);
    if (!may_show())
      return;
    try {
      dead_letter letter = describe();
      letter.why = why;
      letter.count = count;
      show(std::move(letter));
    } catch (...) {                                   // out of memory: it is counted
    }
  }

  [[nodiscard]] std::uint64_t count(loss why) const {
    return counts_[static_cast<std::size_t>(why)].load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t count() const;
  /// The latest letters that were shown, the oldest first; at most 64.
  [[nodiscard]] std::vector<dead_letter> samples() const;

 private:
  bool may_show() noexcept;
  void show(dead_letter letter);

  std::array<std::atomic<std::uint64_t>, loss_count> counts_{};
  std::atomic<std::int64_t> second_{0};
  std::atomic<unsigned> shown_in_second_{0};
  listener listener_;
  unsigned per_second_;
  mutable std::mutex mutex_;
  std::deque<dead_letter> samples_;
};

}  // namespace flott::supervision
