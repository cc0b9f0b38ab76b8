#pragma once

#include "runtime/batch/schema.hpp"
#include "runtime/operators/factory.hpp"

#include <cstdint>
#include <vector>

namespace flott {

/// The built-in aggregates. Sums of integers that leave 64 bits fail the job instead of wrapping around.
enum class aggregate_kind : std::uint8_t { count, sum, min, max };

/// One aggregate: over which column of the input, into which column of the result.
struct aggregate_column {
  aggregate_kind kind = aggregate_kind::count;
  std::uint32_t input = 0;                        ///< not for count
  field_type input_type = field_type::int64;
  std::uint32_t output = 0;
  field_type output_type = field_type::int64;
};

/// What a keyed aggregation computes, by columns. Partial results have the schema `partial_schema()`.
struct aggregate_plan {
  std::vector<std::uint32_t> key_inputs;          ///< columns of the input
  std::vector<field_type> key_types;
  std::vector<std::uint32_t> key_outputs;         ///< columns of the result
  std::vector<aggregate_column> aggregates;
  schema_ptr result;

  /// Key columns, then one accumulator a column: int64, uint64 or float64.
  [[nodiscard]] schema_ptr partial_schema() const;
};

/// Hashes the key columns of an input, or of partial results.
[[nodiscard]] key_hasher hasher_of(std::vector<std::uint32_t> key_columns);
[[nodiscard]] key_hasher partial_hasher(const aggregate_plan& plan);

struct aggregate_bounds {
  /// A combiner hands its partial results on when it has so many keys or bytes: the bound on its memory.
  std::uint32_t max_groups = 128 * 1024;
  std::uint64_t max_bytes = 16ULL << 20;
};

/// Local pre-aggregation in front of the shuffle: raw rows in, partial results out, at the latest at the end of input.
[[nodiscard]] operator_factory make_combiner(aggregate_plan plan, aggregate_bounds bounds = {});
/// Partial results in, one result a key at the end of input. Keys in the order of their first appearance.
[[nodiscard]] operator_factory make_final_aggregate(aggregate_plan plan);
/// Raw rows in, for every row the result of its key so far.
[[nodiscard]] operator_factory make_running_aggregate(aggregate_plan plan);

}  // namespace flott
