#pragma once

#include "apps/top/comparison.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace flott::cli::top {

/// What stands around the rows, and how much room there is.
struct page {
  std::string from{};                            ///< who was asked
  order by = order::busy;
  std::vector<std::string> notes{};              ///< what else is to be said, a line each
  std::size_t width = 0, height = 0;             ///< of the screen, in characters; 0: no bound
  std::size_t most_rows = 0;                     ///< 0: no bound
  bool keys = false;                             ///< somebody may press some
};

struct page_lines {
  std::vector<std::string> heading;              ///< from where, the totals, who blocks a shutdown, who is silent, the notes
  std::string columns;                           ///< their names, as wide as the screen
  std::vector<std::string> rows;                 ///< the last may say how many are left out
};

/// Fits the width by shortening: paths at their beginning, all else at the end of the line.
[[nodiscard]] page_lines lines_of(const comparison& what, const page& page);

}  // namespace flott::cli::top
