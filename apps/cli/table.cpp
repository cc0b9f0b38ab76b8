#include "apps/cli/table.hpp"

#include "apps/cli/printable.hpp"
#include "client/json_slices.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <string_view>

namespace flott::cli {
namespace {

namespace json = boost::json;

bool is_number(std::string_view text) {
  if (text.empty())
    return true;   // a missing value speaks neither for nor against
  const auto digits = text.starts_with('-') ? text.substr(1) : text;
  return !digits.empty() && std::isdigit(static_cast<unsigned char>(digits[0])) != 0 &&
         digits.find_first_not_of("0123456789.eE+-") == std::string_view::npos;
}

/// A value as people read it; numbers as they were sent.
std::string cell(std::string_view value) {
  if (value == "null")
    return "";
  if (!value.starts_with('"'))
    return std::string(value);
  boost::system::error_code error;
  const auto text = json::parse(value, error);
  return !error && text.is_string() ? std::string(text.get_string()) : std::string(value);
}

struct sink_rows {
  std::string sink;
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;

  std::size_t column(std::string_view name) {
    const auto found = std::find(header.begin(), header.end(), name);
    if (found != header.end())
      return static_cast<std::size_t>(found - header.begin());
    header.emplace_back(name);
    return header.size() - 1;
  }
};

}  // namespace

std::string table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows,
                  std::size_t most_rows) {
  const auto shown = std::min(rows.size(), most_rows);
  std::vector<std::size_t> widths;
  std::vector<bool> numeric(header.size(), true);
  for (const auto& name : header)
    widths.push_back(characters(name));
  for (std::size_t r = 0; r < shown; ++r)
    for (std::size_t c = 0; c < std::min(rows[r].size(), header.size()); ++c) {
      widths[c] = std::max(widths[c], characters(rows[r][c]));
      numeric[c] = numeric[c] && is_number(rows[r][c]);
    }
  std::string text;
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string row;
    for (std::size_t c = 0; c < header.size(); ++c) {
      const auto content = printable(c < cells.size() ? cells[c] : "");
      const std::string padding(widths[c] - std::min(widths[c], characters(content)), ' ');
      row += (c == 0 ? "" : "  ") + (numeric[c] ? padding + content : content + padding);
    }
    row.erase(row.find_last_not_of(' ') + 1);
    text += row + "\n";
  };
  line(header);
  std::vector<std::string> rule;
  for (const auto w : widths)
    rule.emplace_back(w, '-');
  line(rule);
  for (std::size_t r = 0; r < shown; ++r)
    line(rows[r]);
  if (shown < rows.size())
    text += "... and " + std::to_string(rows.size() - shown) + " more rows\n";
  return text;
}

std::string result_tables(const std::vector<std::string>& rows, const std::vector<std::string>& columns,
                          std::size_t most_rows) {
  std::vector<sink_rows> sinks;
  for (const auto& row : rows) {
    boost::system::error_code error;
    const auto value = json::parse(row, error);
    std::vector<std::pair<std::string, std::string>> members;     // name and cell
    if (!error && value.is_object())
      for (const auto& [name, written] : json_slices::members(row))
        members.emplace_back(cell("\"" + std::string(name) + "\""), cell(written));
    else
      members.emplace_back("value", row);
    std::string sink;
    if (const auto named = std::find_if(members.begin(), members.end(), [](auto& m) { return m.first == "_sink"; });
        named != members.end())
      sink = named->second;
    auto place = std::find_if(sinks.begin(), sinks.end(), [&](const sink_rows& s) { return s.sink == sink; });
    if (place == sinks.end()) {
      sinks.push_back({.sink = sink, .header = columns, .rows = {}});
      place = sinks.end() - 1;
    }
    std::vector<std::string> cells;
    for (auto& [name, shown] : members) {
      if (name == "_sink")
        continue;
      const auto at = place->column(name);
      cells.resize(std::max(cells.size(), at + 1));
      cells[at] = std::move(shown);
    }
    place->rows.push_back(std::move(cells));
  }
  std::string text;
  for (const auto& sink : sinks) {
    if (!text.empty())
      text += "\n";
    if (!sink.sink.empty())
      text += sink.sink + "\n\n";
    text += table(sink.header, sink.rows, most_rows);
  }
  return text;
}

std::string duration_text(long long milliseconds) {
  if (milliseconds < 1000)
    return std::to_string(std::max(milliseconds, 0LL)) + " ms";
  if (milliseconds < 60'000) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f s", static_cast<double>(milliseconds) / 1000.0);
    return text;
  }
  const auto seconds = milliseconds / 1000;
  if (seconds < 3600)
    return std::to_string(seconds / 60) + " min " + std::to_string(seconds % 60) + " s";
  return std::to_string(seconds / 3600) + " h " + std::to_string(seconds / 60 % 60) + " min";
}

}  // namespace flott::cli
