#include "runtime/batch/hash.hpp"
#include "runtime/batch/typed_batch.hpp"

#include <catch2/catch.hpp>

#include <limits>
#include <random>
#include <set>
#include <string>

using namespace flott;

namespace shop {
struct sale {
  text item;
  std::int32_t units = 0;
  double price = 0;
  bool paid = false;
  std::uint64_t serial = 0;
};
FLOTT_DESCRIBE(sale, item, units, price, paid, serial)
}  // namespace shop

namespace {

record_batch sales(std::uint32_t rows, std::shared_ptr<memory_budget> budget = nullptr) {
  typed_batch_builder<shop::sale> builder(std::move(budget), std::max(rows, 1U));
  for (std::uint32_t i = 0; i < rows; ++i) {
    const std::string item = "item number " + std::to_string(i);
    builder.append({item, static_cast<std::int32_t>(i), i * 0.5, i % 2 == 0, i});
  }
  return builder.finish();
}

row_selection select_rows(std::initializer_list<std::uint32_t> rows) {
  auto storage = arena::make(nullptr, rows.size() * 4);
  std::copy(rows.begin(), rows.end(), storage->as<std::uint32_t>());
  return {storage, storage->as<std::uint32_t>(), static_cast<std::uint32_t>(rows.size())};
}

}  // namespace

TEST_CASE("texts compare by content, whatever their length") {
  const std::vector<std::string> samples{"", "a", "ab", "abc", "abcd", "abce", "abcde", "abcdf", "b", "abcdefghijklmnopq",
                                         std::string("a\0b", 3), "\xff"};
  for (const auto& a : samples)
    for (const auto& b : samples) {
      CHECK((text(a) == text(b)) == (a == b));
      CHECK((text(a) < text(b)) == (a < b));
      CHECK((text(a) == b) == (a == b));
      CHECK((text(a) == std::string_view(b)) == (a == b));
    }
}

TEST_CASE("a described struct goes into columns and comes back") {
  const record_batch batch = sales(100);
  CHECK(batch.shape()->to_string() == "item text, units int32, price float64, paid boolean, serial uint64");
  REQUIRE(batch.rows() == 100);
  const row_reader<shop::sale> reader(batch);
  batch.for_each_row([&](std::uint32_t row) {
    const shop::sale s = reader(row);
    CHECK(s.item == "item number " + std::to_string(row));
    CHECK(s.units == static_cast<std::int32_t>(row));
    CHECK(s.price == row * 0.5);
    CHECK(s.paid == (row % 2 == 0));
    CHECK(s.serial == row);
  });
  CHECK(index_of_member(&shop::sale::price) == 2);
}

TEST_CASE("selections, slices, projections and added columns share values") {
  const record_batch batch = sales(10);
  const record_batch some = batch.select(select_rows({1, 4, 7, 9}));
  CHECK(some.rows() == 4);
  CHECK(some.physical_rows() == 10);
  CHECK(some.bytes() < batch.bytes());
  CHECK(some.values<text>(0) == batch.values<text>(0));

  const record_batch middle = some.slice(1, 2);
  REQUIRE(middle.rows() == 2);
  CHECK(middle.row_at(0) == 4);
  CHECK(middle.row_at(1) == 7);

  const record_batch tail = batch.slice(6, 3);
  REQUIRE(tail.rows() == 3);
  CHECK(tail.values<text>(0)[tail.row_at(2)] == "item number 8");

  const std::size_t wanted[] = {4, 0};
  const record_batch two = some.project(make_schema({{"serial", field_type::uint64}, {"item", field_type::text}}), wanted);
  CHECK(two.columns() == 2);
  CHECK(two.values<std::uint64_t>(0)[two.row_at(3)] == 9);

  const record_batch dense = compact(some, nullptr);
  CHECK_FALSE(dense.has_selection());
  REQUIRE(dense.rows() == 4);
  CHECK(dense.values<text>(0)[3] == "item number 9");
  CHECK(record_batch().rows() == 0);
  CHECK(record_batch().empty());
}

TEST_CASE("texts are adopted where their arena is known and copied elsewhere") {
  auto root = memory_budget::root("test", 1 << 24);
  auto block = arena::make(root, 1000);
  std::memcpy(block->data(), "hello world", 11);
  batch_builder builder(make_schema({{"word", field_type::text}}), root, 16);
  builder.texts().announce(block);
  const std::string elsewhere = "from the stack";
  text* column = builder.values<text>(0);
  column[0] = builder.texts().adopt(text(block->chars(), 5));
  column[1] = builder.texts().adopt(elsewhere);
  column[2] = builder.texts().adopt(text(block->chars() + 6, 5));
  char* room = builder.texts().allocate(3);
  std::memcpy(room, "own", 3);
  column[3] = builder.texts().adopt(text(room, 3));
  builder.commit(4);
  record_batch batch = builder.finish();

  const text* words = batch.values<text>(0);
  CHECK(words[0].data() == block->chars());
  CHECK(words[1].data() != elsewhere.data());
  CHECK(words[1] == elsewhere);
  CHECK(words[2] == "world");
  CHECK(words[3].data() == room);

  const arena* address = block.get();
  block.reset();
  builder.texts().forget();
  CHECK(std::any_of(batch.column_at(0)->arenas->begin(), batch.column_at(0)->arenas->end(),
                    [&](const arena_ptr& a) { return a.get() == address; }));
  CHECK(words[2] == "world");                    // the batch keeps the block
}

