#pragma once

/// What one life of a supervised actor shows of itself and lets be done to it from outside, without being asked.

#include "runtime/supervision/dead_letters.hpp"
#include "runtime/supervision/tree.hpp"

#include <caf/all.hpp>

#include <atomic>
#include <cstdint>
#include <ctime>
#include <functional>
#include <memory>
#include <string>

namespace flott {

/// What happens to a message that meets a full mailbox.
enum class overflow : std::uint8_t {
  never,         ///< it is taken all the same: for control messages
  reject,        ///< refused and counted as a dead letter; a request is answered with `mailbox_full` at once
  drop_newest,   ///< the same, and says that a loss is meant
  drop_oldest,   ///< taken, and the oldest waiting message of this policy is lost instead; a request is answered as above
};

/// Bounds of a supervised actor's mailbox. Exit messages, DOWNs, answers to its own requests and messages of high
/// priority are always taken, and count.
///
/// CAF's mailbox can't be searched from outside: with `drop_oldest` the oldest message is dropped when its turn comes, so
/// that up to twice the bound may wait; beyond that the newest is dropped.
struct mailbox_limits {
  std::size_t messages = 0;          ///< 0: no bound
  std::size_t bytes = 0;             ///< 0: no bound; needs `size_of`
  /// Size of a message in bytes, as far as it matters; called on its sender's thread and on its receiver's. Must be quick, say
  /// the same each time, and not throw.
  std::function<std::size_t(const caf::type_erased_tuple&)> size_of{};
  /// Asked about a message that meets a full mailbox, on its sender's thread, and with `drop_oldest` again on its receiver's.
  /// Unset: `reject`. Must be quick, say the same each time, and not throw.
  std::function<overflow(const caf::type_erased_tuple&)> policy{};

  [[nodiscard]] bool bounded() const { return messages > 0 || bytes > 0; }
};

/// Milliseconds of a monotonic clock that costs a few nanoseconds and is as exact as the system's tick (1 to 10 ms): for
/// how long something has been going on, and, over many handlers, for sums.
[[nodiscard]] inline std::uint64_t coarse_ms() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000 + static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
}

/// What actors show together.
struct actor_numbers {
  std::uint64_t actors = 0;                          ///< that live
  std::uint64_t handled = 0, busy_ms = 0;            ///< also by those that have ended
  std::uint64_t waiting = 0, waiting_bytes = 0, oldest_ms = 0;
};

/// Counters of one life. Threads: any reads; `came` by senders; the rest by the actor itself.
///
/// What senders write and what the actor writes lie apart, and neither side touches the other's cache line for each message:
/// that would cost more than all the rest.
class actor_vitals {
 public:
  actor_vitals(std::string path, std::shared_ptr<supervision::dead_letters> lost, mailbox_limits limits,
               std::shared_ptr<const std::atomic<int>> log_level);

  // senders
  /// `actor_idle`: it has nothing to do but this.
  void came(std::uint64_t bytes, bool actor_idle) noexcept {
    const auto number = received_.fetch_add(1, std::memory_order_relaxed) + 1;
    if (bytes > 0)
      received_bytes_.fetch_add(bytes, std::memory_order_relaxed);
    if (actor_idle)
      look_again_.store(0, std::memory_order_relaxed);
    else if (number >= look_again_.load(std::memory_order_relaxed))
      stamp(number);
  }
  /// Whether a message of this size may come in.
  [[nodiscard]] bool admit(const caf::mailbox_element& x, std::uint64_t bytes) noexcept;

