#pragma once

#include "runtime/base/env.hpp"
#include "runtime/base/result.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flott {

/// One living node, as DIR/cluster.json tells it. Endpoints are "host:port"; a role that has none of a kind has nullopt,
/// which is written as null.
struct cluster_node {
  std::string role;                       ///< "dispatcher", "jobmanager", "taskmanager"
  std::string id;                         ///< never used again
  int pid = 0;
  std::optional<std::string> rest, rpc, data, metrics;
  std::string log;

  bool operator==(const cluster_node&) const = default;
};

/// A JSON array with one object, on one line, a node; in the order given.
[[nodiscard]] std::string to_json(const std::vector<cluster_node>& nodes);
/// Errors name `name` and what is wrong: no array, a node without role, id, pid or log, an endpoint that is missing
/// instead of null, a text where a number belongs. Members that are not known are read over.
[[nodiscard]] result<std::vector<cluster_node>> parse_cluster(std::string_view text, std::string_view name);

/// DIR/cluster.json.
[[nodiscard]] std::filesystem::path cluster_file(const std::filesystem::path& dir);
/// Replaces DIR/cluster.json atomically: a reader sees the nodes before or the nodes after.
result<void> write_cluster_file(const std::filesystem::path& dir, const std::vector<cluster_node>& nodes,
                                env& environment);
/// No file is no node.
[[nodiscard]] result<std::vector<cluster_node>> read_cluster_file(const std::filesystem::path& dir, env& environment);

}  // namespace flott
