#include "client/json_slices.hpp"

#include <algorithm>

namespace flott::json_slices {
namespace {

constexpr std::string_view blanks = " \t\r\n";

std::size_t skip_blanks(std::string_view text, std::size_t at) {
  return std::min(text.find_first_not_of(blanks, at), text.size());
}

/// Behind the string whose opening quote is at `at`.
std::size_t skip_string(std::string_view text, std::size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at)
    if (text[at] == '\\')
      ++at;
  return std::min(at + 1, text.size());
}

/// Behind the value that begins at `at`.
std::size_t skip_value(std::string_view text, std::size_t at) {
  std::size_t depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = skip_string(text, at);
    } else if (c == '[' || c == '{') {
      ++depth;
      ++at;
    } else if (c == ']' || c == '}') {
      if (depth == 0)
        return at;                         // of what is around
      --depth;
      ++at;
    } else if (depth == 0 && (c == ',' || blanks.find(c) != blanks.npos)) {
      return at;
    } else {
      ++at;
      continue;                            // inside a number or a word, or between values
    }
    if (depth == 0)
      return at;
  }
  return at;
}

}  // namespace

std::vector<std::pair<std::string_view, std::string_view>> members(std::string_view text) {
  std::vector<std::pair<std::string_view, std::string_view>> all;
  std::size_t at = skip_blanks(text, 0);
  if (at == text.size() || text[at] != '{')
    return all;
  for (at = skip_blanks(text, at + 1); at < text.size() && text[at] == '"';) {
    const auto name_end = skip_string(text, at);
    const auto name = text.substr(at + 1, name_end - std::min(name_end, at + 2));
    at = skip_blanks(text, name_end);      // the colon
    at = skip_blanks(text, at + 1);
    const auto value_end = skip_value(text, at);
    all.emplace_back(name, text.substr(std::min(at, text.size()), value_end - std::min(at, value_end)));
    at = skip_blanks(text, value_end);     // the comma, or the end
    at = skip_blanks(text, at + 1);
  }
  return all;
}

std::vector<std::string_view> elements(std::string_view text, std::string_view key) {
  std::vector<std::string_view> all;
  for (const auto& [name, value] : members(text)) {
    if (name != key || value.empty() || value.front() != '[')
      continue;
    for (std::size_t at = skip_blanks(value, 1); at < value.size() && value[at] != ']';) {
      const auto end = skip_value(value, at);
      all.push_back(value.substr(at, end - at));
      at = skip_blanks(value, end);
      if (at < value.size() && value[at] == ',')
        at = skip_blanks(value, at + 1);
      else
        break;
    }
  }
  return all;
}

}  // namespace flott::json_slices
