#pragma once

#include "runtime/batch/typed_batch.hpp"
#include "runtime/operators/base_operator.hpp"
#include "runtime/operators/key_table.hpp"
#include "runtime/operators/row_operators.hpp"
#include "runtime/operators/snapshot.hpp"

#include <utility>
#include <vector>

namespace flott {

enum class reduce_role : std::uint8_t {
  running,        ///< emits a key's new value for every row
  combiner,       ///< emits at the end, or when it has grown to its bound
  final_result,   ///< emits at the end
};

/// One value of T a key: `T f(const T& so_far, const T& next)`. Input and output have the schema `shape`, which is T's
/// with key columns behind it where the key is computed; the combiner keeps those, the others emit T's alone.
template <described T, class F>
class reduce_operator final : public base_operator {
 public:
  reduce_operator(F f, schema_ptr shape, std::vector<std::uint32_t> key_columns, std::vector<field_type> key_types,
                  reduce_role role)
      : f_(std::move(f)), shape_(std::move(shape)), key_columns_(std::move(key_columns)),
        key_types_(std::move(key_types)), role_(role) {}

  result<void> open(operator_context& context, output& out) override {
    FLOTT_TRY(base_operator::open(context, out));
    keys_ = std::make_unique<key_table>(key_types_, budget());
    texts_ = text_arena(budget());
    return {};
  }

  result<void> process(std::size_t, record_batch batch) override {
    if (batch.empty())
      return {};
    groups_.resize(batch.rows());
    const std::uint32_t before = keys_->size();
    if (auto found = keys_->find_or_insert(batch, key_columns_, groups_); !found.ok())
      return out_of_memory("the table of keys", found.error());
    FLOTT_TRY(reserve(keys_->size()));
    values_.resize(keys_->size());
    const row_reader<T> reader(batch);
    std::uint32_t known = before;
    if (role_ == reduce_role::running) {
      typed_batch_builder<T> builder(budget(), batch.rows(), batch.event_times() != nullptr);
      builder.texts().announce(batch);
      detail::each_row(batch, seen_, [&](std::uint32_t i, std::uint32_t row) {
        builder.append(update(groups_[i], known, reader(row)));
        if (batch.event_times())
          builder.set_event_time(batch.event_times()->template as<event_time>()[row]);
      });
      out().emit(builder.finish());
    } else {
      detail::each_row(batch, seen_,
                       [&](std::uint32_t i, std::uint32_t row) { update(groups_[i], known, reader(row)); });
    }
    if (text_allocated_ > 2 * text_live_ + (1U << 20))
      compact_texts();
    if (role_ == reduce_role::combiner && (keys_->size() >= max_groups || keys_->bytes() + reserved_ >= max_bytes))
      emit_all();
    return {};
  }

  result<void> finish() override {
    if (role_ != reduce_role::running)
      emit_all();
    return {};
  }

  result<void> snapshot(snapshot_writer& to) override {
    to.put_batches("values", all_values(true));
    return {};
  }

  result<void> restore(snapshot_reader& from) override {
    FLOTT_ASSIGN(const std::vector<record_batch> all, from.batches("values", shape_, budget()));
    for (const record_batch& batch : all) {
      groups_.resize(batch.rows());
      if (auto found = keys_->find_or_insert(batch, key_columns_, groups_); !found.ok())
        return out_of_memory("the table of keys", found.error());
      FLOTT_TRY(reserve(keys_->size()));
      values_.resize(keys_->size());
      const row_reader<T> reader(batch);
      for (std::uint32_t i = 0; i < batch.rows(); ++i)
        keep(values_[groups_[i]], T{}, reader(batch.row_at(i)));
    }
    return {};
  }

  ~reduce_operator() override {
    if (budget())
      budget()->release(reserved_);
  }

 private:
  static constexpr std::uint32_t max_groups = 128 * 1024;
  static constexpr std::uint64_t max_bytes = 16ULL << 20;

  /// Numbers of groups grow by one in the order of the rows, so a number not seen yet is a new key.
  const T& update(std::uint32_t group, std::uint32_t& known, const T& row) {
    T& value = values_[group];
    if (group >= known) {
      keep(value, T{}, row);
      known = group + 1;
    } else {
      const T old = value;
      keep(value, old, f_(old, row));
    }
    return value;
  }

