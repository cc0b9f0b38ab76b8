#pragma once

#include "runtime/base/env.hpp"
#include "runtime/base/result.hpp"
#include "runtime/config/configuration.hpp"
#include "runtime/resources/cluster_file.hpp"

#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

/// A cluster of processes on this machine, and the folder that it lives in:
///
///   DIR/flott.yaml    options, the user's to edit          DIR/jobs/           the job store
///   DIR/secret        what nodes prove to each other       DIR/cluster.json    the living nodes
///   DIR/logs/         a file a node                        DIR/run/            process records, crash reports
namespace flott::cli {

/// Owned by whoever starts or stops the cluster of a folder, so that two of them do not meet. Leaves no file.
class folder_lock {
 public:
  /// Waits for another owner until `deadline`; then a transient failure.
  [[nodiscard]] static result<folder_lock> acquire(const std::filesystem::path& dir,
                                                   std::chrono::steady_clock::time_point deadline);
  folder_lock(folder_lock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  folder_lock& operator=(folder_lock&&) = delete;
  ~folder_lock();

 private:
  explicit folder_lock(int fd) : fd_(fd) {}
  int fd_;
};

struct cluster_plan {
  std::filesystem::path dir;             ///< absolute
  std::filesystem::path executable;
  std::vector<std::string> settings;     ///< "key=value", the last of a key wins
  std::uint32_t job_managers = 1, task_managers = 1;
  std::chrono::milliseconds patience = std::chrono::seconds(30);
};

/// Makes the folder, settles the dispatcher's ports, starts the dispatcher and waits until every node is registered.
/// Failures: a cluster runs there already; a port is taken; a node ended or did not come in time (with the end of its
/// log). After a failure no process is left, and of a new folder nothing.
[[nodiscard]] result<std::vector<cluster_node>> start_cluster(const cluster_plan& plan,
                                                              const std::atomic<bool>& interrupted, env& environment);

/// Ends every process of the folder, whatever state it is in, and removes what only a running cluster has. A folder
/// without a cluster, or none at all, is fine.
result<void> stop_cluster(const std::filesystem::path& dir, env& environment);

/// The nodes of cluster.json whose processes live.
[[nodiscard]] result<std::vector<cluster_node>> living_nodes(const std::filesystem::path& dir, env& environment);

/// The last lines of a text file; empty if it cannot be read.
[[nodiscard]] std::string tail_of(const std::filesystem::path& file, std::size_t lines);

}  // namespace flott::cli
