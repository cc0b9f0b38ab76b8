#include "runtime/connectors/generator.hpp"

#include "runtime/base/env.hpp"
#include "runtime/operators/base_operator.hpp"
#include "runtime/operators/snapshot.hpp"

#include <algorithm>
#include <cmath>

namespace flott {
namespace {

class generator final : public base_operator {
 public:
  generator(const generator_options& options, batch_generator make) : options_(options), make_(std::move(make)) {}

  result<void> open(operator_context& context, output& out) override {
    FLOTT_TRY(base_operator::open(context, out));
    if (options_.rows_per_second && !(*options_.rows_per_second > 0 && std::isfinite(*options_.rows_per_second)))
      return user_failure(std::string(context.operator_name()), "the rate must be a number above 0");
    return {};
  }

  result<void> process(std::size_t, record_batch) override {
    return internal_failure(std::string(context().operator_name()), "a source was given input");
  }

  result<progress> advance() override {
    if (out().full())
      return progress::more;
    std::uint64_t due = target_batch_rows;
    if (options_.count)
      due = std::min(due, rows_in_all() - made_);
    if (due == 0)
      return progress::done;
    if (options_.rows_per_second) {
      due = std::min(due, rows_due());
      if (due == 0) {
        context().wake_at(time_of(made_));
        return progress::waiting;
      }
    }
    out().emit(make_(context().subtask() + made_ * context().parallelism(), context().parallelism(),
                     static_cast<std::uint32_t>(due), budget()));
    made_ += due;
    return progress::more;
  }

  result<void> snapshot(snapshot_writer& to) override {
    to.put_unsigned("made", made_);
    return {};
  }
  result<void> restore(snapshot_reader& from) override {
    FLOTT_ASSIGN(made_, from.unsigned_integer("made"));
    begin_.reset();
    return {};
  }

 private:
  using time_point = env::time_point;

  /// Of this subtask: the numbers below `count` that are its own.
  [[nodiscard]] std::uint64_t rows_in_all() const {
    const std::uint64_t count = *options_.count, subtasks = context().parallelism();
    return count / subtasks + (context().subtask() < count % subtasks ? 1 : 0);
  }

  [[nodiscard]] double seconds_of(std::uint64_t row) const {
    const double number = context().subtask() + static_cast<double>(row) * context().parallelism();
    return number / *options_.rows_per_second;
  }
  /// When this subtask's `row`-th row is due. The clock starts with the first call, at the row that is next then.
  [[nodiscard]] time_point time_of(std::uint64_t row) {
    const auto since = [](double seconds) {
      return std::chrono::duration_cast<time_point::duration>(std::chrono::duration<double>(seconds));
    };
    if (!begin_)
      begin_ = context().environment().now() - since(seconds_of(made_) - seconds_of(0));
    return *begin_ + since(seconds_of(row));
  }
  [[nodiscard]] std::uint64_t rows_due() {
    const auto now = context().environment().now();
    if (time_of(made_) > now)
      return 0;
    std::uint64_t low = 1, high = target_batch_rows;    // how many are due: the last whose time has come
    while (low < high) {
      const std::uint64_t middle = (low + high + 1) / 2;
      if (time_of(made_ + middle - 1) <= now)
        low = middle;
      else
        high = middle - 1;
    }
    return low;
  }

  generator_options options_;
  batch_generator make_;
  std::uint64_t made_ = 0;
  std::optional<time_point> begin_;
};

}  // namespace

operator_factory make_generator(generator_options options, batch_generator make) {
  return [options, make = std::move(make)]() -> result<std::unique_ptr<stream_operator>> {
    return {std::make_unique<generator>(options, make)};
  };
}

}  // namespace flott
