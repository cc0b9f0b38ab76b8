#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The commands of `flott`. Each takes what stands behind its name and gives the process's exit code (apps/cli/console.hpp).
namespace flott::cli {

int run_command(const std::vector<std::string>& arguments);
int list_command(const std::vector<std::string>& arguments);
int info_command(const std::vector<std::string>& arguments);
int cancel_command(const std::vector<std::string>& arguments);
int tree_command(const std::vector<std::string>& arguments);
int top_command(const std::vector<std::string>& arguments);
int log_level_command(const std::vector<std::string>& arguments);
int version_command(const std::vector<std::string>& arguments);

int cluster_start_command(const std::vector<std::string>& arguments);
int cluster_stop_command(const std::vector<std::string>& arguments);
int cluster_status_command(const std::vector<std::string>& arguments);

int standalone_command(const std::vector<std::string>& arguments);
int dispatcher_command(const std::vector<std::string>& arguments);
int jobmanager_command(const std::vector<std::string>& arguments);
int taskmanager_command(const std::vector<std::string>& arguments);

struct command {
  std::string_view name;       ///< one word or two
  std::string_view summary;    ///< for the overview
  int (*run)(const std::vector<std::string>& arguments);
};
/// All of them, in the order of the overview.
[[nodiscard]] std::span<const command> commands();

}  // namespace flott::cli
