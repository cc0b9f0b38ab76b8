#pragma once

#include "client/rest_client.hpp"

#include <atomic>
#include <filesystem>
#include <utility>
#include <vector>

namespace flott::msg {
class CollectedRows;
class JobSnapshot;
}

namespace flott::cli {

/// Runs a module's job on a cluster inside this process, and gives its outcome; `interrupted` cancels it. The options'
/// configuration may also set the cluster's options. A crash of the module's code ends the process with job_failed,
/// after the signal, the job and the operator were named. Failures: the module cannot be loaded, or the job is refused.
[[nodiscard]] result<job_outcome> run_in_this_process(const std::filesystem::path& module, const run_options& options,
                                                      const std::atomic<bool>& interrupted);

/// What the command line shows of a job, from its snapshot. Pure.
[[nodiscard]] job_info info_of(const msg::JobSnapshot& job, std::int64_t now_unix_ms);
/// Rows carry their sink's name in `_sink` when there is more than one. Pure.
[[nodiscard]] job_outcome outcome_of(const msg::JobSnapshot& job, const std::vector<msg::CollectedRows>& collected,
                                     std::int64_t now_unix_ms);

}  // namespace flott::cli
