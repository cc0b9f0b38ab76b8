#include "runtime/operators/aggregate.hpp"

#include "runtime/operators/accumulators.hpp"
#include "runtime/operators/base_operator.hpp"
#include "runtime/operators/key_table.hpp"
#include "runtime/operators/snapshot.hpp"

#include <algorithm>

namespace flott {
namespace {

std::vector<std::uint32_t> first_columns(std::size_t n) {
  std::vector<std::uint32_t> columns(n);
  for (std::size_t i = 0; i < n; ++i)
    columns[i] = static_cast<std::uint32_t>(i);
  return columns;
}

/// Keys and accumulators; fed with raw rows or with partial results.
class group_state {
 public:
  group_state(const aggregate_plan& plan, std::shared_ptr<memory_budget> budget)
      : plan_(plan), budget_(std::move(budget)), partial_(plan.partial_schema()),
        partial_keys_(first_columns(plan.key_types.size())), keys_(plan.key_types, budget_) {
    for (const aggregate_column& a : plan.aggregates)
      accumulators_.emplace_back(a);
  }

  result<void> add_raw(const record_batch& batch, std::vector<std::shared_ptr<arena>>* running) {
    FLOTT_TRY(find(batch, plan_.key_inputs));
    for (std::size_t i = 0; i < accumulators_.size(); ++i) {
      const aggregate_column& what = plan_.aggregates[i];
      const column* from = what.kind == aggregate_kind::count ? nullptr : batch.column_at(what.input).get();
      std::byte* rows = nullptr;
      if (running != nullptr) {
        running->push_back(arena::make(budget_, std::size_t{8} * batch.rows()));
        rows = running->back()->data();
      }
      if (!accumulators_[i].update(batch, from, groups_, rows))
        return overflow(i);
    }
    return {};
  }

  result<void> add_partial(const record_batch& batch) {
    FLOTT_TRY(find(batch, partial_keys_));
    for (std::size_t i = 0; i < accumulators_.size(); ++i) {
      const column& from = *batch.column_at(plan_.key_types.size() + i);
      const bool fits = plan_.aggregates[i].kind == aggregate_kind::count
                            ? accumulators_[i].merge_counts(batch, from, groups_)
                            : accumulators_[i].update(batch, &from, groups_, nullptr);
      if (!fits)
        return overflow(i);
    }
    return {};
  }

  /// All keys with their partial results.
  std::vector<record_batch> partials() const {
    std::vector<record_batch> all;
    for_each_piece([&](std::uint32_t first, std::uint32_t rows) {
      std::vector<column_ptr> columns;
      for (std::size_t part = 0; part < plan_.key_types.size(); ++part)
        columns.push_back(keys_.key_column(part, first, rows));
      for (const accumulator_column& a : accumulators_)
        columns.push_back(a.values(accumulator_type(a.what()), first, rows, budget_));
      all.emplace_back(partial_, std::move(columns), rows);
    });
    return all;
  }

  /// All keys with their results.
  void emit_results(output& out) const {
    for_each_piece([&](std::uint32_t first, std::uint32_t rows) {
      std::vector<column_ptr> columns(plan_.result->size());
      for (std::size_t part = 0; part < plan_.key_types.size(); ++part)
        columns[plan_.key_outputs[part]] = keys_.key_column(part, first, rows);
      for (const accumulator_column& a : accumulators_)
        columns[a.what().output] = a.values(a.what().output_type, first, rows, budget_);
      out.emit(record_batch(plan_.result, std::move(columns), rows));
    });
  }

  std::uint32_t groups() const noexcept { return keys_.size(); }
  std::uint64_t bytes() const noexcept {
    std::uint64_t sum = keys_.bytes();
    for (const accumulator_column& a : accumulators_)
      sum += a.bytes();
    return sum;
  }
  void clear() {
    keys_.clear();
    for (accumulator_column& a : accumulators_)
      a.clear();
  }
  const schema_ptr& partial_shape() const noexcept { return partial_; }

 private:
  result<void> find(const record_batch& batch, std::span<const std::uint32_t> key_columns) {
    groups_.resize(batch.rows());
    FLOTT_TRY(keys_.find_or_insert(batch, key_columns, groups_));
    for (accumulator_column& a : accumulators_)
      FLOTT_TRY(a.grow(budget_, keys_.size()));
    return {};
  }

  failure overflow(std::size_t i) const {
    return user_failure("aggregate '" + (*plan_.result)[plan_.aggregates[i].output].name + "'",
                        "the sum leaves the range of 64 bits");
  }

  template <class F>
  void for_each_piece(F f) const {
    for (std::uint32_t first = 0; first < keys_.size(); first += target_batch_rows)
      f(first, std::min(target_batch_rows, keys_.size() - first));
  }