  /// Stores `next`, its texts in the state's own arenas; those that `old` had already stay where they are.
  void keep(T& value, const T& old, const T& next) {
    value = next;
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (keep_text(value.*description<T>::template pointer<I>, old.*description<T>::template pointer<I>), ...);
    }(typename description<T>::indices{});
  }
  template <class M>
  void keep_text(M& value, const M& old) {
    if constexpr (std::is_same_v<M, text>) {
      if (value.data() == old.data() && value.size() == old.size())
        return;
      text_live_ += value.size();
      text_live_ -= old.size();
      value = copy(value);
    }
  }
  text copy(const text& t) {
    if (t.empty())
      return text();
    char* room = texts_.allocate(t.size());
    if (arenas_.empty() || arenas_.back() != texts_.current())
      arenas_.push_back(texts_.current());
    std::memcpy(room, t.data(), t.size());
    text_allocated_ += t.size();
    return text(room, t.size());
  }
  void compact_texts() {
    const auto old = std::exchange(arenas_, {});
    texts_ = text_arena(budget());
    text_allocated_ = 0;
    for (T& value : values_)
      [&]<std::size_t... I>(std::index_sequence<I...>) {
        const auto move = [&]<class M>(M& m) {
          if constexpr (std::is_same_v<M, text>)
            m = copy(m);
        };
        (move(value.*description<T>::template pointer<I>), ...);
      }(typename description<T>::indices{});
  }

  result<void> reserve(std::uint32_t groups) {
    if (groups <= values_.capacity())
      return {};
    const std::size_t capacity = std::max<std::size_t>(1024, std::size_t{groups} * 2);
    const std::uint64_t bytes = capacity * sizeof(T);
    if (budget() && !budget()->try_reserve(bytes))
      return out_of_memory("the table of values", resource_failure("memory of " + budget()->name(), "full"));
    values_.reserve(capacity);
    if (budget())
      budget()->release(reserved_);
    reserved_ = bytes;
    return {};
  }

  /// T's columns and, if asked for, the key columns behind them.
  std::vector<record_batch> all_values(bool with_keys) {
    std::vector<record_batch> all;
    for (std::uint32_t first = 0; first < values_.size(); first += target_batch_rows) {
      const auto rows = static_cast<std::uint32_t>(std::min<std::size_t>(target_batch_rows, values_.size() - first));
      typed_batch_builder<T> builder(budget(), rows);
      for (const arena_ptr& a : arenas_)
        builder.texts().announce(a);
      for (std::uint32_t i = 0; i < rows; ++i)
        builder.append(values_[first + i]);
      record_batch batch = builder.finish();
      if (with_keys && shape_->size() > batch.columns())
        batch = batch.with_column(shape_, keys_->key_column(0, first, rows));
      all.push_back(std::move(batch));
    }
    return all;
  }

  void emit_all() {
    for (record_batch& batch : all_values(role_ == reduce_role::combiner))
      out().emit(std::move(batch));
    if (keys_->bytes() + reserved_ >= max_bytes) {  // an emptied table keeps its room, and would seem full
      keys_ = std::make_unique<key_table>(key_types_, budget());
      values_ = std::vector<T>();
      if (budget())
        budget()->release(std::exchange(reserved_, 0));
    }
    keys_->clear();
    values_.clear();
    arenas_.clear();
    texts_ = text_arena(budget());
    text_live_ = text_allocated_ = 0;
  }

  F f_;
  schema_ptr shape_;
  std::vector<std::uint32_t> key_columns_;
  std::vector<field_type> key_types_;
  reduce_role role_;
  std::unique_ptr<key_table> keys_;
  std::vector<T> values_;                        ///< by group; texts point into arenas_
  std::uint64_t reserved_ = 0;                   ///< bytes of values_ taken from the budget
  text_arena texts_;
  arena_list arenas_;
  std::uint64_t text_live_ = 0, text_allocated_ = 0;
  std::vector<std::uint32_t> groups_;
};

}  // namespace flott
