#pragma once

#include <cstdint>

namespace flott {

/// What this process uses, from /proc; zeros where that cannot be read.
struct process_resources {
  std::uint64_t resident_bytes = 0;
  std::uint64_t cpu_ns = 0;        ///< user and system, of all threads so far
};
[[nodiscard]] process_resources process_usage();

/// The kernel's number of this process, also where a program answers getpid() with another one for CAF's sake.
[[nodiscard]] int process_id();

}  // namespace flott
