#pragma once

#include <flott/flott.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace dpkg_analytics {

/// An installed package. The texts lie in the record it was read from.
struct package {
  flott::text package;
  flott::text section;
  flott::text maintainer;
  std::uint64_t installed_kib = 0;
};
FLOTT_DESCRIBE(package, package, section, maintainer, installed_kib)

inline std::string_view trimmed(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t'))
    s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t' || s.back() == '\r'))
    s.remove_suffix(1);
  return s;
}

/// Field names have no case. `lower` is in lower case.
inline bool same_name(std::string_view name, std::string_view lower) {
  if (name.size() != lower.size())
    return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i] >= 'A' && name[i] <= 'Z' ? static_cast<char>(name[i] - 'A' + 'a') : name[i];
    if (c != lower[i])
      return false;
  }
  return true;
}

/// One record of dpkg's status file; nothing if the package is not installed. Throws `bad_record`, which names file and
/// line, for a line that is no field, a size that is no number of 64 bits, and a record without a package.
inline std::optional<package> parse_package(const flott::record& from) {
  const std::string_view all = from.value;
  package found;
  bool installed = false;
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = std::min(all.find('\n', at), all.size());
    const std::string_view row = all.substr(at, end - at);
    const std::size_t begin = at;
    at = end + 1;
    if (begin != 0 && (row.starts_with(' ') || row.starts_with('\t')))
      continue;                                    // goes on with the field before
    const std::size_t colon = row.find(':');
    if (colon == std::string_view::npos || colon == 0 || row.starts_with(' ') || row.starts_with('\t'))
      throw flott::bad_record(from, "is no field of a package: " + flott::quoted(row), begin);
    const std::string_view name = row.substr(0, colon);
    const std::string_view value = trimmed(row.substr(colon + 1));
    if (same_name(name, "package")) {
      found.package = value;
    } else if (same_name(name, "status")) {
      installed = value == "install ok installed";
    } else if (same_name(name, "section")) {
      found.section = value;
    } else if (same_name(name, "maintainer")) {
      found.maintainer = value;
    } else if (same_name(name, "installed-size")) {
      const auto [rest, error] = std::from_chars(value.data(), value.data() + value.size(), found.installed_kib);
      if (error == std::errc::result_out_of_range)
        throw flott::bad_record(from, "the size is beyond 64 bits: " + flott::quoted(value), begin);
      if (error != std::errc{} || rest != value.data() + value.size())
        throw flott::bad_record(from, "the size is no number: " + flott::quoted(value), begin);
    }
  }
  if (found.package.empty())
    throw flott::bad_record(from, "the record names no package");
  if (!installed)
    return std::nullopt;
  if (found.section.empty())
    found.section = "unknown";
  if (found.maintainer.empty())
    found.maintainer = "unknown";
  return found;
}

}  // namespace dpkg_analytics
