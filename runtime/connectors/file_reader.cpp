#include "runtime/config/values.hpp"
#include "runtime/connectors/file_source.hpp"
#include "runtime/operators/base_operator.hpp"
#include "runtime/operators/snapshot.hpp"

#include <algorithm>
#include <deque>

namespace flott {
namespace {

/// A column over an array that is its own arena.
std::shared_ptr<column> column_of(field_type type, std::uint32_t rows, const arena_ptr& storage) {
  auto made = std::make_shared<column>();
  made->type = type;
  made->rows = rows;
  made->values = storage->data();
  made->storage = storage;
  return made;
}

class file_reader final : public base_operator {
 public:
  explicit file_reader(text_format format) : format_(format) {}

  result<void> open(operator_context& context, output& out) override {
    FLOTT_TRY(base_operator::open(context, out));
    if (const std::string most = context.option("source.max-record-size"); !most.empty()) {
      FLOTT_ASSIGN(const memory_size size, parse_memory_size(most));
      options_.max_record_bytes = size.bytes;
    }
    return {};
  }

  result<void> process(std::size_t, record_batch batch) override {
    if (batch.empty())
      return {};
    const row_reader<split_row> rows(batch);
    batch.for_each_row([&](std::uint32_t row) {
      const split_row split = rows(row);
      waiting_.push_back({split.file.str(), split.begin, split.end, split.file_size});
    });
    return {};
  }

  /// One batch a call: with the operators behind it, that is a fraction of a millisecond of work.
  result<progress> advance() override {
    if (out().full())
      return reader_ || !waiting_.empty() ? progress::more : progress::done;
    if (!reader_) {
      if (waiting_.empty())
        return progress::done;
      FLOTT_TRY(begin(std::move(waiting_.front())));
      waiting_.pop_front();
    }
    if (reader_->reading())
      return progress::waiting;
    constexpr std::uint32_t room = target_batch_rows;
    auto values = arena::make(budget(), sizeof(text) * room);
    auto offsets = arena::make(budget(), sizeof(std::int64_t) * room);
    FLOTT_ASSIGN(const auto step, reader_->next({values->as<text>(), offsets->as<std::int64_t>(), room,
                                                 target_batch_bytes}));
    switch (step) {
      case split_reader::step::blocked:
        if (auto read = reader_->take_blocking_read())
          context().run_blocking(std::move(read));
        return progress::waiting;
      case split_reader::step::rows:
        out().emit(batch_of(std::move(values), std::move(offsets)));
        return progress::more;
      case split_reader::step::ended:
        break;
    }
    reader_.reset();
    return waiting_.empty() ? progress::done : progress::more;
  }

  std::string position() const override { return reader_ ? reader_->split().path : std::string(); }

  result<void> snapshot(snapshot_writer& to) override {
    const std::size_t open = reader_ ? 1 : 0;
    if (open + waiting_.size() == 0)
      return {};
    typed_batch_builder<split_row> builder(budget(), static_cast<std::uint32_t>(open + waiting_.size()));
    const auto add = [&](const file_split& split) {
      builder.append({split.path, split.begin, split.end, split.file_size});
    };
    if (reader_)
      add(reader_->rest());
    for (const file_split& split : waiting_)
      add(split);
    to.put_batch("splits", builder.finish());
    return {};
  }

  result<void> restore(snapshot_reader& from) override {
    reader_.reset();
    waiting_.clear();
    if (!from.has("splits"))
      return {};
    FLOTT_ASSIGN(record_batch left, from.batch("splits", description<split_row>::shape(), budget()));
    return process(0, std::move(left));
  }

 private:
  result<void> begin(file_split split) {
    if (!path_.storage || path_.name != split.path)
      path_ = path_column(split.path);
    FLOTT_ASSIGN(reader_, split_reader::open(std::move(split), format_, options_, budget()));
    return {};
  }

  /// The path as a column long enough for any batch: its rows are all the same, so batches share it.
  struct shared_path {
    std::string name;
    arena_ptr storage;
    std::shared_ptr<const arena_list> characters;
  };
  shared_path path_column(const std::string& path) const {
    auto characters = arena::make(budget(), path.size());
    std::ranges::copy(path, characters->chars());
    auto storage = arena::make(budget(), sizeof(text) * target_batch_rows);
    std::fill_n(storage->as<text>(), target_batch_rows,
                text(characters->chars(), static_cast<std::uint32_t>(path.size())));
    return {path, std::move(storage), std::make_shared<const arena_list>(arena_list{std::move(characters)})};
  }

  record_batch batch_of(arena_ptr values, arena_ptr offsets) {
    const std::uint32_t rows = reader_->rows();
    auto value = column_of(field_type::text, rows, values);
    value->arenas = std::make_shared<const arena_list>(arena_list{reader_->storage()});
    value->text_bytes = reader_->bytes();
    auto file = column_of(field_type::text, rows, path_.storage);
    file->arenas = path_.characters;
    file->text_bytes = path_.name.size() * rows;
    auto offset = column_of(field_type::int64, rows, offsets);
    const schema_ptr& shape = format_ == text_format::lines ? description<line>::shape()
                                                            : description<record>::shape();
    return {shape, {std::move(value), std::move(file), std::move(offset)}, rows};
  }

  text_format format_;
  split_reader_options options_;
  std::deque<file_split> waiting_;
  std::unique_ptr<split_reader> reader_;
  shared_path path_;
};

}  // namespace

operator_factory make_file_reader(text_format format) {
  return [format]() -> result<std::unique_ptr<stream_operator>> { return {std::make_unique<file_reader>(format)}; };
}

}  // namespace flott
