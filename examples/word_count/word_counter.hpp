#pragma once

#include "examples/word_count/tokenizer.hpp"

#include <flott/flott.hpp>

#include "runtime/batch/hash.hpp"
#include "runtime/operators/snapshot.hpp"

#include <memory>
#include <vector>

namespace word_count {

/// A word and how often it has occurred, somewhere or in all.
struct total {
  flott::text word;
  std::int64_t count = 0;
};
FLOTT_DESCRIBE(total, word, count)

/// Lines to counts of their words, not yet one for each word: an operator of its own, since most words are so frequent
/// that counting one is cheaper than making a row of it. Keeps counts in a table that stays in the processor's cache; when
/// it is full, and at the end of input, they are emitted. A running job gets the counts of each batch.
class word_counter final : public flott::base_operator {
 public:
  flott::result<void> open(flott::operator_context& context, flott::output& out) override {
    FLOTT_TRY(base_operator::open(context, out));
    builder_ = std::make_unique<flott::typed_batch_builder<total>>(budget());
    return {};
  }

  flott::result<void> process(std::size_t, flott::record_batch batch) override {
    const auto* lines = batch.empty() ? nullptr : batch.values<flott::text>(0);
    batch.for_each_row([&](std::uint32_t row) {
      words_.add(lines[row]);
      if (words_.pending() >= pending_most)
        count_pending();
    });
    count_pending();
    if (context().mode() == flott::runtime_mode::streaming)
      emit_counts();
    return {};
  }

  flott::result<void> finish() override {
    emit_counts();
    return {};
  }

  flott::result<void> snapshot(flott::snapshot_writer& to) override {
    std::vector<flott::record_batch> batches;
    take_counts([&](flott::record_batch batch) { batches.push_back(std::move(batch)); });
    to.put_batches("counts", batches);
    return take_back(batches);
  }
  flott::result<void> restore(flott::snapshot_reader& from) override {
    FLOTT_ASSIGN(const auto batches, from.batches("counts", flott::description<total>::shape(), budget()));
    return take_back(batches);
  }

 private:
  /// A word of up to 16 characters, zeros behind it. Free if `low` is 0: no word begins with a zero.
  using key = flott::text_words;
  struct alignas(32) entry {                       ///< two in a line of the cache, none in two
    key word;
    std::int64_t count = 0;
  };
  static constexpr std::size_t pending_most = 8 * 1024;
  static constexpr std::size_t block_words = 64;
  static constexpr std::size_t slots = 1 << 15;    // filled to half at most

  /// Words are looked up a block at a time, so that their places in the table come into the cache together.
  void count_pending() {
    std::size_t n = 0;
    words_.for_each_word([&](const char* word, std::uint32_t size) {
      if (size > 16) [[unlikely]]
        return add_row({flott::text(word, size), 1});
      block_[n] = flott::load_words(word, size);
      places_[n] = place_of(block_[n]);
      __builtin_prefetch(&table_[places_[n]], 1);
      if (++n == block_words) {
        for (std::size_t i = 0; i < n; ++i)
          add(block_[i], places_[i], 1);
        n = 0;
      }
    });
    for (std::size_t i = 0; i < n; ++i)
      add(block_[i], places_[i], 1);
  }

  static std::uint32_t place_of(const key& k) {
    return static_cast<std::uint32_t>(
        flott::detail::multiply_fold(k.low ^ 0x9e3779b97f4a7c15ULL, k.high ^ 0xc2b2ae3d27d4eb4fULL) & (slots - 1));
  }

  void add(const key& k, std::uint32_t at, std::int64_t count) {
    for (;; at = (at + 1) & (slots - 1)) {
      entry& found = table_[at];
      if (found.word.low == k.low && found.word.high == k.high) [[likely]] {
        found.count += count;
        return;
      }
      if (found.word.low == 0) {
        found = {k, count};
        if (++entries_ > slots / 2)
          emit_counts();
        return;
      }
    }
  }

  void add_row(const total& row) {
    builder_->append({builder_->texts().copy(row.word), row.count});
    if (builder_->full())
      out().emit(builder_->finish());
  }

  /// Empties the table into batches.
  template <class Take>
  void take_counts(Take take) {
    for (entry& each : table_) {
      if (each.word.low == 0)
        continue;
      const auto size = 16 - static_cast<unsigned>(each.word.high != 0 ? std::countl_zero(each.word.high)
                                                                       : 64 + std::countl_zero(each.word.low)) / 8;
      builder_->append({builder_->texts().copy({reinterpret_cast<const char*>(&each.word), size}), each.count});
      each = {};
      if (builder_->full())
        take(builder_->finish());
    }
    entries_ = 0;
    if (!builder_->empty())
      take(builder_->finish());
  }
  void emit_counts() {
    take_counts([this](flott::record_batch batch) { out().emit(std::move(batch)); });
  }

  flott::result<void> take_back(const std::vector<flott::record_batch>& batches) {
    for (const flott::record_batch& batch : batches) {
      const flott::row_reader<total> rows(batch);
      batch.for_each_row([&](std::uint32_t row) {
        const total counted = rows(row);
        if (counted.word.size() > 16)
          return add_row(counted);
        const key k = flott::load_words(counted.word.data(), counted.word.size());
        add(k, place_of(k), counted.count);
      });
    }
    return {};
  }

  tokenizer words_;
  std::vector<entry> table_ = std::vector<entry>(slots);
  key block_[block_words];
  std::uint32_t places_[block_words];
  std::size_t entries_ = 0;
  std::unique_ptr<flott::typed_batch_builder<total>> builder_;   ///< holds long words until the next flush
};

}  // namespace word_count
