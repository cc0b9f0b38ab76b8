#include "apps/cli/printable.hpp"

#include <algorithm>
#include <cstdint>

namespace flott::cli {
namespace {

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

/// Bytes of the UTF-8 sequence that `text` begins with, and what it stands for; 0 where it is none.
std::size_t decode(std::string_view text, std::uint32_t& code) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) {
    code = first;
    return 1;
  }
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length)
    return 0;
  code = first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if (!continues(text[i]))
      return 0;
    code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3FU);
  }
  const bool shorter_would_do = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  return shorter_would_do || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF) ? 0 : length;
}

bool is_harmless(std::uint32_t code) {
  return code >= 0x20 && !(code >= 0x7F && code < 0xA0) &&          // C0, DEL, C1
         !(code >= 0x2028 && code <= 0x202E) &&                     // separators of lines, directions of writing
         !(code >= 0x2066 && code <= 0x2069) && code != 0x200E && code != 0x200F && code != 0x061C;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    std::uint32_t code = 0;
    const auto length = decode(text, code);
    if (length > 0 && is_harmless(code))
      clean += text.substr(0, length);
    else
      clean += ' ';
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return clean;
}

std::size_t characters(std::string_view text) {
  return text.size() - static_cast<std::size_t>(std::count_if(text.begin(), text.end(), continues));
}

std::string cut_end(std::string_view text, std::size_t most) {
  if (characters(text) <= most)
    return std::string(text);
  if (most == 0)
    return "";
  std::size_t at = 0;
  for (std::size_t kept = 0; kept + 1 < most; ++kept)
    for (++at; at < text.size() && continues(text[at]);)
      ++at;
  return std::string(text.substr(0, at)) + "…";
}

std::string cut_begin(std::string_view text, std::size_t most) {
  if (characters(text) <= most)
    return std::string(text);
  if (most == 0)
    return "";
  auto at = text.size();
  for (std::size_t kept = 0; kept + 1 < most; ++kept)
    for (--at; at > 0 && continues(text[at]);)
      --at;
  return "…" + std::string(text.substr(at));
}

}  // namespace flott::cli
