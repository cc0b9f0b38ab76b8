#pragma once

#include "runtime/base/failure.hpp"

#include <optional>
#include <utility>
#include <variant>

namespace flott {

/// A value, or the failure that stands in its place. What `runtime/` returns wherever something may fail;
/// exceptions do not cross a public boundary.
///
/// Requires: `value()` only after `ok()`, `error()` only after `!ok()`; otherwise std::bad_variant_access.
template <class T>
class [[nodiscard]] result {
 public:
  using value_type = T;

  result(T value) : content_(std::in_place_index<0>, std::move(value)) {}            // NOLINT: implicit by design
  result(failure error) : content_(std::in_place_index<1>, std::move(error)) {}      // NOLINT: implicit by design

  [[nodiscard]] bool ok() const noexcept { return content_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }

  T& value() & { return std::get<0>(content_); }
  const T& value() const& { return std::get<0>(content_); }
  T&& value() && { return std::get<0>(std::move(content_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  failure& error() & { return std::get<1>(content_); }
  const failure& error() const& { return std::get<1>(content_); }
  failure&& error() && { return std::get<1>(std::move(content_)); }

 private:
  std::variant<T, failure> content_;
};

/// Success without a value, or the failure: `return {};` is success.
template <>
class [[nodiscard]] result<void> {
 public:
  using value_type = void;

  result() = default;
  result(failure error) : error_(std::move(error)) {}                                // NOLINT: implicit by design

  [[nodiscard]] bool ok() const noexcept { return !error_.has_value(); }
  explicit operator bool() const noexcept { return ok(); }

  failure& error() & { return error_.value(); }
  const failure& error() const& { return error_.value(); }
  failure&& error() && { return std::move(error_).value(); }

 private:
  std::optional<failure> error_;
};

}  // namespace flott

/// Returns the failure of `expression` from the enclosing function; goes on where there is none.
#define FLOTT_TRY(expression)                                                     \
  do {                                                                            \
    if (auto flott_try_result_ = (expression); !flott_try_result_.ok())           \
      return std::move(flott_try_result_).error();                                \
  } while (false)

#define FLOTT_CONCAT_INNER(a, b) a##b
#define FLOTT_CONCAT(a, b) FLOTT_CONCAT_INNER(a, b)

/// Declares `declaration` from the value of `expression`, or returns its failure.
#define FLOTT_ASSIGN(declaration, expression)                                     \
  auto FLOTT_CONCAT(flott_assign_, __LINE__) = (expression);                      \
  if (!FLOTT_CONCAT(flott_assign_, __LINE__).ok())                                \
    return std::move(FLOTT_CONCAT(flott_assign_, __LINE__)).error();              \
  declaration = std::move(FLOTT_CONCAT(flott_assign_, __LINE__)).value()
