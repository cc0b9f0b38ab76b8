#include "runtime/supervision/ledger.hpp"

#include <exception>
#include <utility>

namespace flott::supervision {

ledger::lease& ledger::lease::operator=(lease&& other) noexcept {
  if (this != &other) {
    release();
    ledger_ = std::move(other.ledger_);
    number_ = other.number_;
  }
  return *this;
}

void ledger::lease::release() {
  if (const auto from = std::exchange(ledger_, nullptr))
    if (const auto release = from->strike(number_))
      release();
}

void ledger::lease::hand_over() {
  if (const auto from = std::exchange(ledger_, nullptr))
    from->strike(number_);
}

ledger::lease ledger::book(std::string what, release_function release) {
  {
    const std::lock_guard lock{mutex_};
    if (!closed_) {
      const auto number = next_++;
      entries_.emplace(number, entry{std::move(what), std::move(release)});
      return {shared_from_this(), number};
    }
  }
  release();
  return {};
}

ledger::closing ledger::close() {
  closing done;
  for (;;) {
    entry last;
    {
      const std::lock_guard lock{mutex_};
      closed_ = true;
      if (entries_.empty())
        return done;
      auto node = entries_.extract(std::prev(entries_.end()));
      last = std::move(node.mapped());
    }
    ++done.released;
    try {
      last.release();
    } catch (const std::exception& e) {
      done.failed.push_back(last.what + ": " + e.what());
    } catch (...) {
      done.failed.push_back(last.what + ": an exception that is no std::exception");
    }
  }
}

ledger::release_function ledger::strike(std::uint64_t number) {
  const std::lock_guard lock{mutex_};
  auto node = entries_.extract(number);
  return node.empty() ? release_function{} : std::move(node.mapped().release);
}

std::size_t ledger::size() const {
  const std::lock_guard lock{mutex_};
  return entries_.size();
}

std::vector<std::string> ledger::entries() const {
  const std::lock_guard lock{mutex_};
  std::vector<std::string> names;
  names.reserve(entries_.size());
  for (const auto& [number, booked] : entries_)
    names.push_back(booked.what);
  return names;
}

}  // namespace flott::supervision
