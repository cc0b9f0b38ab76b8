#pragma once

#include "runtime/operators/operator.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

namespace flott {

/// Makes one instance of an operator for one subtask.
using operator_factory = std::function<result<std::unique_ptr<stream_operator>>()>;

/// 64-bit hashes of the rows' keys, one for each live row of the batch, in order; the same in every process.
using key_hasher = std::function<void(const record_batch& batch, std::span<std::uint64_t> hashes)>;

}  // namespace flott
