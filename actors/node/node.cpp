#include "actors/node/node.hpp"

#include "actors/node/compile_job.hpp"
#include "actors/node/roles.hpp"
#include "runtime/base/log.hpp"
#include "runtime/config/options.hpp"
#include "runtime/resources/process_table.hpp"
#include "runtime/security/secret.hpp"

#include <thread>

namespace flott {
namespace {

constexpr supervision::intensity restarts_allowed{5, std::chrono::milliseconds{10'000}};
/// Other nodes rely on what a JobManager node or TaskManager holds in memory: a crash of its core ends the process.
constexpr supervision::intensity no_restarts{0, std::chrono::milliseconds{10'000}};

result<std::string> cluster_secret(const configuration& config) {
  auto file = config.get(options::cluster_secret_file);
  if (file.empty() && !config.get(options::cluster_dir).empty())
    file = (std::filesystem::path{config.get(options::cluster_dir)} / "secret").string();
  if (file.empty())
    return user_failure("cluster.secret-file", "is not set, nor is cluster.dir; nodes prove to each other that they hold "
                                               "the cluster's secret");
  return read_secret(file);
}

/// Modules fetched by this process: in the cluster's folder where there is one, otherwise in a folder of its own.
std::filesystem::path module_cache(const configuration& config, const std::string& node_id) {
  const auto dir = config.get(options::cluster_dir);
  return dir.empty() ? std::filesystem::temp_directory_path() / ("flott-" + node_id)
                     : module_cache_path(std::filesystem::path{dir} / "run", node_id);
}

class running_node final : public node {
 public:
  running_node(node_options wanted, env& environment, const char* name)
      : host(wanted.config, environment, name), given(std::move(wanted)) {}

  ~running_node() override {
    if (dispatcher)
      dispatcher->stop();
    host.stop();
    if (task_manager)
      task_manager->stop();
    if (!cache.empty()) {
      std::error_code ignored;
      std::filesystem::remove_all(cache, ignored);
    }
  }

  [[nodiscard]] const msg::RegisterNode& self() const override {
    return dispatcher ? dispatcher->self() : job_manager ? job_manager->self() : task_manager->self();
  }
  [[nodiscard]] std::string rest_address() const override {
    return dispatcher && dispatcher->rest_port() != 0
             ? host.config.get(options::rest_address) + ":" + std::to_string(dispatcher->rest_port())
             : std::string{};
  }
  void request_stop() override { host.end(); }
  result<void> wait() override { return host.wait(); }

  result<void> add_dispatcher() {
    const std::filesystem::path dir = host.config.get(options::cluster_dir);
    if (dir.empty())
      return user_failure("cluster.dir", "is not set; a dispatcher keeps its jobs there");
    FLOTT_TRY(host.environment.make_directories(dir / "jobs"));
    FLOTT_ASSIGN(auto store, open_file_job_store(host.environment, dir / "jobs"));
    dispatcher_role::options wanted;
    wanted.node_id = given.node_id;
    wanted.log_file = given.log_file;
    wanted.dir = dir;
    wanted.node_command = given.node_command;
    FLOTT_ASSIGN(dispatcher, dispatcher_role::make(host, std::move(wanted), std::move(store)));
    return {};
  }

  void add_job_manager(const std::string& id, std::vector<std::pair<std::string, std::uint16_t>> dispatchers) {
    job_manager = std::make_unique<job_manager_role>(host, id, given.log_file, std::move(dispatchers));
  }

  result<void> add_task_manager(const std::string& id, std::vector<std::pair<std::string, std::uint16_t>> dispatchers,
                                std::string secret) {
    cache = module_cache(host.config, id);
    task_manager_role::options wanted;
    wanted.node_id = id;
    wanted.log_file = given.log_file;
    wanted.dispatchers = std::move(dispatchers);
    wanted.secret = std::move(secret);
    wanted.slots = static_cast<std::uint32_t>(host.config.get(options::taskmanager_slots));
    wanted.operator_options = operator_options(host.config);
    wanted.compile = fetching_compiler(host.config, cache);
    FLOTT_ASSIGN(task_manager, task_manager_role::make(host, std::move(wanted)));
    return {};
  }

  node_host host;
  node_options given;
  std::unique_ptr<dispatcher_role> dispatcher;
  std::unique_ptr<job_manager_role> job_manager;
  std::unique_ptr<task_manager_role> task_manager;
  std::filesystem::path cache;
};

std::unique_ptr<running_node> prepare(node_options options, env& environment, const char* name, msg::NodeRole role) {
  if (options.node_id.empty())
    options.node_id = new_node_id(role, environment);
  return std::make_unique<running_node>(std::move(options), environment, name);
}

void add(std::vector<child_spec>& to, std::vector<child_spec> more) {
  for (auto& child : more)
    to.push_back(std::move(child));
}

/// A role as one child of a process that plays several.
child_spec as_subtree(const char* name, std::vector<child_spec> children, supervision::intensity intensity) {
  supervisor_spec spec;
  spec.name = name;
  spec.strategy = supervision::strategy::one_for_all;
  spec.intensity = intensity;
  spec.children = std::move(children);
  return subtree(std::move(spec));
}

}  // namespace

result<std::unique_ptr<node>> start_dispatcher(node_options options, env& environment) {
  auto node = prepare(std::move(options), environment, "dispatcher", msg::NODE_ROLE_DISPATCHER);
  auto& host = node->host;
  FLOTT_ASSIGN(auto secret, cluster_secret(host.config));
  const auto addresses = dispatcher_addresses(host.config);
  FLOTT_TRY(host.listen({addresses.empty() ? "127.0.0.1" : addresses.front().first,
                         host.config.get(options::jobmanager_bind_host), host.config.get(options::jobmanager_rpc_port)},
                        std::move(secret)));
  FLOTT_TRY(host.serve_metrics());
  FLOTT_TRY(node->add_dispatcher());
  std::vector<child_spec> children{host.dialer_child()};
  add(children, node->dispatcher->children());
  FLOTT_TRY(host.start(std::move(children), supervision::strategy::one_for_all, restarts_allowed));
  FLOTT_TRY(node->dispatcher->start_provider());
  return std::unique_ptr<flott::node>{std::move(node)};
}

result<std::unique_ptr<node>> start_job_manager(node_options options, env& environment) {
  auto node = prepare(std::move(options), environment, "jobmanager", msg::NODE_ROLE_JOBMANAGER);
  auto& host = node->host;
  FLOTT_ASSIGN(auto secret, cluster_secret(host.config));
  FLOTT_TRY(host.listen({host.config.get(options::jobmanager_node_host), host.config.get(options::jobmanager_node_bind_host),
                         host.config.get(options::jobmanager_node_rpc_port)}, std::move(secret)));
  FLOTT_TRY(host.serve_metrics());
  node->add_job_manager(node->given.node_id, dispatcher_addresses(host.config));
  std::vector<child_spec> children{host.dialer_child()};
  add(children, node->job_manager->children());
  FLOTT_TRY(host.start(std::move(children), supervision::strategy::rest_for_one, no_restarts));
  return std::unique_ptr<flott::node>{std::move(node)};
}

result<std::unique_ptr<node>> start_task_manager(node_options options, env& environment) {
  auto node = prepare(std::move(options), environment, "taskmanager", msg::NODE_ROLE_TASKMANAGER);
  auto& host = node->host;
  FLOTT_ASSIGN(auto secret, cluster_secret(host.config));
  FLOTT_TRY(host.listen({host.config.get(options::taskmanager_host), host.config.get(options::taskmanager_bind_host),
                         host.config.get(options::taskmanager_rpc_port)}, secret));
  FLOTT_TRY(host.serve_metrics());
  FLOTT_TRY(node->add_task_manager(node->given.node_id, dispatcher_addresses(host.config), secret));
  std::vector<child_spec> children{host.dialer_child()};
  add(children, node->task_manager->children());
  FLOTT_TRY(host.start(std::move(children), supervision::strategy::rest_for_one, no_restarts));
  return std::unique_ptr<flott::node>{std::move(node)};
}

result<std::unique_ptr<node>> start_standalone(node_options options, env& environment) {
  auto node = prepare(std::move(options), environment, "standalone", msg::NODE_ROLE_DISPATCHER);
  auto& host = node->host;
  FLOTT_TRY(host.serve_metrics());
  FLOTT_TRY(node->add_dispatcher());
  const std::vector<std::pair<std::string, std::uint16_t>> here{{local_address(dispatcher_role::local_name), 0}};
  node->add_job_manager(new_node_id(msg::NODE_ROLE_JOBMANAGER, environment), here);
  FLOTT_TRY(node->add_task_manager(new_node_id(msg::NODE_ROLE_TASKMANAGER, environment), here, {}));
  std::vector<child_spec> children{host.dialer_child()};
  children.push_back(as_subtree("dispatcher", node->dispatcher->children(), restarts_allowed));
  children.push_back(as_subtree("jobmanager", node->job_manager->children(), no_restarts));
  children.push_back(as_subtree("taskmanager", node->task_manager->children(), no_restarts));
  FLOTT_TRY(host.start(std::move(children), supervision::strategy::rest_for_one, no_restarts));
  return std::unique_ptr<flott::node>{std::move(node)};
}

}  // namespace flott
