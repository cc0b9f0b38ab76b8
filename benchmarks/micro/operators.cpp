// What one record costs in each operator; "items_per_second" are records.

#include "runtime/batch/hash.hpp"
#include "runtime/batch/partition.hpp"
#include "runtime/batch/wire.hpp"
#include "runtime/operators/aggregate.hpp"
#include "runtime/operators/row_operators.hpp"

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstring>
#include <random>

namespace flott {
namespace {

struct bid {
  std::int64_t auction = 0;
  std::int64_t bidder = 0;
  std::int64_t price = 0;
  text channel;
  text url;
};
FLOTT_DESCRIBE(bid, auction, bidder, price, channel, url)

struct line {
  text value;
  std::int64_t number = 0;
};
FLOTT_DESCRIBE(line, value, number)

struct token {
  text word;
};
FLOTT_DESCRIBE(token, word)

struct priced {
  std::int64_t auction = 0;
  double price = 0;
};
FLOTT_DESCRIBE(priced, auction, price)

class context final : public operator_context {
 public:
  const flott::job_id& job() const override { return job_; }
  std::uint64_t job_epoch() const override { return 1; }
  std::string_view operator_name() const override { return "measured"; }
  std::uint32_t subtask() const override { return 0; }
  std::uint32_t parallelism() const override { return 1; }
  std::uint32_t max_parallelism() const override { return 128; }
  std::uint32_t attempt() const override { return 0; }
  runtime_mode mode() const override { return runtime_mode::batch; }
  flott::env& environment() override { std::abort(); }
  std::shared_ptr<memory_budget> budget() override { return budget_; }
  void wake_at(std::chrono::steady_clock::time_point) override {}
  std::function<void()> waker() override { return [] {}; }
  void run_blocking(std::function<void()> work) override { work(); }
  std::string option(std::string_view) const override { return {}; }

 private:
  flott::job_id job_;
  std::shared_ptr<memory_budget> budget_ = memory_budget::root("benchmark", 4ULL << 30);
};

/// Hands batches to the next operator, or drops them.
class next_operator final : public output {
 public:
  explicit next_operator(stream_operator* next = nullptr) : next_(next) {}
  void emit(record_batch batch) override {
    rows += batch.rows();
    if (next_ != nullptr)
      (void)next_->process(0, std::move(batch));
  }
  void emit(watermark) override {}
  void emit(stream_status) override {}
  void emit(latency_marker) override {}
  bool full() const noexcept override { return false; }

  std::uint64_t rows = 0;

 private:
  stream_operator* next_;
};

std::vector<record_batch> bids() {
  std::mt19937_64 random(1);
  std::vector<record_batch> all;
  for (int b = 0; b < 16; ++b) {
    typed_batch_builder<bid> builder(nullptr, 4096);
    for (int i = 0; i < 4096; ++i) {
      const auto r = static_cast<std::int64_t>(random() >> 8);
      builder.append({r % 10'000, r % 100'003, r % 1'000'000, "channel-" + std::to_string(r % 100),
                      "https://www.nexmark.com/item.htm?query=" + std::to_string(r % 1000)});
    }
    all.push_back(builder.finish());
  }
  return all;
}

/// Lines of words with a frequency like that of natural language.
std::vector<record_batch> lines(std::size_t vocabulary, std::uint64_t& bytes) {
  std::mt19937_64 random(2);
  std::vector<std::string> words;
  for (std::size_t i = 0; i < vocabulary; ++i) {
    std::string word;
    const std::size_t size = 2 + random() % (i < 100 ? 4 : 10);
    for (std::size_t c = 0; c < size; ++c)
      word += static_cast<char>('a' + random() % 26);
    if (random() % 10 == 0)
      word[0] = static_cast<char>(word[0] - 32);
    words.push_back(word);
  }
  std::uniform_real_distribution<double> uniform(0, 1);
  std::vector<record_batch> all;
  bytes = 0;
  for (int b = 0; b < 32; ++b) {
    auto block = arena::make(nullptr, 256 * 1024);
    char* next = block->chars();
    typed_batch_builder<line> builder(nullptr, 4096);
    builder.texts().announce(block);
    std::int64_t number = 0;
    while (block->chars() + block->capacity() - next > 200 && !builder.full()) {
      char* begin = next;
      while (next - begin < 70) {
        const auto rank = static_cast<std::size_t>(std::pow(static_cast<double>(vocabulary), uniform(random)));
        const std::string& word = words[std::min(rank, vocabulary) - 1];
        next = std::copy(word.begin(), word.end(), next);
        *next++ = ' ';
      }
      builder.append({text(begin, static_cast<std::uint32_t>(next - begin)), number++});
      bytes += static_cast<std::uint64_t>(next - begin);
    }
    all.push_back(builder.finish());
  }
  return all;
}

/// Splits at blanks; the words are copied into the builder's arena.
auto tokenize = [](const line& l, collector<token>& to) {
  const std::string_view all = l.value.view();
  char* next = to.allocate(static_cast<std::uint32_t>(all.size() + 16));
  for (std::size_t begin = 0; begin < all.size();) {
    const auto end = std::min(all.find(' ', begin), all.size());
    const auto size = static_cast<std::uint32_t>(end - begin);
    std::memcpy(next, all.data() + begin, size);
    if (size > 0)
      to.emit({text::in_arena(next, size)});
    next += size;
    begin = end + 1;
  }
};

void run(benchmark::State& state, stream_operator& one, const std::vector<record_batch>& input) {
  std::size_t i = 0;
  std::int64_t records = 0;
  for (auto step : state) {
    const record_batch& batch = input[i++ % input.size()];
    if (!one.process(0, batch).ok())
      state.SkipWithError("the operator failed");
    records += batch.rows();
  }
  state.SetItemsProcessed(records);
}

void map_one_column(benchmark::State& state) {
  const auto f = [](const bid& b) { return b.price * 908 / 1000; };
  with_column_operator<bid, std::int64_t, decltype(f)> one(description<bid>::shape(), 2, f);
  context where;
  next_operator out;
  (void)one.open(where, out);
  run(state, one, bids());
}
BENCHMARK(map_one_column);

void map_to_a_smaller_row(benchmark::State& state) {
  auto f = [](const bid& b) { return priced{b.auction, 0.908 * static_cast<double>(b.price)}; };
  map_operator<bid, priced, decltype(f)> one(f);
  context where;
  next_operator out;
  (void)one.open(where, out);
  run(state, one, bids());
}
BENCHMARK(map_to_a_smaller_row);

void filter_half(benchmark::State& state) {
  auto f = [](const bid& b) { return b.price % 2 == 0; };
  filter_operator<bid, decltype(f)> one(f);
  context where;
  next_operator out;
  (void)one.open(where, out);
  run(state, one, bids());
}
BENCHMARK(filter_half);

void partition(benchmark::State& state) {
  const auto input = bids();
  auto split = partitioner::hash(hasher_of({0}), key_group_table::even(128, static_cast<std::uint32_t>(state.range(0))),
                                 memory_budget::root("benchmark", 4ULL << 30));
  std::uint64_t rows = 0;
  const partitioner::target to = [&](std::uint32_t, record_batch batch) { rows += batch.rows(); };
  std::size_t i = 0;
  for (auto step : state)
    split->add(input[i++ % input.size()], to);
  state.SetItemsProcessed(static_cast<std::int64_t>(rows));
}
BENCHMARK(partition)->Arg(2)->Arg(8);

void wire_encode(benchmark::State& state) {
  const auto input = bids();
  std::size_t i = 0;
  for (auto step : state)
    benchmark::DoNotOptimize(encode(input[i++ % input.size()], nullptr));
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * 4096);
}
BENCHMARK(wire_encode);

void wire_decode(benchmark::State& state) {
  const auto input = bids();
  const auto block = encode(input[0], nullptr);
  for (auto step : state)
    benchmark::DoNotOptimize(decode(block, {block->data(), block->capacity()}, input[0].shape(), nullptr));
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * 4096);
}
BENCHMARK(wire_decode);

