#pragma once

#include "runtime/batch/typed_batch.hpp"
#include "runtime/operators/base_operator.hpp"

#include <algorithm>
#include <concepts>
#include <type_traits>
#include <utility>

namespace flott {

/// Room for texts that a user's function makes itself; what it returns otherwise points into its input or is copied.
class text_maker {
 public:
  explicit text_maker(text_adopter& texts) : texts_(&texts) {}
  /// A copy that lives as long as the batch it is emitted with.
  [[nodiscard]] text copy(std::string_view s) { return texts_->copy(s); }
  /// Room for `size` characters, to be filled before the row is emitted and made a text of at most that size.
  [[nodiscard]] char* allocate(std::uint32_t size) { return texts_->allocate(size); }

 private:
  text_adopter* texts_;
};

namespace detail {
/// Calls `f(i, physical row)` for the live rows, i from 0, and counts them in `seen`; notes there if f threw.
template <class Seen, class F>
void each_row(const record_batch& batch, Seen& seen, F&& f) {
  std::uint32_t i = 0;
  try {
    if (!batch.has_selection()) {
      for (const std::uint32_t n = batch.physical_rows(); i < n; ++i)
        f(i, i);
    } else {
      const auto rows = batch.selection();
      for (const std::uint32_t n = static_cast<std::uint32_t>(rows.size()); i < n; ++i)
        f(i, rows[i]);
    }
    seen.done += i;
  } catch (...) {
    seen.done += i;
    seen.threw = true;
    throw;
  }
}
}  // namespace detail

/// Replaces one column by `M f(const T&)`; the others are shared.
template <described T, class M, class F>
class with_column_operator final : public base_operator {
 public:
  /// `at`: which column is replaced; T's number of columns: one is added, named by `shape`.
  with_column_operator(schema_ptr shape, std::size_t at, F f) : shape_(std::move(shape)), at_(at), f_(std::move(f)) {}

  result<void> process(std::size_t, record_batch batch) override {
    if (batch.empty())
      return {};
    const std::uint32_t rows = batch.physical_rows();
    auto storage = arena::make(budget(), sizeof(M) * rows);
    M* values = storage->template as<M>();
    auto made = make_column();
    const row_reader<T> reader(batch);
    if constexpr (std::is_same_v<M, text>) {
      std::fill(values, values + rows, text());   // dead rows stay empty
      text_adopter texts(budget());
      texts.announce(batch);
      detail::each_row(batch, seen_, [&](std::uint32_t, std::uint32_t row) {
        values[row] = texts.adopt(f_(reader(row)));
        made->text_bytes += values[row].size();
      });
      made->arenas = texts.take();
    } else {
      if (batch.has_selection())
        std::fill(values, values + rows, M{});
      detail::each_row(batch, seen_,
                       [&](std::uint32_t, std::uint32_t row) { values[row] = static_cast<M>(f_(reader(row))); });
    }
    made->type = field_type_of<M>();
    made->rows = rows;
    made->values = storage->data();
    made->storage = std::move(storage);
    out().emit(at_ == batch.columns() ? batch.with_column(shape_, std::move(made))
                                      : batch.with_column_at(shape_, at_, std::move(made)));
    return {};
  }

 private:
  schema_ptr shape_;
  std::size_t at_;
  F f_;
};

/// Takes the rows that a flat_map's function emits. Texts that point into the function's input, or into what
/// `copy`/`allocate` gave since the last `emit`, are not copied; all others are.
template <described Out>
class collector {
 public:
  collector(typed_batch_builder<Out>& builder, output& out) : builder_(builder), out_(out) {}

  void emit(const Out& row) {
    builder_.append(row);
    if (time_ != nullptr) [[unlikely]]
      builder_.set_event_time(*time_);
    if (builder_.full()) [[unlikely]]
      out_.emit(builder_.finish());
  }
  void operator()(const Out& row) { emit(row); }
  [[nodiscard]] text copy(std::string_view s) { return builder_.texts().copy(s); }
  [[nodiscard]] char* allocate(std::uint32_t size) { return builder_.texts().allocate(size); }
  /// Gives back the end of the last `allocate`, for functions that ask for more than they need.
  void give_back(std::uint32_t size) { builder_.texts().give_back(size); }
  /// For the operator around the function: rows emitted from now on carry this time.
  void set_event_time(const event_time* time) noexcept { time_ = time; }

