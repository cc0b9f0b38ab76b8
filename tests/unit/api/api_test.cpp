#include "flott/flott.hpp"
#include "runtime/api/build_graph.hpp"
#include "tests/support/operator_harness.hpp"

#include <stdexcept>

using namespace flott;
using namespace flott::test;

namespace {

struct phrase {
  text value;
};
FLOTT_DESCRIBE(phrase, value)

struct word {
  text value;
};
FLOTT_DESCRIBE(word, value)

struct counted {
  text value;
  std::int64_t count = 0;
};
FLOTT_DESCRIBE(counted, value, count)

operator_factory no_source() {
  return []() -> result<std::unique_ptr<stream_operator>> { return internal_failure("source", "not made in this test"); };
}

stream<phrase> lines(job_builder& job, bool bounded = true) { return job.add_source<phrase>("lines", bounded, no_source()); }

/// Runs a chain of nodes that follow each other from `first` on over one batch.
rows run_nodes(const logical_graph& graph, std::size_t first, std::size_t last, const record_batch& in) {
  harness h(graph.nodes[first].make);
  std::vector<record_batch> batches{in};
  rows out;
  for (std::size_t i = first; i <= last; ++i) {
    harness next(graph.nodes[i].make);
    collecting_output collected;
    auto one = next.open(collected);
    for (const record_batch& b : batches)
      REQUIRE(one->process(0, b).ok());
    REQUIRE(one->finish().ok());
    batches = collected.batches;
    out = collected.lines;
  }
  return out;
}

record_batch some_lines() {
  typed_batch_builder<phrase> builder(nullptr, 3);
  for (const char* s : {"to be or", "not to be", ""})
    builder.append({s});
  return builder.finish();
}

auto split = [](const phrase& l, collector<word>& out) {
  std::string_view rest = l.value;
  while (!rest.empty()) {
    const auto end = std::min(rest.find(' '), rest.size());
    if (end != 0)
      out.emit({rest.substr(0, end)});
    rest.remove_prefix(std::min(rest.size(), end + 1));
  }
};

void count_words(job_builder& job, const parameters& params) {
  (void)params.get("input");
  lines(job)
      .flat_map(split)
      .name("split")
      .key_by(&word::value)
      .aggregate<counted>(key(&counted::value), count(&counted::count))
      .name("count")
      .uid("counts")
      .sorted(ascending(&counted::value))
      .add_sink("out", no_source());
}

void broken(job_builder&, const parameters&) { throw std::runtime_error("the author's mistake"); }

FLOTT_JOB(count_words, "Counts words", {"input", "files"})
FLOTT_JOB(broken, "Throws")

std::vector<std::string> names(const logical_graph& graph) {
  std::vector<std::string> all;
  for (const logical_node& n : graph.nodes)
    all.push_back(n.name);
  return all;
}

}  // namespace

TEST_CASE("a bounded job combines before it shuffles, a streaming one does not") {
  job_builder job;
  count_words(job, parameters(parameters::list{{"input", "x"}}));
  const auto batch = build_graph(job, {});
  REQUIRE(batch.ok());
  CHECK(names(*batch) == std::vector<std::string>{"lines", "split", "combine", "count", "sort", "out"});
  CHECK(batch->nodes[2].inputs[0].strategy == msg::SHIP_STRATEGY_FORWARD);
  CHECK(batch->nodes[2].uid == "counts:combine");
  CHECK(batch->nodes[3].inputs[0].strategy == msg::SHIP_STRATEGY_HASH);
  CHECK(batch->nodes[3].inputs[0].hasher);
  CHECK(batch->nodes[4].parallelism == 1);
  CHECK(run_nodes(*batch, 1, 4, some_lines()) == rows{"be|2", "not|1", "or|1", "to|2"});

  const auto streaming = build_graph(job, {.name = "n", .force_streaming = true});
  REQUIRE(streaming.ok());
  CHECK(streaming->name == "n");
  CHECK(names(*streaming) == std::vector<std::string>{"lines", "split", "count", "sort", "out"});
  CHECK(run_nodes(*streaming, 1, 2, some_lines()) == rows{"to|1", "be|1", "or|1", "not|1", "to|2", "be|2"});
}

