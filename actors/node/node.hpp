#pragma once

#include "messages/cluster.pb.h"
#include "runtime/base/env.hpp"
#include "runtime/config/configuration.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace flott {

struct node_options {
  configuration config;
  std::string node_id;                              ///< never used again; empty: a new one is made
  std::string log_file;                             ///< shown to people; empty: none
  /// For dispatchers with the process provider: the command line of another node.
  std::function<std::vector<std::string>(const msg::Address& dispatcher, msg::NodeRole, const std::string& node_id)>
    node_command;
};

/// A process of a cluster, up and running. Destroying it stops it, in order and in bounded time.
class node {
 public:
  virtual ~node() = default;
  /// Who it is, and where it listens.
  [[nodiscard]] virtual const msg::RegisterNode& self() const = 0;
  [[nodiscard]] virtual std::string rest_address() const = 0;     ///< "host:port"; empty: serves no REST
  /// The process should end. Any thread; returns at once.
  virtual void request_stop() = 0;
  /// Blocks until it has to end; the failure, when it ends for one.
  virtual result<void> wait() = 0;
};

/// Each starts the role in this process and returns once it is up. Errors name the option, file or address at fault.
/// Call them where a CAF node id is unique to the process (see apps/caf_node_id.hpp).
result<std::unique_ptr<node>> start_dispatcher(node_options options, env& environment);
result<std::unique_ptr<node>> start_job_manager(node_options options, env& environment);
result<std::unique_ptr<node>> start_task_manager(node_options options, env& environment);
/// All roles in one process, with REST.
result<std::unique_ptr<node>> start_standalone(node_options options, env& environment);

}  // namespace flott
