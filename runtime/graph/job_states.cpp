#include "runtime/graph/job_states.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace flott {
namespace {

using namespace msg;

// Flink's JobStatus, with the moves its scheduler makes.
constexpr std::pair<JobState, JobState> job_moves[] = {
    {JOB_STATE_INITIALIZING, JOB_STATE_CREATED},    {JOB_STATE_INITIALIZING, JOB_STATE_FAILED},
    {JOB_STATE_INITIALIZING, JOB_STATE_CANCELED},   {JOB_STATE_INITIALIZING, JOB_STATE_SUSPENDED},
    {JOB_STATE_CREATED, JOB_STATE_RUNNING},         {JOB_STATE_CREATED, JOB_STATE_FAILING},
    {JOB_STATE_CREATED, JOB_STATE_CANCELLING},      {JOB_STATE_CREATED, JOB_STATE_SUSPENDED},
    {JOB_STATE_RUNNING, JOB_STATE_RESTARTING},      {JOB_STATE_RUNNING, JOB_STATE_FAILING},
    {JOB_STATE_RUNNING, JOB_STATE_CANCELLING},      {JOB_STATE_RUNNING, JOB_STATE_FINISHED},
    {JOB_STATE_RUNNING, JOB_STATE_SUSPENDED},       {JOB_STATE_RESTARTING, JOB_STATE_RUNNING},
    {JOB_STATE_RESTARTING, JOB_STATE_FAILING},      {JOB_STATE_RESTARTING, JOB_STATE_CANCELLING},
    {JOB_STATE_RESTARTING, JOB_STATE_SUSPENDED},    {JOB_STATE_FAILING, JOB_STATE_FAILED},
    {JOB_STATE_FAILING, JOB_STATE_CANCELLING},      {JOB_STATE_FAILING, JOB_STATE_SUSPENDED},
    {JOB_STATE_CANCELLING, JOB_STATE_CANCELED},     {JOB_STATE_CANCELLING, JOB_STATE_FAILED},
    {JOB_STATE_CANCELLING, JOB_STATE_FAILING},      {JOB_STATE_CANCELLING, JOB_STATE_SUSPENDED},
    {JOB_STATE_RECONCILING, JOB_STATE_RUNNING},     {JOB_STATE_RECONCILING, JOB_STATE_FAILING},
    {JOB_STATE_RECONCILING, JOB_STATE_CANCELLING},  {JOB_STATE_RECONCILING, JOB_STATE_SUSPENDED},
};

// Flink's ExecutionState. Besides these, every state that is not terminal may move to FAILED, and RECONCILING to all.
constexpr std::pair<TaskState, TaskState> task_moves[] = {
    {TASK_STATE_CREATED, TASK_STATE_SCHEDULED},      {TASK_STATE_CREATED, TASK_STATE_CANCELED},
    {TASK_STATE_CREATED, TASK_STATE_RECONCILING},    {TASK_STATE_SCHEDULED, TASK_STATE_DEPLOYING},
    {TASK_STATE_SCHEDULED, TASK_STATE_CANCELED},     {TASK_STATE_DEPLOYING, TASK_STATE_INITIALIZING},
    {TASK_STATE_DEPLOYING, TASK_STATE_CANCELING},    {TASK_STATE_INITIALIZING, TASK_STATE_RUNNING},
    {TASK_STATE_INITIALIZING, TASK_STATE_CANCELING}, {TASK_STATE_RUNNING, TASK_STATE_FINISHED},
    {TASK_STATE_RUNNING, TASK_STATE_CANCELING},      {TASK_STATE_CANCELING, TASK_STATE_CANCELED},
};

// Indexed by the enums' numbers, which never change.
constexpr std::array<std::string_view, JobState_ARRAYSIZE> job_names = {
    "UNSPECIFIED", "INITIALIZING", "CREATED",  "RUNNING",    "FAILING",   "FAILED",
    "CANCELLING",  "CANCELED",     "FINISHED", "RESTARTING", "SUSPENDED", "RECONCILING"};
constexpr std::array<std::string_view, TaskState_ARRAYSIZE> task_names = {
    "UNSPECIFIED", "CREATED",  "SCHEDULED", "DEPLOYING", "INITIALIZING", "RUNNING",
    "FINISHED",    "CANCELING", "CANCELED",  "FAILED",    "RECONCILING"};

}  // namespace

std::string_view to_string(msg::JobState state) {
  return JobState_IsValid(state) ? job_names[static_cast<std::size_t>(state)] : job_names[0];
}

std::string_view to_string(msg::TaskState state) {
  return TaskState_IsValid(state) ? task_names[static_cast<std::size_t>(state)] : task_names[0];
}

std::optional<msg::JobState> parse_job_state(std::string_view name) {
  for (std::size_t i = 1; i < job_names.size(); ++i)
    if (job_names[i] == name)
      return static_cast<JobState>(i);
  return std::nullopt;
}

bool can_move(msg::JobState from, msg::JobState to) {
  return std::find(std::begin(job_moves), std::end(job_moves), std::pair{from, to}) != std::end(job_moves);
}

bool can_move(msg::TaskState from, msg::TaskState to) {
  if (from == to || is_terminal(from) || from == TASK_STATE_UNSPECIFIED || to == TASK_STATE_UNSPECIFIED)
    return false;
  if (to == TASK_STATE_FAILED || from == TASK_STATE_RECONCILING)
    return true;
  return std::find(std::begin(task_moves), std::end(task_moves), std::pair{from, to}) != std::end(task_moves);
}

bool is_terminal(msg::JobState state) {
  return state == JOB_STATE_FINISHED || state == JOB_STATE_FAILED || state == JOB_STATE_CANCELED;
}

bool is_terminal(msg::TaskState state) {
  return state == TASK_STATE_FINISHED || state == TASK_STATE_FAILED || state == TASK_STATE_CANCELED;
}

msg::TaskState aggregate_state(const std::uint32_t (&counts)[msg::TaskState_ARRAYSIZE]) {
  for (const auto state : {TASK_STATE_FAILED, TASK_STATE_CANCELING, TASK_STATE_CANCELED, TASK_STATE_INITIALIZING,
                           TASK_STATE_RUNNING})
    if (counts[state] > 0)
      return state;
  if (counts[TASK_STATE_FINISHED] == 0)
    return TASK_STATE_CREATED;
  for (const auto state : {TASK_STATE_CREATED, TASK_STATE_SCHEDULED, TASK_STATE_DEPLOYING, TASK_STATE_RECONCILING})
    if (counts[state] > 0)
      return TASK_STATE_RUNNING;
  return TASK_STATE_FINISHED;
}

}  // namespace flott
