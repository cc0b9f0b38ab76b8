#include "examples/word_count/word_counter.hpp"
#include "runtime/memory/budget.hpp"
#include "tests/support/operator_harness.hpp"

using namespace flott;
using namespace flott::test;
using word_count::total;
using word_count::word_counter;

namespace {

struct line {
  text content;
};
FLOTT_DESCRIBE(line, content)

record_batch lines(const std::vector<std::string>& all) {
  typed_batch_builder<line> builder(memory_budget::root("lines", 64ULL << 20),
                                    static_cast<std::uint32_t>(all.size()));
  for (const auto& each : all)
    builder.append({builder.texts().copy(text(each.data(), static_cast<std::uint32_t>(each.size())))});
  return builder.finish();
}

harness counting() {
  harness h([]() -> result<std::unique_ptr<stream_operator>> { return {std::make_unique<word_counter>()}; });
  h.sort_output = true;
  return h;
}

}  // namespace

TEST_CASE("word_counter: counts are the same wherever it is cut, long words included") {
  auto h = counting();
  h.input(lines({"To be, or not to be:", "that is the question."}))
      .input(lines({"internationalization internationalization", ""}))
      .input(lines({"be_2 BE be", "internationalization"}));
  h.check_cuts();
  const auto counted = h.run();
  CHECK(std::count(counted.begin(), counted.end(), "be|4") == 1);
  CHECK(std::count(counted.begin(), counted.end(), "be_2|1") == 1);
  CHECK(std::count(counted.begin(), counted.end(), "internationalization|1") == 3);   // not counted here, only passed on
}

TEST_CASE("word_counter: a running job gets the counts of each batch, wherever it is cut") {
  auto h = counting();
  h.context.runs = runtime_mode::streaming;
  h.input(lines({"a b a"})).input(lines({"b a_very_long_word_indeed"})).input(lines({"c"}));
  h.check_cuts();
  CHECK(h.run() == rows{"a_very_long_word_indeed|1", "a|2", "b|1", "b|1", "c|1"});
}

TEST_CASE("word_counter: more words than its table holds are counted all the same, wherever it is cut") {
  auto h = counting();
  std::vector<record_batch> batches;
  std::map<std::string, std::int64_t> expected;
  for (int batch = 0; batch < 4; ++batch) {
    std::vector<std::string> all;
    for (int i = 0; i < 8000; ++i) {
      all.push_back("w" + std::to_string((batch * 5003 + i * 7) % 40'000));
      ++expected[all.back()];
    }
    batches.push_back(lines(all));
  }
  for (const bool cut : {false, true}) {
    std::map<std::string, std::int64_t> counted;
    collecting_output out;
    auto one = h.open(out);
    for (const auto& batch : batches) {
      if (cut)
        one = h.cut(std::move(one), out);
      REQUIRE(one->process(0, batch).ok());
    }
    REQUIRE(one->finish().ok());
    for (const auto& row : out.lines)
      counted[row.substr(0, row.find('|'))] += std::stoll(row.substr(row.find('|') + 1));
    CHECK(counted == expected);
  }
}
