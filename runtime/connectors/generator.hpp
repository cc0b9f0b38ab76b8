#pragma once

#include "runtime/batch/record_batch.hpp"
#include "runtime/operators/factory.hpp"

#include <cstdint>
#include <functional>
#include <optional>

namespace flott {

/// How much a generator gives, over all its subtasks.
struct generator_options {
  std::optional<std::uint64_t> count{};      ///< rows; without it, no end
  std::optional<double> rows_per_second{};   ///< > 0; without it, as fast as they are taken
};

/// The rows with the numbers first, first + step, ...: `count` of them, at most target_batch_rows.
using batch_generator = std::function<record_batch(std::uint64_t first, std::uint64_t step, std::uint32_t count,
                                                   const std::shared_ptr<memory_budget>& budget)>;

/// A source of numbered rows; subtask i of p makes the numbers i, i + p, i + 2p, ... Every attempt makes the same rows.
/// With a rate, row n is due n / rate seconds after the start; late rows are made up for at once.
[[nodiscard]] operator_factory make_generator(generator_options options, batch_generator make);

}  // namespace flott
