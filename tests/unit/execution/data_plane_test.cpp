#include "tests/unit/execution/local_plane.hpp"
#include "runtime/base/simulated_env.hpp"
#include "runtime/execution/chain_state.hpp"
#include "runtime/execution/manual_executor.hpp"
#include "tests/support/eventually.hpp"

using namespace flott;
using namespace flott::testing;

TEST_CASE("a barrier cuts the stream at one place in all tasks, and what it cut off goes on from there") {
  local_plane plane;
  number_job job;
  job.count = 2000;
  job.ends = false;
  job.strategy = msg::SHIP_STRATEGY_REBALANCE;
  auto run = plane.start(job);
  CHECK(eventually([&] { return job.seen->count() == 2000; }));
  run->trigger_checkpoint(1, 0);
  const auto complete = [&] {
    for (const auto& subtasks : run->snapshots(1))
      for (const auto& state : subtasks)
        if (state.empty())
          return false;
    return true;
  };
  CHECK(eventually(complete));
  const auto states = run->snapshots(1);
  run->cancel();
  CHECK(run->wait().state == msg::TASK_STATE_CANCELED);

  number_job again;
  again.count = 5000;
  single_tasks tasks(plane, again);
  auto by = std::make_shared<heard>();
  std::vector<std::unique_ptr<task_handle>> handles;
  std::vector<std::shared_ptr<heard>> all;
  for (std::size_t v = 0; v < 2; ++v) {
    for (std::uint32_t s = 0; s < 2; ++s) {
      tasks.plan[v][s].set_restored_state(states[v][s]);
      all.push_back(std::make_shared<heard>());
      handles.push_back(tasks.deploy(v, all.back(), s));
    }
  }
  for (auto& h : handles)
    h->start();
  CHECK(eventually([&] { return std::all_of(all.begin(), all.end(), [](const auto& h) { return h->ended(); }); }));
  CHECK(again.seen->sorted().front() == 2000);
  CHECK(again.seen->count() == 3000);
}

TEST_CASE("state that is none of ours is refused") {
  CHECK(decode_chain_state(encode_chain_state({"a", "", "ccc"})).value() == std::vector<std::string>{"a", "", "ccc"});
  const auto whole = encode_chain_state({"abc", "defg"});
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK_FALSE(decode_chain_state(whole.substr(0, size)).ok());
  CHECK_FALSE(decode_chain_state(whole + "x").ok());
}

TEST_CASE("deployments that do not fit their job are refused") {
  local_plane plane;
  number_job job;
  single_tasks tasks(plane, job);
  auto deployment = tasks.plan[1][0];
  const auto refused = [&] {
    return !plane.plane->deploy(deployment, tasks.job, {}, std::make_shared<heard>()).ok();
  };
  SECTION("an unknown vertex") { deployment.mutable_attempt()->set_vertex_id(std::string(32, '0')); }
  SECTION("a malformed job id") { deployment.mutable_attempt()->set_job_id("x"); }
  SECTION("a subtask beyond the parallelism") { deployment.mutable_attempt()->set_subtask(2); }
  SECTION("a missing input") { deployment.clear_inputs(); }
  SECTION("an input of another vertex") { deployment.mutable_inputs(0)->set_edge(7); }
  SECTION("no producers") { deployment.mutable_inputs(0)->clear_producers(); }
  SECTION("a missing output") {
    deployment = tasks.plan[0][0];
    deployment.clear_outputs();
  }
  CHECK(refused());
  CHECK(plane.plane->memory_used() == 0);
}

TEST_CASE("on the manual executor a whole job runs on one thread, as its seed says") {
  const auto order_of = [](std::uint64_t seed) {
    simulated_env environment(seed);
    auto manual = std::make_shared<manual_executor>(environment, seed);
    data_plane_config config;
    config.listen = false;
    config.incarnation = here;
    config.channel_bytes = 4 << 10;
    auto plane = data_plane::start(std::move(config), environment, manual);
    REQUIRE(plane.ok());
    number_job job;
    job.sinks = 3;
    auto run = local_run::start({{plane->get(), here}}, job.compiled());
    REQUIRE(run.ok());
    manual->run();
    CHECK((*run)->wait().finished());
    CHECK(job.seen->sorted() == job.expected());
    return job.seen->by_subtask;
  };
  CHECK(order_of(3) == order_of(3));
  CHECK(order_of(3) != order_of(4));
}
