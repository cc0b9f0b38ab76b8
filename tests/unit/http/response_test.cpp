#include "runtime/http/response_reader.hpp"
#include "runtime/http/response_writer.hpp"

#include <catch2/catch.hpp>

using namespace flott;

TEST_CASE("an answer's head is written as RFC 9112 has it") {
  http::response reply = http::json_response("{}", 202);
  reply.headers.emplace_back("X-A", "1\r\nX-B: injected");
  CHECK(http::response_head(reply, 2, true, 0) ==
        "HTTP/1.1 202 Accepted\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Type: application/json; charset=UTF-8\r\n"
        "Content-Length: 2\r\nConnection: keep-alive\r\nX-A: 1  X-B: injected\r\n\r\n");
  reply.status = 204;
  CHECK(http::response_head(reply, 0, false, 0).find("Content-Length") == std::string::npos);
}

TEST_CASE("what the writer writes, the reader reads, in pieces of any size") {
  http::response reply = http::json_response(std::string(300, 'x'), 404);
  reply.headers.emplace_back("X-A", "1");
  const std::string bytes = "HTTP/1.1 100 Continue\r\n\r\n" + http::response_head(reply, reply.body.size(), true, 0) + reply.body;
  for (std::size_t piece = 1; piece <= bytes.size(); piece += 7) {
    http::response_reader reader(false, 1000);
    bool complete = false;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      REQUIRE_FALSE(complete);
      auto fed = reader.feed(std::string_view(bytes).substr(at, piece));
      REQUIRE(fed.ok());
      complete = *fed;
    }
    REQUIRE(complete);
    CHECK(reader.keep_alive());
    const auto read = reader.take();
    CHECK(read.status == 404);
    CHECK(read.body == reply.body);
    CHECK(read.header("x-a") == "1");
    CHECK(read.content_type == http::json_type);
  }
}

TEST_CASE("an answer of chunks, or of none, may arrive byte by byte") {
  for (const std::string body : {"", "0", "00000"}) {
    http::response_reader reader(false, 1000);
    bool complete = false;
    const std::string chunk = body.empty() ? "" : std::to_string(body.size()) + "\r\n" + body + "\r\n";
    for (const char c : "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + "0\r\n\r\n") {
      REQUIRE_FALSE(complete);
      const auto fed = reader.feed({&c, 1});
      REQUIRE(fed.ok());
      complete = *fed;
    }
    REQUIRE(complete);
    CHECK(reader.take().body == body);
  }
}

TEST_CASE("an answer without a length lasts until the connection ends") {
  http::response_reader reader(false, 1000);
  auto fed = reader.feed("HTTP/1.1 200 OK\r\n\r\nabc");
  REQUIRE(fed.ok());
  CHECK_FALSE(*fed);
  REQUIRE(reader.end_of_stream().ok());
  CHECK(reader.take().body == "abc");
}

TEST_CASE("a cut-off, oversized or unreadable answer is a failure") {
  http::response_reader cut(false, 1000);
  REQUIRE(cut.feed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc").ok());
  CHECK_FALSE(cut.end_of_stream().ok());
  http::response_reader large(false, 2);
  CHECK_FALSE(large.feed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc").ok());
  http::response_reader bad(false, 1000);
  CHECK_FALSE(bad.feed("SSH-2.0-OpenSSH\r\n\r\n").ok());
}

TEST_CASE("the answer to HEAD has a length and no body") {
  http::response_reader reader(true, 1000);
  auto fed = reader.feed("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n");
  REQUIRE(fed.ok());
  CHECK(*fed);
}
