#include "runtime/http/multipart.hpp"

#include <algorithm>
#include <utility>

namespace flott::http {
namespace {

constexpr std::string_view where = "multipart body";
constexpr std::size_t max_padding = 64;   // blanks that may follow a boundary on its line

bool same_text(std::string_view a, std::string_view b) {
  const field_name_less less;
  return !less(a, b) && !less(b, a);
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == text.npos)
    return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Calls `take(name, value)` for the parameters of "value; name=token; name=\"quoted\"". False if they are malformed.
template <class Take>
bool each_parameter(std::string_view text, Take take) {
  auto rest = text.substr(std::min(text.find(';'), text.size()));
  while (!rest.empty()) {
    rest = trimmed(rest.substr(1));
    if (rest.empty())
      return true;
    const auto equals = rest.find('=');
    if (equals == rest.npos)
      return false;
    const auto name = trimmed(rest.substr(0, equals));
    rest.remove_prefix(equals + 1);
    std::string value;
    if (!rest.empty() && rest.front() == '"') {
      std::size_t i = 1;
      for (; i < rest.size() && rest[i] != '"'; ++i) {
        if (rest[i] == '\\' && i + 1 < rest.size())
          ++i;
        value += rest[i];
      }
      if (i >= rest.size())
        return false;
      rest = trimmed(rest.substr(i + 1));
    } else {
      const auto end = std::min(rest.find(';'), rest.size());
      value = trimmed(rest.substr(0, end));
      rest.remove_prefix(end);
    }
    if (!rest.empty() && rest.front() != ';')
      return false;
    take(name, std::move(value));
  }
  return true;
}

}  // namespace

bool is_multipart(std::string_view content_type) {
  constexpr std::string_view prefix = "multipart/";
  return content_type.size() >= prefix.size() && same_text(content_type.substr(0, prefix.size()), prefix);
}

std::optional<std::string> multipart_boundary(std::string_view content_type) {
  if (!same_text(trimmed(content_type.substr(0, content_type.find(';'))), "multipart/form-data"))
    return std::nullopt;
  std::string boundary;
  const bool well_formed = each_parameter(content_type, [&](std::string_view name, std::string value) {
    if (same_text(name, "boundary"))
      boundary = std::move(value);
  });
  const bool printable = std::all_of(boundary.begin(), boundary.end(), [](char c) { return c >= ' ' && c < 0x7F; });
  if (!well_formed || boundary.empty() || boundary.size() > 70 || !printable)
    return std::nullopt;
  return boundary;
}

result<form_part> parse_part_header(std::string_view block) {
  form_part part;
  bool named = false;
  while (!block.empty()) {
    const auto end = block.find("\r\n");
    const auto line = block.substr(0, end);
    block.remove_prefix(end == block.npos ? block.size() : end + 2);
    if (line.find('\0') != line.npos)
      return user_failure(std::string(where), "a part's header holds a NUL");
    const auto colon = line.find(':');
    if (colon == line.npos || colon == 0)
      return user_failure(std::string(where), "a part's header has a line without a name");
    const auto name = line.substr(0, colon);
    const auto value = trimmed(line.substr(colon + 1));
    if (same_text(name, "Content-Type")) {
      part.content_type = value;
    } else if (same_text(name, "Content-Disposition")) {
      if (!same_text(trimmed(value.substr(0, value.find(';'))), "form-data"))
        return user_failure(std::string(where), "a part's Content-Disposition is not form-data");
      const bool well_formed = each_parameter(value, [&](std::string_view key, std::string text) {
        if (same_text(key, "name")) {
          part.name = std::move(text);
          named = true;
        } else if (same_text(key, "filename")) {
          part.file_name = std::move(text);
        }
      });
      if (!well_formed)
        return user_failure(std::string(where), "a part's Content-Disposition is malformed");
    }
  }
  if (!named)
    return user_failure(std::string(where), "a part has no name");
  return part;
}

multipart_parser::multipart_parser(std::string_view boundary, listener& to, limits bounds)
    : delimiter_("\r\n--" + std::string(boundary)), to_(to), bounds_(bounds), pending_("\r\n") {}
// The line break in front of the first delimiter is not sent; it stands in `pending_` so that all delimiters look alike.

multipart_parser::multipart_parser(std::string_view boundary, listener& to)
    : multipart_parser(boundary, to, limits{}) {}

result<void> multipart_parser::feed(std::string_view bytes) {
  pending_.append(bytes);
  std::string_view rest = pending_;
  for (;;) {
    FLOTT_ASSIGN(const bool moved, step(rest));
    if (!moved)
      break;
  }
  pending_.erase(0, pending_.size() - rest.size());
  return {};
}

result<void> multipart_parser::finish() {
  if (state_ != state::epilogue)
    return user_failure(std::string(where), "it ends before its last boundary");
  return {};
}

/// One step; false once more bytes are needed.
result<bool> multipart_parser::step(std::string_view& rest) {
  switch (state_) {
    case state::preamble:
    case state::part_data:
      return take_data(rest);
    case state::after_boundary:
      return take_delimiter_end(rest);
    case state::part_header:
      return take_header(rest);
    case state::epilogue:
      rest = {};
      return false;
  }
  return false;
}

result<bool> multipart_parser::take_data(std::string_view& rest) {
  const auto found = rest.find(delimiter_);
  const std::size_t keep = delimiter_.size() - 1;     // bytes that may begin a delimiter
  const std::size_t ready = found != rest.npos ? found : rest.size() > keep ? rest.size() - keep : 0;
  if (state_ == state::part_data && ready > 0)
    FLOTT_TRY(to_.part_data(rest.substr(0, ready)));
  rest.remove_prefix(ready);
  if (found == rest.npos)
    return false;
  rest.remove_prefix(delimiter_.size());
  if (state_ == state::part_data)
    FLOTT_TRY(to_.end_part());
  state_ = state::after_boundary;
  return true;
}

result<bool> multipart_parser::take_delimiter_end(std::string_view& rest) {
  if (rest.size() >= 2 && rest.substr(0, 2) == "--") {
    state_ = state::epilogue;
    return true;
  }
  const auto line_end = rest.find("\r\n");
  const auto padding = rest.substr(0, std::min(line_end, rest.size()));
  const bool may_become_end = rest == "-" || (!rest.empty() && rest.back() == '\r' && line_end == rest.npos);
  const auto blanks = may_become_end ? padding.substr(0, padding.size() - 1) : padding;
  if (blanks.size() > max_padding || blanks.find_first_not_of(" \t") != blanks.npos)
    return user_failure(std::string(where), "a boundary is followed by neither a line break nor \"--\"");
  if (line_end == rest.npos)
    return false;
  if (++parts_ > bounds_.parts)
    return user_failure(std::string(where), "it has more than " + std::to_string(bounds_.parts) + " parts");
  rest.remove_prefix(line_end + 2);
  state_ = state::part_header;
  return true;
}

result<bool> multipart_parser::take_header(std::string_view& rest) {
  const auto end = rest.find("\r\n\r\n");
  const std::size_t at_least = end != rest.npos ? end : rest.size() - std::min<std::size_t>(rest.size(), 3);
  if (at_least > bounds_.part_header)
    return user_failure(std::string(where), "a part's header is longer than " + std::to_string(bounds_.part_header) + " bytes");
  if (end == rest.npos)
    return false;
  FLOTT_ASSIGN(const form_part part, parse_part_header(rest.substr(0, end)));
  FLOTT_TRY(to_.begin_part(part));
  rest.remove_prefix(end + 4);
  state_ = state::part_data;
  return true;
}

}  // namespace flott::http
