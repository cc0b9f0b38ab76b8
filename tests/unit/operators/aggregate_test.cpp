#include "runtime/operators/aggregate.hpp"
#include "tests/unit/operators/rows.hpp"

#include <limits>
#include <map>

using namespace flott;
using namespace flott::test;

namespace {

/// site, count, sum and min of bytes, max of port, sum of seconds.
aggregate_plan everything() {
  aggregate_plan plan;
  plan.key_inputs = {0};
  plan.key_types = {field_type::text};
  plan.key_outputs = {1};
  plan.aggregates = {{aggregate_kind::count, 0, field_type::int64, 0, field_type::int64},
                     {aggregate_kind::sum, 1, field_type::int64, 2, field_type::int64},
                     {aggregate_kind::min, 1, field_type::int64, 3, field_type::int64},
                     {aggregate_kind::max, 2, field_type::uint32, 4, field_type::uint32},
                     {aggregate_kind::sum, 3, field_type::float64, 5, field_type::float64}};
  plan.result = make_schema({{"n", field_type::int64},
                             {"site", field_type::text},
                             {"bytes", field_type::int64},
                             {"least", field_type::int64},
                             {"port", field_type::uint32},
                             {"seconds", field_type::float64}});
  return plan;
}

aggregate_plan by_port() {
  aggregate_plan plan;
  plan.key_inputs = {2};
  plan.key_types = {field_type::uint32};
  plan.key_outputs = {0};
  plan.aggregates = {{aggregate_kind::sum, 1, field_type::int64, 1, field_type::int64}};
  plan.result = make_schema({{"port", field_type::uint32}, {"bytes", field_type::int64}});
  return plan;
}

const record_batch first = visits({{"a", 5, 80, 0.5}, {"b", 2, 443, 1}, {"a", -7, 8080, 2}});
const record_batch second = visits({{"c", 1, 1, 1}, {"b", 9, 22, 4}, {"x", 0, 0, 0}, {"a", 3, 90, 8}});

}  // namespace

TEST_CASE("combining and then merging is aggregating") {
  harness combiner(make_combiner(everything()));
  combiner.input(first).input(second).input(halved(second));
  combiner.check_cuts();
  CHECK(combiner.run() == rows{"a|4|4|-7|8080|18.5", "b|3|20|2|443|9", "c|1|1|1|1|1", "x|1|0|0|0|0"});

  harness final_one(make_final_aggregate(everything()));
  collecting_output partial;
  for (const record_batch& batch : {first, second}) {     // two producers, each with its own partial results
    auto one = combiner.open(partial);
    REQUIRE(one->process(0, batch).ok());
    REQUIRE(one->finish().ok());
  }
  for (const record_batch& batch : partial.batches)
    final_one.input(batch);
  final_one.check_cuts();
  CHECK(final_one.run() == rows{"3|a|1|-7|8080|10.5", "2|b|11|2|443|5", "1|c|1|1|1|1", "1|x|0|0|0|0"});
}

TEST_CASE("a running aggregate tells every row's result so far") {
  harness h(make_running_aggregate(everything()));
  h.input(first).input(halved(second)).input(visits({{"b", 1, 1, 1}}, true));
  h.check_cuts();
  CHECK(h.run() == rows{"1|a|5|5|80|0.5", "1|b|2|2|443|1", "2|a|-2|-7|8080|2.5", "2|b|11|2|443|5",
                        "3|a|1|-7|8080|10.5", "3|b|12|1|443|6@100"});
}

TEST_CASE("a combiner hands on what outgrows its bound, and loses nothing") {
  harness h(make_combiner(by_port(), {.max_groups = 3, .max_bytes = 16 << 20}));
  for (std::uint32_t i = 0; i < 10; ++i)
    h.input(many_visits(500, 100, i * 500));
  collecting_output out;
  auto one = h.open(out);
  REQUIRE(one->process(0, many_visits(500, 100)).ok());
  CHECK(out.lines.size() == 7);
  std::int64_t sum = 0;
  for (const std::string& line : h.run())
    sum += std::stoll(line.substr(line.find('|') + 1));
  CHECK(sum == 4999 * 5000 / 2);
  h.check_cuts();
}

TEST_CASE("a combiner goes on combining after it has handed on what outgrew its bytes") {
  harness h(make_combiner(everything(), {.max_groups = 1U << 30, .max_bytes = 64 << 10}));
  collecting_output out;
  auto one = h.open(out);
  for (std::uint32_t first = 0; out.lines.empty(); first += 2000) {     // many keys, until it is full
    REQUIRE(first < 1'000'000);
    REQUIRE(one->process(0, many_visits(2000, 1U << 30, first)).ok());
  }
  const auto flushed = out.lines.size();
  for (int i = 0; i < 5; ++i)
    REQUIRE(one->process(0, many_visits(500, 10)).ok());   // few keys
  CHECK(out.lines.size() == flushed);
  REQUIRE(one->finish().ok());
  CHECK(out.lines.size() <= flushed + 20);
}

TEST_CASE("aggregates agree with an ordinary map over many keys") {
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> expected;
  harness h(make_combiner(everything(), {.max_groups = 1U << 30, .max_bytes = 1ULL << 40}));
  for (std::uint32_t i = 0; i < 20; ++i) {
    const record_batch batch = many_visits(3000, 9000, i * 3000);
    batch.for_each_row([&](std::uint32_t row) {
      auto& [n, bytes] = expected[batch.values<text>(0)[row].str()];
      ++n;
      bytes += batch.values<std::int64_t>(1)[row];
    });
    h.input(batch);
  }
  const rows out = h.run();
  REQUIRE(out.size() == expected.size());
  for (const std::string& line : out) {
    const std::string key = line.substr(0, line.find('|'));
    const auto& [n, bytes] = expected.at(key);
    CHECK(line.starts_with(key + "|" + std::to_string(n) + "|" + std::to_string(bytes) + "|"));
  }
}

TEST_CASE("a sum that leaves 64 bits fails, naming the field") {
  harness h(make_combiner(everything()));
  h.input(visits({{"a", std::numeric_limits<std::int64_t>::max()}, {"b", 1}, {"a", 1}}));
  const failure f = h.run_to_failure();
  CHECK(f.cls == failure_class::permanent);
  CHECK(f.where.find("'bytes'") != std::string::npos);
}

TEST_CASE("a table that outgrows the budget fails as lack of resources, naming the operator") {
  harness h(make_final_aggregate(everything()));
  harness combiner(make_combiner(everything()));
  collecting_output partial;
  auto one = combiner.open(partial);
  REQUIRE(one->process(0, many_visits(20'000, 1'000'000)).ok());
  REQUIRE(one->finish().ok());
  for (const record_batch& batch : partial.batches)
    h.input(batch);
  h.context.memory = memory_budget::root("subtask", 200'000);
  h.context.name = "by site";
  const failure f = h.run_to_failure();
  CHECK(f.cls == failure_class::resources);
  CHECK(f.where.find("by site") != std::string::npos);
  CHECK(f.cause.find("subtask") != std::string::npos);
}
