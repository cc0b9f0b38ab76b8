#pragma once

#include "runtime/api/aggregates.hpp"
#include "runtime/api/job_builder.hpp"
#include "runtime/operators/reduce.hpp"
#include "runtime/operators/row_operators.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace flott {

template <described T, class K>
class keyed_stream;

namespace detail {

/// What streams, keyed streams and sinks have in common: the step of the plan they are the end of.
template <class Self>
class step_handle {
 public:
  step_handle(std::shared_ptr<job_plan> plan, std::size_t step) : plan_(std::move(plan)), step_(step) {}

  /// How people call the operator: in plans, logs and metrics.
  Self name(std::string name) const { step().name = std::move(name); return self(); }
  /// The operator's identity over versions of the job: its state is found by it. Unique in the job.
  Self uid(std::string uid) const { step().uid = std::move(uid); return self(); }
  /// How many subtasks; 0, or without it, the job's. More than the maximum parallelism is refused when the job is planned.
  Self parallelism(std::uint32_t subtasks) const { step().parallelism = subtasks; return self(); }
  /// The most subtasks it can ever be scaled to, 1 to 32768; 0, or without it, pipeline.max-parallelism. The number of key
  /// groups: changing it later makes keyed state unreadable.
  Self max_parallelism(std::uint32_t key_groups) const { step().max_parallelism = key_groups; return self(); }
  /// Operators of different groups never share a slot.
  Self slot_sharing_group(std::string group) const { step().slot_sharing_group = std::move(group); return self(); }

  [[nodiscard]] const std::shared_ptr<job_plan>& plan() const noexcept { return plan_; }
  [[nodiscard]] std::size_t index() const noexcept { return step_; }

 protected:
  [[nodiscard]] job_step& step() const { return plan_->steps[step_]; }

 private:
  Self self() const { return static_cast<const Self&>(*this); }

  std::shared_ptr<job_plan> plan_;
  std::size_t step_;
};

template <class F>
struct flat_map_result;
template <class C, class R, class A, class Out>
struct flat_map_result<R (C::*)(A, collector<Out>&) const> { using type = Out; };
template <class C, class R, class A, class Out>
struct flat_map_result<R (C::*)(A, collector<Out>&)> { using type = Out; };

template <class In, class F>
auto map_result() {
  if constexpr (std::invocable<F&, const In&, text_maker&>)
    return std::type_identity<std::invoke_result_t<F&, const In&, text_maker&>>{};
  else
    return std::type_identity<std::invoke_result_t<F&, const In&>>{};
}

template <class Operator, class... Args>
operator_factory make_factory(Args... args) {
  return [args...]() -> result<std::unique_ptr<stream_operator>> { return {std::make_unique<Operator>(args...)}; };
}

}  // namespace detail

/// The end of a job's branch.
class stream_end : public detail::step_handle<stream_end> {
 public:
  using step_handle::step_handle;

  /// For sinks that write files by file_committer's rules: if the job fails or is cancelled, whatever it has written
  /// aside in `folder` (absolute) is removed, also what tasks that died could not remove themselves. Two sinks of a job
  /// may not publish the same `name` there.
  stream_end writes_files_to(std::string folder, std::string name) const {
    step().output_folder = std::move(folder);
    step().output_name = std::move(name);
    return *this;
  }
};

/// Rows of T on their way. A handle: copies are the same stream, and several operators may follow it.
///
/// Threads: a job is built on one thread, that of its job function. Errors: what cannot be said in types is thrown as
/// failure_exception (user, permanent), at the call or when the job is planned; the job fails and names the operator.
///
/// Functions are copied into every subtask. They get `const T&`, filled for each row with the fields that they read;
/// texts in it are valid during the call.
template <described T>
class stream : public detail::step_handle<stream<T>> {
 public:
  using row_type = T;
  stream(std::shared_ptr<detail::job_plan> plan, std::size_t step) : detail::step_handle<stream<T>>(plan, step) {}

  /// One row for each: `Out f(const T&)`, or `Out f(const T&, text_maker&)` if it makes texts of its own.
  template <class F>
  auto map(F f) const {
    using out = typename decltype(detail::map_result<T, F>())::type;
    static_assert(described<out>, "what a map's function returns needs FLOTT_DESCRIBE");
    return add_operator<out>("map", "map", detail::make_factory<map_operator<T, out, F>>(std::move(f)));
  }

