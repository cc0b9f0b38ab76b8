// What the tests of this folder start as a process:
//   exit CODE | sleep | stubborn (ignores SIGTERM) | crash FILE HOW [context | no-context | job-function] [EXIT_CODE] | report
#include "runtime/resources/crash_report.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <dirent.h>
#include <string>
#include <thread>
#include <unistd.h>

using namespace flott;

namespace {

volatile int deepest = 1'000'000'000;   // never reached, but the compiler cannot know

[[gnu::noinline]] int overflow(int depth) {
  volatile char space[4096];
  space[depth % 4096] = 1;
  return depth < deepest ? overflow(depth + 1) + space[0] : 0;
}

void crash(const std::string& how) {
  if (how == "segv" || how == "dangling") {
    std::raise(SIGSEGV);
  } else if (how == "null") {
    volatile int* volatile nowhere = nullptr;
    *nowhere = 1;
  } else if (how == "abort") {
    std::abort();
  } else if (how == "fpe") {
    std::raise(SIGFPE);
  } else if (how == "overflow") {
    const alternate_signal_stack stack;
    overflow(0);
  }
}

/// Which descriptors are open, the session, and what is blocked: nothing of it may come from the starter.
void report() {
  auto* folder = ::opendir("/proc/self/fd");
  while (const auto* entry = ::readdir(folder))
    if (const int fd = std::atoi(entry->d_name); entry->d_name[0] != '.' && fd != ::dirfd(folder))
      std::printf("fd %d\n", fd);
  ::closedir(folder);
  sigset_t blocked;
  ::sigprocmask(SIG_SETMASK, nullptr, &blocked);
  std::printf("session %s\n", ::getsid(0) == ::getpid() ? "own" : "inherited");
  std::printf("blocked %d\n", sigismember(&blocked, SIGUSR1) + sigismember(&blocked, SIGTERM));
  struct sigaction pipe{};
  ::sigaction(SIGPIPE, nullptr, &pipe);
  std::printf("sigpipe %s\n", pipe.sa_handler == SIG_DFL ? "default" : "inherited");
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "exit")
    return std::atoi(argv[2]);
  if (what == "report") {
    report();
    return 0;
  }
  if (what == "crash") {
    crash_handler_options options;
    options.file = argv[2];
    if (argc > 5)
      options.exit_code = std::atoi(argv[5]);
    install_crash_handler(options);
    std::thread([&] {
      if (argc > 4 && std::string(argv[4]) == "no-context")
        return crash(argv[3]);
      if (argc > 4 && std::string(argv[4]) == "job-function") {
        task_context context(std::string(32, 'a'), {}, 0, 0);
        context.operator_name = "job function";
        const task_context_scope scope(context);
        return crash(argv[3]);
      }
      task_context context(std::string(32, 'a'), std::string(32, 'b'), 3, 1);
      const task_context_scope scope(context);
      const operator_scope outer(context, "outer");
      const bool dangling = std::string(argv[3]) == "dangling";
      const operator_scope inner(context, dangling ? reinterpret_cast<const char*>(8) : "parse \"x\"\nnext");
      crash(argv[3]);
    }).join();
    return 0;
  }
  if (what == "stubborn")
    std::signal(SIGTERM, SIG_IGN);
  std::puts("ready");
  std::fflush(stdout);
  for (;;)
    ::pause();
}
