#include "runtime/base/simulated_env.hpp"

#include <cerrno>
#include <cstring>

namespace flott {

namespace {

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
std::uint64_t splitmix(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

std::string key_of(const std::filesystem::path& path) {
  auto text = path.lexically_normal().string();
  while (text.size() > 1 && text.ends_with('/'))
    text.pop_back();
  return text.empty() ? "." : text;
}

std::string parent_of(const std::string& key) {
  const auto parent = std::filesystem::path(key).parent_path().string();
  return parent.empty() ? "." : parent;
}

}  // namespace

simulated_env::simulated_env(std::uint64_t seed, std::int64_t start_unix_ms)
    : random_state_(seed), start_unix_ms_(start_unix_ms), folders_{"/", "."} {}

simulated_env::~simulated_env() = default;

void simulated_env::advance(std::chrono::nanoseconds by) {
  std::lock_guard lock(mutex_);
  elapsed_ += by;
}

void simulated_env::inject(fault_injector faults) {
  std::lock_guard lock(mutex_);
  faults_ = std::move(faults);
}

void simulated_env::fail_writes(std::size_t count) {
  std::lock_guard lock(mutex_);
  failing_writes_ = count;
}

env::time_point simulated_env::now() {
  std::lock_guard lock(mutex_);
  // Well above zero, so that subtracting a time-out does not leave the clock's range.
  return time_point(std::chrono::hours(1000) + elapsed_);
}

std::int64_t simulated_env::now_unix_ms() {
  std::lock_guard lock(mutex_);
  return start_unix_ms_ + std::chrono::duration_cast<std::chrono::milliseconds>(elapsed_).count();
}

void simulated_env::fill_random(std::span<std::byte> target) {
  std::lock_guard lock(mutex_);
  while (!target.empty()) {
    const auto word = splitmix(random_state_);
    const auto n = std::min(sizeof word, target.size());
    std::memcpy(target.data(), &word, n);
    target = target.subspan(n);
  }
}

std::optional<failure> simulated_env::fault(operation what, const std::filesystem::path& path) {
  if (what == operation::write && failing_writes_ > 0) {
    --failing_writes_;
    return system_failure(path.string(), "cannot write the file", ENOSPC);
  }
  return faults_ ? faults_(what, path) : std::nullopt;
}

result<std::string> simulated_env::read_file(const std::filesystem::path& path) {
  std::lock_guard lock(mutex_);
  if (auto f = fault(operation::read, path))
    return std::move(*f);
  const auto found = files_.find(key_of(path));
  if (found == files_.end())
    return system_failure(path.string(), "cannot open the file", folders_.contains(key_of(path)) ? EISDIR : ENOENT);
  return found->second;
}

result<void> simulated_env::write_file(const std::filesystem::path& path, std::string_view content, unsigned) {
  std::lock_guard lock(mutex_);
  if (auto f = fault(operation::write, path))
    return std::move(*f);
  const auto key = key_of(path);
  if (!folders_.contains(parent_of(key)))
    return system_failure(path.string(), "cannot create the file", ENOENT);
  if (folders_.contains(key))
    return system_failure(path.string(), "cannot replace the file", EISDIR);
  files_[key] = std::string(content);
  return {};
}

result<void> simulated_env::remove(const std::filesystem::path& path) {
  std::lock_guard lock(mutex_);
  if (auto f = fault(operation::remove, path))
    return std::move(*f);
  const auto key = key_of(path);
  if (folders_.contains(key)) {
    const auto inside = [&](const std::string& other) { return other != key && parent_of(other) == key; };
    for (const auto& [name, content] : files_)
      if (inside(name)) return system_failure(path.string(), "cannot remove", ENOTEMPTY);
    for (const auto& name : folders_)
      if (inside(name)) return system_failure(path.string(), "cannot remove", ENOTEMPTY);
    folders_.erase(key);
  }
  files_.erase(key);
  return {};
}

result<void> simulated_env::rename(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::lock_guard lock(mutex_);
  if (auto f = fault(operation::rename, from))
    return std::move(*f);
  const auto source = key_of(from), target = key_of(to);
  if (!folders_.contains(parent_of(target)))
    return system_failure(from.string(), "cannot be renamed to " + to.string(), ENOENT);
  if (auto found = files_.find(source); found != files_.end()) {
    if (folders_.contains(target))
      return system_failure(from.string(), "cannot be renamed to " + to.string(), EISDIR);
    auto content = std::move(found->second);
    files_.erase(found);
    files_[target] = std::move(content);
    return {};
  }
  if (!folders_.contains(source))
    return system_failure(from.string(), "cannot be renamed to " + to.string(), ENOENT);
  // A folder takes all below it along.
  const auto below = source + "/";
  std::map<std::string, std::string> files;
  for (auto& [name, content] : files_)
    files.emplace(name.starts_with(below) ? target + name.substr(source.size()) : name, std::move(content));
  std::set<std::string> folders;
  for (const auto& name : folders_)
    folders.insert(name == source || name.starts_with(below) ? target + name.substr(source.size()) : name);
  files_ = std::move(files);
  folders_ = std::move(folders);
  return {};
}

result<void> simulated_env::make_directories(const std::filesystem::path& path) {
  std::lock_guard lock(mutex_);
  if (auto f = fault(operation::make_directories, path))
    return std::move(*f);
  auto key = key_of(path);
  std::vector<std::string> missing;
  for (; !folders_.contains(key); key = parent_of(key)) {
    if (files_.contains(key))
      return system_failure(path.string(), "cannot make the folder", ENOTDIR);
    missing.push_back(key);
  }
  folders_.insert(missing.begin(), missing.end());
  return {};
}

result<std::vector<std::string>> simulated_env::list(const std::filesystem::path& folder) {
  std::lock_guard lock(mutex_);
  if (auto f = fault(operation::list, folder))
    return std::move(*f);
  const auto key = key_of(folder);
  if (!folders_.contains(key))
    return system_failure(folder.string(), "cannot list the folder", ENOENT);
  std::set<std::string> names;
  for (const auto& [name, content] : files_)
    if (parent_of(name) == key) names.insert(std::filesystem::path(name).filename().string());
  for (const auto& name : folders_)
    if (name != key && parent_of(name) == key) names.insert(std::filesystem::path(name).filename().string());
  return std::vector<std::string>(names.begin(), names.end());
}

result<std::vector<std::string>> simulated_env::unfinished(const std::filesystem::path& folder) {
  std::lock_guard lock(mutex_);
  if (auto f = fault(operation::list, folder))
    return std::move(*f);
  return std::vector<std::string>{};                  // here files are replaced without a temporary one
}

bool simulated_env::exists(const std::filesystem::path& path) {
  std::lock_guard lock(mutex_);
  const auto key = key_of(path);
  return files_.contains(key) || folders_.contains(key);
}

}  // namespace flott
