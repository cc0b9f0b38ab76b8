#pragma once

#include <string_view>

namespace flott {

/// Why one of Flink's keys is read over; empty for a key that is not on the list. The list holds only keys whose
/// absence changes no result: what would, stays an unknown key and an error.
[[nodiscard]] std::string_view reason_to_ignore(std::string_view key);

}  // namespace flott
