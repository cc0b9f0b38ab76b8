#pragma once

#include "actors/job_loader.hpp"
#include "runtime/base/env.hpp"
#include "runtime/config/configuration.hpp"
#include "runtime/module/module_registry.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace flott {

/// Compiles jobs from modules that are fetched from the dispatcher by hash, verified, and kept in `cache`.
job_compiler fetching_compiler(const configuration& config, std::filesystem::path cache);
/// Compiles jobs from modules that are known to `modules` already.
job_compiler local_compiler(const configuration& config, std::shared_ptr<module_registry> modules);

/// Which of a module's job functions is meant: the one named, or its only one. Errors name the functions there are.
result<std::string> choose_function(const std::vector<std::string>& functions, const std::string& wanted);

}  // namespace flott
