#include "runtime/config/options.hpp"

#include <limits>

namespace flott::options {

using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t kib = 1024, mib = 1024 * kib, gib = 1024 * mib, tib = 1024 * gib;
constexpr auto job = option_scope::job;

template <class E>
constexpr std::int64_t number(E e) {
  return static_cast<std::int64_t>(e);
}

constexpr std::string_view bind_rule =
    "The address to listen on. Anything but loopback needs flott.insecure: true, because job modules are code that "
    "nodes execute.";

}  // namespace

// --- cluster -----------------------------------------------------------------------------------------------------

const option<std::string> cluster_dir{{
    .key = "cluster.dir",
    .prose = "The cluster's folder: its configuration, secret, logs, job store and process records.",
    .default_value = "",
    .default_prose = "not set"}};

const option<std::string> cluster_secret_file{{
    .key = "cluster.secret-file",
    .prose = "File with the cluster's secret (64 hex digits, mode 0600), which every node proves that it holds.",
    .default_value = "",
    .default_prose = "the file secret in cluster.dir"}};

const option<std::int64_t> cluster_jobmanagers{{
    .key = "cluster.jobmanagers",
    .prose = "How many JobManager nodes the resource provider keeps running.",
    .default_value = 1,
    .least = 0, .most = 1000}};