TEST_CASE("the next batch of a builder stands on its own") {
  auto root = memory_budget::root("test", 1 << 24);
  {
    typed_batch_builder<shop::sale> builder(root, 4);
    std::vector<record_batch> batches;
    for (std::uint32_t i = 0; i < 10; ++i) {
      builder.append({"x" + std::to_string(i), 1, 1, true, i});
      if (builder.full())
        batches.push_back(builder.finish());
    }
    batches.push_back(builder.finish());
    REQUIRE(batches.size() == 3);
    std::uint32_t i = 0;
    for (const auto& b : batches)
      b.for_each_row([&](std::uint32_t row) {
        CHECK(b.values<text>(0)[row] == "x" + std::to_string(i));
        CHECK(b.values<std::uint64_t>(4)[row] == i++);
      });
    CHECK(i == 10);
    CHECK(root->used() > 0);
  }
  CHECK(root->used() == 0);
}

TEST_CASE("a batch heavy with texts is full before its rows are") {
  typed_batch_builder<shop::sale> builder(nullptr);
  const std::string big(100'000, 'x');
  std::uint32_t rows = 0;
  while (!builder.full()) {
    builder.append({big, 0, 0, false, 0});
    ++rows;
  }
  CHECK(rows == 6);
  CHECK(builder.finish().bytes() >= target_batch_bytes);
}

TEST_CASE("a mostly dead arena is left behind by gathering") {
  auto root = memory_budget::root("test", 1 << 26);
  record_batch few;
  {
    const record_batch many = sales(4000, root);
    few = compact(many.select(select_rows({5, 3000})), root);
  }
  CHECK(few.rows() == 2);
  CHECK(few.values<text>(0)[1] == "item number 3000");
  CHECK(root->used() < 128 * 1024);
}

TEST_CASE("hashes agree between columns and single values, and are stable") {
  const record_batch batch = sales(50);
  std::vector<std::uint64_t> hashes(50);
  const std::uint32_t item[] = {0};
  hash_rows(batch, item, hashes);
  for (std::uint32_t i = 0; i < 50; ++i)
    CHECK(hashes[i] == hash_text("item number " + std::to_string(i)));

  const std::uint32_t units[] = {1};
  hash_rows(batch, units, hashes);
  CHECK(hashes[7] == hash_integer(7));
  CHECK(hash_float(0.0) == hash_float(-0.0));
  CHECK(hash_float(std::numeric_limits<double>::quiet_NaN()) == hash_float(-std::numeric_limits<double>::quiet_NaN()));

  // They decide where state lives: a change of these numbers loses it.
  CHECK(hash_integer(1) == 0x4179b061e0c0e0d0ULL);
  CHECK(hash_text("flott") == 0x1a0c5b42427b2588ULL);
  CHECK(hash_text("a text longer than sixteen") == 0xc60ced8c064316acULL);
}

TEST_CASE("hashes spread similar keys over both halves") {
  const auto spread = [](auto key) {
    std::vector<int> low(256), high(256);
    for (std::uint64_t i = 0; i < 25600; ++i) {
      const std::uint64_t h = key(i);
      ++low[h & 255];
      ++high[h >> 56];
    }
    return std::pair(*std::max_element(low.begin(), low.end()), *std::max_element(high.begin(), high.end()));
  };
  for (const std::uint64_t stride : {1ULL, 8ULL, 4096ULL, 1ULL << 32, 1ULL << 40}) {
    const auto [low, high] = spread([&](std::uint64_t i) { return hash_integer(i * stride); });
    CHECK(low < 160);
    CHECK(high < 160);
  }
  for (const std::string prefix : {"", "key", "key-000000000", "a very long common prefix "}) {
    const auto [low, high] = spread([&](std::uint64_t i) { return hash_text(prefix + std::to_string(i)); });
    CHECK(low < 160);
    CHECK(high < 160);
  }
  std::set<std::uint64_t> distinct;
  for (std::size_t n = 0; n < 40; ++n)           // length alone tells strings of zeros apart
    distinct.insert(hash_text(std::string(n, '\0')));
  CHECK(distinct.size() == 40);
}

namespace {

struct half_described {
  std::int64_t named = 0, forgotten = 0;
};
FLOTT_DESCRIBE(half_described, named)

}  // namespace

TEST_CASE("a member that FLOTT_DESCRIBE does not name is refused as a column") {
  CHECK(index_of_member(&half_described::named) == 0);
  CHECK_THROWS_AS(index_of_member(&half_described::forgotten), failure_exception);
}