TEST_CASE("every call has its operator, with its attributes") {
  job_builder job("all calls");
  const auto words = lines(job).parallelism(3).flat_map<word>(split).slot_sharing_group("g");
  const auto longer = words.map([](const word& w, text_maker& make) { return word{make.copy(w.value.str() + "s")}; })
                          .filter([](const word& w) { return w.value.size() > 3; })
                          .with_column(&word::value, [](const word& w) { return w.value; });
  longer.union_with(words)
      .rebalance()
      .project<word>()
      .key_by([](const word& w) { return w.value.size(); })
      .reduce([](const word& a, const word& b) { return a.value < b.value ? b : a; })
      .max_parallelism(64)
      .top_n(2, descending(&word::value))
      .broadcast()
      .add_sink("out", no_source())
      .name("last");
  const auto graph = build_graph(job, {});
  REQUIRE(graph.ok());
  CHECK(graph->name == "all calls");
  CHECK(names(*graph) == std::vector<std::string>{"lines", "flat_map", "map", "filter", "with_column", "union", "project",
                                                  "key", "combine", "reduce", "local top 2", "top 2", "last"});
  CHECK(graph->nodes[0].parallelism == 3);
  CHECK(graph->nodes[1].slot_sharing_group == "g");
  CHECK(graph->nodes[5].inputs.size() == 2);
  CHECK(graph->nodes[5].inputs[1].target_input == 1);
  CHECK(graph->nodes[6].inputs[0].strategy == msg::SHIP_STRATEGY_REBALANCE);
  CHECK(graph->nodes[9].max_parallelism == 64);
  CHECK(graph->nodes[11].parallelism == 1);
  CHECK(graph->nodes[12].inputs[0].strategy == msg::SHIP_STRATEGY_BROADCAST);
  CHECK(run_nodes(*graph, 1, 4, some_lines()) == rows{"nots"});
  // by length: "to" < "or"? the greatest of each length, then the two greatest of all
  CHECK(run_nodes(*graph, 1, 1, some_lines()).size() == 6);
  record_batch split_words;
  {
    harness h(graph->nodes[1].make);
    collecting_output out;
    auto one = h.open(out);
    REQUIRE(one->process(0, some_lines()).ok());
    split_words = out.batches.at(0);
  }
  CHECK(run_nodes(*graph, 7, 11, split_words) == rows{"to", "not"});
}

TEST_CASE("a key of several fields, with every aggregate") {
  struct local {};
  job_builder job;
  const auto counts = lines(job)
                          .flat_map(split)
                          .map([](const word& w) { return counted{w.value, static_cast<std::int64_t>(w.value.size())}; });
  (void)counts.key_by(&counted::value, &counted::count)
      .aggregate<counted>(key(&counted::value, &counted::count));
  CHECK_THROWS_AS(counts.key_by(&counted::value).aggregate<counted>(key(&counted::value)), failure_exception);
  CHECK_THROWS_AS(counts.key_by(&counted::value).aggregate<counted>(key(&counted::count), count(&counted::count)),
                  failure_exception);
  const auto sums = counts.key_by(&counted::value)
                        .aggregate<counted>(key(&counted::value), sum(&counted::count, &counted::count));
  sums.add_sink("out", no_source());
  const auto graph = build_graph(job, {});
  REQUIRE(graph.ok());
  const std::size_t n = graph->nodes.size();
  CHECK(run_nodes(*graph, 1, 4, some_lines()) == rows{"to|2", "be|2", "or|2", "not|3"});
  record_batch mapped;
  {
    harness h(graph->nodes[2].make);
    collecting_output words_out, out;
    harness s(graph->nodes[1].make);
    auto splitter = s.open(words_out);
    REQUIRE(splitter->process(0, some_lines()).ok());
    auto one = h.open(out);
    REQUIRE(one->process(0, words_out.batches.at(0)).ok());
    mapped = out.batches.at(0);
  }
  CHECK(run_nodes(*graph, n - 3, n - 2, mapped) == rows{"to|4", "be|4", "or|2", "not|3"});
}

TEST_CASE("operators that wait for the end refuse a source that has none") {
  job_builder job;
  lines(job, false).sorted(ascending(&phrase::value)).add_sink("out", no_source());
  const auto refused = build_graph(job, {});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message.find("'lines'") != std::string::npos);
}

TEST_CASE("job functions are found by name and run with their parameters") {
  const flott_job_entries& all = *flott_job_table();
  REQUIRE(all.count == 2);
  CHECK(all.api_version == job_api_version);
  const flott_job_entry& counting = all.jobs[0];
  CHECK(std::string(counting.name) == "count_words");
  REQUIRE(counting.parameter_count == 1);
  CHECK(std::string(counting.parameters[0].name) == "input");

  const auto good = build_graph(counting, {.parameters = {{"input", "x"}}});
  REQUIRE(good.ok());
  CHECK(good->name == "count_words");
  CHECK(build_graph(counting, {}).error().where == "parameter 'input'");
  const auto unknown = build_graph(counting, {.parameters = {{"input", "x"}, {"inptu", "y"}}});
  REQUIRE_FALSE(unknown.ok());
  CHECK(unknown.error().message.find("'input'") != std::string::npos);
  const auto threw = build_graph(all.jobs[1], {});
  REQUIRE_FALSE(threw.ok());
  CHECK(threw.error().cause == "the author's mistake");
  CHECK(threw.error().where.find("broken") != std::string::npos);
}
