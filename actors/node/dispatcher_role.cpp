#include "actors/cluster_gateway.hpp"
#include "actors/dispatcher.hpp"
#include "actors/job_store.hpp"
#include "actors/monitor.hpp"
#include "actors/node/roles.hpp"
#include "actors/resource_manager.hpp"
#include "runtime/base/log.hpp"
#include "runtime/base/process_usage.hpp"
#include "runtime/config/options.hpp"
#include "runtime/module/module_info.hpp"
#include "runtime/resources/cluster_file.hpp"
#include "runtime/resources/process_provider.hpp"
#include "runtime/resources/process_table.hpp"


namespace flott {

/// Turns what the provider sees into messages.
class dispatcher_role::listener final : public resource_listener {
 public:
  listener(child_ref_ptr resources, child_ref_ptr dispatcher)
      : resources_(std::move(resources)), dispatcher_(std::move(dispatcher)) {}

  void on_started(const node_started&) override {}    // it will register

  void on_exited(const node_exited& event) override {
    node_exit end;
    end.node_id = event.node_id;
    end.exit_status = event.exit_code.value_or(0);
    end.signal = event.signal.value_or(event.crash ? event.crash->signal : 0);
    if (event.crash && !event.crash->job_id.empty()) {
      end.crashed_in_job = true;
      end.job_id = event.crash->job_id;
      end.vertex_id = event.crash->vertex_id;
      end.subtask = event.crash->subtask;
      end.operator_name = event.crash->operator_name;
    }
    if (event.role == msg::NODE_ROLE_TASKMANAGER) {
      if (const auto target = resources_->as<resource_manager_actor>())
        caf::anon_send(target, end);
    } else if (const auto target = dispatcher_->as<dispatcher_actor>()) {
      caf::anon_send(target, end);
    }
  }

  void on_start_failed(msg::NodeRole role, const failure& why) override {
    log::error("a node can't be started", {{"role", role_name(role)}, {"why", why.to_string()}});
  }

