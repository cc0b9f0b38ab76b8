#pragma once

#include "runtime/base/result.hpp"
#include "runtime/memory/budget.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace flott {

class arena;
using arena_ptr = std::shared_ptr<const arena>;

/// One block of bytes that batches share: values of columns, or the characters that texts point to. Charged to its
/// budget until the last reference dies. Written by whoever made it before it is shared, immutable afterwards.
///
/// Guarantees: the block begins on a cache line, and `padding` bytes behind `capacity()` may be read (not used), so
/// that kernels load short strings whole.
class arena {
 public:
  static constexpr std::size_t padding = 32;
  static constexpr std::size_t alignment = 64;

  /// For state, which must not outgrow its budget. Error: resources, naming the budget that had no room.
  static result<std::shared_ptr<arena>> try_make(std::shared_ptr<memory_budget> budget, std::size_t capacity);
  /// For batches on their way: their number is bounded by the credit of channels, so a full budget is exceeded
  /// rather than a batch lost. A null budget charges nobody.
  static std::shared_ptr<arena> make(std::shared_ptr<memory_budget> budget, std::size_t capacity);

  arena(std::shared_ptr<memory_budget> charged, std::size_t capacity);   ///< the charge is already taken
  ~arena();
  arena(const arena&) = delete;
  arena& operator=(const arena&) = delete;

  [[nodiscard]] std::byte* data() noexcept { return data_; }
  [[nodiscard]] const std::byte* data() const noexcept { return data_; }
  [[nodiscard]] char* chars() noexcept { return reinterpret_cast<char*>(data_); }
  [[nodiscard]] const char* chars() const noexcept { return reinterpret_cast<const char*>(data_); }
  template <class T>
  [[nodiscard]] T* as() noexcept { return reinterpret_cast<T*>(data_); }
  template <class T>
  [[nodiscard]] const T* as() const noexcept { return reinterpret_cast<const T*>(data_); }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

  [[nodiscard]] bool contains(const char* p) const noexcept {
    return static_cast<std::size_t>(reinterpret_cast<std::uintptr_t>(p) -
                                    reinterpret_cast<std::uintptr_t>(data_)) <= capacity_;
  }

 private:
  std::shared_ptr<memory_budget> budget_;
  std::byte* data_;
  std::size_t capacity_;
};

/// Gives the memory that freed arenas have left for the next ones (16 MiB at most) back to the system. Called when a
/// budget of a job or subtask ends, so that an idle process is small.
void trim_arena_cache() noexcept;

/// Appends strings into arenas of its own, one after another. What it has handed out stays valid as long as the
/// arena it lies in; several batches may share the arena that is still being filled.
class text_arena {
 public:
  explicit text_arena(std::shared_ptr<memory_budget> budget = nullptr, std::size_t chunk_bytes = 64 * 1024)
      : budget_(std::move(budget)), chunk_bytes_(chunk_bytes) {}

  /// Room for `size` characters, to be filled by the caller; they lie in `current()`.
  [[nodiscard]] char* allocate(std::size_t size) {
    if (size > static_cast<std::size_t>(end_ - next_)) [[unlikely]]
      begin_chunk(size);
    char* room = next_;
    next_ += size;
    return room;
  }
  /// Gives back the last `size` characters of the last `allocate`.
  void give_back(std::size_t size) noexcept { next_ -= size; }

  [[nodiscard]] const std::shared_ptr<arena>& current() const noexcept { return chunk_; }
  /// Forgets the arena being filled, so that nothing keeps it but the batches.
  void release() noexcept { chunk_.reset(); next_ = end_ = nullptr; }

 private:
  void begin_chunk(std::size_t size);

  std::shared_ptr<memory_budget> budget_;
  std::size_t chunk_bytes_;
  std::shared_ptr<arena> chunk_;
  char* next_ = nullptr;
  char* end_ = nullptr;
};

}  // namespace flott
