#pragma once

#include "runtime/base/failure.hpp"

#include <string>
#include <string_view>

/// What people see. Standard output carries results, one JSON document alone where --json asks for it; everything else
/// goes to standard error, with colour only on a terminal.
namespace flott::cli {

/// How a command ended.
enum exit_code : int {
  ok = 0,          ///< done; of `run`: FINISHED, or accepted with -d
  bad_usage = 1,   ///< the command line itself is wrong
  job_failed = 2,
  job_canceled = 3,
  refused = 4,     ///< the cluster refused, could not load, or was not reachable
};

enum class color { plain, bold, green, yellow, red, dim };

[[nodiscard]] bool is_terminal(int fd);
/// `text` in a colour, if standard error shows colours.
[[nodiscard]] std::string colored(color as, std::string_view text);

/// To standard output, as it is.
void print(std::string_view text);
/// While one lives, whatever is written to standard output, by whomever, goes to standard error.
class stdout_to_stderr {
 public:
  stdout_to_stderr();
  ~stdout_to_stderr();
  stdout_to_stderr(const stdout_to_stderr&) = delete;
  stdout_to_stderr& operator=(const stdout_to_stderr&) = delete;

 private:
  int kept_;
};

/// A line to standard error.
void tell(std::string_view line);
/// "flott: WHY" to standard error.
void complain(const failure& why);
void complain(std::string_view why);

/// Complains about a command line, and how to learn more; gives bad_usage.
int misused(std::string_view command, const failure& why);
/// Complains; gives refused.
int refusal(const failure& why);

/// `text` as a JSON string with its quotes.
[[nodiscard]] std::string json_text(std::string_view text);

}  // namespace flott::cli
