#pragma once

#include "runtime/base/ids.hpp"
#include "runtime/base/result.hpp"
#include "runtime/batch/record_batch.hpp"
#include "runtime/operators/element.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace flott {

class env;
class memory_budget;
class snapshot_writer;   // runtime/operators/snapshot.hpp: fields by name
class snapshot_reader;
namespace msg {
class Committable;
class CollectedRows;
}  // namespace msg

enum class runtime_mode : std::uint8_t { batch, streaming };

/// Where an operator's output goes: the next operator of the chain, or the channels at its end.
class output {
 public:
  virtual ~output() = default;
  /// Takes the batch. Never blocks and never refuses: the subtask stops running before the budget of its
  /// channels is exceeded by more than what one call of the operator produced.
  virtual void emit(record_batch batch) = 0;
  virtual void emit(watermark mark) = 0;
  virtual void emit(stream_status status) = 0;
  virtual void emit(latency_marker marker) = 0;
  /// True while the channels behind would rather have no more: a long-running `advance` returns soon then.
  [[nodiscard]] virtual bool full() const noexcept = 0;
};

/// What an operator may know and use. Valid from `open` until its destruction; used on the subtask's worker only,
/// except `wake`, which any thread may call.
class operator_context {
 public:
  virtual ~operator_context() = default;
  [[nodiscard]] virtual const flott::job_id& job() const = 0;
  [[nodiscard]] virtual std::uint64_t job_epoch() const = 0;
  [[nodiscard]] virtual std::string_view operator_name() const = 0;
  [[nodiscard]] virtual std::uint32_t subtask() const = 0;       ///< 0-based
  [[nodiscard]] virtual std::uint32_t parallelism() const = 0;
  [[nodiscard]] virtual std::uint32_t max_parallelism() const = 0;
  [[nodiscard]] virtual std::uint32_t attempt() const = 0;
  [[nodiscard]] virtual runtime_mode mode() const = 0;
  [[nodiscard]] virtual flott::env& environment() = 0;
  [[nodiscard]] virtual std::shared_ptr<memory_budget> budget() = 0;
  /// Calls `advance` again at `when` at the latest (steady clock of the environment).
  virtual void wake_at(std::chrono::steady_clock::time_point when) = 0;
  /// A callable that makes the subtask runnable from any thread, also after the subtask is gone.
  [[nodiscard]] virtual std::function<void()> waker() = 0;
  /// Runs blocking work on the I/O pool; the subtask is made runnable when it has returned.
  virtual void run_blocking(std::function<void()> work) = 0;
  /// A job-wide option, already validated; empty when it has no value.
  [[nodiscard]] virtual std::string option(std::string_view key) const = 0;
};

enum class progress : std::uint8_t {
  more,      ///< call `advance` again: there is work at hand
  waiting,   ///< nothing to do until an input comes or a wake-up
  done,      ///< no pending work; of a source: its input has ended
};

/// One operator of a chain. Chains run batch at a time: one virtual call a batch, none a record.
///
/// Threads: all calls come from the one worker that runs the subtask at that moment.
/// Errors: a user's exception may leave `process`/`advance`; the chain's runner turns it into a failure that names
/// the operator, using `position()`.
/// Order: open, [restore], then process/advance/watermarks/snapshot in any order, then finish once all inputs have
/// ended (and `advance` said done), [prepare_commit of sinks]. A canceled or failed operator is only destroyed.
class stream_operator {
 public:
  virtual ~stream_operator() = default;

  virtual result<void> open(operator_context& context, output& out) = 0;
  /// Takes one batch of input `input` (0 but for operators with several). Not called on sources, nor while the
  /// last `advance` returned `more`.
  virtual result<void> process(std::size_t input, record_batch batch) = 0;
  /// Long-running work in bounded pieces (about 1 ms): sources, and readers that work off the split they were
  /// given. Only asked of the head of a chain.
  virtual result<progress> advance() { return progress::done; }
  /// The minimum over the inputs has moved. The default hands it on.
  virtual result<void> process_watermark(watermark mark) = 0;
  /// All inputs have ended: emit what is left. Called once.
  virtual result<void> finish() { return {}; }

  /// Writes all that `restore` of a new instance needs to go on from between two batches.
  virtual result<void> snapshot(snapshot_writer& to) = 0;
  virtual result<void> restore(snapshot_reader& from) = 0;

  /// Sinks: after `finish` (or at a checkpoint): flush aside, and name what the JobManager shall publish.
  virtual result<std::vector<msg::Committable>> prepare_commit();
  /// Collect sinks: the rows for the client, taken once after `finish`.
  virtual std::vector<msg::CollectedRows> take_collected();

  /// Where in its input the operator was when it threw: "record 17 of this attempt", "a.txt:12". Empty: unknown.
  [[nodiscard]] virtual std::string position() const { return {}; }
};

}  // namespace flott
