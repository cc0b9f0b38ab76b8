#pragma once

#include "messages/job.pb.h"
#include "runtime/base/env.hpp"
#include "runtime/config/configuration.hpp"
#include "runtime/graph/logical_graph.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace flott {

struct local_cluster_options {
  configuration config{};
  std::uint32_t slots = 0;                          ///< 0: taskmanager.numberOfTaskSlots, at least one per core
};

/// How a job of a local cluster ended, or stands.
struct local_job_result {
  msg::JobSnapshot snapshot;
  std::vector<msg::CollectedRows> collected;        ///< once FINISHED
};

/// A whole cluster inside this process: the same dispatcher, JobManager and TaskManager as on many machines, wired
/// without a network. Opens no port, reads no file but what jobs read, keeps jobs in memory.
///
/// Owns its actor system and threads; several may live in one process. Threads: any.
class local_cluster {
 public:
  /// Comes back when it takes jobs. Errors: a wrong configuration, memory, a part that does not start.
  static result<std::unique_ptr<local_cluster>> start(local_cluster_options options, env& environment = system_env());
  /// Cancels what runs and ends all threads, within shutdown.timeout.
  ~local_cluster();

  struct job_request {
    std::filesystem::path module;                   ///< a job module's file
    std::string function{};                         ///< empty: the module's only one
    std::string name{};                             ///< empty: the function's
    std::vector<std::pair<std::string, std::string>> parameters{};
    std::vector<std::pair<std::string, std::string>> configuration{};
    std::uint32_t parallelism = 0;                  ///< 0: parallelism.default
    std::optional<job_id> job{};                    ///< unset: a new one; the same id submitted twice runs once
  };

  /// Errors: the module can't be loaded, the job is refused.
  result<job_id> submit(const job_request& request);
  /// The job as it stands; null when unknown.
  [[nodiscard]] std::optional<local_job_result> find(const job_id& job) const;
  /// Blocks until the job has ended, or `limit` has passed (then the result is not terminal).
  result<local_job_result> wait(const job_id& job, std::chrono::milliseconds limit);
  /// Asks; the job ends soon. Errors: the job is unknown, or has ended.
  result<void> cancel(const job_id& job);

  /// The supervision tree, as JSON.
  [[nodiscard]] result<std::string> tree();
  /// The metrics, as Prometheus reads them.
  [[nodiscard]] std::string metrics() const;

 private:
  struct parts;
  explicit local_cluster(std::unique_ptr<parts> p);
  std::unique_ptr<parts> parts_;
};

}  // namespace flott
