#include "apps/cli/command_line.hpp"
#include "apps/cli/console.hpp"
#include "apps/cli/endpoint.hpp"
#include "apps/cli/tree_text.hpp"
#include "apps/commands/commands.hpp"

namespace flott::cli {

int tree_command(const std::vector<std::string>& arguments) {
  command_spec spec{.name = "tree",
                    .arguments = "[options]",
                    .prose = "Prints the supervision trees of all nodes of the cluster, or of one process, as they are now.",
                    .options = cluster_options()};
  spec.options.push_back(process_option());
  spec.options.push_back({.names = "json", .value = "", .prose = "Prints one JSON document."});
  const auto line = parse(spec, arguments);
  if (!line.ok())
    return misused(spec.name, line.error());
  if (line->wants_help) {
    print(help(spec));
    return ok;
  }
  const auto [named, where] = tree_endpoint(*line);
  if (!where.ok())
    return named ? misused(spec.name, where.error()) : refusal(where.error());
  auto client = connect_to(*where, std::chrono::seconds(10));
  const auto tree = client.tree();
  if (!tree.ok())
    return refusal(tree.error());
  print(line->has("json") ? *tree + "\n" : tree_text(*tree));
  return ok;
}

}  // namespace flott::cli
