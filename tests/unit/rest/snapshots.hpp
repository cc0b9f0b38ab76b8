#pragma once

#include "messages/cluster.pb.h"
#include "messages/job.pb.h"

#include <string>

namespace flott::testing {

inline constexpr std::int64_t now = 1'700'000'010'000;
inline const std::string job_hex = "0123456789abcdef0123456789abcdef";
inline const std::string source_hex(32, 'a'), sink_hex(32, 'b');

/// Two vertices: a source of parallelism 2, both running on tm-1, and a sink of parallelism 1 nobody has heard of yet.
inline msg::JobSnapshot running_job() {
  msg::JobSnapshot job;
  job.set_job_id(job_hex);
  job.set_name("word_count <1>");
  job.set_state(msg::JOB_STATE_RUNNING);
  job.set_start_unix_ms(now - 10'000);
  auto* stamp = job.add_timestamps();
  stamp->set_state(msg::JOB_STATE_RUNNING);
  stamp->set_unix_ms(now - 9'000);
  auto& graph = *job.mutable_graph();
  graph.set_bounded(true);
  auto* source = graph.add_vertices();
  source->set_id(source_hex);
  source->set_name("Source: lines -> split");
  source->set_parallelism(2);
  source->set_max_parallelism(128);
  source->set_slot_sharing_group("default");
  auto* sink = graph.add_vertices();
  sink->set_id(sink_hex);
  sink->set_name("count -> Sink: <b>csv</b>");
  sink->set_parallelism(1);
  sink->set_max_parallelism(128);
  sink->set_slot_sharing_group("default");
  auto* edge = graph.add_edges();
  edge->set_source_vertex(source_hex);
  edge->set_target_vertex(sink_hex);
  edge->set_strategy(msg::SHIP_STRATEGY_HASH);
  auto* reported = job.add_vertices();
  reported->set_id(source_hex);
  for (unsigned i = 0; i < 2; ++i) {
    auto* subtask = reported->add_subtasks();
    subtask->set_subtask(i);
    subtask->set_state(msg::TASK_STATE_RUNNING);
    subtask->set_task_manager_id("tm-1");
    subtask->set_host("127.0.0.1:6121");
    subtask->set_start_unix_ms(now - 8'000 + i * 1'000);
    subtask->mutable_counters()->set_records_out(100 * (i + 1));
    subtask->mutable_counters()->set_busy_ns(1'500'000);
  }
  return job;
}

inline msg::JobSnapshot failed_job() {
  msg::JobSnapshot job = running_job();
  job.set_state(msg::JOB_STATE_FAILED);
  job.set_end_unix_ms(now - 1'000);
  for (auto& subtask : *job.mutable_vertices(0)->mutable_subtasks()) {
    subtask.set_state(msg::TASK_STATE_FAILED);
    subtask.set_end_unix_ms(now - 1'000);
  }
  auto& why = *job.mutable_failure();
  why.set_cls(msg::FAILURE_CLASS_PERMANENT);
  why.set_domain(msg::FAILURE_DOMAIN_USER);
  why.set_where("/data/in.txt:7");
  why.set_message("a size is no number");
  auto* entry = job.add_exceptions();
  entry->set_unix_ms(now - 1'000);
  *entry->mutable_failure() = why;
  entry->set_task_name("Source: lines -> split (1/2)");
  entry->set_task_manager_id("tm-1");
  entry->set_endpoint("127.0.0.1:6121");
  return job;
}

inline msg::ClusterSnapshot cluster() {
  msg::ClusterSnapshot all;
  for (const char* id : {"tm-1", "tm-2"}) {
    auto* info = all.add_task_managers();
    info->mutable_node()->set_node_id(id);
    info->mutable_node()->mutable_rpc()->set_host("127.0.0.1");
    info->mutable_node()->mutable_rpc()->set_port(6122);
    info->mutable_node()->mutable_data()->set_port(6121);
    info->mutable_node()->set_memory_bytes(1ull << 30);
    info->set_rss_bytes(20 << 20);
    info->set_last_heartbeat_unix_ms(now - 100);
    for (unsigned i = 0; i < 2; ++i) {
      auto* slot = info->add_slots();
      slot->set_index(i);
      slot->set_state(std::string(id) == "tm-1" ? msg::SLOT_STATE_ACTIVE : msg::SLOT_STATE_FREE);
      if (slot->state() == msg::SLOT_STATE_ACTIVE)
        slot->set_job_id(job_hex);
    }
  }
  for (const auto& [key, value] : {std::pair("rest.port", "8081"), std::pair("some.password", "geheim")}) {
    auto* entry = all.add_configuration();
    entry->set_key(key);
    entry->set_value(value);
  }
  return all;
}

}  // namespace flott::testing
