#pragma once

#include "runtime/base/ids.hpp"
#include "runtime/base/result.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flott {

/// What the names of `write_file`'s temporary files end in. Only a process that was killed leaves one behind.
inline constexpr std::string_view temporary_suffix = ".flott-tmp";

/// What a process needs of the machine it runs on, so that a simulation can give it another one: clocks, randomness
/// and small files (records, job store, configuration; never the data path). Processes are in runtime/resources.
///
/// All members may be called from any thread. Errors of the operating system come as `system_failure`, `where` being
/// the path.
class env {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  virtual ~env() = default;

  // --- clocks ---
  /// Never goes back; for time-outs and intervals.
  [[nodiscard]] virtual time_point now() = 0;
  /// Wall clock, for people and for other machines only.
  [[nodiscard]] virtual std::int64_t now_unix_ms() = 0;

  // --- randomness ---
  /// Fit for secrets in the real environment, a function of the seed in the simulated one.
  virtual void fill_random(std::span<std::byte> target) = 0;
  [[nodiscard]] std::uint64_t next_random();

  // --- files ---
  [[nodiscard]] virtual result<std::string> read_file(const std::filesystem::path& path) = 0;
  /// Replaces `path` by `content`, whole or not at all, also over a power cut: a temporary file beside it, fsync,
  /// rename, fsync of the folder. The folder must exist. `mode` are the new file's permissions.
  virtual result<void> write_file(const std::filesystem::path& path, std::string_view content,
                                  unsigned mode = 0644) = 0;
  /// Removes a file or an empty folder; one that is not there counts as removed.
  virtual result<void> remove(const std::filesystem::path& path) = 0;
  /// Replaces `to` if it is there; durable on return.
  virtual result<void> rename(const std::filesystem::path& from, const std::filesystem::path& to) = 0;
  /// With all parents; one that is there already is fine.
  virtual result<void> make_directories(const std::filesystem::path& path) = 0;
  /// The names (not paths) in a folder, sorted, without temporary files of `write_file`.
  [[nodiscard]] virtual result<std::vector<std::string>> list(const std::filesystem::path& folder) = 0;
  /// The temporary files of `write_file` that are in a folder: nobody's any more once their writers have died.
  [[nodiscard]] virtual result<std::vector<std::string>> unfinished(const std::filesystem::path& folder) = 0;
  [[nodiscard]] virtual bool exists(const std::filesystem::path& path) = 0;
};

/// The machine itself.
[[nodiscard]] env& system_env();

[[nodiscard]] incarnation_id new_incarnation(env& environment);
[[nodiscard]] job_id new_job_id(env& environment);
[[nodiscard]] allocation_id new_allocation_id(env& environment);

}  // namespace flott
