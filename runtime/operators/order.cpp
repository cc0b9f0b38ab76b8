#include "runtime/operators/order.hpp"

#include "runtime/batch/batch_builder.hpp"
#include "runtime/batch/hash.hpp"
#include "runtime/operators/base_operator.hpp"
#include "runtime/operators/snapshot.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

namespace flott {
namespace {

/// Order-preserving 64 bits of a value: of a text its first eight characters, most significant first.
std::uint64_t sort_key(const column& c, std::uint32_t row) noexcept {
  constexpr std::uint64_t sign = 1ULL << 63;
  switch (c.type) {
    case field_type::boolean: return c.as<std::uint8_t>()[row];
    case field_type::int32: return static_cast<std::uint64_t>(std::int64_t{c.as<std::int32_t>()[row]}) ^ sign;
    case field_type::int64: return c.as<std::uint64_t>()[row] ^ sign;
    case field_type::uint32: return c.as<std::uint32_t>()[row];
    case field_type::uint64: return c.as<std::uint64_t>()[row];
    case field_type::float64: {
      const double value = c.as<double>()[row];
      if (value != value)
        return ~0ULL;                                     // NaN is behind everything
      const auto bits = std::bit_cast<std::uint64_t>(value == 0.0 ? 0.0 : value);
      return (bits & sign) != 0 ? ~bits : bits | sign;
    }
    case field_type::text: {
      const text& t = c.as<text>()[row];
      return __builtin_bswap64(load_words(t.data(), t.size()).low);
    }
  }
  return 0;
}

std::strong_ordering compare(const column& a, std::uint32_t i, const column& b, std::uint32_t j) noexcept {
  if (a.type == field_type::text)
    return a.as<text>()[i] <=> b.as<text>()[j];
  return sort_key(a, i) <=> sort_key(b, j);
}

/// Rows in memory and their order.
class ordered_rows {
 public:
  ordered_rows(schema_ptr shape, std::vector<order_column> order, std::shared_ptr<memory_budget> budget)
      : shape_(std::move(shape)), order_(std::move(order)), budget_(std::move(budget)) {}

  void add(const record_batch& batch) {
    batches_.push_back(compact(batch, budget_));
    rows_ += batch.rows();
    bytes_ += batch.bytes();
  }

  /// What `sorted` takes for each row, beside the result.
  static constexpr std::uint64_t scratch_bytes = 16 + sizeof(row_reference);

  /// References to the first `limit` rows in order.
  std::vector<row_reference> sorted(std::uint64_t limit) const {
    struct entry {
      std::uint64_t key;
      row_reference at;
    };
    const auto& first = order_.front();
    std::vector<entry> entries;
    entries.reserve(rows_);
    for (std::uint32_t b = 0; b < batches_.size(); ++b) {
      const column& c = *batches_[b].column_at(first.column);
      for (std::uint32_t row = 0; row < batches_[b].rows(); ++row) {
        const std::uint64_t key = sort_key(c, row);
        entries.push_back({first.descending ? ~key : key, {b, row}});
      }
    }
    const auto less = [&](const entry& x, const entry& y) {
      return x.key != y.key ? x.key < y.key : less_in_full(x.at, y.at);
    };
    const auto wanted = static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(limit, entries.size()));
    if (wanted < static_cast<std::ptrdiff_t>(entries.size()))
      std::partial_sort(entries.begin(), entries.begin() + wanted, entries.end(), less);
    else
      std::sort(entries.begin(), entries.end(), less);
    std::vector<row_reference> refs;
    refs.reserve(static_cast<std::size_t>(wanted));
    for (std::ptrdiff_t i = 0; i < wanted; ++i)
      refs.push_back(entries[static_cast<std::size_t>(i)].at);
    return refs;
  }

  /// Those rows, copied into batches of their own.
  std::vector<record_batch> gather(std::span<const row_reference> refs) const {
    std::vector<record_batch> all;
    gather(refs, [&](record_batch batch) { all.push_back(std::move(batch)); });
    return all;
  }
  /// The same, a batch at a time.
  template <class Take>
  void gather(std::span<const row_reference> refs, Take take) const {
    batch_builder builder(shape_, budget_);
    for (std::size_t first = 0; first < refs.size();) {
      const std::size_t n = std::min<std::size_t>({64, builder.capacity() - builder.rows(), refs.size() - first});
      builder.append_copies(batches_, refs.subspan(first, n));
      first += n;
      if (builder.full())
        take(builder.finish());
    }
    if (!builder.empty())
      take(builder.finish());
  }

  void replace(std::vector<record_batch> batches) {
    batches_.clear();
    rows_ = bytes_ = 0;
    for (record_batch& batch : batches) {
      rows_ += batch.rows();
      bytes_ += batch.bytes();
      batches_.push_back(std::move(batch));
    }
  }

