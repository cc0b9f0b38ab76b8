#pragma once

#include "runtime/http/message.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace flott::http {

/// Makes requests of the bytes of one connection. No sockets: bytes in, requests out; files only for uploads.
class request_reader {
 public:
  struct limits {
    std::size_t header = 16 << 10;
    std::size_t body = 1 << 20;
    std::uint64_t upload = 100ull << 20;
    std::string upload_dir{};
    std::function<bool(method, const std::string& path)> takes_upload{};
  };

  enum class progress : std::uint8_t {
    idle,        ///< no byte of the next request is here
    header,      ///< within a request's head
    body,        ///< within its body
    complete,    ///< `take()` it, then call `feed({})` for what came behind it
    failed,      ///< `error()` is the answer; nothing more can be read from this connection
  };

  explicit request_reader(std::shared_ptr<const limits> bounds);
  request_reader(request_reader&&) noexcept;
  ~request_reader();

  /// Requires: not failed. While a request is complete and not yet taken, bytes are only kept.
  progress feed(std::string_view bytes);
  [[nodiscard]] progress state() const noexcept;

  [[nodiscard]] request take();
  [[nodiscard]] const response& error() const noexcept;

  /// Of the request that was completed last: whether the connection may carry another.
  [[nodiscard]] bool keep_alive() const noexcept;
  /// Once per request: whether its sender waits for "100 Continue" before its body.
  [[nodiscard]] bool wants_continue() noexcept;
  /// Bytes that wait behind a completed request.
  [[nodiscard]] std::size_t buffered() const noexcept;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace flott::http
