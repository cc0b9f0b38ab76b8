#include "runtime/graph/execution_graph.hpp"

#include "graph_fixture.hpp"
#include "runtime/graph/job_states.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace flott;
using namespace flott::testing;

namespace {

execution_graph make(msg::JobGraph graph = word_count_graph()) {
  auto made = execution_graph::make("job", 3, std::move(graph));
  REQUIRE(made.ok());
  return std::move(*made);
}

// All subtasks deployed: slot 0 on tm1, slot 1 on tm2.
execution_graph deployed() {
  auto g = make();
  REQUIRE(g.assign(std::vector{slot("a", "tm1"), slot("b", "tm2")}, 10).ok());
  g.mark_deploying(11);
  return g;
}

msg::AttemptId attempt(const std::string& vertex, std::uint32_t subtask, std::uint32_t number = 0) {
  msg::AttemptId id;
  id.set_job_id("job");
  id.set_vertex_id(vertex);
  id.set_subtask(subtask);
  id.set_attempt(number);
  id.set_epoch(3);
  return id;
}

std::string home(std::uint32_t subtask) {
  return subtask == 0 ? "tm1" : "tm2";
}

report_effect tell(execution_graph& g, const std::string& vertex, std::uint32_t subtask, msg::TaskState state) {
  return g.apply(report_of(attempt(vertex, subtask), state), home(subtask)).effect;
}

}  // namespace

TEST_CASE("the tables of moves are Flink's") {
  using namespace msg;
  CHECK(can_move(JOB_STATE_RUNNING, JOB_STATE_RESTARTING));
  CHECK(can_move(JOB_STATE_CANCELLING, JOB_STATE_FAILED));
  CHECK_FALSE(can_move(JOB_STATE_INITIALIZING, JOB_STATE_RUNNING));
  CHECK_FALSE(can_move(JOB_STATE_RUNNING, JOB_STATE_FAILED));
  CHECK(can_move(TASK_STATE_RECONCILING, TASK_STATE_RUNNING));
  CHECK_FALSE(can_move(TASK_STATE_RUNNING, TASK_STATE_CANCELED));
  CHECK_FALSE(can_move(TASK_STATE_CANCELING, TASK_STATE_FINISHED));
  std::set<std::string_view> names;
  for (int from = 1; from < JobState_ARRAYSIZE; ++from) {
    const auto state = static_cast<JobState>(from);
    names.insert(to_string(state));
    CHECK(parse_job_state(to_string(state)) == state);
    CHECK("JOB_STATE_" + std::string(to_string(state)) == JobState_Name(state));
    for (int to = 0; to < JobState_ARRAYSIZE; ++to)
      CHECK_FALSE((is_terminal(state) && can_move(state, static_cast<JobState>(to))));
  }
  CHECK(names.size() == 11);
  CHECK_FALSE(parse_job_state("running"));
  for (int from = 1; from < TaskState_ARRAYSIZE; ++from) {
    const auto state = static_cast<TaskState>(from);
    CHECK("TASK_STATE_" + std::string(to_string(state)) == TaskState_Name(state));
    CHECK(can_move(state, TASK_STATE_FAILED) == !is_terminal(state));
    CHECK_FALSE(can_move(state, state));
  }
}

TEST_CASE("a vertex shows the aggregate of its subtasks") {
  using namespace msg;
  const auto of = [](std::initializer_list<TaskState> states) {
    std::uint32_t counts[TaskState_ARRAYSIZE]{};
    for (const auto s : states)
      ++counts[s];
    return aggregate_state(counts);
  };
  CHECK(of({TASK_STATE_FINISHED, TASK_STATE_FINISHED}) == TASK_STATE_FINISHED);
  CHECK(of({TASK_STATE_FINISHED, TASK_STATE_SCHEDULED}) == TASK_STATE_RUNNING);
  CHECK(of({TASK_STATE_RUNNING, TASK_STATE_INITIALIZING}) == TASK_STATE_INITIALIZING);
  CHECK(of({TASK_STATE_RUNNING, TASK_STATE_FAILED}) == TASK_STATE_FAILED);
  CHECK(of({TASK_STATE_DEPLOYING, TASK_STATE_SCHEDULED}) == TASK_STATE_CREATED);
}

