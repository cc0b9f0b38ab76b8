#pragma once

#include "runtime/base/result.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace flott {

/// Which user code a thread is running, readable from a signal handler. Owned by the subtask; the operator in charge
/// is a pointer to a name that outlives the scope it is set for.
struct task_context {
  char job[33] = {};                     ///< hex32
  char vertex[33] = {};                  ///< hex32
  std::uint32_t subtask = 0;
  std::uint32_t attempt = 0;
  const char* operator_name = "";        ///< NUL-terminated

  /// Texts are cut to what fits.
  task_context() = default;
  task_context(std::string_view job_hex, std::string_view vertex_hex, std::uint32_t subtask, std::uint32_t attempt);
};

/// The calling thread works for `context` while this lives; scopes nest. A few stores, no lock.
class task_context_scope {
 public:
  explicit task_context_scope(const task_context& context) noexcept;
  ~task_context_scope();
  task_context_scope(const task_context_scope&) = delete;
  task_context_scope& operator=(const task_context_scope&) = delete;

 private:
  const task_context* before_;
};

/// The calling thread is inside the operator `name` (NUL-terminated, outliving this) of `context` while this lives.
class operator_scope {
 public:
  operator_scope(task_context& context, const char* name) noexcept
      : context_(context), before_(context.operator_name) { context_.operator_name = name; }
  ~operator_scope() { context_.operator_name = before_; }
  operator_scope(const operator_scope&) = delete;
  operator_scope& operator=(const operator_scope&) = delete;

 private:
  task_context& context_;
  const char* before_;
};

/// What the calling thread works for; nullptr outside any scope.
[[nodiscard]] const task_context* current_task_context() noexcept;

/// What a process wrote about its own crash.
struct crash_report {
  int signal = 0;
  std::string job_id, vertex_id;   ///< empty: no user code was running on the crashing thread
  std::uint32_t subtask = 0, attempt = 0;
  std::string operator_name;

  /// "SIGSEGV (Segmentation fault) in operator `parse`, subtask 2 of vertex ..., job ...".
  [[nodiscard]] std::string to_string() const;
  bool operator==(const crash_report&) const = default;
};

struct crash_handler_options {
  std::filesystem::path file;        ///< empty: only standard error hears of it
  std::optional<int> exit_code;      ///< end with this code instead of by the signal (embedded mode)
};

/// From now on SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT write a crash report, then end the process as they would
/// have. For executables only; the last call wins. Gives the calling thread an alternate signal stack.
void install_crash_handler(const crash_handler_options& options);

/// Lets the calling thread report an overflow of its own stack while this lives; for threads that run user code.
class alternate_signal_stack {
 public:
  alternate_signal_stack();
  ~alternate_signal_stack();
  alternate_signal_stack(const alternate_signal_stack&) = delete;
  alternate_signal_stack& operator=(const alternate_signal_stack&) = delete;

 private:
  void* memory_ = nullptr;
};

/// Errors: missing (ENOENT), or not a crash report: then it names the file and the line.
[[nodiscard]] result<crash_report> read_crash_report(const std::filesystem::path& file);
[[nodiscard]] result<crash_report> parse_crash_report(std::string_view text, std::string_view name);

/// "SIGSEGV"; "signal 42" for one without a name.
[[nodiscard]] std::string signal_name(int signal);

}  // namespace flott
