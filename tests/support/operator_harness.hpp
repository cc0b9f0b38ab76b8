#pragma once

#include "messages/job.pb.h"
#include "runtime/base/env.hpp"
#include "runtime/operators/factory.hpp"
#include "runtime/operators/snapshot.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace flott::test {

/// Runs single operators without an executor, and cuts them: snapshot, a new instance, restore.
///
///     harness h(make_combiner(plan));
///     h.input(batch_a).input(batch_b);
///     h.check_cuts();                       // same output, wherever it is cut
///     CHECK(h.run() == rows{"a|2", "b|1"});
///
/// Rows are compared as text, fields separated by '|', event time behind '@'.
using rows = std::vector<std::string>;

inline std::string render(const record_batch& batch, std::uint32_t row) {
  std::string line;
  for (std::size_t i = 0; i < batch.columns(); ++i) {
    if (i != 0)
      line += '|';
    const column& c = *batch.column_at(i);
    char number[32];
    switch (c.type) {
      case field_type::boolean: line += c.as<bool>()[row] ? "true" : "false"; break;
      case field_type::int32: line += std::to_string(c.as<std::int32_t>()[row]); break;
      case field_type::int64: line += std::to_string(c.as<std::int64_t>()[row]); break;
      case field_type::uint32: line += std::to_string(c.as<std::uint32_t>()[row]); break;
      case field_type::uint64: line += std::to_string(c.as<std::uint64_t>()[row]); break;
      case field_type::float64:
        std::snprintf(number, sizeof number, "%.10g", c.as<double>()[row]);
        line += number;
        break;
      case field_type::text: line += c.as<text>()[row].view(); break;
    }
  }
  if (batch.event_times())
    line += "@" + std::to_string(batch.event_times()->as<event_time>()[row]);
  return line;
}

inline void render_into(rows& lines, const record_batch& batch) {
  batch.for_each_row([&](std::uint32_t row) { lines.push_back(render(batch, row)); });
}

/// Takes what an operator emits: rendered rows, and the batches themselves.
class collecting_output final : public output {
 public:
  void emit(record_batch batch) override {
    render_into(lines, batch);
    batches.push_back(std::move(batch));
  }
  void emit(watermark mark) override { watermarks.push_back(mark.time); }
  void emit(stream_status status) override { statuses.push_back(status.idle); }
  void emit(latency_marker) override { ++markers; }
  bool full() const noexcept override { return is_full; }

  rows lines;
  std::vector<record_batch> batches;
  std::vector<event_time> watermarks;
  std::vector<bool> statuses;
  std::size_t markers = 0;
  bool is_full = false;
};

/// Where an operator under test runs. Blocking work runs at once; wake-ups are noted.
class harness_context final : public operator_context {
 public:
  const flott::job_id& job() const override { return job_; }
  std::uint64_t job_epoch() const override { return 1; }
  std::string_view operator_name() const override { return name; }
  std::uint32_t subtask() const override { return subtask_index; }
  std::uint32_t parallelism() const override { return subtasks; }
  std::uint32_t max_parallelism() const override { return 128; }
  std::uint32_t attempt() const override { return 0; }
  runtime_mode mode() const override { return runs; }
  flott::env& environment() override { return environment_used ? *environment_used : system_env(); }
  std::shared_ptr<memory_budget> budget() override { return memory; }
  void wake_at(std::chrono::steady_clock::time_point when) override { wake_ups.push_back(when); }
  std::function<void()> waker() override { return [] {}; }
  void run_blocking(std::function<void()> work) override { work(); }
  std::string option(std::string_view key) const override {
    const auto found = options.find(key);
    return found == options.end() ? std::string() : found->second;
  }

  std::string name = "tested";
  std::uint32_t subtask_index = 0, subtasks = 1;
  runtime_mode runs = runtime_mode::batch;
  std::shared_ptr<memory_budget> memory = memory_budget::root("test", 256ULL << 20);
  std::map<std::string, std::string, std::less<>> options;
  flott::env* environment_used = nullptr;
  std::vector<std::chrono::steady_clock::time_point> wake_ups;

 private:
  flott::job_id job_ = flott::job_id::from_words(1, 2);
};

class harness {
 public:
  explicit harness(operator_factory make) : make_(std::move(make)) {}

  harness_context context;
  /// Order of the output does not matter to `check_cuts` and `run`.
  bool sort_output = false;