TEST_CASE("graphs that cannot be run are refused by name") {
  const auto error = [](auto change) {
    auto graph = word_count_graph();
    change(graph);
    auto made = execution_graph::make("job", 1, graph);
    REQUIRE_FALSE(made.ok());
    CHECK(made.error().cls == failure_class::permanent);
    return made.error().message;
  };
  CHECK(error([](auto& g) { g.mutable_vertices(1)->set_parallelism(0); }) == "vertex 'words' has parallelism 0");
  CHECK(error([](auto& g) { g.mutable_vertices(1)->set_id("lines"); }) == "vertex id lines appears twice");
  CHECK(error([](auto& g) { g.mutable_edges(1)->set_id(5); }) == "edge 1 has id 5");
  CHECK(error([](auto& g) { g.mutable_edges(1)->set_target_vertex("x"); }) == "edge 1 names an unknown vertex");
  CHECK(error([](auto& g) { g.mutable_edges(1)->set_target_vertex("lines"); }).find("backwards") != std::string::npos);
  CHECK(error([](auto& g) { g.mutable_vertices(1)->set_parallelism(3); }).find("FORWARD") != std::string::npos);
  CHECK(error([](auto& g) { g.Clear(); }) == "it has no vertices");
}

TEST_CASE("a group needs as many slots as its widest vertex") {
  auto graph = word_count_graph();
  CHECK(make(graph).slots_needed() == 2);
  add_vertex(graph, "other", 3, "second group");
  auto g = make(graph);
  CHECK(g.slots_needed() == 5);
  CHECK(g.assign(std::vector{slot("a", "tm1")}, 1).error().cls == failure_class::resources);
  REQUIRE(g.assign(std::vector{slot("a", "tm1"), slot("b", "tm1"), slot("c", "tm2"), slot("d", "tm2"), slot("e", "tm3")}, 1).ok());
  CHECK(g.deployments()["tm3"].size() == 1);
  CHECK(g.deployments()["tm3"][0].attempt().vertex_id() == "other");
  CHECK(g.deployments()["tm1"].size() == 5);
}

TEST_CASE("deployments name the producers: its own for FORWARD, else all") {
  auto g = deployed();
  auto by_tm = g.deployments();
  REQUIRE(by_tm.size() == 2);
  REQUIRE(by_tm["tm1"].size() == 3);
  REQUIRE(by_tm["tm2"].size() == 2);
  const auto& words = by_tm["tm2"][1];
  CHECK(words.attempt().subtask() == 1);
  CHECK(words.attempt().epoch() == 3);
  CHECK(words.allocation_id() == "b");
  REQUIRE(words.inputs_size() == 1);
  REQUIRE(words.inputs(0).producers_size() == 1);
  CHECK(words.inputs(0).producers(0).attempt().subtask() == 1);
  CHECK(words.inputs(0).producers(0).data_host() == "tm2");
  CHECK(words.outputs(0).consumers() == 1);
  const auto& counts = by_tm["tm1"][2];
  REQUIRE(counts.inputs(0).producers_size() == 2);
  CHECK(counts.inputs(0).edge() == 1);
  CHECK(counts.inputs(0).producers(1).attempt().subtask() == 1);
  CHECK(counts.inputs(0).producers(1).task_manager_incarnation() == "i1");
}