 private:
  typed_batch_builder<Out>& builder_;
  output& out_;
  const event_time* time_ = nullptr;
};

/// One row for each row: `Out f(const In&)` or `Out f(const In&, text_maker&)`.
template <described In, described Out, class F>
class map_operator final : public base_operator {
 public:
  explicit map_operator(F f) : f_(std::move(f)) {}

  result<void> process(std::size_t, record_batch batch) override {
    if (batch.empty())
      return {};
    typed_batch_builder<Out> builder(budget(), batch.rows(), batch.event_times() != nullptr);
    builder.texts().announce(batch);
    const row_reader<In> reader(batch);
    text_maker maker(builder.texts());
    const event_time* times = batch.event_times() ? batch.event_times()->template as<event_time>() : nullptr;
    detail::each_row(batch, seen_, [&](std::uint32_t, std::uint32_t row) {
      if constexpr (std::invocable<F&, const In&, text_maker&>)
        builder.append(f_(reader(row), maker));
      else
        builder.append(f_(reader(row)));
      if (times) [[unlikely]]
        builder.set_event_time(times[row]);
    });
    out().emit(builder.finish());
    return {};
  }

 private:
  F f_;
};

/// The rows for which `f` is true; copies no values.
template <described T, class F>
class filter_operator final : public base_operator {
 public:
  explicit filter_operator(F f) : f_(std::move(f)) {}

  result<void> process(std::size_t, record_batch batch) override {
    if (batch.empty())
      return {};
    auto storage = arena::make(budget(), sizeof(std::uint32_t) * batch.rows());
    std::uint32_t* selected = storage->template as<std::uint32_t>();
    std::uint32_t count = 0;
    const row_reader<T> reader(batch);
    detail::each_row(batch, seen_, [&](std::uint32_t, std::uint32_t row) {
      selected[count] = row;
      count += f_(reader(row)) ? 1 : 0;
    });
    if (count == 0)
      return {};
    if (count == batch.rows()) {
      out().emit(std::move(batch));
      return {};
    }
    record_batch alive = batch.select({std::move(storage), selected, count});
    out().emit(mostly_dead(alive) ? compact(alive, budget()) : std::move(alive));
    return {};
  }

 private:
  F f_;
};

/// Any number of rows for each row: `void f(const In&, collector<Out>&)`. The event time is the input row's.
template <described In, described Out, class F>
class flat_map_operator final : public base_operator {
 public:
  explicit flat_map_operator(F f) : f_(std::move(f)) {}

  result<void> process(std::size_t, record_batch batch) override {
    if (batch.empty())
      return {};
    const bool timed = batch.event_times() != nullptr;
    if (!builder_ || timed != timed_)
      builder_ = std::make_unique<typed_batch_builder<Out>>(budget(), 0, timed);
    timed_ = timed;
    builder_->texts().announce(batch);
    const row_reader<In> reader(batch);
    collector<Out> collect(*builder_, out());
    if (timed) {
      const event_time* times = batch.event_times()->template as<event_time>();
      detail::each_row(batch, seen_, [&](std::uint32_t, std::uint32_t row) {
        collect.set_event_time(times + row);
        f_(reader(row), collect);
      });
    } else {
      detail::each_row(batch, seen_, [&](std::uint32_t, std::uint32_t row) { f_(reader(row), collect); });
    }
    if (!builder_->empty())
      out().emit(builder_->finish());
    builder_->texts().forget();
    return {};
  }

 private:
  F f_;
  std::unique_ptr<typed_batch_builder<Out>> builder_;   ///< empty between two batches
  bool timed_ = false;
};

}  // namespace flott
