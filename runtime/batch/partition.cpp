#include "runtime/batch/partition.hpp"

#include <algorithm>
#include <cassert>

namespace flott {
namespace {

/// Arenas that one channel's pending rows may keep alive before they are handed over.
constexpr std::size_t max_referenced_bytes = 4 * 1024 * 1024;

class hash_partitioner final : public partitioner {
 public:
  hash_partitioner(hasher hash, key_group_table table, std::shared_ptr<memory_budget> budget)
      : hash_(std::move(hash)), table_(std::move(table)), budget_(std::move(budget)), channels_(table_.channels()) {}

  void add(const record_batch& batch, const target& to) override {
    const std::uint32_t rows = batch.rows();
    if (rows == 0)
      return;
    if (table_.channels() == 1 && !mostly_dead(batch)) {
      to(0, batch);
      return;
    }
    hashes_.resize(rows);
    hash_(batch, hashes_);
    sort_rows(batch, rows);
    std::uint32_t begin = 0;
    for (std::uint32_t channel = 0; channel < table_.channels(); ++channel) {
      const std::uint32_t end = ends_[channel];
      if (end != begin)
        append(channel, batch, std::span(rows_).subspan(begin, end - begin), to);
      begin = end;
    }
  }

  void flush(std::uint32_t channel, const target& to) override {
    if (channels_[channel] && !channels_[channel]->empty())
      to(channel, channels_[channel]->finish());
  }
  void flush(const target& to) override {
    for (std::uint32_t channel = 0; channel < table_.channels(); ++channel)
      flush(channel, to);
  }
  std::uint32_t pending_rows(std::uint32_t channel) const override {
    return channels_[channel] ? channels_[channel]->rows() : 0;
  }

 private:
  /// Counting sort: `rows_` holds the physical rows by channel, `ends_` where each channel's end.
  void sort_rows(const record_batch& batch, std::uint32_t rows) {
    ends_.assign(table_.channels(), 0);
    channel_of_row_.resize(rows);
    rows_.resize(rows);
    for (std::uint32_t i = 0; i < rows; ++i) {
      const std::uint32_t channel = table_.channel_of(hashes_[i]);
      channel_of_row_[i] = static_cast<std::uint16_t>(channel);
      ++ends_[channel];
    }
    std::uint32_t begin = 0;
    for (std::uint32_t& end : ends_) {
      const std::uint32_t count = end;
      end = begin;
      begin += count;
    }
    const std::uint16_t* channel = channel_of_row_.data();
    batch.for_each_row([&](std::uint32_t row) { rows_[ends_[*channel++]++] = row; });
  }

  void append(std::uint32_t channel, const record_batch& batch, std::span<const std::uint32_t> rows,
              const target& to) {
    auto& builder = channels_[channel];
    if (!builder)
      builder = std::make_unique<batch_builder>(batch.shape(), budget_, capacity(*batch.shape()),
                                                batch.event_times() != nullptr);
    while (!rows.empty()) {
      const auto room = std::min<std::size_t>(rows.size(), builder->capacity() - builder->rows());
      builder->append_rows(batch, rows.first(room));
      rows = rows.subspan(room);
      if (builder->full() || builder->texts().referenced_bytes() > max_referenced_bytes)
        to(channel, builder->finish());
    }
  }

  /// With many channels smaller batches, so that what is pending stays bounded.
  std::uint32_t capacity(const schema& shape) const {
    const std::uint32_t rows = suitable_rows(shape);
    return table_.channels() <= 16 ? rows : std::clamp<std::uint32_t>(rows * 16 / table_.channels(), 256, rows);
  }

  hasher hash_;
  key_group_table table_;
  std::shared_ptr<memory_budget> budget_;
  std::vector<std::unique_ptr<batch_builder>> channels_;
  std::vector<std::uint64_t> hashes_;
  std::vector<std::uint16_t> channel_of_row_;
  std::vector<std::uint32_t> rows_;
  std::vector<std::uint32_t> ends_;
};

class rebalance_partitioner final : public partitioner {
 public:
  rebalance_partitioner(std::uint32_t channels, std::uint32_t first) : channels_(channels), next_(first % channels) {}

  void add(const record_batch& batch, const target& to) override {
    const std::uint32_t rows = batch.rows();
    const std::uint32_t parts = rows >= target_batch_rows / 4 ? 1 : std::min(channels_, rows);
    for (std::uint32_t part = 0; part < parts; ++part) {
      const auto first = static_cast<std::uint32_t>(std::uint64_t{rows} * part / parts);
      const auto end = static_cast<std::uint32_t>(std::uint64_t{rows} * (part + 1) / parts);
      to(next_, batch.slice(first, end - first));
      next_ = (next_ + 1) % channels_;
    }
  }
  void flush(std::uint32_t, const target&) override {}
  void flush(const target&) override {}
  std::uint32_t pending_rows(std::uint32_t) const override { return 0; }

 private:
  std::uint32_t channels_;
  std::uint32_t next_;
};

class broadcast_partitioner final : public partitioner {
 public:
  explicit broadcast_partitioner(std::uint32_t channels) : channels_(channels) {}

  void add(const record_batch& batch, const target& to) override {
    if (batch.empty())
      return;
    for (std::uint32_t channel = 0; channel < channels_; ++channel)
      to(channel, batch);
  }
  void flush(std::uint32_t, const target&) override {}
  void flush(const target&) override {}
  std::uint32_t pending_rows(std::uint32_t) const override { return 0; }

 private:
  std::uint32_t channels_;
};

}  // namespace

key_group_table key_group_table::even(std::uint32_t groups, std::uint32_t channels, std::uint64_t version) {
  assert(channels >= 1 && channels <= groups && groups <= 32768);
  key_group_table table;
  table.groups_ = groups;
  table.channels_ = channels;
  table.version_ = version;
  table.channel_of_.resize(groups);
  for (std::uint32_t group = 0; group < groups; ++group)
    table.channel_of_[group] = static_cast<std::uint16_t>(std::uint64_t{group} * channels / groups);
  return table;
}

std::unique_ptr<partitioner> partitioner::hash(hasher hash, key_group_table table,
                                               std::shared_ptr<memory_budget> budget) {
  return std::make_unique<hash_partitioner>(std::move(hash), std::move(table), std::move(budget));
}
std::unique_ptr<partitioner> partitioner::rebalance(std::uint32_t channels, std::uint32_t first_channel) {
  return std::make_unique<rebalance_partitioner>(channels, first_channel);
}
std::unique_ptr<partitioner> partitioner::broadcast(std::uint32_t channels) {
  return std::make_unique<broadcast_partitioner>(channels);
}

}  // namespace flott
