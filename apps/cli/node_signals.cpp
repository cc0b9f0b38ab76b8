#include "apps/cli/node_signals.hpp"

#include "runtime/base/log.hpp"

#include <condition_variable>
#include <csignal>
#include <ctime>

#include <pthread.h>
#include <unistd.h>

namespace flott::cli {
namespace {

constexpr int killed_by_signal = 128;
constexpr auto margin = std::chrono::seconds(2);
constexpr timespec look_pause{.tv_sec = 0, .tv_nsec = 100'000'000};

sigset_t stop_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

void node_signals::block() {
  const auto set = stop_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

node_signals::node_signals(std::chrono::milliseconds limit)
    : limit_(limit), waiter_([this](std::stop_token stopping) { wait_for_signals(std::move(stopping)); }) {}

node_signals::~node_signals() {
  waiter_.request_stop();
  waiter_.join();
}

void node_signals::wait_for_signals(std::stop_token stopping) {
  const auto set = stop_signals();
  bool first = true;
  while (!stopping.stop_requested()) {
    const int signal = ::sigtimedwait(&set, nullptr, &look_pause);
    if (signal <= 0)
      continue;
    if (!first)
      ::_exit(killed_by_signal + signal);
    first = false;
    log::info("asked to stop", {{"signal", signal}});
    const std::lock_guard lock(mutex_);
    asked_ = true;
    arm_limit();
    if (ask_)
      ask_();
  }
}

void node_signals::watch(std::function<void()> ask) {
  const std::lock_guard lock(mutex_);
  ask_ = std::move(ask);
  if (asked_)
    ask_();
}

void node_signals::node_ends() {
  const std::lock_guard lock(mutex_);
  ask_ = nullptr;
  arm_limit();
}

void node_signals::arm_limit() {
  if (limiter_.joinable())
    return;
  limiter_ = std::jthread([limit = limit_ + margin](std::stop_token stopping) {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any sleep;
    if (!sleep.wait_for(lock, stopping, limit, [] { return false; }) && !stopping.stop_requested()) {
      log::error("not stopped within shutdown.timeout; ending by force");
      ::_exit(killed_by_signal + SIGTERM);
    }
  });
}

}  // namespace flott::cli
