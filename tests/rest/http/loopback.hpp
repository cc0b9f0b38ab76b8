#pragma once

#include "runtime/base/socket.hpp"
#include "runtime/http/client.hpp"
#include "runtime/http/server.hpp"
#include "tests/support/eventually.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace flott::testing {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

inline std::unique_ptr<http::server> serve(http::server_config config, http::handler handle) {
  auto started = http::server::start(std::move(config), std::move(handle));
  INFO((started.ok() ? std::string() : started.error().to_string()));
  REQUIRE(started.ok());
  return std::move(*started);
}

/// Answers with what it was asked: method, path, body size.
inline void echo(http::request asked, http::responder reply) {
  reply(http::json_response("{\"saw\":" + http::json_quoted(std::string(to_string(asked.verb)) + " " + asked.path + " " +
                                                            std::to_string(asked.body.size())) + "}"));
}

inline http::client_config client_of(const http::server& server, std::chrono::milliseconds total = 30s) {
  http::client_config config;
  config.port = server.port();
  config.total_timeout = total;
  return config;
}

/// A connection without manners.
class raw_socket {
 public:
  explicit raw_socket(std::uint16_t port) {
    auto dialled = dial_tcp("127.0.0.1", port, clock::now() + 10s);
    REQUIRE(dialled.ok());
    fd_ = *dialled;
    const timeval limit{30, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }
  raw_socket(raw_socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~raw_socket() {
    if (fd_ >= 0)
      ::close(fd_);
  }

  /// False once the server takes no more.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0)
        return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void end_of_input() { ::shutdown(fd_, SHUT_WR); }

  /// Until the server closes.
  std::string read_all() {
    std::string all;
    while (read_some(all)) {
    }
    return all;
  }
  /// Until `text` has been seen; the rest stays unread or comes along.
  std::string read_until(std::string_view text) {
    std::string all;
    while (all.find(text) == std::string::npos && read_some(all)) {
    }
    return all;
  }

 private:
  bool read_some(std::string& into) {
    char buffer[4096];
    const ssize_t got = ::recv(fd_, buffer, sizeof buffer, 0);
    if (got > 0)
      into.append(buffer, static_cast<std::size_t>(got));
    return got > 0;
  }
  int fd_ = -1;
};

inline std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + part.size()))
    ++found;
  return found;
}

}  // namespace flott::testing
