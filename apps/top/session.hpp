#pragma once

#include "apps/cli/endpoint.hpp"
#include "apps/top/comparison.hpp"

#include <chrono>
#include <cstddef>

namespace flott::cli::top {

struct options {
  endpoint from;
  std::chrono::milliseconds interval{1000};      ///< between looks
  order by = order::busy;
  std::size_t most_rows = 0;                     ///< 0: as many as there are, or fit
  bool once = false;                             ///< two looks, one page of text
};

/// Shows until it is told to end; gives the exit code. The first look must be answered (with `once` the second too); later
/// a process that does not answer is said and asked again. Requires: this is the only thread.
[[nodiscard]] int run(const options& chosen);

}  // namespace flott::cli::top
