#include "runtime/memory/arena.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace flott {

result<std::shared_ptr<arena>> arena::try_make(std::shared_ptr<memory_budget> budget, std::size_t capacity) {
  if (budget && !budget->try_reserve(capacity))
    return resource_failure("memory of " + budget->name(),
                            "no room for " + std::to_string(capacity) + " more bytes: " +
                                std::to_string(budget->used()) + " of " + std::to_string(budget->limit()) +
                                " are in use here, or an enclosing budget is full");
  return std::make_shared<arena>(std::move(budget), capacity);
}

std::shared_ptr<arena> arena::make(std::shared_ptr<memory_budget> budget, std::size_t capacity) {
  if (budget)
    budget->reserve_anyway(capacity);
  return std::make_shared<arena>(std::move(budget), capacity);
}

arena::arena(std::shared_ptr<memory_budget> charged, std::size_t capacity)
    : budget_(std::move(charged)), data_(nullptr), capacity_(capacity) {
  try {
    data_ = static_cast<std::byte*>(::operator new(capacity + padding, std::align_val_t{alignment}));
  } catch (...) {
    if (budget_)
      budget_->release(capacity);
    throw;
  }
  std::memset(data_ + capacity, 0, padding);
}

arena::~arena() {
  ::operator delete(data_, std::align_val_t{alignment});
  if (budget_)
    budget_->release(capacity_);
}

void text_arena::begin_chunk(std::size_t size) {
  chunk_ = arena::make(budget_, std::max(size, chunk_bytes_));
  next_ = chunk_->chars();
  end_ = next_ + chunk_->capacity();
}

}  // namespace flott
