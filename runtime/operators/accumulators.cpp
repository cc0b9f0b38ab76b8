#include "runtime/operators/accumulators.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

namespace flott {
namespace {

struct summing {
  template <class Acc, class T>
  static bool apply(Acc& to, T value) noexcept {
    if constexpr (std::is_floating_point_v<Acc>) {
      to += value;
      return false;
    } else {
      return __builtin_add_overflow(to, static_cast<Acc>(value), &to);
    }
  }
};
struct minimum {
  template <class Acc, class T>
  static bool apply(Acc& to, T value) noexcept { to = std::min(to, static_cast<Acc>(value)); return false; }
};
struct maximum {
  template <class Acc, class T>
  static bool apply(Acc& to, T value) noexcept { to = std::max(to, static_cast<Acc>(value)); return false; }
};

template <class Op, class Acc, class T>
bool run(const record_batch& batch, const T* values, std::span<const std::uint32_t> groups, Acc* accumulators,
         std::byte* running) {
  bool overflow = false;
  const std::uint32_t* group = groups.data();
  auto* out = reinterpret_cast<Acc*>(running);
  if (running == nullptr)
    batch.for_each_row([&](std::uint32_t row) { overflow |= Op::apply(accumulators[*group++], values[row]); });
  else
    batch.for_each_row([&](std::uint32_t row) {
      Acc& to = accumulators[*group++];
      overflow |= Op::apply(to, values[row]);
      *out++ = to;
    });
  return !overflow;
}

bool run_count(std::span<const std::uint32_t> groups, std::int64_t* accumulators, std::byte* running) {
  auto* out = reinterpret_cast<std::int64_t*>(running);
  if (running == nullptr)
    for (const std::uint32_t group : groups)
      ++accumulators[group];
  else
    for (const std::uint32_t group : groups)
      *out++ = ++accumulators[group];
  return true;
}

template <class Op>
bool run_typed(const record_batch& batch, const column& from, std::span<const std::uint32_t> groups, std::byte* to,
               std::byte* running) {
  switch (from.type) {
    case field_type::int32:
      return run<Op>(batch, from.as<std::int32_t>(), groups, reinterpret_cast<std::int64_t*>(to), running);
    case field_type::int64:
      return run<Op>(batch, from.as<std::int64_t>(), groups, reinterpret_cast<std::int64_t*>(to), running);
    case field_type::uint32:
      return run<Op>(batch, from.as<std::uint32_t>(), groups, reinterpret_cast<std::uint64_t*>(to), running);
    case field_type::uint64:
      return run<Op>(batch, from.as<std::uint64_t>(), groups, reinterpret_cast<std::uint64_t*>(to), running);
    case field_type::float64:
      return run<Op>(batch, from.as<double>(), groups, reinterpret_cast<double*>(to), running);
    default: return true;
  }
}

}  // namespace

field_type accumulator_type(const aggregate_column& a) noexcept {
  if (a.kind == aggregate_kind::count)
    return field_type::int64;
  switch (a.input_type) {
    case field_type::uint32:
    case field_type::uint64: return field_type::uint64;
    case field_type::float64: return field_type::float64;
    default: return field_type::int64;
  }
}

void accumulator_column::fill_neutral(std::uint32_t first, std::uint32_t end) {
  const auto fill = [&]<class T>(T) {
    T value{};
    if (what_.kind == aggregate_kind::min)
      value = std::numeric_limits<T>::has_infinity ? std::numeric_limits<T>::infinity() : std::numeric_limits<T>::max();
    if (what_.kind == aggregate_kind::max)
      value = std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity()
                                                   : std::numeric_limits<T>::lowest();
    std::fill(block_->as<T>() + first, block_->as<T>() + end, value);
  };
  switch (accumulator_type(what_)) {
    case field_type::uint64: return fill(std::uint64_t{});
    case field_type::float64: return fill(double{});
    default: return fill(std::int64_t{});
  }
}

result<void> accumulator_column::grow(const std::shared_ptr<memory_budget>& budget, std::uint32_t groups) {
  if (groups <= groups_)
    return {};
  const std::size_t capacity = block_ ? block_->capacity() / 8 : 0;
  if (groups > capacity) {
    FLOTT_ASSIGN(auto made, arena::try_make(budget, 8 * std::max<std::size_t>({groups, 2 * capacity, 512})));
    if (groups_ != 0)
      std::memcpy(made->data(), block_->data(), std::size_t{8} * groups_);
    block_ = std::move(made);
  }
  fill_neutral(groups_, groups);
  groups_ = groups;
  return {};
}

bool accumulator_column::update(const record_batch& batch, const column* from, std::span<const std::uint32_t> groups,
                                std::byte* running) {
  switch (what_.kind) {
    case aggregate_kind::count: return run_count(groups, block_->as<std::int64_t>(), running);
    case aggregate_kind::sum: return run_typed<summing>(batch, *from, groups, block_->data(), running);
    case aggregate_kind::min: return run_typed<minimum>(batch, *from, groups, block_->data(), running);
    case aggregate_kind::max: return run_typed<maximum>(batch, *from, groups, block_->data(), running);
  }
  return true;
}

bool accumulator_column::merge_counts(const record_batch& batch, const column& from,
                                      std::span<const std::uint32_t> groups) {
  return run<summing>(batch, from.as<std::int64_t>(), groups, block_->as<std::int64_t>(), nullptr);
}

column_ptr accumulator_column::values(field_type type, std::uint32_t first, std::uint32_t rows,
                                      const std::shared_ptr<memory_budget>& budget) const {
  auto wide = arena::make(budget, std::size_t{8} * rows);
  std::memcpy(wide->data(), block_->data() + std::size_t{8} * first, std::size_t{8} * rows);
  return narrowed(std::move(wide), rows, type, budget);
}

column_ptr narrowed(std::shared_ptr<const arena> wide, std::uint32_t rows, field_type type,
                    const std::shared_ptr<memory_budget>& budget) {
  auto made = std::make_shared<column>();
  made->type = type;
  made->rows = rows;
  if (width_of(type) == 4) {
    auto storage = arena::make(budget, std::size_t{4} * rows);
    for (std::uint32_t i = 0; i < rows; ++i)
      storage->as<std::uint32_t>()[i] = static_cast<std::uint32_t>(wide->as<std::uint64_t>()[i]);
    wide = std::move(storage);
  }
  made->values = wide->data();
  made->storage = std::move(wide);
  return made;
}

}  // namespace flott
