#include <flott/flott.hpp>

#include <cstdint>
#include <fstream>
#include <string>

namespace {

struct item {
  std::uint64_t number = 0;
};
FLOTT_DESCRIBE(item, number)

/// The job function itself does not come back before somebody has written a line into the FIFO.
void waiting(flott::job_builder& job, const flott::parameters& params) {
  std::string line;
  std::getline(std::ifstream{params.get("fifo")}, line);
  flott::collect(flott::generate(job, {.count = 1, .rows_per_second = {}}, [](std::uint64_t number) { return item{number}; }), "items");
}

}  // namespace

FLOTT_JOB(waiting, "Waits for a line before it begins", {"fifo", "where the line will come from"})
