#pragma once

#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

namespace flott::testing {

/// The seeds a randomised test runs with: 1 to `how_many`, unless the environment names others: FLOTT_SEEDS=17 replays one,
/// FLOTT_SEEDS=1-5000 searches for longer.
inline std::vector<std::uint64_t> seeds(std::uint64_t how_many) {
  std::uint64_t first = 1, last = how_many;
  if (const char* wish = std::getenv("FLOTT_SEEDS")) {
    const std::string text = wish;
    const auto dash = text.find('-');
    first = std::stoull(text);
    last = dash == std::string::npos ? first : std::stoull(text.substr(dash + 1));
    if (first > last)
      throw std::invalid_argument("FLOTT_SEEDS is neither N nor FIRST-LAST: " + text);
  }
  std::vector<std::uint64_t> all;
  for (auto seed = first; seed <= last; ++seed)
    all.push_back(seed);
  return all;
}

}  // namespace flott::testing
