#include "runtime/operators/reduce.hpp"
#include "runtime/operators/row_operators.hpp"
#include "tests/unit/operators/rows.hpp"

#include <stdexcept>

using namespace flott;
using namespace flott::test;

namespace {

struct short_visit {
  text site;
  bool big = false;
};
FLOTT_DESCRIBE(short_visit, site, big)

template <class Operator, class... Args>
operator_factory factory_of(Args... args) {
  return [args...]() -> result<std::unique_ptr<stream_operator>> { return {std::make_unique<Operator>(args...)}; };
}

template <class Out, class F>
operator_factory map_of(F f) { return factory_of<map_operator<visit, Out, F>>(f); }
template <class F>
operator_factory filter_of(F f) { return factory_of<filter_operator<visit, F>>(f); }
template <class Out, class F>
operator_factory flat_map_of(F f) { return factory_of<flat_map_operator<visit, Out, F>>(f); }

}  // namespace

TEST_CASE("map gives one row for each, texts of the input without a copy") {
  harness h(map_of<short_visit>([](const visit& v) { return short_visit{v.site, v.bytes > 10}; }));
  const record_batch in = visits({{"a", 5}, {"bc", 50}, {"", 11}});
  h.input(in).input(halved(many_visits(10, 3))).input(visits({{"t", 1}}, true));
  h.check_cuts();
  CHECK(rows(h.run()).front() == "a|false");
  CHECK(h.run().back() == "t|false@100");
  CHECK(h.run().size() == 9);

  collecting_output out;
  auto one = h.open(out);
  REQUIRE(one->process(0, in).ok());
  CHECK(out.batches[0].values<text>(0)[1].data() == in.values<text>(0)[1].data());
}

TEST_CASE("map may make texts of its own") {
  harness h(map_of<short_visit>([](const visit& v, text_maker& make) {
    return short_visit{make.copy(v.site.str() + "!"), true};
  }));
  h.input(visits({{"a"}, {"b"}}));
  h.check_cuts();
  CHECK(h.run() == rows{"a!|true", "b!|true"});
}

TEST_CASE("filter selects rows, passes whole batches on and drops empty ones") {
  harness h(filter_of([](const visit& v) { return v.bytes >= 10; }));
  h.input(visits({{"a", 5}, {"b", 50}, {"c", 11}}, true)).input(visits({{"d", 1}})).input(visits({{"e", 90}}));
  h.input(halved(many_visits(100, 5)));
  h.check_cuts();
  CHECK(h.run()[0] == "b|50|0|0@101");
  CHECK(h.run().size() == 3 + 45);

  collecting_output out;
  auto one = h.open(out);
  const record_batch all = visits({{"x", 10}, {"y", 20}});
  REQUIRE(one->process(0, all).ok());
  CHECK(out.batches[0].values<text>(0) == all.values<text>(0));
  REQUIRE(one->process(0, visits({{"z", 1}})).ok());
  CHECK(out.batches.size() == 1);
}

TEST_CASE("a filter that leaves next to nothing compacts") {
  harness h(filter_of([](const visit& v) { return v.bytes == 77; }));
  collecting_output out;
  auto one = h.open(out);
  REQUIRE(one->process(0, many_visits(1000, 5)).ok());
  REQUIRE(out.batches.size() == 1);
  CHECK_FALSE(out.batches[0].has_selection());
  CHECK(out.batches[0].physical_rows() == 1);
}

