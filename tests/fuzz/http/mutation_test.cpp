#include "tests/fuzz/http/corpus.hpp"
#include "tests/fuzz/http/entries.hpp"
#include "tests/support/mutate.hpp"

#include <catch2/catch.hpp>

#include <random>

using namespace flott;

namespace {

constexpr int rounds = 400;     // per input of the corpus

/// Every input as it is, then mutations of mutations, which a seed and the input's place make again.
template <class Entry>
void drive(const std::vector<std::string>& corpus, Entry entry) {
  for (std::size_t i = 0; i < corpus.size(); ++i) {
    INFO("input " << i << " of the corpus");
    REQUIRE_NOTHROW(entry(corpus[i]));
    std::mt19937_64 random(4711 + i);
    std::string text = corpus[i];
    for (int round = 0; round < rounds; ++round) {
      text = testing::mutate(round % 8 == 0 || text.size() > 4000 ? corpus[i] : text, random);
      INFO("round " << round << ": " << text);
      REQUIRE_NOTHROW(entry(text));
    }
  }
}

}  // namespace

TEST_CASE("requests: any bytes") { drive(fuzz::request_corpus(), fuzz::request); }
TEST_CASE("multipart bodies: any bytes") { drive(fuzz::multipart_corpus(), fuzz::multipart); }
TEST_CASE("paths and run requests: any bytes") { drive(fuzz::run_request_corpus(), fuzz::run_request); }
