#include "apps/cli/endpoint.hpp"

#include "runtime/base/env.hpp"
#include "runtime/resources/cluster_file.hpp"

#include <charconv>
#include <cstdlib>

namespace flott::cli {
namespace {

constexpr std::uint16_t default_port = 8081;

}  // namespace

std::string endpoint::to_string() const {
  const bool bare_v6 = host.find(':') != std::string::npos;
  return (bare_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

result<endpoint> parse_endpoint(std::string_view text, std::string_view option) {
  const auto wrong = [given = std::string(option) + " " + std::string(text)](std::string_view why) {
    return user_failure(given, "is not of the form HOST:PORT: " + std::string(why));
  };
  if (text.starts_with("https://"))
    return wrong("TLS is not part of this version");
  if (text.starts_with("http://"))
    text.remove_prefix(7);
  while (text.ends_with('/'))
    text.remove_suffix(1);
  endpoint where{.host = std::string(text), .port = default_port};
  std::string_view port;
  if (text.starts_with('[')) {
    const auto bracket = text.find(']');
    if (bracket == std::string_view::npos)
      return wrong("a ] is missing");
    where.host = std::string(text.substr(1, bracket - 1));
    port = text.substr(bracket + 1);
    if (!port.empty() && port[0] != ':')
      return wrong("a : is missing after the ]");
  } else if (const auto colon = text.rfind(':'); colon != std::string_view::npos) {
    where.host = std::string(text.substr(0, colon));
    port = text.substr(colon);
  }
  if (!port.empty()) {
    port.remove_prefix(1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), where.port);
    if (error != std::errc() || end != port.data() + port.size() || where.port == 0)
      return wrong("the port is not a number from 1 to 65535");
  }
  if (where.host.empty() || where.host.find_first_of(" /?#@") != std::string::npos)
    return wrong("the host is not a name or an address");
  return where;
}

std::filesystem::path default_cluster_dir() {
  if (const char* dir = std::getenv("FLOTT_DIR"); dir != nullptr && *dir != '\0')
    return dir;
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0')
    return std::filesystem::path(home) / ".flott";
  return ".flott";
}

std::vector<option_spec> cluster_options() {
  return {
      {.names = "jobmanager,m", .value = "HOST:PORT",
       .prose = "The cluster's REST endpoint. Default: the cluster in --dir, else 127.0.0.1:8081."},
      {.names = "dir", .value = "DIR", .prose = "The folder of a cluster of this machine. Default: $FLOTT_DIR, or ~/.flott."},
  };
}

result<endpoint> cluster_endpoint(const parsed_command& command) {
  if (command.has("jobmanager"))
    return parse_endpoint(command.text("jobmanager"));
  const std::filesystem::path dir = command.text("dir", default_cluster_dir().string());
  FLOTT_ASSIGN(const auto nodes, read_cluster_file(dir, system_env()));
  for (const auto& node : nodes)
    if (node.rest)
      return parse_endpoint(*node.rest);
  if (command.has("dir"))
    return user_failure(dir.string(), "no cluster runs in this folder");
  return endpoint{.host = "127.0.0.1", .port = default_port};
}

option_spec process_option() {
  return {.names = "from", .value = "HOST:PORT", .prose = "Asks one process, at its metrics port."};
}

tree_source tree_endpoint(const parsed_command& command) {
  if (!command.has("from"))
    return {command.has("jobmanager"), cluster_endpoint(command)};
  if (command.has("jobmanager") || command.has("dir"))
    return {true, user_failure("--from", "goes with neither -m nor --dir")};
  return {true, parse_endpoint(command.text("from"), "--from")};
}

rest_client connect_to(const endpoint& where, std::chrono::milliseconds timeout) {
  http::client_config config;
  config.host = where.host;
  config.port = where.port;
  config.total_timeout = timeout;
  return rest_client(config);
}

}  // namespace flott::cli
