#include <flott/flott.hpp>

#include <csignal>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace {

struct item {
  std::uint64_t number = 0;
};
FLOTT_DESCRIBE(item, number)

/// An operator called "crasher" that fails at its hundredth record, by a signal or by an exception.
void crashing(flott::job_builder& job, const flott::parameters& params) {
  const auto how = params.get("how");
  const auto items = flott::generate(job, {.count = 1000, .rows_per_second = {}},
                                     [](std::uint64_t number) { return item{number}; });
  const auto crashed = items.map([by_signal = how == "segv"](const item& each) {
    if (each.number == 100 && by_signal)
      std::raise(SIGSEGV);
    if (each.number == 100)
      throw std::runtime_error("thrown on purpose");
    return each;
  });
  flott::collect(crashed.name("crasher"), "items");
}

}  // namespace

FLOTT_JOB(crashing, "Fails", {"how", "segv or throw"})
