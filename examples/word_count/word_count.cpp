// Counts the words of text files.
//
//     flott run word_count --input '/usr/share/doc/*/copyright' [--output DIR]

#include "examples/word_count/tokenizer.hpp"

#include <flott/flott.hpp>

namespace word_count {

struct token {
  flott::text word;
};
FLOTT_DESCRIBE(token, word)

struct total {
  flott::text word;
  std::int64_t count = 0;
};
FLOTT_DESCRIBE(total, word, count)

static void word_count(flott::job_builder& job, const flott::parameters& params) {
  const auto input = params.get("input");
  const auto output = params.optional("output");

  const auto words = flott::read_lines(job, input).flat_map<token>(
      [](const flott::line& line, flott::collector<token>& to) {
        const auto room = static_cast<std::uint32_t>(room_for(line.value.size()));
        for_each_word(line.value, to.allocate(room), [&to](const char* word, std::uint32_t size) {
          to.emit({flott::text::in_arena(word, size)});
        });
      });
  const auto counts = words.name("words")
                          .key_by(&token::word)
                          .aggregate<total>(flott::key(&total::word), flott::count(&total::count))
                          .name("count");
  flott::write_or_collect(counts.sorted(flott::ascending(&total::word)), output, "counts");
}

FLOTT_JOB(word_count, "Counts words: runs of ASCII letters, digits and '_', in lower case",
          {"input", "text files, as a path or glob"},
          {"output", "folder for counts.csv (word,count); without it the result comes to the client"})

}  // namespace word_count