aggregate_plan counting() {
  aggregate_plan plan;
  plan.key_inputs = {0};
  plan.key_types = {field_type::text};
  plan.key_outputs = {0};
  plan.aggregates = {{aggregate_kind::count, 0, field_type::int64, 1, field_type::int64}};
  plan.result = make_schema({{"word", field_type::text}, {"count", field_type::int64}});
  return plan;
}

/// Words into the combiner, the argument being the vocabulary.
void count_texts(benchmark::State& state) {
  std::uint64_t bytes = 0;
  const auto input = lines(static_cast<std::size_t>(state.range(0)), bytes);
  flat_map_operator<line, token, decltype(tokenize)> split(tokenize);
  struct keeping final : output {
    void emit(record_batch b) override { batches.push_back(std::move(b)); }
    void emit(watermark) override {}
    void emit(stream_status) override {}
    void emit(latency_marker) override {}
    bool full() const noexcept override { return false; }
    std::vector<record_batch> batches;
  } words;
  context where;
  (void)split.open(where, words);
  for (const record_batch& batch : input)
    (void)split.process(0, batch);
  auto combiner = make_combiner(counting())();
  next_operator out;
  (void)(*combiner)->open(where, out);
  run(state, **combiner, words.batches);
}
BENCHMARK(count_texts)->Arg(1000)->Arg(20'000)->Arg(100'000);

void split_lines(benchmark::State& state) {
  std::uint64_t bytes = 0;
  const auto input = lines(20'000, bytes);
  flat_map_operator<line, token, decltype(tokenize)> split(tokenize);
  context where;
  next_operator out;
  (void)split.open(where, out);
  run(state, split, input);
  state.SetItemsProcessed(static_cast<std::int64_t>(out.rows));
  state.SetBytesProcessed(static_cast<std::int64_t>(static_cast<double>(bytes) / static_cast<double>(input.size()) *
                                                    static_cast<double>(state.iterations())));
}
BENCHMARK(split_lines);

/// The hottest path of word_count: lines -> words -> combiner, in bytes of text.
void word_count_chain(benchmark::State& state) {
  std::uint64_t bytes = 0;
  const auto input = lines(static_cast<std::size_t>(state.range(0)), bytes);
  context where;
  next_operator end;
  auto combiner = make_combiner(counting())();
  (void)(*combiner)->open(where, end);
  next_operator between(combiner->get());
  flat_map_operator<line, token, decltype(tokenize)> split(tokenize);
  (void)split.open(where, between);
  run(state, split, input);
  state.SetItemsProcessed(static_cast<std::int64_t>(between.rows));
  state.SetBytesProcessed(static_cast<std::int64_t>(static_cast<double>(bytes) / static_cast<double>(input.size()) *
                                                    static_cast<double>(state.iterations())));
}
BENCHMARK(word_count_chain)->Arg(1000)->Arg(20'000)->Arg(100'000);

}  // namespace
}  // namespace flott

BENCHMARK_MAIN();
