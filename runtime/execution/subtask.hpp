#pragma once

#include "runtime/exchange/exchange.hpp"
#include "runtime/execution/data_plane.hpp"
#include "runtime/execution/executor.hpp"
#include "runtime/execution/input_gate.hpp"
#include "runtime/execution/operator_chain.hpp"
#include "runtime/execution/task_output.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace flott {

/// One channel that a subtask reads.
struct subtask_input {
  std::size_t of_head = 0;                    ///< which input of the chain's head it feeds
  channel_key key;
  exchange::location producer;
};

/// All that one attempt is made of.
struct subtask_setup {
  std::shared_ptr<const compiled_job> job;
  std::size_t vertex = 0;                     ///< index in the job
  chain_facts facts;
  std::string restored_state;                 ///< of `encode_chain_state`; empty: from the start
  std::vector<subtask_input> inputs;
  std::vector<output_edge> outputs;
  std::vector<channel_key> output_keys;       ///< registered with the exchange; removed at the end
  std::shared_ptr<flott::exchange> exchange;
  std::shared_ptr<flott::executor> executor;
  std::shared_ptr<task_observer> observer;
  std::chrono::milliseconds open_timeout{10'000};
  std::chrono::milliseconds buffer_timeout{100};
  std::function<void()> on_ended;             ///< the last thing it does
};

/// Runs one attempt: its chain between its input gate and its output.
///
///     created ─ start ─> connecting ─ all inputs ─> running ─ inputs ended ─> draining ─ all taken ─> ended
///        └─────────────────────┴── cancel, failure ────┴──────────────────────────┴────> ending ────────┘
///
/// Everything but `start`, `cancel`, `trigger_checkpoint`, `counters` and `in_call_for` happens on the worker that
/// runs it; those four put mail into its box, which is looked at between two pieces of work.
class subtask final : public runnable, private chain_host {
 public:
  /// To be owned by a std::shared_ptr; `build` is the first call.
  explicit subtask(subtask_setup setup);
  ~subtask() override;

  /// Makes the operators. Error: a factory's, or of a vertex without any.
  result<void> build();

  // Any thread.
  void start();
  void cancel();
  void trigger_checkpoint(std::uint64_t id, std::int64_t unix_ms);
  void read_counters(msg::TaskCounters& to) const { meter_.read(setup_.executor->now(), to); }
  [[nodiscard]] std::chrono::nanoseconds in_call_for() const { return meter_.in_call_for(setup_.executor->now()); }

  next run(const slice& limits) override;

 private:
  enum class phase : std::uint8_t { created, connecting, running, draining, held, ending, ended };
  struct channel_opened {
    std::size_t number;
    result<std::shared_ptr<channel>> source;
  };
  struct blocking_failed {
    failure error;
  };
  using mail = std::variant<channel_opened, barrier, blocking_failed>;

  // chain_host
  void wake_at(std::chrono::steady_clock::time_point when) override;
  std::function<void()> waker() override;
  void run_blocking(std::function<void()> work) override;

  bool post(mail item);                       ///< false: it has ended and looks at no more mail
  void wake() { setup_.executor->wake(shared_from_this()); }

  next guarded_step(const slice& limits);
  next step(const slice& limits);
  std::optional<next> read_mail();
  next open();
  next connect();
  next work(const slice& limits);
  enum class piece : std::uint8_t { worked, waiting, finished };
  piece work_once();
  piece handle(input_gate::event event);
  piece advance();
  void checkpoint(barrier b);
  next finish();
  next drain();
  /// The other end of a channel is gone; unless its own report is to come first, this attempt fails.
  next broken(const channel_break& why);
  next wait(task_meter::activity why);
  next fail(failure error, std::string operator_name);
  next end(msg::TaskState how);
  next release();                             ///< of all that it holds, with `outcome_`

  [[nodiscard]] std::string name() const;
  [[nodiscard]] const compiled_vertex& vertex() const { return setup_.job->vertices[setup_.vertex]; }

  subtask_setup setup_;
  bool source_;
  task_context crash_;
  task_meter meter_;
  task_meter::activity waiting_for_ = task_meter::activity::busy;
  std::shared_ptr<flott::waker> channel_waker_;
  std::shared_ptr<memory_budget> budget_;
  input_gate gate_;
  task_output output_;
  std::unique_ptr<operator_chain> chain_;

  phase phase_ = phase::created;
  bool ahead_ = false;                        ///< the head has work of its own: `advance` said more, or may say so
  bool head_waits_ = false;                   ///< `advance` said waiting
  bool first_batch_seen_ = false;
  std::vector<exchange::ticket> opening_;
  std::size_t connected_ = 0;
  executor::time_point deadline_{};           ///< of connecting, or of being held
  std::optional<channel_break> held_;
  task_outcome outcome_;

  std::atomic<bool> started_{false}, canceled_{false}, has_mail_{false};
  std::atomic<std::uint32_t> blocking_{0};    ///< pieces of blocking work under way
  std::mutex mail_mutex_;
  std::vector<mail> mail_;
  bool mail_closed_ = false;
};

}  // namespace flott
