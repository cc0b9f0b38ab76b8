#include "actors/job_board.hpp"

#include "runtime/graph/job_states.hpp"

namespace flott {

bool job_board::entry::over() const {
  return snapshot && is_terminal(snapshot->state()) &&
         (snapshot->state() != msg::JOB_STATE_FINISHED || (stored && stored->ended()));
}

void job_board::show(const job_snapshot_ptr& snapshot) {
  const std::lock_guard lock{mutex_};
  jobs_[snapshot->job_id()].snapshot = snapshot;
  changed_.notify_all();
}

void job_board::show(const stored_job_ptr& stored) {
  const std::lock_guard lock{mutex_};
  jobs_[stored->spec().job_id()].stored = stored;
  changed_.notify_all();
}

void job_board::show(const cluster_snapshot_ptr& cluster) {
  const std::lock_guard lock{mutex_};
  cluster_ = cluster;
}

cluster_snapshot_ptr job_board::cluster() const {
  const std::lock_guard lock{mutex_};
  return cluster_;
}

void job_board::forget(const std::string& job) {
  const std::lock_guard lock{mutex_};
  jobs_.erase(job);
  changed_.notify_all();
}

std::optional<job_board::entry> job_board::find(const std::string& job) const {
  const std::lock_guard lock{mutex_};
  const auto found = jobs_.find(job);
  if (found == jobs_.end() || !found->second.snapshot)
    return std::nullopt;
  return found->second;
}

bool job_board::wait_until_known(const std::string& job, std::chrono::milliseconds limit) {
  std::unique_lock lock{mutex_};
  return changed_.wait_for(lock, limit, [&] {
    const auto found = jobs_.find(job);
    return found != jobs_.end() && found->second.snapshot;
  });
}

std::optional<job_board::entry> job_board::wait(const std::string& job, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  std::unique_lock lock{mutex_};
  for (;;) {
    const auto found = jobs_.find(job);
    if (found == jobs_.end() || !found->second.snapshot)
      return std::nullopt;
    if (found->second.over() || changed_.wait_until(lock, deadline) == std::cv_status::timeout)
      return found->second;
  }
}

view_actor::behavior_type job_board_keeper(view_actor::pointer, std::shared_ptr<job_board> board) {
  return {
    [board](const job_snapshot_ptr& snapshot) { board->show(snapshot); },
    [board](const stored_job_ptr& stored) { board->show(stored); },
    [board](atom::forget, const std::string& job) { board->forget(job); },
    [board](const cluster_snapshot_ptr& cluster) { board->show(cluster); },
  };
}

}  // namespace flott
