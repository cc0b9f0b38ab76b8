#include "runtime/operators/key_table.hpp"
#include "tests/unit/operators/rows.hpp"

#include <random>
#include <unordered_map>

using namespace flott;
using namespace flott::test;

namespace {

/// Numbers by an ordinary map, in the order of first appearance.
class reference {
 public:
  std::uint32_t number(const std::string& key) {
    return numbers_.try_emplace(key, static_cast<std::uint32_t>(numbers_.size())).first->second;
  }

 private:
  std::unordered_map<std::string, std::uint32_t> numbers_;
};

void check_against_reference(std::vector<std::uint32_t> columns, std::vector<field_type> types,
                             std::uint32_t keys) {
  auto budget = memory_budget::root("test", 256 << 20);
  {
    key_table table(types, budget);
    reference expected;
    std::vector<std::string> by_number;
    for (std::uint32_t b = 0; b < 40; ++b) {
      record_batch batch = many_visits(1000, keys, b * 777);
      if (b % 3 == 2)
        batch = halved(batch);
      std::vector<std::uint32_t> numbers(batch.rows());
      REQUIRE(table.find_or_insert(batch, columns, numbers).ok());
      for (std::uint32_t i = 0; i < batch.rows(); ++i) {
        const std::string line = render(batch, batch.row_at(i));
        std::string key;
        for (const std::uint32_t c : columns) {
          const record_batch one = batch.project(make_schema({(*batch.shape())[c]}), std::vector<std::size_t>{c});
          key += (key.empty() ? "" : "|") + render(one, batch.row_at(i));
        }
        const std::uint32_t number = expected.number(key);
        REQUIRE(numbers[i] == number);
        if (number == by_number.size())
          by_number.push_back(key);
      }
    }
    REQUIRE(table.size() == by_number.size());
    std::vector<field> fields;
    std::vector<column_ptr> parts;
    for (std::size_t p = 0; p < types.size(); ++p) {
      fields.push_back({"k" + std::to_string(p), types[p]});
      parts.push_back(table.key_column(p, 0, table.size()));
    }
    const record_batch all(make_schema(fields), parts, table.size());
    table.clear();
    CHECK(table.size() == 0);
    for (std::uint32_t i = 0; i < all.rows(); ++i)          // the columns keep the characters
      REQUIRE(render(all, i) == by_number[i]);
    std::vector<std::uint32_t> again(1);
    REQUIRE(table.find_or_insert(visits({{"fresh", 1, 2, 3}}), columns, again).ok());
    CHECK(again[0] == 0);
  }
  CHECK(budget->used() == 0);
}

}  // namespace

TEST_CASE("keys are numbered in the order of their first appearance") {
  SECTION("texts, few") { check_against_reference({0}, {field_type::text}, 50); }
  SECTION("texts, many") { check_against_reference({0}, {field_type::text}, 20'000); }
  SECTION("integers") { check_against_reference({1}, {field_type::int64}, 1); }
  SECTION("small integers") { check_against_reference({2}, {field_type::uint32}, 1); }
  SECTION("floats") { check_against_reference({3}, {field_type::float64}, 1); }
  SECTION("several fields") {
    check_against_reference({2, 0}, {field_type::uint32, field_type::text}, 300);
    check_against_reference({0, 1, 2}, {field_type::text, field_type::int64, field_type::uint32}, 300);
  }
}

TEST_CASE("packed keys do not run into each other") {
  const auto shape = make_schema({{"a", field_type::text}, {"b", field_type::text}});
  batch_builder builder(shape, nullptr, 4);
  for (const auto& [a, b] : {std::pair("ab", "c"), std::pair("a", "bc"), std::pair("", "abc"), std::pair("ab", "c")}) {
    builder.set_text(0, a);
    builder.set_text(1, b);
    builder.commit(1);
  }
  key_table table({field_type::text, field_type::text}, nullptr);
  std::vector<std::uint32_t> numbers(4);
  REQUIRE(table.find_or_insert(builder.finish(), std::vector<std::uint32_t>{0, 1}, numbers).ok());
  CHECK(numbers == std::vector<std::uint32_t>{0, 1, 2, 0});
}

TEST_CASE("a table that cannot grow says so") {
  auto budget = memory_budget::root("small", 100'000);
  key_table table({field_type::text}, budget);
  std::vector<std::uint32_t> numbers(1000);
  result<void> outcome;
  for (std::uint32_t i = 0; i < 100 && outcome.ok(); ++i)
    outcome = table.find_or_insert(many_visits(1000, 1'000'000, i * 1000), std::vector<std::uint32_t>{0}, numbers);
  REQUIRE_FALSE(outcome.ok());
  CHECK(outcome.error().cls == failure_class::resources);
  CHECK(outcome.error().where.find("small") != std::string::npos);
}
