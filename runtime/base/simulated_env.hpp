#pragma once

#include "runtime/base/env.hpp"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>

namespace flott {

/// A machine made of memory: a virtual clock that moves only when told, randomness from a seed, files that can be
/// made to fail. The same seed and the same calls give the same answers.
class simulated_env final : public env {
 public:
  /// A file operation about to happen; what it answers instead of doing it, or nullopt to let it happen.
  enum class operation { read, write, remove, rename, make_directories, list };
  using fault_injector = std::function<std::optional<failure>(operation, const std::filesystem::path&)>;

  explicit simulated_env(std::uint64_t seed, std::int64_t start_unix_ms = 1'700'000'000'000);
  ~simulated_env() override;

  /// Moves both clocks.
  void advance(std::chrono::nanoseconds by);
  /// Asked before every file operation; an empty function ends the faults.
  void inject(fault_injector faults);
  /// The next `count` writes fail as a full disk does; nothing of them becomes visible.
  void fail_writes(std::size_t count);

  time_point now() override;
  std::int64_t now_unix_ms() override;
  void fill_random(std::span<std::byte> target) override;
  result<std::string> read_file(const std::filesystem::path& path) override;
  result<void> write_file(const std::filesystem::path& path, std::string_view content,
                          unsigned mode = 0644) override;
  result<void> remove(const std::filesystem::path& path) override;
  result<void> rename(const std::filesystem::path& from, const std::filesystem::path& to) override;
  result<void> make_directories(const std::filesystem::path& path) override;
  result<std::vector<std::string>> list(const std::filesystem::path& folder) override;
  result<std::vector<std::string>> unfinished(const std::filesystem::path& folder) override;
  bool exists(const std::filesystem::path& path) override;

 private:
  std::optional<failure> fault(operation what, const std::filesystem::path& path);

  std::mutex mutex_;
  std::uint64_t random_state_;
  std::chrono::nanoseconds elapsed_{0};
  std::int64_t start_unix_ms_;
  std::map<std::string, std::string> files_;   ///< by normal path
  std::set<std::string> folders_;              ///< by normal path; "/" and "." always exist
  fault_injector faults_;
  std::size_t failing_writes_ = 0;
};

}  // namespace flott
