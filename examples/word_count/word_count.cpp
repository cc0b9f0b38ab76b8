// Counts the words of text files.
//
//     flott run word_count --input '/usr/share/doc/*/copyright' [--output DIR]

#include "examples/word_count/word_counter.hpp"

#include <flott/flott.hpp>

namespace word_count {

static void word_count(flott::job_builder& job, const flott::parameters& params) {
  const auto input = params.get("input");
  const auto output = params.optional("output");

  const auto counter = []() -> flott::result<std::unique_ptr<flott::stream_operator>> {
    return {std::make_unique<word_counter>()};
  };
  const auto counts = flott::read_lines(job, input)
                          .add_operator<total>("flat_map", "words", counter)
                          .key_by(&total::word)
                          .aggregate<total>(flott::key(&total::word), flott::sum(&total::count, &total::count))
                          .name("count");
  flott::write_or_collect(counts.sorted(flott::ascending(&total::word)), output, "counts");
}

FLOTT_JOB(word_count, "Counts words: runs of ASCII letters, digits and '_', in lower case",
          {"input", "text files, as a path or glob"},
          {"output", "folder for counts.csv (word,count); without it the result comes to the client"})

}  // namespace word_count
