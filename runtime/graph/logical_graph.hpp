#pragma once

#include "messages/job.pb.h"
#include "runtime/base/result.hpp"
#include "runtime/operators/factory.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace flott {

/// How one node feeds another.
struct logical_edge {
  std::size_t source = 0;                 ///< index of the producing node
  std::size_t target_input = 0;
  msg::ShipStrategy strategy = msg::SHIP_STRATEGY_FORWARD;
  key_hasher hasher;                      ///< for SHIP_STRATEGY_HASH only
};

/// One operator as the job's author wrote it.
struct logical_node {
  std::string uid;                        ///< the author's, or empty: a structural hash is used
  std::string name;
  std::string kind;                       ///< "source", "map", "filter", "flat_map", "aggregate", "sink", ...
  std::uint32_t parallelism = 0;          ///< 0: the job's
  std::uint32_t max_parallelism = 0;      ///< 0: pipeline.max-parallelism
  std::string slot_sharing_group = "default";
  bool bounded = true;                    ///< sources only: whether it ends
  bool chainable = true;                  ///< may be the non-first operator of a chain
  operator_factory make;
  std::string output_folder;              ///< sinks of files only: cleared of what is unpublished when the job fails
  std::string output_name;                ///< what the sink publishes there
  std::vector<logical_edge> inputs;       ///< empty: a source
};

/// What a job function builds. Nodes are in the order of their creation, so inputs come first.
struct logical_graph {
  std::string name;
  std::vector<logical_node> nodes;
  bool force_batch = false, force_streaming = false;   ///< execution.runtime-mode
};

/// An edge of the chained graph with what its producer needs to distribute.
struct compiled_edge {
  msg::ShipStrategy strategy = msg::SHIP_STRATEGY_FORWARD;
  key_hasher hasher;
};

/// A chain: its operators' factories in order, the edges that leave its tail, and those that enter its head.
struct compiled_vertex {
  std::vector<operator_factory> operators;
  std::vector<std::string> operator_names;
  std::vector<std::uint32_t> outputs;     ///< edge ids (indices of JobGraph.edges)
  std::vector<std::uint32_t> inputs;      ///< edge ids, with target_input in the JobGraph
  bool source = false;
};

/// The chained graph in both its forms: the message that is persisted and compared, and the factories to run it.
/// Keeps the module it came from loaded (`module`).
struct compiled_job {
  msg::JobGraph graph;
  runtime_mode mode = runtime_mode::batch;
  std::vector<compiled_vertex> vertices;  ///< as graph.vertices
  std::vector<compiled_edge> edges;       ///< as graph.edges
  std::shared_ptr<const void> module;

  ~compiled_job() { vertices.clear(); edges.clear(); }   // factories go before the code they point into
};

struct compile_options {
  std::uint32_t parallelism = 1;
  std::uint32_t max_parallelism = 128;
};

/// Checks the graph (bounds, uids unique, a source and a sink, no unbounded source in forced batch), chains FORWARD
/// edges between nodes of equal parallelism and slot sharing group, computes ids and fingerprint. Deterministic.
result<std::shared_ptr<compiled_job>> compile(logical_graph graph, const compile_options& options);

}  // namespace flott
