#pragma once

/// What one life of a supervised actor shows of itself and lets be done to it from outside, without being asked.

#include "runtime/supervision/dead_letters.hpp"
#include "runtime/supervision/tree.hpp"

#include <caf/all.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace flott {

/// What happens to a message that meets a full mailbox.
enum class overflow : std::uint8_t {
  never,         ///< it is taken all the same: for control messages
  reject,        ///< refused; a request is answered with `mailbox_full` at once
  drop_newest,   ///< lost, counted as a dead letter; a request among them is answered as with `reject`
  drop_oldest,   ///< taken, and the oldest waiting message of this kind is lost instead
};

/// Bounds of a supervised actor's mailbox. Exit messages, DOWNs, answers to its own requests and messages of high
/// priority are always taken, and count.
///
/// CAF's mailbox can't be searched from outside: with `drop_oldest` the oldest message is dropped when its turn comes, so
/// that up to twice the bound may wait; beyond that the newest is dropped.
struct mailbox_limits {
  std::size_t messages = 0;          ///< 0: no bound
  std::size_t bytes = 0;             ///< 0: no bound; needs `size_of`
  /// Size of a message in bytes, as far as it matters; called once by its sender and once by its receiver.
  std::function<std::size_t(const caf::type_erased_tuple&)> size_of{};
  /// Unset: `reject`. Must be quick, and must not throw.
  std::function<overflow(const caf::type_erased_tuple&)> policy{};

  [[nodiscard]] bool bounded() const { return messages > 0 || bytes > 0; }
};

/// Milliseconds of a monotonic clock that costs a few nanoseconds and is as exact as the system's tick (1 to 10 ms): for
/// how long something has been going on, and, over many handlers, for sums.
[[nodiscard]] std::uint64_t coarse_ms() noexcept;

/// Counters of one life. Threads: any reads; `came` by senders; the rest by the actor itself.
class actor_vitals {
 public:
  actor_vitals(std::string path, std::shared_ptr<supervision::dead_letters> lost, mailbox_limits limits,
               std::shared_ptr<const std::atomic<int>> log_level);

  // senders
  void came(std::uint64_t bytes) noexcept {
    const auto number = received_.fetch_add(1, std::memory_order_relaxed) + 1;
    if (bytes > 0)
      received_bytes_.fetch_add(bytes, std::memory_order_relaxed);
    // The first of those that wait needs no stamp: it waits for as long as the actor is busy with the one before.
    const auto handled = handled_.load(std::memory_order_relaxed);
    if (number > handled + 1 && stamped_.load(std::memory_order_relaxed) <= handled) {
      stamp_ms_.store(coarse_ms(), std::memory_order_relaxed);
      stamped_.store(number, std::memory_order_relaxed);
    }
  }
  /// Whether a message of this size may come in.
  [[nodiscard]] bool admit(const caf::mailbox_element& x, std::uint64_t bytes) noexcept;

  // the actor
  void begins(const caf::type_erased_tuple& content, std::uint64_t bytes) noexcept;
  void ends() noexcept { in_message_.store(kind::none, std::memory_order_relaxed); }
  void postponed(std::uint64_t bytes) noexcept;
  void awake() noexcept { busy_since_.store(coarse_ms(), std::memory_order_relaxed); }
  void asleep() noexcept;
  /// One droppable message has to go, and this is one.
  [[nodiscard]] bool takes_from_debt(const caf::type_erased_tuple& content) noexcept;

  // test kits, before the actor is spawned
  /// Called on the actor's thread before each message is handled, and with null before its first step; what it throws,
  /// the actor has thrown.
  using interceptor = std::function<void(const caf::type_erased_tuple* message)>;
  void intercept(interceptor with) { intercepts_ = std::move(with); }
  [[nodiscard]] const interceptor& intercepts() const noexcept { return intercepts_; }

  // anybody
  /// From now on nothing of this life counts: it gets no more messages, and supervised actors take none from it.
  void fence() noexcept { fenced_.store(true, std::memory_order_release); }
  [[nodiscard]] bool fenced() const noexcept { return fenced_.load(std::memory_order_acquire); }
  /// Messages that wait, without the one that is being handled.
  [[nodiscard]] std::uint64_t waiting() const noexcept;
  void show(supervision::tree_node& node) const;
  /// What it is handling: a message's type or atom; empty between messages.
  [[nodiscard]] std::string handling() const;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const mailbox_limits& limits() const { return limits_; }
  [[nodiscard]] std::uint64_t size_of(const caf::type_erased_tuple& content) const noexcept;
  [[nodiscard]] supervision::dead_letters* lost() const { return lost_.get(); }
  [[nodiscard]] const std::atomic<int>* log_level() const { return log_level_.get(); }
  [[nodiscard]] bool own_log_level() const noexcept { return log_level_ && log_level_->load(std::memory_order_relaxed) >= 0; }

 private:
  enum class kind : std::uint8_t { none, type, number, atom };

  const std::string path_;
  const std::shared_ptr<supervision::dead_letters> lost_;
  const mailbox_limits limits_;
  const std::shared_ptr<const std::atomic<int>> log_level_;
  interceptor intercepts_;
  std::atomic<bool> fenced_{false};

  alignas(64) std::atomic<std::uint64_t> received_{0};          // senders' line
  std::atomic<std::uint64_t> received_bytes_{0}, stamped_{0}, stamp_ms_{0}, debt_{0};

  alignas(64) std::atomic<std::uint64_t> handled_{0};           // the actor's line
  std::atomic<std::uint64_t> handled_bytes_{0}, busy_ms_{0}, busy_since_{0}, what_{0};
  std::atomic<kind> in_message_{kind::none};
};
using actor_vitals_ptr = std::shared_ptr<actor_vitals>;

/// Exit messages, DOWNs and CAF's own timeouts: never refused, and no loss when their receiver has ended.
[[nodiscard]] bool is_system_message(const caf::type_erased_tuple& content);
/// A message's type for people: its first element's type, or its value where that is an atom.
[[nodiscard]] std::string message_name(const caf::type_erased_tuple& content);

/// The lives of this process that were given up while they still ran. Threads: any; costs a load while there are none.
class fences {
 public:
  static void raise(const caf::strong_actor_ptr& life);
  [[nodiscard]] static bool hold(const caf::strong_actor_ptr& sender) noexcept {
    return any_.load(std::memory_order_relaxed) && sender && contains(sender);
  }

 private:
  static bool contains(const caf::strong_actor_ptr& sender) noexcept;
  static std::atomic<bool> any_;
};

}  // namespace flott
