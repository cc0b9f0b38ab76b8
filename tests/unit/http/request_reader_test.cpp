#include "runtime/http/request_reader.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <sstream>

using namespace flott;
using progress = http::request_reader::progress;

namespace {

http::request_reader make_reader(http::request_reader::limits bounds = {}) {
  return http::request_reader(std::make_shared<const http::request_reader::limits>(std::move(bounds)));
}

/// The status with which `bytes` are refused; 0 if they are not.
int refusal(std::string_view bytes, http::request_reader::limits bounds = {}) {
  auto reader = make_reader(std::move(bounds));
  return reader.feed(bytes) == progress::failed ? reader.error().status : 0;
}

std::size_t files_in(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("a GET may carry a body, as Flink's clients send it") {
  auto reader = make_reader();
  REQUIRE(reader.feed("GET /v1/jobs/overview?x=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
                      "Content-Type: application/json; charset=UTF-8\r\n\r\n{}") == progress::complete);
  const auto asked = reader.take();
  CHECK(asked.verb == http::method::get);
  CHECK(asked.path == "/v1/jobs/overview");
  CHECK(asked.parameter("x") == "1");
  CHECK(asked.header("content-type") == "application/json; charset=UTF-8");
  CHECK(asked.body == "{}");
  CHECK(reader.keep_alive());
}

TEST_CASE("pipelined requests come out one by one, whatever the pieces they arrive in") {
  const std::string bytes =
      "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\n\r\n"
      "\r\nPATCH /b?mode=cancel HTTP/1.1\r\nContent-Length: 0\r\n\r\n"
      "GET /c HTTP/1.1\r\nConnection: close\r\n\r\n";
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    INFO("pieces of " << piece);
    auto reader = make_reader();
    std::vector<http::request> seen;
    bool last_keep_alive = true;
    for (std::size_t at = 0; at < bytes.size(); at += piece)
      for (auto now = reader.feed(std::string_view(bytes).substr(at, piece)); now == progress::complete; now = reader.feed({})) {
        last_keep_alive = reader.keep_alive();
        seen.push_back(reader.take());
      }
    REQUIRE(reader.state() == progress::idle);
    REQUIRE(seen.size() == 3);
    CHECK(seen[0].body == "abcde");
    CHECK(seen[1].verb == http::method::patch);
    CHECK(seen[1].parameter("mode") == "cancel");
    CHECK(seen[2].path == "/c");
    CHECK_FALSE(last_keep_alive);
  }
}

TEST_CASE("a chunked body without a chunk may arrive byte by byte") {
  for (const std::string chunks : {"0\r\n\r\n", "000;x=1\r\nTrailer: y\r\n\r\n"}) {
    auto reader = make_reader();
    auto now = progress::idle;
    for (const char c : "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks) {
      REQUIRE((now == progress::idle || now == progress::header || now == progress::body));
      now = reader.feed({&c, 1});
    }
    REQUIRE(now == progress::complete);
    CHECK(reader.take().body.empty());
  }
}

TEST_CASE("what can't be read has its status and a JSON body") {
  CHECK(refusal("nonsense\r\n\r\n") == 400);
  CHECK(refusal(std::string(100, '\0')) == 400);
  CHECK(refusal("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello\r\n\r\n") == 400);
  CHECK(refusal("GET /%zz HTTP/1.1\r\n\r\n") == 400);
  CHECK(refusal("GET nowhere HTTP/1.1\r\n\r\n") == 400);
  CHECK(refusal("GET / HTTP/7.3\r\n\r\n") == 505);
  CHECK(refusal("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == 505);
  CHECK(refusal("GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n") == 400);
  CHECK(refusal("GET / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n") == 400);
  CHECK(refusal("GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx") == 400);
  CHECK(refusal("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n") == 400);
  CHECK(refusal("POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") == 400);
  CHECK(refusal("POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n") == 501);
  CHECK(refusal("POST / HTTP/1.1\r\nContent-Length: 1\r\nExpect: miracles\r\n\r\n") == 417);
  auto reader = make_reader();
  REQUIRE(reader.feed("nonsense\r\n\r\n") == progress::failed);
  CHECK(reader.error().body.rfind("{\"errors\":[\"malformed request", 0) == 0);
}

TEST_CASE("heads and bodies are bounded") {
  http::request_reader::limits small;
  small.header = 200;
  small.body = 10;
  CHECK(refusal("GET /" + std::string(300, 'x') + " HTTP/1.1\r\n\r\n", small) == 431);
  CHECK(refusal("GET / HTTP/1.1\r\nX: " + std::string(300, 'x'), small) == 431);
  CHECK(refusal("GET /" + std::string(120, 'x') + " HTTP/1.1\r\nX: " + std::string(120, 'x') + "\r\n\r\n", small) == 431);
  CHECK(refusal("POST / HTTP/1.1\r\nContent-Length: 11\r\n\r\n", small) == 413);       // before a byte of it is there
  CHECK(refusal("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n0123456789", small) == 0);
  CHECK(refusal("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n012345\r\n6\r\n012345\r\n", small) == 413);
}

TEST_CASE("100-continue is asked for once, when there is a body to come") {
  auto reader = make_reader();
  REQUIRE(reader.feed("POST / HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-Continue\r\n\r\n") == progress::body);
  CHECK(reader.wants_continue());
  CHECK_FALSE(reader.wants_continue());
  CHECK(reader.feed("abc") == progress::complete);
  CHECK_FALSE(reader.wants_continue());
}

TEST_CASE("uploads are streamed to files that go with their request") {
  const testing::temporary_folder dir;
  http::request_reader::limits bounds;
  bounds.upload_dir = dir.path();
  bounds.body = 100;
  bounds.takes_upload = [](http::method verb, const std::string& path) { return verb == http::method::post && path == "/up"; };
  const std::string data(50'000, 'd');
  const std::string body = "--b\r\nContent-Disposition: form-data; name=\"request\"\r\n\r\n{}\r\n"
                           "--b\r\nContent-Disposition: form-data; name=\"file_0\"; filename=\"job.so\"\r\n\r\n" + data +
                           "\r\n--b--\r\n";
  const auto head = [&](const std::string& path, std::size_t size) {
    return "POST " + path + " HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: " +
           std::to_string(size) + "\r\n\r\n";
  };

  SECTION("whole") {
    auto reader = make_reader(bounds);
    REQUIRE(reader.feed(head("/up", body.size()) + body) == progress::complete);
    {
      const auto asked = reader.take();
      REQUIRE(asked.parts.size() == 2);
      CHECK(asked.parts[0].value == "{}");
      CHECK(asked.parts[0].file == nullptr);
      CHECK(asked.parts[1].file_name == "job.so");
      CHECK(asked.parts[1].size == data.size());
      CHECK(content_of(asked.parts[1].file->path()) == data);
      CHECK(files_in(dir.path()) == 1);
    }
    CHECK(files_in(dir.path()) == 0);
  }
  SECTION("abandoned half way, nothing stays") {
    {
      auto reader = make_reader(bounds);
      CHECK(reader.feed(head("/up", body.size()) + body.substr(0, 30'000)) == progress::body);
      CHECK(files_in(dir.path()) == 1);
    }
    CHECK(files_in(dir.path()) == 0);
  }
  SECTION("refused") {
    CHECK(refusal(head("/other", body.size()) + body, bounds) == 415);
    CHECK(refusal(head("/up", 4) + "--b-", bounds) == 400);
    CHECK(refusal("POST /up HTTP/1.1\r\nContent-Type: multipart/form-data\r\nContent-Length: 3\r\n\r\nabc", bounds) == 400);
    bounds.upload = 1000;
    CHECK(refusal(head("/up", body.size()), bounds) == 413);
    bounds.upload = 1 << 20;
    bounds.upload_dir = dir / "missing";
    CHECK(refusal(head("/up", body.size()) + body, bounds) == 507);
    bounds.upload_dir = "";
    CHECK(refusal(head("/up", body.size()) + body, bounds) == 415);
    CHECK(files_in(dir.path()) == 0);
  }
  SECTION("parts in memory are bounded together") {
    const std::string value = "--b\r\nContent-Disposition: form-data; name=\"v\"\r\n\r\n" + std::string(101, 'v') + "\r\n--b--\r\n";
    CHECK(refusal(head("/up", value.size()) + value, bounds) == 413);
  }
}
