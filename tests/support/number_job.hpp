#pragma once

#include "messages/job.pb.h"
#include "runtime/batch/batch_builder.hpp"
#include "runtime/batch/hash.hpp"
#include "runtime/execution/local_runner.hpp"
#include "runtime/operators/base_operator.hpp"
#include "runtime/operators/snapshot.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace flott::testing {

/// Jobs over one column of numbers, for tests of what runs jobs.

inline const schema_ptr& number_schema() {
  static const schema_ptr shape = make_schema({{"n", field_type::int64}});
  return shape;
}

inline record_batch number_batch(const std::vector<std::int64_t>& numbers) {
  batch_builder builder(number_schema(), nullptr, static_cast<std::uint32_t>(std::max<std::size_t>(1, numbers.size())));
  std::copy(numbers.begin(), numbers.end(), builder.values<std::int64_t>(0));
  builder.commit(static_cast<std::uint32_t>(numbers.size()));
  return builder.finish();
}

/// What a sink's instances have seen, by subtask.
struct seen_numbers {
  std::mutex mutex;
  std::map<std::uint32_t, std::vector<std::int64_t>> by_subtask;
  std::map<std::uint32_t, std::vector<event_time>> watermarks;
  std::uint32_t finished = 0;

  std::vector<std::int64_t> sorted() {
    const std::lock_guard lock(mutex);
    std::vector<std::int64_t> all;
    for (const auto& [subtask, numbers] : by_subtask)
      all.insert(all.end(), numbers.begin(), numbers.end());
    std::sort(all.begin(), all.end());
    return all;
  }
  std::size_t count() { return sorted().size(); }
};

/// Emits subtask, subtask + parallelism, ... below `count`, `rows` at a time; then ends, or waits forever.
class number_source final : public base_operator {
 public:
  number_source(std::int64_t count, std::uint32_t rows, bool ends) : count_(count), rows_(rows), ends_(ends) {}
  result<void> open(operator_context& context, output& out) override {
    FLOTT_TRY(base_operator::open(context, out));
    next_ = context.subtask();
    return {};
  }
  result<void> process(std::size_t, record_batch) override { return internal_failure("source", "has no input"); }
  result<progress> advance() override {
    std::vector<std::int64_t> numbers;
    for (; next_ < count_ && numbers.size() < rows_; next_ += context().parallelism())
      numbers.push_back(next_);
    if (numbers.empty())
      return ends_ ? progress::done : progress::waiting;
    const auto last = numbers.back();
    out().emit(number_batch(numbers));
    out().emit(watermark{last});
    return progress::more;
  }
  result<void> snapshot(snapshot_writer& to) override {
    to.put_integer("next", next_);
    return {};
  }
  result<void> restore(snapshot_reader& from) override {
    FLOTT_ASSIGN(next_, from.integer("next"));
    return {};
  }

 private:
  std::int64_t count_, next_ = 0;
  std::uint32_t rows_;
  bool ends_;
};

class number_sink final : public base_operator {
 public:
  explicit number_sink(std::shared_ptr<seen_numbers> seen) : seen_(std::move(seen)) {}
  result<void> process(std::size_t, record_batch batch) override {
    const std::lock_guard lock(seen_->mutex);
    auto& mine = seen_->by_subtask[context().subtask()];
    batch.for_each_row([&](std::uint32_t row) { mine.push_back(batch.values<std::int64_t>(0)[row]); });
    return {};
  }
  result<void> process_watermark(watermark mark) override {
    const std::lock_guard lock(seen_->mutex);
    seen_->watermarks[context().subtask()].push_back(mark.time);
    return {};
  }
  result<void> finish() override {
    const std::lock_guard lock(seen_->mutex);
    ++seen_->finished;
    return {};
  }
  result<std::vector<msg::Committable>> prepare_commit() override {
    msg::Committable one;
    one.set_kind("test");
    one.set_payload(std::to_string(context().subtask()));
    return std::vector<msg::Committable>{one};
  }

 private:
  std::shared_ptr<seen_numbers> seen_;
};

/// Calls `on_batch` for every batch and passes it on.
class tap final : public base_operator {
 public:
  using function = std::function<result<void>(operator_context&, output&, const record_batch&)>;
  explicit tap(function on_batch) : on_batch_(std::move(on_batch)) {}
  result<void> process(std::size_t, record_batch batch) override {
    FLOTT_TRY(on_batch_(context(), out(), batch));
    out().emit(std::move(batch));
    return {};
  }

 private:
  function on_batch_;
};

template <class T, class... Args>
operator_factory makes(Args... args) {
  return [=]() -> result<std::unique_ptr<stream_operator>> { return std::unique_ptr<stream_operator>(new T(args...)); };
}

struct number_job {
  std::int64_t count = 10'000;
  std::uint32_t rows = 100, sources = 2, sinks = 2;
  bool ends = true;
  msg::ShipStrategy strategy = msg::SHIP_STRATEGY_HASH;
  tap::function before{}, after{};              ///< before the exchange, and after it
  operator_factory source{}, sink{};
  std::shared_ptr<seen_numbers> seen = std::make_shared<seen_numbers>();

  /// source [-> before] => [after ->] sink. FORWARD is kept from chaining.
  [[nodiscard]] std::shared_ptr<const compiled_job> compiled() const {
    logical_graph graph;
    graph.name = "numbers";
    logical_node from;
    from.name = "numbers";
    from.kind = "source";
    from.parallelism = sources;
    from.bounded = ends;
    from.make = source ? source : makes<number_source>(count, rows, ends);
    graph.nodes.push_back(from);
    const auto add = [&](std::string name, std::string kind, operator_factory make, std::uint32_t parallelism,
                         msg::ShipStrategy how) {
      logical_node node;
      node.name = std::move(name);
      node.kind = std::move(kind);
      node.parallelism = parallelism;
      node.make = std::move(make);
      logical_edge edge;
      edge.source = graph.nodes.size() - 1;
      edge.strategy = how;
      if (how == msg::SHIP_STRATEGY_HASH)
        edge.hasher = [](const record_batch& batch, std::span<std::uint64_t> hashes) {
          static constexpr std::uint32_t key[] = {0};
          hash_rows(batch, key, hashes);
        };
      node.inputs.push_back(std::move(edge));
      graph.nodes.push_back(std::move(node));
      return graph.nodes.size() - 1;
    };
    if (before)
      add("before", "map", makes<tap>(before), sources, msg::SHIP_STRATEGY_FORWARD);
    if (after)
      graph.nodes[add("after", "map", makes<tap>(after), sinks, strategy)].chainable = false;
    const auto how = after ? msg::SHIP_STRATEGY_FORWARD : strategy;
    const auto last = add("seen", "sink", sink ? sink : makes<number_sink>(seen), sinks, how);
    if (!after)
      graph.nodes[last].chainable = false;
    auto made = compile(std::move(graph), {.parallelism = 1, .max_parallelism = 128});
    if (!made.ok())
      throw failure_exception(made.error());
    return *made;
  }

  /// What the sinks have to see at the end, all together.
  [[nodiscard]] std::vector<std::int64_t> expected() const {
    std::vector<std::int64_t> all;
    for (std::int64_t n = 0; n < count; ++n)
      all.insert(all.end(), strategy == msg::SHIP_STRATEGY_BROADCAST ? sinks : 1, n);
    return all;
  }
};

}  // namespace flott::testing
