#pragma once

#include "runtime/operators/factory.hpp"

#include <cstdint>
#include <vector>

namespace flott {

/// One column of an order; texts compare byte by byte.
struct order_column {
  std::uint32_t column = 0;
  bool descending = false;
};

/// All rows in order, at the end of input; rows that compare equal keep the order in which they came.
/// Holds its input in memory: a resources failure names the operator when it no longer fits.
[[nodiscard]] operator_factory make_sort(schema_ptr shape, std::vector<order_column> order);

/// The first `n` rows of that order, at the end of input; holds at most a few times `n` rows.
[[nodiscard]] operator_factory make_top_n(schema_ptr shape, std::vector<order_column> order, std::uint32_t n);

/// Hands on what comes on any of its inputs.
[[nodiscard]] operator_factory make_union();

/// Some columns of the input, under another schema; copies nothing.
[[nodiscard]] operator_factory make_projection(schema_ptr shape, std::vector<std::size_t> columns);

}  // namespace flott
