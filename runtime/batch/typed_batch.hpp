#pragma once

#include "runtime/batch/batch_builder.hpp"

#include <boost/describe/class.hpp>
#include <boost/describe/members.hpp>
#include <boost/mp11/algorithm.hpp>
#include <boost/mp11/list.hpp>

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

/// Names the fields of a struct, which then can be the type of a stream. Stands behind the struct, in its namespace:
///
///     struct counted { flott::text word; std::int64_t count = 0; };
///     FLOTT_DESCRIBE(counted, word, count)
#define FLOTT_DESCRIBE(type, ...) BOOST_DESCRIBE_STRUCT(type, (), (__VA_ARGS__))

namespace flott {

template <class T>
struct always_false : std::false_type {};

/// The column type of a C++ field type.
template <class M>
constexpr field_type field_type_of() {
  if constexpr (std::is_same_v<M, bool>) return field_type::boolean;
  else if constexpr (std::is_same_v<M, text>) return field_type::text;
  else if constexpr (std::is_same_v<M, double>) return field_type::float64;
  else if constexpr (std::is_integral_v<M> && sizeof(M) == 8)
    return std::is_signed_v<M> ? field_type::int64 : field_type::uint64;
  else if constexpr (std::is_integral_v<M> && sizeof(M) == 4)
    return std::is_signed_v<M> ? field_type::int32 : field_type::uint32;
  else
    static_assert(always_false<M>::value,
                  "a field of a stream is a bool, an integer of 32 or 64 bits, a double or a flott::text");
}

template <class T>
concept described = boost::describe::has_describe_members<T>::value;

/// A described struct's fields, in the order of FLOTT_DESCRIBE.
template <described T>
struct description {
  using members = boost::describe::describe_members<T, boost::describe::mod_public>;
  static constexpr std::size_t size = boost::mp11::mp_size<members>::value;
  using indices = std::make_index_sequence<size>;
  static_assert(size > 0, "a struct without fields cannot be streamed");

  template <std::size_t I>
  static constexpr auto pointer = boost::mp11::mp_at_c<members, I>::pointer;
  template <std::size_t I>
  static constexpr const char* name = boost::mp11::mp_at_c<members, I>::name;
  template <std::size_t I>
  using member = std::remove_cvref_t<decltype(std::declval<T&>().*boost::mp11::mp_at_c<members, I>::pointer)>;

  /// One shared schema a type and library.
  static const schema_ptr& shape() {
    static const schema_ptr made = make_shape(indices{});
    return made;
  }

 private:
  template <std::size_t... I>
  static schema_ptr make_shape(std::index_sequence<I...>) {
    return make_schema({field{name<I>, field_type_of<member<I>>()}...});
  }
};

namespace detail {
[[noreturn]] void member_not_described(const schema& shape);
}

/// The position of a member among the described ones. Throws a failure_exception (user) when it is none of them.
template <described T, class M>
std::size_t index_of_member(M T::*member) {
  std::size_t found = description<T>::size;
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    const auto look = [&]<std::size_t J>(std::integral_constant<std::size_t, J>) {
      if constexpr (std::is_same_v<typename description<T>::template member<J>, M>)
        if (description<T>::template pointer<J> == member)
          found = J;
    };
    (look(std::integral_constant<std::size_t, I>{}), ...);
  }(typename description<T>::indices{});
  if (found == description<T>::size)
    detail::member_not_described(*description<T>::shape());
  return found;
}

/// True if the first columns of `shape` are T's fields, by type (a key_by adds columns behind them).
template <described T>
bool begins_like(const schema& shape) {
  const schema& mine = *description<T>::shape();
  if (shape.size() < mine.size())
    return false;
  for (std::size_t i = 0; i < mine.size(); ++i)
    if (shape[i].type != mine[i].type)
      return false;
  return true;
}

/// Fills rows of a struct from a batch. A field that the caller's inlined code does not read is not loaded.
template <described T>
class row_reader {
 public:
  /// Requires: begins_like<T>(*batch.shape()).
  explicit row_reader(const record_batch& batch) {
    assert(begins_like<T>(*batch.shape()));
    for (std::size_t i = 0; i < columns_.size(); ++i)
      columns_[i] = batch.column_at(i)->values;
  }

  [[nodiscard]] T operator()(std::uint32_t physical_row) const {
    return fill(physical_row, typename description<T>::indices{});
  }

 private:
  template <std::size_t... I>
  T fill(std::uint32_t row, std::index_sequence<I...>) const {
    T filled{};
    ((filled.*description<T>::template pointer<I> =
          reinterpret_cast<const typename description<T>::template member<I>*>(columns_[I])[row]),
     ...);
    return filled;
  }

  std::array<const std::byte*, description<T>::size> columns_;
};

/// Builds batches of a struct, row by row.
template <described T>
class typed_batch_builder {
 public:
  explicit typed_batch_builder(std::shared_ptr<memory_budget> budget, std::uint32_t capacity = 0,
                               bool event_times = false)
      : builder_(description<T>::shape(), std::move(budget), capacity, event_times) {}

  /// Texts are taken over as `text_adopter::adopt` says: no copy if they lie in an announced arena.
  /// Requires: !full().
  void append(const T& row) { store(row, typename description<T>::indices{}); }

  [[nodiscard]] bool full() const noexcept {
    return (rows_ == capacity_ && rows_ != 0) || text_bytes_ >= target_batch_bytes;
  }
  [[nodiscard]] bool empty() const noexcept { return rows_ == 0; }
  [[nodiscard]] std::uint32_t rows() const noexcept { return rows_; }
  [[nodiscard]] text_adopter& texts() noexcept { return builder_.texts(); }
  /// The event time of the row appended last. Requires: made with event times.
  void set_event_time(event_time t) { builder_.event_times()[rows_ - 1] = t; }

  [[nodiscard]] record_batch finish() {
    begin();                                     // an empty batch has its arrays, too
    builder_.commit(rows_);
    rows_ = 0;
    text_bytes_ = 0;
    capacity_ = 0;
    return builder_.finish();
  }
  void clear() {
    rows_ = 0;
    text_bytes_ = 0;
    builder_.clear();
  }

 private:
  void begin() {
    if (capacity_ != 0)
      return;
    capacity_ = builder_.capacity();
    for (std::size_t i = 0; i < columns_.size(); ++i)
      columns_[i] = builder_.template values<std::byte>(i);
  }

  template <std::size_t... I>
  void store(const T& row, std::index_sequence<I...>) {
    if (capacity_ == 0) [[unlikely]]
      begin();
    const std::uint32_t at = rows_++;
    (store_one<I>(row.*description<T>::template pointer<I>, at), ...);
  }
  template <std::size_t I, class M>
  void store_one(const M& value, std::uint32_t at) {
    M* values = reinterpret_cast<M*>(columns_[I]);
    if constexpr (std::is_same_v<M, text>) {
      text_bytes_ += value.size();
      values[at] = builder_.texts().adopt(value);
    } else {
      values[at] = value;
    }
  }

  batch_builder builder_;
  std::array<std::byte*, description<T>::size> columns_{};
  std::uint32_t rows_ = 0;
  std::uint32_t capacity_ = 0;                   ///< 0: arrays not yet taken from the builder
  std::size_t text_bytes_ = 0;
};

}  // namespace flott
