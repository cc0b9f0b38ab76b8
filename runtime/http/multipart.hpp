#pragma once

#include "runtime/base/result.hpp"
#include "runtime/http/message.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace flott::http {

/// The boundary of a `multipart/form-data` content type (RFC 7578, RFC 2046: 1 to 70 characters); nullopt if it is none.
[[nodiscard]] std::optional<std::string> multipart_boundary(std::string_view content_type);
/// Whether `content_type` is any multipart type.
[[nodiscard]] bool is_multipart(std::string_view content_type);

/// Takes a multipart/form-data body apart as its bytes arrive, in bounded memory. Pure: no I/O.
///
/// Requires: after a failure, nothing more is fed.
class multipart_parser {
 public:
  struct limits {
    std::size_t parts = 16;
    std::size_t part_header = 4 << 10;
  };

  /// Hears of the parts in order: begin, data any number of times, end. A failure ends the parse.
  class listener {
   public:
    virtual ~listener() = default;
    /// `part` has name, file name and content type.
    virtual result<void> begin_part(const form_part& part) = 0;
    virtual result<void> part_data(std::string_view bytes) = 0;
    virtual result<void> end_part() = 0;
  };

  multipart_parser(std::string_view boundary, listener& to, limits bounds);
  multipart_parser(std::string_view boundary, listener& to);

  result<void> feed(std::string_view bytes);
  /// The body has ended; a failure if its last boundary is missing.
  result<void> finish();

 private:
  enum class state { preamble, after_boundary, part_header, part_data, epilogue };

  result<bool> step(std::string_view& rest);
  result<bool> take_delimiter_end(std::string_view& rest);
  result<bool> take_header(std::string_view& rest);
  result<bool> take_data(std::string_view& rest);

  std::string delimiter_;     ///< CRLF "--" boundary
  listener& to_;
  limits bounds_;
  state state_ = state::preamble;
  std::string pending_;       ///< bytes that may belong to a delimiter or an unfinished header
  std::size_t parts_ = 0;
};

/// Name, file name and content type from a part's header block (lines separated by CRLF).
[[nodiscard]] result<form_part> parse_part_header(std::string_view block);

}  // namespace flott::http