TEST_CASE("reports move the graph to running and finished, also when they skip states") {
  auto g = deployed();
  CHECK(tell(g, "lines", 0, msg::TASK_STATE_INITIALIZING) == report_effect::changed);
  CHECK(tell(g, "lines", 0, msg::TASK_STATE_RUNNING) == report_effect::changed);
  CHECK(tell(g, "lines", 0, msg::TASK_STATE_INITIALIZING) == report_effect::unchanged);   // older news
  CHECK(tell(g, "lines", 1, msg::TASK_STATE_FINISHED) == report_effect::changed);
  CHECK(tell(g, "words", 0, msg::TASK_STATE_RUNNING) == report_effect::changed);
  CHECK(tell(g, "words", 1, msg::TASK_STATE_RUNNING) == report_effect::changed);
  CHECK(tell(g, "counts", 0, msg::TASK_STATE_RUNNING) == report_effect::all_running);
  CHECK(tell(g, "counts", 0, msg::TASK_STATE_RUNNING) == report_effect::unchanged);
  for (const auto& [vertex, subtask] : {std::pair{"lines", 0U}, {"words", 0U}, {"words", 1U}})
    CHECK(tell(g, vertex, subtask, msg::TASK_STATE_FINISHED) == report_effect::changed);
  CHECK(tell(g, "counts", 0, msg::TASK_STATE_FINISHED) == report_effect::all_finished);
  CHECK(tell(g, "counts", 0, msg::TASK_STATE_FINISHED) == report_effect::stale);
  CHECK(g.illegal_moves() == 0);
}

TEST_CASE("results are those of finished attempts, once each; collected rows are merged by sink") {
  auto g = deployed();
  const auto finish = [&](const std::string& vertex, std::uint32_t subtask, const std::string& file) {
    auto r = report_of(attempt(vertex, subtask), msg::TASK_STATE_FINISHED);
    r.add_committables()->set_payload(file);
    auto& rows = *r.add_collected();
    rows.set_sink("out");
    rows.add_json_rows(file);
    rows.set_truncated(subtask == 1);
    return g.apply(r, home(subtask));
  };
  finish("words", 1, "second");
  finish("words", 1, "second");
  finish("words", 0, "first");
  REQUIRE(g.committables().size() == 2);
  CHECK(g.committables()[0].payload() == "first");
  REQUIRE(g.collected().size() == 1);
  CHECK(g.collected()[0].json_rows_size() == 2);
  CHECK(g.collected()[0].json_rows(1) == "second");
  CHECK(g.collected()[0].truncated());
  g.mark_canceling(20);
  CHECK(g.reset().size() == 2);
  CHECK(g.committables().empty());
}

TEST_CASE("a failure says which task and operator, and where") {
  auto g = deployed();
  auto r = report_of(attempt("words", 1), msg::TASK_STATE_FAILED);
  to_proto(user_failure("a.txt:7", "bad line"), *r.mutable_failure());
  r.set_operator_name("split");
  const auto result = g.apply(r, "tm2");
  CHECK(result.effect == report_effect::failed);
  CHECK(result.error.where == "a.txt:7");
  CHECK(result.failed_task.task_name == "words (2/2)");
  CHECK(result.failed_task.operator_name == "split");
  CHECK(result.failed_task.endpoint == "tm2:7");
  CHECK(tell(g, "lines", 0, msg::TASK_STATE_CANCELED) == report_effect::failed);   // nobody asked for that
  CHECK(tell(g, "lines", 1, msg::TASK_STATE_CANCELING) == report_effect::changed);
  CHECK(tell(g, "lines", 1, msg::TASK_STATE_CANCELED) == report_effect::failed);
  CHECK(g.illegal_moves() == 0);
}

TEST_CASE("a task that is still running after its cancellation is named, so that it is cancelled again") {
  auto g = deployed();
  g.mark_canceling(20);
  const auto zombie = [&](msg::TaskState state) { return g.apply(report_of(attempt("lines", 0), state), "tm1").zombie; };
  CHECK(zombie(msg::TASK_STATE_RUNNING));
  CHECK_FALSE(zombie(msg::TASK_STATE_CANCELING));
  CHECK_FALSE(zombie(msg::TASK_STATE_CANCELED));
  CHECK_FALSE(zombie(msg::TASK_STATE_RUNNING));        // it has ended; this is an old report
}

