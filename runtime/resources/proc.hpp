#pragma once

#include "runtime/resources/process_table.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace flott {

// What Linux says about processes, for this folder's own use.

/// From /proc/PID/stat.
struct process_stat {
  char state = '?';
  std::uint64_t start_ticks = 0;

  /// A zombie (Z) or one being taken away (X, x).
  [[nodiscard]] bool ended() const { return state == 'Z' || state == 'X' || state == 'x'; }
};

[[nodiscard]] std::optional<process_stat> process_stat_of(int pid);
[[nodiscard]] std::vector<std::string> arguments_of(int pid);
/// Of this boot of the machine; start times compare only within one.
[[nodiscard]] const std::string& boot_id();

/// A pidfd: names one process for ever, also after its pid was given to another.
class process_handle {
 public:
  explicit process_handle(int fd = -1) : fd_(fd) {}
  process_handle(process_handle&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  process_handle& operator=(process_handle&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~process_handle() { if (fd_ >= 0) ::close(fd_); }

  /// Invalid if there is no such process.
  [[nodiscard]] static process_handle open(int pid);

  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  /// Readable once the process has ended.
  [[nodiscard]] int fd() const { return fd_; }
  /// Without effect if it has ended.
  void signal(int number) const;

 private:
  int fd_;
};

/// The recorded process, if it is alive.
[[nodiscard]] process_handle open_process(const process_record& record);

}  // namespace flott
