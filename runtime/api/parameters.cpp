#include "runtime/api/parameters.hpp"

#include <algorithm>
#include <charconv>
#include <numeric>

namespace flott {
namespace {

[[noreturn]] void throw_bad(std::string_view name, const std::string& value, std::string_view expected) {
  throw failure_exception(user_failure("parameter '" + std::string(name) + "'",
                                       "'" + value + "' is not " + std::string(expected)));
}

template <class T>
T parse_number(std::string_view name, const std::string& value, std::string_view expected) {
  T number{};
  const char* end = value.data() + value.size();
  const auto [stopped, error] = std::from_chars(value.data(), end, number);
  if (error != std::errc() || stopped != end)
    throw_bad(name, value, expected);
  return number;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace

parameters::parameters(const list& given) {
  for (const auto& [name, value] : given)
    given_[name] = value;
}

const std::string* parameters::find(std::string_view name) const {
  read_->emplace(name);
  const auto found = given_.find(name);
  return found == given_.end() ? nullptr : &found->second;
}

void parameters::throw_missing(std::string_view name) {
  throw failure_exception(user_failure("parameter '" + std::string(name) + "'", "is required, and was not given"));
}

template <>
std::optional<std::string> parameters::optional<std::string>(std::string_view name) const {
  const std::string* value = find(name);
  return value ? std::optional(*value) : std::nullopt;
}
template <>
std::optional<std::int64_t> parameters::optional<std::int64_t>(std::string_view name) const {
  const std::string* value = find(name);
  return value ? std::optional(parse_number<std::int64_t>(name, *value, "a whole number of 64 bits")) : std::nullopt;
}
template <>
std::optional<std::uint64_t> parameters::optional<std::uint64_t>(std::string_view name) const {
  const std::string* value = find(name);
  return value ? std::optional(parse_number<std::uint64_t>(name, *value, "a whole number from 0 on, of 64 bits"))
               : std::nullopt;
}
template <>
std::optional<double> parameters::optional<double>(std::string_view name) const {
  const std::string* value = find(name);
  return value ? std::optional(parse_number<double>(name, *value, "a number")) : std::nullopt;
}
template <>
std::optional<bool> parameters::optional<bool>(std::string_view name) const {
  const std::string* value = find(name);
  if (!value)
    return std::nullopt;
  if (*value != "true" && *value != "false")
    throw_bad(name, *value, "true or false");
  return *value == "true";
}

result<void> parameters::check_all_read(const std::vector<std::string>& documented) const {
  for (const auto& [name, value] : given_) {
    if (read_->contains(name))
      continue;
    std::vector<std::string> known = documented;
    known.insert(known.end(), read_->begin(), read_->end());
    const std::string nearest = nearest_name(name, known);
    return user_failure("parameter '" + name + "'",
                        "this job has no such parameter" +
                            (nearest.empty() ? std::string() : "; did you mean '" + nearest + "'?"));
  }
  return {};
}

std::string nearest_name(std::string_view name, const std::vector<std::string>& known) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const std::string& k : known) {
    const std::size_t distance = edit_distance(name, k);
    if (distance < best_distance) {
      best = k;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace flott
