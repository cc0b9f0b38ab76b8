#pragma once

#include "runtime/base/result.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace flott {

/// A number of bytes.
struct memory_size {
  std::uint64_t bytes = 0;
  auto operator<=>(const memory_size&) const = default;
};

/// One port (low == high), a range, or any free port (0).
struct port_range {
  std::uint16_t low = 0, high = 0;
  auto operator<=>(const port_range&) const = default;
};

// The syntax of single values, Flink's. The failure says what was expected; `where` is left to the caller.

/// "250 ms", "1 s", "5min", "2 h", "1 d"; a bare number is milliseconds. Nothing finer than a millisecond.
[[nodiscard]] result<std::chrono::milliseconds> parse_duration(std::string_view text);
/// "64 mb", "1g", "512 kb", "100 b"; units are powers of 1024, a bare number is bytes.
[[nodiscard]] result<memory_size> parse_memory_size(std::string_view text);
/// "8081", "0", "9249-9260".
[[nodiscard]] result<port_range> parse_port_range(std::string_view text);
[[nodiscard]] result<bool> parse_boolean(std::string_view text);
[[nodiscard]] result<std::int64_t> parse_integer(std::string_view text);
[[nodiscard]] result<double> parse_real(std::string_view text);
/// Elements separated by ';' or ','; blanks around them do not count.
[[nodiscard]] std::vector<std::string> parse_list(std::string_view text);

/// In the same syntax, in the largest unit that leaves no remainder.
[[nodiscard]] std::string to_text(std::chrono::milliseconds value);
[[nodiscard]] std::string to_text(memory_size value);
[[nodiscard]] std::string to_text(port_range value);

}  // namespace flott