TEST_CASE("flat_map emits any number of rows, over many batches") {
  harness h(flat_map_of<short_visit>([](const visit& v, collector<short_visit>& out) {
    for (std::int64_t i = 0; i < v.bytes; ++i)
      out.emit({i % 2 == 0 ? v.site : out.copy("made " + std::to_string(i)), i == 0});
  }));
  h.input(visits({{"a", 2}, {"b", 0}, {"c", 1}})).input(visits({{"big", 10'000}})).input(visits({{"t", 2}}, true));
  h.check_cuts();
  const rows out = h.run();
  REQUIRE(out.size() == 3 + 10'000 + 2);
  CHECK(rows(out.begin(), out.begin() + 4) == rows{"a|true", "made 1|false", "c|true", "big|true"});
  CHECK(out.back() == "made 1|false@100");
}

TEST_CASE("with_column replaces one column and shares the others") {
  const auto f = [](const visit& v) { return v.bytes * 2; };
  harness h(factory_of<with_column_operator<visit, std::int64_t, decltype(f)>>(description<visit>::shape(),
                                                                             std::size_t{1}, f));
  const record_batch in = visits({{"a", 5, 80, 1.5}, {"b", 7, 81, 2}});
  h.input(in).input(halved(in));
  h.check_cuts();
  CHECK(h.run() == rows{"a|10|80|1.5", "b|14|81|2", "b|14|81|2"});
  const auto name = [](const visit& v) { return text(v.port == 80 ? "web" : "other"); };
  harness named(factory_of<with_column_operator<visit, text, decltype(name)>>(description<visit>::shape(),
                                                                             std::size_t{0}, name));
  named.input(in).input(halved(in));
  named.check_cuts();
  CHECK(named.run() == rows{"web|5|80|1.5", "other|7|81|2", "other|7|81|2"});
}

TEST_CASE("an exception says at which record, and leaves the operator destructible") {
  harness h(map_of<short_visit>([](const visit& v) -> short_visit {
    if (v.bytes == 13)
      throw std::runtime_error("unlucky");
    return {v.site, false};
  }));
  collecting_output out;
  auto one = h.open(out);
  REQUIRE(one->process(0, visits({{"a", 13 - 1}})).ok());
  CHECK(one->position().empty());
  CHECK_THROWS_WITH(one->process(0, visits({{"a", 1}, {"b", 2}, {"c", 13}, {"d", 4}})), "unlucky");
  CHECK(one->position() == "record 4 of this attempt");   // one was in the batch before
}

TEST_CASE("reduce combines the rows of a key in their order") {
  const auto f = [](const visit& a, const visit& b) { return visit{b.site, a.bytes + b.bytes, b.port, a.seconds}; };
  using reducer = reduce_operator<visit, decltype(f)>;
  const auto make = [&](reduce_role role) {
    return factory_of<reducer>(f, description<visit>::shape(), std::vector<std::uint32_t>{0},
                               std::vector<field_type>{field_type::text}, role);
  };
  const auto a = visits({{"x", 1, 1, 1}, {"y", 2, 2, 2}, {"x", 3, 3, 3}});
  const auto b = visits({{"y", 4, 4, 4}, {"z", 5, 5, 5}, {"x", 6, 6, 6}});
  for (const reduce_role role : {reduce_role::combiner, reduce_role::final_result}) {
    harness h(make(role));
    h.input(a).input(halved(b)).input(b);
    h.check_cuts();
    CHECK(h.run() == rows{"x|10|6|1", "y|6|4|2", "z|10|5|5"});
  }
  harness running(make(reduce_role::running));
  running.input(a).input(b);
  running.check_cuts();
  CHECK(running.run() == rows{"x|1|1|1", "y|2|2|2", "x|4|3|1", "y|6|4|2", "z|5|5|5", "x|10|6|1"});
}

TEST_CASE("reduce keeps long texts of changing length without growing for ever") {
  const auto f = [](const visit& a, const visit& b) { return visit{b.site, a.bytes + b.bytes, 0, 0}; };
  using reducer = reduce_operator<visit, decltype(f)>;
  harness h(factory_of<reducer>(f, description<visit>::shape(), std::vector<std::uint32_t>{2},
                                std::vector<field_type>{field_type::uint32}, reduce_role::final_result));
  collecting_output out;
  auto one = h.open(out);
  std::uint64_t most = 0;
  for (std::uint32_t i = 0; i < 200; ++i) {
    REQUIRE(one->process(0, visits({{std::string(50'000 + i, static_cast<char>('a' + i % 26)), 1, 7}})).ok());
    most = std::max(most, h.context.memory->used());
  }
  CHECK(most < 4U << 20);
  REQUIRE(one->finish().ok());
  REQUIRE(out.lines.size() == 1);
  CHECK(out.lines[0] == std::string(50'199, 'r') + "|200|0|0");
}
