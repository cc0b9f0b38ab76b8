#pragma once

/// TASK owns one attempt: an actor outside, a loop on the data plane inside.
///
/// Lives  one per deployed attempt; temporary child of the TaskManager's supervisor.
/// Hears  task_event from the data plane; cancel from its TASK MANAGER.
/// Tells  its TASK MANAGER every change of state, and ends with the attempt.
/// Keeps  the attempt's handle: whatever ends this actor ends the attempt.

#include "actors/interfaces.hpp"
#include "metrics/registry.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace flott {

class env;
class task_probe;

/// The one text form of an attempt's name, for maps and logs: "vertex:subtask#attempt@epoch".
std::string attempt_key(const msg::AttemptId& attempt);

/// The attempts that run in this process, for those who sample their counters. Threads: any.
class task_board {
 public:
  void enter(const msg::AttemptId& attempt, std::shared_ptr<const task_handle> handle);
  void leave(const msg::AttemptId& attempt);
  [[nodiscard]] std::vector<std::pair<msg::AttemptId, msg::TaskCounters>> counters() const;
  [[nodiscard]] std::vector<std::pair<msg::AttemptId, msg::TaskCounters>> counters(const std::string& job) const;
  /// How long the attempt's current call into user code has been running; zero between calls, or when it is not here.
  [[nodiscard]] std::chrono::nanoseconds in_call_for(const msg::AttemptId& attempt) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::pair<msg::AttemptId, std::shared_ptr<const task_handle>>> tasks_;
};

struct task_config {
  msg::TaskDeployment deployment;
  msg::JobSpec spec;
  compiled_job_ptr job;
  data_plane* plane = nullptr;
  task_board* board = nullptr;
  env* environment = nullptr;
  task_probe* probe = nullptr;                      ///< may be null
};

struct task_state {
  task_state() {}                                   // NOLINT: an aggregate state would take CAF's arguments
  task_config config;
  task_manager_actor owner;
  std::shared_ptr<task_handle> handle;
  metric_registration shown;                        ///< ends before the handle
  bool ended = false, canceling = false;
  static inline const char* name = "task";
  ~task_state();
};

task_actor::behavior_type task(task_actor::stateful_pointer<task_state> self, task_config config,
                               task_manager_actor owner);

}  // namespace flott
