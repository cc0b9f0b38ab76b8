#include "runtime/http/multipart.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace flott;

namespace {

struct collector final : http::multipart_parser::listener {
  result<void> begin_part(const http::form_part& part) override {
    parts.push_back(part);
    open = true;
    return {};
  }
  result<void> part_data(std::string_view bytes) override {
    REQUIRE(open);
    parts.back().value.append(bytes);
    return {};
  }
  result<void> end_part() override {
    REQUIRE(open);
    open = false;
    return {};
  }
  std::vector<http::form_part> parts;
  bool open = false;
};

/// Feeds `body` in pieces of `piece` bytes.
result<std::vector<http::form_part>> parse(std::string_view body, std::size_t piece, std::string_view boundary = "b") {
  collector to;
  http::multipart_parser parser(boundary, to);
  for (std::size_t at = 0; at < body.size(); at += piece)
    FLOTT_TRY(parser.feed(body.substr(at, piece)));
  FLOTT_TRY(parser.finish());
  CHECK_FALSE(to.open);
  return std::move(to.parts);
}

std::string part(const std::string& header, const std::string& data) { return "--b\r\n" + header + "\r\n\r\n" + data + "\r\n"; }

}  // namespace

TEST_CASE("parts come out the same whatever the pieces they arrive in") {
  const std::string tricky = "\r\n--\r\n--a\r\n-\r\r\n--\0binary--b\r\n-b";   // pieces of delimiters, none whole
  const std::string body =
      "ignored preamble\r\n" + part("Content-Disposition: form-data; name=\"request\"\r\nContent-Type: application/json", "{}") +
      part("content-disposition: form-data; name=file_0; filename=\"a \\\"b\\\".so\"", tricky) +
      part("Content-Disposition: form-data; name=\"empty\"", "") + "--b--\r\nignored epilogue";
  for (std::size_t piece = 1; piece <= body.size(); ++piece) {
    INFO("pieces of " << piece);
    const auto parts = parse(body, piece);
    REQUIRE(parts.ok());
    REQUIRE(parts->size() == 3);
    CHECK((*parts)[0].name == "request");
    CHECK((*parts)[0].content_type == "application/json");
    CHECK((*parts)[0].value == "{}");
    CHECK((*parts)[1].name == "file_0");
    CHECK((*parts)[1].file_name == "a \"b\".so");
    CHECK((*parts)[1].value == tricky);
    CHECK((*parts)[2].value.empty());
  }
}

TEST_CASE("malformed bodies are refused, whatever the pieces they arrive in") {
  const std::string named = "Content-Disposition: form-data; name=\"x\"";
  const std::vector<std::string> bodies = {
      "",
      "no boundary at all",
      part(named, "data"),                                               // no last boundary
      "--b\r\n" + named + "\r\n\r\ndata",                                // ends within a part
      "--b\r\n" + named,                                                 // ends within a header
      "--bx\r\n" + named + "\r\n\r\n\r\n--b--",                          // another boundary's line
      part("Content-Type: text/plain", "data") + "--b--",                // no name
      part("Content-Disposition: attachment; name=\"x\"", "data") + "--b--",
      part("Content-Disposition: form-data; name=\"x", "data") + "--b--",   // open quote
      part("no colon here", "data") + "--b--",
      part(named + "\r\nX: " + std::string(5000, 'x'), "data") + "--b--",   // endless header
      "--b" + std::string(200, ' ') + "\r\n" + named + "\r\n\r\n\r\n--b--",
  };
  for (const auto& body : bodies)
    for (const std::size_t piece : {std::size_t(1), std::size_t(3), body.size() + 1}) {
      INFO(body.substr(0, 60) << " in pieces of " << piece);
      CHECK_FALSE(parse(body, piece).ok());
    }
}

TEST_CASE("the number of parts is bounded") {
  std::string body;
  for (int i = 0; i < 17; ++i)
    body += part("Content-Disposition: form-data; name=\"x\"", "");
  CHECK_FALSE(parse(body + "--b--", 100).ok());
}

TEST_CASE("a part's data is handed on without waiting for its end") {
  collector to;
  http::multipart_parser parser("b", to);
  REQUIRE(parser.feed("--b\r\nContent-Disposition: form-data; name=f; filename=f\r\n\r\n").ok());
  REQUIRE(parser.feed(std::string(100'000, 'x')).ok());
  REQUIRE(to.parts.size() == 1);
  CHECK(to.parts[0].value.size() > 99'000);
}

TEST_CASE("boundaries are taken from the content type") {
  CHECK(http::multipart_boundary("multipart/form-data; boundary=abc") == "abc");
  CHECK(http::multipart_boundary("Multipart/Form-Data; charset=utf-8; Boundary=\"a b\"") == "a b");
  CHECK_FALSE(http::multipart_boundary("multipart/form-data"));
  CHECK_FALSE(http::multipart_boundary("multipart/form-data; boundary="));
  CHECK_FALSE(http::multipart_boundary("multipart/form-data; boundary=\"a"));
  CHECK_FALSE(http::multipart_boundary("multipart/mixed; boundary=abc"));
  CHECK_FALSE(http::multipart_boundary("multipart/form-data; boundary=" + std::string(71, 'x')));
  CHECK_FALSE(http::multipart_boundary("application/json"));
  CHECK(http::is_multipart("MULTIPART/mixed"));
  CHECK_FALSE(http::is_multipart("text/plain"));
}
