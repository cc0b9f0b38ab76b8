#include "apps/cli/command_line.hpp"
#include "apps/cli/console.hpp"
#include "apps/commands/commands.hpp"

namespace flott::cli {

int version_command(const std::vector<std::string>& arguments) {
  const command_spec spec{.name = "version",
                          .arguments = "[--json]",
                          .prose = "Prints the version of this build.",
                          .options = {{.names = "json", .value = "", .prose = "Prints one JSON document."}}};
  const auto line = parse(spec, arguments);
  if (!line.ok())
    return misused("version", line.error());
  if (line->wants_help)
    print(help(spec));
  else if (line->has("json"))
    print("{\"version\":\"" FLOTT_VERSION "\",\"compiler\":" + json_text("g++ " __VERSION__) + "}\n");
  else
    print("flott " FLOTT_VERSION "\n");
  return ok;
}

}  // namespace flott::cli