  /// The rows for which `bool f(const T&)` is true.
  template <class F>
  stream filter(F f) const {
    static_assert(std::is_convertible_v<std::invoke_result_t<F&, const T&>, bool>);
    return add_operator<T>("filter", "filter", detail::make_factory<filter_operator<T, F>>(std::move(f)));
  }

  /// Any number of rows for each: `void f(const T&, collector<Out>&)`.
  template <described Out, class F>
  stream<Out> flat_map(F f) const {
    return add_operator<Out>("flat_map", "flat_map",
                             detail::make_factory<flat_map_operator<T, Out, F>>(std::move(f)));
  }
  template <class F>
  auto flat_map(F f) const {
    return flat_map<typename detail::flat_map_result<decltype(&F::operator())>::type>(std::move(f));
  }

  /// Replaces one field by `f(const T&)`; the other columns are shared, not copied.
  template <class M, class F>
  stream with_column(M T::*member, F f) const {
    return add_operator<T>("map", "with_column",
                           detail::make_factory<with_column_operator<T, M, F>>(
                               description<T>::shape(), index_of_member(member), std::move(f)));
  }

  /// The fields of T that Out has by name and type; copies nothing.
  template <described Out>
  stream<Out> project() const {
    auto columns = detail::columns_by_name(*description<T>::shape(), *description<Out>::shape());
    return add_operator<Out>("map", "project", make_projection(description<Out>::shape(), std::move(columns)));
  }

  /// Rows with equal values of these fields go to one subtask.
  template <class... M>
    requires(sizeof...(M) > 0)
  auto key_by(M T::*... members) const {
    using k = std::conditional_t<sizeof...(M) == 1, std::tuple_element_t<0, std::tuple<M...>>, std::tuple<M...>>;
    return keyed_stream<T, k>(this->plan(), this->index(),
                              {static_cast<std::uint32_t>(index_of_member(members))...},
                              {field_type_of<M>()...}, description<T>::shape());
  }

  /// Rows for which `K f(const T&)` is equal go to one subtask; K: the type of a field.
  template <class F>
    requires(std::invocable<F&, const T&> && !std::is_member_pointer_v<F>)
  auto key_by(F f) const {
    using k = std::remove_cvref_t<std::invoke_result_t<F&, const T&>>;
    constexpr std::size_t at = description<T>::size;
    auto shape = detail::with_key_column(description<T>::shape(), field_type_of<k>());
    const auto keyed = add_operator<T>(
        "map", "key", detail::make_factory<with_column_operator<T, k, F>>(shape, at, std::move(f)));
    return keyed_stream<T, k>(this->plan(), keyed.index(), {static_cast<std::uint32_t>(at)}, {field_type_of<k>()},
                              shape);
  }

  /// All rows in order, at the end of the input, by one subtask.
  template <class... Order>
  stream sorted(Order... order) const {
    auto made = step_of("sort", "sort", make_sort(description<T>::shape(), order_of(order...)));
    made.needs_end = true;
    made.parallelism = 1;
    made.inputs[0].how = shipping::rebalance;
    return {this->plan(), this->plan()->add(std::move(made))};
  }

  /// The first `n` rows in order, at the end of the input.
  template <class... Order>
  stream top_n(std::uint32_t n, Order... order) const {
    auto made = step_of("top_n", "top " + std::to_string(n),
                        make_top_n(description<T>::shape(), order_of(order...), n));
    made.needs_end = true;
    made.parallelism = 1;
    made.combine = made.make_combined = made.make;
    made.always_combine = true;
    return {this->plan(), this->plan()->add(std::move(made))};
  }

  /// The rows of both.
  stream union_with(const stream& other) const {
    auto made = step_of("union", "union", make_union());
    made.inputs.push_back({other.index(), other.how_, {}});
    return {this->plan(), this->plan()->add(std::move(made))};
  }

  /// The next operator's subtasks get the rows in turn.
  [[nodiscard]] stream rebalance() const { return shipped(shipping::rebalance); }
  /// Every subtask of the next operator gets every row.
  [[nodiscard]] stream broadcast() const { return shipped(shipping::broadcast); }

  /// For connectors and for operators of one's own. `kind` is what plans show and ids are made of; `factory` is called once
  /// for each subtask, in the process that runs it.
  template <described Out>
  stream<Out> add_operator(std::string kind, std::string name, operator_factory factory) const {
    return {this->plan(),
            this->plan()->add(step_of(std::move(kind), std::move(name), std::move(factory)))};
  }
  stream_end add_sink(std::string name, operator_factory factory) const {
    return {this->plan(), this->plan()->add(step_of("sink", std::move(name), std::move(factory)))};
  }

