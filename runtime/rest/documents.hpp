#pragma once

#include "runtime/base/failure.hpp"
#include "runtime/base/result.hpp"
#include "runtime/http/message.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flott::msg {
class ClusterSnapshot;
class CollectedRows;
class JobSnapshot;
class JobSpec;
class KeyValue;
class TaskManagerInfo;
}

/// Flink's REST documents, made from snapshots. Pure: the same arguments give the same bytes; `now` is Unix time in
/// milliseconds. The union of what Flink 1.20 and 2.4 emit; no primitive is ever null or missing.
namespace flott::rest {

using job_list = std::vector<const msg::JobSnapshot*>;

struct product {
  std::string version = "0.1.0";      ///< Flott's
  std::string revision = "unknown";
};

// --- the cluster ---------------------------------------------------------------------------------------------

/// /config
[[nodiscard]] std::string dashboard_config(const product& what, std::int64_t refresh_interval_ms, bool uploads);
/// /overview
[[nodiscard]] std::string cluster_overview(const product& what, const msg::ClusterSnapshot& cluster, const job_list& jobs);
/// /jobmanager/config; options whose key speaks of a secret are masked.
[[nodiscard]] std::string cluster_config(const msg::ClusterSnapshot& cluster);
/// /jobmanager/environment
[[nodiscard]] std::string cluster_environment(const product& what);
/// /taskmanagers
[[nodiscard]] std::string task_managers(const msg::ClusterSnapshot& cluster, const job_list& jobs, std::int64_t now);
/// /taskmanagers/:taskmanagerid; nullopt if the cluster has none of that id.
[[nodiscard]] std::optional<std::string> task_manager(const msg::ClusterSnapshot& cluster, const job_list& jobs,
                                                      std::string_view id, std::int64_t now);
/// /flott/v1/tree of a cluster: each node's id and its own tree document.
[[nodiscard]] std::string cluster_tree(const std::vector<std::pair<std::string, std::string>>& trees);

// --- jobs ----------------------------------------------------------------------------------------------------

/// /jobs
[[nodiscard]] std::string job_ids(const job_list& jobs);
/// /jobs/overview
[[nodiscard]] std::string jobs_overview(const job_list& jobs, std::int64_t now);
/// /jobs/:jobid
[[nodiscard]] std::string job_details(const msg::JobSnapshot& job, std::int64_t now);
/// /jobs/:jobid/plan
[[nodiscard]] std::string job_plan(const msg::JobSnapshot& job);
/// /jobs/:jobid/exceptions, at most `limit` entries
[[nodiscard]] std::string job_exceptions(const msg::JobSnapshot& job, std::size_t limit = 20);
/// /jobs/:jobid/config
[[nodiscard]] std::string job_config(const msg::JobSnapshot& job, const msg::JobSpec& spec);
/// /jobs/:jobid/jobmanager/config: the cluster's options, the job's own in front of them.
[[nodiscard]] std::string job_manager_config(const msg::ClusterSnapshot& cluster, const msg::JobSpec& spec);
/// /jobs/:jobid/status
[[nodiscard]] std::string job_status(const msg::JobSnapshot& job);
/// /jobs/:jobid/execution-result
[[nodiscard]] std::string job_execution_result(const msg::JobSnapshot& job, std::int64_t now);
/// /jobs/:jobid/accumulators
[[nodiscard]] std::string job_accumulators();
/// /jobs/:jobid/vertices/:vertexid and below; nullopt if the job has no such vertex.
[[nodiscard]] std::optional<std::string> vertex_details(const msg::JobSnapshot& job, std::string_view vertex,
                                                        std::int64_t now);
[[nodiscard]] std::optional<std::string> vertex_task_managers(const msg::JobSnapshot& job, std::string_view vertex,
                                                              std::int64_t now);
[[nodiscard]] std::optional<std::string> vertex_subtask_times(const msg::JobSnapshot& job, std::string_view vertex,
                                                              std::int64_t now);
[[nodiscard]] std::optional<std::string> vertex_accumulators(const msg::JobSnapshot& job, std::string_view vertex);

/// /flott/v1/jobs/:jobid/results: state, duration, failure, and the rows once the job has FINISHED. Rows carry their
/// sink's name in `_sink` when there is more than one sink.
[[nodiscard]] std::string job_results(const msg::JobSnapshot& job, const std::vector<const msg::CollectedRows*>& collected,
                                      std::int64_t now);

// --- modules -------------------------------------------------------------------------------------------------

/// A module as /jars lists it. Its id is "<sha256>_<file name>", so that an id alone finds the blob.
struct module_entry {
  std::string sha256;
  std::string file_name;
  std::int64_t uploaded_unix_ms = 0;
  std::vector<std::string> functions{};
};

[[nodiscard]] std::string module_id(std::string_view sha256, std::string_view file_name);
/// The hash in an id made by module_id, or a bare hash; nullopt otherwise.
[[nodiscard]] std::optional<std::string> sha256_of_module_id(std::string_view id);
/// The last component of an uploaded file's name, with only letters, digits, '.', '_', '-' and '+', at most 100 of
/// them. A failure unless it ends in .so or .jar.
[[nodiscard]] result<std::string> module_file_name(std::string_view uploaded_as);

/// /jars; `address` is this server's own URL
[[nodiscard]] std::string modules(std::string_view address, const std::vector<module_entry>& entries);
/// The reply to /jars/upload: Flink's clients take what follows the last '/' of `filename` as the id.
[[nodiscard]] std::string module_uploaded(std::string_view id);
/// The reply to /jars/:jarid/run
[[nodiscard]] std::string module_started(std::string_view job_id);
/// The reply where there is nothing to say: `{}`.
[[nodiscard]] std::string empty_document();

// --- answers -------------------------------------------------------------------------------------------------

/// The failure as an error body under `status`.
[[nodiscard]] http::response failed(int status, const failure& why, std::uint32_t retry_after_s = 0);
/// 404 for a job, named.
[[nodiscard]] http::response no_such_job(std::string_view job_id);
/// /jobs/:jobid/checkpoints while there are none (404, which dashboards take for "disabled").
[[nodiscard]] http::response no_checkpoints(std::string_view job_id);
/// POST /jobs: a Java plan can't be run (400, says what to do instead).
[[nodiscard]] http::response java_plan_refused();

}  // namespace flott::rest
