#include "metrics/process_metrics.hpp"

#include "metrics/registry.hpp"

#include <chrono>
#include <dirent.h>
#include <fstream>
#include <optional>
#include <sstream>
#include <sys/resource.h>
#include <unistd.h>

namespace flott {

namespace {

std::vector<metric_sample> one(double value) { return {{{}, value}}; }

/// Of /proc/self/stat: field 20 is the number of threads, 22 the start in ticks since boot, 23 the virtual size.
std::optional<double> stat_field(int number) {
  std::ifstream file("/proc/self/stat");
  std::string line;
  if (!std::getline(file, line))
    return std::nullopt;
  // The second field, in parentheses, may hold anything.
  const auto end = line.rfind(')');
  if (end == std::string::npos)
    return std::nullopt;
  std::istringstream fields(line.substr(end + 1));
  std::string field;
  for (int i = 3; i <= number; ++i)
    if (!(fields >> field))
      return std::nullopt;
  return std::strtod(field.c_str(), nullptr);
}

std::vector<metric_sample> cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return one(seconds(usage.ru_utime) + seconds(usage.ru_stime));
}

std::vector<metric_sample> resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double all = 0, resident = 0;
  if (!(file >> all >> resident))
    return {};
  return one(resident * static_cast<double>(::sysconf(_SC_PAGESIZE)));
}

std::vector<metric_sample> open_descriptors() {
  auto* folder = ::opendir("/proc/self/fd");
  if (folder == nullptr)
    return {};
  int count = -1;   // the folder's own descriptor
  while (const auto* entry = ::readdir(folder))
    if (entry->d_name[0] != '.') ++count;
  ::closedir(folder);
  return one(count);
}

std::vector<metric_sample> max_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return {};
  return one(static_cast<double>(limit.rlim_cur));
}

double start_unix_seconds() {
  const auto ticks = stat_field(22);
  timespec up{};
  ::clock_gettime(CLOCK_BOOTTIME, &up);
  const auto uptime = static_cast<double>(up.tv_sec) + static_cast<double>(up.tv_nsec) * 1e-9;
  const auto now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  return now - uptime + ticks.value_or(uptime) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

auto sampled_stat(int field) {
  return [field]() -> std::vector<metric_sample> {
    const auto value = stat_field(field);
    return value ? one(*value) : std::vector<metric_sample>{};
  };
}

}  // namespace

void add_process_metrics(metrics_registry& registry) {
  registry.gauge({"flott_build_info", "Always 1; the labels say what this process was built from."},
                 {{"version", FLOTT_VERSION}, {"compiler", "gcc " __VERSION__}})
      .set(1);
  registry.gauge({"process_start_time_seconds", "When the process started, in seconds since 1970."})
      .set(start_unix_seconds());
  registry.keep(registry.sampled({"process_cpu_seconds_total", "CPU time used by all threads, user and system."},
                                 metric_kind::counter, cpu_seconds));
  registry.keep(registry.sampled({"process_resident_memory_bytes", "Memory that is in RAM."}, metric_kind::gauge,
                                 resident_bytes));
  registry.keep(registry.sampled({"process_virtual_memory_bytes", "Address space in use."}, metric_kind::gauge,
                                 sampled_stat(23)));
  registry.keep(registry.sampled({"process_threads", "Threads that exist."}, metric_kind::gauge, sampled_stat(20)));
  registry.keep(registry.sampled({"process_open_fds", "Open file descriptors."}, metric_kind::gauge,
                                 open_descriptors));
  registry.keep(registry.sampled({"process_max_fds", "Most file descriptors the process may have open."},
                                 metric_kind::gauge, max_descriptors));
}

}  // namespace flott
