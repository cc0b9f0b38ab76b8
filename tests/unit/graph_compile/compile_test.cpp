#include "runtime/graph/logical_graph.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace flott;

namespace {

operator_factory nothing() {
  return []() -> result<std::unique_ptr<stream_operator>> { return internal_failure("operator", "not made in this test"); };
}

logical_node node(std::string kind, std::string name, std::vector<logical_edge> inputs = {}) {
  logical_node n;
  n.kind = std::move(kind);
  n.name = std::move(name);
  n.inputs = std::move(inputs);
  n.make = nothing();
  return n;
}

logical_edge forward(std::size_t from) { return {from, 0, msg::SHIP_STRATEGY_FORWARD, {}}; }
logical_edge hash(std::size_t from) {
  return {from, 0, msg::SHIP_STRATEGY_HASH, [](const record_batch&, std::span<std::uint64_t>) {}};
}
logical_edge rebalance(std::size_t from) { return {from, 0, msg::SHIP_STRATEGY_REBALANCE, {}}; }

/// list files (1) => lines -> split -> combine => count -> out
logical_graph word_count() {
  logical_graph g;
  g.name = "word_count";
  g.nodes = {node("source", "list files"), node("source", "lines", {rebalance(0)}), node("flat_map", "split", {forward(1)}),
             node("aggregate", "combine", {forward(2)}), node("aggregate", "count", {hash(3)}),
             node("sink", "out", {forward(4)})};
  g.nodes[0].parallelism = 1;
  return g;
}

std::vector<std::string> names(const compiled_job& job) {
  std::vector<std::string> all;
  for (const auto& v : job.graph.vertices())
    all.push_back(v.name());
  return all;
}

failure refused(logical_graph g, compile_options options = {.parallelism = 2}) {
  auto compiled = compile(std::move(g), options);
  REQUIRE_FALSE(compiled.ok());
  return compiled.error();
}

}  // namespace

TEST_CASE("forward edges between equals chain") {
  auto compiled = compile(word_count(), {.parallelism = 4, .max_parallelism = 128});
  REQUIRE(compiled.ok());
  const compiled_job& job = **compiled;
  CHECK(names(job) == std::vector<std::string>{"Source: list files", "Source: lines -> split -> combine",
                                               "count -> Sink: out"});
  CHECK(job.graph.bounded());
  CHECK(job.mode == runtime_mode::batch);
  REQUIRE(job.vertices.size() == 3);
  CHECK(job.vertices[1].operators.size() == 3);
  CHECK(job.vertices[1].operator_names[1] == "split");
  CHECK(job.vertices[0].source);
  CHECK_FALSE(job.vertices[1].source);
  REQUIRE(job.edges.size() == 2);
  CHECK(job.edges[0].strategy == msg::SHIP_STRATEGY_REBALANCE);
  CHECK(job.edges[1].strategy == msg::SHIP_STRATEGY_HASH);
  CHECK(job.edges[1].hasher);
  CHECK(job.vertices[1].inputs == std::vector<std::uint32_t>{0});
  CHECK(job.vertices[1].outputs == std::vector<std::uint32_t>{1});
  CHECK(job.graph.edges(1).source_vertex() == job.graph.vertices(1).id());
  CHECK(job.graph.edges(1).target_vertex() == job.graph.vertices(2).id());
  CHECK(job.graph.vertices(0).parallelism() == 1);
  CHECK(job.graph.vertices(1).parallelism() == 4);
  std::set<std::string> ids;
  for (const auto& v : job.graph.vertices())
    for (const auto& o : v.operators())
      ids.insert(o.id());
  CHECK(ids.size() == 6);
}

TEST_CASE("what keeps operators from chaining") {
  SECTION("another parallelism: rows are dealt out instead") {
    logical_graph g = word_count();
    g.nodes[5].parallelism = 1;
    const auto job = compile(g, {.parallelism = 2});
    REQUIRE(job.ok());
    CHECK((*job)->vertices.size() == 4);
    CHECK((*job)->edges.back().strategy == msg::SHIP_STRATEGY_REBALANCE);
  }
  SECTION("another slot sharing group") {
    logical_graph g = word_count();
    g.nodes[2].slot_sharing_group = "other";
    const auto job = compile(g, {});
    REQUIRE(job.ok());
    CHECK((*job)->vertices.size() == 5);
    CHECK((*job)->edges[1].strategy == msg::SHIP_STRATEGY_FORWARD);
  }
  SECTION("not chainable") {
    logical_graph g = word_count();
    g.nodes[5].chainable = false;
    CHECK((*compile(g, {}))->vertices.size() == 4);
  }
  SECTION("two consumers") {
    logical_graph g = word_count();
    g.nodes.push_back(node("sink", "second", {forward(4)}));
    const auto job = compile(g, {});
    REQUIRE(job.ok());
    CHECK(names(**job) == std::vector<std::string>{"Source: list files", "Source: lines -> split -> combine", "count",
                                                   "Sink: out", "Sink: second"});
    CHECK((*job)->vertices[2].outputs.size() == 2);
  }
  SECTION("two inputs") {
    logical_graph g;
    g.nodes = {node("source", "a"), node("source", "b"), node("union", "both", {forward(0), forward(1)}),
               node("sink", "out", {forward(2)})};
    g.nodes[2].inputs[1].target_input = 1;
    const auto job = compile(g, {});
    REQUIRE(job.ok());
    CHECK(names(**job) == std::vector<std::string>{"Source: a", "Source: b", "both -> Sink: out"});
    CHECK((*job)->graph.edges(1).target_input() == 1);
  }
}

