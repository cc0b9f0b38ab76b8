#pragma once

#include "client/rest_client.hpp"

#include <atomic>
#include <filesystem>

namespace flott::cli {

/// Runs a module's job on a cluster inside this process, and gives its outcome; `interrupted` cancels it. Failures: the
/// module cannot be loaded, or the job is refused.
[[nodiscard]] result<job_outcome> run_in_this_process(const std::filesystem::path& module, const run_options& options,
                                                      const std::atomic<bool>& interrupted);

}  // namespace flott::cli
