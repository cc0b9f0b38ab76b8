#pragma once

#include "runtime/batch/batch_builder.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace flott {

/// Which channel (subtask of the consumer) keeps which key group. Immutable; a rescale makes the next version.
class key_group_table {
 public:
  /// Spreads `groups` evenly over `channels`, in ranges, as Flink does. Requires: 1 <= channels <= groups <= 32768.
  static key_group_table even(std::uint32_t groups, std::uint32_t channels, std::uint64_t version = 0);

  /// From the hash's upper half; the tables behind use the lower one, so that they are not left with every n-th slot.
  [[nodiscard]] std::uint32_t group_of(std::uint64_t hash) const noexcept {
    return static_cast<std::uint32_t>(((hash >> 32) * groups_) >> 32);
  }
  [[nodiscard]] std::uint32_t channel_of_group(std::uint32_t group) const noexcept { return channel_of_[group]; }
  [[nodiscard]] std::uint32_t channel_of(std::uint64_t hash) const noexcept { return channel_of_[group_of(hash)]; }
  [[nodiscard]] std::uint32_t groups() const noexcept { return groups_; }
  [[nodiscard]] std::uint32_t channels() const noexcept { return channels_; }
  [[nodiscard]] std::uint64_t version() const noexcept { return version_; }

 private:
  std::uint32_t groups_ = 1, channels_ = 1;
  std::uint64_t version_ = 0;
  std::vector<std::uint16_t> channel_of_{0};
};

/// Distributes batches over the channels of one edge.
///
/// Not every `add` makes a batch: rows for a channel are gathered until there are enough of them. Whoever owns the
/// partitioner calls `flush` when a channel's consumer is idle or the buffer timeout has passed, and before every
/// in-band element.
class partitioner {
 public:
  using target = std::function<void(std::uint32_t channel, record_batch batch)>;
  using hasher = std::function<void(const record_batch& batch, std::span<std::uint64_t> hashes)>;

  /// By key: rows with one hash always go to one channel, in their order.
  static std::unique_ptr<partitioner> hash(hasher hash, key_group_table table, std::shared_ptr<memory_budget> budget);
  /// In turn: a big batch goes whole to the next channel, a small one is dealt out row by row in even parts.
  static std::unique_ptr<partitioner> rebalance(std::uint32_t channels, std::uint32_t first_channel);
  /// Every row to every channel.
  static std::unique_ptr<partitioner> broadcast(std::uint32_t channels);

  virtual ~partitioner() = default;
  virtual void add(const record_batch& batch, const target& to) = 0;
  /// Hands over what is pending, of one channel or of all.
  virtual void flush(std::uint32_t channel, const target& to) = 0;
  virtual void flush(const target& to) = 0;
  [[nodiscard]] virtual std::uint32_t pending_rows(std::uint32_t channel) const = 0;
};

}  // namespace flott
