#pragma once

#include "runtime/batch/typed_batch.hpp"
#include "runtime/operators/aggregate.hpp"
#include "runtime/operators/order.hpp"

#include <array>
#include <string>
#include <type_traits>
#include <vector>

namespace flott {

/// One aggregate of `keyed_stream::aggregate`: made by `count`, `sum`, `min` and `max`.
template <class In, class Out>
struct aggregate_item {
  aggregate_column column;
};

/// Which fields of the result take the key: made by `key`.
template <class Out>
struct key_fields {
  std::vector<std::uint32_t> columns;
  std::vector<field_type> types;
};

namespace detail {
template <class M>
constexpr bool is_number = std::is_arithmetic_v<M> && !std::is_same_v<M, bool>;
}

/// The fields of the result that hold the key, in the order of `key_by`.
template <described Out, class... M>
key_fields<Out> key(M Out::*... members) {
  return {{static_cast<std::uint32_t>(index_of_member(members))...}, {field_type_of<M>()...}};
}

/// How many rows the key has.
template <described Out, class M>
aggregate_item<void, Out> count(M Out::*to) {
  static_assert(std::is_integral_v<M> && sizeof(M) == 8, "a count goes into a std::int64_t or std::uint64_t");
  return {{aggregate_kind::count, 0, field_type::int64, static_cast<std::uint32_t>(index_of_member(to)),
           field_type_of<M>()}};
}

/// The sum of a field: of integers in 64 bits (overflow fails the job), of doubles in a double.
template <described In, described Out, class X, class M>
aggregate_item<In, Out> sum(X In::*of, M Out::*to) {
  static_assert(detail::is_number<X>, "only numbers have a sum");
  static_assert(sizeof(M) == 8 && std::is_floating_point_v<X> == std::is_floating_point_v<M> &&
                    std::is_signed_v<X> == std::is_signed_v<M>,
                "a sum goes into 64 bits of the same kind: std::int64_t, std::uint64_t or double");
  return {{aggregate_kind::sum, static_cast<std::uint32_t>(index_of_member(of)), field_type_of<X>(),
           static_cast<std::uint32_t>(index_of_member(to)), field_type_of<M>()}};
}

namespace detail {
template <described In, described Out, class M>
aggregate_item<In, Out> extreme(aggregate_kind kind, M In::*of, M Out::*to) {
  static_assert(is_number<M>, "only numbers have a minimum and maximum");
  return {{kind, static_cast<std::uint32_t>(index_of_member(of)), field_type_of<M>(),
           static_cast<std::uint32_t>(index_of_member(to)), field_type_of<M>()}};
}
}  // namespace detail

/// The least value of a numeric field; NaN does not count.
template <described In, described Out, class M>
aggregate_item<In, Out> min(M In::*of, M Out::*to) {
  return detail::extreme(aggregate_kind::min, of, to);
}
/// The largest value of a numeric field; NaN does not count.
template <described In, described Out, class M>
aggregate_item<In, Out> max(M In::*of, M Out::*to) {
  return detail::extreme(aggregate_kind::max, of, to);
}

/// One column of an order over T's: made by `ascending` and `descending`.
template <class T>
struct order_item {
  order_column column;
};

/// Numbers by value (NaN last), texts by their bytes, false before true; equal rows keep the order in which they came.
template <described T, class M>
order_item<T> ascending(M T::*by) {
  return {{static_cast<std::uint32_t>(index_of_member(by)), false}};
}
/// The reverse of `ascending`; equal rows keep the order in which they came.
template <described T, class M>
order_item<T> descending(M T::*by) {
  return {{static_cast<std::uint32_t>(index_of_member(by)), true}};
}

namespace detail {
/// Checks that every field of the result is set once and the keys fit. Throws failure_exception.
[[nodiscard]] aggregate_plan make_aggregate_plan(std::vector<std::uint32_t> key_inputs,
                                                 std::vector<field_type> key_types,
                                                 std::vector<std::uint32_t> key_outputs,
                                                 const std::vector<field_type>& key_output_types,
                                                 std::vector<aggregate_column> aggregates, schema_ptr result);
/// The columns of `from` that have the names and types of `to`. Throws failure_exception naming a missing one.
[[nodiscard]] std::vector<std::size_t> columns_by_name(const schema& from, const schema& to);
/// `from` with more columns for keys behind.
[[nodiscard]] schema_ptr with_key_column(const schema_ptr& from, field_type type);
}  // namespace detail

}  // namespace flott
