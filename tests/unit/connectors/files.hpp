#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace flott {

/// Writes the file, with the folders it needs, and returns its path.
inline std::string write_file(const std::filesystem::path& path, const std::string& content) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
  return path.string();
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream from(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(from), {}};
}

}  // namespace flott