 private:
  stream shipped(shipping how) const {
    stream copy = *this;
    copy.how_ = how;
    return copy;
  }
  detail::job_step step_of(std::string kind, std::string name, operator_factory factory) const {
    detail::job_step made;
    made.kind = std::move(kind);
    made.name = std::move(name);
    made.make = std::move(factory);
    made.inputs.push_back({this->index(), how_, {}});
    return made;
  }
  template <class... Order>
  static std::vector<order_column> order_of(Order... order) {
    static_assert(sizeof...(Order) > 0 && (std::is_same_v<Order, order_item<T>> && ...),
                  "an order is made of ascending(&T::field) and descending(&T::field)");
    return {order.column...};
  }

  shipping how_ = shipping::forward;
};

/// Rows of T, those of one key together: what aggregations start from.
template <described T, class K>
class keyed_stream {
 public:
  using row_type = T;
  using key_type = K;

  keyed_stream(std::shared_ptr<detail::job_plan> plan, std::size_t step, std::vector<std::uint32_t> key_columns,
               std::vector<field_type> key_types, schema_ptr shape)
      : plan_(std::move(plan)), step_(step), key_columns_(std::move(key_columns)), key_types_(std::move(key_types)),
        shape_(std::move(shape)) {}

  /// Built-in aggregates, columnar: `aggregate<Out>(key(&Out::k), count(&Out::n), sum(&T::x, &Out::x), ...)`; every
  /// field of Out is set once. Bounded jobs give one row a key at the end, combined before they are shuffled;
  /// streaming ones a row for every row, with its key's result so far.
  template <described Out, class... Items>
  stream<Out> aggregate(key_fields<Out> keys, Items... items) const {
    static_assert(((std::is_same_v<Items, aggregate_item<T, Out>> || std::is_same_v<Items, aggregate_item<void, Out>>) &&
                   ...),
                  "aggregates are count(&Out::n), sum/min/max(&T::x, &Out::x) over this stream's T");
    const aggregate_plan plan = detail::make_aggregate_plan(key_columns_, key_types_, keys.columns, keys.types,
                                                            {items.column...}, description<Out>::shape());
    auto made = step_of("aggregate", "aggregate", make_running_aggregate(plan));
    made.combine = make_combiner(plan);
    made.make_combined = make_final_aggregate(plan);
    made.combined_hasher = partial_hasher(plan);
    return {plan_, plan_->add(std::move(made))};
  }

  /// `T f(const T& so_far, const T& next)`, associative. Bounded jobs give one row a key at the end, streaming ones
  /// the new value for every row.
  template <class F>
  stream<T> reduce(F f) const {
    using reducer = reduce_operator<T, F>;
    auto made = step_of("reduce", "reduce",
                        detail::make_factory<reducer>(f, shape_, key_columns_, key_types_, reduce_role::running));
    made.combine = detail::make_factory<reducer>(f, shape_, key_columns_, key_types_, reduce_role::combiner);
    made.make_combined = detail::make_factory<reducer>(f, shape_, key_columns_, key_types_, reduce_role::final_result);
    made.combined_hasher = hasher_of(key_columns_);
    return {plan_, plan_->add(std::move(made))};
  }

  /// For operators of one's own: each gets the rows of its keys.
  template <described Out>
  stream<Out> add_operator(std::string kind, std::string name, operator_factory factory) const {
    return {plan_, plan_->add(step_of(std::move(kind), std::move(name), std::move(factory)))};
  }

 private:
  detail::job_step step_of(std::string kind, std::string name, operator_factory factory) const {
    detail::job_step made;
    made.kind = std::move(kind);
    made.name = std::move(name);
    made.make = std::move(factory);
    made.inputs.push_back({step_, shipping::hash, hasher_of(key_columns_)});
    return made;
  }

  std::shared_ptr<detail::job_plan> plan_;
  std::size_t step_;
  std::vector<std::uint32_t> key_columns_;
  std::vector<field_type> key_types_;
  schema_ptr shape_;
};

template <described T>
stream<T> job_builder::add_source(std::string name, bool bounded, operator_factory factory) {
  detail::job_step made;
  made.kind = "source";
  made.name = std::move(name);
  made.bounded = bounded;
  made.make = std::move(factory);
  return {plan_, plan_->add(std::move(made))};
}

}  // namespace flott
