// Gives every life of a process its own CAF node id.
//
// CAF 0.17 derives the id of a node from the machine (MAC addresses, disk) and getpid(). Two processes with the same pid
// in containers that share a network namespace then take each other for themselves, and a restarted process may get the
// id of the one before. While a `unique_caf_node_id` lives, getpid() answers the calling thread with a random number
// instead; our own code asks process_id() (runtime/base). The symbol is interposed, therefore in the executable only.

#include "apps/caf_node_id.hpp"

#include <random>

#include <sys/syscall.h>
#include <unistd.h>

namespace flott {
namespace {

thread_local pid_t answer_instead = 0;

/// Beyond any pid the kernel gives out (at most 2^22).
pid_t random_number_that_is_no_pid() {
  constexpr unsigned beyond_pids = 1U << 30;
  return static_cast<pid_t>((std::random_device()() & (beyond_pids - 1)) | beyond_pids);
}

}  // namespace

unique_caf_node_id::unique_caf_node_id() : before_(answer_instead) {
  static const pid_t of_this_process = random_number_that_is_no_pid();
  answer_instead = of_this_process;
}

unique_caf_node_id::~unique_caf_node_id() { answer_instead = before_; }

}  // namespace flott

extern "C" pid_t getpid() noexcept {
  const auto instead = flott::answer_instead;
  return instead != 0 ? instead : static_cast<pid_t>(::syscall(SYS_getpid));
}