  // the actor
  void begins(const caf::type_erased_tuple& content, std::uint64_t bytes) noexcept {
    handled_.store(handled_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);       // nobody else writes it
    if (bytes > 0)
      handled_bytes_.store(handled_bytes_.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
    if (content.empty())
      return;
    const auto [number, type] = content.type(0);
    if (number == caf::type_nr<caf::atom_value>::value) {
      what_.store(static_cast<std::uint64_t>(*static_cast<const caf::atom_value*>(content.get(0))), std::memory_order_relaxed);
      in_message_.store(kind::atom, std::memory_order_relaxed);
    } else if (number != 0) {
      what_.store(number, std::memory_order_relaxed);
      in_message_.store(kind::number, std::memory_order_relaxed);
    } else {
      type_.store(type, std::memory_order_relaxed);
      in_message_.store(kind::type, std::memory_order_relaxed);
    }
  }
  void ends() noexcept { in_message_.store(kind::none, std::memory_order_relaxed); }
  void postponed(std::uint64_t bytes) noexcept;
  void awake(std::uint64_t now_ms = coarse_ms()) noexcept { busy_since_.store(now_ms, std::memory_order_relaxed); }
  /// Requires: nobody else runs the actor meanwhile.
  void asleep() noexcept {
    if (busy_since_.load(std::memory_order_relaxed) > 0)
      asleep(coarse_ms());
  }
  void asleep(std::uint64_t now) noexcept {
    const auto since = busy_since_.load(std::memory_order_relaxed);
    if (since > 0 && now > since)
      busy_ms_.store(busy_ms_.load(std::memory_order_relaxed) + (now - since), std::memory_order_relaxed);
    busy_since_.store(0, std::memory_order_relaxed);
  }
  /// The same where another thread may run it already: then it is that one's.
  void rests() noexcept {
    auto since = busy_since_.load(std::memory_order_relaxed);
    if (since != 0)
      busy_since_.compare_exchange_strong(since, 0, std::memory_order_relaxed);
  }
  /// One droppable message has to go, and this is one.
  [[nodiscard]] bool takes_from_debt(const caf::mailbox_element& x) noexcept;
  /// It has been fenced, and handles nothing any more.
  [[nodiscard]] bool given_up() const noexcept { return given_up_.load(std::memory_order_acquire); }
  /// Its behaviour is set up; said once.
  void initialized();

  // whoever spawns it
  /// The actor tells `supervisor` once its behaviour is set up.
  void when_initialized(caf::actor_addr supervisor, std::uint64_t key, std::uint64_t incarnation);
  /// An actor has these vitals. `at_once`: it calls `initialized` without being asked for anything first.
  void taken(bool at_once) noexcept { use_ = at_once ? use::at_once : use::lazy; }
  [[nodiscard]] bool in_use() const noexcept { return use_ != use::none; }
  [[nodiscard]] bool initializes_at_once() const noexcept { return use_ == use::at_once; }

  // test kits, before the actor is spawned
  /// Called on the actor's thread before each message is handled, and with null before its first step; what it throws,
  /// the actor has thrown.
  using interceptor = std::function<void(const caf::type_erased_tuple* message)>;
  void intercept(interceptor with) { intercepts_ = std::make_unique<const interceptor>(std::move(with)); }
  /// Null: nobody does.
  [[nodiscard]] const interceptor* intercepts() const noexcept { return intercepts_.get(); }

  // anybody
  /// From now on nothing of this life counts: it gets no more messages, and supervised actors take none from it.
  void fence() noexcept {
    fenced_.store(true, std::memory_order_release);
    given_up_.store(true, std::memory_order_release);
  }
  [[nodiscard]] bool fenced() const noexcept { return fenced_.load(std::memory_order_acquire); }
  /// Messages that wait, without the one that is being handled.
  [[nodiscard]] std::uint64_t waiting() const noexcept;
  void add_to(actor_numbers& sum, std::uint64_t now_ms) const noexcept;
  /// Whoever looks at many asks for them some time before.
  void prefetch() const noexcept {
    __builtin_prefetch(&received_);
    __builtin_prefetch(&handled_);
    __builtin_prefetch(&use_);
  }
  void show(supervision::tree_node& node, std::uint64_t now_ms) const;
  /// What it is handling: a message's type or atom; empty between messages.
  [[nodiscard]] std::string handling() const;

  [[nodiscard]] const std::string& path() const { return path_; }
  /// The path's last part.
  [[nodiscard]] std::string id() const { return path_.substr(path_.rfind('/') + 1); }
  [[nodiscard]] bool bounded() const noexcept { return limits_ && limits_->bounded(); }
  /// Messages have a size.
  [[nodiscard]] bool sized() const noexcept { return limits_ && limits_->size_of; }
  [[nodiscard]] std::uint64_t size_of(const caf::type_erased_tuple& content) const noexcept { return limits_->size_of(content); }
  [[nodiscard]] supervision::dead_letters* lost() const { return lost_.get(); }
  [[nodiscard]] const std::atomic<int>* log_level() const { return log_level_.get(); }
  [[nodiscard]] bool own_log_level() const noexcept { return log_level_ && log_level_->load(std::memory_order_relaxed) >= 0; }

 private:
  friend class actor_group;
  enum class kind : std::uint8_t { none, type, number, atom };
  enum class use : std::uint8_t { none, lazy, at_once };

  void stamp(std::uint64_t number) noexcept;
  [[nodiscard]] std::uint64_t oldest_ms(std::uint64_t handled, std::uint64_t now_ms) const noexcept;

  // What the actor uses, what hardly anybody uses, what senders use: in this order, so that actor and senders share no line.
  std::atomic<std::uint64_t> handled_{0}, what_{0}, busy_ms_{0}, busy_since_{0}, handled_bytes_{0};
  std::atomic<const std::type_info*> type_{nullptr};            // apart from `what_`, for who reads between two messages
  std::atomic<kind> in_message_{kind::none};
  std::atomic<bool> given_up_{false};                // as `fenced_`, where the actor looks
  const std::shared_ptr<const std::atomic<int>> log_level_;

  const std::shared_ptr<supervision::dead_letters> lost_;
  const std::shared_ptr<const mailbox_limits> limits_;          // null: none
  const std::string path_;
  caf::actor_addr supervisor_;                       // null: it need not be told
  std::uint64_t key_ = 0, incarnation_ = 0;
  std::unique_ptr<const interceptor> intercepts_;
  actor_vitals *before_ = nullptr, *after_ = nullptr;           // in its group, which guards them
  use use_ = use::none;

  // Of what meets an actor that is not idle as much is looked at as there are few that wait, and stamped unless an earlier
  // stamped one still waits: so long, at least, has the oldest been there. One that waits alone for an idle actor to be run is
  // stamped by the first who looks at it.
  std::atomic<bool> fenced_{false};
  std::atomic<std::uint64_t> received_{0}, look_again_{0}, received_bytes_{0}, debt_{0};
  mutable std::atomic<std::uint64_t> stamped_{0}, stamp_ms_{0};
};
using actor_vitals_ptr = std::shared_ptr<actor_vitals>;

/// Exit messages, DOWNs and CAF's own timeouts: never refused, and no loss when they come after their receiver's end. (Those that
/// wait in its mailbox when it ends are counted with the others.)
[[nodiscard]] bool is_system_message(const caf::type_erased_tuple& content);
/// A message's type for people: its first element's type, or its value where that is an atom.
[[nodiscard]] std::string message_name(const caf::type_erased_tuple& content);

/// The lives of this process that were given up while they still ran. Threads: any; costs a load while there are none.
class fences {
 public:
  static void raise(const caf::strong_actor_ptr& life);
  /// It has ended: nothing more comes from it.
  static void lower(const caf::actor_control_block* life) noexcept;
  [[nodiscard]] static bool hold(const caf::strong_actor_ptr& sender) noexcept {
    return any_.load(std::memory_order_relaxed) && sender && contains(sender);
  }

 private:
  static bool contains(const caf::strong_actor_ptr& sender) noexcept;
  static std::atomic<bool> any_;
};

}  // namespace flott
