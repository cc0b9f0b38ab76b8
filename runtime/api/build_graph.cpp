#include "runtime/api/build_graph.hpp"

#include <exception>

namespace flott {
namespace {

using detail::job_plan;
using detail::job_step;

msg::ShipStrategy strategy_of(shipping how) {
  switch (how) {
    case shipping::hash: return msg::SHIP_STRATEGY_HASH;
    case shipping::rebalance: return msg::SHIP_STRATEGY_REBALANCE;
    case shipping::broadcast: return msg::SHIP_STRATEGY_BROADCAST;
    case shipping::forward: break;
  }
  return msg::SHIP_STRATEGY_FORWARD;
}

logical_node node_of(const job_step& step) {
  logical_node node;
  node.uid = step.uid;
  node.name = step.name;
  node.kind = step.kind;
  node.parallelism = step.parallelism;
  node.max_parallelism = step.max_parallelism;
  node.slot_sharing_group = step.slot_sharing_group;
  node.output_folder = step.output_folder;
  node.output_name = step.output_name;
  node.bounded = step.bounded;
  return node;
}

/// Turns steps into nodes, one after another.
class expansion {
 public:
  expansion(const job_plan& plan, bool batch, logical_graph& graph) : plan_(plan), batch_(batch), graph_(graph) {}

  void run() {
    for (const job_step& step : plan_.steps) {
      const bool combined = step.combine && (batch_ || step.always_combine);
      if (combined)
        add_combined(step);
      else
        add_plain(step);
    }
  }

 private:
  logical_edge edge_of(const detail::step_input& input, std::size_t target_input) const {
    return {node_of_step_[input.step], target_input, strategy_of(input.how), input.hasher};
  }
  std::size_t add(logical_node node) {
    graph_.nodes.push_back(std::move(node));
    return graph_.nodes.size() - 1;
  }

  void add_plain(const job_step& step) {
    logical_node node = node_of(step);
    node.make = step.make;
    for (std::size_t i = 0; i < step.inputs.size(); ++i)
      node.inputs.push_back(edge_of(step.inputs[i], i));
    node_of_step_.push_back(add(std::move(node)));
  }

  /// The combiner runs beside its producer: forward, same parallelism, same slots.
  void add_combined(const job_step& step) {
    const std::size_t producer = node_of_step_[step.inputs[0].step];
    logical_node combiner;
    combiner.uid = step.uid.empty() ? std::string() : step.uid + ":combine";
    combiner.name = step.kind == "aggregate" || step.kind == "reduce" ? "combine" : "local " + step.name;
    combiner.kind = step.kind;
    combiner.parallelism = graph_.nodes[producer].parallelism;
    combiner.max_parallelism = graph_.nodes[producer].max_parallelism;
    combiner.slot_sharing_group = graph_.nodes[producer].slot_sharing_group;
    combiner.make = step.combine;
    combiner.inputs.push_back({producer, 0, msg::SHIP_STRATEGY_FORWARD, {}});
    if (step.inputs[0].how == shipping::rebalance || step.inputs[0].how == shipping::broadcast)
      combiner.inputs[0].strategy = strategy_of(step.inputs[0].how);
    const std::size_t combine = add(std::move(combiner));
    logical_node node = node_of(step);
    node.make = step.make_combined;
    node.inputs.push_back({combine, 0,
                           step.combined_hasher ? msg::SHIP_STRATEGY_HASH : msg::SHIP_STRATEGY_REBALANCE,
                           step.combined_hasher});
    node_of_step_.push_back(add(std::move(node)));
  }

  const job_plan& plan_;
  bool batch_;
  logical_graph& graph_;
  std::vector<std::size_t> node_of_step_;
};

/// The unbounded source that reaches each step, or null.
std::vector<const job_step*> endless_sources(const job_plan& plan) {
  std::vector<const job_step*> endless(plan.steps.size());
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const job_step& step = plan.steps[i];
    if (step.inputs.empty() && !step.bounded)
      endless[i] = &step;
    for (const detail::step_input& input : step.inputs)
      if (endless[input.step] != nullptr)
        endless[i] = endless[input.step];
  }
  return endless;
}

}  // namespace

result<logical_graph> build_graph(const job_builder& job, const job_request& request) {
  const job_plan& plan = *job.plan();
  const auto endless = endless_sources(plan);
  bool bounded = true;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    bounded = bounded && endless[i] == nullptr;
    if (plan.steps[i].needs_end && endless[i] != nullptr)
      return user_failure("operator '" + plan.steps[i].name + "'",
                          "emits only at the end of its input, but source '" + endless[i]->name + "' never ends");
  }
  logical_graph graph;
  graph.name = !request.name.empty() ? request.name : plan.name;
  graph.force_batch = request.force_batch;
  graph.force_streaming = request.force_streaming;
  expansion(plan, request.force_batch || (bounded && !request.force_streaming), graph).run();
  return graph;
}

result<logical_graph> build_graph(const flott_job_entry& job, const job_request& request) {
  const std::string where = "job function '" + std::string(job.name) + "'";
  job_builder builder;
  const parameters params(request.parameters);
  try {
    job.run(builder, params);
  } catch (const failure_exception& e) {
    return e.error();
  } catch (const std::exception& e) {
    return user_failure(where, "threw an exception", e.what());
  } catch (...) {
    return user_failure(where, "threw something that is no exception");
  }
  std::vector<std::string> documented;
  for (std::size_t i = 0; i < job.parameter_count; ++i)
    documented.emplace_back(job.parameters[i].name);
  FLOTT_TRY(params.check_all_read(documented));
  builder.name(job.name);
  return build_graph(builder, request);
}

}  // namespace flott
