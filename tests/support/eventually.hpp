#pragma once

#include <chrono>
#include <functional>
#include <poll.h>

namespace flott::testing {

/// Looks again and again until `condition` holds; false after a time far beyond what any machine needs.
inline bool eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end)
      return false;
    ::poll(nullptr, 0, 2);   // gives the processor away between two looks
  }
  return true;
}

}  // namespace flott::testing
