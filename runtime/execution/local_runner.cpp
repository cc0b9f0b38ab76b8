#include "runtime/execution/local_runner.hpp"

#include "runtime/base/env.hpp"

#include <condition_variable>
#include <map>
#include <mutex>
#include <utility>

namespace flott {

struct local_run::state {
  mutable std::mutex mutex;
  std::condition_variable changed;
  local_outcome outcome;
  std::size_t left = 0, running = 0, tasks = 0;
  bool canceling = false;
  std::vector<std::vector<std::map<std::uint64_t, std::string>>> snapshots;
};

struct local_run::observer final : task_observer {
  observer(std::shared_ptr<state> of, std::size_t of_vertex, std::size_t of_subtask)
      : run(std::move(of)), vertex(of_vertex), subtask(of_subtask) {}

  void on_state(msg::TaskState to) override {
    if (to != msg::TASK_STATE_RUNNING)
      return;
    const std::lock_guard lock(run->mutex);
    ++run->running;
    run->changed.notify_all();
  }
  void on_first_batch() override {}
  void on_snapshot(std::uint64_t id, std::string bytes) override {
    const std::lock_guard lock(run->mutex);
    run->snapshots[vertex][subtask][id] = std::move(bytes);
    run->changed.notify_all();
  }
  void on_outcome(task_outcome ended) override {
    const std::lock_guard lock(run->mutex);
    auto& all = run->outcome;
    if (ended.state == msg::TASK_STATE_FAILED && all.state != msg::TASK_STATE_FAILED && !run->canceling) {
      all.state = msg::TASK_STATE_FAILED;
      all.error = std::move(ended.error);
      all.operator_name = std::move(ended.operator_name);
    } else if (ended.state == msg::TASK_STATE_CANCELED && all.state == msg::TASK_STATE_FINISHED) {
      all.state = msg::TASK_STATE_CANCELED;
    }
    for (auto& one : ended.committables)
      all.committables.push_back(std::move(one));
    for (auto& rows : ended.collected)
      all.collected.push_back(std::move(rows));
    --run->left;
    run->changed.notify_all();
  }

  std::shared_ptr<state> run;
  std::size_t vertex, subtask;
};

result<std::vector<std::vector<msg::TaskDeployment>>> plan_local_deployments(const compiled_job& job,
                                                                             const std::string& id,
                                                                             const std::vector<local_node>& nodes) {
  std::map<std::string, int> index_of;
  for (int v = 0; v < job.graph.vertices_size(); ++v)
    index_of[job.graph.vertices(v).id()] = v;
  const auto attempt_of = [&](int vertex, std::uint32_t subtask, msg::AttemptId& to) {
    to.set_job_id(id);
    to.set_vertex_id(job.graph.vertices(vertex).id());
    to.set_subtask(subtask);
    to.set_attempt(0);
    to.set_epoch(1);
  };
  std::vector<std::vector<msg::TaskDeployment>> plan;
  for (int v = 0; v < job.graph.vertices_size(); ++v) {
    const auto& vertex = job.graph.vertices(v);
    auto& subtasks = plan.emplace_back(vertex.parallelism());
    for (std::uint32_t s = 0; s < vertex.parallelism(); ++s) {
      auto& deployment = subtasks[s];
      attempt_of(v, s, *deployment.mutable_attempt());
      for (const auto& edge : job.graph.edges()) {
        const auto source = index_of.find(edge.source_vertex()), target = index_of.find(edge.target_vertex());
        if (source == index_of.end() || target == index_of.end())
          return internal_failure("edge " + std::to_string(edge.id()), "leads to no vertex");
        if (source->second == v) {
          auto& output = *deployment.add_outputs();
          output.set_edge(edge.id());
          output.set_consumers(job.graph.vertices(target->second).parallelism());
        }
        if (target->second != v)
          continue;
        auto& input = *deployment.add_inputs();
        input.set_edge(edge.id());
        const bool forward = edge.strategy() == msg::SHIP_STRATEGY_FORWARD;
        const auto producers = job.graph.vertices(source->second).parallelism();
        if (forward && producers != vertex.parallelism())
          return internal_failure("edge " + std::to_string(edge.id()), "forwards between different parallelisms");
        for (std::uint32_t p = forward ? s : 0; p < (forward ? s + 1 : producers); ++p) {
          auto& producer = *input.add_producers();
          attempt_of(source->second, p, *producer.mutable_attempt());
          const auto& node = nodes[p % nodes.size()];
          producer.set_task_manager_incarnation(node.incarnation);
          producer.set_data_host(node.host);
          producer.set_data_port(node.plane->port());
        }
      }
    }
  }
  return plan;
}

result<std::unique_ptr<local_run>> local_run::start(const std::vector<local_node>& nodes,
                                                    std::shared_ptr<const compiled_job> job, msg::JobSpec spec) {
  if (spec.job_id().empty())
    spec.set_job_id(new_job_id(system_env()).hex());
  FLOTT_ASSIGN(auto plan, plan_local_deployments(*job, spec.job_id(), nodes));
  std::unique_ptr<local_run> run(new local_run);
  run->state_ = std::make_shared<state>();
  auto& shared = *run->state_;
  for (const auto& subtasks : plan) {
    shared.snapshots.emplace_back(subtasks.size());
    shared.outcome.counters.emplace_back(subtasks.size());
  }
  for (std::size_t v = 0; v < plan.size(); ++v) {
    auto& handles = run->tasks_.emplace_back();
    for (std::size_t s = 0; s < plan[v].size(); ++s) {
      {
        const std::lock_guard lock(shared.mutex);
        ++shared.left;
        ++shared.tasks;
      }
      auto task = nodes[s % nodes.size()].plane->deploy(plan[v][s], job, spec,
                                                        std::make_shared<observer>(run->state_, v, s));
      if (!task.ok()) {
        const std::lock_guard lock(shared.mutex);
        --shared.left;
        return std::move(task).error();      // what was deployed is canceled with its handles
      }
      handles.push_back(std::move(task).value());
    }
  }
  for (auto& subtasks : run->tasks_)
    for (auto& task : subtasks)
      task->start();
  return run;
}

local_run::~local_run() {
  cancel();
  tasks_.clear();
}

void local_run::cancel() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->canceling = true;
  }
  for (auto& subtasks : tasks_)
    for (auto& task : subtasks)
      task->cancel();
}

