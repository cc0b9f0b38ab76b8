#include "apps/cli/tree_text.hpp"

#include "apps/cli/printable.hpp"
#include "apps/cli/table.hpp"
#include "apps/cli/tree_document.hpp"

#include <sstream>

namespace flott::cli {
namespace {

std::string duration(std::uint64_t milliseconds) { return duration_text(static_cast<long long>(milliseconds)); }

std::string name_of(const tree_actor& actor) {
  const auto slash = actor.path.rfind('/');
  return actor.depth == 0 && slash == 0 ? actor.path.substr(1) : actor.path.substr(slash == std::string::npos ? 0 : slash + 1);
}

std::string line_of(const tree_actor& actor) {
  std::string line = name_of(actor) + (actor.supervisor ? "/  " : "  ") + actor.state;
  if (actor.restart_in_ms)
    line += " in " + std::to_string(*actor.restart_in_ms) + " ms";
  if (actor.restarts > 0)
    line += "  restarts " + std::to_string(actor.restarts);
  if (actor.abandoned > 0)
    line += "  abandoned " + std::to_string(actor.abandoned);
  if (const auto& seen = actor.shown) {
    if (seen->waiting > 0)
      line += "  mailbox " + std::to_string(seen->waiting) +
              (seen->oldest_ms > 0 ? ", oldest " + duration(seen->oldest_ms) : "");
    if (seen->in_handler_ms > 0)
      line += "  in " + (seen->handling.empty() ? "a handler" : seen->handling) + " for " + duration(seen->in_handler_ms);
  }
  if (actor.ledger > 0)
    line += "  holds " + std::to_string(actor.ledger);
  if (actor.unanswered)
    line += "  (did not answer in time)";
  if (!actor.last_failure.empty())
    line += "  last failure: " + actor.last_failure;
  return line;
}

/// Text of no known form, line by line.
std::string as_it_is(std::string_view text) {
  std::string clean;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);)
    clean += printable(line) + "\n";
  return clean;
}

}  // namespace

std::string tree_text(std::string_view text) {
  const auto document = read_tree_document(text);
  if (!document)
    return as_it_is(text);
  std::string outline;
  auto actor = document->actors.begin();
  for (const auto& process : document->processes) {
    if (document->of_cluster)
      outline += process.node + (process.trouble.empty() ? "" : "  unreachable: " + process.trouble) + "\n";
    for (bool first = true; process.trouble.empty() && actor != document->actors.end() && (first || actor->depth > 0); ++actor) {
      outline += std::string(2 * (actor->depth + (document->of_cluster ? 1 : 0)), ' ') + line_of(*actor) + "\n";
      first = false;
    }
  }
  return outline;
}

}  // namespace flott::cli
