#pragma once

#include "actors/dialer.hpp"
#include "actors/embedding/bounded_system.hpp"
#include "actors/supervisor.hpp"
#include "actors/wire/connector.hpp"
#include "metrics/probes/job_probe.hpp"
#include "metrics/probes/node_probe.hpp"
#include "metrics/probes/task_probe.hpp"
#include "metrics/registry.hpp"
#include "runtime/base/env.hpp"
#include "runtime/config/configuration.hpp"
#include "runtime/http/server.hpp"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace flott {

/// Where a process's gateway listens for other nodes.
struct rpc_endpoint {
  std::string host;                                 ///< as others are told
  std::string bind_host;
  port_range ports;
};

/// An actor system that several hosts share: a simulation's, on one thread and in virtual time. Nothing may block
/// there, and no actor gets a thread of its own.
struct simulated_place {
  caf::actor_system* system = nullptr;
  std::shared_ptr<local_directory> directory;       ///< where the hosts' gateways find each other
};

/// What every process has, whatever roles it plays: actor system, supervision tree, connector, metrics.
///
/// Order of life: construct, `listen` and `serve_metrics` as wanted, `start` with the roles' children, `wait`, `stop`.
/// Everything is released by the destructor, in bounded time.
class node_host {
 public:
  node_host(configuration config, env& environment, std::string tree_name);
  /// A host in a simulation: it neither listens nor waits; whoever owns `place` lets its actors run.
  node_host(configuration config, env& environment, std::string tree_name, simulated_place place);
  ~node_host();
  node_host(const node_host&) = delete;
  node_host& operator=(const node_host&) = delete;

  /// Binds the RPC endpoint and makes the connector. Requires the cluster's secret. Errors name the address.
  result<void> listen(const rpc_endpoint& endpoint, std::string secret);
  /// Serves what every process does (see process_pages), until the tree has ended. Errors name the address.
  result<void> serve_metrics();
  /// Starts the supervision tree; returns when all children are up (in a simulation at once), or with the failure of the
  /// one that is not.
  result<void> start(std::vector<child_spec> children, supervision::strategy strategy,
                     supervision::intensity intensity);

  /// Blocks until the process has to end: `end` was called, or the tree ended by itself.
  result<void> wait();
  /// The process has to end. Any thread; the first call counts.
  void end(std::optional<failure> why = std::nullopt);
  /// Stops the tree in order and closes what is open, within `shutdown.timeout`. Idempotent.
  void stop();

  /// The child that turns addresses into handles; the first of every process.
  [[nodiscard]] child_spec dialer_child();
  /// A child that keeps the gateway in `of` published for as long as it lives: on the RPC port, or, in a process that
  /// does not listen, under `local_name`.
  template <class Gateway>
  [[nodiscard]] child_spec publisher_child(const child_ref_ptr& of, const std::string& local_name) {
    return publisher(of, local_name, system().message_types<Gateway>());
  }

  [[nodiscard]] msg::Address rpc_address(const std::string& incarnation, const std::string& local_name) const;
  [[nodiscard]] std::uint16_t metrics_port() const { return metrics_server_ ? metrics_server_->port() : 0; }
  [[nodiscard]] caf::actor_system& system() { return place_.system != nullptr ? *place_.system : system_->get(); }
  /// Spawns a child that blocks, under supervision: on a thread of its own, wherever there are threads.
  template <class... Arguments>
  [[nodiscard]] caf::strong_actor_ptr spawn_blocking(const child_context& context, Arguments&&... arguments) {
    return place_.system == nullptr ? spawn_supervised<caf::detached>(context, std::forward<Arguments>(arguments)...)
                                    : spawn_supervised(context, std::forward<Arguments>(arguments)...);
  }
  [[nodiscard]] bool networked() const { return listener_ >= 0; }

  const configuration config;
  env& environment;
  const std::shared_ptr<metrics_registry> registry = std::make_shared<metrics_registry>();
  metrics_registry& metrics = *registry;
  job_probe jobs{metrics};
  restart_probe restarts{metrics};
  std::shared_ptr<node_probe> nodes;
  task_probe tasks{metrics};
  const child_ref_ptr root = std::make_shared<child_ref>();
  const child_ref_ptr dial = std::make_shared<child_ref>();

 private:
  child_spec publisher(const child_ref_ptr& of, const std::string& local_name, std::set<std::string> signatures);
  void make_system(bool network);

  std::string tree_name_;
  simulated_place place_;
  std::unique_ptr<bounded_system> system_;
  caf::io::middleman_actor connector_;
  std::shared_ptr<local_directory> directory_ = std::make_shared<local_directory>();
  rpc_endpoint endpoint_;
  int listener_ = -1;
  std::unique_ptr<http::server> metrics_server_;

  /// What the tree tells; it may end after the host, if it is late.
  struct fate {
    std::mutex mutex;
    std::condition_variable changed;
    bool ended = false, started = false, stopped = false;
    std::optional<failure> why;

    void end(std::optional<failure> because);
  };
  const std::shared_ptr<fate> fate_ = std::make_shared<fate>();
};

}  // namespace flott
