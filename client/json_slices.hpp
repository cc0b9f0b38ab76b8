#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flott::json_slices {

/// Values as they stand in a JSON text. A parser that makes doubles of numbers may not give back what was sent; results
/// reach people as they were computed. Requires: `text` is valid JSON (a parser has accepted it); otherwise what is
/// returned is of no use, but nothing is read out of bounds.

/// The elements of the array that the object `text` has under `key`; none if it has no such array.
[[nodiscard]] std::vector<std::string_view> elements(std::string_view text, std::string_view key);
/// The members of the object `text` in their order: name (as written, without its quotes) and value.
[[nodiscard]] std::vector<std::pair<std::string_view, std::string_view>> members(std::string_view text);

}  // namespace flott::json_slices
