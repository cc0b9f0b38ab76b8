#pragma once

#include "actors/task_manager.hpp"

/// What the files of the TASK MANAGER share.
namespace flott::task_manager_parts {

using self_ptr = task_manager_actor::stateful_pointer<task_manager_state>;

inline void stamp(msg::Header& header, const task_manager_state& state, std::uint64_t epoch = 0) {
  header.set_incarnation(state.config.self.header().incarnation());
  header.set_epoch(epoch);
}

/// Sends what has not been sent.
void flush(self_ptr self);
/// Keeps the newest report of an attempt, for this message and for heartbeats.
void keep_report(self_ptr self, const msg::TaskReport& report);
/// Reports an attempt as failed on behalf of a TASK that could not.
void report_failed(self_ptr self, const msg::AttemptId& attempt, const failure& why);
/// What became of earlier attempts of a subtask interests nobody once the next one is there.
void forget_earlier_attempts(task_manager_job& job, const msg::AttemptId& next);
/// What runs for the job, for a job manager that may have missed something.
[[nodiscard]] msg::JobHeartbeatReply answer_heartbeat(self_ptr self, const msg::JobHeartbeat& pulse);

}  // namespace flott::task_manager_parts
