#include "runtime/config/values.hpp"
#include "runtime/connectors/file_source.hpp"
#include "runtime/operators/base_operator.hpp"
#include "runtime/operators/snapshot.hpp"

#include <algorithm>

namespace flott {
namespace {

class file_lister final : public base_operator {
 public:
  file_lister(std::string pattern, std::uint64_t split_bytes) : pattern_(std::move(pattern)), split_bytes_(split_bytes) {}

  result<void> process(std::size_t, record_batch) override {
    return internal_failure(pattern_, "a source was given input");
  }

  result<progress> advance() override {
    if (!listed_)
      FLOTT_TRY(list());
    while (next_ < splits_.size() && !out().full()) {
      const file_split& split = splits_[next_++];
      typed_batch_builder<split_row> builder(budget(), 1);
      builder.append({split.path, split.begin, split.end, split.file_size});
      out().emit(builder.finish());
    }
    return next_ < splits_.size() ? progress::more : progress::done;
  }

  result<void> snapshot(snapshot_writer& to) override {
    to.put_unsigned("listed", listed_ ? 1 : 0);
    if (next_ == splits_.size())
      return {};
    typed_batch_builder<split_row> builder(budget(), static_cast<std::uint32_t>(splits_.size() - next_));
    for (std::size_t i = next_; i < splits_.size(); ++i)
      builder.append({splits_[i].path, splits_[i].begin, splits_[i].end, splits_[i].file_size});
    to.put_batch("splits", builder.finish());
    return {};
  }

  result<void> restore(snapshot_reader& from) override {
    FLOTT_ASSIGN(const std::uint64_t listed, from.unsigned_integer("listed"));
    listed_ = listed != 0;
    splits_.clear();
    next_ = 0;
    if (!from.has("splits"))
      return {};
    FLOTT_ASSIGN(const record_batch left, from.batch("splits", description<split_row>::shape(), budget()));
    const row_reader<split_row> rows(left);
    left.for_each_row([&](std::uint32_t row) {
      const split_row split = rows(row);
      splits_.push_back({split.file.str(), split.begin, split.end, split.file_size});
    });
    return {};
  }

 private:
  result<void> list() {
    FLOTT_ASSIGN(const std::vector<input_file> files, list_input_files(pattern_));
    std::uint64_t bytes = split_bytes_;
    if (bytes == 0) {
      std::uint64_t total = 0;
      for (const input_file& file : files)
        total += file.size;
      bytes = default_split_bytes(total);
      if (const std::string most = context().option("source.file.split-size"); !most.empty()) {
        FLOTT_ASSIGN(const memory_size size, parse_memory_size(most));
        bytes = std::min(bytes, size.bytes);
      }
    }
    splits_ = plan_splits(files, bytes);
    listed_ = true;
    return {};
  }

  std::string pattern_;
  std::uint64_t split_bytes_;
  bool listed_ = false;
  std::vector<file_split> splits_;
  std::size_t next_ = 0;
};

}  // namespace

operator_factory make_file_lister(std::string pattern, std::uint64_t split_bytes) {
  return [pattern = std::move(pattern), split_bytes]() -> result<std::unique_ptr<stream_operator>> {
    return {std::make_unique<file_lister>(pattern, split_bytes)};
  };
}

}  // namespace flott
