#pragma once

#include "runtime/base/result.hpp"
#include "runtime/config/values.hpp"
#include "runtime/http/message.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace flott::http {

/// Where a handler's answer goes. Copies share one answer: the first call counts, later ones do nothing.
///
/// Thread: any. Guarantees an answer to the client: 503 once the last copy is gone unused, 504 once
/// `server_config::request_timeout` has passed. Outlives its server harmlessly.
class responder {
 public:
  /// What stands behind it; the server's, or a test's own.
  class sink {
   public:
    virtual ~sink() = default;
    virtual void answer(response reply) = 0;
  };

  responder() = default;
  explicit responder(std::unique_ptr<sink> to);

  void operator()(response reply) const;
  /// False for a default-constructed one.
  explicit operator bool() const noexcept { return state_ != nullptr; }

 private:
  struct state;
  std::shared_ptr<state> state_;
};

struct server_config {
  std::string host = "127.0.0.1";
  port_range ports{};                             ///< 0: any free port; a range is tried from its low end
  std::size_t max_header = 16 << 10;              ///< larger: 431
  std::size_t max_body = 1 << 20;                 ///< of what is kept in memory; larger: 413
  std::uint64_t max_upload = 100ull << 20;        ///< of a multipart body, streamed to upload_dir; larger: 413
  std::string upload_dir{};                       ///< must exist; empty: multipart bodies are refused (415)
  /// Which requests may carry a multipart body; empty: all. Others are refused before a byte is stored (415).
  std::function<bool(method, const std::string& path)> takes_upload{};
  unsigned threads = 1;
  std::size_t max_connections = 2000;             ///< beyond: the longest idle one makes room, else 503
  std::chrono::milliseconds idle_timeout{60'000};      ///< between requests
  std::chrono::milliseconds header_timeout{10'000};    ///< from a request's first byte to its headers' end; then 408
  std::chrono::milliseconds io_timeout{30'000};        ///< without progress in a body or an answer
  std::chrono::milliseconds request_timeout{60'000};   ///< handler's time for an answer; then 504
};

/// Called on an I/O thread, must not block; may throw (500).
using handler = std::function<void(request, responder)>;

/// An HTTP/1.1 server without routes: keep-alive, pipelining (answers in order), chunked bodies, Expect, multipart
/// uploads, HEAD (the handler's answer without its body). What is malformed, too large or too slow gets its status and
/// a JSON body from the server itself and never reaches the handler.
class server {
 public:
  /// Listens before it returns. Errors name the address, the range or the option.
  [[nodiscard]] static result<std::unique_ptr<server>> start(server_config config, handler handle);

  /// As `stop()`.
  ~server();

  [[nodiscard]] std::uint16_t port() const noexcept;
  /// Open connections at this moment.
  [[nodiscard]] std::size_t connections() const;

  /// Accepts nothing more, ends idle connections, gives answers on their way `grace` to leave, then closes all.
  /// Afterwards the handler is not called again. Requires: not called from the handler.
  void stop(std::chrono::milliseconds grace = std::chrono::milliseconds(200));

  class core;   ///< the inside, known to server.cpp only

 private:
  explicit server(std::shared_ptr<core> c);
  std::shared_ptr<core> core_;
};

}  // namespace flott::http
