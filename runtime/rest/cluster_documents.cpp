#include "runtime/rest/documents.hpp"
#include "runtime/rest/json_parts.hpp"

#include <algorithm>
#include <map>

namespace flott::rest {
namespace {

using assigned_tasks = std::map<std::string, int>;   // running subtasks by TaskManager, or by TaskManager and job

std::string flink_version(const product& what) { return "2.4-flott-" + what.version; }

std::string address_of(const msg::Address& address) {
  return address.port() == 0 ? address.host() : address.host() + ":" + std::to_string(address.port());
}

std::string key_of(std::string_view task_manager, std::string_view job) {
  return std::string(task_manager) + "\n" + std::string(job);
}

assigned_tasks count_assigned(const job_list& jobs) {
  assigned_tasks count;
  for (const auto* job : jobs)
    for (const auto& vertex : job->vertices())
      for (const auto& subtask : vertex.subtasks())
        if (!subtask.task_manager_id().empty() && !is_terminal(subtask.state())) {
          ++count[subtask.task_manager_id()];
          ++count[key_of(subtask.task_manager_id(), job->job_id())];
        }
  return count;
}

int count_of(const assigned_tasks& tasks, const std::string& key) {
  const auto found = tasks.find(key);
  return found == tasks.end() ? 0 : found->second;
}

int free_slots(const msg::TaskManagerInfo& info) {
  int free = 0;
  for (const auto& slot : info.slots())
    free += slot.state() == msg::SLOT_STATE_FREE ? 1 : 0;
  return free;
}

/// Shares of the process's memory and cores; Flink counts these in MiB.
json::object resource(const msg::TaskManagerInfo& info, int slots) {
  const int all = std::max(1, info.slots_size());
  const auto mebibytes = static_cast<std::int64_t>(info.node().memory_bytes() >> 20) * slots / all;
  return {{"cpuCores", static_cast<double>(slots)}, {"taskHeapMemory", 0}, {"taskOffHeapMemory", 0},
          {"managedMemory", mebibytes}, {"networkMemory", 0}, {"extendedResources", json::object()}};
}

json::object summary(const msg::TaskManagerInfo& info, const assigned_tasks& tasks) {
  const auto memory = static_cast<std::int64_t>(info.node().memory_bytes());
  const auto used = static_cast<std::int64_t>(info.rss_bytes());
  const int slots = info.slots_size(), free = free_slots(info);
  return {
      {"id", text(info.node().node_id())}, {"path", text(address_of(info.node().rpc()))},
      {"dataPort", info.node().data().port()}, {"jmxPort", -1},
      {"timeSinceLastHeartbeat", info.last_heartbeat_unix_ms()}, {"slotsNumber", slots}, {"freeSlots", free},
      {"totalResource", resource(info, slots)}, {"freeResource", resource(info, free)},
      {"hardware", json::object{{"cpuCores", slots}, {"physicalMemory", memory},
                                {"freeMemory", std::max<std::int64_t>(0, memory - used)}, {"managedMemory", memory}}},
      {"memoryConfiguration",
       json::object{{"frameworkHeap", 0}, {"taskHeap", 0}, {"frameworkOffHeap", 0}, {"taskOffHeap", 0},
                    {"networkMemory", 0}, {"managedMemory", memory}, {"jvmMetaspace", 0}, {"jvmOverhead", 0},
                    {"totalFlinkMemory", memory}, {"totalProcessMemory", memory}}},
      {"blocked", false}, {"assignedTasks", count_of(tasks, info.node().node_id())}};
}

/// Flink's TaskManagerMetricsInfo: what a JVM would say, where a native process has an honest counterpart, else 0.
json::object process_metrics(const msg::TaskManagerInfo& info) {
  json::object metrics{{"heapUsed", info.rss_bytes()}, {"heapCommitted", info.rss_bytes()},
                       {"heapMax", info.node().memory_bytes()}};
  for (const char* name :
       {"nonHeapUsed", "nonHeapCommitted", "nonHeapMax", "directCount", "directUsed", "directMax", "mappedCount",
        "mappedUsed", "mappedMax", "memorySegmentsAvailable", "memorySegmentsTotal", "nettyShuffleMemorySegmentsAvailable",
        "nettyShuffleMemorySegmentsUsed", "nettyShuffleMemorySegmentsTotal", "nettyShuffleMemoryAvailable",
        "nettyShuffleMemoryUsed", "nettyShuffleMemoryTotal"})
    metrics[name] = 0;
  metrics["garbageCollectors"] = json::array();
  return metrics;
}

}  // namespace

std::string dashboard_config(const product& what, std::int64_t refresh_interval_ms, bool uploads) {
  return json::serialize(json::object{
      {"refresh-interval", refresh_interval_ms}, {"timezone-name", "Coordinated Universal Time"}, {"timezone-offset", 0},
      {"flink-version", text(flink_version(what))}, {"flink-revision", text(what.revision)},
      {"features", json::object{{"web-submit", uploads}, {"web-cancel", true}, {"web-rescale", false}, {"web-history", false}}}});
}

std::string cluster_overview(const product& what, const msg::ClusterSnapshot& cluster, const job_list& jobs) {
  int slots = 0, free = 0, running = 0, finished = 0, cancelled = 0, failed = 0;
  for (const auto& info : cluster.task_managers()) {
    slots += info.slots_size();
    free += free_slots(info);
  }
  for (const auto* job : jobs)
    switch (job->state()) {
      case msg::JOB_STATE_FINISHED: ++finished; break;
      case msg::JOB_STATE_CANCELED: ++cancelled; break;
      case msg::JOB_STATE_FAILED: ++failed; break;
      default: ++running;
    }
  return json::serialize(json::object{
      {"taskmanagers", cluster.task_managers_size()}, {"taskmanagers-blocked", 0}, {"slots-total", slots},
      {"slots-available", free}, {"slots-free-and-blocked", 0}, {"jobs-running", running}, {"jobs-finished", finished},
      {"jobs-cancelled", cancelled}, {"jobs-failed", failed}, {"flink-version", text(flink_version(what))},
      {"flink-commit", text(what.revision)}});
}

std::string cluster_config(const msg::ClusterSnapshot& cluster) {
  json::array entries;
  for (const auto& entry : cluster.configuration())
    entries.push_back(config_entry(entry.key(), entry.value()));
  return json::serialize(entries);
}

std::string job_manager_config(const msg::ClusterSnapshot& cluster, const msg::JobSpec& spec) {
  std::map<std::string, std::string> own;              // the last value of a key wins
  for (const auto& entry : spec.configuration())
    own.insert_or_assign(entry.key(), entry.value());
  json::array entries;
  for (const auto& [key, value] : own)
    entries.push_back(config_entry(key, value));
  for (const auto& entry : cluster.configuration())
    if (own.count(entry.key()) == 0)
      entries.push_back(config_entry(entry.key(), entry.value()));
  return json::serialize(entries);
}

std::string cluster_environment(const product& what) {
#if defined(__x86_64__)
  constexpr const char* architecture = "amd64";
#elif defined(__aarch64__)
  constexpr const char* architecture = "aarch64";
#else
  constexpr const char* architecture = "unknown";
#endif
  return json::serialize(json::object{
      {"version", text("Flott " + what.version)},
      {"jvm", json::object{{"version", text("none: Flott " + what.version + " is native")}, {"arch", architecture},
                           {"options", json::array()}}},
      {"classpath", json::array()}});
}

std::string task_managers(const msg::ClusterSnapshot& cluster, const job_list& jobs, std::int64_t) {
  const assigned_tasks tasks = count_assigned(jobs);
  json::array all;
  for (const auto& info : cluster.task_managers())
    all.push_back(summary(info, tasks));
  return json::serialize(json::object{{"taskmanagers", std::move(all)}});
}

std::optional<std::string> task_manager(const msg::ClusterSnapshot& cluster, const job_list& jobs, std::string_view id,
                                        std::int64_t) {
  for (const auto& info : cluster.task_managers()) {
    if (info.node().node_id() != id)
      continue;
    const assigned_tasks tasks = count_assigned(jobs);
    json::object details = summary(info, tasks);
    json::array allocated;
    for (const auto& slot : info.slots())
      if (slot.state() != msg::SLOT_STATE_FREE && !slot.job_id().empty())
        allocated.push_back(json::object{{"jobId", text(slot.job_id())}, {"resource", resource(info, 1)},
                                         {"assignedTasks", count_of(tasks, key_of(id, slot.job_id()))}});
    details["allocatedSlots"] = std::move(allocated);
    details["metrics"] = process_metrics(info);
    return json::serialize(details);
  }
  return std::nullopt;
}

std::string cluster_tree(const std::vector<std::pair<std::string, std::string>>& trees) {
  std::string document = "{\"nodes\":[";                // each tree is a document already
  for (const auto& [node, tree] : trees) {
    if (document.back() == '}')
      document += ',';
    document += "{\"node\":" + http::json_quoted(node) + ",\"tree\":" + (tree.empty() ? "null" : tree) + "}";
  }
  return document + "]}";
}

}  // namespace flott::rest
