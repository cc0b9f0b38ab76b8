#include "runtime/supervision/dead_letters.hpp"

#include <chrono>

namespace flott::supervision {
namespace {

constexpr std::size_t most_samples = 64;

}  // namespace

dead_letters::dead_letters(listener shown, unsigned per_second)
    : listener_(std::move(shown)), per_second_(per_second) {}

std::uint64_t dead_letters::count() const {
  std::uint64_t total = 0;
  for (const auto& each : counts_)
    total += each.load(std::memory_order_relaxed);
  return total;
}

bool dead_letters::may_show() noexcept {
  const auto second = std::chrono::duration_cast<std::chrono::seconds>(
                        std::chrono::steady_clock::now().time_since_epoch()).count();
  if (second_.exchange(second, std::memory_order_relaxed) != second)
    shown_in_second_.store(0, std::memory_order_relaxed);
  return shown_in_second_.fetch_add(1, std::memory_order_relaxed) < per_second_;
}

void dead_letters::show(dead_letter letter) {
  if (listener_)
    listener_(letter);
  const std::lock_guard lock{mutex_};
  samples_.push_back(std::move(letter));
  if (samples_.size() > most_samples)
    samples_.pop_front();
}

std::vector<dead_letter> dead_letters::samples() const {
  const std::lock_guard lock{mutex_};
  return {samples_.begin(), samples_.end()};
}

const char* to_string(loss x) {
  switch (x) {
    case loss::unhandled: return "unhandled";
    case loss::receiver_ended: return "receiver_ended";
    case loss::stale: return "stale";
    case loss::mailbox_full: return "mailbox_full";
    case loss::expired: return "expired";
    case loss::refused: return "refused";
  }
  return "unknown";
}

}  // namespace flott::supervision
