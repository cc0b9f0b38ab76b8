#include "tests/support/eventually.hpp"
#include "tests/unit/execution/local_plane.hpp"

#include <condition_variable>
#include <new>

using namespace flott;
using namespace std::chrono_literals;
using namespace flott::testing;

TEST_CASE("every way to distribute brings every record to where it belongs, once") {
  local_plane plane(GENERATE(1U << 20, 4U << 10));       // with much credit, and with less than two batches
  number_job job;
  job.strategy = GENERATE(msg::SHIP_STRATEGY_FORWARD, msg::SHIP_STRATEGY_HASH, msg::SHIP_STRATEGY_REBALANCE,
                          msg::SHIP_STRATEGY_BROADCAST);
  job.sources = GENERATE(1U, 3U);
  job.sinks = job.strategy == msg::SHIP_STRATEGY_FORWARD ? job.sources : 4;
  const auto outcome = plane.run(job);
  CHECK(outcome.finished());
  CHECK(job.seen->sorted() == job.expected());
  CHECK(job.seen->finished == job.sinks);
  CHECK(outcome.committables.size() == job.sinks);
  std::uint64_t out = 0, in = 0;
  for (const auto& c : outcome.counters[0])
    out += c.records_out();
  for (const auto& c : outcome.counters[1])
    in += c.records_in();
  CHECK(out == static_cast<std::uint64_t>(job.count));
  CHECK(in == job.expected().size());
  if (job.strategy == msg::SHIP_STRATEGY_HASH) {         // a key is seen by one subtask only
    std::map<std::int64_t, std::uint32_t> owner;
    for (const auto& [subtask, numbers] : job.seen->by_subtask)
      for (const auto n : numbers)
        CHECK(owner.try_emplace(n, subtask).first->second == subtask);
  }
  for (const auto& [subtask, marks] : job.seen->watermarks)
    CHECK(std::is_sorted(marks.begin(), marks.end()));
  CHECK(eventually([&] { return plane.plane->memory_used() == 0; }));
}

TEST_CASE("a few records go to all consumers of a rebalance") {
  local_plane plane;
  number_job job;
  job.count = 10;
  job.sources = 1;
  job.sinks = 4;
  job.strategy = msg::SHIP_STRATEGY_REBALANCE;
  CHECK(plane.run(job).finished());
  CHECK(job.seen->by_subtask.size() == 4);
}

