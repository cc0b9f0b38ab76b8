#include "actors/node/host.hpp"

#include "actors/embedding/process_pages.hpp"
#include "actors/embedding/supervision_metrics.hpp"
#include "actors/exit_reason.hpp"
#include "actors/wire/system_config.hpp"
#include "runtime/base/log.hpp"
#include "runtime/base/socket.hpp"
#include "runtime/config/options.hpp"

#include <random>

#include <unistd.h>

namespace flott {
namespace {

/// Keeps a gateway published for as long as it lives.
caf::behavior publisher_actor(caf::event_based_actor* self, std::function<void()> withdraw) {
  self->attach_functor([withdraw] { withdraw(); });
  return {[](atom::describe) {}};
}

/// The same on a port. It is up when CAF says so.
caf::behavior network_publisher(caf::event_based_actor* self, const caf::io::middleman_actor& connector,
                                const caf::strong_actor_ptr& gateway, std::uint16_t port, const std::set<std::string>& signatures,
                                const std::string& bind_host, const std::function<void()>& confirm) {
  self->request(connector, std::chrono::seconds{5}, caf::publish_atom::value, port, gateway, signatures, bind_host, true)
    .then(
      [=](std::uint16_t) {
        self->attach_functor([connector, address = gateway->address(), port] {
          caf::anon_send(connector, caf::unpublish_atom::value, address, port);
        });
        confirm();
      },
      [=](caf::error& err) { self->quit(std::move(err)); });
  return {[](atom::describe) {}};
}

/// Gives the supervisor's workers, and those of the supervisors below, this limit where they have none of their own.
void limit_shutdown(supervisor_spec& spec, std::chrono::milliseconds limit) {
  spec.child_shutdown = limit;
  for (auto& child : spec.children)
    if (child.tree) {
      auto below = *child.tree;
      limit_shutdown(below, limit);
      child.tree = std::make_shared<const supervisor_spec>(std::move(below));
    }
}

}  // namespace

node_host::node_host(configuration configured, env& outside, std::string tree_name)
    : config(std::move(configured)), environment(outside), tree_name_(std::move(tree_name)) {
  nodes = std::make_shared<node_probe>(metrics, [&e = environment] { return e.now(); });
}

node_host::node_host(configuration configured, env& outside, std::string tree_name, simulated_place place)
    : node_host(std::move(configured), outside, std::move(tree_name)) {
  place_ = std::move(place);
  directory_ = place_.directory;
}

node_host::~node_host() {
  stop();
  root->set(nullptr);
  dial->set(nullptr);
  if (place_.system == nullptr)
    directory_->clear();
  if (system_)
    if (const auto left = system_->end(std::chrono::seconds{1}); left > 0)
      log::warn("actors were left behind", {{"actors", left}});
  if (listener_ >= 0)
    ::close(listener_);
}

void node_host::make_system(bool network) {
  if (system_ || place_.system != nullptr)
    return;
  system_ = std::make_unique<bounded_system>(std::make_unique<node_system_config>(network));
}

result<void> node_host::listen(const rpc_endpoint& endpoint, std::string secret) {
  endpoint_ = endpoint;
  result<int> bound = transient_failure(endpoint.bind_host, "no port in the range");
  for (std::uint32_t port = endpoint.ports.low; port <= endpoint.ports.high && !bound; ++port)
    bound = listen_tcp(endpoint.bind_host, static_cast<std::uint16_t>(port));
  if (!bound)
    return std::move(bound).error();
  listener_ = *bound;
  make_system(true);
  connector_config settings;
  settings.environment = &environment;
  settings.secret = std::move(secret);
  settings.dial_timeout = config.get(options::connect_timeout);
  settings.listener = listener_;
  connector_ = spawn_connector(system(), settings);
  return {};
}

result<void> node_host::serve_metrics() {
  http::server_config settings;
  settings.host = config.get(options::metrics_bind_host);
  settings.ports = config.get(options::metrics_port);
  settings.max_body = 64 << 10;
  make_system(false);
  const process_pages pages{&system(), root, &metrics, [this] {
                              const std::lock_guard lock{fate_->mutex};
                              return fate_->started && !fate_->ended;
                            }};
  FLOTT_ASSIGN(metrics_server_, http::server::start(settings, [pages](const http::request& asked, const http::responder& answer) {
    if (!pages.answer(asked, answer))
      answer(http::error_response(404, "there are /metrics, /livez, /readyz, /flott/v1/tree and /flott/v1/log_level"));
  }));
  return {};
}

child_spec node_host::dialer_child() {
  make_system(false);
  child_spec spec;
  spec.id = "dialer";
  spec.ref = dial;
  spec.start = spawns(dialer, dialer_config{directory_, connector_, std::chrono::milliseconds{3000}});
  return spec;
}

child_spec node_host::publisher(const child_ref_ptr& of, const std::string& local_name,
                                std::set<std::string> signatures) {
  child_spec spec;
  spec.id = "publisher";
  spec.ready = networked() ? ready_when::confirmed : ready_when::initialized;
  spec.start = [this, of, local_name, signatures](const child_context& context) -> result<caf::strong_actor_ptr> {
    const auto gateway = of->get();
    if (!gateway)
      return transient_failure("publisher", "the gateway is not up");
    if (!networked()) {
      directory_->publish(local_name, gateway);
      return spawn_supervised(context, publisher_actor, [directory = directory_, local_name] { directory->withdraw(local_name); });
    }
    return spawn_supervised(context, network_publisher, connector_, gateway, local_port(listener_), signatures, endpoint_.bind_host,
                            context.confirm);
  };
  return spec;
}

msg::Address node_host::rpc_address(const std::string& incarnation, const std::string& local_name) const {
  msg::Address address;
  address.set_host(networked() ? endpoint_.host : local_address(local_name));
  address.set_port(networked() ? local_port(listener_) : 0);
  address.set_incarnation(incarnation);
  return address;
}

result<void> node_host::start(std::vector<child_spec> children, supervision::strategy strategy,
                              supervision::intensity intensity) {
  make_system(false);
  supervisor_spec spec;
  spec.name = tree_name_;
  spec.strategy = strategy;
  spec.intensity = intensity;
  spec.children = std::move(children);
  limit_shutdown(spec, config.get(options::shutdown_actor_timeout));
  supervision_host host = measured_host(registry);
  host.seed = environment.next_random();
  host.on_started = [fate = fate_] {
    const std::lock_guard lock{fate->mutex};
    fate->started = true;
    fate->changed.notify_all();
  };
  host.on_end = [fate = fate_, name = tree_name_](const supervisor_end& how) {
    fate->end(how.reason.kind == supervision::exit_kind::abnormal
                ? std::optional{internal_failure("supervisor /" + name, "the supervision tree ended", how.reason.text)}
                : std::nullopt);
  };
  FLOTT_ASSIGN(auto handle, spawn_supervisor(system(), std::move(spec), std::move(host)));
  root->set(caf::actor_cast<caf::strong_actor_ptr>(handle));
  if (place_.system != nullptr)
    return {};
  std::unique_lock lock{fate_->mutex};
  fate_->changed.wait(lock, [this] { return fate_->started || fate_->ended; });
  if (fate_->ended && fate_->why)
    return *fate_->why;
  return {};
}

void node_host::fate::end(std::optional<failure> because) {
  const std::lock_guard lock{mutex};
  if (ended)
    return;
  ended = true;
  why = std::move(because);
  changed.notify_all();
}

void node_host::end(std::optional<failure> why) { fate_->end(std::move(why)); }

result<void> node_host::wait() {
  std::unique_lock lock{fate_->mutex};
  fate_->changed.wait(lock, [this] { return fate_->ended; });
  if (fate_->why)
    return *fate_->why;
  return {};
}

void node_host::stop() {
  {
    const std::lock_guard lock{fate_->mutex};
    if (fate_->stopped)
      return;
    fate_->stopped = true;
    fate_->ended = true;
  }
  if (place_.system != nullptr) {
    if (const auto tree = root->as<supervisor_actor>())
      caf::anon_send_exit(tree, caf::exit_reason::user_shutdown);
  } else if (const auto tree = root->as<supervisor_actor>()) {
    const auto ended = stop_and_wait(system(), tree, config.get(options::shutdown_timeout));
    if (!ended) {
      log::warn("the supervision tree did not end in time", {{"why", ended.error().to_string()}});
      caf::anon_send_exit(tree, caf::exit_reason::kill);         // takes its children along
    }
    else if (ended->abandoned > 0)
      log::warn("actors were left behind in a handler", {{"abandoned", ended->abandoned}});
  }
  if (connector_) {
    caf::anon_send_exit(connector_, caf::exit_reason::kill);
    connector_ = nullptr;
  }
  metrics_server_.reset();                         // it told until now who is still to end
}

}  // namespace flott
