#pragma once

#include <chrono>
#include <cstdint>

namespace flott {

/// One reading of both clocks, handed into pure classes: decisions use the monotonic one, what people see the other.
struct instant {
  std::chrono::steady_clock::time_point steady{};
  std::int64_t unix_ms = 0;

  /// The same moment, `d` later, on both clocks.
  [[nodiscard]] instant operator+(std::chrono::milliseconds d) const { return {steady + d, unix_ms + d.count()}; }
  bool operator==(const instant&) const = default;
};

}  // namespace flott
