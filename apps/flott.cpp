// The `flott` executable: finds the command and hands it the rest of the line.

#include "apps/cli/console.hpp"
#include "apps/commands/commands.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <exception>

namespace flott::cli {

std::span<const command> commands() {
  static constexpr std::array all = {
      command{"run", "Runs a job, on a cluster or in this process.", run_command},
      command{"list", "Lists the cluster's jobs.", list_command},
      command{"info", "Shows a job.", info_command},
      command{"cancel", "Cancels a job.", cancel_command},
      command{"tree", "Prints the supervision trees of the cluster's nodes.", tree_command},
      command{"top", "Shows who is busy in them, live.", top_command},
      command{"log-level", "Changes what a part of a process logs.", log_level_command},
      command{"cluster start", "Starts a cluster of processes on this machine.", cluster_start_command},
      command{"cluster status", "Lists the nodes of such a cluster.", cluster_status_command},
      command{"cluster stop", "Stops such a cluster.", cluster_stop_command},
      command{"standalone", "All roles in one process.", standalone_command},
      command{"dispatcher", "A dispatcher, in the foreground.", dispatcher_command},
      command{"jobmanager", "A JobManager node, in the foreground.", jobmanager_command},
      command{"taskmanager", "A TaskManager, in the foreground.", taskmanager_command},
      command{"version", "Prints the version.", version_command},
  };
  return all;
}

namespace {

std::string overview() {
  std::string text = "Usage: flott COMMAND [arguments]\n\nRuns dataflow jobs, and the clusters they run on.\n\nCommands:\n";
  for (const auto& each : commands())
    text += "  " + std::string(each.name) + std::string(16 - each.name.size(), ' ') + std::string(each.summary) + "\n";
  return text + "\nflott COMMAND --help tells more.\n";
}

int main_of(const std::vector<std::string>& words) {
  if (words.empty()) {
    tell(overview());
    return bad_usage;
  }
  if (words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    print(overview());
    return ok;
  }
  if (words[0] == "--version")
    return version_command({});
  const bool two = words[0] == "cluster";
  if (two && words.size() > 1 && (words[1] == "--help" || words[1] == "-h")) {
    print(overview());
    return ok;
  }
  const auto name = two && words.size() > 1 ? words[0] + " " + words[1] : words[0];
  const auto all = commands();
  const auto found = std::find_if(all.begin(), all.end(), [&](const command& each) { return each.name == name; });
  if (found == all.end())
    return misused("", user_failure("\"" + name + "\"", "is not a command of flott"));
  return found->run({words.begin() + (two ? 2 : 1), words.end()});
}

}  // namespace
}  // namespace flott::cli

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);   // a peer or reader that went away is an error of the write, not our end
  try {
    return flott::cli::main_of({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    flott::cli::complain(error.what());
    return flott::cli::refused;
  }
}
