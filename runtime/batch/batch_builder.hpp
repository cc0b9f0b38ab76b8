#pragma once

#include "runtime/batch/record_batch.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace flott {

/// Which arenas the texts of a batch in the making may point into, and which of them they do.
///
/// `adopt` decides per text: one that lies in an announced arena is taken as it is, any other is copied into the
/// builder's own arena. The arena hit last is checked first, so that the usual case is one comparison.
class text_adopter {
 public:
  explicit text_adopter(std::shared_ptr<memory_budget> budget) : own_(std::move(budget)) {}

  /// Texts given to `adopt` may point into `a` until `forget`.
  void announce(const arena_ptr& a);
  void announce(const record_batch& batch);
  /// No text given from now on points into an announced arena. Requires: no pending rows refer to one.
  void forget() noexcept;

  [[nodiscard]] text adopt(const text& t) {
    if (reinterpret_cast<std::uintptr_t>(t.data()) - hot_begin_ < hot_size_) [[likely]]
      return t;
    return adopt_slowly(t);
  }
  /// A copy in the builder's own arena.
  [[nodiscard]] text copy(std::string_view s);
  /// Room in the own arena for the caller to fill: a text there is adopted without another copy.
  [[nodiscard]] char* allocate(std::size_t size) {
    char* room = own_.allocate(size);
    if (own_.current().get() != own_used_.get()) [[unlikely]]
      use_own();
    return room;
  }
  void give_back(std::size_t size) noexcept { own_.give_back(size); }

  /// The arenas that texts adopted since the last `take` lie in.
  [[nodiscard]] std::shared_ptr<const arena_list> take();
  /// Bytes of the announced arenas in use.
  [[nodiscard]] std::size_t referenced_bytes() const noexcept { return referenced_bytes_; }
  /// Marks an announced arena as used and returns nothing copied: for kernels that copy views without looking.
  void use(const arena_ptr& a);

 private:
  struct candidate {
    arena_ptr block;
    bool used = false;
  };
  text adopt_slowly(const text& t);
  void use_own();

  std::uintptr_t hot_begin_ = 0;
  std::size_t hot_size_ = 0;
  std::vector<candidate> candidates_;
  text_arena own_;
  std::shared_ptr<arena> own_used_;      ///< the own arena that is already in `used_`
  arena_list used_;
  std::size_t referenced_bytes_ = 0;
};

/// A row of one among several batches.
struct row_reference {
  std::uint32_t batch = 0;
  std::uint32_t row = 0;                         ///< physical
};

/// Builds batches column by column. Rows become real with `commit`; the arrays of `values<T>(i)` have room for
/// `capacity()` rows, and what is written behind the committed rows is overwritten or dropped.
///
/// Texts: written into the array as the result of `texts().adopt()` or `texts().copy()`, which know the arenas.
class batch_builder {
 public:
  /// `capacity` 0: as many rows as suit the schema, at most target_batch_rows.
  batch_builder(schema_ptr schema, std::shared_ptr<memory_budget> budget, std::uint32_t capacity = 0,
                bool event_times = false);

  [[nodiscard]] const schema_ptr& shape() const noexcept { return shape_; }
  [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::uint32_t rows() const noexcept { return rows_; }
  [[nodiscard]] bool empty() const noexcept { return rows_ == 0; }
  /// Full by rows, or heavy with texts.
  [[nodiscard]] bool full() const noexcept { return rows_ >= capacity_ || text_bytes_ >= target_batch_bytes; }

  /// The array of column `i`; new arrays after `finish`.
  template <class T>
  [[nodiscard]] T* values(std::size_t i) { return reinterpret_cast<T*>(array(i)); }
  /// Requires: made with event times.
  [[nodiscard]] event_time* event_times() { return reinterpret_cast<event_time*>(array(shape_->size())); }
  [[nodiscard]] text_adopter& texts() noexcept { return texts_; }
  void commit(std::uint32_t rows) noexcept { rows_ += rows; }
  /// Tells the weight of texts written by hand, for `full()`.
  void add_text_bytes(std::size_t bytes) noexcept { text_bytes_ += bytes; }

  /// Convenience for code that is not hot: one value of the row being built (see `commit`).
  void set_text(std::size_t column, std::string_view value);
  template <class T>
  void set(std::size_t column, T value) { values<T>(column)[rows_] = value; }

  /// Gathers rows of a batch of the same types, event times included if both have them. Texts are referenced, or
  /// copied where the arenas of the batch are mostly dead. Requires: rows() + physical_rows.size() <= capacity().
  void append_rows(const record_batch& batch, std::span<const std::uint32_t> physical_rows);

  /// Gathers rows from many batches of one schema, copying texts: for sorted output.
  /// Requires: rows() + refs.size() <= capacity(); no event times.
  void append_copies(std::span<const record_batch> batches, std::span<const row_reference> refs);

  /// The committed rows as a batch; the builder begins a new one.
  [[nodiscard]] record_batch finish();
  /// Drops what is pending.
  void clear();

 private:
  std::byte* array(std::size_t i) {
    if (!arrays_[i]) [[unlikely]]
      allocate(i);
    return arrays_[i]->data();
  }
  void allocate(std::size_t i);
  void gather_texts(std::size_t i, const column& from, std::span<const std::uint32_t> rows, bool copy);

  schema_ptr shape_;
  std::shared_ptr<memory_budget> budget_;
  std::uint32_t capacity_;
  std::uint32_t rows_ = 0;
  bool timed_;
  std::size_t text_bytes_ = 0;
  std::vector<std::shared_ptr<arena>> arrays_;     ///< one a column, and one for event times
  text_adopter texts_;
};

/// The number of rows of `shape` that make a batch of the target size.
[[nodiscard]] std::uint32_t suitable_rows(const schema& shape) noexcept;

}  // namespace flott
