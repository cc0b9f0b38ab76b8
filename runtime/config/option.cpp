#include "runtime/config/option.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <vector>

namespace flott {

namespace {

/// Filled while the library loads, read-only afterwards.
std::vector<const option_declaration*>& registry() {
  static std::vector<const option_declaration*> all;
  return all;
}

/// Number of single-character edits between two words (Levenshtein), two rows at a time.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1), next(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 0; i < a.size(); ++i) {
    next[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j)
      next[j + 1] = std::min({row[j] + (a[i] != b[j]), row[j + 1] + 1, next[j] + 1});
    row.swap(next);
  }
  return row.back();
}

template <class... Fs>
struct overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
overloaded(Fs...) -> overloaded<Fs...>;      // implied by C++20, but not by clang before 17

std::string joined(std::span<const std::string_view> words, std::string_view separator) {
  std::string text;
  for (const auto word : words) {
    if (!text.empty()) text += separator;
    text += word;
  }
  return text;
}

template <class T>
result<option_value> widened(result<T> parsed) {
  if (!parsed.ok())
    return std::move(parsed).error();
  return option_value(std::move(parsed).value());
}

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

}  // namespace

void option_declaration::enlist(const option_declaration& declaration) {
  auto& all = registry();
  all.insert(std::ranges::lower_bound(all, declaration.key, {}, &option_declaration::key), &declaration);
}

std::span<const option_declaration* const> all_options() { return registry(); }

const option_declaration* find_option(std::string_view key) {
  const auto& all = registry();
  const auto found = std::ranges::lower_bound(all, key, {}, &option_declaration::key);
  return found != all.end() && (*found)->key == key ? *found : nullptr;
}

std::string_view nearest_option(std::string_view key) {
  if (key.size() > 128)
    return {};
  std::string_view nearest;
  std::size_t least = std::max<std::size_t>(2, key.size() / 3) + 1;
  for (const auto* declared : registry()) {
    const auto distance = edit_distance(key, declared->key);
    if (distance < least) {
      least = distance;
      nearest = declared->key;
    }
  }
  return nearest;
}

std::string option_declaration::type_name() const {
  if (!names.empty())
    return joined(names, " | ");
  return std::visit(overloaded{
                        [](bool) { return "boolean"; },
                        [](std::int64_t) { return "integer"; },
                        [](double) { return "number"; },
                        [](std::chrono::milliseconds) { return "duration"; },
                        [](memory_size) { return "memory size"; },
                        [](port_range) { return "port or range"; },
                        [](const std::string&) { return "text"; },
                        [](const std::vector<std::string>&) { return "list"; },
                    },
                    default_value);
}

result<option_value> option_declaration::parse(std::string_view text) const {
  if (!names.empty()) {
    for (std::size_t i = 0; i < names.size(); ++i)
      if (same_word(names[i], text))
        return option_value(static_cast<std::int64_t>(i));
    return user_failure("", "is not one of " + joined(names, ", "));
  }
  auto parsed = std::visit(overloaded{
                               [&](bool) { return widened(parse_boolean(text)); },
                               [&](std::int64_t) { return widened(parse_integer(text)); },
                               [&](double) { return widened(parse_real(text)); },
                               [&](std::chrono::milliseconds) { return widened(parse_duration(text)); },
                               [&](memory_size) { return widened(parse_memory_size(text)); },
                               [&](port_range) { return widened(parse_port_range(text)); },
                               [&](const std::string&) { return result<option_value>(std::string(text)); },
                               [&](const std::vector<std::string>&) {
                                 return result<option_value>(parse_list(text));
                               },
                           },
                           default_value);
  if (parsed.ok() && least && parsed.value() < *least)
    return user_failure("", "is less than " + render(*least));
  if (parsed.ok() && most && parsed.value() > *most)
    return user_failure("", "is more than " + render(*most));
  return parsed;
}

std::string option_declaration::render(const option_value& value) const {
  return std::visit(overloaded{
                        [](bool v) { return std::string(v ? "true" : "false"); },
                        [&](std::int64_t v) {
                          return names.empty() ? std::to_string(v)
                                               : std::string(names.at(static_cast<std::size_t>(v)));
                        },
                        [](double v) {
                          char buffer[40];
                          return std::string(buffer, std::to_chars(buffer, buffer + sizeof buffer, v).ptr);
                        },
                        [](std::chrono::milliseconds v) { return to_text(v); },
                        [](memory_size v) { return to_text(v); },
                        [](port_range v) { return to_text(v); },
                        [](const std::string& v) { return v; },
                        [](const std::vector<std::string>& v) {
                          std::string text;
                          for (const auto& element : v) text += (text.empty() ? "" : ";") + element;
                          return text;
                        },
                    },
                    value);
}

}  // namespace flott
