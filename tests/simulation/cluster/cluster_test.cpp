#include "runtime/graph/job_states.hpp"
#include "tests/simulation/cluster/simulated_cluster.hpp"
#include "tests/support/seeds.hpp"

#include <flott/flott.hpp>
#include <catch2/catch.hpp>

#include <iostream>
#include <set>

using namespace flott;
using namespace flott::testing;

namespace {

constexpr std::uint64_t numbers = 20'000, keys = 10;

struct number {
  std::uint64_t key = 0, value = 0;
};
FLOTT_DESCRIBE(number, key, value)

struct tally {
  std::uint64_t key = 0, count = 0, sum = 0;
};
FLOTT_DESCRIBE(tally, key, count, sum)

/// Sums a sequence by key: twenty thousand numbers, ten keys, a shuffle, one result a key.
void tallies(job_builder& job, const parameters&) {
  const auto all = generate(job, {.count = numbers, .rows_per_second = 4000.0},
                            [](std::uint64_t n) { return number{n % keys, n}; });
  collect(all.key_by(&number::key)
            .aggregate<tally>(key(&tally::key), count(&tally::count), sum(&number::value, &tally::sum)),
          "tallies");
}

std::multiset<std::string> expected() {
  std::multiset<std::string> rows;
  for (std::uint64_t k = 0; k < keys; ++k) {
    std::uint64_t count = 0, sum = 0;
    for (std::uint64_t n = k; n < numbers; n += keys) {
      ++count;
      sum += n;
    }
    rows.insert("{\"key\":" + std::to_string(k) + ",\"count\":" + std::to_string(count) + ",\"sum\":" + std::to_string(sum) + "}");
  }
  return rows;
}

enum class fault { none, kill, silence, sleep };

struct outcome {
  std::string state;
  std::multiset<std::string> rows;
  std::uint32_t restarts = 0;
  std::vector<std::string> history;
  bool slots_came_back = false;
};

/// Two TaskManagers of two slots, a job that needs two: one TaskManager is lost at a moment that the seed decides.
outcome run(std::uint64_t seed, fault what) {
  simulated_cluster cluster(seed, 2, 2);
  cluster.add_job("tallies", &tallies);
  if (!cluster.run_until([&] { return cluster.free_slots() == 4; }, std::chrono::seconds{5}))
    throw std::runtime_error("the cluster did not come up");
  const auto id = cluster.submit("tallies", 2);
  const auto over = [&] {
    const auto job = cluster.job(id);
    return job && job->over();
  };
  if (what != fault::none) {
    const bool running = cluster.run_until([&] { return cluster.runs_tasks(0) && cluster.runs_tasks(1); },
                                           std::chrono::seconds{5});
    if (!running)
      throw std::runtime_error("the job did not come to run");
    const auto moment = cluster.now() + std::chrono::milliseconds{cluster.random()() % 1500};
    cluster.run_until([&] { return cluster.now() >= moment || over(); }, std::chrono::seconds{5});
    const auto victim = static_cast<std::size_t>(cluster.random()() % 2);
    if (what == fault::kill)
      cluster.kill(victim);
    else
      cluster.silence(victim);
    if (what == fault::sleep) {
      const auto morning = cluster.now() + std::chrono::milliseconds{cluster.random()() % 4000};
      cluster.run_until([&] { return cluster.now() >= morning; }, std::chrono::seconds{5});
      cluster.wake(victim);
    }
  }
  cluster.run_until(over, std::chrono::seconds{60});
  outcome end;
  end.slots_came_back = cluster.run_until([&] { return cluster.free_slots() == cluster.slots(); }, std::chrono::seconds{5});
  end.history = cluster.history();
  if (const auto job = cluster.job(id)) {
    end.state = to_string(job->snapshot->state());
    end.restarts = job->snapshot->restarts();
    if (job->stored)
      for (const auto& sink : job->stored->collected())
        end.rows.insert(sink.json_rows().begin(), sink.json_rows().end());
  }
  return end;
}

void check(std::uint64_t seed, fault what) {
  const auto end = run(seed, what);
  std::string told;
  for (const auto& line : end.history)
    told += line + "\n";
  INFO("seed " << seed << "\n" << told);
  CHECK(end.state == "FINISHED");
  CHECK(end.rows == expected());
  CHECK(end.restarts <= (what == fault::none ? 0U : 1U));
  CHECK((end.restarts == 1 || what == fault::none || what == fault::sleep));   // a short sleep is none of anyone's business
  CHECK(end.slots_came_back);
}

}  // namespace

TEST_CASE("a job runs through a simulated cluster") { check(1, fault::none); }

TEST_CASE("a TaskManager killed in the middle of a job: it ends with the right result, once, and all slots free") {
  for (const auto seed : flott::testing::seeds(100))
    check(seed, fault::kill);
}

TEST_CASE("a TaskManager that falls silent in the middle of a job is noticed by its silence") {
  for (const auto seed : flott::testing::seeds(100))
    check(seed, fault::silence);
}

TEST_CASE("a TaskManager that wakes up from a silence does no harm") {
  for (const auto seed : flott::testing::seeds(100))
    check(seed, fault::sleep);
}

/// Ten numbers, as fast as they go.
void few(job_builder& job, const parameters&) {
  collect(generate(job, {.count = 10}, [](std::uint64_t n) { return number{n, n}; }).key_by(&number::key)
            .aggregate<tally>(key(&tally::key), count(&tally::count), sum(&number::value, &tally::sum)),
          "few");
}

TEST_CASE("a small job waits for nobody's heartbeat: it ends within a fraction of one") {
  for (const auto seed : flott::testing::seeds(100)) {
    simulated_cluster cluster(seed, 3, 1);
    cluster.add_job("few", &few);
    REQUIRE(cluster.run_until([&] { return cluster.free_slots() == 3; }, std::chrono::seconds{5}));
    const auto before = cluster.now();
    const auto id = cluster.submit("few", 3);
    REQUIRE(cluster.run_until([&] { return cluster.job(id) && cluster.job(id)->over(); }, std::chrono::seconds{5}));
    INFO("seed " << seed << ", virtual time " << (cluster.now() - before).count() << " ms");
    CHECK(to_string(cluster.job(id)->snapshot->state()) == "FINISHED");
    CHECK(cluster.now() - before < std::chrono::milliseconds{200});
  }
}

TEST_CASE("the same seed is the same run, another seed another one") {
  CHECK(run(7, fault::kill).history == run(7, fault::kill).history);
  CHECK(run(7, fault::kill).history != run(8, fault::kill).history);
}
