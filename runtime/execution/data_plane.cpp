#include "runtime/execution/data_plane.hpp"

#include "runtime/base/log.hpp"
#include "runtime/config/values.hpp"
#include "runtime/exchange/exchange.hpp"
#include "runtime/execution/subtask.hpp"
#include "runtime/execution/threaded_executor.hpp"
#include "runtime/memory/budget.hpp"

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <utility>

namespace flott {
namespace {

/// The attempts that have not ended. Shared with them, since the last one may end when the plane is gone.
struct running_tasks {
  std::mutex mutex;
  std::condition_variable one_ended;
  std::set<std::shared_ptr<subtask>> tasks;
};

class handle final : public task_handle {
 public:
  explicit handle(std::shared_ptr<subtask> task) : task_(std::move(task)) {}
  ~handle() override { task_->cancel(); }

  void start() override { task_->start(); }
  void cancel() override { task_->cancel(); }
  void trigger_checkpoint(std::uint64_t id, std::int64_t unix_ms) override { task_->trigger_checkpoint(id, unix_ms); }
  msg::TaskCounters counters() const override {
    msg::TaskCounters read;
    task_->read_counters(read);
    return read;
  }
  std::chrono::nanoseconds in_call_for() const override { return task_->in_call_for(); }

 private:
  std::shared_ptr<subtask> task_;
};

result<channel_key> key_of(const msg::AttemptId& attempt, std::uint32_t edge, std::uint32_t consumer) {
  const auto job = job_id::parse(attempt.job_id());
  const auto vertex = vertex_id::parse(attempt.vertex_id());
  if (!job || !vertex)
    return internal_failure("attempt of vertex '" + attempt.vertex_id() + "' of job '" + attempt.job_id() + "'",
                            "malformed id");
  return channel_key{*job, attempt.epoch(), *vertex, attempt.subtask(), attempt.attempt(), edge, consumer};
}

class plane final : public data_plane {
 public:
  plane(data_plane_config config, env& environment, std::shared_ptr<executor> runs_on,
        std::shared_ptr<memory_budget> budget, std::shared_ptr<exchange> channels)
      : config_(std::move(config)), environment_(environment), executor_(std::move(runs_on)),
        budget_(std::move(budget)), exchange_(std::move(channels)), running_(std::make_shared<running_tasks>()) {}
  ~plane() override { stop(std::chrono::steady_clock::now() + std::chrono::seconds(30)); }

  std::uint16_t port() const override { return exchange_->port(); }
  std::uint64_t memory_used() const override { return budget_->used(); }
  result<std::unique_ptr<task_handle>> deploy(const msg::TaskDeployment& deployment,
                                              std::shared_ptr<const compiled_job> job, const msg::JobSpec& spec,
                                              std::shared_ptr<task_observer> observer) override;
  bool stop(std::chrono::steady_clock::time_point deadline) override;

 private:
  result<std::size_t> vertex_index(const compiled_job& job, const msg::AttemptId& attempt) const;
  result<void> add_inputs(const msg::TaskDeployment& deployment, subtask_setup& setup) const;
  result<void> add_outputs(const msg::TaskDeployment& deployment, subtask_setup& setup) const;
  std::shared_ptr<memory_budget> budget_of(const std::string& job);

