#include "runtime/http/message.hpp"

#include <catch2/catch.hpp>

using namespace flott;

TEST_CASE("targets are decoded and taken apart") {
  http::request r;
  REQUIRE(http::parse_target("/jars/a%20b%2Fc/run?entry-class=word+count&x=%2B&y&x=2", r));
  CHECK(r.path == "/jars/a b/c/run");
  CHECK(r.parameter("entry-class") == "word count");
  CHECK(r.parameter("x") == "2");
  CHECK(r.parameter("y", "?") == "");
  CHECK(r.parameter("z", "?") == "?");
}

TEST_CASE("a plus sign is a blank in queries only") {
  http::request r;
  REQUIRE(http::parse_target("/a+b?c=d+e", r));
  CHECK(r.path == "/a+b");
  CHECK(r.parameter("c") == "d e");
}

TEST_CASE("the absolute form counts by its path") {
  http::request r;
  REQUIRE(http::parse_target("http://host:8081/v1/jobs?x=1#f", r));
  CHECK(r.path == "/v1/jobs");
  CHECK(r.parameter("x") == "1");
  http::request bare;
  REQUIRE(http::parse_target("http://host", bare));
  CHECK(bare.path == "/");
}

TEST_CASE("malformed targets are refused") {
  for (const char* target : {"", "jobs", "/%", "/%1", "/%zz", "/a?b=%", "/%00", "/a?%00=1", "longscheme://host/", "host/path"}) {
    http::request r;
    INFO(target);
    CHECK_FALSE(http::parse_target(target, r));
  }
}

TEST_CASE("percent-encoding survives a round trip of every byte but NUL") {
  std::string all;
  for (int i = 1; i < 256; ++i)
    all += static_cast<char>(i);
  std::string back;
  REQUIRE(http::percent_decode(http::percent_encoded(all), false, back));
  CHECK(back == all);
  REQUIRE(http::percent_decode(http::percent_encoded(all), true, back));
  CHECK(back == all);
}

TEST_CASE("JSON strings are quoted, and always UTF-8") {
  CHECK(http::json_quoted("a\"b\\c\n\x01") == "\"a\\\"b\\\\c\\n\\u0001\"");
  CHECK(http::json_quoted("gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80") == "\"gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80\"");
  const std::string bad = "\xEF\xBF\xBD";
  CHECK(http::json_quoted("\xFF") == "\"" + bad + "\"");
  CHECK(http::json_quoted("\xC3") == "\"" + bad + "\"");                        // cut off
  CHECK(http::json_quoted("\xC0\xAF") == "\"" + bad + bad + "\"");             // overlong
  CHECK(http::json_quoted("\xED\xA0\x80") == "\"" + bad + bad + bad + "\"");   // surrogate
}

TEST_CASE("errors have the shape that Flink's clients expect") {
  const auto reply = http::error_response(503, "no \"leader\"", 3);
  CHECK(reply.status == 503);
  CHECK(reply.body == R"({"errors":["no \"leader\""]})");
  CHECK(reply.header("retry-after") == "3");
  CHECK(reply.content_type == http::json_type);
}

TEST_CASE("header names have no case") {
  http::request r;
  r.headers["Content-Type"] = "x";
  CHECK(r.header("content-TYPE") == "x");
  CHECK(r.header("Accept", "none") == "none");
}
