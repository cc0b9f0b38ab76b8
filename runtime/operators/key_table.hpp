#pragma once

#include "runtime/base/result.hpp"
#include "runtime/batch/hash.hpp"
#include "runtime/batch/record_batch.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace flott {

/// Numbers the keys of batches: 0, 1, 2, ... in the order of their first appearance. What belongs to a key lies in
/// arrays by its number.
///
/// Open addressing with linear probing, filled to at most three quarters. A slot holds a number and 32 bits of the hash; an
/// entry holds what settles the comparison: a fixed-width key whole, of a text the first 16 characters, its length,
/// and a pointer to the whole in arenas of the table.
///
///     slots    [ tag | number+1 ] ...        8 bytes each, found by the hash's lower half
///     entries  [ 16 characters | pointer | size | hash ]    32 bytes each, by number
///
/// Batches are looked up block by block, slots and entries prefetched, so that misses overlap. Keys of several columns
/// are packed into one string. All memory is taken from the budget; where it has no room, `find_or_insert` fails and
/// the table stays as it was.
class key_table {
 public:
  key_table(std::vector<field_type> key_types, std::shared_ptr<memory_budget> budget);
  ~key_table();
  key_table(const key_table&) = delete;
  key_table& operator=(const key_table&) = delete;

  /// The numbers of the live rows' keys. Requires: groups.size() == batch.rows(), columns of the key types.
  result<void> find_or_insert(const record_batch& batch, std::span<const std::uint32_t> key_columns,
                              std::span<std::uint32_t> groups);

  [[nodiscard]] std::uint32_t size() const noexcept;
  /// Memory in use, characters included.
  [[nodiscard]] std::uint64_t bytes() const noexcept;

  /// The `part`-th component of the keys `[first, first + rows)` as a column; texts point into the table's arenas.
  [[nodiscard]] column_ptr key_column(std::size_t part, std::uint32_t first, std::uint32_t rows) const;

  /// Forgets all keys, but keeps room for as many.
  void clear();

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace flott
