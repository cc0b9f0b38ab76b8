#pragma once

#include "messages/common.pb.h"
#include "runtime/base/env.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace flott {

/// One process of a cluster folder, as kept in DIR/run/<node id>.json. Pid, start time and boot name it for ever: a
/// pid that was given to somebody else has another start time.
struct process_record {
  std::string node_id;
  msg::NodeRole role = msg::NODE_ROLE_UNSPECIFIED;
  int pid = 0;
  std::uint64_t start_ticks = 0;       ///< field 22 of /proc/PID/stat
  std::string boot_id;
  std::string log;
  std::vector<std::string> arguments;

  bool operator==(const process_record&) const = default;
};

[[nodiscard]] std::string to_json(const process_record& record);
[[nodiscard]] result<process_record> parse_process_record(std::string_view text, std::string_view name);

struct process_start {
  std::string node_id;
  msg::NodeRole role = msg::NODE_ROLE_UNSPECIFIED;
  std::vector<std::string> arguments;      ///< arguments[0] is the executable's path
  std::filesystem::path run_dir;           ///< where the record goes
  std::filesystem::path log;               ///< standard output and error are appended to it
};

/// Starts a process of its own session that outlives this one and shares no descriptor with it. It is recorded before
/// it executes anything: if that fails, or the caller dies in between, there is no process. The caller must reap it
/// (its parent is this process). Safe in a threaded process. Errors name the file that cannot be executed or written.
[[nodiscard]] result<process_record> start_process(const process_start& what, env& environment);

/// Writes the calling process's own record, for one started by hand.
[[nodiscard]] result<process_record> record_this_process(std::string node_id, msg::NodeRole role,
                                                         const std::filesystem::path& run_dir, std::string log,
                                                         env& environment);

/// "taskmanager-3f2a91bc04de": role and 48 random bits; never used again.
[[nodiscard]] std::string new_node_id(msg::NodeRole role, env& environment);
/// "dispatcher", "jobmanager", "taskmanager".
[[nodiscard]] std::string_view role_name(msg::NodeRole role);
[[nodiscard]] msg::NodeRole parse_role(std::string_view name);

[[nodiscard]] std::filesystem::path record_path(const std::filesystem::path& run_dir, std::string_view node_id);
/// The folder of the modules that a process has fetched.
[[nodiscard]] std::filesystem::path module_cache_path(const std::filesystem::path& run_dir, std::string_view node_id);
inline constexpr std::string_view module_cache_prefix = "modules-";
[[nodiscard]] std::filesystem::path crash_path(const std::filesystem::path& run_dir, std::string_view node_id);

/// All readable records of a folder, by node id; a missing folder has none. Files that are no records are reported
/// through `broken` and left out.
[[nodiscard]] std::vector<process_record> recorded_processes(const std::filesystem::path& run_dir,
                                                             std::vector<failure>* broken = nullptr);

/// Whether exactly this process runs (or is stopped); a zombie has ended.
[[nodiscard]] bool is_alive(const process_record& record);

/// Ends every recorded process of a cluster folder, whatever state it is in: dispatchers first, so that they start
/// nothing again; each is asked (SIGTERM, and SIGCONT if it is stopped), after `grace` it is killed. Comes back when
/// all are gone and removes the folder as `remove_run_folder` does. Error: a process that is still there at `deadline`, by
/// name.
[[nodiscard]] result<void> stop_processes(const std::filesystem::path& run_dir, std::chrono::milliseconds grace,
                                          std::chrono::steady_clock::time_point deadline);

/// Removes the records of ended processes, their crash reports, the modules they had fetched, unfinished writes, and then
/// the folder; one that is not there is fine. Errors: a recorded process lives; files of somebody else are in it, which are left alone.
[[nodiscard]] result<void> remove_run_folder(const std::filesystem::path& run_dir);

}  // namespace flott
