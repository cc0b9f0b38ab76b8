#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flott::http {

enum class method : std::uint8_t { get, head, post, put, patch, delete_, options, other };

/// "GET", "DELETE", ...; "other" for whatever we have no name for.
[[nodiscard]] std::string_view to_string(method verb);

/// Orders header names without regard to case (ASCII).
struct field_name_less {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const noexcept;
};

/// Header fields; of a repeated field the values are joined by ", ".
using fields = std::map<std::string, std::string, field_name_less>;

/// A file that is removed with its last owner. Rename it away to keep its content.
class temp_file {
 public:
  explicit temp_file(std::string path) : path_(std::move(path)) {}
  temp_file(const temp_file&) = delete;
  temp_file& operator=(const temp_file&) = delete;
  ~temp_file();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

/// One part of a multipart/form-data body. A part with a file name is in `file`, every other one in `value`.
struct form_part {
  std::string name;
  std::string file_name;
  std::string content_type;
  std::string value;
  std::shared_ptr<temp_file> file;
  std::uint64_t size = 0;      ///< bytes in value or file
};

struct request {
  method verb = method::get;
  std::string path = "/";                      ///< percent-decoded, begins with '/', without the query
  std::map<std::string, std::string> query;    ///< decoded; of a repeated name the last value counts
  fields headers;
  std::string body;                            ///< empty for multipart
  std::vector<form_part> parts;                ///< of a multipart/form-data body, in order
  std::string remote;                          ///< "127.0.0.1:51234"

  /// The value of a header or of a query parameter; `otherwise` where it is missing.
  [[nodiscard]] std::string_view header(std::string_view name, std::string_view otherwise = {}) const;
  [[nodiscard]] std::string_view parameter(const std::string& name, std::string_view otherwise = {}) const;
};

inline constexpr std::string_view json_type = "application/json; charset=UTF-8";
inline constexpr std::string_view text_type = "text/plain; charset=UTF-8";

struct response {
  int status = 200;
  std::string content_type = std::string(json_type);
  std::vector<std::pair<std::string, std::string>> headers{};   ///< besides Content-Type, -Length, Connection
  std::string body{};
  std::string file{};    ///< a path whose content is streamed instead of `body`

  /// The first header of that name in any case; empty where it is missing.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// A JSON document as it is.
[[nodiscard]] response json_response(std::string document, int status = 200);
/// `{"errors": [message]}`, as Flink's clients expect every failure; `retry_after_s` > 0 adds Retry-After.
[[nodiscard]] response error_response(int status, std::string_view message, std::uint32_t retry_after_s = 0);

/// "Not Found" for 404; "Unknown" for a number that has no name.
[[nodiscard]] std::string_view reason_phrase(int status);

/// `text` with every byte that is no UTF-8 replaced by U+FFFD.
[[nodiscard]] std::string valid_utf8(std::string_view text);
/// `text` as a JSON string with its quotes; bytes that are no UTF-8 become U+FFFD, so that every reader takes it.
[[nodiscard]] std::string json_quoted(std::string_view text);

/// Percent-encodes everything but unreserved characters (RFC 3986), for one path segment or one query value.
[[nodiscard]] std::string percent_encoded(std::string_view text);
/// False for a malformed escape or a NUL. `plus_is_space` as in queries.
[[nodiscard]] bool percent_decode(std::string_view text, bool plus_is_space, std::string& decoded);

/// Takes a request target ("/a%20b?c=d", also in absolute form) apart; false if it is malformed.
[[nodiscard]] bool parse_target(std::string_view target, request& into);

}  // namespace flott::http