  harness& input(record_batch batch, std::size_t to = 0) {
    inputs_.emplace_back(to, std::move(batch));
    return *this;
  }

  /// Everything in one life: what comes out, finish included. Requires no failure.
  rows run() { return run_cut(nowhere); }

  /// The first failure of one life.
  failure run_to_failure() {
    collecting_output out;
    auto one = open(out);
    for (const auto& [to, batch] : inputs_)
      if (auto outcome = one->process(to, batch); !outcome.ok())
        return outcome.error();
    auto outcome = one->finish();
    REQUIRE_FALSE(outcome.ok());
    return outcome.error();
  }

  /// Cuts before every input and after the last one, once each, then everywhere in one run; every time the output is
  /// that of the uncut run, and all memory comes back.
  void check_cuts() {
    const rows expected = run();
    for (std::size_t cut = 0; cut <= inputs_.size(); ++cut) {
      INFO("cut before input " << cut);
      CHECK(run_cut(cut) == expected);
    }
    INFO("cut everywhere");
    CHECK(run_cut(everywhere) == expected);
  }

  /// A source: drives `advance` until it is done (at most `limit` calls), cutting before every `every`-th call.
  rows run_source(std::size_t limit = 100'000, std::size_t every = 0) {
    collecting_output out;
    auto one = open(out);
    for (const auto& [to, batch] : inputs_) {
      REQUIRE(one->process(to, batch).ok());
      drive(one, out, limit, every);
    }
    if (inputs_.empty())
      drive(one, out, limit, every);
    REQUIRE(one->finish().ok());
    return sorted(std::move(out.lines));
  }
  void check_source_cuts(std::size_t limit = 100'000) {
    const rows expected = run_source(limit);
    for (const std::size_t every : {1U, 2U, 7U}) {
      INFO("cut before every " << every << "th advance");
      CHECK(run_source(limit, every) == expected);
    }
  }

  std::unique_ptr<stream_operator> open(output& out) {
    auto made = make_();
    REQUIRE(made.ok());
    auto one = std::move(made).value();
    const auto opened = one->open(context, out);
    INFO((opened.ok() ? std::string() : opened.error().to_string()));
    REQUIRE(opened.ok());
    return one;
  }

  /// The next life of an operator.
  std::unique_ptr<stream_operator> cut(std::unique_ptr<stream_operator> one, output& out) {
    snapshot_writer writer;
    REQUIRE(one->snapshot(writer).ok());
    one.reset();
    auto reader = snapshot_reader::parse(std::move(writer).finish());
    REQUIRE(reader.ok());
    auto next = open(out);
    const auto restored = next->restore(*reader);
    INFO((restored.ok() ? std::string() : restored.error().to_string()));
    REQUIRE(restored.ok());
    return next;
  }

 private:
  static constexpr std::size_t nowhere = static_cast<std::size_t>(-1);
  static constexpr std::size_t everywhere = static_cast<std::size_t>(-2);

  rows run_cut(std::size_t at) {
    const std::uint64_t used = context.memory->used();
    rows lines;
    {
      collecting_output out;
      auto one = open(out);
      for (std::size_t i = 0; i <= inputs_.size(); ++i) {
        if (at == i || at == everywhere)
          one = cut(std::move(one), out);
        if (i < inputs_.size())
          REQUIRE(one->process(inputs_[i].first, inputs_[i].second).ok());
      }
      REQUIRE(one->finish().ok());
      lines = std::move(out.lines);
    }
    CHECK(context.memory->used() == used);
    return sorted(std::move(lines));
  }

  void drive(std::unique_ptr<stream_operator>& one, output& out, std::size_t limit, std::size_t every) {
    for (std::size_t calls = 0; calls < limit; ++calls) {
      if (every != 0 && calls % every == 0)
        one = cut(std::move(one), out);
      const auto step = one->advance();
      INFO((step.ok() ? std::string() : step.error().to_string()));
      REQUIRE(step.ok());
      if (*step == progress::done)
        return;
    }
    FAIL("the source did not end within " << limit << " calls");
  }

  rows sorted(rows lines) const {
    if (sort_output)
      std::sort(lines.begin(), lines.end());
    return lines;
  }

  operator_factory make_;
  std::vector<std::pair<std::size_t, record_batch>> inputs_;
};

}  // namespace flott::test
