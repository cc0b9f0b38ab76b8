#include "actors/supervisor/vitals.hpp"

#include "actors/exit_reason.hpp"
#include "actors/supervisor.hpp"

#include <algorithm>
#include <deque>
#include <mutex>
#include <shared_mutex>
#include <utility>

namespace flott {
namespace {

constexpr std::size_t most_fenced = 1024;
constexpr auto relaxed = std::memory_order_relaxed;

/// Weak references keep the address of each from being used again, and nothing else.
struct fenced_lives {
  std::shared_mutex mutex;
  std::deque<caf::weak_actor_ptr> lives;
};

fenced_lives& all_fenced() {
  static auto& lives = *new fenced_lives;            // never destroyed: abandoned threads may outlive main
  return lives;
}

/// CAF's own names begin with '@'.
std::string number_name(std::uint16_t number) {
  const std::string name = number > 0 && number <= caf::type_nrs ? caf::numbered_type_names[number - 1] : "?";
  return name.starts_with('@') ? name.substr(1) : name;
}

}  // namespace

actor_vitals::actor_vitals(std::string path, std::shared_ptr<supervision::dead_letters> lost, mailbox_limits limits,
                           std::shared_ptr<const std::atomic<int>> log_level)
    : log_level_(std::move(log_level)),
      lost_(std::move(lost)),
      limits_(limits.bounded() || limits.size_of ? std::make_shared<const mailbox_limits>(std::move(limits)) : nullptr),
      path_(std::move(path)) {}

void actor_vitals::stamp(std::uint64_t number) noexcept {
  const auto handled = handled_.load(relaxed);
  look_again_.store(number + 1 + (number > handled ? (number - handled) / 2 : 0), relaxed);
  if (stamped_.load(relaxed) <= handled) {
    stamp_ms_.store(coarse_ms(), relaxed);
    stamped_.store(number, relaxed);
  }
}

void actor_vitals::when_initialized(caf::actor_addr supervisor, std::uint64_t key, std::uint64_t incarnation) {
  supervisor_ = std::move(supervisor);
  key_ = key;
  incarnation_ = incarnation;
}

void actor_vitals::initialized() {
  // Only for a moment a strong reference: parent and child would keep each other alive.
  if (const auto supervisor = caf::actor_cast<caf::strong_actor_ptr>(std::exchange(supervisor_, nullptr)))
    caf::anon_send(caf::actor_cast<supervisor_actor>(supervisor), child_confirmed{key_, incarnation_});
}

namespace {

bool is_always_taken(const caf::mailbox_element& x) {
  return x.mid.is_urgent_message() || x.mid.is_response() || is_system_message(x.content());
}

}  // namespace

bool actor_vitals::admit(const caf::mailbox_element& x, std::uint64_t bytes) noexcept {
  const auto count = waiting();
  const auto held = received_bytes_.load(relaxed) - handled_bytes_.load(relaxed);
  const auto over = [&](std::uint64_t times) {
    return (limits_->messages > 0 && count >= times * limits_->messages) ||
           (limits_->bytes > 0 && held + bytes > times * limits_->bytes);
  };
  if (!over(1) || is_always_taken(x))
    return true;
  switch (limits_->policy ? limits_->policy(x.content()) : overflow::reject) {
    case overflow::never: return true;
    case overflow::reject:
    case overflow::drop_newest: return false;
    case overflow::drop_oldest:
      if (over(2))
        return false;
      debt_.fetch_add(1, relaxed);                   // it may, and an older one has to go
      return true;
  }
  return false;
}

bool actor_vitals::takes_from_debt(const caf::mailbox_element& x) noexcept {
  auto debt = debt_.load(relaxed);
  if (debt == 0 || is_always_taken(x) || !limits_->policy || limits_->policy(x.content()) != overflow::drop_oldest)
    return false;
  while (debt > 0)
    if (debt_.compare_exchange_weak(debt, debt - 1, relaxed))
      return true;
  return false;
}

/// What goes back waits again, as if it had come anew: counters never fall.
void actor_vitals::postponed(std::uint64_t bytes) noexcept {
  received_.fetch_add(1, relaxed);
  if (bytes > 0)
    received_bytes_.fetch_add(bytes, relaxed);
}

std::uint64_t actor_vitals::waiting() const noexcept {
  const auto handled = handled_.load(relaxed);       // first: it never overtakes the other
  const auto received = received_.load(relaxed);
  return received > handled ? received - handled : 0;
}

std::string actor_vitals::handling() const {
  const auto kind_now = in_message_.load(relaxed);
  const auto what = what_.load(relaxed);
  switch (kind_now) {
    case kind::none: return {};
    case kind::type: {
      const auto* type = type_.load(relaxed);
      return type != nullptr ? type_name(*type) : std::string{};
    }
    case kind::number: return number_name(static_cast<std::uint16_t>(what));
    case kind::atom: return caf::to_string(static_cast<caf::atom_value>(what));
  }
  return {};
}

std::uint64_t actor_vitals::oldest_ms(std::uint64_t handled, std::uint64_t now_ms) const noexcept {
  if (stamped_.load(relaxed) > handled)
    return now_ms - std::min(now_ms, stamp_ms_.load(relaxed));
  if (busy_since_.load(relaxed) == 0) {
    stamp_ms_.store(now_ms, relaxed);
    stamped_.store(handled + 1, relaxed);
  }
  return 0;                                          // it came a moment ago, as far as one knows
}

void actor_vitals::show(supervision::tree_node& node, std::uint64_t now_ms) const {
  auto& seen = node.vitals.emplace();
  seen.handled = handled_.load(relaxed);
  seen.waiting = waiting();
  seen.waiting_bytes = received_bytes_.load(relaxed) - std::min(received_bytes_.load(relaxed), handled_bytes_.load(relaxed));
  seen.busy_ms = busy_ms_.load(relaxed);
  if (const auto since = busy_since_.load(relaxed); since > 0) {
    seen.in_handler_ms = now_ms - std::min(now_ms, since);
    seen.busy_ms += seen.in_handler_ms;
    seen.handling = handling();
  }
  if (seen.waiting > 0)
    seen.oldest_ms = oldest_ms(seen.handled, now_ms);
}

void actor_vitals::add_to(actor_numbers& sum, std::uint64_t now_ms) const noexcept {
  const auto handled = handled_.load(relaxed), handled_bytes = handled_bytes_.load(relaxed);
  const auto bytes = received_bytes_.load(relaxed);
  sum.handled += handled;
  sum.busy_ms += busy_ms_.load(relaxed);
  if (const auto since = busy_since_.load(relaxed); since > 0)
    sum.busy_ms += now_ms - std::min(now_ms, since);
  sum.waiting_bytes += bytes - std::min(bytes, handled_bytes);
  if (const auto behind = waiting(); behind > 0) {
    sum.waiting += behind;
    sum.oldest_ms = std::max(sum.oldest_ms, oldest_ms(handled, now_ms));
  }
}

bool is_system_message(const caf::type_erased_tuple& content) {
  if (content.size() != 1)
    return false;
  const auto number = content.type(0).first;
  return number == caf::type_nr<caf::exit_msg>::value || number == caf::type_nr<caf::down_msg>::value ||
         number == caf::type_nr<caf::timeout_msg>::value;
}

std::string message_name(const caf::type_erased_tuple& content) {
  if (content.empty())
    return "empty message";
  const auto [number, type] = content.type(0);
  if (number == 0)
    return type_name(*type);
  if (number == caf::type_nr<caf::atom_value>::value)
    return caf::to_string(*static_cast<const caf::atom_value*>(content.get(0)));
  return number_name(number);
}

std::atomic<bool> fences::any_{false};

void fences::raise(const caf::strong_actor_ptr& life) {
  auto& fenced = all_fenced();
  const std::unique_lock lock{fenced.mutex};
  fenced.lives.push_back(caf::actor_cast<caf::weak_actor_ptr>(life));
  if (fenced.lives.size() > most_fenced)
    fenced.lives.pop_front();
  any_.store(true, relaxed);
}

void fences::lower(const caf::actor_control_block* life) noexcept {
  auto& fenced = all_fenced();
  const std::unique_lock lock{fenced.mutex};
  std::erase_if(fenced.lives, [&](const caf::weak_actor_ptr& each) { return each.get() == life; });
  any_.store(!fenced.lives.empty(), relaxed);
}

bool fences::contains(const caf::strong_actor_ptr& sender) noexcept {
  auto& fenced = all_fenced();
  const std::shared_lock lock{fenced.mutex};
  for (const auto& life : fenced.lives)
    if (life.get() == sender.get())
      return true;
  return false;
}

}  // namespace flott
