#include "runtime/graph/execution_graph.hpp"

#include "runtime/graph/job_states.hpp"

#include <algorithm>
#include <iterator>

namespace flott {
namespace {

using namespace msg;

bool is_active(TaskState state) {
  return state == TASK_STATE_DEPLOYING || state == TASK_STATE_INITIALIZING || state == TASK_STATE_RUNNING ||
         state == TASK_STATE_CANCELING;
}

// The states of a healthy life are numbered in its order.
bool is_forward(TaskState state) {
  return state >= TASK_STATE_CREATED && state <= TASK_STATE_FINISHED;
}

failure bad_graph(const std::string& job_id, std::string message) {
  return internal_failure("job graph of " + job_id, std::move(message));
}

std::string endpoint_of(const SlotGrant& slot) {
  return slot.data().host() + ":" + std::to_string(slot.data().port());
}

bool is_in(const SlotGrant& slot, const std::string& task_manager_id, const std::string& incarnation) {
  return slot.task_manager_id() == task_manager_id && slot.task_manager_incarnation() == incarnation;
}

}  // namespace

result<execution_graph> execution_graph::make(std::string job_id, std::uint64_t epoch, msg::JobGraph graph) {
  execution_graph g;
  g.job_id_ = std::move(job_id);
  g.epoch_ = epoch;
  std::map<std::string, std::size_t> groups;
  for (const auto& vertex : graph.vertices()) {
    if (vertex.parallelism() == 0)
      return bad_graph(g.job_id_, "vertex '" + vertex.name() + "' has parallelism 0");
    if (!g.vertex_index_.emplace(vertex.id(), g.vertices_.size()).second)
      return bad_graph(g.job_id_, "vertex id " + vertex.id() + " appears twice");
    vertex_state state;
    state.group = groups.emplace(vertex.slot_sharing_group(), groups.size()).first->second;
    g.group_demand_.resize(groups.size());
    g.group_demand_[state.group] = std::max(g.group_demand_[state.group], vertex.parallelism());
    state.subtasks.resize(vertex.parallelism());
    for (std::uint32_t i = 0; i < vertex.parallelism(); ++i) {
      state.subtasks[i].shown.set_subtask(i);
      state.subtasks[i].shown.set_state(TASK_STATE_CREATED);
    }
    g.total_ += vertex.parallelism();
    g.vertices_.push_back(std::move(state));
  }
  if (g.vertices_.empty())
    return bad_graph(g.job_id_, "it has no vertices");
  for (int i = 0; i < graph.edges_size(); ++i) {
    const auto& edge = graph.edges(i);
    const auto source = g.vertex_index_.find(edge.source_vertex());
    const auto target = g.vertex_index_.find(edge.target_vertex());
    const auto name = "edge " + std::to_string(i);
    if (edge.id() != static_cast<std::uint32_t>(i))
      return bad_graph(g.job_id_, name + " has id " + std::to_string(edge.id()));
    if (source == g.vertex_index_.end() || target == g.vertex_index_.end())
      return bad_graph(g.job_id_, name + " names an unknown vertex");
    if (source->second >= target->second)
      return bad_graph(g.job_id_, name + " leads backwards: vertices must be in topological order");
    if (edge.strategy() == SHIP_STRATEGY_FORWARD &&
        g.vertices_[source->second].subtasks.size() != g.vertices_[target->second].subtasks.size())
      return bad_graph(g.job_id_, name + " is FORWARD between different parallelisms");
  }
  g.counts_[TASK_STATE_CREATED] = g.total_;
  g.graph_ = std::move(graph);
  return g;
}

template <class Visit>
void execution_graph::for_each(Visit visit) {
  for (std::size_t v = 0; v < vertices_.size(); ++v)
    for (std::uint32_t i = 0; i < vertices_[v].subtasks.size(); ++i)
      visit(v, i, vertices_[v].subtasks[i]);
}

std::uint32_t execution_graph::slots_needed() const {
  std::uint32_t sum = 0;
  for (const auto demand : group_demand_)
    sum += demand;
  return sum;
}

result<void> execution_graph::assign(std::span<const msg::SlotGrant> slots, std::int64_t unix_ms) {
  if (!all_in(TASK_STATE_CREATED))
    return internal_failure("job " + job_id_, "slots were assigned to a graph that is under way");
  if (slots.size() < slots_needed())
    return resource_failure("job " + job_id_, "it needs " + std::to_string(slots_needed()) + " slots and has " +
                                                  std::to_string(slots.size()));
  std::vector<std::size_t> first_of_group;
  std::size_t next = 0;
  for (const auto demand : group_demand_) {
    first_of_group.push_back(next);
    next += demand;
  }
  for_each([&](std::size_t v, std::uint32_t i, subtask_state& subtask) {
    subtask.slot = slots[first_of_group[vertices_[v].group] + i];
    subtask.shown.set_task_manager_id(subtask.slot.task_manager_id());
    subtask.shown.set_host(endpoint_of(subtask.slot));
    move(subtask, TASK_STATE_SCHEDULED, unix_ms);
  });
  return {};
}

std::map<std::string, std::vector<msg::TaskDeployment>> execution_graph::deployments() const {
  std::map<std::string, std::vector<TaskDeployment>> by_task_manager;
  for (std::size_t v = 0; v < vertices_.size(); ++v) {
    const auto& id = graph_.vertices(static_cast<int>(v)).id();
    for (std::uint32_t i = 0; i < vertices_[v].subtasks.size(); ++i) {
      const auto& subtask = vertices_[v].subtasks[i];
      TaskDeployment deployment;
      *deployment.mutable_attempt() = attempt_of(v, i);
      deployment.set_allocation_id(subtask.slot.allocation_id());
      for (const auto& edge : graph_.edges()) {
        if (edge.target_vertex() == id) {
          auto& input = *deployment.add_inputs();
          input.set_edge(edge.id());
          const auto source = vertex_index_.at(edge.source_vertex());
          const auto& producers = vertices_[source].subtasks;
          for (std::uint32_t p = 0; p < producers.size(); ++p) {
            if (edge.strategy() == SHIP_STRATEGY_FORWARD && p != i)
              continue;
            auto& location = *input.add_producers();
            *location.mutable_attempt() = attempt_of(source, p);
            location.set_task_manager_incarnation(producers[p].slot.task_manager_incarnation());
            location.set_data_host(producers[p].slot.data().host());
            location.set_data_port(producers[p].slot.data().port());
          }
        }
        if (edge.source_vertex() == id) {
          auto& output = *deployment.add_outputs();
          output.set_edge(edge.id());
          output.set_consumers(
              static_cast<std::uint32_t>(vertices_[vertex_index_.at(edge.target_vertex())].subtasks.size()));
        }
      }
      by_task_manager[subtask.slot.task_manager_id()].push_back(std::move(deployment));
    }
  }
  return by_task_manager;
}

void execution_graph::mark_deploying(std::int64_t unix_ms) {
  for_each([&](std::size_t, std::uint32_t, subtask_state& subtask) {
    if (subtask.shown.state() == TASK_STATE_SCHEDULED)
      move(subtask, TASK_STATE_DEPLOYING, unix_ms);
  });
}

report_result execution_graph::apply(const msg::TaskReport& report, const std::string& task_manager_id) {
  const auto& id = report.attempt();
  const auto vertex = vertex_index_.find(id.vertex_id());
  if (id.job_id() != job_id_ || id.epoch() != epoch_ || vertex == vertex_index_.end() ||
      id.subtask() >= vertices_[vertex->second].subtasks.size())
    return {};
  auto& subtask = vertices_[vertex->second].subtasks[id.subtask()];
  const auto from = subtask.shown.state();
  const auto to = report.state();
  report_result stale;
  stale.zombie = id.attempt() < subtask.shown.attempt() && is_active(to) && to != TASK_STATE_CANCELING;
  if (id.attempt() != subtask.shown.attempt() || is_terminal(from) || from == TASK_STATE_CREATED ||
      task_manager_id != subtask.slot.task_manager_id())
    return stale;

  report_result unchanged;
  unchanged.effect = report_effect::unchanged;
  if (report.has_counters())
    *subtask.shown.mutable_counters() = report.counters();
  if (to == TASK_STATE_FINISHED) {
    subtask.committables.assign(report.committables().begin(), report.committables().end());
    subtask.collected.assign(report.collected().begin(), report.collected().end());
  }
  if (from == TASK_STATE_CANCELING) {
    if (!is_terminal(to)) {
      unchanged.zombie = to != TASK_STATE_CANCELING;   // it has not heard of it, or was deployed behind the cancellation
      return unchanged;
    }
    if (cancel_asked_) {
      // Whatever way it ended: it was told to, and an error on the way out is a consequence.
      move(subtask, TASK_STATE_CANCELED, report.unix_ms());
      return moved();
    }
  }
  if (to == TASK_STATE_FAILED || to == TASK_STATE_CANCELED || from == TASK_STATE_CANCELING) {
    report_result failed;
    failed.effect = report_effect::failed;
    failed.failed_task = location_of(vertex->second, id.subtask());
    failed.failed_task.operator_name = report.operator_name();
    if (to == TASK_STATE_FAILED)
      failed.error = report.has_failure() ? from_proto(report.failure())
                                          : internal_failure(failed.failed_task.task_name, "it failed without a cause");
    else
      failed.error = transient_failure(failed.failed_task.task_name, "its TaskManager cancelled it");
    walk(subtask, to == TASK_STATE_FINISHED ? TASK_STATE_CANCELED : to, report.unix_ms());
    return failed;
  }
  if (to == TASK_STATE_CANCELING || (is_forward(to) && to > from)) {
    walk(subtask, to, report.unix_ms());
    return moved();
  }
  return unchanged;
}

report_result execution_graph::moved() {
  report_result r;
  r.effect = report_effect::changed;
  if (all_in(TASK_STATE_FINISHED)) {
    r.effect = report_effect::all_finished;
  } else if (all_ended()) {
    r.effect = report_effect::all_ended;
  } else if (!was_all_running_ && counts_[TASK_STATE_RUNNING] + counts_[TASK_STATE_FINISHED] == total_) {
    was_all_running_ = true;
    r.effect = report_effect::all_running;
  }
  return r;
}

void execution_graph::mark_finished(std::int64_t unix_ms) {
  for_each([&](std::size_t, std::uint32_t, subtask_state& subtask) {
    if (!is_terminal(subtask.shown.state()))
      walk(subtask, TASK_STATE_FINISHED, unix_ms);
  });
}

void execution_graph::mark_canceling(std::int64_t unix_ms) {
  cancel_asked_ = true;
  for_each([&](std::size_t, std::uint32_t, subtask_state& subtask) {
    const auto state = subtask.shown.state();
    if (state == TASK_STATE_CREATED || state == TASK_STATE_SCHEDULED)
      move(subtask, TASK_STATE_CANCELED, unix_ms);
    else if (is_active(state) && state != TASK_STATE_CANCELING)
      move(subtask, TASK_STATE_CANCELING, unix_ms);
  });
}

std::map<std::string, std::vector<msg::AttemptId>> execution_graph::active_attempts() const {
  std::map<std::string, std::vector<AttemptId>> by_task_manager;
  for (std::size_t v = 0; v < vertices_.size(); ++v)
    for (std::uint32_t i = 0; i < vertices_[v].subtasks.size(); ++i)
      if (is_active(vertices_[v].subtasks[i].shown.state()))
        by_task_manager[vertices_[v].subtasks[i].slot.task_manager_id()].push_back(attempt_of(v, i));
  return by_task_manager;
}

std::vector<task_location> execution_graph::fail_on(const std::string& task_manager_id,
                                                    const std::string& incarnation, std::int64_t unix_ms) {
  std::vector<task_location> failed;
  for_each([&](std::size_t v, std::uint32_t i, subtask_state& subtask) {
    const auto state = subtask.shown.state();
    if (!is_in(subtask.slot, task_manager_id, incarnation) || (!is_active(state) && state != TASK_STATE_SCHEDULED))
      return;
    move(subtask, state == TASK_STATE_CANCELING ? TASK_STATE_CANCELED : TASK_STATE_FAILED, unix_ms);
    failed.push_back(location_of(v, i));
  });
  return failed;
}

bool execution_graph::uses(const std::string& task_manager_id, const std::string& incarnation) const {
  for (const auto& vertex : vertices_)
    for (const auto& subtask : vertex.subtasks)
      if (is_in(subtask.slot, task_manager_id, incarnation) && subtask.shown.state() != TASK_STATE_CREATED)
        return true;
  return false;
}

std::vector<msg::Committable> execution_graph::reset_results() {
  std::vector<Committable> dropped;
  for_each([&](std::size_t, std::uint32_t, subtask_state& subtask) {
    std::move(subtask.committables.begin(), subtask.committables.end(), std::back_inserter(dropped));
    subtask.committables.clear();
    subtask.collected.clear();
  });
  return dropped;
}

std::vector<msg::Committable> execution_graph::reset() {
  auto dropped = reset_results();
  for_each([&](std::size_t, std::uint32_t i, subtask_state& subtask) {
    const auto attempt = subtask.shown.attempt() + 1;
    subtask = {};
    subtask.shown.set_subtask(i);
    subtask.shown.set_attempt(attempt);
    subtask.shown.set_state(TASK_STATE_CREATED);
  });
  std::fill(std::begin(counts_), std::end(counts_), 0U);
  counts_[TASK_STATE_CREATED] = total_;
  was_all_running_ = false;
  cancel_asked_ = false;
  return dropped;
}

bool execution_graph::all_ended() const {
  return counts_[TASK_STATE_FINISHED] + counts_[TASK_STATE_CANCELED] + counts_[TASK_STATE_FAILED] == total_;
}

std::vector<msg::Committable> execution_graph::committables() const {
  std::vector<Committable> all;
  for (const auto& vertex : vertices_)
    for (const auto& subtask : vertex.subtasks)
      if (subtask.shown.state() == TASK_STATE_FINISHED)
        all.insert(all.end(), subtask.committables.begin(), subtask.committables.end());
  return all;
}

/// Drops the last rows of a result until it has at most `most` bytes.
static void cut(msg::CollectedRows& rows, std::size_t most) {
  constexpr std::size_t overhead = 8;                  // a row's tag and length, generously
  std::size_t bytes = 0;
  int kept = 0;
  while (kept < rows.json_rows_size() && (bytes += rows.json_rows(kept).size() + overhead) <= most)
    ++kept;
  if (kept == rows.json_rows_size())
    return;
  rows.mutable_json_rows()->DeleteSubrange(kept, rows.json_rows_size() - kept);
  rows.set_truncated(true);
}

std::vector<msg::CollectedRows> execution_graph::collected() const {
  std::vector<CollectedRows> sinks;
  for (const auto& vertex : vertices_)
    for (const auto& subtask : vertex.subtasks) {
      if (subtask.shown.state() != TASK_STATE_FINISHED)
        continue;
      for (const auto& rows : subtask.collected) {
        const auto known = std::find_if(sinks.begin(), sinks.end(),
                                        [&](const CollectedRows& other) { return other.sink() == rows.sink(); });
        if (known == sinks.end()) {
          sinks.push_back(rows);
          continue;
        }
        known->mutable_json_rows()->MergeFrom(rows.json_rows());
        known->set_truncated(known->truncated() || rows.truncated());
      }
    }
  for (auto& sink : sinks)
    cut(sink, max_collected_bytes / sinks.size());
  return sinks;
}

void execution_graph::fill(msg::JobSnapshot& snapshot) const {
  for (std::size_t v = 0; v < vertices_.size(); ++v) {
    auto& vertex = *snapshot.add_vertices();
    vertex.set_id(graph_.vertices(static_cast<int>(v)).id());
    for (const auto& subtask : vertices_[v].subtasks)
      *vertex.add_subtasks() = subtask.shown;
  }
}

std::string execution_graph::task_name(const std::string& vertex_id, std::uint32_t subtask) const {
  const auto vertex = vertex_index_.find(vertex_id);
  if (vertex == vertex_index_.end())
    return vertex_id + "/" + std::to_string(subtask);
  return graph_.vertices(static_cast<int>(vertex->second)).name() + " (" + std::to_string(subtask + 1) + "/" +
         std::to_string(vertices_[vertex->second].subtasks.size()) + ")";
}

void execution_graph::move(subtask_state& subtask, msg::TaskState to, std::int64_t unix_ms) {
  const auto from = subtask.shown.state();
  illegal_moves_ += can_move(from, to) ? 0 : 1;
  --counts_[from];
  ++counts_[to];
  subtask.shown.set_state(to);
  if (subtask.shown.start_unix_ms() == 0)
    subtask.shown.set_start_unix_ms(unix_ms);
  if (is_terminal(to))
    subtask.shown.set_end_unix_ms(unix_ms);
}

void execution_graph::walk(subtask_state& subtask, msg::TaskState to, std::int64_t unix_ms) {
  if (to == TASK_STATE_CANCELED && is_active(subtask.shown.state()) && subtask.shown.state() != TASK_STATE_CANCELING)
    move(subtask, TASK_STATE_CANCELING, unix_ms);
  if (is_forward(to))
    for (int next = subtask.shown.state() + 1; next < to; ++next)
      move(subtask, static_cast<TaskState>(next), unix_ms);
  if (to == TASK_STATE_CANCELING && subtask.shown.state() == TASK_STATE_SCHEDULED)
    move(subtask, TASK_STATE_DEPLOYING, unix_ms);
  move(subtask, to, unix_ms);
}

msg::AttemptId execution_graph::attempt_of(std::size_t vertex, std::uint32_t subtask) const {
  AttemptId id;
  id.set_job_id(job_id_);
  id.set_vertex_id(graph_.vertices(static_cast<int>(vertex)).id());
  id.set_subtask(subtask);
  id.set_attempt(vertices_[vertex].subtasks[subtask].shown.attempt());
  id.set_epoch(epoch_);
  return id;
}

task_location execution_graph::location_of(std::size_t vertex, std::uint32_t subtask) const {
  const auto& slot = vertices_[vertex].subtasks[subtask].slot;
  return {task_name(graph_.vertices(static_cast<int>(vertex)).id(), subtask), {}, slot.task_manager_id(),
          endpoint_of(slot)};
}

}  // namespace flott
