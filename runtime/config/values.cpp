#include "runtime/config/values.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <span>

namespace flott {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string lower(std::string_view text) {
  std::string copy(text);
  std::ranges::transform(copy, copy.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  return copy;
}

failure expected(std::string_view what) { return user_failure("", "is not " + std::string(what)); }

struct quantity {
  std::uint64_t number = 0;
  std::string unit;
};

/// Digits, blanks, a unit. Nothing if there are no digits or the number does not fit.
std::optional<quantity> parse_quantity(std::string_view text) {
  text = trimmed(text);
  quantity parsed;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed.number);
  if (error != std::errc{})
    return std::nullopt;
  parsed.unit = lower(trimmed(text.substr(static_cast<std::size_t>(end - text.data()))));
  return parsed;
}

struct unit {
  std::string_view name;   ///< as written by to_text
  std::uint64_t factor;
  std::array<std::string_view, 6> spellings;
};

constexpr std::array<unit, 5> duration_units{{
    {"d", 86'400'000, {"d", "day", "days", "d", "d", "d"}},
    {"h", 3'600'000, {"h", "hour", "hours", "h", "h", "h"}},
    {"min", 60'000, {"m", "min", "minute", "minutes", "m", "m"}},
    {"s", 1000, {"s", "sec", "secs", "second", "seconds", "s"}},
    {"ms", 1, {"ms", "milli", "millis", "millisecond", "milliseconds", ""}},
}};

constexpr std::array<unit, 5> memory_units{{
    {"tb", 1ULL << 40, {"t", "tb", "tebibytes", "t", "t", "t"}},
    {"gb", 1ULL << 30, {"g", "gb", "gibibytes", "g", "g", "g"}},
    {"mb", 1ULL << 20, {"m", "mb", "mebibytes", "m", "m", "m"}},
    {"kb", 1ULL << 10, {"k", "kb", "kibibytes", "k", "k", "k"}},
    {"b", 1, {"b", "bytes", "byte", "", "", ""}},
}};

/// The product, if the unit exists and the product is at most `most`.
std::optional<std::uint64_t> resolve(const quantity& parsed, std::span<const unit> units, std::uint64_t most) {
  for (const auto& u : units)
    if (std::ranges::find(u.spellings, parsed.unit) != u.spellings.end())
      return parsed.number <= most / u.factor ? std::optional(parsed.number * u.factor) : std::nullopt;
  return std::nullopt;
}

std::string in_largest_unit(std::uint64_t value, std::span<const unit> units) {
  for (const auto& u : units)
    if (value != 0 && value % u.factor == 0)
      return std::to_string(value / u.factor) + " " + std::string(u.name);
  return "0 " + std::string(units.back().name);
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  text = trimmed(text);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return port;
}

}  // namespace

result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  if (const auto parsed = parse_quantity(text))
    if (const auto ms = resolve(*parsed, duration_units, std::numeric_limits<std::int64_t>::max() / 1'000'000))
      return std::chrono::milliseconds(*ms);
  return expected("a duration such as '250 ms', '1 s', '5 min', '2 h' or '1 d'");
}

result<memory_size> parse_memory_size(std::string_view text) {
  if (const auto parsed = parse_quantity(text))
    if (const auto bytes = resolve(*parsed, memory_units, std::numeric_limits<std::int64_t>::max()))
      return memory_size{*bytes};
  return expected("a memory size such as '64 mb', '512 kb' or '1 gb'");
}

result<port_range> parse_port_range(std::string_view text) {
  const auto dash = text.find('-');
  const auto low = parse_port(text.substr(0, dash));
  const auto high = dash == std::string_view::npos ? low : parse_port(text.substr(dash + 1));
  if (!low || !high || *low > *high || (dash != std::string_view::npos && *low == 0))
    return expected("a port (0 picks a free one) or a range of ports such as '9249-9260'");
  return port_range{*low, *high};
}

result<bool> parse_boolean(std::string_view text) {
  const auto word = lower(trimmed(text));
  if (word == "true") return true;
  if (word == "false") return false;
  return expected("'true' or 'false'");
}

result<std::int64_t> parse_integer(std::string_view text) {
  text = trimmed(text);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    return expected("an integer");
  return value;
}

result<double> parse_real(std::string_view text) {
  text = trimmed(text);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !(value - value == 0))
    return expected("a finite number");
  return value;
}

std::vector<std::string> parse_list(std::string_view text) {
  std::vector<std::string> elements;
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of(";,"), text.size());
    if (const auto element = trimmed(text.substr(0, end)); !element.empty())
      elements.emplace_back(element);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return elements;
}

std::string to_text(std::chrono::milliseconds value) {
  return in_largest_unit(static_cast<std::uint64_t>(value.count()), duration_units);
}

std::string to_text(memory_size value) { return in_largest_unit(value.bytes, memory_units); }

std::string to_text(port_range value) {
  return value.low == value.high ? std::to_string(value.low)
                                 : std::to_string(value.low) + "-" + std::to_string(value.high);
}

}  // namespace flott
