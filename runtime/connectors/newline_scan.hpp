#pragma once

#include <cstddef>
#include <cstdint>

namespace flott {

/// Finds the newlines of data[from, size) in ascending order, as many as fit.
///
/// Writes their offsets to `positions` (room for `room` >= 64 of them), their number to `count`, and returns the offset
/// up to which it has looked: `size`, or less when `positions` had become full.
/// Uses the widest instructions the machine has; `size` is below 4 GiB.
std::size_t find_newlines(const char* data, std::size_t from, std::size_t size, std::uint32_t* positions,
                          std::size_t room, std::size_t& count);

}  // namespace flott
