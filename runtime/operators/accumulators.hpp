#pragma once

#include "runtime/batch/record_batch.hpp"
#include "runtime/operators/aggregate.hpp"

#include <memory>
#include <span>
#include <vector>

namespace flott {

/// The type in which an aggregate is computed and travels as a partial result: 64 bits.
[[nodiscard]] field_type accumulator_type(const aggregate_column& a) noexcept;

/// The values of one aggregate, one for each key by its number.
class accumulator_column {
 public:
  explicit accumulator_column(aggregate_column what) : what_(what) {}

  /// Room for `groups` keys, new ones at the neutral value. Error: resources.
  result<void> grow(const std::shared_ptr<memory_budget>& budget, std::uint32_t groups);
  /// Takes the live rows of `from` (this aggregate's input column, or null for a count) into their groups; with
  /// `running` also writes each row's value so far, 8 bytes each, of accumulator_type. False: a sum has overflowed.
  [[nodiscard]] bool update(const record_batch& batch, const column* from, std::span<const std::uint32_t> groups,
                            std::byte* running);
  /// Adds counts of partial results: a count's own update knows only how to count rows.
  [[nodiscard]] bool merge_counts(const record_batch& batch, const column& from,
                                  std::span<const std::uint32_t> groups);
  /// Values `[first, first + rows)` as a column of `type`.
  [[nodiscard]] column_ptr values(field_type type, std::uint32_t first, std::uint32_t rows,
                                  const std::shared_ptr<memory_budget>& budget) const;
  /// Forgets all values.
  void clear() noexcept { groups_ = 0; }

  [[nodiscard]] const aggregate_column& what() const noexcept { return what_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return block_ ? block_->capacity() : 0; }

 private:
  void fill_neutral(std::uint32_t first, std::uint32_t end);

  aggregate_column what_;
  std::shared_ptr<arena> block_;
  std::uint32_t groups_ = 0;
};

/// `rows` values of 64 bits in `wide` as a column of `type`.
[[nodiscard]] column_ptr narrowed(std::shared_ptr<const arena> wide, std::uint32_t rows, field_type type,
                                  const std::shared_ptr<memory_budget>& budget);

}  // namespace flott
