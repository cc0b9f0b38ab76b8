#include "runtime/resources/proc.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <sys/syscall.h>

namespace flott {

namespace {

std::string whole_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

std::optional<process_stat> process_stat_of(int pid) {
  const auto text = whole_file("/proc/" + std::to_string(pid) + "/stat");
  // "pid (name) state ppid ...": the name may hold anything, also parentheses.
  const auto end = text.rfind(')');
  if (end == std::string::npos || end + 2 >= text.size())
    return std::nullopt;
  std::string_view rest = std::string_view(text).substr(end + 2);
  process_stat stat;
  stat.state = rest.front();
  for (int field = 3; field < 22; ++field) {   // `rest` begins with field 3
    const auto blank = rest.find(' ');
    if (blank == std::string_view::npos)
      return std::nullopt;
    rest.remove_prefix(blank + 1);
  }
  if (std::from_chars(rest.data(), rest.data() + rest.size(), stat.start_ticks).ec != std::errc{})
    return std::nullopt;
  return stat;
}

std::vector<std::string> arguments_of(int pid) {
  std::vector<std::string> arguments;
  const auto text = whole_file("/proc/" + std::to_string(pid) + "/cmdline");
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\0', at), text.size());
    arguments.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return arguments;
}

const std::string& boot_id() {
  static const auto id = [] {
    auto text = whole_file("/proc/sys/kernel/random/boot_id");
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
  }();
  return id;
}

// System calls by number: the declarations in Debian 12's <sys/pidfd.h> have C++ linkage by mistake.
process_handle process_handle::open(int pid) {
  return process_handle(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));
}

void process_handle::signal(int number) const {
  if (fd_ >= 0)
    ::syscall(SYS_pidfd_send_signal, fd_, number, nullptr, 0U);
}

}  // namespace flott
