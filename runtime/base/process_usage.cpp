#include "runtime/base/process_usage.hpp"

#include <cstdio>
#include <memory>

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace flott {

process_resources process_usage() {
  process_resources usage;
  if (const std::unique_ptr<std::FILE, int (*)(std::FILE*)> statm{std::fopen("/proc/self/statm", "re"), &std::fclose}) {
    unsigned long total = 0, resident = 0;
    if (std::fscanf(statm.get(), "%lu %lu", &total, &resident) == 2)
      usage.resident_bytes = resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }
  rusage counted{};
  if (::getrusage(RUSAGE_SELF, &counted) == 0) {
    const auto nanoseconds = [](const timeval& t) {
      return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(t.tv_usec) * 1000U;
    };
    usage.cpu_ns = nanoseconds(counted.ru_utime) + nanoseconds(counted.ru_stime);
  }
  return usage;
}

int process_id() { return static_cast<int>(::syscall(SYS_getpid)); }

}  // namespace flott
