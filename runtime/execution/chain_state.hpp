#pragma once

#include "runtime/base/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace flott {

/// The snapshots of a chain's operators as one string: "FLC1", their number u32, then for each its size u64 and bytes.
[[nodiscard]] std::string encode_chain_state(const std::vector<std::string>& operators);
/// Error: not what `encode_chain_state` wrote.
[[nodiscard]] result<std::vector<std::string>> decode_chain_state(std::string_view bytes);

}  // namespace flott
