#include "tests/fuzz/http/entries.hpp"

#include "runtime/http/multipart.hpp"
#include "runtime/http/request_reader.hpp"
#include "runtime/rest/router.hpp"
#include "runtime/rest/run_request.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace flott::fuzz {
namespace {

void require(bool promise, const char* which) {
  if (!promise)
    throw std::logic_error(which);
}

struct reading {
  std::vector<std::string> requests;   ///< one line per request
  int refusal = 0;                     ///< the status; 0: none
  bool waiting = false;                ///< within a request, for more bytes
};

reading read_requests(std::string_view bytes, std::size_t piece) {
  using progress = http::request_reader::progress;
  http::request_reader::limits bounds;
  bounds.header = 1000;
  bounds.body = 500;
  http::request_reader reader(std::make_shared<const http::request_reader::limits>(bounds));
  reading seen;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    auto now = reader.feed(bytes.substr(at, piece));
    for (; now == progress::complete; now = reader.feed({})) {
      const http::request made = reader.take();
      require(made.body.size() <= bounds.body, "a body exceeds its bound");
      require(!made.path.empty() && (made.path == "*" || made.path.front() == '/'), "a path does not begin with a slash");
      require(made.path.find('\0') == std::string::npos, "a path holds a NUL");
      seen.requests.push_back(std::string(to_string(made.verb)) + " " + made.path + " " + made.body);
      (void)rest::route_request(made);
    }
    seen.waiting = now == progress::header || now == progress::body;
    if (now == progress::failed) {
      seen.refusal = reader.error().status;
      require(seen.refusal >= 400, "a refusal is no error");
      break;
    }
  }
  return seen;
}

/// Pieces may never make another request of the same bytes. A head or chunk that is wrong may be refused only once its
/// end is here, or once it is too long: Beast does not look into the beginning of one twice.
void require_same(const reading& whole, const reading& pieces) {
  constexpr int head_too_long = 431;
  require(whole.requests == pieces.requests, "requests depend on the pieces they arrive in");
  if (pieces.refusal != 0)
    require(pieces.refusal == whole.refusal || whole.refusal == head_too_long ||
                (pieces.refusal == head_too_long && (whole.refusal != 0 || whole.waiting)),
            "a refusal depends on the pieces it is for");
  else
    require(whole.refusal == 0 || pieces.waiting, "what is refused when whole is accepted in pieces");
}

struct collector final : http::multipart_parser::listener {
  result<void> begin_part(const http::form_part& part) override {
    require(!open, "a part begins within another");
    open = true;
    parts.push_back(part);
    return {};
  }
  result<void> part_data(std::string_view bytes) override {
    require(open, "data outside a part");
    parts.back().value.append(bytes);
    return {};
  }
  result<void> end_part() override {
    require(open, "a part ends twice");
    open = false;
    return {};
  }
  std::vector<http::form_part> parts;
  bool open = false;
};

std::vector<std::string> read_parts(std::string_view bytes, std::size_t piece) {
  collector to;
  http::multipart_parser parser("b", to);
  std::vector<std::string> seen;
  bool failed = false;
  for (std::size_t at = 0; at < bytes.size() && !failed; at += piece)
    failed = !parser.feed(bytes.substr(at, piece)).ok();
  if (failed || !parser.finish().ok())
    return {"refused"};
  require(!to.open, "a body ends within a part");
  for (const auto& part : to.parts)
    seen.push_back(part.name + "|" + part.file_name + "|" + part.value);
  return seen;
}

}  // namespace

void request(std::string_view bytes) {
  const auto whole = read_requests(bytes, std::max<std::size_t>(1, bytes.size()));
  require_same(whole, read_requests(bytes, 1));
  require_same(whole, read_requests(bytes, 13));
}

void multipart(std::string_view bytes) {
  const auto whole = read_parts(bytes, std::max<std::size_t>(1, bytes.size()));
  require(whole == read_parts(bytes, 1), "parts depend on the pieces they arrive in");
  require(whole == read_parts(bytes, 7), "parts depend on the pieces they arrive in");
  (void)http::multipart_boundary(bytes);
}

void run_request(std::string_view bytes) {
  http::request asked;
  asked.verb = http::method::post;
  const auto line = bytes.find('\n');
  if (!http::parse_target(bytes.substr(0, line), asked))
    asked.path = "/jars/x/run";
  if (line != bytes.npos)
    asked.body = bytes.substr(line + 1);
  (void)rest::route_request(asked);
  (void)rest::is_cross_site(asked);
  const auto made = rest::parse_run_request(asked);
  if (!made.ok()) {
    require(made.error().domain == failure_domain::user && !made.error().message.empty(), "a refusal gives no reason");
    return;
  }
  require(made->parallelism <= 32768, "parallelism is out of bounds");
  http::request again;
  again.body = rest::to_json(*made);
  const auto back = rest::parse_run_request(again);
  // Query parameters are not checked for UTF-8, JSON is: what came by the one may be refused by the other.
  if (back.ok())
    require(back->parameters == made->parameters && back->function == made->function && back->job == made->job &&
                back->parallelism == made->parallelism && back->name == made->name,
            "a run request does not survive being written");
}

}  // namespace flott::fuzz
