#include "messages/job.pb.h"
#include "runtime/config/values.hpp"
#include "runtime/connectors/row_format.hpp"
#include "runtime/connectors/sinks.hpp"
#include "runtime/operators/base_operator.hpp"
#include "runtime/operators/snapshot.hpp"

#include <utility>

namespace flott {
namespace {

class collect_sink final : public base_operator {
 public:
  collect_sink(schema_ptr shape, std::string name) {
    rows_.set_sink(std::move(name));
    for (const field& f : shape->fields())
      rows_.add_columns(f.name);
  }

  result<void> open(operator_context& context, output& out) override {
    FLOTT_TRY(base_operator::open(context, out));
    if (const std::string most = context.option("sink.collect.max-rows"); !most.empty()) {
      FLOTT_ASSIGN(const std::int64_t rows, parse_integer(most));
      max_rows_ = rows < 0 ? 0 : static_cast<std::uint64_t>(rows);
    }
    if (const std::string most = context.option("sink.collect.max-size"); !most.empty()) {
      FLOTT_ASSIGN(const memory_size size, parse_memory_size(most));
      max_bytes_ = size.bytes;
    }
    return {};
  }

  result<void> process(std::size_t, record_batch batch) override {
    batch.for_each_row([&](std::uint32_t row) {
      if (rows_.truncated())
        return;
      std::string json;
      append_json_row(json, batch, row);
      if (static_cast<std::uint64_t>(rows_.json_rows_size()) >= max_rows_ || bytes_ + json.size() > max_bytes_) {
        rows_.set_truncated(true);
        return;
      }
      bytes_ += json.size();
      rows_.add_json_rows(std::move(json));
    });
    return {};
  }
  result<void> process_watermark(watermark) override { return {}; }

  std::vector<msg::CollectedRows> take_collected() override { return {std::exchange(rows_, {})}; }

  result<void> snapshot(snapshot_writer& to) override {
    to.put_bytes("rows", rows_.SerializeAsString());
    return {};
  }
  result<void> restore(snapshot_reader& from) override {
    FLOTT_ASSIGN(const std::string_view bytes, from.bytes("rows"));
    if (!rows_.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
      return internal_failure(rows_.sink(), "the snapshot's rows cannot be read");
    bytes_ = 0;
    for (const std::string& row : rows_.json_rows())
      bytes_ += row.size();
    return {};
  }

 private:
  msg::CollectedRows rows_;
  std::uint64_t bytes_ = 0;
  std::uint64_t max_rows_ = 10'000, max_bytes_ = 512 * 1024;
};

}  // namespace

operator_factory make_collect_sink(schema_ptr shape, std::string name) {
  return [shape = std::move(shape), name = std::move(name)]() -> result<std::unique_ptr<stream_operator>> {
    return {std::make_unique<collect_sink>(shape, name)};
  };
}

}  // namespace flott
