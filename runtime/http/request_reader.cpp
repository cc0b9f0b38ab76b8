#include "runtime/http/request_reader.hpp"

#include "runtime/http/beast_body.hpp"
#include "runtime/http/form_sink.hpp"
#include "runtime/http/multipart.hpp"

#include <boost/beast/http/parser.hpp>

#include <optional>
#include <utility>

namespace flott::http {
namespace {

namespace beast = boost::beast;
using beast_parser = beast::http::parser<true, listened_body>;

method method_of(beast::http::verb verb) {
  switch (verb) {
    case beast::http::verb::get: return method::get;
    case beast::http::verb::head: return method::head;
    case beast::http::verb::post: return method::post;
    case beast::http::verb::put: return method::put;
    case beast::http::verb::patch: return method::patch;
    case beast::http::verb::delete_: return method::delete_;
    case beast::http::verb::options: return method::options;
    default: return method::other;
  }
}

bool same_token(std::string_view a, std::string_view b) {
  const field_name_less less;
  return !less(a, b) && !less(b, a);
}

response head_too_long(std::size_t limit) {
  return error_response(431, "the request's head is longer than " + std::to_string(limit) + " bytes");
}

response malformed(const beast::error_code& error, std::size_t max_header) {
  if (error == beast::http::error::header_limit)
    return head_too_long(max_header);
  if (error == beast::http::error::bad_version)
    return error_response(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
  return error_response(400, "malformed request: " + error.message());
}

}  // namespace

struct request_reader::impl final : body_listener {
  explicit impl(std::shared_ptr<const limits> b) : bounds(std::move(b)) {}

  void run();
  bool begin();                                    ///< once the head is there; false: failed
  bool begin_body(std::string_view content_type);  ///< chooses where the body goes
  bool body_bytes(std::string_view bytes) override;
  void complete();
  bool fail(response why) {
    error = std::move(why);
    now = progress::failed;
    return false;
  }
  bool fail(const failure& why) {
    const int status = why.cls == failure_class::resources ? 413 : why.domain == failure_domain::user ? 400 : 507;
    return fail(error_response(status, why.to_string()));
  }
  bool too_large(std::uint64_t limit) {
    return fail(error_response(413, "the request's body is longer than " + std::to_string(limit) + " bytes"));
  }

