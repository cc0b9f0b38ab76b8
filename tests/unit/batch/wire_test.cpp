#include "runtime/batch/typed_batch.hpp"
#include "runtime/batch/wire.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <string>

using namespace flott;

namespace {

struct everything {
  text name;
  bool flag = false;
  std::int32_t small = 0;
  std::int64_t big = 0;
  std::uint32_t usmall = 0;
  std::uint64_t ubig = 0;
  double real = 0;
  text note;
};
FLOTT_DESCRIBE(everything, name, flag, small, big, usmall, ubig, real, note)

record_batch sample(std::uint32_t rows, bool timed = false) {
  typed_batch_builder<everything> builder(nullptr, std::max(rows, 1U), timed);
  for (std::uint32_t i = 0; i < rows; ++i) {
    const std::string name(i % 40, static_cast<char>('a' + i % 26));
    const std::string note = i % 3 == 0 ? "" : "note " + std::to_string(i);
    builder.append({name, i % 2 == 1, -static_cast<std::int32_t>(i), -static_cast<std::int64_t>(i) << 33, i,
                    std::uint64_t{i} << 40, i / 3.0, note});
    if (timed)
      builder.set_event_time(1000 + i);
  }
  return builder.finish();
}

std::span<const std::byte> bytes_of(const std::shared_ptr<arena>& block, std::size_t from = 0) {
  return {block->data() + from, block->capacity() - from};
}

void check_equal(const record_batch& a, const record_batch& b) {
  REQUIRE(a.rows() == b.rows());
  const row_reader<everything> left(a), right(b);
  for (std::uint32_t i = 0; i < a.rows(); ++i) {
    const everything x = left(a.row_at(i)), y = right(b.row_at(i));
    CHECK(x.name == y.name);
    CHECK(x.note == y.note);
    CHECK(std::tie(x.flag, x.small, x.big, x.usmall, x.ubig, x.real) ==
          std::tie(y.flag, y.small, y.big, y.usmall, y.ubig, y.real));
  }
}

}  // namespace

TEST_CASE("a batch survives the wire") {
  auto root = memory_budget::root("test", 1 << 26);
  for (const std::uint32_t rows : {0U, 1U, 3U, 1000U})
    for (const std::size_t reserve : {0UL, 40UL}) {
      const record_batch batch = sample(rows, rows % 2 == 1);
      auto block = encode(batch, root, reserve);
      CHECK(block->capacity() == reserve + encoded_size(batch));
      auto shared = decode(block, bytes_of(block, reserve), batch.shape(), root);
      REQUIRE(shared.ok());
      check_equal(batch, *shared);
      auto copied = decode(bytes_of(block, reserve), batch.shape(), root);
      REQUIRE(copied.ok());
      block.reset();
      check_equal(batch, *copied);
      REQUIRE((copied->event_times() != nullptr) == (rows % 2 == 1));
      if (rows == 3)
        CHECK(copied->event_times()->as<event_time>()[2] == 1002);
    }
  CHECK(root->used() == 0);
}

TEST_CASE("only live rows and their characters are sent") {
  const record_batch batch = sample(1000);
  auto storage = arena::make(nullptr, 8);
  storage->as<std::uint32_t>()[0] = 39;
  storage->as<std::uint32_t>()[1] = 500;
  const record_batch some = batch.select({storage, storage->as<std::uint32_t>(), 2});
  auto block = encode(some, nullptr);
  CHECK(block->capacity() < 600);
  auto back = decode(block, bytes_of(block), batch.shape(), nullptr);
  REQUIRE(back.ok());
  check_equal(some, *back);
}

TEST_CASE("unaligned bytes are read as well") {
  const record_batch batch = sample(20);
  const auto block = encode(batch, nullptr);
  auto shifted = arena::make(nullptr, block->capacity() + 3);
  std::memcpy(shifted->data() + 3, block->data(), block->capacity());
  auto back = decode(shifted, bytes_of(shifted, 3), batch.shape(), nullptr);
  REQUIRE(back.ok());
  check_equal(batch, *back);
}

TEST_CASE("another schema is refused by name") {
  const auto block = encode(sample(3), nullptr);
  const auto other = make_schema({{"word", field_type::text}});
  const auto back = decode(block, bytes_of(block), other, nullptr);
  REQUIRE_FALSE(back.ok());
  CHECK(back.error().message.find("word text") != std::string::npos);
}

TEST_CASE("no truncation is taken for a batch") {
  const record_batch batch = sample(5, true);
  const auto block = encode(batch, nullptr);
  for (std::size_t n = 0; n < block->capacity(); ++n)
    REQUIRE_FALSE(decode(bytes_of(block).first(n), batch.shape(), nullptr).ok());
}

TEST_CASE("mutated bytes give an error or a batch that can be read") {
  const std::uint32_t seed = 20240607;
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const record_batch batch = sample(30, true);
  const auto block = encode(batch, nullptr);
  std::size_t refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::byte> bytes(block->data(), block->data() + block->capacity());
    const int changes = 1 + static_cast<int>(random() % 4);
    for (int i = 0; i < changes; ++i) {
      const std::size_t at = random() % (random() % 2 == 0 ? 200 : bytes.size());
      bytes[at] = static_cast<std::byte>(random() % 3 == 0 ? 0xff : random());
    }
    if (random() % 8 == 0)
      bytes.resize(random() % bytes.size());
    const auto back = decode(bytes, batch.shape(), nullptr);
    if (!back.ok()) {
      ++refused;
      continue;
    }
    std::uint64_t sum = 0;
    const row_reader<everything> reader(*back);
    back->for_each_row([&](std::uint32_t row) {
      const everything e = reader(row);
      for (const char c : e.name.view())
        sum += static_cast<unsigned char>(c);
      for (const char c : e.note.view())
        sum += static_cast<unsigned char>(c);
    });
    CHECK(sum < std::numeric_limits<std::uint64_t>::max());
    REQUIRE(encode(*back, nullptr)->capacity() == encoded_size(*back));
  }
  CHECK(refused > 1000);
}
