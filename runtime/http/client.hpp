#pragma once

#include "runtime/base/result.hpp"
#include "runtime/http/message.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace flott::http {

struct client_config {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::chrono::milliseconds connect_timeout{2'000};
  std::chrono::milliseconds total_timeout{60'000};   ///< of one call, connecting included
  std::size_t max_body = 256u << 20;                 ///< of an answer kept in memory
};

/// One file as one part of a multipart/form-data body.
struct upload {
  std::string field = "jarfile";
  std::string file;                                  ///< path of what is sent
  std::string file_name;                             ///< the name the server is told
  std::string content_type = "application/octet-stream";
};

/// A blocking HTTP/1.1 client of one server; keeps its connection from call to call.
///
/// `target` is path and query as they go over the wire (see percent_encoded). Every answer, whatever its status, is a
/// value; a failure means that there was none: transient (refused, closed, too slow, unreadable), named "host:port".
/// A kept connection that turns out to be closed is dialled once more, unless a POST or PATCH may have arrived already.
/// Thread: one at a time.
class client {
 public:
  explicit client(client_config config) : config_(std::move(config)) {}
  client(const client&) = delete;
  client& operator=(const client&) = delete;
  ~client();

  [[nodiscard]] result<response> get(std::string_view target) { return send("GET", target, {}); }
  [[nodiscard]] result<response> head(std::string_view target) { return send("HEAD", target, {}); }
  [[nodiscard]] result<response> post(std::string_view target, std::string_view json) {
    return send("POST", target, json);
  }
  [[nodiscard]] result<response> patch(std::string_view target, std::string_view json = {}) {
    return send("PATCH", target, json);
  }
  [[nodiscard]] result<response> delete_(std::string_view target) { return send("DELETE", target, {}); }
  [[nodiscard]] result<response> send(std::string_view verb, std::string_view target, std::string_view body,
                                      std::string_view content_type = json_type);

  /// POSTs one file as multipart/form-data. A file that can't be read is the user's failure.
  [[nodiscard]] result<response> post_file(std::string_view target, const upload& what);

  /// GETs into `destination`, which appears (by rename) only when the answer is 200 and complete; else the answer's
  /// body is in the response.
  [[nodiscard]] result<response> download(std::string_view target, const std::string& destination);

  /// For the calls that follow.
  void set_total_timeout(std::chrono::milliseconds timeout) { config_.total_timeout = timeout; }
  [[nodiscard]] const client_config& config() const noexcept { return config_; }

 private:
  struct exchange;
  result<response> perform(exchange& what);
  /// One try on the open connection; `what.answer_begun` tells whether the server had begun to answer.
  result<response> converse(exchange& what);
  void close();

  client_config config_;
  int fd_ = -1;
};

}  // namespace flott::http
