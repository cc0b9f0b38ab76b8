#include "runtime/http/response_reader.hpp"

#include "runtime/http/beast_body.hpp"

#include <boost/beast/http/parser.hpp>

#include <optional>
#include <string>
#include <utility>

namespace flott::http {
namespace {

namespace beast = boost::beast;
using beast_parser = beast::http::parser<false, listened_body>;

failure unreadable(const beast::error_code& error) {
  return transient_failure("HTTP response", "it can't be read", error.message());
}

}  // namespace

struct response_reader::impl final : body_listener {
  bool bodiless = false;
  std::size_t max_body = 0;
  body_taker taker;
  std::string in;
  std::optional<beast_parser> parser;
  bool started = false, head_seen = false, done = false, keep_alive = false;
  response made;
  std::optional<failure> error;

  void reset() {
    parser.emplace();
    parser->header_limit(64 << 10);
    parser->body_limit(boost::none);
    parser->skip(bodiless);
    head_seen = false;
    made = {};
  }

  void begin() {
    const auto& head = parser->get();
    made.status = static_cast<int>(head.result_int());
    made.content_type.clear();
    for (const auto& field : head) {
      if (field.name() == beast::http::field::content_type)
        made.content_type = std::string(field.value());
      else
        made.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
    }
    parser->get().body() = this;
  }

  bool body_bytes(std::string_view bytes) override {
    if (taker) {
      auto taken = taker(made.status, bytes);
      if (!taken.ok()) {
        error = std::move(taken).error();
        return false;
      }
      if (*taken)
        return true;
    }
    if (made.body.size() + bytes.size() > max_body) {
      error = transient_failure("HTTP response", "its body is longer than " + std::to_string(max_body) + " bytes");
      return false;
    }
    made.body.append(bytes);
    return true;
  }

  result<bool> run() {
    std::size_t used = 0;
    while (!done && !cuts_last_chunk(*parser, std::string_view(in).substr(used))) {
      beast::error_code ec;
      used += parser->put(boost::asio::buffer(in.data() + used, in.size() - used), ec);
      if (error)
        return *error;
      if (ec && ec != beast::http::error::need_more)
        return unreadable(ec);
      if (!head_seen && parser->is_header_done()) {
        head_seen = true;
        begin();
      }
      if (parser->is_done()) {
        if (made.status >= 100 && made.status < 200 && made.status != 101) {
          reset();
          continue;
        }
        keep_alive = parser->get().keep_alive() && used == in.size();
        done = true;
      } else if (ec || used == in.size()) {
        break;
      }
    }
    in.erase(0, used);
    return done;
  }
};

response_reader::response_reader(bool bodiless, std::size_t max_body, body_taker taker) : impl_(std::make_unique<impl>()) {
  impl_->bodiless = bodiless;
  impl_->max_body = max_body;
  impl_->taker = std::move(taker);
  impl_->reset();
}

response_reader::~response_reader() = default;

result<bool> response_reader::feed(std::string_view bytes) {
  impl_->started = impl_->started || !bytes.empty();
  impl_->in.append(bytes);
  return impl_->run();
}

result<void> response_reader::end_of_stream() {
  if (impl_->done)
    return {};
  beast::error_code ec;
  impl_->parser->put_eof(ec);
  if (ec || !impl_->head_seen || !impl_->parser->is_done())
    return transient_failure("HTTP response", "the connection was closed before its end");
  impl_->done = true;
  impl_->keep_alive = false;
  return {};
}

bool response_reader::started() const noexcept { return impl_->started; }
bool response_reader::keep_alive() const noexcept { return impl_->keep_alive; }
response response_reader::take() { return std::move(impl_->made); }

}  // namespace flott::http
