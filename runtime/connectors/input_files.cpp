#include "runtime/connectors/input_files.hpp"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

namespace flott {
namespace {

constexpr std::uint64_t mib = 1ULL << 20;

class descriptor {
 public:
  explicit descriptor(int fd) : fd_(fd) {}
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() { if (fd_ >= 0) ::close(fd_); }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

/// Opens the file to be sure that it can be read: permissions are the kernel's to judge.
result<input_file> look_at(const std::string& path) {
  const descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0)
    return system_failure(path, errno == ENOENT ? "there is no such file" : "the file cannot be opened", errno);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0)
    return system_failure(path, "the file cannot be examined", errno);
  if (S_ISDIR(status.st_mode))
    return user_failure(path, "is a folder, and a file is needed; name its files, for example " + path + "/*");
  if (!S_ISREG(status.st_mode))
    return user_failure(path, "is not a regular file, and only these can be read in splits");
  return input_file{path, static_cast<std::uint64_t>(status.st_size)};
}

/// What kept glob() from looking into a folder; glob's callback has no argument to carry it.
thread_local std::optional<failure> unreadable_folder;

int on_glob_error(const char* path, int error) {
  if (error == ENOENT || error == ENOTDIR)
    return 0;
  unreadable_folder = system_failure(path, "the folder cannot be searched", error);
  return 1;
}

}  // namespace

result<std::vector<input_file>> list_input_files(const std::string& pattern) {
  if (pattern.empty())
    return user_failure("input", "no file is named");
  struct stat status {};
  if (pattern.find_first_of("*?[") == std::string::npos || ::stat(pattern.c_str(), &status) == 0) {
    FLOTT_ASSIGN(auto file, look_at(pattern));
    return std::vector<input_file>{std::move(file)};
  }
  glob_t found{};
  unreadable_folder.reset();
  const int outcome = ::glob(pattern.c_str(), GLOB_NOSORT, on_glob_error, &found);
  const std::unique_ptr<glob_t, void (*)(glob_t*)> released(&found, ::globfree);
  if (outcome == GLOB_NOMATCH)
    return user_failure(pattern, "no file matches");
  if (outcome == GLOB_ABORTED && unreadable_folder)
    return *unreadable_folder;
  if (outcome != 0)
    return transient_failure(pattern, "the pattern cannot be expanded");
  std::vector<std::string> paths(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  std::ranges::sort(paths);
  std::vector<input_file> files;
  files.reserve(paths.size());
  for (const std::string& path : paths) {
    FLOTT_ASSIGN(auto file, look_at(path));
    files.push_back(std::move(file));
  }
  return files;
}

std::vector<file_split> plan_splits(std::span<const input_file> files, std::uint64_t split_bytes) {
  std::vector<file_split> splits;
  for (const input_file& file : files)
    for (std::uint64_t begin = 0; begin < file.size;) {
      const std::uint64_t end = begin + std::min(split_bytes, file.size - begin);
      splits.push_back({file.path, begin, end, file.size});
      begin = end;
    }
  return splits;
}

std::uint64_t default_split_bytes(std::uint64_t total_bytes) {
  return std::clamp<std::uint64_t>(total_bytes / 64, mib, 32 * mib);
}

std::uint64_t line_number_at(const std::string& path, std::uint64_t offset) {
  const descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0)
    return 0;
  std::vector<char> buffer(256 * 1024);
  std::uint64_t line = 1;
  for (std::uint64_t at = 0; at < offset;) {
    const ssize_t n = ::pread(fd.get(), buffer.data(), std::min<std::uint64_t>(buffer.size(), offset - at),
                              static_cast<off_t>(at));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return 0;
    line += static_cast<std::uint64_t>(std::count(buffer.begin(), buffer.begin() + n, '\n'));
    at += static_cast<std::uint64_t>(n);
  }
  return line;
}

}  // namespace flott
