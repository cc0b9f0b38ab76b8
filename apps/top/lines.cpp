#include "apps/top/lines.hpp"

#include "apps/cli/printable.hpp"
#include "apps/cli/table.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace flott::cli::top {
namespace {

constexpr std::size_t column_count = 9;
using cells = std::array<std::string, column_count>;
constexpr std::size_t path_column = 0;
const cells names{"ACTOR", "STATE", "MAILBOX", "OLDEST", "MSG/S", "BUSY %", "RESTARTS", "HANDLING", "LAST FAILURE"};
constexpr std::array<bool, column_count> to_the_right{false, false, true, true, true, true, true, false, false};

std::string duration(std::uint64_t milliseconds) { return duration_text(static_cast<long long>(milliseconds)); }

/// "0.4", "12", "1234".
std::string number(const std::optional<double>& x) {
  if (!x)
    return "-";
  char text[64];
  std::snprintf(text, sizeof text, *x < 9.95 ? "%.1f" : "%.0f", *x);
  return text;
}

std::string handling(const std::string& what, std::uint64_t ms) {
  return (what.empty() ? "a handler" : what) + " for " + duration(ms);
}

cells cells_of(const row& x) {
  return {x.where,
          x.state,
          x.waiting ? std::to_string(*x.waiting) : "-",
          x.oldest_ms ? duration(*x.oldest_ms) : "-",
          number(x.handled_per_s),
          number(x.busy_percent),
          std::to_string(x.restarts),
          x.in_handler_ms ? handling(x.handling, *x.in_handler_ms) : x.handling,
          x.last_failure};
}

std::string many(std::size_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string summary(const totals& all) {
  auto text = many(all.supervisors, "supervisor") + ", " + many(all.actors, "actor") + "; " + std::to_string(all.restarting) +
              " restarting, " + std::to_string(all.stopping) + " stopping, " + std::to_string(all.abandoned) + " abandoned";
  if (all.given_up > 0)
    text += " (" + std::to_string(all.given_up) + " given up so far)";
  return text + "; " + number(all.handled_per_s) + " messages/s";
}

std::string line(const cells& content, const std::array<std::size_t, column_count>& widths, std::size_t most) {
  std::string text;
  for (std::size_t c = 0; c < column_count; ++c) {
    const auto shown = c == path_column ? cut_begin(content[c], widths[c]) : content[c];
    const std::string padding(widths[c] - std::min(widths[c], characters(shown)), ' ');
    text += (c == 0 ? "" : "  ") + (to_the_right[c] ? padding + shown : shown + padding);
  }
  text.erase(text.find_last_not_of(' ') + 1);
  return most == 0 ? text : cut_end(text, most);
}

std::vector<std::string> heading_of(const comparison& what, const page& page) {
  std::vector<std::string> heading{page.from + "   by " + std::string(to_string(page.by)), summary(what.all)};
  if (page.keys)
    heading[0] += "   (keys: b m o h r p sort, q quits)";
  for (const auto& each : what.blockers)
    heading.push_back("shutdown blocked by: " + each.where + " (in " + handling(each.handling, each.in_handler_ms) + ")");
  for (const auto& each : what.silent)
    heading.push_back("no answer from " + each);
  heading.insert(heading.end(), page.notes.begin(), page.notes.end());
  if (page.height > 0 && heading.size() > page.height / 2)   // the rows are what it is about
    heading.resize(std::max<std::size_t>(page.height / 2, 2));
  for (auto& each : heading)
    each = page.width == 0 ? printable(each) : cut_end(printable(each), page.width);
  return heading;
}

}  // namespace

page_lines lines_of(const comparison& what, const page& page) {
  page_lines made;
  made.heading = heading_of(what, page);
  auto room = what.rows.size();
  if (page.most_rows > 0)
    room = std::min(room, page.most_rows);
  if (page.height > 0) {                           // the names of the columns take a line as well
    const auto left = page.height - std::min(page.height, made.heading.size() + 1);
    room = std::min(room, what.rows.size() > left ? left - std::min<std::size_t>(left, 1) : left);
  }
  std::vector<cells> table;
  std::array<std::size_t, column_count> widths{};
  for (std::size_t c = 0; c < column_count; ++c)
    widths[c] = characters(names[c]);
  for (std::size_t r = 0; r < room; ++r) {
    table.push_back(cells_of(what.rows[r]));
    for (std::size_t c = 0; c < column_count; ++c)
      widths[c] = std::max(widths[c], characters(table.back()[c]));
  }
  if (page.width > 0)
    widths[path_column] = std::min(widths[path_column], std::max<std::size_t>(page.width * 2 / 5, 12));
  widths.back() = 0;                               // nothing stands behind it
  made.columns = line(names, widths, page.width);
  made.columns.resize(made.columns.size() + page.width - std::min(page.width, characters(made.columns)), ' ');
  for (const auto& each : table)
    made.rows.push_back(line(each, widths, page.width));
  if (room < what.rows.size() && (page.height == 0 || made.heading.size() + 1 + made.rows.size() < page.height))
    made.rows.push_back("... and " + many(what.rows.size() - room, "more row"));
  return made;
}

}  // namespace flott::cli::top
