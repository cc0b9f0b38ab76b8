#include "runtime/resources/crash_report.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace flott {

namespace {

constexpr int fatal_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
constexpr std::size_t stack_bytes = 64 * 1024;

// What the handler needs, in plain storage: nothing of it allocates, locks or changes after installation.
char report_path[4096];
int exit_code_or_minus_one = -1;
std::atomic<pid_t> crashing_thread{0};

/// A text of bounded length made without the heap.
struct note {
  char bytes[1024];
  std::size_t size = 0;

  void add(const char* text, std::size_t most = 256) {
    for (std::size_t i = 0; text[i] != '\0' && i < most && size < sizeof bytes - 1; ++i)
      bytes[size++] = text[i] == '\n' || text[i] == '\r' ? ' ' : text[i];
  }
  void end_line() {
    if (size < sizeof bytes) bytes[size++] = '\n';
  }
  void add(unsigned long number) {
    char digits[24];
    std::size_t n = 0;
    do digits[n++] = static_cast<char>('0' + number % 10); while ((number /= 10) != 0);
    while (n > 0 && size < sizeof bytes - 1) bytes[size++] = digits[--n];
  }
  void write_to(int fd) const {
    for (std::size_t done = 0; done < size;) {
      const auto put = ::write(fd, bytes + done, size - done);
      if (put > 0) done += static_cast<std::size_t>(put);
      else if (errno != EINTR) return;
    }
  }
};

const char* short_name(int signal) {
  switch (signal) {
    case SIGSEGV: return "SIGSEGV";
    case SIGBUS: return "SIGBUS";
    case SIGFPE: return "SIGFPE";
    case SIGILL: return "SIGILL";
    default: return "SIGABRT";
  }
}

void write_report(int signal, const task_context* context) {
  note file;
  file.add("flott-crash 1");
  file.end_line();
  file.add("signal ");
  file.add(static_cast<unsigned long>(signal));
  file.end_line();
  if (context != nullptr && context->job[0] != '\0') {
    file.add("job ");
    file.add(context->job);
    file.end_line();
    if (context->vertex[0] != '\0') {     // empty: the job function
      file.add("vertex ");
      file.add(context->vertex);
      file.end_line();
      file.add("subtask ");
      file.add(context->subtask);
      file.end_line();
      file.add("attempt ");
      file.add(context->attempt);
      file.end_line();
    }
  }
  const int fd = ::open(report_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd >= 0) {
    file.write_to(fd);
    // Written last and apart: of all that is read here only this name may be broken by what crashed us.
    if (context != nullptr && context->job[0] != '\0') {
      note name;
      name.add("operator ");
      name.add(context->operator_name);
      name.end_line();
      name.write_to(fd);
    }
    ::close(fd);
  }
}

void tell_people(int signal, const task_context* context) {
  note line;
  line.add("flott: crashed with ");
  line.add(short_name(signal));
  if (context != nullptr && context->job[0] != '\0') {
    line.add(" in operator '");
    line.add(context->operator_name);
    line.add("', subtask ");
    line.add(context->subtask);
    line.add(" of vertex ");
    line.add(context->vertex);
    line.add(", job ");
    line.add(context->job);
  } else {
    line.add(" outside user code");
  }
  line.end_line();
  line.write_to(STDERR_FILENO);
}

void end_as_usual(int signal) {
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  ::sigaction(signal, &standard, nullptr);
  ::raise(signal);
}

void on_fatal_signal(int signal) {
  // The first thread to crash reports. Another one waits to be ended with the process; a crash while reporting ends it.
  const auto me = static_cast<pid_t>(::syscall(SYS_gettid));
  pid_t nobody = 0;
  if (!crashing_thread.compare_exchange_strong(nobody, me)) {
    while (nobody != me) ::pause();
    return end_as_usual(signal);
  }
  const auto* context = current_task_context();
  if (report_path[0] != '\0')
    write_report(signal, context);
  tell_people(signal, context);
  if (exit_code_or_minus_one >= 0)
    ::_exit(exit_code_or_minus_one);
  end_as_usual(signal);
}

}  // namespace

void install_crash_handler(const crash_handler_options& options) {
  // Belongs to the calling thread, which is the main one, for as long as the process lives.
  [[maybe_unused]] static const alternate_signal_stack stack;
  const auto path = options.file.string();
  std::memset(report_path, 0, sizeof report_path);
  std::memcpy(report_path, path.data(), std::min(path.size(), sizeof report_path - 1));
  exit_code_or_minus_one = options.exit_code.value_or(-1);
  struct sigaction action{};
  action.sa_handler = on_fatal_signal;
  // Not blocked while it is handled, so that `raise` takes effect at once.
  action.sa_flags = SA_ONSTACK | SA_NODEFER;
  ::sigemptyset(&action.sa_mask);
  for (const int signal : fatal_signals)
    ::sigaction(signal, &action, nullptr);
}

alternate_signal_stack::alternate_signal_stack() {
  auto* memory = ::mmap(nullptr, stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED)
    return;
  memory_ = memory;
  stack_t stack{};
  stack.ss_sp = memory_;
  stack.ss_size = stack_bytes;
  ::sigaltstack(&stack, nullptr);
}

alternate_signal_stack::~alternate_signal_stack() {
  if (memory_ == nullptr)
    return;
  stack_t none{};
  none.ss_flags = SS_DISABLE;
  ::sigaltstack(&none, nullptr);
  ::munmap(memory_, stack_bytes);
}

}  // namespace flott
