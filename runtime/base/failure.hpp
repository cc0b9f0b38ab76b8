#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace flott::msg {
class Failure;
}

namespace flott {

/// What a caller may do about a failure. The numbers are those of `msg::FailureClass`.
enum class failure_class : std::uint8_t {
  transient = 1,   ///< try again, by the restart strategy
  resources = 2,   ///< plan again: ask for more, or run with less
  permanent = 3,   ///< stop, release, report: bad configuration, bad input, user error
};

/// Whose fault it was.
enum class failure_domain : std::uint8_t { user = 1, internal = 2, external = 3 };

/// Why something did not happen. Travels in replies and is shown to people; nobody parses its text.
struct failure {
  failure_class cls = failure_class::permanent;
  failure_domain domain = failure_domain::internal;
  std::string where;     ///< the thing that failed: a file and line, an operator and subtask, a key, a peer
  std::string message;   ///< what happened, in one sentence
  std::string cause{};   ///< the text of the underlying error, when there is one

  /// "where: message (cause)".
  [[nodiscard]] std::string to_string() const;

  bool operator==(const failure&) const = default;
};

/// Bad input, bad configuration or an error of the user's code: never retried.
[[nodiscard]] failure user_failure(std::string where, std::string message, std::string cause = {});
/// Something outside (a peer, a disk, a server) that may work the next time.
[[nodiscard]] failure transient_failure(std::string where, std::string message, std::string cause = {});
/// Too few slots, nodes or bytes.
[[nodiscard]] failure resource_failure(std::string where, std::string message, std::string cause = {});
/// A broken promise of our own; permanent.
[[nodiscard]] failure internal_failure(std::string where, std::string message, std::string cause = {});
/// A failure of the operating system: class by `error_number`, cause from strerror.
[[nodiscard]] failure system_failure(std::string where, std::string message, int error_number);

void to_proto(const failure& from, msg::Failure& to);
[[nodiscard]] failure from_proto(const msg::Failure& from);

/// Thrown by user code whose failure is worth another attempt; every other exception is permanent.
class transient_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Carries a failure through code that cannot return one (inside user callbacks); caught at the chain's boundary.
class failure_exception : public std::runtime_error {
 public:
  explicit failure_exception(failure f) : std::runtime_error(f.to_string()), failure_(std::move(f)) {}
  [[nodiscard]] const failure& error() const noexcept { return failure_; }

 private:
  failure failure_;
};

}  // namespace flott
