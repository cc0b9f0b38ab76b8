#pragma once

#include "messages/cluster.pb.h"
#include "messages/job.pb.h"
#include "messages/task.pb.h"

#include <string>
#include <vector>

namespace flott::testing {

inline void add_vertex(msg::JobGraph& graph, const std::string& id, std::uint32_t parallelism,
                       const std::string& group = "default") {
  auto& v = *graph.add_vertices();
  v.set_id(id);
  v.set_name(id);
  v.set_parallelism(parallelism);
  v.set_slot_sharing_group(group);
}

inline void add_edge(msg::JobGraph& graph, const std::string& source, const std::string& target,
                     msg::ShipStrategy strategy) {
  auto& e = *graph.add_edges();
  e.set_id(static_cast<std::uint32_t>(graph.edges_size() - 1));
  e.set_source_vertex(source);
  e.set_target_vertex(target);
  e.set_strategy(strategy);
}

/// lines (2) -> words (2, forward) -> counts (1, hash)
inline msg::JobGraph word_count_graph() {
  msg::JobGraph graph;
  graph.add_output_folders("/out");
  add_vertex(graph, "lines", 2);
  add_vertex(graph, "words", 2);
  add_vertex(graph, "counts", 1);
  add_edge(graph, "lines", "words", msg::SHIP_STRATEGY_FORWARD);
  add_edge(graph, "words", "counts", msg::SHIP_STRATEGY_HASH);
  return graph;
}

inline msg::SlotGrant slot(const std::string& allocation, const std::string& task_manager,
                           const std::string& incarnation = "i1") {
  msg::SlotGrant g;
  g.set_allocation_id(allocation);
  g.set_task_manager_id(task_manager);
  g.set_task_manager_incarnation(incarnation);
  g.mutable_rpc()->set_host(task_manager);
  g.mutable_data()->set_host(task_manager);
  g.mutable_data()->set_port(7);
  return g;
}

inline msg::TaskReport report_of(const msg::AttemptId& attempt, msg::TaskState state, std::int64_t unix_ms = 1) {
  msg::TaskReport r;
  *r.mutable_attempt() = attempt;
  r.set_state(state);
  r.set_unix_ms(unix_ms);
  return r;
}

}  // namespace flott::testing
