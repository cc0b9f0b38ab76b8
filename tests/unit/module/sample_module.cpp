#include <flott/flott.hpp>

#include <stdexcept>

namespace {

struct item {
  std::uint64_t number = 0;
};
FLOTT_DESCRIBE(item, number)

void numbers(flott::job_builder& job, const flott::parameters& params) {
  flott::collect(flott::generate(job, {.count = params.get<std::uint64_t>("count"), .rows_per_second = {}},
                                 [](std::uint64_t number) { return item{number}; }),
                 "numbers");
}

void endless(flott::job_builder& job, const flott::parameters&) {
  flott::print(flott::generate(job, {}, [](std::uint64_t number) { return item{number}; }).name("for ever"));
}

void throwing(flott::job_builder&, const flott::parameters&) { throw std::runtime_error("on purpose"); }

}  // namespace

FLOTT_JOB(numbers, "Numbers", {"count", "how many"})
FLOTT_JOB(endless, "Never ends")
FLOTT_JOB(throwing, "Throws")
