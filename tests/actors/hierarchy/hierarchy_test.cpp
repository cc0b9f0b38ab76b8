#include "testing/hierarchy.hpp"

#include "tests/support/seeds.hpp"

#include <catch2/catch.hpp>

using namespace flott;
using namespace flott::testing;

TEST_CASE("SupervisorHierarchySpec, random trees: in trees of hundreds of actors the promises of supervision hold at every step") {
  std::size_t restarts = 0, abandoned = 0, faults = 0;
  for (const auto seed : seeds(100)) {
    const auto run = run_hierarchy(seed);
    if (!run.ok())
      FAIL_CHECK("replay with FLOTT_SEEDS=" << seed << "\n" << run.to_string());
    restarts += run.restarts;
    abandoned += run.abandoned;
    faults += run.faults;
  }
  CHECK(restarts > 0);
  CHECK(abandoned > 0);
  CHECK(faults > 0);
}

TEST_CASE("actors of one's own can be the leaves") {
  hierarchy_options options{.actors = 80, .events = 100};
  options.leaves = {spawns([](caf::event_based_actor*) -> caf::behavior { return {[](int x) { return x + 1; }}; })};
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const auto run = run_hierarchy(seed, options);
    INFO(run.to_string());
    CHECK(run.ok());
    CHECK(run.faults > 0);
  }
}

TEST_CASE("the same seed gives the same run, another one another") {
  const hierarchy_options small{.actors = 40, .events = 60};
  const auto first = run_hierarchy(5, small);
  CHECK(run_hierarchy(5, small).log == first.log);
  CHECK(run_hierarchy(6, small).log != first.log);
}
