#pragma once

#include <boost/beast/core/error.hpp>
#include <boost/beast/http/message.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/optional.hpp>

#include <cstdint>
#include <string_view>

namespace flott::http {

/// Hears the bytes of a body as Beast's parser finds them. Private to the readers' .cpp files.
class body_listener {
 public:
  virtual ~body_listener() = default;
  /// False ends the parse; why is the listener's to keep.
  virtual bool body_bytes(std::string_view bytes) = 0;
};

/// A Beast body that keeps nothing: its value is the listener, set once the head has been seen.
struct listened_body {
  using value_type = body_listener*;

  class reader {
   public:
    template <bool IsRequest, class Fields>
    reader(boost::beast::http::header<IsRequest, Fields>&, value_type& body) : body_(body) {}

    void init(const boost::optional<std::uint64_t>&, boost::beast::error_code& error) { error = {}; }

    template <class Buffers>
    std::size_t put(const Buffers& buffers, boost::beast::error_code& error) {
      error = {};
      std::size_t size = 0;
      for (auto it = boost::asio::buffer_sequence_begin(buffers); it != boost::asio::buffer_sequence_end(buffers); ++it) {
        const boost::asio::const_buffer piece = *it;
        size += piece.size();
        if (body_ != nullptr && !body_->body_bytes({static_cast<const char*>(piece.data()), piece.size()})) {
          error = boost::system::errc::make_error_code(boost::system::errc::operation_canceled);
          return size;
        }
      }
      return size;
    }

    void finish(boost::beast::error_code& error) { error = {}; }

   private:
    value_type& body_;
  };
};

/// Whether `bytes`, which go to `parser` next, may be the beginning of a last chunk that is also the first. Beast asserts
/// that it is given no fewer than the five bytes of "0\r\n\r\n" then; its caller waits for them (they always come:
/// no chunked body ends with fewer).
template <class Parser>
bool cuts_last_chunk(const Parser& parser, std::string_view bytes) {
  return parser.is_header_done() && parser.chunked() && bytes.size() < 5 && bytes.starts_with('0');
}

}  // namespace flott::http