  const std::vector<record_batch>& batches() const noexcept { return batches_; }
  std::uint64_t rows() const noexcept { return rows_; }
  std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  bool less_in_full(const row_reference& x, const row_reference& y) const {
    for (const order_column& o : order_) {
      const auto result = compare(*batches_[x.batch].column_at(o.column), x.row,
                                  *batches_[y.batch].column_at(o.column), y.row);
      if (result != 0)
        return o.descending ? result > 0 : result < 0;
    }
    return x.batch != y.batch ? x.batch < y.batch : x.row < y.row;
  }

  schema_ptr shape_;
  std::vector<order_column> order_;
  std::shared_ptr<memory_budget> budget_;
  std::vector<record_batch> batches_;
  std::uint64_t rows_ = 0, bytes_ = 0;
};

class order_operator final : public base_operator {
 public:
  /// `limit` UINT64_MAX: all rows.
  order_operator(schema_ptr shape, std::vector<order_column> order, std::uint64_t limit)
      : shape_(std::move(shape)), order_(std::move(order)), limit_(limit) {}

  result<void> open(operator_context& context, output& out) override {
    FLOTT_TRY(base_operator::open(context, out));
    rows_ = std::make_unique<ordered_rows>(shape_, order_, budget());
    return {};
  }

  result<void> process(std::size_t, record_batch batch) override {
    if (batch.empty() || limit_ == 0)
      return {};
    rows_->add(batch);
    if (limit_ != UINT64_MAX && rows_->rows() >= 4 * std::max<std::uint64_t>(limit_, target_batch_rows))
      rows_->replace(rows_->gather(rows_->sorted(limit_)));
    // Its batches are charged already, to whoever made them; what is asked here is only whether there is room left.
    if (rows_->bytes() > unquestioned_bytes && budget() && !budget()->try_reserve(0))
      return out_of_memory("its input of " + std::to_string(rows_->rows()) + " rows",
                           resource_failure("memory of " + budget()->name(), "is used up"));
    return {};
  }

  result<void> finish() override {
    const std::uint64_t scratch = rows_->rows() * ordered_rows::scratch_bytes;
    if (budget() && !budget()->try_reserve(scratch))
      return out_of_memory("the order of its " + std::to_string(rows_->rows()) + " rows",
                           resource_failure("memory of " + budget()->name(), "is used up"));
    rows_->gather(rows_->sorted(limit_), [&](record_batch batch) { out().emit(std::move(batch)); });
    if (budget())
      budget()->release(scratch);
    rows_->replace({});
    return {};
  }

  result<void> snapshot(snapshot_writer& to) override {
    to.put_batches("rows", rows_->batches());
    return {};
  }
  result<void> restore(snapshot_reader& from) override {
    FLOTT_ASSIGN(std::vector<record_batch> all, from.batches("rows", shape_, budget()));
    rows_->replace(std::move(all));
    return {};
  }

 private:
  static constexpr std::uint64_t unquestioned_bytes = 4ULL << 20;

  schema_ptr shape_;
  std::vector<order_column> order_;
  std::uint64_t limit_;
  std::unique_ptr<ordered_rows> rows_;
};

class union_operator final : public base_operator {
 public:
  result<void> process(std::size_t, record_batch batch) override {
    if (!batch.empty())
      out().emit(std::move(batch));
    return {};
  }
};

class projection_operator final : public base_operator {
 public:
  projection_operator(schema_ptr shape, std::vector<std::size_t> columns)
      : shape_(std::move(shape)), columns_(std::move(columns)) {}

  result<void> process(std::size_t, record_batch batch) override {
    if (!batch.empty())
      out().emit(batch.project(shape_, columns_));
    return {};
  }

 private:
  schema_ptr shape_;
  std::vector<std::size_t> columns_;
};

}  // namespace

operator_factory make_sort(schema_ptr shape, std::vector<order_column> order) {
  return [=]() -> result<std::unique_ptr<stream_operator>> {
    return {std::make_unique<order_operator>(shape, order, UINT64_MAX)};
  };
}
operator_factory make_top_n(schema_ptr shape, std::vector<order_column> order, std::uint32_t n) {
  return [=]() -> result<std::unique_ptr<stream_operator>> {
    return {std::make_unique<order_operator>(shape, order, n)};
  };
}
operator_factory make_union() {
  return []() -> result<std::unique_ptr<stream_operator>> { return {std::make_unique<union_operator>()}; };
}
operator_factory make_projection(schema_ptr shape, std::vector<std::size_t> columns) {
  return [=]() -> result<std::unique_ptr<stream_operator>> {
    return {std::make_unique<projection_operator>(shape, columns)};
  };
}

}  // namespace flott
