#include "runtime/memory/arena.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstring>
#include <mutex>
#include <new>
#include <vector>

namespace flott {
namespace {

/// Keeps freed blocks of the sizes that batches need, because fresh pages from the system cost more than what is
/// done with them: a page fault is a few hundred records. Sizes are rounded up to quarters of powers of two.
class block_cache {
 public:
  static constexpr std::size_t smallest = 2 * 1024, largest = 2 * 1024 * 1024;
  static constexpr std::size_t max_cached_bytes = 16 * 1024 * 1024;

  void* take(std::size_t bytes) {
    if (bytes >= smallest && bytes <= largest) {
      shelf& s = shelves_[index_of(bytes)];
      const std::scoped_lock lock(s.mutex);
      if (!s.blocks.empty()) {
        void* block = s.blocks.back();
        s.blocks.pop_back();
        cached_bytes_.fetch_sub(rounded(bytes), std::memory_order_relaxed);
        return block;
      }
    }
    return ::operator new(rounded(bytes), std::align_val_t{arena::alignment});
  }

  void give(void* block, std::size_t bytes) noexcept {
    const std::size_t size = rounded(bytes);
    if (bytes >= smallest && bytes <= largest &&
        cached_bytes_.load(std::memory_order_relaxed) + size <= max_cached_bytes) {
      shelf& s = shelves_[index_of(bytes)];
      const std::scoped_lock lock(s.mutex);
      try {
        s.blocks.push_back(block);
        cached_bytes_.fetch_add(size, std::memory_order_relaxed);
        return;
      } catch (const std::bad_alloc&) {       // no room to remember it: freed below
      }
    }
    ::operator delete(block, std::align_val_t{arena::alignment});
  }

  void trim() noexcept {
    for (std::size_t i = 0; i < shelves_.size(); ++i) {
      std::vector<void*> blocks;
      {
        const std::scoped_lock lock(shelves_[i].mutex);
        blocks.swap(shelves_[i].blocks);
        cached_bytes_.fetch_sub(blocks.size() * size_of(i), std::memory_order_relaxed);
      }
      for (void* block : blocks)
        ::operator delete(block, std::align_val_t{arena::alignment});
    }
  }

 private:
  struct shelf {
    std::mutex mutex;
    std::vector<void*> blocks;
  };

  /// Quarters of powers of two, counted from `smallest` on.
  static std::size_t index_of(std::size_t bytes) noexcept {
    const std::size_t n = bytes - 1;
    const auto power = static_cast<std::size_t>(std::bit_width(n)) - 1;      // 2^power <= n
    return 4 * (power - base) + ((n >> (power - 2)) & 3);
  }
  static std::size_t size_of(std::size_t index) noexcept {
    const std::size_t power = base + index / 4;
    return (std::size_t{1} << power) + ((index % 4 + 1) << (power - 2));
  }
  static std::size_t rounded(std::size_t bytes) noexcept {
    return bytes >= smallest && bytes <= largest ? size_of(index_of(bytes)) : bytes;
  }
  static constexpr std::size_t base = 10;                                    ///< 2^10 <= smallest - 1
  std::array<shelf, 48> shelves_;
  std::atomic<std::size_t> cached_bytes_{0};
};

block_cache& cache() {
  static auto* one = new block_cache;         // never destroyed: arenas may outlive every static object
  return *one;
}

}  // namespace

void trim_arena_cache() noexcept { cache().trim(); }


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
    data_ = static_cast<std::byte*>(cache().take(capacity + padding));
  } catch (...) {
    if (budget_)
      budget_->release(capacity);
    throw;
  }
  std::memset(data_ + capacity, 0, padding);
}

arena::~arena() {
  cache().give(data_, capacity_ + padding);
  if (budget_)
    budget_->release(capacity_);
}

void text_arena::begin_chunk(std::size_t size) {
  chunk_ = arena::make(budget_, std::max(size, chunk_bytes_));
  next_ = chunk_->chars();
  end_ = next_ + chunk_->capacity();
}

}  // namespace flott