TEST_CASE("collected rows that are too many for one message are cut, and said to be") {
  auto g = deployed();
  auto finished = report_of(attempt("counts", 0), msg::TASK_STATE_FINISHED);
  for (const char* sink : {"a", "b"}) {
    auto& rows = *finished.add_collected();
    rows.set_sink(sink);
    for (int i = 0; i < 6; ++i)
      rows.add_json_rows(std::string(100'000, 'x'));
  }
  g.apply(finished, "tm1");
  const auto kept = g.collected();
  REQUIRE(kept.size() == 2);
  for (const auto& sink : kept) {
    CHECK(sink.json_rows_size() == 3);
    CHECK(sink.truncated());
  }
}

TEST_CASE("cancelling ends in CANCELED, whatever the tasks say on their way out") {
  auto g = deployed();
  tell(g, "lines", 0, msg::TASK_STATE_FINISHED);
  g.mark_canceling(20);
  auto active = g.active_attempts();
  CHECK(active["tm1"].size() == 2);
  CHECK(active["tm2"].size() == 2);
  CHECK(tell(g, "lines", 1, msg::TASK_STATE_RUNNING) == report_effect::unchanged);
  CHECK(tell(g, "lines", 1, msg::TASK_STATE_FAILED) == report_effect::changed);
  CHECK(tell(g, "words", 0, msg::TASK_STATE_CANCELED) == report_effect::changed);
  CHECK(tell(g, "words", 1, msg::TASK_STATE_FINISHED) == report_effect::changed);
  CHECK(tell(g, "counts", 0, msg::TASK_STATE_CANCELED) == report_effect::all_ended);
  CHECK(g.count(msg::TASK_STATE_CANCELED) == 4);
  CHECK(g.illegal_moves() == 0);
}

TEST_CASE("a new round has new attempts; reports of old ones are stale, and name those that still run") {
  auto g = deployed();
  g.mark_canceling(20);
  CHECK(g.fail_on("tm1", "another life", 21).empty());
  CHECK(g.fail_on("tm1", "i1", 21).size() == 3);
  CHECK(g.fail_on("tm2", "i1", 21).size() == 2);
  CHECK(g.all_ended());
  CHECK(g.uses("tm1", "i1"));
  g.reset();
  CHECK_FALSE(g.uses("tm1", "i1"));
  REQUIRE(g.assign(std::vector{slot("a", "tm1"), slot("b", "tm2")}, 30).ok());
  g.mark_deploying(31);
  CHECK(g.deployments()["tm1"][0].attempt().attempt() == 1);
  const auto old = g.apply(report_of(attempt("lines", 0, 0), msg::TASK_STATE_RUNNING), "tm1");
  CHECK(old.effect == report_effect::stale);
  CHECK(old.zombie);
  CHECK_FALSE(g.apply(report_of(attempt("lines", 0, 0), msg::TASK_STATE_CANCELED), "tm1").zombie);
  auto foreign = attempt("lines", 0, 1);
  foreign.set_epoch(2);
  CHECK(g.apply(report_of(foreign, msg::TASK_STATE_FINISHED), "tm1").effect == report_effect::stale);
  CHECK(g.apply(report_of(attempt("lines", 0, 1), msg::TASK_STATE_RUNNING), "tm9").effect == report_effect::stale);
  CHECK(g.apply(report_of(attempt("lines", 9, 1), msg::TASK_STATE_RUNNING), "tm1").effect == report_effect::stale);
  CHECK(g.apply(report_of(attempt("lines", 0, 1), msg::TASK_STATE_RUNNING), "tm1").effect == report_effect::changed);
}

TEST_CASE("a snapshot shows each subtask with its place and times") {
  auto g = deployed();
  g.apply(report_of(attempt("lines", 1), msg::TASK_STATE_FINISHED, 99), "tm2");
  msg::JobSnapshot s;
  g.fill(s);
  REQUIRE(s.vertices_size() == 3);
  CHECK(s.vertices(2).id() == "counts");
  const auto& t = s.vertices(0).subtasks(1);
  CHECK(t.state() == msg::TASK_STATE_FINISHED);
  CHECK(t.task_manager_id() == "tm2");
  CHECK(t.host() == "tm2:7");
  CHECK(t.start_unix_ms() == 10);
  CHECK(t.end_unix_ms() == 99);
  CHECK(s.vertices(0).subtasks(0).end_unix_ms() == 0);
}
