#include "apps/cli/command_line.hpp"
#include "apps/cli/console.hpp"
#include "apps/cli/endpoint.hpp"
#include "apps/commands/commands.hpp"
#include "apps/top/session.hpp"

#include <charconv>
#include <cmath>

namespace flott::cli {
namespace {

result<std::chrono::milliseconds> interval_of(const parsed_command& line) {
  if (!line.has("interval"))
    return std::chrono::milliseconds(1000);
  const auto given = line.text("interval");
  double seconds = 0;
  const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), seconds, std::chars_format::fixed);
  if (error != std::errc() || end != given.data() + given.size() || !(seconds >= 0.1 && seconds <= 3600))
    return user_failure("--interval", "\"" + given + "\" is not a number of seconds from 0.1 to 3600");
  return std::chrono::milliseconds(std::llround(seconds * 1000));
}

result<top::options> options_of(const parsed_command& line) {
  top::options chosen;
  FLOTT_ASSIGN(chosen.interval, interval_of(line));
  FLOTT_ASSIGN(chosen.most_rows, line.number("rows", 0, 1, 1'000'000));
  const auto by = top::parse_order(line.text("sort", "busy"));
  if (!by)
    return user_failure("--sort", "\"" + line.text("sort") + "\" is none of busy, mailbox, oldest, handled, restarts, path");
  chosen.by = *by;
  chosen.once = line.has("once");
  return chosen;
}

}  // namespace

int top_command(const std::vector<std::string>& arguments) {
  command_spec spec{.name = "top",
                    .arguments = "[options]",
                    .prose = "Shows every actor of the supervision trees of a cluster, or of one process, again and again: its\n"
                             "state, its mailbox, messages a second and busy time since the look before, what it is handling,\n"
                             "and who holds up a shutdown. On a terminal the keys b m o h r p sort, and q ends; elsewhere it\n"
                             "prints tables.",
                    .options = cluster_options()};
  spec.options.push_back(process_option());
  spec.options.push_back({.names = "interval", .value = "SECONDS", .prose = "Between looks: 0.1 to 3600. Default: 1."});
  spec.options.push_back({.names = "sort", .value = "ORDER",
                          .prose = "busy (default), mailbox, oldest, handled, restarts, or path: as in the tree."});
  spec.options.push_back({.names = "rows", .value = "N", .prose = "Shows N actors at most."});
  spec.options.push_back({.names = "once", .value = "", .prose = "Looks twice, an interval apart, prints one table and ends."});
  const auto line = parse(spec, arguments);
  if (!line.ok())
    return misused(spec.name, line.error());
  if (line->wants_help) {
    print(help(spec));
    return ok;
  }
  auto chosen = options_of(*line);
  if (!chosen.ok())
    return misused(spec.name, chosen.error());
  auto [named, where] = tree_endpoint(*line);
  if (!where.ok())
    return named ? misused(spec.name, where.error()) : refusal(where.error());
  chosen->from = std::move(where).value();
  return top::run(*chosen);
}

}  // namespace flott::cli
