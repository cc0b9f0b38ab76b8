#pragma once

#include "messages/cluster.pb.h"
#include "runtime/base/instant.hpp"
#include "runtime/base/result.hpp"
#include "runtime/scheduling/job_placement.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace flott {

struct job_registry_config {
  std::uint32_t max_jobs_per_node = 1000;             ///< jobmanager-node.max-jobs
  std::uint32_t max_unfinished_jobs = 100'000;        ///< more are refused with 429
  std::uint32_t retained_jobs = 1000;                 ///< ended jobs that stay visible
  std::chrono::milliseconds recovery_grace{3'000};    ///< how long a restarted dispatcher waits for a job's node
  std::uint32_t max_returns = 5;                      ///< crashes of a job's JobManager before the job fails
  std::chrono::milliseconds assign_retry{500};        ///< before a node that refused a job is asked again
};

/// What the DISPATCHER has to do, in the order given. A `persist` that fails stops the list: call persist_failed().
namespace registry_action {
struct persist { msg::StoredJob job; };                        ///< durable before what follows
struct remove { std::string job_id; };                         ///< from the store: retention
/// One AssignJob; dispatcher and blob addresses are the actor's to fill in. -> assign_answered.
struct assign { std::string node_id; msg::Address rpc; msg::AssignJob message; };
/// One CancelJob to the JobManager of the job.
struct cancel { std::string node_id; msg::Address rpc; std::string job_id; std::uint64_t epoch = 0; };
struct ended { std::string job_id; msg::JobState state; };     ///< for metrics, log, and the ResourceManager's job_ended
}  // namespace registry_action

using registry_action_variant = std::variant<registry_action::persist, registry_action::remove, registry_action::assign,
                                             registry_action::cancel, registry_action::ended>;
using registry_actions = std::vector<registry_action_variant>;

/// All jobs of a cluster, as its DISPATCHER sees them: accepted, assigned to a JobManager node under an epoch, ended.
///
/// Epochs start at 1 and move with every assignment; an epoch is durable before the node hears of it. Jobs without a
/// node wait in the order of their submission. After a dispatcher's restart the stored jobs wait `recovery_grace` for
/// a node that still runs them (same job, same epoch), and are assigned anew otherwise.
class job_registry {
 public:
  explicit job_registry(job_registry_config config);

  /// What the store held, once, before anything else.
  registry_actions recover(std::vector<msg::StoredJob> jobs, instant now);

  struct submission {
    msg::SubmitReply reply;       ///< sent once the actions are done
    registry_actions actions;
  };
  /// Requires a valid spec (hex id, function). Idempotent by job id: the same module, function and parameters are
  /// answered as the first time, others with 409; too many unfinished jobs 429.
  submission submit(const msg::JobSpec& spec, instant now);
  /// The job's record is durable: from now on a repeated submission is answered without writing it again.
  void persisted(const std::string& job_id);
  /// The job's `persist` failed. A new job is forgotten, and the reply for its submitter (503) returned. A known job
  /// that was about to be assigned waits again; a fact is refused, so that its JobManager tells it again.
  std::optional<msg::SubmitReply> persist_failed(const std::string& job_id, const failure& error, instant now);

  struct cancellation {
    msg::CancelReply reply;       ///< 202; 404 unknown; 409 ended
    registry_actions actions;
  };
  cancellation cancel(const std::string& job_id, instant now);

  struct registration {
    std::vector<msg::JobReport> unwanted;   ///< reported, but assigned elsewhere or ended
    registry_actions actions;
  };
  /// A JobManager node registers, also again: jobs it reports are reclaimed, jobs it should have and lacks are assigned
  /// anew, waiting ones are given out.
  registration node_registered(const msg::RegisterNode& node, instant now);
  registry_actions node_lost(const std::string& node_id, const std::string& incarnation, instant now);
  registry_actions assign_answered(const std::string& job_id, std::uint64_t epoch, const std::optional<failure>& error,
                                   instant now);

  /// Facts from JobManagers. Errors: unknown job or stale epoch (permanent): the sender drops the job. A fact that is
  /// told again is acknowledged again.
  result<registry_actions> planned(const msg::JobPlanned& fact, instant now);
  result<registry_actions> commit_decided(const msg::CommitDecided& fact, instant now);
  result<registry_actions> ended(const msg::JobEnded& fact, instant now);
  /// The job's JobManager crashed on a node that lives: the job is assigned anew, or fails when that has happened
  /// `max_returns` times.
  result<registry_actions> returned(const msg::ReturnJob& fact, instant now);
  /// Takes the snapshots that are newer; returns the jobs that the node should drop.
  std::vector<std::string> snapshots(const msg::JobSnapshots& message);

  /// Call about twice a second: recovery grace and refused assignments.
  registry_actions tick(instant now);

  /// The job as stored, with the newest snapshot; null when unknown.
  [[nodiscard]] const msg::StoredJob* find(const std::string& job_id) const;
  /// The newest snapshot; never absent for a known job.
  [[nodiscard]] const msg::JobSnapshot* snapshot(const std::string& job_id) const;
  /// In the order of submission, oldest first.
  [[nodiscard]] std::vector<const msg::JobSnapshot*> all() const;
  /// Indexed by msg::JobState.
  [[nodiscard]] std::vector<std::uint32_t> counts() const;
  [[nodiscard]] std::size_t unfinished() const { return unfinished_; }
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  [[nodiscard]] const job_placement& placement() const { return placement_; }

 private:
  enum class phase { waiting, assigning, assigned, recovering, ended };
  struct entry {
    msg::StoredJob stored;
    phase where = phase::waiting;
    std::uint64_t sequence = 0;
    bool fresh = true;                       // not durable yet
    std::uint32_t returns = 0;
    std::string avoid;                       // until `not_before`: the node that refused it last
    std::chrono::steady_clock::time_point not_before{};
  };

  result<entry*> current(const std::string& job_id, std::uint64_t epoch);
  void wait(entry& job);
  void give_out(registry_actions& out, instant now);
  void assign(registry_actions& out, entry& job, const std::string& node_id);
  void tell_cancel(registry_actions& out, const entry& job) const;
  void finish(registry_actions& out, entry& job, instant now);
  void end_here(registry_actions& out, entry& job, msg::JobState with, const std::optional<failure>& error, instant now);
  void retire(registry_actions& out);
  void forget(const std::string& job_id);

  job_registry_config config_;
  job_placement placement_;
  std::map<std::string, entry> jobs_;
  std::map<std::uint64_t, std::string> by_sequence_;
  std::set<std::uint64_t> waiting_;          // sequences
  std::deque<std::string> ended_;            // oldest end first
  std::uint64_t next_sequence_ = 1;
  std::size_t unfinished_ = 0;
};

}  // namespace flott
