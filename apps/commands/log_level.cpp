#include "apps/cli/command_line.hpp"
#include "apps/cli/console.hpp"
#include "apps/cli/endpoint.hpp"
#include "apps/commands/commands.hpp"
#include "runtime/base/log.hpp"

namespace flott::cli {

int log_level_command(const std::vector<std::string>& arguments) {
  command_spec spec{.name = "log-level",
                    .arguments = "PATH LEVEL --from HOST:PORT",
                    .prose = "Changes what the supervisor at PATH (as in flott tree) and all below it log, until the process ends:\n"
                             "LEVEL is trace, debug, info, warn, error or off, or default for what the process logs. Only a\n"
                             "process of this machine takes it.",
                    .options = {process_option()},
                    .least_operands = 2,
                    .most_operands = 2};
  const auto line = parse(spec, arguments);
  if (!line.ok())
    return misused(spec.name, line.error());
  if (line->wants_help) {
    print(help(spec));
    return ok;
  }
  const auto &path = line->operands[0], &level = line->operands[1];
  if (!path.starts_with('/'))
    return misused(spec.name, user_failure(path, "is not a path such as /taskmanager; flott tree shows them"));
  if (log::level known{}; level != "default" && !log::parse_level(level, known))
    return misused(spec.name, user_failure(level, "is none of trace, debug, info, warn, error, off, default"));
  if (!line->has("from"))
    return misused(spec.name, user_failure("--from", "is missing: which process?"));
  const auto where = parse_endpoint(line->text("from"), "--from");
  if (!where.ok())
    return misused(spec.name, where.error());
  auto client = connect_to(*where, std::chrono::seconds(10));
  const auto set = client.set_log_level(path, level == "default" ? std::nullopt : std::optional(level));
  if (!set.ok())
    return refusal(set.error());
  tell(path + " of " + where->to_string() + " logs " + (level == "default" ? "as its process does" : level));
  return ok;
}

}  // namespace flott::cli
