// Ticks until it is cancelled.
//
//     flott run ticker [--rate N]

#include <flott/flott.hpp>

#include <cmath>
#include <string>

namespace ticker {

struct tick {
  std::uint64_t number = 0;
};
FLOTT_DESCRIBE(tick, number)

struct saying {
  std::uint64_t number = 0;
  flott::text said;
};
FLOTT_DESCRIBE(saying, number, said)

static void ticker(flott::job_builder& job, const flott::parameters& params) {
  const auto rate = params.get<double>("rate", 1.0);
  if (!(rate > 0) || !std::isfinite(rate))
    throw flott::failure_exception(flott::user_failure("parameter 'rate'", "must be a number above 0"));

  const auto ticks = flott::generate(job, {.count = {}, .rows_per_second = rate},
                                     [](std::uint64_t number) { return tick{number}; })
                         .name("ticks");
  flott::print(ticks.map([](const tick& t, flott::text_maker& texts) {
    return saying{t.number, texts.copy(t.number % 2 == 0 ? "tick" : "tock")};
  }));
}

FLOTT_JOB(ticker, "Prints a row at every tick, for ever", {"rate", "ticks per second; 1 if not given"})

}  // namespace ticker
