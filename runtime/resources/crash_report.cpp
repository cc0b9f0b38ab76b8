#include "runtime/resources/crash_report.hpp"

#include "runtime/base/env.hpp"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstring>

namespace flott {

namespace {

// Initial-exec: a signal handler must not end up in the allocation of a thread's storage. One pointer fits into what
// every thread has anyhow, also when the library is loaded late.
[[gnu::tls_model("initial-exec")]] thread_local const task_context* current = nullptr;

template <std::size_t N>
void copy_cut(char (&target)[N], std::string_view text) {
  const auto n = std::min(text.size(), N - 1);
  std::memcpy(target, text.data(), n);
  target[n] = '\0';
}

bool parse_number(std::string_view text, auto& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

bool is_id(std::string_view text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

task_context::task_context(std::string_view job_hex, std::string_view vertex_hex, std::uint32_t subtask_index,
                           std::uint32_t attempt_number)
    : subtask(subtask_index), attempt(attempt_number) {
  copy_cut(job, job_hex);
  copy_cut(vertex, vertex_hex);
}

task_context_scope::task_context_scope(const task_context& context) noexcept : before_(current) { current = &context; }

task_context_scope::~task_context_scope() { current = before_; }

const task_context* current_task_context() noexcept { return current; }

std::string signal_name(int signal) {
  switch (signal) {
    case SIGSEGV: return "SIGSEGV";
    case SIGBUS: return "SIGBUS";
    case SIGFPE: return "SIGFPE";
    case SIGILL: return "SIGILL";
    case SIGABRT: return "SIGABRT";
    case SIGKILL: return "SIGKILL";
    case SIGTERM: return "SIGTERM";
    case SIGINT: return "SIGINT";
    case SIGHUP: return "SIGHUP";
    case SIGQUIT: return "SIGQUIT";
    case SIGPIPE: return "SIGPIPE";
    case SIGTRAP: return "SIGTRAP";
    case SIGSYS: return "SIGSYS";
    default: return "signal " + std::to_string(signal);
  }
}

std::string crash_report::to_string() const {
  auto text = signal_name(signal);
  if (const char* meaning = ::sigdescr_np(signal))
    text += std::string(" (") + meaning + ")";
  if (job_id.empty())
    return text + " outside user code";
  if (!operator_name.empty())
    text += (vertex_id.empty() ? " in the " : " in operator '") + operator_name + (vertex_id.empty() ? "" : "'");
  if (vertex_id.empty())
    return text + " of job " + job_id;
  return text + ", subtask " + std::to_string(subtask) + ", attempt " + std::to_string(attempt) + " of vertex "
         + vertex_id + ", job " + job_id;
}

result<crash_report> parse_crash_report(std::string_view text, std::string_view name) {
  // Written by `crash_handler.cpp`: a magic line, then one "key value" a line, the operator's name last.
  crash_report report;
  int line_number = 0;
  const auto wrong = [&](std::string what) {
    return user_failure(std::string(name) + ":" + std::to_string(line_number), "is not a crash report: " + what);
  };
  bool has_signal = false;
  if (text.size() > 4096)
    return wrong("too long");
  while (!text.empty()) {
    const auto end = text.find('\n');
    ++line_number;
    if (end == std::string_view::npos)
      return wrong("the last line is cut off");
    const auto line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (line_number == 1) {
      if (line != "flott-crash 1")
        return wrong("it does not begin with 'flott-crash 1'");
      continue;
    }
    const auto blank = line.find(' ');
    const auto key = line.substr(0, blank);
    const auto value = blank == std::string_view::npos ? std::string_view() : line.substr(blank + 1);
    if (key == "signal") {
      if (!parse_number(value, report.signal) || report.signal < 1 || report.signal > 64)
        return wrong("a signal that is none");
      has_signal = true;
    } else if (key == "job" || key == "vertex") {
      if (!is_id(value))
        return wrong("an id that is not 32 hex digits");
      (key == "job" ? report.job_id : report.vertex_id) = value;
    } else if (key == "subtask" || key == "attempt") {
      if (!parse_number(value, key == "subtask" ? report.subtask : report.attempt))
        return wrong("a number that is none");
    } else if (key == "operator") {
      report.operator_name = value;
      for (auto& c : report.operator_name)
        if (static_cast<unsigned char>(c) < 0x20) c = '?';
    } else {
      return wrong("an unknown key");
    }
  }
  if (!has_signal)
    return wrong("it names no signal");
  if (report.job_id.empty() && !report.vertex_id.empty())
    return wrong("a vertex without a job");
  return report;
}

result<crash_report> read_crash_report(const std::filesystem::path& file) {
  FLOTT_ASSIGN(const auto text, system_env().read_file(file));
  return parse_crash_report(text, file.string());
}

}  // namespace flott
