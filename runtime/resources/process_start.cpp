#include "runtime/resources/process_table.hpp"

#include "runtime/resources/proc.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <fcntl.h>
#include <mutex>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace flott {

namespace {

/// A close-on-exec descriptor beyond the standard three, so that redirecting those cannot hit it.
class descriptor {
 public:
  explicit descriptor(int fd = -1) : fd_(fd) {
    if (fd_ >= 0 && fd_ <= STDERR_FILENO) {
      const int moved = ::fcntl(fd_, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
      ::close(fd_);
      fd_ = moved;
    }
  }
  ~descriptor() { reset(); }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }
  void reset() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

/// Everything the child touches, made before the fork: afterwards it may only call what a signal handler may.
struct child_plan {
  int null, log;
  int go_read, go_write;
  int failed_write;
  char* const* arguments;
  char* const* environment;
};

void close_on_exec_from_3() {
  if (::syscall(SYS_close_range, 3U, UINT_MAX, 1U << 2 /* CLOSE_RANGE_CLOEXEC */) == 0)
    return;
  // A kernel older than 5.11.
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const int end = limit.rlim_cur < 65'536 ? static_cast<int>(limit.rlim_cur) : 65'536;
  for (int fd = 3; fd < end; ++fd)
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

[[noreturn]] void run_child(const child_plan& plan) {
  ::close(plan.go_write);   // else the pipe would never end
  ::setsid();               // a terminal's Ctrl-C, or the end of its session, is not for this process
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal)
    ::sigaction(signal, &standard, nullptr);
  ::dup2(plan.null, STDIN_FILENO);
  ::dup2(plan.log, STDOUT_FILENO);
  ::dup2(plan.log, STDERR_FILENO);
  char go = 0;
  ssize_t got;
  do got = ::read(plan.go_read, &go, 1); while (got < 0 && errno == EINTR);
  if (got != 1)
    ::_exit(127);   // not recorded: the starter failed or died
  close_on_exec_from_3();
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(plan.arguments[0], plan.arguments, plan.environment);
  const int error = errno;
  [[maybe_unused]] const auto told = ::write(plan.failed_write, &error, sizeof error);
  ::_exit(127);
}

void reap(int pid) {
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

/// One at a time: of two children forked together each would hold the other's pipe open.
std::mutex& start_mutex() {
  static std::mutex mutex;
  return mutex;
}

}  // namespace

result<process_record> start_process(const process_start& what, env& environment) {
  if (what.arguments.empty())
    return internal_failure(what.node_id, "there is no command to start");
  FLOTT_TRY(environment.make_directories(what.run_dir));
  if (what.log.has_parent_path())
    FLOTT_TRY(environment.make_directories(what.log.parent_path()));

  std::lock_guard one_at_a_time(start_mutex());
  descriptor log(::open(what.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (log.get() < 0)
    return system_failure(what.log.string(), "cannot open the log", errno);
  descriptor null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  int go_ends[2], failed_ends[2];
  if (::pipe2(go_ends, O_CLOEXEC) != 0)
    return system_failure(what.node_id, "cannot make a pipe", errno);
  descriptor go_read(go_ends[0]), go_write(go_ends[1]);
  if (::pipe2(failed_ends, O_CLOEXEC) != 0)
    return system_failure(what.node_id, "cannot make a pipe", errno);
  descriptor failed_read(failed_ends[0]), failed_write(failed_ends[1]);

  std::vector<char*> arguments;
  for (const auto& argument : what.arguments)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const child_plan plan{null.get(), log.get(), go_read.get(), go_write.get(), failed_write.get(), arguments.data(),
                        environ};

  // With every signal blocked no handler of ours can run in the child before it has put them all back.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const int pid = ::_Fork();
  if (pid == 0)
    run_child(plan);
  const int fork_error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0)
    return system_failure(what.node_id, "cannot fork", fork_error);
  go_read.reset();
  failed_write.reset();

  process_record record{what.node_id, what.role, pid, 0, boot_id(), what.log.string(), what.arguments};
  result<void> recorded = internal_failure("/proc/" + std::to_string(pid) + "/stat", "cannot be read");
  if (const auto stat = process_stat_of(pid)) {
    record.start_ticks = stat->start_ticks;
    recorded = environment.write_file(record_path(what.run_dir, what.node_id), to_json(record));
  }
  if (!recorded.ok()) {
    go_write.reset();   // the child ends
    reap(pid);
    return std::move(recorded).error();
  }
  const char go = 1;
  [[maybe_unused]] const auto sent = ::write(go_write.get(), &go, 1);
  go_write.reset();

  int error = 0;
  ssize_t got;
  do got = ::read(failed_read.get(), &error, sizeof error); while (got < 0 && errno == EINTR);
  if (got == static_cast<ssize_t>(sizeof error)) {
    reap(pid);
    static_cast<void>(environment.remove(record_path(what.run_dir, what.node_id)));
    return system_failure(what.arguments[0], "cannot be executed", error);
  }
  return record;
}

}  // namespace flott
