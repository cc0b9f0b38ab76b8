#pragma once

#include "runtime/resources/process_table.hpp"
#include "runtime/resources/resource_provider.hpp"

#include <memory>

namespace flott {

struct process_provider_config {
  std::filesystem::path run_dir;          ///< records and crash reports
  std::filesystem::path log_dir;          ///< <node id>.log
  /// The command line of a new node; element 0 is the executable. Called from the provider's thread.
  std::function<std::vector<std::string>(msg::NodeRole role, const std::string& node_id)> command;
  std::chrono::milliseconds first_pause{100};    ///< before the second replacement in a row; doubles
  std::chrono::milliseconds longest_pause{10'000};
  std::chrono::milliseconds stable_after{10'000};   ///< a node that lived this long ends the row
  std::chrono::milliseconds stop_grace{15'000};     ///< between asking a node to stop and killing it
};

/// Nodes as processes of this machine. Watches them by pidfd in one thread of its own, also those that an earlier
/// dispatcher started (from their records). Destroying it leaves the nodes running.
///
/// Errors of `start`: the folders cannot be made. `listener` and `environment` must outlive the provider.
[[nodiscard]] result<std::unique_ptr<resource_provider>> start_process_provider(process_provider_config config,
                                                                                resource_listener& listener,
                                                                                env& environment);

}  // namespace flott
