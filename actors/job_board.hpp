#pragma once

/// JOB BOARD shows jobs to threads of an embedding process that are no actors.
///
/// Lives  in embedded clusters, where the REST GATEWAY is elsewhere; child of the process's supervisor.
/// Hears  snapshots of jobs, their durable records, and of the cluster.

#include "actors/interfaces.hpp"

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace flott {

/// The newest that is known of every job. Threads: any.
class job_board {
 public:
  struct entry {
    job_snapshot_ptr snapshot;
    stored_job_ptr stored;
    /// Ended, and what it collected is there.
    [[nodiscard]] bool over() const;
  };

  void show(const job_snapshot_ptr& snapshot);
  void show(const stored_job_ptr& stored);
  void show(const cluster_snapshot_ptr& cluster);
  void forget(const std::string& job);

  [[nodiscard]] std::optional<entry> find(const std::string& job) const;
  /// Null before anything is known.
  [[nodiscard]] cluster_snapshot_ptr cluster() const;
  /// Returns once the job has been shown at all; false if that takes longer than `limit`.
  bool wait_until_known(const std::string& job, std::chrono::milliseconds limit);
  /// Returns once the job is over, or after `limit`; nothing for a job that is unknown.
  std::optional<entry> wait(const std::string& job, std::chrono::milliseconds limit);

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, entry> jobs_;
  cluster_snapshot_ptr cluster_;
};

view_actor::behavior_type job_board_keeper(view_actor::pointer self, std::shared_ptr<job_board> board);

}  // namespace flott
