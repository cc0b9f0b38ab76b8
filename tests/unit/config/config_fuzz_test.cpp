#include "runtime/config/configuration.hpp"
#include "runtime/config/options.hpp"
#include "tests/support/mutate.hpp"

#include <catch2/catch.hpp>

using namespace flott;

namespace {

constexpr std::string_view sample =
    "# a cluster\n"
    "heartbeat:\n  interval: 100 ms\n  timeout: 2 s\n"
    "rest: {port: 0, address: 'host'}\n"
    "jobmanager.rpc.address: [a, \"b:6124\"]\n"
    "taskmanager.memory.managed.size: 64 mb\n"
    "metrics.reporter.prom.port: 9249-9260\n"
    "restart-strategy.type: none\n"
    "env.java.opts.all: >\n  -Xmx1g\n";

}  // namespace

TEST_CASE("whatever the bytes are, there is a configuration or a clear error") {
  REQUIRE(configuration::parse(sample, "f", {}).ok());
  const auto seed = GENERATE(1u, 2u, 3u);
  std::mt19937_64 random(seed);
  int refused = 0;
  for (int i = 0; i < 2000; ++i) {
    const auto text = testing::mutate(std::string(sample), random);
    const auto parsed = configuration::parse(text, "f", {});
    if (parsed.ok())
      continue;
    ++refused;
    INFO("seed " << seed << ", step " << i << ": " << parsed.error().to_string());
    CHECK(parsed.error().where.starts_with("f"));
    CHECK_FALSE(parsed.error().message.empty());
    CHECK(parsed.error().cls == failure_class::permanent);
    for (const char c : parsed.error().to_string())
      CHECK(static_cast<unsigned char>(c) >= 0x20);
  }
  CHECK(refused > 1000);
}

TEST_CASE("files that multiply, nest or are huge end in an error, soon") {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const auto below = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " {";
    for (int k = 0; k < 10; ++k) bomb += (k ? ", k" : "k") + std::to_string(k) + ": " + below;
    bomb += "}\n";
  }
  CHECK_FALSE(configuration::parse(bomb, "f", {}).ok());
  CHECK_FALSE(configuration::parse(std::string(100'000, '['), "f", {}).ok());
  CHECK_FALSE(configuration::parse(std::string(100'000, '{'), "f", {}).ok());
  CHECK_FALSE(configuration::parse("a: &a {b: *a}", "f", {}).ok());
  CHECK_FALSE(configuration::parse(std::string(2 << 20, ' '), "f", {}).ok());
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  CHECK_FALSE(configuration::parse(deep, "f", {}).ok());
}

TEST_CASE("bytes that are no text are called so") {
  CHECK(configuration::parse(std::string_view("\x7f" "ELF\x02\x01", 6), "f", {}).error().to_string()
        == "f:1: is not a text file: byte 0 is no part of UTF-8 text");
  CHECK(configuration::parse("rest.port: 1\n\xff", "f", {}).error().where == "f:2");
  CHECK(configuration::parse("just words", "f", {}).error().message
        == "is not a list of options of the form 'key: value'");
}