 private:
  child_ref_ptr resources_, dispatcher_;
};

dispatcher_role::dispatcher_role(node_host& host, options wanted, std::shared_ptr<job_store> store)
    : host_(host), options_(std::move(wanted)), store_(std::move(store)) {
  modules_ = std::make_shared<module_shelf>(store_, [](const std::string& path) -> result<std::vector<std::string>> {
    FLOTT_ASSIGN(const auto info, inspect_module(path));
    FLOTT_TRY(check_compatible(info, host_info(), host_instruction_sets(), path));
    return info.functions;
  });
  listener_ = std::make_unique<listener>(resources_, dispatcher_);
  const auto incarnation = new_incarnation(host.environment).hex();
  self_.mutable_header()->set_incarnation(incarnation);
  self_.set_role(msg::NODE_ROLE_DISPATCHER);
  self_.set_node_id(options_.node_id);
  self_.set_pid(static_cast<std::uint64_t>(process_id()));
  *self_.mutable_rpc() = host.rpc_address(incarnation, local_name);
  if (host.metrics_port() != 0) {
    self_.mutable_metrics()->set_host(host.config.get(flott::options::metrics_bind_host));
    self_.mutable_metrics()->set_port(host.metrics_port());
  }
  self_.set_log_file(options_.log_file);
  self_.set_version(FLOTT_VERSION);
}

dispatcher_role::~dispatcher_role() { stop(); }

result<std::unique_ptr<dispatcher_role>> dispatcher_role::make(node_host& host, options wanted,
                                                               std::shared_ptr<job_store> store) {
  std::unique_ptr<dispatcher_role> role{new dispatcher_role(host, std::move(wanted), std::move(store))};
  if (role->options_.serve_rest)
    FLOTT_TRY(role->serve());
  return role;
}

result<void> dispatcher_role::serve() {
  auto& config = host_.config;
  http::server_config settings;
  settings.host = config.get(flott::options::rest_bind_address);
  settings.ports = config.get(flott::options::rest_port);
  settings.max_upload = config.get(flott::options::web_upload_limit).bytes;
  settings.upload_dir = modules_->upload_folder();
  settings.takes_upload = rest::takes_upload;
  auto ready = [gateway = gateway_] { return gateway->get() != nullptr; };
  // Beyond loopback (flott.insecure) nobody can tell by which names the cluster goes.
  auto knows_host = [any = !is_loopback(settings.host), address = config.get(flott::options::rest_address)](std::string_view host) {
    return any || rest::names_loopback(host) || host == address || host.starts_with(address + ":");
  };
  FLOTT_ASSIGN(rest_, http::server::start(std::move(settings), rest_handler(view_, modules_, std::move(ready),
                                                                            std::move(knows_host))));
  blobs_.set_host(config.get(flott::options::rest_address));
  blobs_.set_port(rest_->port());
  return {};
}

std::uint16_t dispatcher_role::rest_port() const { return rest_ ? rest_->port() : 0; }

std::function<void(const std::string&)> dispatcher_role::killer() {
  return [this](const std::string& node_id) {
    std::shared_ptr<resource_provider> provider;
    {
      const std::lock_guard lock{provider_mutex_};
      provider = provider_;
    }
    if (provider)
      provider->kill_node(node_id);
  };
}

void dispatcher_role::write_membership(const msg::ClusterSnapshot& cluster) {
  listed_ = true;
  const auto endpoint = [](const msg::Address& a) -> std::optional<std::string> {
    if (a.port() == 0)
      return std::nullopt;
    return a.host() + ":" + std::to_string(a.port());
  };
  const auto entry = [&](const msg::RegisterNode& node) {
    cluster_node shown;
    shown.role = role_name(node.role());
    shown.id = node.node_id();
    shown.pid = static_cast<int>(node.pid());
    shown.rpc = endpoint(node.rpc());
    shown.data = endpoint(node.data());
    shown.metrics = endpoint(node.metrics());
    shown.log = node.log_file();
    return shown;
  };
  std::vector<cluster_node> nodes{entry(cluster.dispatcher())};
  nodes.front().rest = endpoint(blobs_);
  for (const auto& node : cluster.job_managers())
    nodes.push_back(entry(node));
  for (const auto& info : cluster.task_managers())
    nodes.push_back(entry(info.node()));
  if (auto written = write_cluster_file(options_.dir, nodes, host_.environment); !written)
    log::warn("cluster.json can't be written", {{"why", written.error().to_string()}});
}

std::vector<child_spec> dispatcher_role::children() {
  auto& host = host_;
  const auto incarnation = self_.header().incarnation();
  const auto interval = host.config.get(flott::options::heartbeat_interval);
  const auto timeout = host.config.get(flott::options::heartbeat_timeout);
  const auto fence = [gateway = gateway_, monitor = monitor_](const std::string& node_id, const std::string& lost) {
    if (const auto target = gateway->as<cluster_gateway_actor>())
      caf::anon_send(target, atom::fence_v, lost);
    msg::LeaveCluster gone;
    gone.mutable_header()->set_incarnation(lost);
    gone.set_node_id(node_id);
    if (const auto target = monitor->as<monitor_actor>())
      caf::anon_send(target, std::move(gone));
  };

  child_spec keeper;
  keeper.id = "job_store";
  keeper.ref = keeper_;
  keeper.ready = ready_when::spawned;
  keeper.start = [&host, store = store_](const child_context& context) -> result<caf::strong_actor_ptr> {
    return host.spawn_blocking(context, job_store_keeper, store);
  };

  rest_gateway_config view_config;
  view_config.incarnation = incarnation;
  view_config.address = "http://" + blobs_.host() + ":" + std::to_string(blobs_.port());
  view_config.environment = &host.environment;
  view_config.modules = modules_;
  view_config.refresh_interval_ms = host.config.get(flott::options::web_refresh_interval).count();
  view_config.check_settings = [&host](const msg::JobSpec& spec) -> result<void> {
    FLOTT_TRY(lifecycle_config(host.config, spec));
    return {};
  };
  child_spec view;
  view.id = options_.board ? "job_board" : "rest_gateway";
  view.ref = view_;
  if (options_.board)
    view.start = spawns(job_board_keeper, options_.board);
  else
    view.start = spawns(rest_gateway, view_config, rest_gateway_siblings{dispatcher_, monitor_});

  monitor_config watch;
  watch.environment = &host.environment;
  watch.probe = host.nodes;
  watch.dispatcher = self_;
  watch.root = host.root;
  for (const auto& [key, value] : host.config.entries()) {
    msg::KeyValue shown;
    shown.set_key(key);
    shown.set_value(value);
    watch.configuration.push_back(std::move(shown));
  }
  if (!options_.dir.empty())
    watch.membership_changed = [this](const msg::ClusterSnapshot& cluster) { write_membership(cluster); };
  child_spec monitoring;
  monitoring.id = "monitor";
  monitoring.ref = monitor_;
  monitoring.start = [watch, shown = view_](const child_context& context) -> result<caf::strong_actor_ptr> {
    return spawn_supervised(context, monitor, watch, shown->as<view_actor>());
  };

  resource_manager_config slots;
  slots.incarnation = incarnation;
  slots.environment = &host.environment;
  slots.heartbeat_interval = interval;
  slots.heartbeat_timeout = timeout;
  slots.rpc_timeout = host.config.get(flott::options::rpc_timeout);
  slots.blobs = blobs_;
  slots.kill_node = killer();
  slots.lost = [fence](const msg::TaskManagerLost& lost) { fence(lost.task_manager_id(), lost.incarnation()); };
  child_spec resources;
  resources.id = "resource_manager";
  resources.ref = resources_;
  resources.start = [slots, dial = host.dial](const child_context& context) -> result<caf::strong_actor_ptr> {
    return spawn_supervised(context, resource_manager, slots, dial->as<dialer_actor>());
  };

  dispatcher_config jobs;
  jobs.incarnation = incarnation;
  jobs.environment = &host.environment;
  jobs.registry.max_jobs_per_node = static_cast<std::uint32_t>(host.config.get(flott::options::jobmanager_node_max_jobs));
  jobs.registry.retained_jobs = static_cast<std::uint32_t>(host.config.get(flott::options::kept_jobs));
  jobs.registry.max_unfinished_jobs = static_cast<std::uint32_t>(host.config.get(flott::options::max_pending_jobs));
  jobs.heartbeat_interval = interval;
  jobs.heartbeat_timeout = timeout;
  jobs.rpc_timeout = host.config.get(flott::options::rpc_timeout);
  jobs.blobs = blobs_;
  jobs.self = self_.rpc();
  jobs.probe = &host.jobs;
  jobs.kill_node = killer();
  jobs.lost = fence;
  child_spec dispatching;
  dispatching.id = "dispatcher";
  dispatching.ref = dispatcher_;
  dispatching.start = [jobs, store = store_, siblings = dispatcher_siblings{resources_, view_, keeper_, host.dial}](
                        const child_context& context) -> result<caf::strong_actor_ptr> {
    FLOTT_ASSIGN(auto held, store->load());
    for (const auto& damaged : held.damaged)
      log::error("a stored job is damaged and was set aside", {{"file", damaged.to_string()}});
    return spawn_supervised(context, flott::dispatcher, jobs, siblings, std::move(held.jobs));
  };

  child_spec gateway;
  gateway.id = "cluster_gateway";
  gateway.ref = gateway_;
  gateway.start = [incarnation, e = &host.environment, d = dispatcher_, r = resources_,
                   m = monitor_](const child_context& context) -> result<caf::strong_actor_ptr> {
    return spawn_supervised(context, cluster_gateway, incarnation, e, d->as<dispatcher_actor>(), r->as<resource_manager_actor>(),
                           m->as<monitor_actor>());
  };

  std::vector<child_spec> all;
  for (auto* child : {&keeper, &view, &monitoring, &resources, &dispatching, &gateway})
    all.push_back(std::move(*child));
  all.push_back(host.publisher_child<cluster_gateway_actor>(gateway_, local_name));
  return all;
}

result<void> dispatcher_role::start_provider() {
  if (!options_.node_command || host_.config.get(flott::options::resource_provider) != resource_provider_kind::process)
    return {};
  process_provider_config config;
  config.run_dir = options_.dir / "run";
  config.log_dir = options_.dir / "logs";
  config.command = [command = options_.node_command, rpc = self_.rpc()](msg::NodeRole role, const std::string& id) {
    return command(rpc, role, id);
  };
  FLOTT_ASSIGN(std::shared_ptr<resource_provider> provider,
               start_process_provider(std::move(config), *listener_, host_.environment));
  {
    const std::lock_guard lock{provider_mutex_};
    provider_ = provider;
  }
  provider->want(msg::NODE_ROLE_JOBMANAGER,
                 static_cast<std::uint32_t>(host_.config.get(flott::options::cluster_jobmanagers)));
  provider->want(msg::NODE_ROLE_TASKMANAGER,
                  static_cast<std::uint32_t>(host_.config.get(flott::options::cluster_taskmanagers)));
  return {};
}

void dispatcher_role::stop() {
  if (rest_)
    rest_->stop();
  std::shared_ptr<resource_provider> gone;              // its end is awaited outside the lock
  {
    const std::lock_guard lock{provider_mutex_};
    gone.swap(provider_);
  }
  if (!listed_.exchange(false))
    return;
  // The others live on; who reads of this one would dial in vain.
  auto nodes = read_cluster_file(options_.dir, host_.environment);
  if (!nodes || std::erase_if(*nodes, [&](const cluster_node& n) { return n.id == self_.node_id(); }) == 0)
    return;
  if (auto written = write_cluster_file(options_.dir, *nodes, host_.environment); !written)
    log::warn("cluster.json can't be written", {{"why", written.error().to_string()}});
}

}  // namespace flott
