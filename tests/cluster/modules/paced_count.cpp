#include <flott/flott.hpp>

#include <cstdint>

namespace {

struct item {
  std::uint64_t key = 0;
};
FLOTT_DESCRIBE(item, key)

struct counted {
  std::uint64_t key = 0;
  std::uint64_t count = 0;
};
FLOTT_DESCRIBE(counted, key, count)

/// `records` rows at `rate` a second, counted by the last digit of their number.
void paced_count(flott::job_builder& job, const flott::parameters& params) {
  const flott::generator_options pace{.count = params.get<std::uint64_t>("records"),
                                      .rows_per_second = params.get<double>("rate")};
  const auto items = flott::generate(job, pace, [](std::uint64_t number) { return item{number % 10}; });
  const auto counts =
      items.key_by(&item::key).aggregate<counted>(flott::key(&counted::key), flott::count(&counted::count));
  flott::write_or_collect(counts.sorted(flott::ascending(&counted::key)), params.optional("output"), "counts");
}

}  // namespace

FLOTT_JOB(paced_count, "Counts numbers by their last digit, in its own time", {"records", "how many"},
          {"rate", "how many a second"}, {"output", "folder for counts.csv"})