TEST_CASE("a source without anything behind it counts what it emits") {
  local_plane plane;
  number_job job;
  job.before = [](operator_context&, output&, const record_batch&) -> result<void> { return {}; };
  logical_graph graph;
  auto outcome = plane.run(job);
  CHECK(outcome.finished());
  CHECK(outcome.counters[0][0].records_out() + outcome.counters[0][1].records_out() == 10'000);
  CHECK(outcome.counters[0][0].bytes_out() > 0);
  CHECK(outcome.counters[0][0].busy_ns() > 0);
}

TEST_CASE("rows that do not fill a batch arrive although the source goes on") {
  local_plane plane;
  number_job job;
  job.count = 10;
  job.ends = false;
  auto run = plane.start(job);
  CHECK(eventually([&] { return job.seen->count() == 10; }));
  CHECK(run->all_running());
  run->cancel();
  CHECK(run->wait().state == msg::TASK_STATE_CANCELED);
}

TEST_CASE("a source is stopped by a consumer that does not read, and goes on when it does") {
  local_plane plane(16 << 10);
  number_job job;
  job.count = 1'000'000;
  job.rows = 1000;
  job.sources = job.sinks = 1;
  job.strategy = msg::SHIP_STRATEGY_REBALANCE;
  single_tasks tasks(plane, job);
  auto from = std::make_shared<heard>(), to = std::make_shared<heard>();
  auto source = tasks.deploy(0, from);
  auto sink = tasks.deploy(1, to);
  source->start();
  CHECK(eventually([&] { return source->counters().backpressured_ns() > 20'000'000; }));
  const auto sent = source->counters().records_out();
  CHECK(sent < 10'000);                                  // 16 KiB of credit, and one batch beyond
  CHECK(plane.plane->memory_used() < (1 << 20));
  CHECK_FALSE(to->said("TASK_STATE_RUNNING"));
  sink->start();
  CHECK(eventually([&] { return from->ended() && to->ended(); }));
  CHECK(job.seen->count() == 1'000'000);
  CHECK(from->outcome.state == msg::TASK_STATE_FINISHED);
}

TEST_CASE("states and the first batch are told in order") {
  local_plane plane;
  number_job job;
  job.sources = job.sinks = 1;
  single_tasks tasks(plane, job);
  auto from = std::make_shared<heard>(), to = std::make_shared<heard>();
  auto source = tasks.deploy(0, from);
  auto sink = tasks.deploy(1, to);
  sink->start();
  source->start();
  CHECK(eventually([&] { return from->ended() && to->ended(); }));
  const std::vector<std::string> expected{"TASK_STATE_INITIALIZING", "TASK_STATE_RUNNING", "first batch"};
  CHECK(from->words == expected);
  CHECK(to->words == expected);
}

TEST_CASE("a task can be canceled in every state") {
  local_plane plane(16 << 10);
  number_job job;
  job.sources = job.sinks = 1;
  job.count = 1'000'000;
  auto by = std::make_shared<heard>(), other = std::make_shared<heard>();
  std::mutex mutex;
  std::condition_variable changed;
  bool inside = false, go_on = false;
  std::unique_ptr<task_handle> source, sink;
  std::unique_ptr<single_tasks> tasks;
  const auto deploy = [&] { tasks = std::make_unique<single_tasks>(plane, job); };

  SECTION("before it is started") {
    deploy();
    source = tasks->deploy(0, by);
    source->cancel();
  }
  SECTION("when its handle goes") {
    deploy();
    source = tasks->deploy(0, by);
    source.reset();
  }
  SECTION("while it waits for its producer") {
    deploy();
    sink = tasks->deploy(1, by);
    sink->start();
    CHECK(eventually([&] { return by->said("TASK_STATE_INITIALIZING"); }));
    sink->cancel();
  }
  SECTION("while it waits for input") {
    job.count = 5;
    job.ends = false;
    deploy();
    source = tasks->deploy(0, other);
    sink = tasks->deploy(1, by);
    source->start();
    sink->start();
    CHECK(eventually([&] { return job.seen->count() == 5; }));
    sink->cancel();
  }
  SECTION("while it waits for credit") {
    deploy();
    source = tasks->deploy(0, by);
    source->start();
    CHECK(eventually([&] { return source->counters().backpressured_ns() > 0; }));
    source->cancel();
  }
  SECTION("while its last records have not been taken") {
    job.count = 5;
    deploy();
    source = tasks->deploy(0, by);
    source->start();
    CHECK(eventually([&] { return source->counters().backpressured_ns() > 0; }));
    source->cancel();
  }
  SECTION("in the middle of a call, once that returns") {
    job.after = [&](operator_context&, output&, const record_batch&) -> result<void> {
      std::unique_lock lock(mutex);
      inside = true;
      changed.notify_all();
      changed.wait(lock, [&] { return go_on; });
      return {};
    };
    deploy();
    source = tasks->deploy(0, other);
    sink = tasks->deploy(1, by);
    source->start();
    sink->start();
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return inside; });
    }
    CHECK(eventually([&] { return sink->in_call_for() > 1ms; }));
    sink->cancel();
    CHECK_FALSE(by->ended());
    const std::lock_guard lock(mutex);
    go_on = true;
    changed.notify_all();
  }
  CHECK(eventually([&] { return by->ended(); }));
  CHECK(by->outcome.state == msg::TASK_STATE_CANCELED);
  CHECK(by->outcome.committables.empty());
  source.reset();
  sink.reset();
  CHECK(eventually([&] { return plane.plane->memory_used() == 0; }));
}

TEST_CASE("a task whose neighbour is canceled waits for its own cancellation before it complains") {
  local_plane plane;
  number_job job;
  job.sources = job.sinks = 1;
  job.count = 5;
  job.ends = false;
  single_tasks tasks(plane, job);
  auto from = std::make_shared<heard>(), to = std::make_shared<heard>();
  auto source = tasks.deploy(0, from);
  auto sink = tasks.deploy(1, to);
  source->start();
  sink->start();
  CHECK(eventually([&] { return job.seen->count() == 5; }));
  source->cancel();
  CHECK(eventually([&] { return from->ended(); }));
  SECTION("and is canceled") {
    sink->cancel();
    CHECK(eventually([&] { return to->ended(); }));
    CHECK(to->outcome.state == msg::TASK_STATE_CANCELED);
  }
  SECTION("and is not") {
    CHECK(eventually([&] { return to->ended(); }));
    CHECK(to->outcome.state == msg::TASK_STATE_FAILED);
    CHECK(to->outcome.error.cls == failure_class::transient);
    CHECK(to->outcome.error.to_string() == "Source: numbers (1/1): was canceled");
  }
}

