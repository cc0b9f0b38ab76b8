#include "runtime/batch/hash.hpp"
#include "runtime/graph/logical_graph.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace flott {
namespace {

constexpr std::uint32_t largest_max_parallelism = 32768;   // Flink's bound

/// A 128-bit hash of fields, each with its length, so that no two sequences read alike.
class digest {
 public:
  digest& add(std::string_view s) {
    text_ += std::to_string(s.size());
    text_ += ':';
    text_ += s;
    return *this;
  }
  digest& add(std::uint64_t n) { return add(std::to_string(n)); }

  template <class Id>
  [[nodiscard]] Id id() const {
    return Id::from_words(hash_text("flott high " + text_), hash_text("flott low  " + text_));
  }

 private:
  std::string text_;
};

/// What compile finds out about a node before it forms chains.
struct node_facts {
  std::uint32_t parallelism = 1;
  std::uint32_t max_parallelism = 1;
  operator_id id;
  std::size_t consumers = 0;
  bool chained = false;                  ///< to its only input
  std::size_t vertex = 0;
};

class compiler {
 public:
  compiler(logical_graph graph, const compile_options& options)
      : graph_(std::move(graph)), options_(options), facts_(graph_.nodes.size()),
        job_(std::make_shared<compiled_job>()) {}

  result<std::shared_ptr<compiled_job>> run() {
    FLOTT_TRY(resolve_nodes());
    FLOTT_TRY(check_shape());
    FLOTT_TRY(resolve_mode());
    FLOTT_TRY(identify());
    form_chains();
    connect();
    job_->graph.set_name(graph_.name);
    job_->graph.set_fingerprint(fingerprint());
    FLOTT_TRY(name_outputs());
    return job_;
  }

 private:
  static std::string label(const logical_node& node) { return node.name.empty() ? node.kind : node.name; }
  static std::string where(const logical_node& node) { return "operator '" + label(node) + "'"; }

  result<void> resolve_nodes() {
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const logical_node& node = graph_.nodes[i];
      node_facts& facts = facts_[i];
      facts.parallelism = node.parallelism != 0 ? node.parallelism : options_.parallelism;
      facts.max_parallelism = node.max_parallelism != 0 ? node.max_parallelism : options_.max_parallelism;
      if (facts.max_parallelism == 0 || facts.max_parallelism > largest_max_parallelism)
        return user_failure(where(node), "its maximum parallelism of " + std::to_string(facts.max_parallelism) +
                                             " is not between 1 and " + std::to_string(largest_max_parallelism));
      if (facts.parallelism == 0 || facts.parallelism > facts.max_parallelism)
        return user_failure(where(node), "its parallelism of " + std::to_string(facts.parallelism) +
                                             " is not between 1 and its maximum parallelism of " +
                                             std::to_string(facts.max_parallelism));
      if (!node.make)
        return internal_failure(where(node), "has no factory");
      for (logical_edge& edge : graph_.nodes[i].inputs) {
        if (edge.source >= i)
          return internal_failure(where(node), "reads from an operator that does not come before it");
        if (edge.strategy == msg::SHIP_STRATEGY_UNSPECIFIED)
          edge.strategy = msg::SHIP_STRATEGY_FORWARD;
        if (edge.strategy == msg::SHIP_STRATEGY_HASH && !edge.hasher)
          return internal_failure(where(node), "is fed by hash, and nothing says of what");
        if (edge.strategy == msg::SHIP_STRATEGY_FORWARD && facts_[edge.source].parallelism != facts.parallelism)
          edge.strategy = msg::SHIP_STRATEGY_REBALANCE;     // one to one is not possible
        ++facts_[edge.source].consumers;
      }
    }
    return {};
  }

