#pragma once

#include "runtime/base/result.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace flott::cli {

/// The running executable, wherever it was called from.
[[nodiscard]] std::filesystem::path executable_path();

/// Where the example modules of an executable are: ../lib/flott/examples beside its folder, in the build tree as well as
/// where it is installed.
[[nodiscard]] std::filesystem::path examples_folder(const std::filesystem::path& executable);
/// Their names, sorted.
[[nodiscard]] std::vector<std::string> example_names(const std::filesystem::path& folder);

/// What MODULE names: a file if it has a '/' or ends in .so or .jar, or if such a file is there; else the example of
/// that name. The failure names what was looked for, and which examples there are.
[[nodiscard]] result<std::filesystem::path> find_module(const std::string& name, const std::filesystem::path& examples);

}  // namespace flott::cli
