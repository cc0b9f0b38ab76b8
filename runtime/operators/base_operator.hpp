#pragma once

#include "runtime/operators/operator.hpp"

#include <cassert>
#include <memory>
#include <string>

namespace flott {

/// What most operators have in common: they remember where they run, hand watermarks on, and keep no state.
class base_operator : public stream_operator {
 public:
  result<void> open(operator_context& context, output& out) override;
  result<void> process_watermark(watermark mark) override;
  result<void> snapshot(snapshot_writer& to) override;
  result<void> restore(snapshot_reader& from) override;
  std::string position() const override;

 protected:
  [[nodiscard]] operator_context& context() const noexcept { return *context_; }
  [[nodiscard]] output& out() const noexcept { return *out_; }
  [[nodiscard]] const std::shared_ptr<memory_budget>& budget() const noexcept { return budget_; }
  /// The failure of an operator whose state no longer fits: resources, naming operator, subtask and what grew.
  [[nodiscard]] failure out_of_memory(std::string_view what, const failure& cause) const;

  /// The rows that user code has been given so far, and whether it threw at the one behind them.
  struct rows_seen {
    std::uint64_t done = 0;
    bool threw = false;
  };
  rows_seen seen_;

 private:
  operator_context* context_ = nullptr;
  output* out_ = nullptr;
  std::shared_ptr<memory_budget> budget_;
};

}  // namespace flott
