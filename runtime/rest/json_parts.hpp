#pragma once

#include "messages/cluster.pb.h"
#include "messages/job.pb.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Pieces that several documents share. For the .cpp files of this folder only.
namespace flott::rest {

namespace json = boost::json;

inline constexpr std::string_view unassigned = "(unassigned)";
inline constexpr std::size_t task_states = 10, job_states = 11;   ///< without UNSPECIFIED

/// Flink's upper-case names; UNSPECIFIED is CREATED of tasks and INITIALIZING of jobs.
[[nodiscard]] std::string_view name_of(msg::TaskState state);
[[nodiscard]] std::string_view name_of(msg::JobState state);
[[nodiscard]] bool is_terminal(msg::JobState state);
[[nodiscard]] bool is_terminal(msg::TaskState state);

/// A string that any JSON reader takes.
[[nodiscard]] json::string text(std::string_view from);
[[nodiscard]] std::string lower_case(std::string_view upper);
/// `&`, `<`, `>` and quotes as entities: Flink's dashboard shows some texts as HTML.
[[nodiscard]] std::string html_escaped(std::string_view from);
/// "BATCH" or "STREAMING"
[[nodiscard]] std::string_view job_type(const msg::JobGraph& graph);

/// How many subtasks are in which state, by msg::TaskState.
struct state_counts {
  std::array<int, task_states + 1> of{};
  void add(msg::TaskState state);
  [[nodiscard]] int total() const;
  /// {"CREATED": 0, ..., "RECONCILING": 0}: every state, always.
  [[nodiscard]] json::object to_json() const;
  /// The state of the whole, by Flink's rule.
  [[nodiscard]] msg::TaskState aggregate() const;
};

/// Beginning and end of something; 0 is never.
struct life {
  std::int64_t start = 0, end = 0;
  void include(const msg::SubtaskSnapshot& subtask);
  [[nodiscard]] std::int64_t duration(std::int64_t now) const;
  /// Adds start-time, end-time and duration; -1 where there is none.
  void add_to(json::object& document, std::int64_t now) const;
};

void accumulate(msg::TaskCounters& sum, const msg::TaskCounters& more);
/// Flink's IOMetricsInfo.
[[nodiscard]] json::object io_metrics(const msg::TaskCounters& counters);

/// A planned vertex with as many subtasks as its parallelism says; those not heard of yet are CREATED.
struct vertex_view {
  const msg::JobVertex* vertex = nullptr;
  std::vector<msg::SubtaskSnapshot> subtasks;
  state_counts counts;
  msg::TaskCounters counters;
  life lived;
};

/// Every vertex of the job's graph, in its order. An ended vertex has an end, a living one none.
[[nodiscard]] std::vector<vertex_view> view_of(const msg::JobSnapshot& job);

/// Flink's AggregatedTaskDetailsInfo of some subtasks: min, max, avg, sum and percentiles of each counter.
[[nodiscard]] json::object aggregated(const std::vector<const msg::SubtaskSnapshot*>& subtasks, std::int64_t now);
/// One subtask's SubtaskExecutionAttemptDetailsInfo.
[[nodiscard]] json::object subtask_details(const msg::SubtaskSnapshot& subtask, std::int64_t now);

/// The value, masked if the key speaks of a secret.
[[nodiscard]] std::string_view shown_value(std::string_view key, std::string_view value);
[[nodiscard]] json::object config_entry(std::string_view key, std::string_view value);

/// Flink's failure-cause: class, stack-trace, and a SerializedThrowable that its Java clients can read.
[[nodiscard]] json::object failure_cause(const msg::Failure& why);
/// "flott.user.permanent"
[[nodiscard]] std::string failure_kind(const msg::Failure& why);
/// "where: message (cause)"
[[nodiscard]] std::string failure_text(const msg::Failure& why);
/// Ours: class, domain, where, message, cause.
[[nodiscard]] json::object failure_document(const msg::Failure& why);

}  // namespace flott::rest
