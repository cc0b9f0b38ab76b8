#pragma once

#include "runtime/batch/schema.hpp"
#include "runtime/batch/text.hpp"
#include "runtime/memory/arena.hpp"
#include "runtime/operators/element.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace flott {

/// What a batch aims at: so many rows, so few bytes, that it stays in a core's L2 cache.
inline constexpr std::uint32_t target_batch_rows = 4096;
inline constexpr std::size_t target_batch_bytes = 512 * 1024;

using arena_list = std::vector<arena_ptr>;

/// One column's values. Immutable and shared among batches (projections and filters copy no values).
struct column {
  field_type type = field_type::int64;
  std::uint32_t rows = 0;
  const std::byte* values = nullptr;                 ///< `rows` values of width_of(type), aligned to their size
  arena_ptr storage;                                 ///< where the values lie
  std::shared_ptr<const arena_list> arenas;          ///< texts only: where their characters lie; never null then
  std::uint64_t text_bytes = 0;                      ///< texts only: the sum of their sizes

  template <class T>
  [[nodiscard]] const T* as() const noexcept { return reinterpret_cast<const T*>(values); }
};
using column_ptr = std::shared_ptr<const column>;
/// An empty column. Code that is compiled into job modules makes columns by this only: a column may outlive the module, so
/// that what destroys it must not lie there.
[[nodiscard]] std::shared_ptr<column> make_column();

/// Which rows of a batch are alive, ascending.
struct row_selection {
  arena_ptr storage;
  const std::uint32_t* rows = nullptr;
  std::uint32_t count = 0;
};

/// Rows of one schema, by column: what flows between operators. Immutable; a copy is one reference.
///
/// A batch may have a selection: then only the selected rows count, and `rows()` is their number. Kernels go through
/// the live rows with `for_each_row`, which gives physical row numbers.
class record_batch {
 public:
  /// The empty batch without a schema.
  record_batch() = default;
  /// Requires: as many columns as fields, of their types, all with `rows` values; `event_times`, if given, int64.
  record_batch(schema_ptr schema, std::vector<column_ptr> columns, std::uint32_t rows,
               column_ptr event_times = nullptr);

  [[nodiscard]] bool empty() const noexcept { return rows() == 0; }
  [[nodiscard]] std::uint32_t rows() const noexcept {
    return content_ ? (content_->selected ? content_->selection.count : content_->rows) : 0;
  }
  /// Rows in the columns, dead ones included.
  [[nodiscard]] std::uint32_t physical_rows() const noexcept { return content_ ? content_->rows : 0; }
  /// An estimate of what the live rows weigh, characters included: for credit and counters.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return content_ ? content_->bytes : 0; }

  /// Requires of all below: not the batch without a schema.
  [[nodiscard]] const schema_ptr& shape() const noexcept { return content_->shape; }
  [[nodiscard]] std::size_t columns() const noexcept { return content_->columns.size(); }
  [[nodiscard]] const column_ptr& column_at(std::size_t i) const noexcept { return content_->columns[i]; }
  template <class T>
  [[nodiscard]] const T* values(std::size_t i) const noexcept { return content_->columns[i]->as<T>(); }
  /// Null when the batch has no event times.
  [[nodiscard]] const column_ptr& event_times() const noexcept { return content_->event_times; }

  [[nodiscard]] bool has_selection() const noexcept { return content_ && content_->selected; }
  /// The live physical rows; meaningful only with a selection.
  [[nodiscard]] std::span<const std::uint32_t> selection() const noexcept {
    return {content_->selection.rows, content_->selection.count};
  }
  /// The physical row of the `i`-th live one.
  [[nodiscard]] std::uint32_t row_at(std::uint32_t i) const noexcept {
    return content_->selected ? content_->selection.rows[i] : i;
  }
  /// Calls `f(physical row)` for every live row, in order.
  template <class F>
  void for_each_row(F&& f) const {
    if (!content_)
      return;
    if (!content_->selected) {
      for (std::uint32_t row = 0, n = content_->rows; row < n; ++row)
        f(row);
    } else {
      for (const std::uint32_t row : selection())
        f(row);
    }
  }

  /// The same columns with other live rows. Requires: physical row numbers, ascending.
  [[nodiscard]] record_batch select(row_selection selection) const;
  /// The live rows `[first, first + count)` of this batch, sharing columns.
  [[nodiscard]] record_batch slice(std::uint32_t first, std::uint32_t count) const;
  /// The named columns only, under another schema of the same types.
  [[nodiscard]] record_batch project(schema_ptr schema, std::span<const std::size_t> columns) const;
  /// One more column at the end (or in place of column `at`). Requires: as many physical rows.
  [[nodiscard]] record_batch with_column(schema_ptr schema, column_ptr added) const;
  [[nodiscard]] record_batch with_column_at(schema_ptr schema, std::size_t at, column_ptr added) const;
  [[nodiscard]] record_batch with_event_times(column_ptr event_times) const;

 private:
  struct content {
    schema_ptr shape;
    std::vector<column_ptr> columns;
    column_ptr event_times;
    row_selection selection;
    std::uint64_t bytes = 0;
    std::uint32_t rows = 0;
    bool selected = false;
  };
  explicit record_batch(std::shared_ptr<content> made);
  [[nodiscard]] std::shared_ptr<content> changed() const;

  std::shared_ptr<const content> content_;
};

/// The live rows alone, gathered into new columns; a batch without a selection is returned as it is. Texts are
/// copied where they would keep arenas alive that are mostly dead.
[[nodiscard]] record_batch compact(const record_batch& batch, const std::shared_ptr<memory_budget>& budget);

/// True where less than one row in `1 / 8` lives: such a batch is worth compacting before it waits anywhere.
[[nodiscard]] inline bool mostly_dead(const record_batch& batch) noexcept {
  return batch.has_selection() && batch.rows() < batch.physical_rows() / 8;
}

}  // namespace flott
