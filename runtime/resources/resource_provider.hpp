#pragma once

#include "messages/common.pb.h"
#include "runtime/base/result.hpp"
#include "runtime/resources/crash_report.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace flott {

/// A node's process has ended, for whatever reason.
struct node_exited {
  std::string node_id;
  msg::NodeRole role = msg::NODE_ROLE_UNSPECIFIED;
  int pid = 0;
  std::optional<int> exit_code;        ///< unknown for a node that another dispatcher had started
  std::optional<int> signal;           ///< that ended it, from its exit status or its crash report
  std::optional<crash_report> crash;   ///< what it wrote itself
  bool asked_for = false;              ///< `stop_node` or `kill_node` ended it

  /// "ended by SIGKILL", "exited with code 3", "ended".
  [[nodiscard]] std::string how() const;
};

/// A node's process was started, or found running when the provider started.
struct node_started {
  std::string node_id;
  msg::NodeRole role = msg::NODE_ROLE_UNSPECIFIED;
  int pid = 0;
  bool adopted = false;
};

/// Hears what becomes of nodes. Called from the provider's own thread: must be quick and must not call back.
class resource_listener {
 public:
  virtual ~resource_listener() = default;
  virtual void on_started(const node_started& event) = 0;
  /// Once a node.
  virtual void on_exited(const node_exited& event) = 0;
  /// A node could not be started; the provider tries again after a pause.
  virtual void on_start_failed(msg::NodeRole role, const failure& why) = 0;
};

/// Starts and stops the cluster's nodes and keeps as many as are wanted. All members return at once and may be called
/// from any thread.
class resource_provider {
 public:
  virtual ~resource_provider() = default;

  /// Keeps `count` nodes of `role` from now on: starts missing ones, replaces those that end (at once; after growing
  /// pauses when they end again and again). Fewer than before starts no more, but stops none: `stop_node` does.
  virtual void want(msg::NodeRole role, std::uint32_t count) = 0;
  /// Asks a node to end in an orderly way and wants one fewer of its role.
  virtual void stop_node(const std::string& node_id) = 0;
  /// Ends a node that does not answer any more, whatever state it is in (also stopped); it is replaced.
  virtual void kill_node(const std::string& node_id) = 0;
  /// Nodes that run now.
  [[nodiscard]] virtual std::vector<node_started> nodes() const = 0;
};

}  // namespace flott
