#pragma once

#include "messages/job.pb.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace flott {

/// Flink's names: "RUNNING", "CANCELLING" (a job, two Ls), "CANCELING" (a task, one L).
[[nodiscard]] std::string_view to_string(msg::JobState state);
[[nodiscard]] std::string_view to_string(msg::TaskState state);
[[nodiscard]] std::optional<msg::JobState> parse_job_state(std::string_view name);

/// Whether Flink's tables of legal moves hold this one. Staying where one is, is no move.
[[nodiscard]] bool can_move(msg::JobState from, msg::JobState to);
[[nodiscard]] bool can_move(msg::TaskState from, msg::TaskState to);

/// FINISHED, FAILED, CANCELED: nothing follows, on any node. (SUSPENDED ends a job on one JobManager only.)
[[nodiscard]] bool is_terminal(msg::JobState state);
[[nodiscard]] bool is_terminal(msg::TaskState state);

/// The state a vertex shows for all of its subtasks, by Flink's rule: FAILED, CANCELING, CANCELED, INITIALIZING or RUNNING
/// if any subtask is (in this order); else FINISHED if all have, RUNNING if some have; else CREATED.
/// `counts` is indexed by msg::TaskState.
[[nodiscard]] msg::TaskState aggregate_state(const std::uint32_t (&counts)[msg::TaskState_ARRAYSIZE]);

}  // namespace flott
