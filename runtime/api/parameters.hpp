#pragma once

#include "runtime/base/result.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flott {

/// What the one who runs a job may say. A job reads each parameter that it knows, by name and type; one that was
/// given and never read is an error, so that a misspelt name is not silently ignored.
///
/// `get` throws `failure_exception` (permanent, user) naming the parameter, when it is missing or no such value.
class parameters {
 public:
  /// Names and values, in the order given.
  using list = std::vector<std::pair<std::string, std::string>>;

  parameters() = default;
  /// The last of several values of one name wins.
  explicit parameters(const list& given);

  /// T: std::string, std::int64_t, std::uint64_t, double or bool ("true", "false").
  template <class T = std::string>
  [[nodiscard]] T get(std::string_view name) const { return required<T>(name); }
  template <class T>
  [[nodiscard]] T get(std::string_view name, T otherwise) const {
    auto found = optional<T>(name);
    return found ? *std::move(found) : std::move(otherwise);
  }
  [[nodiscard]] std::string get(std::string_view name, const char* otherwise) const {
    return get<std::string>(name, std::string(otherwise));
  }
  template <class T = std::string>
  [[nodiscard]] std::optional<T> optional(std::string_view name) const;

  /// After the job function: an error naming the first parameter that nobody read, and the nearest known name among
  /// those read and `documented`.
  [[nodiscard]] result<void> check_all_read(const std::vector<std::string>& documented = {}) const;

 private:
  template <class T>
  [[nodiscard]] T required(std::string_view name) const {
    auto found = optional<T>(name);
    if (!found)
      throw_missing(name);
    return *std::move(found);
  }
  [[noreturn]] static void throw_missing(std::string_view name);
  [[nodiscard]] const std::string* find(std::string_view name) const;

  std::map<std::string, std::string, std::less<>> given_;
  std::shared_ptr<std::set<std::string, std::less<>>> read_ = std::make_shared<std::set<std::string, std::less<>>>();
};

template <>
std::optional<std::string> parameters::optional<std::string>(std::string_view) const;
template <>
std::optional<std::int64_t> parameters::optional<std::int64_t>(std::string_view) const;
template <>
std::optional<std::uint64_t> parameters::optional<std::uint64_t>(std::string_view) const;
template <>
std::optional<double> parameters::optional<double>(std::string_view) const;
template <>
std::optional<bool> parameters::optional<bool>(std::string_view) const;

/// The one of `known` that `name` was probably meant to be; empty when none is near.
[[nodiscard]] std::string nearest_name(std::string_view name, const std::vector<std::string>& known);

}  // namespace flott
