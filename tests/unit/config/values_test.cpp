#include "runtime/config/values.hpp"

#include <catch2/catch.hpp>

using namespace flott;
using namespace std::chrono_literals;

TEST_CASE("durations in Flink's syntax") {
  CHECK(parse_duration("250 ms").value() == 250ms);
  CHECK(parse_duration("250").value() == 250ms);
  CHECK(parse_duration("1s").value() == 1s);
  CHECK(parse_duration(" 5  min ").value() == 5min);
  CHECK(parse_duration("2 H").value() == 2h);
  CHECK(parse_duration("1 day").value() == 24h);
  CHECK(parse_duration("0 s").value() == 0ms);
  for (const auto* bad : {"", "s", "-1 s", "1.5 s", "1 parsec", "10 us", "99999999999999999999 s", "9223372036854775807 d",
                          "1 s 2", "0x10 s"})
    CHECK_FALSE(parse_duration(bad).ok());
}

TEST_CASE("memory sizes in powers of 1024") {
  CHECK(parse_memory_size("64 mb").value().bytes == 64ULL << 20);
  CHECK(parse_memory_size("1g").value().bytes == 1ULL << 30);
  CHECK(parse_memory_size("512 KB").value().bytes == 512ULL << 10);
  CHECK(parse_memory_size("100").value().bytes == 100);
  for (const auto* bad : {"", "mb", "-1 mb", "1.5 gb", "1 xb", "18446744073709551615 tb"})
    CHECK_FALSE(parse_memory_size(bad).ok());
}

TEST_CASE("ports, ranges and any port") {
  CHECK(parse_port_range("8081").value() == port_range{8081, 8081});
  CHECK(parse_port_range("0").value() == port_range{});
  CHECK(parse_port_range("9249-9260").value() == port_range{9249, 9260});
  CHECK(parse_port_range(" 9249 - 9260 ").value() == port_range{9249, 9260});
  for (const auto* bad : {"", "-", "1-", "-1", "65536", "9260-9249", "0-10", "http", "80 81"})
    CHECK_FALSE(parse_port_range(bad).ok());
}

TEST_CASE("numbers, booleans and lists") {
  CHECK(parse_boolean("TRUE").value());
  CHECK_FALSE(parse_boolean("false").value());
  CHECK_FALSE(parse_boolean("yes").ok());
  CHECK(parse_integer("-12").value() == -12);
  CHECK_FALSE(parse_integer("12 s").ok());
  CHECK_FALSE(parse_integer("9223372036854775808").ok());
  CHECK(parse_real("1.5").value() == 1.5);
  for (const auto* bad : {"nan", "inf", "-inf", "1e999", "", "1,5"})
    CHECK_FALSE(parse_real(bad).ok());
  CHECK(parse_list("a;b , c;") == std::vector<std::string>{"a", "b", "c"});
  CHECK(parse_list("").empty());
}

TEST_CASE("values are written as they are read") {
  for (const auto value : {0ms, 1ms, 999ms, 1000ms, 90'000ms, 3'600'000ms, 86'400'000ms})
    CHECK(parse_duration(to_text(std::chrono::milliseconds(value))).value() == value);
  for (const std::uint64_t bytes : {0ULL, 1ULL, 1024ULL, 1536ULL, 1ULL << 20, 3ULL << 30, 1ULL << 40})
    CHECK(parse_memory_size(to_text(memory_size{bytes})).value().bytes == bytes);
  CHECK(to_text(std::chrono::milliseconds(1500)) == "1500 ms");
  CHECK(to_text(std::chrono::milliseconds(60'000)) == "1 min");
  CHECK(to_text(memory_size{256ULL << 20}) == "256 mb");
}
