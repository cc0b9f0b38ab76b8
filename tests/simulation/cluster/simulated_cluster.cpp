#include "tests/simulation/cluster/simulated_cluster.hpp"

#include "actors/node/compile_job.hpp"
#include "runtime/graph/job_states.hpp"

namespace flott::testing {
namespace {

constexpr std::chrono::milliseconds longest_leap{5};
constexpr supervision::intensity no_restarts{0, std::chrono::milliseconds{1000}};

template <class T>
T take(result<T> made) {
  if (!made)
    throw failure_exception(made.error());
  return std::move(made).value();
}

void take(result<void> done) {
  if (!done)
    throw failure_exception(done.error());
}

}  // namespace

simulated_cluster::simulated_cluster(std::uint64_t seed, std::uint32_t task_managers, std::uint32_t slots_each)
    : actors_(seed), environment_(seed) {
  const auto config = take(configuration::parse("", "simulation"));
  const simulated_place place{&actors_.system(), directory_};
  const std::vector<std::pair<std::string, std::uint16_t>> here{{local_address(dispatcher_role::local_name), 0}};
  const auto start = [](node_host& host, std::vector<child_spec> children) {
    children.insert(children.begin(), host.dialer_child());
    take(host.start(std::move(children), supervision::strategy::rest_for_one, no_restarts));
  };

  dispatcher_host_ = std::make_unique<node_host>(config, environment_, "dispatcher", place);
  dispatcher_role::options dispatching;
  dispatching.node_id = "dispatcher";
  dispatching.serve_rest = false;
  dispatching.board = board_;
  dispatcher_ = take(dispatcher_role::make(*dispatcher_host_, dispatching, make_memory_job_store()));
  start(*dispatcher_host_, dispatcher_->children());

  job_manager_host_ = std::make_unique<node_host>(config, environment_, "jobmanager", place);
  job_manager_ = std::make_unique<job_manager_role>(*job_manager_host_, "jobmanager", std::string{}, here);
  start(*job_manager_host_, job_manager_->children());

  for (std::uint32_t i = 0; i < task_managers; ++i) {
    task_manager_process process;
    process.id = "taskmanager-" + std::to_string(i);
    process.host = std::make_unique<node_host>(config, environment_, "taskmanager", place);
    process.executor = std::make_shared<manual_executor>(environment_, seed + i + 1);
    task_manager_role::options tasks;
    tasks.node_id = process.id;
    tasks.dispatchers = here;
    tasks.slots = slots_each;
    tasks.operator_options = operator_options(config);
    tasks.compile = local_compiler(config, modules_);
    tasks.runs_on = process.executor;
    tasks.neighbours = neighbours_;
    process.role = take(task_manager_role::make(*process.host, std::move(tasks)));
    start(*process.host, process.role->children());
    task_managers_.push_back(std::move(process));
  }
  began_ = actors_.now();
}

simulated_cluster::~simulated_cluster() {
  for (auto& process : task_managers_) {
    for (const auto& stuck : process.silenced)
      actors_.thaw(stuck);
    process.silenced.clear();
    process.host->stop();
  }
  job_manager_host_->stop();
  dispatcher_host_->stop();
  for (int i = 0; i < 100; ++i) {
    actors_.advance(std::chrono::milliseconds{100});
    for (auto& process : task_managers_)
      process.executor->run();
  }
  for (auto& process : task_managers_)
    process.role.reset();
  directory_->clear();
  task_managers_.clear();
  job_manager_host_.reset();
  dispatcher_host_.reset();
}

std::chrono::milliseconds simulated_cluster::now() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(const_cast<virtual_system&>(actors_).now() - began_);
}

void simulated_cluster::step() {
  const auto choice = actors_.random()() % (task_managers_.size() + 1);
  bool worked = false;
  for (std::size_t i = 0; i <= task_managers_.size() && !worked; ++i) {
    const auto who = (choice + i) % (task_managers_.size() + 1);
    worked = who == task_managers_.size() ? actors_.step()
                                          : task_managers_[who].alive && task_managers_[who].executor->run_one();
  }
  if (!worked) {
    actors_.advance(longest_leap);
    environment_.advance(longest_leap);
  }
  note();
}

bool simulated_cluster::run_until(const std::function<bool()>& done, std::chrono::milliseconds limit) {
  const auto deadline = now() + limit;
  while (!done()) {
    if (now() > deadline)
      return false;
    step();
  }
  return true;
}

std::string simulated_cluster::submit(const std::string& function, std::uint32_t parallelism) {
  msg::SubmitJob request;
  auto& spec = *request.mutable_spec();
  spec.set_job_id(new_job_id(environment_).hex());
  spec.set_name(function);
  spec.set_function(function);
  spec.set_parallelism(parallelism);
  spec.set_submitted_unix_ms(environment_.now_unix_ms());
  const auto id = spec.job_id();
  jobs_.push_back(id);
  auto reply = actors_.ask<msg::SubmitReply>(dispatcher_->dispatcher()->as<dispatcher_actor>(), std::move(request));
  run_until([&] { return !reply->pending(); }, std::chrono::milliseconds{1000});
  if (reply->pending() || !reply->value || reply->value->has_failure())
    throw std::runtime_error("the job was not accepted");
  return id;
}

void simulated_cluster::kill(std::size_t task_manager) {
  auto& process = task_managers_[task_manager];
  history_.push_back(std::to_string(now().count()) + " kill " + process.id);
  process.alive = false;
  neighbours_->leave(process.role->self().header().incarnation());
  const auto gateway = directory_->find(process.id);
  directory_->withdraw(process.id);
  caf::anon_send_exit(gateway, caf::exit_reason::kill);
}

void simulated_cluster::silence(std::size_t task_manager) {
  auto& process = task_managers_[task_manager];
  history_.push_back(std::to_string(now().count()) + " silence " + process.id);
  process.alive = false;
  neighbours_->leave(process.role->self().header().incarnation());
  process.silenced = {process.role->manager()->as<caf::actor>(), process.role->registration()->as<caf::actor>()};
  for (const auto& stuck : process.silenced)
    actors_.freeze(stuck);
}

void simulated_cluster::wake(std::size_t task_manager) {
  auto& process = task_managers_[task_manager];
  history_.push_back(std::to_string(now().count()) + " wake " + process.id);
  process.alive = true;
  for (const auto& stuck : process.silenced)
    actors_.thaw(stuck);
  process.silenced.clear();
}

bool simulated_cluster::runs_tasks(std::size_t task_manager) const {
  return task_managers_[task_manager].role->running_tasks() > 0;
}

std::uint32_t simulated_cluster::slots(bool only_free) const {
  const auto cluster = board_->cluster();
  std::uint32_t found = 0;
  if (cluster)
    for (const auto& info : cluster->task_managers())
      for (const auto& slot : info.slots())
        found += !only_free || slot.state() == msg::SLOT_STATE_FREE ? 1U : 0U;
  return found;
}

void simulated_cluster::note() {
  for (const auto& id : jobs_) {
    const auto entry = board_->find(id);
    if (!entry)
      continue;
    auto shown = std::string{to_string(entry->snapshot->state())} + " restarts " +
                 std::to_string(entry->snapshot->restarts());
    if (last_[id] == shown)
      continue;
    history_.push_back(std::to_string(now().count()) + " " + shown);
    last_[id] = std::move(shown);
  }
}

}  // namespace flott::testing
