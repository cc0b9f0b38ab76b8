#include "apps/cli/module_path.hpp"

#include <algorithm>

namespace flott::cli {

namespace fs = std::filesystem;

fs::path executable_path() {
  std::error_code error;
  auto path = fs::read_symlink("/proc/self/exe", error);
  return error ? fs::path("flott") : path;
}

fs::path examples_folder(const fs::path& executable) {
  return executable.parent_path().parent_path() / "lib" / "flott" / "examples";
}

std::vector<std::string> example_names(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    if (entry->path().extension() == ".so")
      names.push_back(entry->path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

result<fs::path> find_module(const std::string& name, const fs::path& examples) {
  std::error_code error;
  const bool is_file = fs::exists(name, error) && !fs::is_directory(name, error);
  const auto extension = fs::path(name).extension();
  if (is_file)
    return fs::absolute(name);
  if (name.find('/') != std::string::npos || extension == ".so" || extension == ".jar")
    return user_failure(name, fs::is_directory(name, error) ? "is a folder, not a module" : "no such module file");
  const auto installed = examples / (name + ".so");
  if (fs::exists(installed, error))
    return installed;
  std::string known;
  for (const auto& example : example_names(examples))
    known += (known.empty() ? "" : ", ") + example;
  return user_failure(name, known.empty() ? "no such module file, and no examples are installed in " + examples.string()
                                          : "neither a module file nor an installed example; there are: " + known);
}

}  // namespace flott::cli
