#pragma once

#include "messages/common.pb.h"
#include "runtime/config/configuration.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace flott::cli {

/// Who starts nodes, and with what options.
struct node_launcher {
  std::filesystem::path executable;
  std::filesystem::path dir;              ///< the cluster folder
  configuration config;                   ///< the dispatcher's own
  std::string dispatcher_host;
  std::uint16_t dispatcher_rpc_port = 0;  ///< where it really listens
};

/// The command line of another node of the cluster: the launcher's options, except that the node finds the dispatcher
/// where it is, and takes a free metrics port where the configured one is the dispatcher's. Pure.
[[nodiscard]] std::vector<std::string> node_command(const node_launcher& launcher, msg::NodeRole role,
                                                    const std::string& node_id);

}  // namespace flott::cli
