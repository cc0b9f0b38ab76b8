#pragma once

#include "messages/task.pb.h"
#include "runtime/base/result.hpp"
#include "runtime/graph/logical_graph.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace flott {

class env;
class exchange_neighbours;
class executor;

/// One attempt's outcome.
struct task_outcome {
  msg::TaskState state = msg::TASK_STATE_FINISHED;   ///< FINISHED, CANCELED or FAILED
  failure error;                                     ///< with FAILED
  std::string operator_name;                         ///< which operator failed
  std::vector<msg::Committable> committables;        ///< with FINISHED
  std::vector<msg::CollectedRows> collected;         ///< with FINISHED
};

/// Hears of one attempt. Called from the data plane's threads: must be quick and must not block or call back.
class task_observer {
 public:
  virtual ~task_observer() = default;
  /// INITIALIZING (operators open, channels connect) and RUNNING (all channels connected).
  virtual void on_state(msg::TaskState state) = 0;
  /// The first batch has reached the task (of a source: has left it). For latency measurements; once.
  virtual void on_first_batch() = 0;
  /// The state of all its operators at checkpoint `id`, as TaskDeployment.restored_state takes it.
  virtual void on_snapshot(std::uint64_t id, std::string state) {
    static_cast<void>(id);
    static_cast<void>(state);
  }
  /// The end; nothing follows, and all that the attempt held is released.
  virtual void on_outcome(task_outcome outcome) = 0;
};

/// A deployed attempt. Destroying the handle of an attempt that has not ended cancels it.
class task_handle {
 public:
  virtual ~task_handle() = default;
  virtual void start() = 0;
  /// Asks it to stop soon, in any state; the observer hears CANCELED (or an outcome that came first). Idempotent.
  virtual void cancel() = 0;
  /// Takes part in checkpoint `id`: sources emit a barrier behind what they have emitted.
  virtual void trigger_checkpoint(std::uint64_t id, std::int64_t unix_ms) = 0;
  [[nodiscard]] virtual msg::TaskCounters counters() const = 0;
  /// How long the current call into user code has been running; zero between calls.
  [[nodiscard]] virtual std::chrono::nanoseconds in_call_for() const = 0;
};

struct data_plane_config {
  std::string bind_host = "127.0.0.1";
  std::uint16_t port_low = 0, port_high = 0;        ///< 0: any free port
  bool listen = true;                               ///< false: in-process exchange only (embedded)
  std::string incarnation;                          ///< this process's, hex32
  std::string secret;                               ///< of the cluster, raw bytes
  std::uint32_t workers = 0;                        ///< 0: one per core
  std::uint64_t memory_bytes = 256ULL << 20;        ///< of batches in flight and operators' state
  std::uint64_t channel_bytes = 1ULL << 20;         ///< guaranteed credit of one channel (two batches)
  std::shared_ptr<exchange_neighbours> neighbours;  ///< of a simulation: reached without a network
  std::chrono::milliseconds open_timeout{10'000};   ///< an OPEN waits this long for its producer's deployment
  std::vector<std::pair<std::string, std::string>> options;   ///< defaults of operator_context::option
};

/// Runs the subtasks of one TaskManager: executor, channels, memory. No actors.
class data_plane {
 public:
  virtual ~data_plane() = default;

  static result<std::unique_ptr<data_plane>> start(data_plane_config config, env& environment);
  /// The same on another executor: the deterministic one, in a simulation (with `listen` false).
  static result<std::unique_ptr<data_plane>> start(data_plane_config config, env& environment,
                                                   std::shared_ptr<executor> runs_on);

  /// Port of the data endpoint; 0 when it does not listen.
  [[nodiscard]] virtual std::uint16_t port() const = 0;

  /// Builds the attempt: operators made and channels registered, nothing runs before `start()`. `job` is shared by
  /// all tasks of a job. Errors: unknown vertex or edge, factory failures, no memory.
  virtual result<std::unique_ptr<task_handle>> deploy(const msg::TaskDeployment& deployment,
                                                      std::shared_ptr<const compiled_job> job,
                                                      const msg::JobSpec& spec,
                                                      std::shared_ptr<task_observer> observer) = 0;

  /// Bytes in use of the memory budget.
  [[nodiscard]] virtual std::uint64_t memory_used() const = 0;

  /// Cancels everything and ends the threads; returns when they have ended or at `deadline` (false).
  virtual bool stop(std::chrono::steady_clock::time_point deadline) = 0;
};

}  // namespace flott
