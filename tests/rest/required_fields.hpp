#pragma once

#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include <string>
#include <string_view>
#include <vector>

/// The fields without which the Java clients of Flink 1.20 and 2.4 throw, by the documents' class names there: those that
/// become a Java primitive, and those that are checked for null. Facts about an interface, read off its OpenAPI
/// documents and its classes' constructors.
namespace flott::testing {

enum class kind { integer, number, boolean, string, object, array };

struct required_field {
  std::string_view name;
  kind type;
};

using required_fields = std::vector<required_field>;

inline const required_fields dashboard_configuration = {
    {"refresh-interval", kind::integer}, {"timezone-name", kind::string}, {"timezone-offset", kind::integer},
    {"flink-version", kind::string}, {"flink-revision", kind::string}, {"features", kind::object}};
inline const required_fields dashboard_features = {{"web-submit", kind::boolean}, {"web-cancel", kind::boolean},
                                                   {"web-rescale", kind::boolean}, {"web-history", kind::boolean}};
inline const required_fields cluster_overview_with_version = {
    {"taskmanagers", kind::integer}, {"slots-total", kind::integer}, {"slots-available", kind::integer},
    {"jobs-running", kind::integer}, {"jobs-finished", kind::integer}, {"jobs-cancelled", kind::integer},
    {"jobs-failed", kind::integer}, {"flink-version", kind::string}, {"flink-commit", kind::string}};
inline const required_fields job_id_with_status = {{"id", kind::string}, {"status", kind::string}};
inline const required_fields job_details_row = {
    {"jid", kind::string}, {"name", kind::string}, {"state", kind::string}, {"start-time", kind::integer},
    {"end-time", kind::integer}, {"duration", kind::integer}, {"last-modification", kind::integer}, {"tasks", kind::object},
    {"pending-operators", kind::integer}};
inline const required_fields job_details_info = {
    {"jid", kind::string}, {"name", kind::string}, {"isStoppable", kind::boolean}, {"state", kind::string},
    {"start-time", kind::integer}, {"end-time", kind::integer}, {"duration", kind::integer}, {"maxParallelism", kind::integer},
    {"now", kind::integer}, {"timestamps", kind::object}, {"vertices", kind::array}, {"status-counts", kind::object},
    {"plan", kind::object}, {"pending-operators", kind::integer}};
inline const required_fields job_details_vertex = {
    {"id", kind::string}, {"slotSharingGroupId", kind::string}, {"name", kind::string}, {"maxParallelism", kind::integer},
    {"parallelism", kind::integer}, {"status", kind::string}, {"start-time", kind::integer}, {"end-time", kind::integer},
    {"duration", kind::integer}, {"tasks", kind::object}, {"metrics", kind::object}};
inline const required_fields io_metrics_info = {
    {"read-bytes", kind::integer}, {"read-bytes-complete", kind::boolean}, {"write-bytes", kind::integer},
    {"write-bytes-complete", kind::boolean}, {"read-records", kind::integer}, {"read-records-complete", kind::boolean},
    {"write-records", kind::integer}, {"write-records-complete", kind::boolean},
    {"accumulated-backpressured-time", kind::integer}, {"accumulated-idle-time", kind::integer},
    {"accumulated-busy-time", kind::number}};
inline const required_fields plan_info = {{"jid", kind::string}, {"name", kind::string}, {"type", kind::string},
                                          {"nodes", kind::array}};
inline const required_fields plan_node = {
    {"id", kind::string}, {"parallelism", kind::integer}, {"operator", kind::string}, {"operator_strategy", kind::string},
    {"description", kind::string}, {"optimizer_properties", kind::object}};
inline const required_fields plan_input = {{"num", kind::integer}, {"id", kind::string}, {"ship_strategy", kind::string},
                                           {"exchange", kind::string}};
inline const required_fields exceptions_info = {{"all-exceptions", kind::array}, {"truncated", kind::boolean},
                                                {"exceptionHistory", kind::object}};
inline const required_fields exception_history = {{"entries", kind::array}, {"truncated", kind::boolean}};
inline const required_fields root_exception = {
    {"exceptionName", kind::string}, {"stacktrace", kind::string}, {"timestamp", kind::integer},
    {"failureLabels", kind::object}, {"concurrentExceptions", kind::array}};
inline const required_fields job_config_info = {{"jid", kind::string}, {"name", kind::string},
                                                {"execution-config", kind::object}};
inline const required_fields execution_config = {
    {"execution-mode", kind::string}, {"restart-strategy", kind::string}, {"job-parallelism", kind::integer},
    {"object-reuse-mode", kind::boolean}, {"user-config", kind::object}};
inline const required_fields vertex_details_info = {
    {"id", kind::string}, {"name", kind::string}, {"parallelism", kind::integer}, {"maxParallelism", kind::integer},
    {"now", kind::integer}, {"subtasks", kind::array}};
inline const required_fields subtask_attempt = {
    {"subtask", kind::integer}, {"status", kind::string}, {"attempt", kind::integer}, {"host", kind::string},
    {"endpoint", kind::string}, {"start-time", kind::integer}, {"end-time", kind::integer}, {"duration", kind::integer},
    {"metrics", kind::object}, {"taskmanager-id", kind::string}, {"status-duration", kind::object}};
inline const required_fields vertex_task_managers_info = {{"id", kind::string}, {"name", kind::string},
                                                          {"now", kind::integer}, {"taskmanagers", kind::array}};
inline const required_fields vertex_task_manager = {
    {"host", kind::string}, {"endpoint", kind::string}, {"status", kind::string}, {"start-time", kind::integer},
    {"end-time", kind::integer}, {"duration", kind::integer}, {"metrics", kind::object}, {"status-counts", kind::object}};
inline const required_fields subtasks_times_info = {{"id", kind::string}, {"name", kind::string}, {"now", kind::integer},
                                                    {"subtasks", kind::array}};
inline const required_fields subtask_time = {{"subtask", kind::integer}, {"host", kind::string}, {"endpoint", kind::string},
                                             {"duration", kind::integer}, {"timestamps", kind::object}};
inline const required_fields task_manager_info = {
    {"id", kind::string}, {"path", kind::string}, {"dataPort", kind::integer}, {"jmxPort", kind::integer},
    {"timeSinceLastHeartbeat", kind::integer}, {"slotsNumber", kind::integer}, {"freeSlots", kind::integer},
    {"totalResource", kind::object}, {"freeResource", kind::object}, {"hardware", kind::object},
    {"memoryConfiguration", kind::object}, {"assignedTasks", kind::integer}};
inline const required_fields resource_profile = {{"cpuCores", kind::number}, {"taskHeapMemory", kind::integer},
                                                 {"taskOffHeapMemory", kind::integer}, {"managedMemory", kind::integer},
                                                 {"networkMemory", kind::integer}};
inline const required_fields hardware_description = {{"cpuCores", kind::integer}, {"physicalMemory", kind::integer},
                                                     {"freeMemory", kind::integer}, {"managedMemory", kind::integer}};
inline const required_fields slot_info = {{"jobId", kind::string}, {"resource", kind::object},
                                          {"assignedTasks", kind::integer}};
inline const required_fields task_manager_metrics = {
    {"heapUsed", kind::integer}, {"heapCommitted", kind::integer}, {"heapMax", kind::integer}, {"nonHeapUsed", kind::integer},
    {"nonHeapCommitted", kind::integer}, {"nonHeapMax", kind::integer}, {"directCount", kind::integer},
    {"directUsed", kind::integer}, {"directMax", kind::integer}, {"mappedCount", kind::integer}, {"mappedUsed", kind::integer},
    {"mappedMax", kind::integer}, {"memorySegmentsAvailable", kind::integer}, {"memorySegmentsTotal", kind::integer},
    {"nettyShuffleMemorySegmentsAvailable", kind::integer}, {"nettyShuffleMemorySegmentsUsed", kind::integer},
    {"nettyShuffleMemorySegmentsTotal", kind::integer}, {"nettyShuffleMemoryAvailable", kind::integer},
    {"nettyShuffleMemoryUsed", kind::integer}, {"nettyShuffleMemoryTotal", kind::integer}, {"garbageCollectors", kind::array}};
inline const required_fields jar_list_info = {{"address", kind::string}, {"files", kind::array}};
inline const required_fields jar_file_info = {{"id", kind::string}, {"name", kind::string}, {"uploaded", kind::integer},
                                              {"entry", kind::array}};
inline const required_fields job_result = {{"id", kind::string}, {"application-status", kind::string},
                                           {"accumulator-results", kind::object}, {"net-runtime", kind::integer}};
inline const required_fields failure_cause_info = {{"class", kind::string}, {"stack-trace", kind::string},
                                                   {"serialized-throwable", kind::string}};
inline const required_fields accumulators_info = {{"job-accumulators", kind::array}, {"user-task-accumulators", kind::array},
                                                  {"serialized-user-task-accumulators", kind::object}};

/// The text of a JSON string; "(no string)" of anything else.
inline std::string text_of(const boost::json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : std::string("(no string)");
}

inline bool is_of(const boost::json::value& value, kind type) {
  switch (type) {
    case kind::integer: return value.is_int64() || value.is_uint64();
    case kind::number: return value.is_number();
    case kind::boolean: return value.is_bool();
    case kind::string: return value.is_string();
    case kind::object: return value.is_object();
    case kind::array: return value.is_array();
  }
  return false;
}

/// What `document` lacks or has of the wrong type, separated by blanks; empty if nothing.
inline std::string missing(const boost::json::value& document, const required_fields& fields) {
  std::string lacking;
  for (const auto& field : fields) {
    const auto* value = document.is_object() ? document.get_object().if_contains(field.name) : nullptr;
    if (value == nullptr || !is_of(*value, field.type))
      lacking += std::string(field.name) + " ";
  }
  return lacking;
}

}  // namespace flott::testing
