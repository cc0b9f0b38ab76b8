#include "runtime/rest/documents.hpp"
#include "runtime/rest/json_parts.hpp"

#include <map>

namespace flott::rest {
namespace {

std::optional<vertex_view> find(const msg::JobSnapshot& job, std::string_view id) {
  for (auto& view : view_of(job))
    if (view.vertex->id() == id)
      return std::move(view);
  return std::nullopt;
}

std::vector<const msg::SubtaskSnapshot*> pointers(const std::vector<msg::SubtaskSnapshot>& subtasks) {
  std::vector<const msg::SubtaskSnapshot*> all;
  for (const auto& subtask : subtasks)
    all.push_back(&subtask);
  return all;
}

json::object head_of(const vertex_view& view, std::int64_t now) {
  return {{"id", text(view.vertex->id())}, {"name", text(view.vertex->name())}, {"now", now}};
}

}  // namespace

std::optional<std::string> vertex_details(const msg::JobSnapshot& job, std::string_view vertex, std::int64_t now) {
  const auto view = find(job, vertex);
  if (!view)
    return std::nullopt;
  json::object details = head_of(*view, now);
  details["parallelism"] = view->vertex->parallelism();
  details["maxParallelism"] = view->vertex->max_parallelism();
  json::array subtasks;
  for (const auto& subtask : view->subtasks)
    subtasks.push_back(subtask_details(subtask, now));
  details["subtasks"] = std::move(subtasks);
  details["aggregated"] = aggregated(pointers(view->subtasks), now);
  return json::serialize(details);
}

std::optional<std::string> vertex_task_managers(const msg::JobSnapshot& job, std::string_view vertex, std::int64_t now) {
  const auto view = find(job, vertex);
  if (!view)
    return std::nullopt;
  std::map<std::string, std::vector<const msg::SubtaskSnapshot*>> groups;
  for (const auto& subtask : view->subtasks)
    groups[subtask.task_manager_id().empty() ? std::string(unassigned) : subtask.task_manager_id()].push_back(&subtask);
  json::array all;
  for (const auto& [id, subtasks] : groups) {
    state_counts counts;
    msg::TaskCounters counters;
    life lived;
    for (const auto* subtask : subtasks) {
      counts.add(subtask->state());
      accumulate(counters, subtask->counters());
      lived.include(*subtask);
    }
    if (!is_terminal(counts.aggregate()))
      lived.end = 0;
    const std::string& host = subtasks.front()->host();
    const std::string_view endpoint = host.empty() ? unassigned : std::string_view(host);
    json::object one{{"endpoint", text(endpoint)}, {"host", text(endpoint.substr(0, endpoint.rfind(':')))},
                     {"status", json::string(name_of(counts.aggregate()))}};
    lived.add_to(one, now);
    one["metrics"] = io_metrics(counters);
    one["status-counts"] = counts.to_json();
    one["taskmanager-id"] = text(id);
    one["aggregated"] = aggregated(subtasks, now);
    all.push_back(std::move(one));
  }
  json::object document = head_of(*view, now);
  document["taskmanagers"] = std::move(all);
  return json::serialize(document);
}

std::optional<std::string> vertex_subtask_times(const msg::JobSnapshot& job, std::string_view vertex, std::int64_t now) {
  const auto view = find(job, vertex);
  if (!view)
    return std::nullopt;
  json::array all;
  for (const auto& subtask : view->subtasks) {
    json::object stamps;
    for (std::size_t state = 1; state <= task_states; ++state)
      stamps[name_of(static_cast<msg::TaskState>(state))] = 0;
    stamps["SCHEDULED"] = subtask.start_unix_ms();
    if (is_terminal(subtask.state()))
      stamps[name_of(subtask.state())] = subtask.end_unix_ms();
    const std::string_view endpoint = subtask.host().empty() ? unassigned : std::string_view(subtask.host());
    life lived;
    lived.include(subtask);
    all.push_back(json::object{{"subtask", subtask.subtask()}, {"endpoint", text(endpoint)},
                               {"host", text(endpoint.substr(0, endpoint.rfind(':')))},
                               {"duration", lived.duration(now)}, {"timestamps", std::move(stamps)}});
  }
  json::object document = head_of(*view, now);
  document["subtasks"] = std::move(all);
  return json::serialize(document);
}

std::optional<std::string> vertex_accumulators(const msg::JobSnapshot& job, std::string_view vertex) {
  const auto view = find(job, vertex);
  if (!view)
    return std::nullopt;
  return json::serialize(json::object{{"id", text(view->vertex->id())}, {"user-accumulators", json::array()}});
}

}  // namespace flott::rest
