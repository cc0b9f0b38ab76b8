#pragma once

#include "runtime/config/option.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace flott {

enum class runtime_mode_setting : std::uint8_t { automatic, streaming, batch };
enum class restart_strategy_kind : std::uint8_t { none, exponential_delay };
enum class resource_provider_kind : std::uint8_t { none, process };
enum class log_format : std::uint8_t { text, json };
enum class log_level : std::uint8_t { trace, debug, info, warn, error, off };

/// Every option, by concept. What each means, its default and its bounds stand in options.cpp, and for people in
/// docs/reference/configuration.md.
namespace options {

using std::chrono::milliseconds;

// cluster
extern const option<std::string> cluster_dir;
extern const option<std::string> cluster_secret_file;
extern const option<std::int64_t> cluster_jobmanagers;
extern const option<std::int64_t> cluster_taskmanagers;
extern const option<resource_provider_kind> resource_provider;

// dispatcher
extern const option<std::vector<std::string>> jobmanager_rpc_address;
extern const option<port_range> jobmanager_rpc_port;
extern const option<std::string> jobmanager_bind_host;
extern const option<std::int64_t> kept_jobs;
extern const option<std::int64_t> max_pending_jobs;

// JobManager nodes
extern const option<port_range> jobmanager_node_rpc_port;
extern const option<std::string> jobmanager_node_host;
extern const option<std::string> jobmanager_node_bind_host;
extern const option<std::int64_t> jobmanager_node_max_jobs;

// TaskManagers
extern const option<std::string> taskmanager_host;
extern const option<std::string> taskmanager_bind_host;
extern const option<port_range> taskmanager_rpc_port;
extern const option<port_range> taskmanager_data_port;
extern const option<std::int64_t> taskmanager_slots;
extern const option<std::int64_t> taskmanager_workers;
extern const option<memory_size> taskmanager_managed_memory;
extern const option<milliseconds> taskmanager_orphan_timeout;
extern const option<milliseconds> taskmanager_slot_timeout;

// liveness
extern const option<milliseconds> heartbeat_interval;
extern const option<milliseconds> heartbeat_timeout;
extern const option<milliseconds> registration_timeout;
extern const option<milliseconds> rpc_timeout;
extern const option<milliseconds> connect_timeout;

// jobs
extern const option<std::int64_t> parallelism_default;
extern const option<std::int64_t> max_parallelism;
extern const option<runtime_mode_setting> execution_runtime_mode;
extern const option<milliseconds> buffer_timeout;
extern const option<milliseconds> wait_for_resources;
extern const option<milliseconds> cancellation_timeout;
extern const option<memory_size> max_record_size;
extern const option<memory_size> split_size;
extern const option<std::int64_t> collect_max_rows;
extern const option<memory_size> collect_max_bytes;

// restarts
extern const option<restart_strategy_kind> restart_strategy;
extern const option<milliseconds> restart_initial_backoff;
extern const option<milliseconds> restart_max_backoff;
extern const option<double> restart_backoff_multiplier;
extern const option<milliseconds> restart_reset_threshold;
extern const option<double> restart_jitter;
extern const option<std::int64_t> restart_attempts;

// REST and metrics
extern const option<std::string> rest_address;
extern const option<std::string> rest_bind_address;
extern const option<port_range> rest_port;
extern const option<memory_size> web_upload_limit;
extern const option<milliseconds> web_refresh_interval;
extern const option<std::string> metrics_bind_host;
extern const option<port_range> metrics_port;

// security
extern const option<bool> security_enabled;
extern const option<bool> insecure;

// logs and shutdown
extern const option<log_level> logging_level;
extern const option<log_format> logging_format;
extern const option<memory_size> logging_max_file_size;
extern const option<milliseconds> shutdown_timeout;
extern const option<milliseconds> shutdown_actor_timeout;

}  // namespace options
}  // namespace flott
