#pragma once

#include "actors/job_board.hpp"
#include "actors/job_loader.hpp"
#include "actors/node/host.hpp"
#include "actors/rest_gateway.hpp"
#include "actors/task.hpp"
#include "runtime/execution/data_plane.hpp"
#include "runtime/execution/executor.hpp"
#include "runtime/graph/job_lifecycle.hpp"
#include "runtime/ha/job_store.hpp"
#include "runtime/resources/resource_provider.hpp"

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace flott {

/// The parts of a role that are no actors, and live as long as its process; then its children, made from them.
/// Destroyed after the host has stopped.

/// Accepts jobs, keeps them, knows the nodes.
class dispatcher_role {
 public:
  struct options {
    std::string node_id;
    std::string log_file;
    std::filesystem::path dir;                      ///< of the cluster; empty: no cluster.json, no provider
    bool serve_rest = true;
    std::shared_ptr<job_board> board;               ///< shown there instead of over REST
    /// The command line of another node, for the process provider; unset: nodes are started by somebody else.
    std::function<std::vector<std::string>(const msg::Address& dispatcher, msg::NodeRole, const std::string& node_id)>
      node_command;
  };

  /// Starts the REST server (if wanted), but takes no request before the children are up. Errors: an address, a folder,
  /// a damaged store.
  static result<std::unique_ptr<dispatcher_role>> make(node_host& host, options wanted, std::shared_ptr<job_store> store);
  ~dispatcher_role();

  [[nodiscard]] std::vector<child_spec> children();
  /// Starts the nodes that `cluster.*` asks for. Call once the children are up.
  result<void> start_provider();
  /// Takes no more requests, and starts no more nodes.
  void stop();

  [[nodiscard]] const msg::RegisterNode& self() const { return self_; }
  [[nodiscard]] std::uint16_t rest_port() const;
  [[nodiscard]] const child_ref_ptr& dispatcher() const { return dispatcher_; }
  [[nodiscard]] const child_ref_ptr& view() const { return view_; }

  static constexpr const char* local_name = "dispatcher";

 private:
  class listener;
  dispatcher_role(node_host& host, options wanted, std::shared_ptr<job_store> store);
  result<void> serve();
  [[nodiscard]] std::function<void(const std::string&)> killer();
  void write_membership(const msg::ClusterSnapshot& cluster);

  node_host& host_;
  options options_;
  std::shared_ptr<job_store> store_;
  std::shared_ptr<module_shelf> modules_;
  msg::RegisterNode self_;
  msg::Address blobs_;
  child_ref_ptr keeper_ = std::make_shared<child_ref>(), view_ = std::make_shared<child_ref>(),
                monitor_ = std::make_shared<child_ref>(), resources_ = std::make_shared<child_ref>(),
                dispatcher_ = std::make_shared<child_ref>(), gateway_ = std::make_shared<child_ref>();
  std::unique_ptr<http::server> rest_;
  std::unique_ptr<listener> listener_;
  std::atomic<bool> listed_{false};                 ///< in cluster.json
  std::mutex provider_mutex_;
  std::shared_ptr<resource_provider> provider_;     ///< actors use it while it comes and goes
};

/// Hosts job managers.
class job_manager_role {
 public:
  job_manager_role(node_host& host, std::string node_id, std::string log_file,
                   std::vector<std::pair<std::string, std::uint16_t>> dispatchers);
  [[nodiscard]] std::vector<child_spec> children();
  [[nodiscard]] const msg::RegisterNode& self() const { return self_; }

 private:
  node_host& host_;
  msg::RegisterNode self_;
  std::vector<std::pair<std::string, std::uint16_t>> dispatchers_;
  child_ref_ptr committer_ = std::make_shared<child_ref>(), node_ = std::make_shared<child_ref>(),
                jobs_ = std::make_shared<child_ref>();
};

/// Offers slots, and runs tasks in them.
class task_manager_role {
 public:
  struct options {
    std::string node_id;
    std::string log_file;
    std::vector<std::pair<std::string, std::uint16_t>> dispatchers;
    std::string secret;                             ///< for the data plane
    std::uint32_t slots = 1;
    job_compiler compile;
    std::vector<std::pair<std::string, std::string>> operator_options;   ///< defaults for operator_context::option
    std::shared_ptr<executor> runs_on;              ///< the deterministic one, in a simulation
    std::shared_ptr<exchange_neighbours> neighbours;///< the other TaskManagers of a simulation
  };

  /// Starts the data plane. Errors: its address, memory.
  static result<std::unique_ptr<task_manager_role>> make(node_host& host, options wanted);
  ~task_manager_role();

  [[nodiscard]] std::vector<child_spec> children();
  void stop();
  [[nodiscard]] const msg::RegisterNode& self() const { return self_; }
  [[nodiscard]] std::size_t running_tasks() const { return board_.counters().size(); }
  [[nodiscard]] const child_ref_ptr& manager() const { return manager_; }
  [[nodiscard]] const child_ref_ptr& registration() const { return registrar_; }

 private:
  task_manager_role(node_host& host, options wanted) : host_(host), options_(std::move(wanted)) {}

  node_host& host_;
  options options_;
  msg::RegisterNode self_;
  std::unique_ptr<data_plane> plane_;
  task_board board_;
  metric_registration memory_shown_;
  child_ref_ptr manager_ = std::make_shared<child_ref>(), tasks_ = std::make_shared<child_ref>(),
                loaders_ = std::make_shared<child_ref>(), registrar_ = std::make_shared<child_ref>();
};

/// The dispatchers that a node registers with, from `jobmanager.rpc.address` and `.port`.
std::vector<std::pair<std::string, std::uint16_t>> dispatcher_addresses(const configuration& config);

/// The options of a job's life from the cluster's and the job's own settings.
result<job_lifecycle_config> lifecycle_config(const configuration& config, const msg::JobSpec& spec);

/// What operators may ask for, with the cluster's values.
std::vector<std::pair<std::string, std::string>> operator_options(const configuration& config);

}  // namespace flott
