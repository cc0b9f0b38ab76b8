#pragma once

#include "runtime/base/result.hpp"
#include "runtime/http/message.hpp"

#include <cstdint>
#include <ctime>
#include <string>

namespace flott::http {

/// The head of an answer (RFC 9112), blank line included. `length` is the body's; a status that has no body (1xx, 204,
/// 304) gets no Content-Length. Line breaks in values become blanks. Pure.
[[nodiscard]] std::string response_head(const response& reply, std::uint64_t length, bool keep_alive, std::time_t now);

/// Whether answers of this status carry a body at all.
[[nodiscard]] bool has_body(int status) noexcept;

/// A file on its way to a client; closed with its owner.
class file_source {
 public:
  file_source() = default;
  file_source(const file_source&) = delete;
  file_source& operator=(const file_source&) = delete;
  ~file_source() { close(); }

  /// Its size. Fails for anything but a regular file.
  result<std::uint64_t> open(const std::string& path);
  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
  /// Up to `size` bytes into `into`; 0 at the end or on an error.
  std::size_t read(char* into, std::size_t size) noexcept;
  void close() noexcept;

 private:
  int fd_ = -1;
};

}  // namespace flott::http