  std::shared_ptr<const limits> bounds;
  std::string in;                       ///< bytes not yet parsed
  std::optional<beast_parser> parser;   ///< of the request under way
  std::optional<form_sink> form;
  std::optional<multipart_parser> multipart;
  bool head_seen = false;
  std::size_t head_size = 0;            ///< as far as it was parsed
  bool keep_alive = false;
  bool wants_continue = false;
  std::uint64_t body_size = 0;
  progress now = progress::idle;
  request made;
  response error;
};

void request_reader::impl::run() {
  std::size_t used = 0;
  while (now != progress::complete && now != progress::failed) {
    if (!parser) {
      while (used < in.size() && (in[used] == '\r' || in[used] == '\n'))
        ++used;                                    // empty lines in front of a request (RFC 9112, 2.2)
      if (used == in.size()) {
        now = progress::idle;
        break;
      }
      parser.emplace();
      parser->header_limit(static_cast<std::uint32_t>(bounds->header));
      parser->body_limit(boost::none);             // counted in body_bytes, which knows the kind of body
      made = {};
      head_seen = wants_continue = false;
      head_size = 0;
      body_size = 0;
      now = progress::header;
    }
    if (cuts_last_chunk(*parser, std::string_view(in).substr(used)))
      break;
    beast::error_code ec;
    const std::size_t taken = parser->put(boost::asio::buffer(in.data() + used, in.size() - used), ec);
    used += taken;
    if (!head_seen)
      head_size += taken;
    if (now == progress::failed)                   // by the body's listener
      break;
    if (ec && ec != beast::http::error::need_more) {
      fail(malformed(ec, bounds->header));
      break;
    }
    if (!head_seen && parser->is_header_done()) {
      head_seen = true;
      now = progress::body;
      if (!begin())
        break;
    }
    if (parser->is_done())
      complete();
    else if (ec || used == in.size())
      break;
  }
  in.erase(0, used);
  if (in.empty())
    in.shrink_to_fit();
}

bool request_reader::impl::begin() {
  if (head_size > bounds->header)                  // Beast holds the request line and the fields to it one by one
    return fail(head_too_long(bounds->header));
  const auto& head = parser->get();
  keep_alive = head.keep_alive();
  made.verb = method_of(head.method());
  const std::string_view target(head.target().data(), head.target().size());
  if (!parse_target(target, made))
    return fail(error_response(400, "malformed request target"));
  for (const auto& field : head) {
    const std::string name(field.name_string());
    const std::string value(field.value());
    if (const auto [at, added] = made.headers.try_emplace(name, value); !added)
      at->second += ", " + value;
  }
  const auto encoding = made.header("Transfer-Encoding");
  if (!encoding.empty() && made.headers.count("Content-Length") > 0)
    return fail(error_response(400, "a request can't have both Content-Length and Transfer-Encoding"));
  if (!encoding.empty() && !same_token(encoding, "chunked"))
    return fail(error_response(501, "of transfer encodings, only chunked is understood"));
  const auto expected = made.header("Expect");
  if (!expected.empty() && !same_token(expected, "100-continue"))
    return fail(error_response(417, "of expectations, only 100-continue is understood"));
  if (!begin_body(made.header("Content-Type")))
    return false;
  wants_continue = !expected.empty() && !parser->is_done() && head.version() >= 11;
  parser->get().body() = this;
  return true;
}

bool request_reader::impl::begin_body(std::string_view content_type) {
  const std::uint64_t announced = parser->content_length().value_or(0);
  if (!is_multipart(content_type) || parser->is_done())
    return announced <= bounds->body || too_large(bounds->body);
  if (bounds->upload_dir.empty() || (bounds->takes_upload && !bounds->takes_upload(made.verb, made.path)))
    return fail(error_response(415, made.path + " takes no multipart body"));
  if (announced > bounds->upload)
    return too_large(bounds->upload);
  const auto boundary = multipart_boundary(content_type);
  if (!boundary)
    return fail(error_response(400, "the Content-Type is not multipart/form-data with a valid boundary"));
  form.emplace(bounds->upload_dir, bounds->body);
  multipart.emplace(*boundary, *form);
  return true;
}

bool request_reader::impl::body_bytes(std::string_view bytes) {
  body_size += bytes.size();
  const std::uint64_t limit = multipart ? bounds->upload : bounds->body;
  if (body_size > limit)
    return too_large(limit);
  if (!multipart) {
    made.body.append(bytes);
    return true;
  }
  const auto fed = multipart->feed(bytes);
  return fed.ok() || fail(fed.error());
}

void request_reader::impl::complete() {
  now = progress::complete;
  if (multipart) {
    if (const auto ended = multipart->finish(); !ended.ok()) {
      fail(ended.error());
      return;
    }
    made.parts = form->take();
  }
  multipart.reset();
  form.reset();
  parser.reset();
}

request_reader::request_reader(std::shared_ptr<const limits> bounds) : impl_(std::make_unique<impl>(std::move(bounds))) {}
request_reader::request_reader(request_reader&&) noexcept = default;
request_reader::~request_reader() = default;

request_reader::progress request_reader::feed(std::string_view bytes) {
  impl_->in.append(bytes);
  impl_->run();
  return impl_->now;
}

request_reader::progress request_reader::state() const noexcept { return impl_->now; }

request request_reader::take() {
  impl_->now = progress::idle;
  return std::exchange(impl_->made, request{});
}

const response& request_reader::error() const noexcept { return impl_->error; }
bool request_reader::keep_alive() const noexcept { return impl_->keep_alive; }
bool request_reader::wants_continue() noexcept { return std::exchange(impl_->wants_continue, false); }
std::size_t request_reader::buffered() const noexcept { return impl_->in.size(); }

}  // namespace flott::http