TEST_CASE("the fingerprint tells plans apart, and is the same everywhere") {
  const auto print = [](logical_graph g, compile_options o = {.parallelism = 2}) {
    return (*compile(std::move(g), o))->graph.fingerprint();
  };
  const std::string base = print(word_count());
  CHECK(base.size() == 32);
  CHECK(print(word_count()) == base);
  CHECK(base == "96779645c9d97f3bd8783a8bf49545bf");   // two TaskManagers of different builds must agree
  logical_graph renamed = word_count();
  renamed.name = "another name";
  CHECK(print(renamed) == base);
  CHECK(print(word_count(), {.parallelism = 3}) != base);
  logical_graph other = word_count();
  other.nodes[2].name = "cut";
  CHECK(print(other) != base);
  logical_graph streaming = word_count();
  streaming.force_streaming = true;
  CHECK(print(streaming) != base);
}

TEST_CASE("an operator's id is its uid's, or its place's, but not its name's") {
  const auto ids = [](logical_graph g) {
    std::vector<std::string> all;
    const auto job = compile(std::move(g), {});
    for (const auto& v : (*job)->graph.vertices())
      for (const auto& o : v.operators())
        all.push_back(o.id());
    return all;
  };
  const auto base = ids(word_count());
  logical_graph renamed = word_count();
  renamed.nodes[4].name = "tally";
  CHECK(ids(renamed) == base);
  logical_graph with_uid = word_count();
  with_uid.nodes[4].uid = "counts";
  CHECK(ids(with_uid)[4] != base[4]);
  logical_graph moved = word_count();
  moved.nodes[4].uid = "counts";
  moved.nodes.insert(moved.nodes.begin(), node("source", "unused"));
  for (auto& n : moved.nodes)
    for (auto& e : n.inputs)
      ++e.source;
  moved.nodes.push_back(node("sink", "unused", {forward(0)}));
  CHECK(ids(moved)[6] == ids(with_uid)[4]);
}

TEST_CASE("graphs that cannot run are refused, naming the operator") {
  logical_graph g = word_count();
  g.nodes[4].parallelism = 200;
  CHECK(refused(g).where == "operator 'count'");
  g = word_count();
  g.nodes[4].max_parallelism = 40'000;
  CHECK(refused(g).where == "operator 'count'");
  g = word_count();
  g.nodes[2].uid = g.nodes[4].uid = "same";
  CHECK(refused(g).message.find("'same'") != std::string::npos);
  g = word_count();
  g.nodes.push_back(g.nodes.back());
  for (auto* sink : {&g.nodes.back(), &g.nodes[g.nodes.size() - 2]}) {
    sink->output_folder = "/out";
    sink->output_name = "counts.csv";
  }
  CHECK(refused(g).message.find("/out/counts.csv") != std::string::npos);
  g.nodes.back().output_name = "others.csv";
  CHECK(compile(g, {}).ok());
  g = word_count();
  g.nodes.pop_back();
  CHECK(refused(g).message.find("sink") != std::string::npos);
  CHECK(refused({}).message.find("source") != std::string::npos);
  g = word_count();
  g.nodes[0].bounded = false;
  g.force_batch = true;
  CHECK(refused(g).where == "source 'list files'");
  g.force_batch = false;
  const auto streaming = compile(g, {});
  REQUIRE(streaming.ok());
  CHECK_FALSE((*streaming)->graph.bounded());
  CHECK((*streaming)->mode == runtime_mode::streaming);
  g = word_count();
  g.nodes[4].inputs[0].hasher = {};
  CHECK(refused(g).domain == failure_domain::internal);
  g = word_count();
  g.nodes[2].inputs[0].source = 3;
  CHECK(refused(g).domain == failure_domain::internal);
}