  data_plane_config config_;
  env& environment_;
  std::shared_ptr<executor> executor_;
  std::shared_ptr<memory_budget> budget_;
  std::shared_ptr<exchange> exchange_;
  std::shared_ptr<running_tasks> running_;
  std::mutex budgets_mutex_;
  std::map<std::string, std::weak_ptr<memory_budget>> job_budgets_;
  bool stopped_ = false;
};

std::shared_ptr<memory_budget> plane::budget_of(const std::string& job) {
  const std::lock_guard lock(budgets_mutex_);
  std::erase_if(job_budgets_, [](const auto& entry) { return entry.second.expired(); });
  auto& slot = job_budgets_[job];
  auto budget = slot.lock();
  if (!budget)
    slot = budget = budget_->child("job " + job);
  return budget;
}

result<std::size_t> plane::vertex_index(const compiled_job& job, const msg::AttemptId& attempt) const {
  for (int i = 0; i < job.graph.vertices_size(); ++i) {
    const auto& vertex = job.graph.vertices(i);
    if (vertex.id() != attempt.vertex_id())
      continue;
    if (attempt.subtask() >= vertex.parallelism())
      return internal_failure(vertex.name(), "has no subtask " + std::to_string(attempt.subtask()));
    return static_cast<std::size_t>(i);
  }
  return internal_failure("job " + attempt.job_id(), "has no vertex " + attempt.vertex_id());
}

result<void> plane::add_inputs(const msg::TaskDeployment& deployment, subtask_setup& setup) const {
  const auto& vertex = setup.job->vertices[setup.vertex];
  const std::set<std::uint32_t> expected(vertex.inputs.begin(), vertex.inputs.end());
  std::set<std::uint32_t> given;
  for (const auto& input : deployment.inputs()) {
    const auto where = "edge " + std::to_string(input.edge());
    if (!expected.contains(input.edge()) || !given.insert(input.edge()).second)
      return internal_failure(where, "is no input of this vertex, or named twice");
    if (input.producers().empty())
      return internal_failure(where, "has no producers");
    const auto of_head = setup.job->graph.edges(static_cast<int>(input.edge())).target_input();
    for (const auto& producer : input.producers()) {
      FLOTT_ASSIGN(const auto key, key_of(producer.attempt(), input.edge(), setup.facts.subtask));
      setup.inputs.push_back({of_head, key,
                              {producer.task_manager_incarnation(), producer.data_host(),
                               static_cast<std::uint16_t>(producer.data_port())}});
    }
  }
  if (given != expected)
    return internal_failure("deployment", "names " + std::to_string(given.size()) + " of " +
                                              std::to_string(expected.size()) + " inputs");
  return {};
}

result<void> plane::add_outputs(const msg::TaskDeployment& deployment, subtask_setup& setup) const {
  const auto& vertex = setup.job->vertices[setup.vertex];
  for (const auto edge_id : vertex.outputs) {
    const auto where = "edge " + std::to_string(edge_id);
    std::uint32_t consumers = 0;
    for (const auto& output : deployment.outputs())
      if (output.edge() == edge_id)
        consumers = output.consumers();
    if (consumers == 0)
      return internal_failure(where, "has no consumers in the deployment");
    const auto& edge = setup.job->edges[edge_id];
    output_edge made;
    std::uint32_t first = 0, count = consumers;
    switch (edge.strategy) {
      case msg::SHIP_STRATEGY_FORWARD:
        if (setup.facts.subtask >= consumers)
          return internal_failure(where, "forwards to subtask " + std::to_string(setup.facts.subtask) + " of " +
                                             std::to_string(consumers));
        first = setup.facts.subtask;
        count = 1;
        break;
      case msg::SHIP_STRATEGY_HASH: {
        std::uint32_t groups = 0;
        const auto& target = setup.job->graph.edges(static_cast<int>(edge_id)).target_vertex();
        for (const auto& candidate : setup.job->graph.vertices())
          if (candidate.id() == target)
            groups = candidate.max_parallelism();
        if (!edge.hasher || consumers > groups || groups > 32'768)
          return internal_failure(where, "has no hasher, or " + std::to_string(groups) + " key groups for " +
                                             std::to_string(consumers) + " consumers");
        made.distribute = partitioner::hash(edge.hasher, key_group_table::even(groups, consumers), setup.facts.budget);
        break;
      }
      case msg::SHIP_STRATEGY_REBALANCE:
        made.distribute = partitioner::rebalance(consumers, setup.facts.subtask % consumers);
        break;
      case msg::SHIP_STRATEGY_BROADCAST: made.distribute = partitioner::broadcast(consumers); break;
      default: return internal_failure(where, "has no ship strategy");
    }
    for (std::uint32_t i = 0; i < count; ++i) {
      FLOTT_ASSIGN(const auto key, key_of(deployment.attempt(), edge_id, first + i));
      made.channels.push_back(std::make_shared<channel>(config_.channel_bytes));
      setup.output_keys.push_back(key);
    }
    setup.outputs.push_back(std::move(made));
  }
  return {};
}

result<std::unique_ptr<task_handle>> plane::deploy(const msg::TaskDeployment& deployment,
                                                   std::shared_ptr<const compiled_job> job, const msg::JobSpec& spec,
                                                   std::shared_ptr<task_observer> observer) {
  const auto& attempt = deployment.attempt();
  subtask_setup setup;
  FLOTT_ASSIGN(const auto own_key, key_of(attempt, 0, 0));
  FLOTT_ASSIGN(setup.vertex, vertex_index(*job, attempt));
  if (setup.vertex >= job->vertices.size() || job->edges.size() != static_cast<std::size_t>(job->graph.edges_size()))
    return internal_failure("job " + attempt.job_id(), "graph and factories do not belong together");
  const auto& described = job->graph.vertices(static_cast<int>(setup.vertex));

  std::map<std::string, std::string, std::less<>> options;
  for (const auto& [key, value] : config_.options)
    options[key] = value;
  for (const auto& entry : spec.configuration())
    options[entry.key()] = entry.value();
  if (const auto wish = options.find("execution.buffer-timeout"); wish != options.end()) {
    FLOTT_ASSIGN(setup.buffer_timeout, parse_duration(wish->second));
  }

  setup.facts.job = own_key.job;
  setup.facts.epoch = attempt.epoch();
  setup.facts.subtask = attempt.subtask();
  setup.facts.parallelism = described.parallelism();
  setup.facts.max_parallelism = described.max_parallelism();
  setup.facts.attempt = attempt.attempt();
  setup.facts.mode = job->mode;
  setup.facts.environment = &environment_;
  setup.facts.budget = budget_of(attempt.job_id())->child(described.name() + " " + std::to_string(attempt.subtask()));
  setup.facts.option = [options = std::move(options)](std::string_view key) {
    const auto at = options.find(key);
    return at == options.end() ? std::string() : at->second;
  };
  setup.job = std::move(job);
  setup.restored_state = deployment.restored_state();
  FLOTT_TRY(add_inputs(deployment, setup));
  FLOTT_TRY(add_outputs(deployment, setup));
  setup.exchange = exchange_;
  setup.executor = executor_;
  setup.observer = std::move(observer);
  setup.open_timeout = config_.open_timeout;

  std::vector<std::shared_ptr<channel>> channels;
  for (const auto& edge : setup.outputs)
    channels.insert(channels.end(), edge.channels.begin(), edge.channels.end());
  const auto keys = setup.output_keys;
  // Found again by its address: the attempt does not own itself.
  const auto self = std::make_shared<std::weak_ptr<subtask>>();
  setup.on_ended = [running = running_, self] {
    const auto task = self->lock();
    const std::lock_guard lock(running->mutex);
    running->tasks.erase(task);
    running->one_ended.notify_all();
  };
  auto task = std::make_shared<subtask>(std::move(setup));
  *self = task;
  FLOTT_TRY(task->build());
  {
    const std::lock_guard lock(running_->mutex);
    if (stopped_)
      return transient_failure("data plane", "is stopping");
    running_->tasks.insert(task);
  }
  for (std::size_t i = 0; i < keys.size(); ++i)
    exchange_->add_output(keys[i], channels[i]);
  return std::unique_ptr<task_handle>(std::make_unique<handle>(std::move(task)));
}

bool plane::stop(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(running_->mutex);
  stopped_ = true;
  for (const auto& task : running_->tasks)
    task->cancel();
  lock.unlock();
  while (executor_->help()) {
  }
  lock.lock();
  const bool ended = running_->one_ended.wait_until(lock, deadline, [&] { return running_->tasks.empty(); });
  lock.unlock();
  exchange_->stop();
  const bool stopped = executor_->stop(deadline);
  return ended && stopped;
}

}  // namespace

result<std::unique_ptr<data_plane>> data_plane::start(data_plane_config config, env& environment) {
  return start(std::move(config), environment,
               std::make_shared<threaded_executor>(threaded_executor_config{.workers = config.workers}));
}

result<std::unique_ptr<data_plane>> data_plane::start(data_plane_config config, env& environment,
                                                      std::shared_ptr<executor> runs_on) {
  auto budget = memory_budget::root("TaskManager", config.memory_bytes);
  exchange_config wiring;
  wiring.listen = config.listen;
  wiring.bind_host = config.bind_host;
  wiring.port_low = config.port_low;
  wiring.port_high = config.port_high;
  wiring.incarnation = config.incarnation;
  wiring.secret = config.secret;
  wiring.neighbours = config.neighbours;
  wiring.channel_bytes = config.channel_bytes;
  wiring.open_timeout = config.open_timeout;
  wiring.budget = budget->child("exchange");
  wiring.run_blocking = [runs_on](std::function<void()> work) { runs_on->run_blocking(std::move(work)); };
  FLOTT_ASSIGN(auto channels, exchange::start(std::move(wiring), environment));
  return std::unique_ptr<data_plane>(std::make_unique<plane>(std::move(config), environment, std::move(runs_on),
                                                             std::move(budget), std::move(channels)));
}

}  // namespace flott
