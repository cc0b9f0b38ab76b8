#include "runtime/operators/snapshot.hpp"
#include "tests/unit/operators/rows.hpp"

#include <random>

using namespace flott;
using namespace flott::test;

namespace {
std::string sample() {
  snapshot_writer w;
  w.put_integer("offset", -5);
  w.put_unsigned("count", 7);
  w.put_bytes("path", "/a/b");
  w.put_bytes("empty", "");
  const std::vector<record_batch> two{visits({{"a", 1}}), visits({{"b", 2}, {"c", 3}})};
  w.put_batches("rows", two);
  return std::move(w).finish();
}
}  // namespace

TEST_CASE("fields come back by name") {
  const auto r = snapshot_reader::parse(sample());
  REQUIRE(r.ok());
  CHECK(r->integer("offset").value() == -5);
  CHECK(r->unsigned_integer("count").value() == 7);
  CHECK(r->bytes("path").value() == "/a/b");
  CHECK(r->bytes("empty").value().empty());
  const auto all = r->batches("rows", description<visit>::shape(), nullptr);
  REQUIRE(all.ok());
  REQUIRE(all->size() == 2);
  CHECK(render((*all)[1], 1) == "c|3|0|0");
  CHECK_FALSE(r->has("other"));
  const auto missing = r->integer("other");
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().where.find("'other'") != std::string::npos);
  CHECK_FALSE(r->integer("path").ok());
  CHECK_FALSE(r->batch("path", description<visit>::shape(), nullptr).ok());
}

TEST_CASE("damaged snapshots are refused or read, never beyond their end") {
  const std::string good = sample();
  for (std::size_t n = 0; n < good.size(); ++n)
    CHECK_FALSE(snapshot_reader::parse(good.substr(0, n)).ok());
  CHECK_FALSE(snapshot_reader::parse(good + "12345678").ok());
  std::mt19937 random(4711);
  for (int round = 0; round < 5000; ++round) {
    std::string bad = good;
    for (int i = 0; i < 3; ++i)
      bad[random() % bad.size()] = static_cast<char>(random());
    const auto r = snapshot_reader::parse(bad);
    if (!r.ok())
      continue;
    (void)r->integer("offset");
    (void)r->batches("rows", description<visit>::shape(), nullptr);
  }
}