TEST_CASE("a producer that never comes fails its consumer in bounded time") {
  local_plane plane;
  number_job job;
  single_tasks tasks(plane, job);
  auto to = std::make_shared<heard>();
  auto sink = tasks.deploy(1, to);
  sink->start();
  CHECK(eventually([&] { return to->ended(); }));
  CHECK(to->outcome.state == msg::TASK_STATE_FAILED);
  CHECK(to->outcome.error.cls == failure_class::transient);
}

TEST_CASE("what user code throws fails the task, naming operator and subtask") {
  local_plane plane;
  number_job job;
  job.sources = 1;
  job.sinks = 2;
  failure_class cls{};
  failure_domain domain = failure_domain::user;
  std::string where = "operator 'after', subtask ", message;
  SECTION("an exception") {
    job.after = [](operator_context&, output&, const record_batch&) -> result<void> { throw std::runtime_error("odd"); };
    cls = failure_class::permanent;
    message = "odd";
  }
  SECTION("one that is worth another attempt") {
    job.after = [](operator_context&, output&, const record_batch&) -> result<void> { throw transient_error("later"); };
    cls = failure_class::transient;
    message = "later";
  }
  SECTION("one that carries a failure") {
    job.after = [](operator_context&, output&, const record_batch&) -> result<void> {
      throw failure_exception(user_failure("a.txt:12", "is no number"));
    };
    cls = failure_class::permanent;
    where = "a.txt:12";
    message = "is no number";
  }
  SECTION("too little memory") {
    job.after = [](operator_context&, output&, const record_batch&) -> result<void> { throw std::bad_alloc(); };
    cls = failure_class::resources;
    domain = failure_domain::internal;
    message = "ran out of memory";
  }
  SECTION("something else") {
    job.after = [](operator_context&, output&, const record_batch&) -> result<void> { throw 17; };
    cls = failure_class::permanent;
    message = "threw something that is no std::exception";
  }
  SECTION("a returned failure") {
    job.after = [](operator_context&, output&, const record_batch&) -> result<void> {
      return transient_failure("disk", "is full");
    };
    cls = failure_class::transient;
    domain = failure_domain::external;
    where = "disk";
    message = "is full";
  }
  const auto outcome = plane.run(job);
  CHECK(outcome.state == msg::TASK_STATE_FAILED);
  CHECK(outcome.operator_name == "after");
  CHECK(outcome.error.cls == cls);
  CHECK(outcome.error.domain == domain);
  CHECK(outcome.error.message == message);
  CHECK_THAT(outcome.error.where, Catch::Matchers::StartsWith(where));
  CHECK(outcome.collected.empty());
}

TEST_CASE("an operator behind others fails under its own name, and those before it go on to the end of their call") {
  local_plane plane;
  number_job job;
  job.sources = 1;
  std::atomic<int> after_failure{0};
  job.sink = makes<tap>(tap::function([](operator_context&, output&, const record_batch&) -> result<void> {
    throw std::runtime_error("in the sink");
  }));
  job.strategy = msg::SHIP_STRATEGY_REBALANCE;
  job.before = [&](operator_context&, output& out, const record_batch& batch) -> result<void> {
    out.emit(batch);
    ++after_failure;
    return {};
  };
  const auto outcome = plane.run(job);
  CHECK(outcome.state == msg::TASK_STATE_FAILED);
  CHECK(outcome.operator_name == "seen");
  CHECK(after_failure > 0);
}

TEST_CASE("blocking work keeps its operator alive and may fail the task") {
  local_plane plane;
  number_job job;
  job.sources = job.sinks = 1;
  std::atomic<int> done{0};
  job.before = [&](operator_context& context, output&, const record_batch&) -> result<void> {
    context.run_blocking([&] {
      if (++done == 3)
        throw failure_exception(user_failure("a disk", "is gone"));
    });
    return {};
  };
  job.ends = false;
  const auto outcome = plane.run(job);
  CHECK(outcome.state == msg::TASK_STATE_FAILED);
  CHECK(outcome.error.where == "a disk");
}

TEST_CASE("options of the job go before those of the TaskManager") {
  local_plane plane;
  number_job job;
  job.sources = job.sinks = 1;
  std::mutex mutex;
  std::string seen;
  job.before = [&](operator_context& context, output&, const record_batch&) -> result<void> {
    const std::lock_guard lock(mutex);
    seen = context.option("a.key") + ", " + context.option("another") + ", " + context.option("missing");
    return {};
  };
  msg::JobSpec spec;
  for (const auto* value : {"first", "last"}) {
    auto& entry = *spec.add_configuration();
    entry.set_key("a.key");
    entry.set_value(value);
  }
  auto run = local_run::start({{plane.plane.get(), here}}, job.compiled(), spec);
  REQUIRE(run.ok());
  CHECK((*run)->wait().finished());
  CHECK(seen == "last, kept, ");
}
