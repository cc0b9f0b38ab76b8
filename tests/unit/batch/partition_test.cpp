#include "runtime/batch/hash.hpp"
#include "runtime/batch/partition.hpp"
#include "runtime/batch/typed_batch.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <numeric>
#include <string>

using namespace flott;

namespace {

struct click {
  text user;
  std::int64_t at = 0;
};
FLOTT_DESCRIBE(click, user, at)

std::vector<record_batch> clicks(std::uint32_t batches, std::uint32_t rows) {
  std::vector<record_batch> made;
  std::int64_t at = 0;
  for (std::uint32_t b = 0; b < batches; ++b) {
    typed_batch_builder<click> builder(nullptr, rows);
    for (std::uint32_t i = 0; i < rows; ++i, ++at)
      builder.append({"user" + std::to_string(at * 7919 % 1000), at});
    made.push_back(builder.finish());
  }
  return made;
}

void by_user(const record_batch& batch, std::span<std::uint64_t> hashes) {
  const std::uint32_t key[] = {0};
  hash_rows(batch, key, hashes);
}

}  // namespace

TEST_CASE("key groups spread evenly and in ranges") {
  for (const std::uint32_t channels : {1U, 2U, 3U, 7U, 128U}) {
    const auto table = key_group_table::even(128, channels);
    std::vector<std::uint32_t> groups(channels);
    std::uint32_t last = 0;
    for (std::uint32_t g = 0; g < 128; ++g) {
      const std::uint32_t c = table.channel_of_group(g);
      REQUIRE(c < channels);
      CHECK((c == last || c == last + 1));
      last = c;
      ++groups[c];
    }
    const auto [least, most] = std::minmax_element(groups.begin(), groups.end());
    CHECK(*most - *least <= 1);
  }
  const auto table = key_group_table::even(128, 4);
  CHECK(table.group_of(0) == 0);
  CHECK(table.group_of(~0ULL) == 127);
}

TEST_CASE("a hash partitioner keeps every row, each key on one channel and in order") {
  auto partition = partitioner::hash(by_user, key_group_table::even(128, 5), nullptr);
  std::map<std::string, std::uint32_t> home;
  std::map<std::string, std::int64_t> last;
  std::uint64_t seen = 0, sum = 0, batches = 0;
  const auto take = [&](std::uint32_t channel, record_batch batch) {
    ++batches;
    batch.for_each_row([&](std::uint32_t row) {
      const std::string user = batch.values<text>(0)[row].str();
      const std::int64_t at = batch.values<std::int64_t>(1)[row];
      CHECK(home.try_emplace(user, channel).first->second == channel);
      if (const auto before = last.find(user); before != last.end())
        CHECK(before->second < at);
      last[user] = at;
      ++seen;
      sum += static_cast<std::uint64_t>(at);
    });
  };
  auto input = clicks(30, 1000);
  auto odd = arena::make(nullptr, 4 * 500);
  for (std::uint32_t i = 0; i < 500; ++i)
    odd->as<std::uint32_t>()[i] = 2 * i + 1;
  for (std::size_t i = 0; i < input.size(); ++i) {
    if (i == 3)                                                          // with half of its rows dead
      partition->add(input[i].select({odd, odd->as<std::uint32_t>(), 500}), take);
    else
      partition->add(input[i], take);
  }
  CHECK(batches < 15);                                                   // gathered, not one a channel and input
  partition->flush(take);
  for (std::uint32_t c = 0; c < 5; ++c)
    CHECK(partition->pending_rows(c) == 0);
  CHECK(seen == 29'500);
  std::uint64_t expected = 30'000ULL * 29'999 / 2;
  for (std::uint64_t i = 0; i < 500; ++i)
    expected -= 3000 + 2 * i;
  CHECK(sum == expected);
  CHECK(home.size() == 1000);
}

TEST_CASE("rebalance deals small batches out by rows and big ones whole") {
  auto partition = partitioner::rebalance(4, 1);
  std::vector<std::uint32_t> rows(4), batches(4);
  const auto take = [&](std::uint32_t channel, record_batch batch) {
    rows[channel] += batch.rows();
    ++batches[channel];
  };
  partition->add(clicks(1, 10)[0], take);
  CHECK(std::accumulate(rows.begin(), rows.end(), 0U) == 10);
  CHECK(*std::min_element(rows.begin(), rows.end()) == 2);
  for (const auto& b : clicks(3, 1))             // one row each: still in turn
    partition->add(b, take);
  CHECK(std::accumulate(batches.begin(), batches.end(), 0U) == 7);
  CHECK(*std::max_element(batches.begin(), batches.end()) == 2);
  std::fill(batches.begin(), batches.end(), 0);
  for (const auto& b : clicks(4, 2000))
    partition->add(b, take);
  CHECK(batches == std::vector<std::uint32_t>{1, 1, 1, 1});
}

TEST_CASE("broadcast gives every row to every channel") {
  auto partition = partitioner::broadcast(3);
  std::vector<std::uint32_t> rows(3);
  for (const auto& b : clicks(2, 7))
    partition->add(b, [&](std::uint32_t channel, record_batch batch) { rows[channel] += batch.rows(); });
  CHECK(rows == std::vector<std::uint32_t>{14, 14, 14});
}
