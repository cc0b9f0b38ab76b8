#include "runtime/memory/budget.hpp"

#include "runtime/memory/arena.hpp"

namespace flott {

std::shared_ptr<memory_budget> memory_budget::root(std::string name, std::uint64_t limit_bytes) {
  return std::make_shared<memory_budget>(std::move(name), limit_bytes, nullptr);
}

std::shared_ptr<memory_budget> memory_budget::child(std::string name, std::uint64_t limit_bytes) {
  return std::make_shared<memory_budget>(std::move(name), limit_bytes, shared_from_this());
}

memory_budget::memory_budget(std::string name, std::uint64_t limit_bytes, std::shared_ptr<memory_budget> parent)
    : name_(std::move(name)), limit_(limit_bytes), parent_(std::move(parent)) {}

memory_budget::~memory_budget() { trim_arena_cache(); }

bool memory_budget::try_reserve(std::uint64_t bytes) noexcept {
  std::uint64_t used = used_.load(std::memory_order_relaxed);
  do {
    if (used > limit_ || bytes > limit_ - used)
      return false;
  } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
  if (parent_ && !parent_->try_reserve(bytes)) {
    used_.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }
  return true;
}

void memory_budget::reserve_anyway(std::uint64_t bytes) noexcept {
  for (memory_budget* at = this; at != nullptr; at = at->parent_.get())
    at->used_.fetch_add(bytes, std::memory_order_relaxed);
}

void memory_budget::release(std::uint64_t bytes) noexcept {
  for (memory_budget* at = this; at != nullptr; at = at->parent_.get())
    at->used_.fetch_sub(bytes, std::memory_order_relaxed);
}

}  // namespace flott
