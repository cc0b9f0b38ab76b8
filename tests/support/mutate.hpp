#pragma once

#include <random>
#include <string>

namespace flott::testing {

/// A few random edits of `text`: bytes changed, removed, inserted, doubled, cut off, or all replaced by noise.
inline std::string mutate(std::string text, std::mt19937_64& random) {
  const auto below = [&](std::size_t n) { return n == 0 ? 0 : static_cast<std::size_t>(random() % n); };
  for (auto edits = 1 + below(8); edits > 0; --edits) {
    const auto at = below(text.size() + 1);
    switch (below(7)) {
      case 0: if (at < text.size()) text[at] = static_cast<char>(random()); break;
      case 1: text.erase(at, below(8)); break;
      case 2: text.insert(at, 1, static_cast<char>(random())); break;
      case 3: text.insert(at, text.substr(below(text.size()), below(32))); break;
      case 4: if (below(4) == 0) text.resize(at); break;
      case 5: text.insert(at, 1, "\n:[]{}&*#!|>'\"%@` -,;=\0"[below(24)]); break;
      default:
        if (below(16) == 0)
          for (auto& c : text) c = static_cast<char>(random());
    }
  }
  return text;
}

}  // namespace flott::testing