void local_run::trigger_checkpoint(std::uint64_t id, std::int64_t unix_ms) {
  for (auto& subtasks : tasks_)
    for (auto& task : subtasks)
      task->trigger_checkpoint(id, unix_ms);
}

std::optional<local_outcome> local_run::wait_until(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(state_->mutex);
  bool told = false;
  for (;;) {
    if (state_->left == 0)
      break;
    if (state_->outcome.state == msg::TASK_STATE_FAILED && !std::exchange(told, true)) {
      lock.unlock();
      cancel();
      lock.lock();
      continue;
    }
    if (state_->changed.wait_until(lock, deadline) == std::cv_status::timeout && state_->left > 0)
      return std::nullopt;
  }
  auto outcome = state_->outcome;
  lock.unlock();
  outcome.counters = counters();
  return outcome;
}

local_outcome local_run::wait() {
  for (;;)
    if (auto outcome = wait_until(std::chrono::steady_clock::now() + std::chrono::hours(1)))
      return *std::move(outcome);
}

bool local_run::all_running() const {
  const std::lock_guard lock(state_->mutex);
  return state_->running == state_->tasks || state_->left == 0;
}

std::vector<std::vector<msg::TaskCounters>> local_run::counters() const {
  std::vector<std::vector<msg::TaskCounters>> read;
  for (const auto& subtasks : tasks_) {
    auto& row = read.emplace_back();
    for (const auto& task : subtasks)
      row.push_back(task->counters());
  }
  return read;
}

std::vector<std::vector<std::string>> local_run::snapshots(std::uint64_t id) const {
  const std::lock_guard lock(state_->mutex);
  std::vector<std::vector<std::string>> found;
  for (const auto& subtasks : state_->snapshots) {
    auto& row = found.emplace_back();
    for (const auto& of_task : subtasks) {
      const auto at = of_task.find(id);
      row.push_back(at == of_task.end() ? std::string() : at->second);
    }
  }
  return found;
}

result<local_outcome> run_locally(std::shared_ptr<const compiled_job> job, local_run_options options) {
  data_plane_config config;
  config.listen = false;
  config.incarnation = new_incarnation(system_env()).hex();
  config.workers = options.workers;
  config.memory_bytes = options.memory_bytes;
  config.options = std::move(options.options);
  const local_node name{nullptr, config.incarnation};
  FLOTT_ASSIGN(auto plane, data_plane::start(std::move(config), system_env()));
  FLOTT_ASSIGN(auto run, local_run::start({{plane.get(), name.incarnation}}, std::move(job), std::move(options.spec)));
  return run->wait();
}

}  // namespace flott