const option<std::int64_t> cluster_taskmanagers{{
    .key = "cluster.taskmanagers",
    .prose = "How many TaskManagers the resource provider keeps running.",
    .default_value = 1,
    .least = 0, .most = 10'000}};

const option<resource_provider_kind> resource_provider{{
    .key = "resource-provider",
    .prose = "Who starts nodes: nobody (they are started by hand or by a service manager), or the dispatcher, as "
             "processes of its own machine.",
    .default_value = number(resource_provider_kind::none),
    .names = {"none", "process"}}};

// --- dispatcher --------------------------------------------------------------------------------------------------

const option<std::vector<std::string>> jobmanager_rpc_address{{
    .key = "jobmanager.rpc.address",
    .prose = "The dispatchers that nodes register with: a list of hosts, or of host:port where a port differs from "
             "jobmanager.rpc.port.",
    .default_value = std::vector<std::string>{"127.0.0.1"}}};

const option<port_range> jobmanager_rpc_port{{
    .key = "jobmanager.rpc.port",
    .prose = "The dispatcher's RPC port.",
    .default_value = port_range{6123, 6123}}};

const option<std::string> jobmanager_bind_host{{
    .key = "jobmanager.bind-host", .prose = bind_rule, .default_value = "127.0.0.1"}};

const option<std::int64_t> kept_jobs{{
    .key = "jobstore.max-capacity",
    .prose = "How many ended jobs are kept with their results; the oldest go first.",
    .default_value = 10'000,
    .least = 1, .most = 10'000'000}};

const option<std::int64_t> max_pending_jobs{{
    .key = "dispatcher.max-pending-jobs",
    .prose = "How many jobs that have not ended are accepted at once; more are refused with 429.",
    .default_value = 10'000,
    .least = 1, .most = 10'000'000}};

// --- JobManager nodes --------------------------------------------------------------------------------------------

const option<port_range> jobmanager_node_rpc_port{{
    .key = "jobmanager-node.rpc.port",
    .prose = "RPC port of a JobManager node. 0 picks a free one.",
    .default_value = port_range{}}};

const option<std::string> jobmanager_node_host{{
    .key = "jobmanager-node.host",
    .prose = "The name or address under which others reach a JobManager node.",
    .default_value = "127.0.0.1"}};

const option<std::string> jobmanager_node_bind_host{{
    .key = "jobmanager-node.bind-host", .prose = bind_rule, .default_value = "127.0.0.1"}};

const option<std::int64_t> jobmanager_node_max_jobs{{
    .key = "jobmanager-node.max-jobs",
    .prose = "How many jobs one JobManager node looks after; beyond that another node is needed.",
    .default_value = 1000,
    .least = 1, .most = 1'000'000}};

// --- TaskManagers ------------------------------------------------------------------------------------------------

const option<std::string> taskmanager_host{{
    .key = "taskmanager.host",
    .prose = "The name or address under which others reach a TaskManager.",
    .default_value = "127.0.0.1"}};

const option<std::string> taskmanager_bind_host{{
    .key = "taskmanager.bind-host", .prose = bind_rule, .default_value = "127.0.0.1"}};

const option<port_range> taskmanager_rpc_port{{
    .key = "taskmanager.rpc.port",
    .prose = "RPC port of a TaskManager. 0 picks a free one.",
    .default_value = port_range{}}};

const option<port_range> taskmanager_data_port{{
    .key = "taskmanager.data.port",
    .prose = "Port on which a TaskManager serves records to its peers. 0 picks a free one.",
    .default_value = port_range{}}};

const option<std::int64_t> taskmanager_slots{{
    .key = "taskmanager.numberOfTaskSlots",
    .prose = "Slots of a TaskManager; each is a share of its memory. Workers belong to the process, not to a slot.",
    .default_value = 1,
    .least = 1, .most = 10'000}};

const option<std::int64_t> taskmanager_workers{{
    .key = "taskmanager.workers",
    .prose = "Threads that run subtasks. 0 means one for each core.",
    .default_value = 0,
    .least = 0, .most = 1024}};

const option<memory_size> taskmanager_managed_memory{{
    .key = "taskmanager.memory.managed.size",
    .prose = "Pool for batches in flight and for operators' state, shared by the slots. State that does not fit fails "
             "the job. Batches on their way are let through, and hold their producers back while the pool is exceeded.",
    .default_value = memory_size{256 * mib},
    .least = memory_size{16 * mib}, .most = memory_size{64 * tib}}};

const option<milliseconds> taskmanager_orphan_timeout{{
    .key = "taskmanager.orphan-timeout",
    .prose = "Work whose JobManager has been gone for longer is cancelled and its slots are released.",
    .default_value = 60s,
    .least = 1s, .most = 24h}};

const option<milliseconds> taskmanager_slot_timeout{{
    .key = "taskmanager.slot.timeout",
    .prose = "A slot that was allocated but to which nothing is deployed for this long becomes free again.",
    .default_value = 10s,
    .least = 100ms, .most = 1h}};

// --- liveness ----------------------------------------------------------------------------------------------------

const option<milliseconds> heartbeat_interval{{
    .key = "heartbeat.interval",
    .prose = "How often a node shows that it lives.",
    .default_value = 250ms,
    .least = 10ms, .most = 1h}};

const option<milliseconds> heartbeat_timeout{{
    .key = "heartbeat.timeout",
    .prose = "A node silent for this long is declared lost. Must be at least twice heartbeat.interval.",
    .default_value = 1s,
    .least = 20ms, .most = 2h}};

const option<milliseconds> registration_timeout{{
    .key = "registration.timeout",
    .prose = "A JobManager node or TaskManager that finds no dispatcher for this long ends itself.",
    .default_value = 5min,
    .least = 1s, .most = 24h}};

const option<milliseconds> rpc_timeout{{
    .key = "rpc.ask.timeout",
    .prose = "How long a request between nodes waits for its answer.",
    .default_value = 10s,
    .least = 100ms, .most = 10min}};

const option<milliseconds> connect_timeout{{
    .key = "rpc.connect.timeout",
    .prose = "How long dialling a node and proving the secret may take.",
    .default_value = 3s,
    .least = 50ms, .most = 1min}};

// --- jobs --------------------------------------------------------------------------------------------------------

const option<std::int64_t> parallelism_default{{
    .key = "parallelism.default",
    .prose = "Parallelism of a job that asks for none.",
    .scope = job,
    .default_value = 1,
    .least = 1, .most = 32'768}};

const option<std::int64_t> max_parallelism{{
    .key = "pipeline.max-parallelism",
    .prose = "Number of key groups: the most subtasks a keyed operator can ever be scaled to.",
    .scope = job,
    .default_value = 128,
    .least = 1, .most = 32'768}};

const option<runtime_mode_setting> execution_runtime_mode{{
    .key = "execution.runtime-mode",
    .prose = "BATCH computes each result once, at the end of bounded input; STREAMING keeps results up to date; "
             "AUTOMATIC is BATCH if every source is bounded.",
    .scope = job,
    .default_value = number(runtime_mode_setting::automatic),
    .names = {"AUTOMATIC", "STREAMING", "BATCH"}}};

const option<milliseconds> buffer_timeout{{
    .key = "execution.buffer-timeout",
    .prose = "A batch that is not full is sent when its consumer is idle, and after this time at the latest.",
    .scope = job,
    .default_value = 100ms,
    .least = 0ms, .most = 1h}};

const option<milliseconds> wait_for_resources{{
    .key = "job.wait-for-resources",
    .prose = "A job that waits longer for slots fails.",
    .scope = job,
    .default_value = 5min,
    .least = 0ms, .most = 24h * 30}};

const option<milliseconds> cancellation_timeout{{
    .key = "task.cancellation.timeout",
    .prose = "A task that has not ended this long after it was cancelled takes its TaskManager's process along.",
    .scope = job,
    .default_value = 30s,
    .least = 100ms, .most = 24h}};

const option<memory_size> max_record_size{{
    .key = "source.max-record-size",
    .prose = "A longer line or record fails the job, naming file and offset.",
    .scope = job,
    .default_value = memory_size{64 * mib},
    .least = memory_size{16}, .most = memory_size{1 * gib}}};

const option<memory_size> split_size{{
    .key = "source.file.split-size",
    .prose = "Files are read in byte ranges of about this size, each by whichever subtask is free.",
    .scope = job,
    .default_value = memory_size{32 * mib},
    .least = memory_size{1}, .most = memory_size{1 * tib}}};

const option<std::int64_t> collect_max_rows{{
    .key = "sink.collect.max-rows",
    .prose = "A collected result keeps this many rows; the rest is counted and left out.",
    .scope = job,
    .default_value = 10'000,
    .least = 1, .most = 1'000'000}};

const option<memory_size> collect_max_bytes{{
    .key = "sink.collect.max-size",
    .prose = "A collected result keeps this many bytes; the rest is counted and left out.",
    .scope = job,
    .default_value = memory_size{512 * kib},
    .least = memory_size{1 * kib}, .most = memory_size{768 * kib}}};

// --- restarts ----------------------------------------------------------------------------------------------------

const option<restart_strategy_kind> restart_strategy{{
    .key = "restart-strategy.type",
    .prose = "What follows a transient failure: the end of the job, or another attempt after a growing pause. The "
             "first restart after a lost process is immediate.",
    .scope = job,
    .default_value = number(restart_strategy_kind::exponential_delay),
    .names = {"none", "exponential-delay"}}};

const option<milliseconds> restart_initial_backoff{{
    .key = "restart-strategy.exponential-delay.initial-backoff",
    .prose = "The first pause.",
    .scope = job,
    .default_value = 100ms,
    .least = 1ms, .most = 24h}};

const option<milliseconds> restart_max_backoff{{
    .key = "restart-strategy.exponential-delay.max-backoff",
    .prose = "The longest pause. Must not be shorter than the first one.",
    .scope = job,
    .default_value = 1min,
    .least = 1ms, .most = 24h}};

const option<double> restart_backoff_multiplier{{
    .key = "restart-strategy.exponential-delay.backoff-multiplier",
    .prose = "Each pause is this many times as long as the one before.",
    .scope = job,
    .default_value = 1.5,
    .least = 1.0, .most = 100.0}};

const option<milliseconds> restart_reset_threshold{{
    .key = "restart-strategy.exponential-delay.reset-backoff-threshold",
    .prose = "After running this long without a failure the pauses begin anew.",
    .scope = job,
    .default_value = 1h,
    .least = 1s, .most = 24h * 30}};

const option<double> restart_jitter{{
    .key = "restart-strategy.exponential-delay.jitter-factor",
    .prose = "Each pause is lengthened or shortened by up to this fraction, at random, so that jobs do not restart "
             "in step.",
    .scope = job,
    .default_value = 0.1,
    .least = 0.0, .most = 1.0}};

const option<std::int64_t> restart_attempts{{
    .key = "restart-strategy.exponential-delay.attempts-before-reset-backoff",
    .prose = "A job that fails more often than this without the pauses having begun anew is given up.",
    .scope = job,
    .default_value = std::int64_t{std::numeric_limits<std::int32_t>::max()},
    .least = 1, .most = std::int64_t{std::numeric_limits<std::int32_t>::max()},
    .default_prose = "not limited"}};

// --- REST and metrics --------------------------------------------------------------------------------------------

const option<std::string> rest_address{{
    .key = "rest.address",
    .prose = "Where clients find the REST interface.",
    .default_value = "127.0.0.1"}};

const option<std::string> rest_bind_address{{
    .key = "rest.bind-address", .prose = bind_rule, .default_value = "127.0.0.1"}};

const option<port_range> rest_port{{
    .key = "rest.port",
    .prose = "Port of the REST interface.",
    .default_value = port_range{8081, 8081}}};

const option<memory_size> web_upload_limit{{
    .key = "rest.server.max-content-length",
    .prose = "Larger request bodies, uploaded modules included, are refused with 413.",
    .default_value = memory_size{100 * mib},
    .least = memory_size{64 * kib}, .most = memory_size{16 * gib}}};

const option<milliseconds> web_refresh_interval{{
    .key = "web.refresh-interval",
    .prose = "How often pages ask for news, as /config tells them.",
    .default_value = 3s,
    .least = 100ms, .most = 1h}};

const option<std::string> metrics_bind_host{{
    .key = "metrics.bind-host", .prose = bind_rule, .default_value = "127.0.0.1"}};

const option<port_range> metrics_port{{
    .key = "metrics.reporter.prom.port",
    .prose = "Port of every node's /metrics page; of a range, the first free one is taken.",
    .default_value = port_range{9249, 9349}}};

// --- security ----------------------------------------------------------------------------------------------------

const option<bool> security_enabled{{
    .key = "security.enabled",
    .prose = "TLS, users and roles on every interface. This build does not have them and refuses 'true', so that "
             "nobody takes a cluster for protected that is not.",
    .default_value = false}};

const option<bool> insecure{{
    .key = "flott.insecure",
    .prose = "Allows other addresses than loopback without security: whoever reaches the REST port can run code.",
    .default_value = false}};

// --- logs and shutdown -------------------------------------------------------------------------------------------

const option<log_level> logging_level{{
    .key = "log.level",
    .prose = "The least important lines that are logged.",
    .default_value = number(log_level::info),
    .names = {"trace", "debug", "info", "warn", "error", "off"}}};

const option<log_format> logging_format{{
    .key = "log.format",
    .prose = "Lines for people, or one JSON object a line.",
    .default_value = number(log_format::text),
    .names = {"text", "json"}}};

const option<memory_size> logging_max_file_size{{
    .key = "log.max-file-size",
    .prose = "A log that grows beyond this is renamed to NAME.1, replacing the one before, and begun anew.",
    .default_value = memory_size{64 * mib},
    .least = memory_size{64 * kib}, .most = memory_size{1 * tib}}};

const option<milliseconds> shutdown_timeout{{
    .key = "shutdown.timeout",
    .prose = "A node that is asked to end does so within this time, whatever its tasks do.",
    .default_value = 10s,
    .least = 100ms, .most = 10min}};

const option<milliseconds> shutdown_actor_timeout{{
    .key = "shutdown.actor-timeout",
    .prose = "An actor that has not stopped this long after it was asked is killed, and named and abandoned if it is "
             "still in a handler.",
    .default_value = 2s,
    .least = 10ms, .most = 10min}};

}  // namespace flott::options
