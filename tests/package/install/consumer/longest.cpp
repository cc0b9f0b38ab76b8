#include <flott/flott.hpp>

#include <cstdint>

namespace {

struct sized {
  std::uint64_t length = 0;
  std::uint64_t lines = 0;
};
FLOTT_DESCRIBE(sized, length, lines)

/// How many lines of each length a text has, the three greatest lengths.
void longest(flott::job_builder& job, const flott::parameters& params) {
  const auto lines = flott::read_lines(job, params.get("input"));
  const auto lengths = lines.map([](const flott::line& each) { return sized{each.value.size(), 1}; });
  const auto counted =
      lengths.key_by(&sized::length).aggregate<sized>(flott::key(&sized::length), flott::count(&sized::lines));
  flott::write_or_collect(counted.top_n(3, flott::descending(&sized::length)), params.optional("output"), "longest");
}

}  // namespace

FLOTT_JOB(longest, "The three greatest lengths of a text's lines", {"input", "a path or glob"},
          {"output", "folder for longest.csv"})
