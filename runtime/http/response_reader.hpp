#pragma once

#include "runtime/base/result.hpp"
#include "runtime/http/message.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

namespace flott::http {

/// Makes one response of the bytes of a connection. No sockets. "100 Continue" and its like are skipped.
class response_reader {
 public:
  /// Offered the body's bytes as they come; true: taken, false: kept in the response's body.
  using body_taker = std::function<result<bool>(int status, std::string_view bytes)>;

  /// `bodiless`: the answer to HEAD. `max_body` bounds what is kept in memory.
  response_reader(bool bodiless, std::size_t max_body, body_taker taker = {});
  ~response_reader();

  /// True once the response is complete.
  result<bool> feed(std::string_view bytes);
  /// The connection has ended: completes a response whose body lasts until then; otherwise a failure.
  result<void> end_of_stream();

  [[nodiscard]] bool started() const noexcept;      ///< any byte has been seen
  [[nodiscard]] bool keep_alive() const noexcept;   ///< requires: complete
  [[nodiscard]] response take();

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace flott::http
