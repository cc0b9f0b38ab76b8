#pragma once

#include "runtime/base/ids.hpp"
#include "runtime/base/result.hpp"
#include "runtime/http/client.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flott {

/// A result, and the HTTP status it came with; 0 when there was no answer at all (refused, closed, too slow).
///
/// The failure's class follows the status: transient for none, 429, 502, 503 and 504; permanent otherwise, in the domain
/// `user` for 4xx. Its message is the cluster's own text.
template <class T>
class answer : public result<T> {
 public:
  answer(int status, result<T> content) : result<T>(std::move(content)), status_(status) {}
  [[nodiscard]] int status() const noexcept { return status_; }

 private:
  int status_;
};

struct cluster_overview {
  std::string version;
  int task_managers = 0, slots_total = 0, slots_available = 0;
  int jobs_running = 0, jobs_finished = 0, jobs_cancelled = 0, jobs_failed = 0;
};

/// A row of `flott list`.
struct job_summary {
  std::string id, name, state;                    ///< state: Flink's upper-case name
  std::int64_t start_unix_ms = 0, end_unix_ms = -1, duration_ms = 0;
  std::map<std::string, int> tasks;               ///< by lower-case task state, and "total"
};

struct vertex_summary {
  std::string id, name, status;
  int parallelism = 0;
  std::uint64_t records_in = 0, records_out = 0, bytes_in = 0, bytes_out = 0;
  std::map<std::string, int> tasks;               ///< by upper-case task state
};

struct job_info {
  job_summary job;
  std::string type;                               ///< "BATCH" or "STREAMING"
  std::map<std::string, std::int64_t> timestamps; ///< by upper-case job state; 0: never
  std::vector<vertex_summary> vertices;           ///< in topological order; empty before the job is planned
};

struct job_exception {
  std::int64_t unix_ms = 0;
  std::string kind, message, task, endpoint, task_manager_id;
};

struct task_manager_info {
  std::string id, address;
  int slots = 0, free_slots = 0, data_port = 0;
  std::int64_t last_heartbeat_unix_ms = 0;
};

/// What a job has to show for itself at the moment.
struct job_outcome {
  std::string id, name, state;
  std::int64_t duration_ms = 0;
  std::vector<std::string> rows;                  ///< JSON objects; there once FINISHED
  std::vector<std::string> columns;               ///< of the rows, in order; of the only sink, else empty
  bool truncated = false;                         ///< the cap on collected rows was reached
  std::optional<failure> error;                   ///< why it FAILED
  [[nodiscard]] bool ended() const { return state == "FINISHED" || state == "FAILED" || state == "CANCELED"; }
};

struct run_options {
  std::string function;                                           ///< empty: the module's only one
  std::string name;                                               ///< empty: the job's own
  std::vector<std::pair<std::string, std::string>> parameters;    ///< name without dashes, value
  std::vector<std::pair<std::string, std::string>> configuration; ///< -D
  std::uint32_t parallelism = 0;                                  ///< 0: the cluster's default
  std::optional<job_id> job;                                      ///< absent: the cluster makes one
};

/// The cluster's REST interface as typed, blocking calls. Thread: one at a time. Tries once; to try again is for the caller.
class rest_client {
 public:
  explicit rest_client(http::client_config config) : http_(std::move(config)) {}

  [[nodiscard]] answer<void> ready();                             ///< /readyz
  [[nodiscard]] answer<cluster_overview> overview();
  [[nodiscard]] answer<std::vector<job_summary>> jobs();
  [[nodiscard]] answer<job_info> job(const job_id& id);
  [[nodiscard]] answer<std::string> status(const job_id& id);     ///< "RUNNING", ...
  [[nodiscard]] answer<std::vector<job_exception>> exceptions(const job_id& id);
  [[nodiscard]] answer<std::vector<task_manager_info>> task_managers();

  /// Makes the module file known to the cluster; sends it only if the cluster has no blob of its hash. The id for `run`.
  [[nodiscard]] answer<std::string> upload_module(const std::string& file);
  [[nodiscard]] answer<job_id> run(std::string_view module_id, const run_options& options);
  [[nodiscard]] answer<void> cancel(const job_id& id);
  /// The job's outcome so far. With `wait` the answer comes once the job has ended, at the latest after that time.
  [[nodiscard]] answer<job_outcome> results(const job_id& id, std::chrono::milliseconds wait = {});
  /// The supervision trees: the cluster's from a dispatcher, one process's from any node's metrics port. JSON.
  [[nodiscard]] answer<std::string> tree();
  /// Of a process, at its metrics port: what the supervisor of this path and all below it log; without a level what the
  /// process does. 404: it has no such supervisor. 403: asked from another machine.
  [[nodiscard]] answer<void> set_log_level(std::string_view path, std::optional<std::string> level);

  [[nodiscard]] http::client& transport() noexcept { return http_; }

 private:
  http::client http_;
};

}  // namespace flott
