#include <flott/flott.hpp>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <string>

namespace {

struct item {
  std::uint64_t number = 0;
};
FLOTT_DESCRIBE(item, number)

std::int64_t wall_clock_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// Appends the wall clock to `file` when the first record of a life comes to the last operator. `records` of 0: no end.
void stamp(flott::job_builder& job, const flott::parameters& params) {
  const auto file = params.get("file");
  const auto records = params.get<std::uint64_t>("records");
  flott::generator_options pace;
  if (records > 0)
    pace.count = records;
  else
    pace.rows_per_second = 1000;
  const auto items = flott::generate(job, pace, [](std::uint64_t number) { return item{number}; });
  const auto stamped = items.filter([file, first = true](const item&) mutable {
    if (first)
      std::ofstream(file, std::ios::app) << wall_clock_ns() << '\n' << std::flush;
    first = false;
    return false;
  });
  flott::print(stamped.name("stamp"));
}

}  // namespace

FLOTT_JOB(stamp, "Tells when its first record came", {"file", "where to"}, {"records", "how many; 0: no end"})
