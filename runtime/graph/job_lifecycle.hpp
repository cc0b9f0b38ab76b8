#pragma once

#include "messages/cluster.pb.h"
#include "runtime/base/instant.hpp"
#include "runtime/graph/execution_graph.hpp"
#include "runtime/scheduling/restart_strategy.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace flott {

struct job_lifecycle_config {
  restart_strategy_config restart;
  std::chrono::milliseconds wait_for_resources{300'000};    ///< job.wait-for-resources
  std::chrono::milliseconds cancellation_timeout{30'000};   ///< task.cancellation.timeout
  std::chrono::milliseconds partial_hold{2'000};            ///< kept slots are given back when the missing ones take longer
  std::uint32_t exceptions_kept = 16;                       ///< web.exception-history-size
  std::uint64_t seed = 0;                                   ///< of the jitter
};

enum class job_timer { restart, replan, slots_retry, partial_hold, wait_for_resources, cancellation, publish_retry };

/// What the actor has to do, in the order given. Answers come back through the job_lifecycle's inputs.
namespace job_action {
struct request_planner { std::vector<std::string> avoid; };       ///< -> planner_found, planner_missing
struct plan { std::string task_manager_id; msg::Address rpc; };   ///< -> planned, plan_failed
struct persist_graph { msg::JobGraph graph; };                    ///< JobPlanned until acknowledged -> graph_persisted
struct request_slots { std::uint32_t count = 0; };                ///< beyond those held -> slots_granted, slots_refused
/// One DeployTasks. -> deploy_failed with the same round, unless it is taken; then task_reports.
struct deploy {
  std::string task_manager_id;
  std::string incarnation;
  msg::Address rpc;
  std::uint32_t round = 0;
  std::vector<msg::TaskDeployment> tasks;
};
struct cancel_tasks { std::string task_manager_id; msg::Address rpc; std::vector<msg::AttemptId> attempts; };
struct release_slots { std::vector<std::string> allocation_ids; };   ///< empty: all, and any request
struct arm_timer { job_timer timer; std::chrono::milliseconds delay; std::uint64_t token; };   ///< -> timer_due
struct persist_commit {                                           ///< CommitDecided until acknowledged -> commit_persisted
  std::vector<msg::Committable> committables;
  std::vector<msg::CollectedRows> collected;
};
struct publish { std::vector<msg::Committable> committables; };   ///< idempotent -> published, publish_failed
struct discard { std::vector<msg::Committable> committables; };   ///< files written aside that nobody will publish
struct clear_outputs { std::vector<std::string> folders; };       ///< of whatever the job has left there unpublished
struct snapshot_changed {};                                       ///< snapshot() has news
struct report_ended { msg::JobSnapshot snapshot; };               ///< JobEnded until acknowledged; then the actor ends
struct abandoned {};                                              ///< another epoch runs the job, or the node stops: just end
}  // namespace job_action

using job_actions_variant =
    std::variant<job_action::request_planner, job_action::plan, job_action::persist_graph, job_action::request_slots,
                 job_action::deploy, job_action::cancel_tasks, job_action::release_slots, job_action::arm_timer,
                 job_action::persist_commit, job_action::publish, job_action::discard, job_action::clear_outputs, job_action::snapshot_changed,
                 job_action::report_ended, job_action::abandoned>;
using job_actions = std::vector<job_actions_variant>;

/// A JobManager's whole life of one job under one epoch, as a pure state machine.
///
///   INITIALIZING   ask for a planner, plan, persist the graph (all skipped when the assignment carries a graph)
///   CREATED        wait for slots
///   RUNNING        deploy, run; then decide the commit, publish
///   RESTARTING     cancel what is left, wait out the delay, get missing slots
///   FAILING, CANCELLING   cancel what is left, or wait until the cancellation timeout
///   FINISHED, FAILED, CANCELED   all slots are released before the end is reported
///
/// Transient failures restart by the strategy; resource failures ask again; permanent ones fail the job. A lost
/// TaskManager restarts the job free of charge and at once (with a delay when it had not come to run since the last
/// loss), unless this job crashed it: the second crash running is permanent. Inputs that do not fit the state (late
/// answers, old attempts, stale timers) are ignored; every input may be called in every state.
class job_lifecycle {
 public:
  /// Errors: a restart configuration out of bounds.
  static result<job_lifecycle> make(msg::AssignJob assignment, job_lifecycle_config config, instant now);

  job_actions start(instant now);

  job_actions planner_found(const std::string& task_manager_id, const msg::Address& rpc, instant now);
  job_actions planner_missing(const failure& error, instant now);
  job_actions planned(msg::JobGraph graph, instant now);
  job_actions plan_failed(const failure& error, instant now);
  job_actions graph_persisted(instant now);

  /// Requires: granted to this epoch. Slots that nobody waits for any more are released again.
  job_actions slots_granted(const std::vector<msg::SlotGrant>& slots, instant now);
  job_actions slots_refused(const failure& error, instant now);
  /// The ResourceManager has been restarted, or was not reached: what is outstanding is asked for again.
  job_actions resource_manager_changed(instant now);

  job_actions deploy_failed(const std::string& task_manager_id, std::uint32_t round, const failure& error, instant now);
  job_actions task_reports(const std::string& task_manager_id,
                           const google::protobuf::RepeatedPtrField<msg::TaskReport>& reports, instant now);
  /// May come twice for one incarnation: when the connection closes (signal 0), and when the cause is known.
  job_actions task_manager_lost(const msg::TaskManagerLost& lost, instant now);

  job_actions cancel_requested(instant now);
  job_actions timer_due(job_timer timer, std::uint64_t token, instant now);

  job_actions commit_persisted(instant now);
  job_actions published(instant now);
  job_actions publish_failed(const failure& error, instant now);

  /// The job belongs to another epoch by now, or this node stops: tasks of this epoch are cancelled, nothing reported.
  job_actions suspend(instant now);

  [[nodiscard]] msg::JobState state() const { return state_; }
  [[nodiscard]] bool ended() const;
  [[nodiscard]] const std::string& job_id() const { return spec_.job_id(); }
  [[nodiscard]] std::uint64_t epoch() const { return epoch_; }
  [[nodiscard]] const msg::JobSpec& spec() const { return spec_; }
  /// Null before the job is planned.
  [[nodiscard]] const execution_graph* graph() const { return graph_ ? &*graph_ : nullptr; }
  /// The TaskManagers whose slots it holds, by id, to heartbeat to; with the planner while it plans.
  [[nodiscard]] std::map<std::string, msg::SlotGrant> task_managers() const;
  /// Bounded; its version moves with every change of the job, counters included.
  [[nodiscard]] msg::JobSnapshot snapshot() const;
  /// Folders in which the job's tasks may have left what nobody will publish; none once its results are being decided on.
  [[nodiscard]] std::vector<std::string> unpublished_outputs() const;
  /// Moves of the job or its tasks that the tables forbid. Not 0: a bug.
  [[nodiscard]] std::uint32_t illegal_moves() const;

 private:
  enum class step { not_started, planning, waiting, running, stopping, delaying, committing, publishing, ended };
  enum class after_stop { restart, fail, cancel };
  /// One input: when it came, and what follows from it.
  struct step_context {
    instant now;
    job_actions actions;
    bool news = false;                      // the snapshot has changed
  };
  using task_manager_key = std::pair<std::string, std::string>;   // id, incarnation

  job_lifecycle() = default;

  job_actions finish(step_context& c);
  void enter(step_context& c, msg::JobState to);

  // planning
  void ask_for_planner(step_context& c, std::chrono::milliseconds delay);
  void plan_again(step_context& c, const failure& error);
  void adopt_graph(step_context& c, msg::JobGraph graph);

  // slots and deployment
  void get_slots(step_context& c);
  void deploy_if_ready(step_context& c);
  void release(step_context& c, std::vector<std::string> ids);
  void release_all(step_context& c);
  void drop_slots_of(const std::string& task_manager_id, const std::string& incarnation, bool give_back, step_context& c);

  // failures and restarts
  void task_failed(step_context& c, const failure& error, const task_location& where);
  bool charge_crash(step_context& c, const msg::TaskManagerLost& lost);
  void restart_after_failure(step_context& c, const failure& error, const task_location& where);
  void restart_free(step_context& c, const failure& error, const task_location& where);
  void begin_restart(step_context& c, std::chrono::milliseconds delay);
  void upgrade_incident(step_context& c);
  [[nodiscard]] std::chrono::milliseconds free_restart_delay();
  void wait_or_deploy(step_context& c);
  void waited_too_long(step_context& c);
  void give_up_stopping(step_context& c);
  void fail_job(step_context& c, const failure& error, const task_location& where);
  void stop_tasks(step_context& c, after_stop then);
  void cancel_attempts(step_context& c, const std::map<std::string, std::vector<msg::AttemptId>>& attempts);
  void stopped_if_all_ended(step_context& c);
  void stopped(step_context& c);

  // the end
  void begin_commit(step_context& c);
  void begin_publish(step_context& c);
  void end(step_context& c, msg::JobState with);

  void record_exception(step_context& c, const failure& error, const task_location& where);
  void arm(step_context& c, job_timer timer, std::chrono::milliseconds delay);
  void disarm(job_timer timer) { tokens_.erase(timer); }
  [[nodiscard]] bool restarting() const;
  double random();

  msg::JobSpec spec_;
  std::uint64_t epoch_ = 0;
  job_lifecycle_config config_;
  std::unique_ptr<restart_strategy> strategy_;
  std::mt19937_64 random_;

  msg::AssignJob assignment_;               // graph and commit of a former epoch
  msg::JobState state_ = msg::JOB_STATE_INITIALIZING;
  step step_ = step::not_started;
  after_stop then_ = after_stop::restart;
  bool cancel_asked_ = false;

  // planning
  std::string planner_id_;
  msg::Address planner_rpc_;
  bool plan_sent_ = false;                  // an answer of planner_id_ is awaited
  std::vector<std::string> avoid_;
  std::uint32_t plan_tries_ = 0;
  bool graph_durable_ = false;

  // slots, in the order of their grants
  std::optional<execution_graph> graph_;
  std::vector<msg::SlotGrant> slots_;
  std::uint32_t requested_ = 0;             // outstanding
  std::map<std::string, msg::Address> rpc_;             // of every TaskManager that granted a slot, the newest

  // running and restarting
  std::uint32_t round_ = 0;
  std::uint32_t restarts_ = 0;
  std::unique_ptr<restart_strategy> before_incident_;   // to take a charge back
  std::chrono::steady_clock::time_point restart_due_{};
  bool incident_is_free_ = false;
  bool ran_since_loss_ = true;
  std::uint32_t loss_streak_ = 0;           // losses without having come to run in between
  std::uint32_t crashes_ = 0;               // of TaskManagers by this job, running
  std::chrono::steady_clock::time_point last_crash_{};
  std::map<task_manager_key, bool> lost_;   // whether its crash has been charged

  // commit
  std::vector<msg::Committable> committables_;
  std::vector<msg::CollectedRows> collected_;
  std::uint32_t publish_tries_ = 0;

  // shown
  std::map<int, std::int64_t> timestamps_;
  std::vector<msg::ExceptionEntry> exceptions_;   // newest first
  std::optional<failure> failure_;
  std::int64_t start_unix_ms_ = 0, end_unix_ms_ = 0;
  std::uint64_t version_ = 1;

  std::uint32_t illegal_moves_ = 0;
  std::map<job_timer, std::uint64_t> tokens_;
  std::uint64_t next_token_ = 1;
};

}  // namespace flott
