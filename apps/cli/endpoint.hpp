#pragma once

#include "apps/cli/command_line.hpp"
#include "client/rest_client.hpp"
#include "runtime/base/result.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace flott::cli {

struct endpoint {
  std::string host;
  std::uint16_t port = 0;
  [[nodiscard]] std::string to_string() const;
};

/// "host:port", "[::1]:8081", "http://host:port/"; a missing port is 8081. The failure says what is wrong with it, and names
/// the option that it was given with.
[[nodiscard]] result<endpoint> parse_endpoint(std::string_view text, std::string_view option = "-m");

/// The cluster folder that commands use where --dir says nothing: FLOTT_DIR, else ~/.flott.
[[nodiscard]] std::filesystem::path default_cluster_dir();

/// -m and --dir, as every command that talks to a cluster takes them.
[[nodiscard]] std::vector<option_spec> cluster_options();
/// Where those options say the cluster is: -m; else the REST endpoint in the cluster folder's cluster.json; else, where
/// no --dir is given, 127.0.0.1:8081.
[[nodiscard]] result<endpoint> cluster_endpoint(const parsed_command& command);

/// --from, as commands that look at supervision trees take it besides those, and where the tree is then. The failure may
/// be of the command line (domain user, where `named` is set) or of the cluster folder.
[[nodiscard]] option_spec process_option();
struct tree_source {
  bool named = false;                    ///< by the command line itself
  result<endpoint> where;
};
[[nodiscard]] tree_source tree_endpoint(const parsed_command& command);

[[nodiscard]] rest_client connect_to(const endpoint& where,
                                     std::chrono::milliseconds timeout = std::chrono::seconds(60));

}  // namespace flott::cli
