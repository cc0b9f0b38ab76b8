#include "runtime/connectors/row_format.hpp"

#include <charconv>
#include <cmath>
#include <string_view>

namespace flott {
namespace {

template <class T>
void append_number(std::string& to, T value) {
  char digits[32];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
  to.append(digits, end);
}

void append_csv_text(std::string& to, std::string_view value) {
  if (value.find_first_of(",\"\r\n") == std::string_view::npos) {
    to += value;
    return;
  }
  to += '"';
  for (const char c : value) {
    if (c == '"')
      to += '"';
    to += c;
  }
  to += '"';
}

/// Appends the value of a column that is no text.
void append_plain(std::string& to, const column& from, std::uint32_t row) {
  switch (from.type) {
    case field_type::boolean: to += from.as<bool>()[row] ? "true" : "false"; break;
    case field_type::int32: append_number(to, from.as<std::int32_t>()[row]); break;
    case field_type::int64: append_number(to, from.as<std::int64_t>()[row]); break;
    case field_type::uint32: append_number(to, from.as<std::uint32_t>()[row]); break;
    case field_type::uint64: append_number(to, from.as<std::uint64_t>()[row]); break;
    case field_type::float64: append_number(to, from.as<double>()[row]); break;
    case field_type::text: break;
  }
}

/// Length of the UTF-8 character at the front (RFC 3629: no overlong forms, no surrogates), 0 if there is none.
std::size_t utf8_character(std::string_view s) {
  const auto byte = [s](std::size_t i) { return i < s.size() ? static_cast<unsigned char>(s[i]) : 0U; };
  const auto follows = [&](std::size_t i, unsigned low, unsigned high) { return byte(i) >= low && byte(i) <= high; };
  const unsigned first = byte(0);
  if (first < 0x80)
    return 1;
  if (first >= 0xc2 && first <= 0xdf)
    return follows(1, 0x80, 0xbf) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const unsigned low = first == 0xe0 ? 0xa0 : 0x80, high = first == 0xed ? 0x9f : 0xbf;
    return follows(1, low, high) && follows(2, 0x80, 0xbf) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const unsigned low = first == 0xf0 ? 0x90 : 0x80, high = first == 0xf4 ? 0x8f : 0xbf;
    return follows(1, low, high) && follows(2, 0x80, 0xbf) && follows(3, 0x80, 0xbf) ? 4 : 0;
  }
  return 0;
}

}  // namespace

void append_csv_header(std::string& to, const schema& shape) {
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i > 0)
      to += ',';
    append_csv_text(to, shape[i].name);
  }
  to += '\n';
}

void append_csv_row(std::string& to, const record_batch& batch, std::uint32_t row) {
  for (std::size_t i = 0; i < batch.columns(); ++i) {
    if (i > 0)
      to += ',';
    const column& from = *batch.column_at(i);
    if (from.type == field_type::text)
      append_csv_text(to, from.as<text>()[row].view());
    else
      append_plain(to, from, row);
  }
  to += '\n';
}

void append_json_string(std::string& to, std::string_view value) {
  static constexpr char digits[] = "0123456789abcdef";
  to += '"';
  while (!value.empty()) {
    const std::size_t length = utf8_character(value);
    const char c = value.front();
    if (length == 0) {
      to += "\xef\xbf\xbd";
    } else if (length > 1) {
      to += value.substr(0, length);
    } else if (c == '"' || c == '\\') {
      to += '\\';
      to += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      switch (c) {
        case '\n': to += "\\n"; break;
        case '\r': to += "\\r"; break;
        case '\t': to += "\\t"; break;
        default: to += "\\u00"; to += digits[c >> 4]; to += digits[c & 15]; break;
      }
    } else {
      to += c;
    }
    value.remove_prefix(length == 0 ? 1 : length);
  }
  to += '"';
}

void append_json_row(std::string& to, const record_batch& batch, std::uint32_t row) {
  to += '{';
  for (std::size_t i = 0; i < batch.columns(); ++i) {
    if (i > 0)
      to += ',';
    append_json_string(to, (*batch.shape())[i].name);
    to += ':';
    const column& from = *batch.column_at(i);
    if (from.type == field_type::text)
      append_json_string(to, from.as<text>()[row].view());
    else if (from.type == field_type::float64 && !std::isfinite(from.as<double>()[row]))
      to += "null";
    else
      append_plain(to, from, row);
  }
  to += '}';
}

}  // namespace flott
