#include "runtime/operators/order.hpp"
#include "tests/unit/operators/rows.hpp"

#include <algorithm>
#include <limits>

using namespace flott;
using namespace flott::test;

namespace {
const schema_ptr& shape = description<visit>::shape();
}

TEST_CASE("sorting goes by every column of the order, and keeps equals in place") {
  const auto a = visits({{"delta", 3, 1, -1.5}, {"alpha", -3, 2, 2}, {"alphabet soup", 0, 3, 0}});
  const auto b = visits({{"alpha", 7, 4, 9}, {"", 1, 5, -9}, {"delta", 3, 6, 1}, {"alphabet", 2, 7, 0}});
  harness by_name(make_sort(shape, {{0, false}, {1, true}}));
  by_name.input(a).input(b).input(halved(a));
  by_name.check_cuts();
  CHECK(by_name.run() == rows{"|1|5|-9", "alpha|7|4|9", "alpha|-3|2|2", "alpha|-3|2|2", "alphabet|2|7|0",
                              "alphabet soup|0|3|0", "delta|3|1|-1.5", "delta|3|6|1"});
  harness by_number(make_sort(shape, {{1, false}}));
  by_number.input(a);
  CHECK(by_number.run()[0] == "alpha|-3|2|2");
  harness by_real(make_sort(shape, {{3, true}}));
  by_real.input(b);
  CHECK(by_real.run() == rows{"alpha|7|4|9", "delta|3|6|1", "alphabet|2|7|0", "|1|5|-9"});
  harness nothing(make_sort(shape, {{0, false}}));
  CHECK(nothing.run().empty());
}

TEST_CASE("top n is the beginning of the sorted rows, however many there are") {
  for (const std::uint32_t n : {0U, 1U, 10U, 100'000U}) {
    harness top(make_top_n(shape, {{1, true}, {0, false}}, n));
    harness all(make_sort(shape, {{1, true}, {0, false}}));
    for (std::uint32_t i = 0; i < 10; ++i) {
      top.input(many_visits(4000, 50, (i * 7 % 10) * 4000));
      all.input(many_visits(4000, 50, (i * 7 % 10) * 4000));
    }
    rows expected = all.run();
    expected.resize(std::min<std::size_t>(n, expected.size()));
    CHECK(top.run() == expected);
    if (n == 10)
      top.check_cuts();
  }
}

TEST_CASE("top n holds little of a long input") {
  harness h(make_top_n(shape, {{1, true}}, 10));
  collecting_output out;
  auto one = h.open(out);
  for (std::uint32_t i = 0; i < 100; ++i)
    REQUIRE(one->process(0, many_visits(4000, 50, i * 4000)).ok());
  snapshot_writer kept;
  REQUIRE(one->snapshot(kept).ok());
  CHECK(std::move(kept).finish().size() < 16'400 * 100);
}

TEST_CASE("a sort that outgrows the memory fails as lack of resources") {
  harness h(make_sort(shape, {{1, true}}));
  h.context.memory = memory_budget::root("subtask", 1 << 20);
  h.context.memory->reserve_anyway(2 << 20);
  for (std::uint32_t i = 0; i < 40; ++i)
    h.input(many_visits(4000, 50));
  CHECK(h.run_to_failure().cls == failure_class::resources);
}

TEST_CASE("union and projection hand rows on") {
  harness u(make_union());
  u.input(visits({{"a", 1}}), 0).input(visits({{"b", 2}}), 1);
  u.check_cuts();
  CHECK(u.run() == rows{"a|1|0|0", "b|2|0|0"});
  harness p(make_projection(make_schema({{"port", field_type::uint32}, {"site", field_type::text}}), {2, 0}));
  p.input(visits({{"a", 1, 80}})).input(halved(visits({{"a", 1, 80}, {"b", 1, 81}})));
  p.check_cuts();
  CHECK(p.run() == rows{"80|a", "81|b"});
}