  result<void> check_shape() const {
    if (graph_.nodes.empty())
      return user_failure("job '" + graph_.name + "'", "has no source");
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i)
      if (facts_[i].consumers == 0 && graph_.nodes[i].kind != "sink")
        return user_failure(where(graph_.nodes[i]), "its output goes nowhere: a sink is missing");
    return {};
  }

  result<void> resolve_mode() {
    if (graph_.force_batch && graph_.force_streaming)
      return internal_failure("job '" + graph_.name + "'", "is asked to run both as batch and as streaming job");
    bool bounded = true;
    for (const logical_node& node : graph_.nodes) {
      if (!node.inputs.empty() || node.bounded)
        continue;
      bounded = false;
      if (graph_.force_batch)
        return user_failure("source '" + label(node) + "'",
                            "never ends, and execution.runtime-mode is BATCH");
    }
    job_->graph.set_bounded(bounded);
    job_->mode = bounded && !graph_.force_streaming ? runtime_mode::batch : runtime_mode::streaming;
    return {};
  }

  /// A uid's hash, else a hash of what the operator is, where it stands and what feeds it; names do not count.
  result<void> identify() {
    std::set<std::string> uids;
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const logical_node& node = graph_.nodes[i];
      digest d;
      if (!node.uid.empty()) {
        if (!uids.insert(node.uid).second)
          return user_failure(where(node), "its uid '" + node.uid + "' is used twice");
        d.add("uid").add(node.uid);
      } else {
        d.add("structure").add(i).add(node.kind);
        for (const logical_edge& edge : node.inputs)
          d.add(facts_[edge.source].id.hex()).add(static_cast<std::uint64_t>(edge.strategy)).add(edge.target_input);
      }
      facts_[i].id = d.id<operator_id>();
    }
    return {};
  }

  bool chains(std::size_t i) const {
    const logical_node& node = graph_.nodes[i];
    if (node.inputs.size() != 1 || !node.chainable || node.inputs[0].strategy != msg::SHIP_STRATEGY_FORWARD)
      return false;
    const std::size_t source = node.inputs[0].source;
    return facts_[source].consumers == 1 && facts_[source].parallelism == facts_[i].parallelism &&
           facts_[source].max_parallelism == facts_[i].max_parallelism &&
           graph_.nodes[source].slot_sharing_group == node.slot_sharing_group;
  }

  void form_chains() {
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const logical_node& node = graph_.nodes[i];
      facts_[i].chained = chains(i);
      if (facts_[i].chained) {
        facts_[i].vertex = facts_[node.inputs[0].source].vertex;
      } else {
        facts_[i].vertex = job_->vertices.size();
        job_->vertices.emplace_back().source = node.inputs.empty();
        msg::JobVertex& head = *job_->graph.add_vertices();
        head.set_id(facts_[i].id.hex());
        head.set_parallelism(facts_[i].parallelism);
        head.set_max_parallelism(facts_[i].max_parallelism);
        head.set_slot_sharing_group(node.slot_sharing_group);
      }
      append(i, job_->vertices[facts_[i].vertex],
             *job_->graph.mutable_vertices(static_cast<int>(facts_[i].vertex)));
    }
  }

  void append(std::size_t i, compiled_vertex& vertex, msg::JobVertex& shown) {
    logical_node& node = graph_.nodes[i];
    vertex.operators.push_back(std::move(node.make));
    vertex.operator_names.push_back(label(node));
    msg::OperatorInfo& info = *shown.add_operators();
    info.set_id(facts_[i].id.hex());
    info.set_name(label(node));
    info.set_kind(node.kind);
    std::string part = node.kind == "source" ? "Source: " : node.kind == "sink" ? "Sink: " : "";
    part += label(node);
    shown.set_name(shown.name().empty() ? part : shown.name() + " -> " + part);
  }

  void connect() {
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (facts_[i].chained)
        continue;
      const std::size_t target = facts_[i].vertex;
      for (logical_edge& edge : graph_.nodes[i].inputs) {
        const auto id = static_cast<std::uint32_t>(job_->edges.size());
        const std::size_t source = facts_[edge.source].vertex;
        job_->vertices[source].outputs.push_back(id);
        job_->vertices[target].inputs.push_back(id);
        msg::JobEdge& shown = *job_->graph.add_edges();
        shown.set_id(id);
        shown.set_source_vertex(job_->graph.vertices(static_cast<int>(source)).id());
        shown.set_target_vertex(job_->graph.vertices(static_cast<int>(target)).id());
        shown.set_target_input(static_cast<std::uint32_t>(edge.target_input));
        shown.set_strategy(edge.strategy);
        job_->edges.push_back({edge.strategy, std::move(edge.hasher)});
      }
    }
  }

  /// No part of the fingerprint: a relative path is another one in each process.
  result<void> name_outputs() {
    std::set<std::string> folders;
    std::map<std::pair<std::string, std::string>, const logical_node*> outputs;
    for (const logical_node& node : graph_.nodes) {
      if (node.output_folder.empty())
        continue;
      folders.insert(node.output_folder);
      const auto [first, fresh] = outputs.try_emplace({node.output_folder, node.output_name}, &node);
      if (!fresh)
        return user_failure(where(node), "writes " + node.output_folder + "/" + node.output_name +
                                             ", which another sink of the job writes as well");
    }
    for (const std::string& folder : folders)
      job_->graph.add_output_folders(folder);
    return {};
  }

  std::string fingerprint() const {
    digest d;
    for (const msg::JobVertex& v : job_->graph.vertices()) {
      d.add(v.id()).add(v.name()).add(v.parallelism()).add(v.max_parallelism()).add(v.slot_sharing_group());
      for (const msg::OperatorInfo& o : v.operators())
        d.add(o.id()).add(o.name()).add(o.kind());
    }
    for (const msg::JobEdge& e : job_->graph.edges())
      d.add(e.id()).add(e.source_vertex()).add(e.target_vertex()).add(e.target_input())
          .add(static_cast<std::uint64_t>(e.strategy()));
    d.add(job_->graph.bounded() ? 1 : 0).add(job_->mode == runtime_mode::batch ? "batch" : "streaming");
    return d.id<id128<struct fingerprint_tag>>().hex();
  }

  logical_graph graph_;
  compile_options options_;
  std::vector<node_facts> facts_;
  std::shared_ptr<compiled_job> job_;
};

}  // namespace

result<std::shared_ptr<compiled_job>> compile(logical_graph graph, const compile_options& options) {
  return compiler(std::move(graph), options).run();
}

}  // namespace flott
