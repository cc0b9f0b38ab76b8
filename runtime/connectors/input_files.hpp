#pragma once

#include "runtime/base/result.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace flott {

/// A file to be read, and its length when it was listed.
struct input_file {
  std::string path;
  std::uint64_t size = 0;

  bool operator==(const input_file&) const = default;
};

/// The files that `pattern` names, sorted by path: one file by its name, or all that match a glob (`*`, `?`, `[a-z]`).
/// A file whose name is the pattern itself is taken as such.
/// Errors (user, permanent unless the disk is at fault) name the file or the pattern: missing, a folder, not readable,
/// nothing matches.
[[nodiscard]] result<std::vector<input_file>> list_input_files(const std::string& pattern);

/// A byte range of a file. A line or record belongs to the split in which it begins.
struct file_split {
  std::string path;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t file_size = 0;

  bool operator==(const file_split&) const = default;
};

/// Cuts every file into pieces of at most `split_bytes` (> 0). The pieces of a file follow each other without a gap;
/// an empty file has none.
[[nodiscard]] std::vector<file_split> plan_splits(std::span<const input_file> files, std::uint64_t split_bytes);

/// A piece's size for `total_bytes` of input: about 64 pieces, so that readers of unequal speed end together, but
/// neither so small that opening them costs nor so large that one reader is left with much.
[[nodiscard]] std::uint64_t default_split_bytes(std::uint64_t total_bytes);

/// The 1-based number of the line in which the byte at `offset` stands; 0 if the file cannot be read. Reads the file
/// from its start: for messages about errors only.
[[nodiscard]] std::uint64_t line_number_at(const std::string& path, std::uint64_t offset);

}  // namespace flott
