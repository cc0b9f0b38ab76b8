#include "actors/local_cluster.hpp"

#include "actors/exit_reason.hpp"
#include "actors/node/compile_job.hpp"
#include "actors/node/roles.hpp"
#include "runtime/config/options.hpp"
#include "runtime/graph/job_states.hpp"
#include "runtime/module/module_info.hpp"

#include <algorithm>
#include <thread>

namespace flott {

struct local_cluster::parts {
  parts(configuration config, env& environment) : host(std::move(config), environment, "local_cluster") {}

  ~parts() {
    dispatcher->stop();
    host.stop();
    if (task_manager)
      task_manager->stop();
  }

  node_host host;
  std::shared_ptr<job_board> board = std::make_shared<job_board>();
  std::shared_ptr<module_loader> modules = std::make_shared<module_loader>();
  std::unique_ptr<dispatcher_role> dispatcher;
  std::unique_ptr<job_manager_role> job_manager;
  std::unique_ptr<task_manager_role> task_manager;
};

local_cluster::local_cluster(std::unique_ptr<parts> p) : parts_(std::move(p)) {}
local_cluster::~local_cluster() = default;

result<std::unique_ptr<local_cluster>> local_cluster::start(local_cluster_options options, env& environment) {
  auto p = std::make_unique<parts>(std::move(options.config), environment);
  auto& host = p->host;
  dispatcher_role::options dispatching;
  dispatching.node_id = "local-dispatcher";
  dispatching.serve_rest = false;
  dispatching.board = p->board;
  FLOTT_ASSIGN(p->dispatcher, dispatcher_role::make(host, std::move(dispatching), make_memory_job_store()));
  const std::vector<std::pair<std::string, std::uint16_t>> here{{local_address(dispatcher_role::local_name), 0}};
  p->job_manager = std::make_unique<job_manager_role>(host, "local-jobmanager", std::string{}, here);
  task_manager_role::options tasks;
  tasks.node_id = "local-taskmanager";
  tasks.dispatchers = here;
  tasks.slots = options.slots != 0
                  ? options.slots
                  : std::max(static_cast<std::uint32_t>(host.config.get(options::taskmanager_slots)),
                             std::max(1U, std::thread::hardware_concurrency()));
  tasks.operator_options = operator_options(host.config);
  tasks.operator_options.emplace_back("print.to-stdout", "true");
  tasks.compile = local_compiler(host.config, p->modules);
  FLOTT_ASSIGN(p->task_manager, task_manager_role::make(host, std::move(tasks)));
  std::vector<child_spec> children{host.dialer_child()};
  for (auto role : {p->dispatcher->children(), p->job_manager->children(), p->task_manager->children()}) {
    supervisor_spec spec;
    spec.name = children.size() == 1 ? "dispatcher" : children.size() == 2 ? "jobmanager" : "taskmanager";
    spec.strategy = supervision::strategy::one_for_all;
    spec.intensity = {0, std::chrono::milliseconds{1000}};
    spec.children = std::move(role);
    children.push_back(subtree(std::move(spec)));
  }
  FLOTT_TRY(host.start(std::move(children), supervision::strategy::one_for_all, {0, std::chrono::milliseconds{1000}}));
  return std::unique_ptr<local_cluster>{new local_cluster(std::move(p))};
}

result<job_id> local_cluster::submit(const job_request& request) {
  auto& host = parts_->host;
  FLOTT_ASSIGN(const auto module, inspect_module(request.module));
  FLOTT_ASSIGN(const auto sha256, parts_->modules->add_file(request.module));
  msg::SubmitJob submission;
  auto& spec = *submission.mutable_spec();
  const auto id = request.job ? *request.job : new_job_id(host.environment);
  const auto spec_id = id.hex();
  spec.set_job_id(spec_id);
  spec.set_module_sha256(sha256);
  FLOTT_ASSIGN(const auto function, choose_function(module.functions, request.function));
  spec.set_function(function);
  spec.set_name(request.name.empty() ? function : request.name);
  spec.set_parallelism(request.parallelism);
  spec.set_submitted_unix_ms(host.environment.now_unix_ms());
  for (const auto& [key, value] : request.parameters) {
    auto& entry = *spec.add_parameters();
    entry.set_key(key);
    entry.set_value(value);
  }
  for (const auto& [key, value] : request.configuration) {
    auto& entry = *spec.add_configuration();
    entry.set_key(key);
    entry.set_value(value);
  }
  FLOTT_TRY(lifecycle_config(host.config, spec));
  std::optional<failure> refused;
  caf::scoped_actor self{host.system()};
  self->request(parts_->dispatcher->dispatcher()->as<dispatcher_actor>(), host.config.get(options::rpc_timeout),
                std::move(submission))
    .receive(
      [&](const msg::SubmitReply& reply) {
        if (reply.has_failure())
          refused = from_proto(reply.failure());
      },
      [&](const caf::error& err) { refused = to_failure(err); });
  if (refused)
    return *refused;
  // The answer and the job's first snapshot go to different mailboxes: whoever asks next must find the job.
  if (!parts_->board->wait_until_known(spec_id, host.config.get(options::rpc_timeout)))
    return internal_failure("job " + spec_id, "was accepted but is not shown");
  return id;
}

namespace {

local_job_result result_of(const job_board::entry& entry) {
  local_job_result found;
  found.snapshot = *entry.snapshot;
  if (entry.over() && entry.snapshot->state() == msg::JOB_STATE_FINISHED)
    found.collected.assign(entry.stored->collected().begin(), entry.stored->collected().end());
  return found;
}

}  // namespace

std::optional<local_job_result> local_cluster::find(const job_id& job) const {
  const auto entry = parts_->board->find(job.hex());
  return entry ? std::optional{result_of(*entry)} : std::nullopt;
}

result<local_job_result> local_cluster::wait(const job_id& job, std::chrono::milliseconds limit) {
  const auto entry = parts_->board->wait(job.hex(), limit);
  if (!entry)
    return user_failure("job " + job.hex(), "is not known");
  return result_of(*entry);
}

result<void> local_cluster::cancel(const job_id& job) {
  msg::CancelJob wish;
  wish.set_job_id(job.hex());
  std::optional<failure> refused;
  caf::scoped_actor self{parts_->host.system()};
  self->request(parts_->dispatcher->dispatcher()->as<dispatcher_actor>(),
                parts_->host.config.get(options::rpc_timeout), std::move(wish))
    .receive(
      [&](const msg::CancelReply& reply) {
        if (reply.has_failure())
          refused = from_proto(reply.failure());
      },
      [&](const caf::error& err) { refused = to_failure(err); });
  if (refused)
    return *refused;
  return {};
}

result<std::string> local_cluster::tree() {
  FLOTT_ASSIGN(const auto shown, read_tree(parts_->host.system(), parts_->host.root->as<supervisor_actor>(),
                                           std::chrono::milliseconds{1000}));
  return supervision::to_json(*shown);
}

std::string local_cluster::metrics() const { return parts_->host.metrics.scrape(); }

}  // namespace flott
