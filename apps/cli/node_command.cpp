#include "apps/cli/node_command.hpp"

#include "runtime/config/options.hpp"
#include "runtime/resources/process_table.hpp"

namespace flott::cli {

std::vector<std::string> node_command(const node_launcher& launcher, msg::NodeRole role, const std::string& node_id) {
  std::vector<std::string> command = {launcher.executable.string(), std::string(role_name(role)), "--dir",
                                      launcher.dir.string(), "--id", node_id};
  const auto define = [&](std::string_view key, const std::string& value) {
    command.emplace_back("-D");
    command.push_back(std::string(key) + "=" + value);
  };
  const auto is_set_here = [](std::string_view key) {
    return key == options::cluster_dir.key || key == options::resource_provider.key ||
           key == options::jobmanager_rpc_address.key || key == options::jobmanager_rpc_port.key ||
           key == options::metrics_port.key;
  };
  for (const auto& [key, value] : launcher.config.entries())
    if (!is_set_here(key))
      define(key, value);
  define(options::jobmanager_rpc_address.key, launcher.dispatcher_host);
  define(options::jobmanager_rpc_port.key, std::to_string(launcher.dispatcher_rpc_port));
  const auto metrics = launcher.config.get(options::metrics_port);
  define(options::metrics_port.key, metrics.low == metrics.high ? "0" : to_text(metrics));
  return command;
}

}  // namespace flott::cli
