#include "runtime/base/env.hpp"

#include <array>
#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

namespace flott {

namespace {

/// Owns a descriptor.
class descriptor {
 public:
  explicit descriptor(int fd) : fd_(fd) {}
  ~descriptor() { if (fd_ >= 0) ::close(fd_); }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  /// Closes and tells what close said.
  [[nodiscard]] int close_now() { return ::close(std::exchange(fd_, -1)); }

 private:
  int fd_;
};

result<void> sync_folder(const std::filesystem::path& folder) {
  const auto path = folder.empty() ? std::filesystem::path(".") : folder;
  descriptor fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid())
    return system_failure(path.string(), "cannot open the folder", errno);
  // Some file systems cannot sync a folder and say EINVAL; nothing more can be done there.
  if (::fsync(fd.get()) != 0 && errno != EINVAL)
    return system_failure(path.string(), "cannot make the folder durable", errno);
  return {};
}

template <class Wanted>
result<std::vector<std::string>> names_in(const std::filesystem::path& folder, Wanted wanted) {
  std::error_code error;
  std::vector<std::string> names;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    if (auto name = it->path().filename().string(); wanted(name))
      names.push_back(std::move(name));
  if (error)
    return system_failure(folder.string(), "cannot list the folder", error.value());
  std::ranges::sort(names);
  return names;
}

class machine final : public env {
 public:
  time_point now() override { return std::chrono::steady_clock::now(); }

  std::int64_t now_unix_ms() override {
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
  }

  void fill_random(std::span<std::byte> target) override {
    while (!target.empty()) {
      const auto got = ::getrandom(target.data(), target.size(), 0);
      if (got > 0)
        target = target.subspan(static_cast<std::size_t>(got));
      else if (errno != EINTR)
        std::abort();   // a machine without randomness cannot keep secrets: going on would be worse
    }
  }

  result<std::string> read_file(const std::filesystem::path& path) override {
    descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.valid())
      return system_failure(path.string(), "cannot open the file", errno);
    struct stat info{};
    if (::fstat(fd.get(), &info) != 0)
      return system_failure(path.string(), "cannot inspect the file", errno);
    std::string content;
    content.reserve(info.st_size > 0 ? static_cast<std::size_t>(info.st_size) : 0);
    std::array<char, 64 * 1024> buffer;
    for (;;) {
      const auto got = ::read(fd.get(), buffer.data(), buffer.size());
      if (got == 0)
        return content;
      if (got > 0)
        content.append(buffer.data(), static_cast<std::size_t>(got));
      else if (errno != EINTR)
        return system_failure(path.string(), "cannot read the file", errno);
    }
  }

  result<void> write_file(const std::filesystem::path& path, std::string_view content, unsigned mode) override {
    auto temporary = path;
    temporary += "." + std::to_string(next_random()) + std::string(temporary_suffix);
    auto outcome = write_durably(temporary, content, mode);
    if (outcome.ok() && ::rename(temporary.c_str(), path.c_str()) != 0)
      outcome = system_failure(path.string(), "cannot replace the file", errno);
    if (!outcome.ok()) {
      ::unlink(temporary.c_str());
      return outcome;
    }
    return sync_folder(path.parent_path());
  }

  result<void> remove(const std::filesystem::path& path) override {
    if (::remove(path.c_str()) != 0 && errno != ENOENT)
      return system_failure(path.string(), "cannot remove", errno);
    return {};
  }

  result<void> rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0)
      return system_failure(from.string(), "cannot be renamed to " + to.string(), errno);
    FLOTT_TRY(sync_folder(to.parent_path()));
    if (from.parent_path() != to.parent_path())
      FLOTT_TRY(sync_folder(from.parent_path()));
    return {};
  }

  result<void> make_directories(const std::filesystem::path& path) override {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error)
      return system_failure(path.string(), "cannot make the folder", error.value());
    return {};
  }

  result<std::vector<std::string>> list(const std::filesystem::path& folder) override {
    return names_in(folder, [](const std::string& name) { return !name.ends_with(temporary_suffix); });
  }

  result<std::vector<std::string>> unfinished(const std::filesystem::path& folder) override {
    return names_in(folder, [](const std::string& name) { return name.ends_with(temporary_suffix); });
  }

  bool exists(const std::filesystem::path& path) override {
    std::error_code error;
    return std::filesystem::exists(path, error);
  }

 private:
  static result<void> write_durably(const std::filesystem::path& path, std::string_view content, unsigned mode) {
    descriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (!fd.valid())
      return system_failure(path.string(), "cannot create the file", errno);
    while (!content.empty()) {
      const auto put = ::write(fd.get(), content.data(), content.size());
      if (put >= 0)
        content.remove_prefix(static_cast<std::size_t>(put));
      else if (errno != EINTR)
        return system_failure(path.string(), "cannot write the file", errno);
    }
    if (::fsync(fd.get()) != 0)
      return system_failure(path.string(), "cannot make the file durable", errno);
    if (fd.close_now() != 0)
      return system_failure(path.string(), "cannot close the file", errno);
    return {};
  }
};

template <class Id>
Id random_id(env& environment) {
  const auto high = environment.next_random();
  return Id::from_words(high, environment.next_random());
}

}  // namespace

std::uint64_t env::next_random() {
  std::uint64_t word = 0;
  fill_random(std::as_writable_bytes(std::span(&word, 1)));
  return word;
}

env& system_env() {
  static machine instance;
  return instance;
}

incarnation_id new_incarnation(env& environment) { return random_id<incarnation_id>(environment); }
job_id new_job_id(env& environment) { return random_id<job_id>(environment); }
allocation_id new_allocation_id(env& environment) { return random_id<allocation_id>(environment); }

}  // namespace flott
