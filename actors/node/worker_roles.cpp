#include "actors/committer.hpp"
#include "actors/job_manager_node.hpp"
#include "actors/node/roles.hpp"
#include "actors/registrar.hpp"
#include "actors/task_manager.hpp"
#include "runtime/base/log.hpp"
#include "runtime/base/process_usage.hpp"
#include "runtime/config/options.hpp"

#include <charconv>


namespace flott {
namespace {

msg::RegisterNode identity(node_host& host, msg::NodeRole role, const std::string& node_id, const std::string& log_file) {
  msg::RegisterNode self;
  const auto incarnation = new_incarnation(host.environment).hex();
  self.mutable_header()->set_incarnation(incarnation);
  self.set_role(role);
  self.set_node_id(node_id);
  self.set_pid(static_cast<std::uint64_t>(process_id()));
  *self.mutable_rpc() = host.rpc_address(incarnation, node_id);
  if (host.metrics_port() != 0) {
    self.mutable_metrics()->set_host(host.config.get(options::metrics_bind_host));
    self.mutable_metrics()->set_port(host.metrics_port());
  }
  self.set_log_file(log_file);
  self.set_version(FLOTT_VERSION);
  return self;
}

child_spec registrar_child(node_host& host, const msg::RegisterNode& self, const child_ref_ptr& owner,
                           std::vector<std::pair<std::string, std::uint16_t>> dispatchers) {
  registrar_config config;
  config.dispatchers = std::move(dispatchers);
  config.incarnation = self.header().incarnation();
  config.node_id = self.node_id();
  config.role = self.role();
  config.heartbeat_interval = host.config.get(options::heartbeat_interval);
  config.heartbeat_timeout = host.config.get(options::heartbeat_timeout);
  config.registration_timeout = host.config.get(options::registration_timeout);
  config.environment = &host.environment;
  config.give_up = [&host](failure why) { host.end(std::move(why)); };
  child_spec spec;
  spec.id = "registrar";
  spec.start = [config, owner, dial = host.dial](const child_context& context) -> result<caf::strong_actor_ptr> {
    return spawn_supervised(context, registrar, config, owner->as<registered_node_actor>(), dial->as<dialer_actor>());
  };
  return spec;
}

child_spec pool(const std::string& name, const child_ref_ptr& ref) {
  supervisor_spec spec;
  spec.name = name;
  spec.stopping = supervision::stop_order::parallel;
  auto child = subtree(std::move(spec));
  child.ref = ref;
  return child;
}

}  // namespace

std::vector<std::pair<std::string, std::uint16_t>> dispatcher_addresses(const configuration& config) {
  std::vector<std::pair<std::string, std::uint16_t>> addresses;
  const auto port = config.get(options::jobmanager_rpc_port).low;
  for (const auto& entry : config.get(options::jobmanager_rpc_address)) {
    const auto colon = entry.rfind(':');
    std::uint16_t own = port;
    if (colon != std::string::npos && entry.find(':') == colon &&
        std::from_chars(entry.data() + colon + 1, entry.data() + entry.size(), own).ec == std::errc{})
      addresses.emplace_back(entry.substr(0, colon), own);
    else
      addresses.emplace_back(entry, port);
  }
  return addresses;
}

result<job_lifecycle_config> lifecycle_config(const configuration& config, const msg::JobSpec& spec) {
  std::vector<std::pair<std::string, std::string>> settings;
  for (const auto& entry : spec.configuration())
    settings.emplace_back(entry.key(), entry.value());
  FLOTT_ASSIGN(const auto job, config.for_job(settings));
  job_lifecycle_config life;
  life.restart.type = job.get(options::restart_strategy) == restart_strategy_kind::none ? "none" : "exponential-delay";
  life.restart.initial_backoff = job.get(options::restart_initial_backoff);
  life.restart.max_backoff = job.get(options::restart_max_backoff);
  life.restart.backoff_multiplier = job.get(options::restart_backoff_multiplier);
  life.restart.reset_backoff_threshold = job.get(options::restart_reset_threshold);
  life.restart.jitter_factor = job.get(options::restart_jitter);
  if (job.is_set(options::restart_attempts))
    life.restart.attempts_before_reset_backoff = static_cast<std::uint32_t>(job.get(options::restart_attempts));
  life.wait_for_resources = job.get(options::wait_for_resources);
  life.cancellation_timeout = job.get(options::cancellation_timeout);
  return life;
}

std::vector<std::pair<std::string, std::string>> operator_options(const configuration& config) {
  std::vector<std::pair<std::string, std::string>> values;
  const auto add = [&](const option_declaration& of) {
    values.emplace_back(of.key, of.render(config.value_of(of)));
  };
  add(options::max_record_size);
  add(options::split_size);
  add(options::collect_max_rows);
  add(options::collect_max_bytes);
  add(options::buffer_timeout);
  return values;
}

// --- JobManager node ---------------------------------------------------------------------------------------------

job_manager_role::job_manager_role(node_host& host, std::string node_id, std::string log_file,
                                   std::vector<std::pair<std::string, std::uint16_t>> dispatchers)
    : host_(host),
      self_(identity(host, msg::NODE_ROLE_JOBMANAGER, node_id, log_file)),
      dispatchers_(std::move(dispatchers)) {}

std::vector<child_spec> job_manager_role::children() {
  auto& host = host_;
  job_manager_node_config config;
  config.self = self_;
  config.max_jobs = static_cast<std::uint32_t>(host.config.get(options::jobmanager_node_max_jobs));
  config.environment = &host.environment;
  config.job_managers = jobs_;
  config.root = host.root;
  config.job_config = [&host, self = self_.rpc(), committer = committer_](const msg::AssignJob& assignment) {
    job_manager_config job;
    job.assignment = assignment;
    if (auto life = lifecycle_config(host.config, assignment.spec()))
      job.lifecycle = *life;
    job.lifecycle.seed = host.environment.next_random();
    job.self = self;
    job.environment = &host.environment;
    job.probe = &host.restarts;
    job.heartbeat_interval = host.config.get(options::heartbeat_interval);
    job.heartbeat_timeout = host.config.get(options::heartbeat_timeout);
    job.rpc_timeout = host.config.get(options::rpc_timeout);
    job.committer = committer->as<committer_actor>();
    return job;
  };
  child_spec node;
  node.id = "job_manager_node";
  node.ref = node_;
  node.start = [config, dial = host.dial](const child_context& context) -> result<caf::strong_actor_ptr> {
    auto wired = config;
    wired.dial = dial->as<dialer_actor>();
    return spawn_supervised(context, job_manager_node, std::move(wired));
  };
  child_spec files;
  files.id = "committer";
  files.ref = committer_;
  files.ready = ready_when::spawned;
  files.start = [&host](const child_context& context) -> result<caf::strong_actor_ptr> {
    return host.spawn_blocking(context, committer);
  };
  std::vector<child_spec> all;
  all.push_back(std::move(files));
  all.push_back(std::move(node));
  all.push_back(pool("job_managers", jobs_));
  all.push_back(host.publisher_child<job_manager_node_actor>(node_, self_.node_id()));
  all.push_back(registrar_child(host, self_, node_, dispatchers_));
  return all;
}

// --- TaskManager --------------------------------------------------------------------------------------------------

result<std::unique_ptr<task_manager_role>> task_manager_role::make(node_host& host, options wanted) {
  std::unique_ptr<task_manager_role> role{new task_manager_role(host, std::move(wanted))};
  role->self_ = identity(host, msg::NODE_ROLE_TASKMANAGER, role->options_.node_id, role->options_.log_file);
  data_plane_config config;
  config.bind_host = host.config.get(flott::options::taskmanager_bind_host);
  const auto ports = host.config.get(flott::options::taskmanager_data_port);
  config.port_low = ports.low;
  config.port_high = ports.high;
  config.listen = host.networked();
  config.incarnation = role->self_.header().incarnation();
  config.secret = role->options_.secret;
  config.workers = static_cast<std::uint32_t>(host.config.get(flott::options::taskmanager_workers));
  config.memory_bytes = host.config.get(flott::options::taskmanager_managed_memory).bytes;
  config.options = role->options_.operator_options;
  const auto memory = config.memory_bytes;
  config.neighbours = role->options_.neighbours;
  if (role->options_.runs_on) {
    FLOTT_ASSIGN(role->plane_, data_plane::start(std::move(config), host.environment, role->options_.runs_on));
  } else {
    FLOTT_ASSIGN(role->plane_, data_plane::start(std::move(config), host.environment));
  }
  role->memory_shown_ = host.tasks.memory_pool([plane = role->plane_.get()] { return plane->memory_used(); }, memory);
  role->self_.set_memory_bytes(memory);
  auto& data = *role->self_.mutable_data();
  data.set_host(host.networked() ? host.config.get(flott::options::taskmanager_host) : "local");
  data.set_port(role->plane_->port());
  data.set_incarnation(role->self_.header().incarnation());
  return role;
}

task_manager_role::~task_manager_role() { stop(); }

void task_manager_role::stop() {
  if (!plane_)
    return;
  if (!plane_->stop(host_.environment.now() + host_.config.get(flott::options::shutdown_timeout)))
    log::warn("the data plane did not end in time");
  memory_shown_.reset();
  plane_.reset();
}

std::vector<child_spec> task_manager_role::children() {
  auto& host = host_;
  task_manager_config config;
  config.self = self_;
  config.slots.slots = options_.slots;
  config.slots.slot_timeout = host.config.get(flott::options::taskmanager_slot_timeout);
  config.slots.orphan_timeout = host.config.get(flott::options::taskmanager_orphan_timeout);
  config.plane = plane_.get();
  config.environment = &host.environment;
  config.board = &board_;
  config.probe = &host.tasks;
  config.tick = host.config.get(flott::options::heartbeat_interval);
  config.cancellation_timeout = [&host](const msg::JobSpec& spec) {
    const auto life = lifecycle_config(host.config, spec);
    return life ? life->cancellation_timeout : host.config.get(flott::options::cancellation_timeout);
  };
  config.heartbeat_timeout = host.config.get(flott::options::heartbeat_timeout);
  config.start_loader = [&host, compile = options_.compile](const child_context& context) {
    return host.spawn_blocking(context, job_loader, compile);
  };
  config.tasks = tasks_;
  config.loaders = loaders_;
  config.root = host.root;
  config.abort = [&host](failure why) { host.end(std::move(why)); };
  child_spec manager;
  manager.id = "task_manager";
  manager.ref = manager_;
  manager.start = spawns(task_manager, config);
  std::vector<child_spec> all;
  all.push_back(std::move(manager));
  all.push_back(pool("tasks", tasks_));
  all.push_back(pool("job_loaders", loaders_));
  all.push_back(host.publisher_child<task_manager_actor>(manager_, self_.node_id()));
  all.push_back(registrar_child(host, self_, manager_, options_.dispatchers));
  all.back().ref = registrar_;
  return all;
}

}  // namespace flott
