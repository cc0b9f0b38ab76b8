#pragma once

#include "runtime/batch/typed_batch.hpp"
#include "runtime/operators/factory.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace flott {

template <described T>
class stream;
struct logical_graph;

/// How rows travel from one operator to the next one's subtasks.
enum class shipping : std::uint8_t { forward, hash, rebalance, broadcast };

namespace detail {

struct step_input {
  std::size_t step = 0;
  shipping how = shipping::forward;
  key_hasher hasher;                    ///< for shipping::hash
};

/// One call of the API, as it was made. Becomes one node of the logical graph, or two where a combiner pays.
struct job_step {
  std::string kind;                     ///< "source", "map", "filter", ..., "sink"
  std::string name;
  std::string uid;
  std::string slot_sharing_group = "default";
  std::uint32_t parallelism = 0;        ///< 0: the job's
  std::uint32_t max_parallelism = 0;
  bool bounded = true;                  ///< sources: whether it ends
  bool needs_end = false;               ///< emits only at the end of its input: unbounded input is refused
  std::vector<step_input> inputs;
  std::string output_folder{};          ///< sinks of files: the folder, absolute
  std::string output_name{};            ///< and what they publish in it
  operator_factory make;                ///< the operator without a combiner in front

  // With a combiner: in batch mode (or always) two nodes, `combine` beside the producer and `make_combined` behind.
  operator_factory combine, make_combined;
  key_hasher combined_hasher;
  bool always_combine = false;
};

struct job_plan {
  std::string name;
  std::vector<job_step> steps;

  std::size_t add(job_step step) {
    steps.push_back(std::move(step));
    return steps.size() - 1;
  }
};

}  // namespace detail

/// What a job function builds its job with. The streams it hands out refer to it.
class job_builder {
 public:
  job_builder() : plan_(std::make_shared<detail::job_plan>()) {}
  explicit job_builder(std::string name) : job_builder() { plan_->name = std::move(name); }

  /// The job's name, unless the one who runs it gives another.
  job_builder& name(std::string name) {
    if (plan_->name.empty())
      plan_->name = std::move(name);
    return *this;
  }

  /// A source of T's. The factory makes one instance a subtask; it emits batches of T's schema from `advance`.
  template <described T>
  stream<T> add_source(std::string name, bool bounded, operator_factory factory);

  /// For those who turn the plan into a graph.
  [[nodiscard]] const std::shared_ptr<detail::job_plan>& plan() const noexcept { return plan_; }

 private:
  std::shared_ptr<detail::job_plan> plan_;
};

}  // namespace flott