  const aggregate_plan& plan_;
  std::shared_ptr<memory_budget> budget_;
  schema_ptr partial_;
  std::vector<std::uint32_t> partial_keys_;
  key_table keys_;
  std::vector<accumulator_column> accumulators_;
  std::vector<std::uint32_t> groups_;
};

enum class aggregate_role : std::uint8_t { combiner, final_result, running };

class aggregate_operator final : public base_operator {
 public:
  aggregate_operator(std::shared_ptr<const aggregate_plan> plan, aggregate_role role, aggregate_bounds bounds)
      : plan_(std::move(plan)), role_(role), bounds_(bounds) {}

  result<void> open(operator_context& context, output& out) override {
    FLOTT_TRY(base_operator::open(context, out));
    state_ = std::make_unique<group_state>(*plan_, budget());
    return {};
  }

  result<void> process(std::size_t, record_batch batch) override {
    if (batch.empty())
      return {};
    switch (role_) {
      case aggregate_role::combiner:
        FLOTT_TRY(named(state_->add_raw(batch, nullptr)));
        if (state_->groups() >= bounds_.max_groups || state_->bytes() >= bounds_.max_bytes)
          emit_partials();
        return {};
      case aggregate_role::final_result: return named(state_->add_partial(batch));
      case aggregate_role::running: return run(compact(batch, budget()));
    }
    return {};
  }

  result<void> finish() override {
    if (role_ == aggregate_role::combiner)
      emit_partials();
    else if (role_ == aggregate_role::final_result)
      state_->emit_results(out());
    return {};
  }

  result<void> snapshot(snapshot_writer& to) override {
    to.put_batches("groups", state_->partials());
    return {};
  }

  result<void> restore(snapshot_reader& from) override {
    FLOTT_ASSIGN(const std::vector<record_batch> all, from.batches("groups", state_->partial_shape(), budget()));
    for (const record_batch& batch : all)
      FLOTT_TRY(named(state_->add_partial(batch)));
    return {};
  }

 private:
  result<void> run(const record_batch& batch) {
    std::vector<std::shared_ptr<arena>> values;
    FLOTT_TRY(named(state_->add_raw(batch, &values)));
    std::vector<column_ptr> columns(plan_->result->size());
    for (std::size_t part = 0; part < plan_->key_types.size(); ++part)
      columns[plan_->key_outputs[part]] = batch.column_at(plan_->key_inputs[part]);
    for (std::size_t i = 0; i < values.size(); ++i)
      columns[plan_->aggregates[i].output] =
          narrowed(std::move(values[i]), batch.rows(), plan_->aggregates[i].output_type, budget());
    out().emit(record_batch(plan_->result, std::move(columns), batch.rows(), batch.event_times()));
    return {};
  }

  void emit_partials() {
    for (record_batch& batch : state_->partials())
      out().emit(std::move(batch));
    if (state_->bytes() >= bounds_.max_bytes)       // an emptied table keeps its room, and would seem full
      state_ = std::make_unique<group_state>(*plan_, budget());
    else
      state_->clear();
  }

  result<void> named(result<void> outcome) const {
    if (!outcome.ok() && outcome.error().cls == failure_class::resources)
      return out_of_memory("the table of " + std::to_string(state_->groups()) + " keys", outcome.error());
    return outcome;
  }

  std::shared_ptr<const aggregate_plan> plan_;
  aggregate_role role_;
  aggregate_bounds bounds_;
  std::unique_ptr<group_state> state_;
};

operator_factory factory(aggregate_plan plan, aggregate_role role, aggregate_bounds bounds) {
  return [plan = std::make_shared<const aggregate_plan>(std::move(plan)), role,
          bounds]() -> result<std::unique_ptr<stream_operator>> {
    return {std::make_unique<aggregate_operator>(plan, role, bounds)};
  };
}

}  // namespace

schema_ptr aggregate_plan::partial_schema() const {
  std::vector<field> fields;
  for (std::size_t i = 0; i < key_types.size(); ++i)
    fields.push_back({(*result)[key_outputs[i]].name, key_types[i]});
  for (const aggregate_column& a : aggregates)
    fields.push_back({(*result)[a.output].name, accumulator_type(a)});
  return make_schema(std::move(fields));
}

key_hasher hasher_of(std::vector<std::uint32_t> key_columns) {
  return [columns = std::move(key_columns)](const record_batch& batch, std::span<std::uint64_t> hashes) {
    hash_rows(batch, columns, hashes);
  };
}

key_hasher partial_hasher(const aggregate_plan& plan) { return hasher_of(first_columns(plan.key_types.size())); }

operator_factory make_combiner(aggregate_plan plan, aggregate_bounds bounds) {
  return factory(std::move(plan), aggregate_role::combiner, bounds);
}
operator_factory make_final_aggregate(aggregate_plan plan) {
  return factory(std::move(plan), aggregate_role::final_result, {});
}
operator_factory make_running_aggregate(aggregate_plan plan) {
  return factory(std::move(plan), aggregate_role::running, {});
}

}  // namespace flott
