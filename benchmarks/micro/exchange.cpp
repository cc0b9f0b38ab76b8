// Hand-over of batches: through a channel between two threads, and over loopback between two data planes.
#include "runtime/base/env.hpp"
#include "runtime/exchange/channel.hpp"
#include "runtime/execution/local_runner.hpp"
#include "tests/support/number_job.hpp"

#include <benchmark/benchmark.h>

#include <atomic>
#include <string>
#include <thread>

using namespace flott;
using namespace flott::testing;

namespace {

/// Push and pop on one thread: what the hand-over itself costs.
void channel_same_thread(benchmark::State& state) {
  channel c(1 << 20);
  const auto batch = number_batch(std::vector<std::int64_t>(4096));
  channel_element got;
  for (auto _ : state) {
    c.push(batch);
    benchmark::DoNotOptimize(c.pop(got));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(channel_same_thread);

/// A whole job of two subtasks, one batch a turn; time per batch, source and sink included.
void job_hand_over(benchmark::State& state, bool over_tcp) {
  constexpr std::int64_t batches = 2000, rows = 4096;
  for (auto _ : state) {
    std::vector<std::unique_ptr<data_plane>> planes;
    std::vector<local_node> nodes;
    for (const char name : {'a', 'b'}) {
      data_plane_config config;
      config.incarnation = std::string(32, name);
      config.secret = std::string(32, 's');
      config.listen = over_tcp;
      auto started = data_plane::start(std::move(config), system_env());
      if (!started.ok())
        return state.SkipWithError(started.error().to_string().c_str());
      planes.push_back(std::move(*started));
      nodes.push_back({planes.back().get(), std::string(32, name)});
      if (!over_tcp)
        break;
    }
    const auto ready = number_batch(std::vector<std::int64_t>(rows, 7));
    /// Emits the same batch again and again.
    struct repeater final : base_operator {
      repeater(record_batch b, std::int64_t n) : batch(std::move(b)), left(n) {}
      result<void> process(std::size_t, record_batch) override { return {}; }
      result<progress> advance() override {
        if (left-- == 0)
          return progress::done;
        out().emit(batch);
        return progress::more;
      }
      record_batch batch;
      std::int64_t left;
    };
    /// Only counts.
    struct counter final : base_operator {
      explicit counter(std::shared_ptr<std::atomic<std::int64_t>> to) : count(std::move(to)) {}
      result<void> process(std::size_t, record_batch batch) override {
        count->fetch_add(batch.rows(), std::memory_order_relaxed);
        return {};
      }
      std::shared_ptr<std::atomic<std::int64_t>> count;
    };
    auto count = std::make_shared<std::atomic<std::int64_t>>(0);
    number_job job;
    job.sources = 1;
    job.sinks = 2;                     // the second one is on the second plane
    job.strategy = over_tcp ? msg::SHIP_STRATEGY_BROADCAST : msg::SHIP_STRATEGY_REBALANCE;
    job.source = makes<repeater>(ready, batches);
    job.sink = makes<counter>(count);
    auto run = local_run::start(nodes, job.compiled());
    if (!run.ok())
      return state.SkipWithError(run.error().to_string().c_str());
    const auto outcome = (*run)->wait();
    if (!outcome.finished())
      return state.SkipWithError(outcome.error.to_string().c_str());
    run->reset();
  }
  state.SetItemsProcessed(state.iterations() * batches);
  state.SetBytesProcessed(state.iterations() * batches * rows * 8);
}
BENCHMARK_CAPTURE(job_hand_over, in_process, false)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(job_hand_over, tcp, true)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
