#include "runtime/operators/operator.hpp"

#include "messages/job.pb.h"
#include "runtime/memory/budget.hpp"
#include "runtime/operators/base_operator.hpp"

namespace flott {

result<std::vector<msg::Committable>> stream_operator::prepare_commit() { return std::vector<msg::Committable>{}; }
std::vector<msg::CollectedRows> stream_operator::take_collected() { return {}; }

result<void> base_operator::open(operator_context& context, output& out) {
  context_ = &context;
  out_ = &out;
  budget_ = context.budget();
  return {};
}

result<void> base_operator::process_watermark(watermark mark) {
  out_->emit(mark);
  return {};
}

result<void> base_operator::snapshot(snapshot_writer&) { return {}; }
result<void> base_operator::restore(snapshot_reader&) { return {}; }

std::string base_operator::position() const {
  return seen_.threw ? "record " + std::to_string(seen_.done + 1) + " of this attempt" : std::string();
}

failure base_operator::out_of_memory(std::string_view what, const failure& cause) const {
  return resource_failure("operator '" + std::string(context_->operator_name()) + "', subtask " +
                              std::to_string(context_->subtask() + 1) + " of " +
                              std::to_string(context_->parallelism()),
                          std::string(what) + " does not fit into memory any more", cause.to_string());
}

}  // namespace flott
