#pragma once

#include "runtime/execution/task_meter.hpp"
#include "runtime/graph/logical_graph.hpp"
#include "runtime/resources/crash_report.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flott {

/// What all operators of one attempt may know.
struct chain_facts {
  job_id job;
  std::uint64_t epoch = 0;
  std::uint32_t subtask = 0, parallelism = 1, max_parallelism = 1, attempt = 0;
  runtime_mode mode = runtime_mode::batch;
  env* environment = nullptr;
  std::shared_ptr<memory_budget> budget;
  std::function<std::string(std::string_view)> option;
};

/// What a chain needs of the subtask that runs it.
class chain_host {
 public:
  virtual ~chain_host() = default;
  virtual void wake_at(std::chrono::steady_clock::time_point when) = 0;
  [[nodiscard]] virtual std::function<void()> waker() = 0;
  virtual void run_blocking(std::function<void()> work) = 0;
};

/// Which operator failed, and how.
struct chain_failure {
  failure error;
  std::string operator_name;
};

/// The operators of one attempt, linked output to input: what one emits is the call of the next.
///
/// User code ends here: whatever it throws or returns becomes the chain's failure. The first one stays; after it
/// every call does nothing and returns false, and `full` tells running operators to come to an end. Exceptions do
/// not unwind operators upstream.
class operator_chain {
 public:
  /// Requires: `vertex`, `host`, `tail`, `crash` and `meter` outlive the chain. With `count_head` what the head emits
  /// is counted as records out (of a chain that nothing leaves).
  operator_chain(const compiled_vertex& vertex, chain_facts facts, chain_host& host, output& tail, task_context& crash,
                 task_meter& meter, bool count_head);
  ~operator_chain();
  operator_chain(const operator_chain&) = delete;
  operator_chain& operator=(const operator_chain&) = delete;

  // All of these: false, once the chain has failed.
  bool make();
  /// From the tail to the head, so that an operator may emit as soon as it is open.
  bool open();
  /// `states` as `snapshot` gave them.
  bool restore(std::span<const std::string> states);
  bool process(std::size_t input, record_batch batch);
  bool process_watermark(watermark mark);
  /// Of the head; `done` after a failure.
  progress advance();
  /// In the order of the chain.
  bool finish();
  bool snapshot(std::vector<std::string>& states);
  bool prepare_commit(std::vector<msg::Committable>& committables);
  bool take_collected(std::vector<msg::CollectedRows>& rows);
  /// Destroys the operators; nothing else may be called afterwards.
  void destroy() noexcept;

  /// Records a failure that user code reported outside a call (of blocking work).
  void fail(failure error);
  [[nodiscard]] const std::optional<chain_failure>& failed() const noexcept { return failure_; }

 private:
  class context;
  class link;

  template <class F>
  bool call(std::size_t at, F&& f);
  void fail_at(std::size_t at, failure error);
  [[nodiscard]] std::string place(std::size_t at) const;
  [[nodiscard]] output& output_of(std::size_t at);

  const compiled_vertex& vertex_;
  chain_facts facts_;
  chain_host& host_;
  output& tail_;
  task_context& crash_;
  task_meter& meter_;
  bool count_head_;
  std::vector<std::unique_ptr<context>> contexts_;
  std::vector<std::unique_ptr<link>> links_;
  std::vector<std::unique_ptr<stream_operator>> operators_;
  std::optional<chain_failure> failure_;
};

}  // namespace flott
