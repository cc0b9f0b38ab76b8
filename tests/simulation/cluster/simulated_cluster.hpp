#pragma once

#include "actors/node/roles.hpp"
#include "runtime/base/simulated_env.hpp"
#include "runtime/execution/manual_executor.hpp"
#include "runtime/exchange/exchange.hpp"
#include "runtime/module/module_registry.hpp"
#include "testing/virtual_system.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace flott::testing {

/// A dispatcher, a JobManager node and some TaskManagers, wired as in real processes, on one thread. Which actor and
/// which subtask runs next is drawn from the seed, and time only moves when nobody has anything left to do: the same
/// seed gives the same run.
class simulated_cluster {
 public:
  simulated_cluster(std::uint64_t seed, std::uint32_t task_managers, std::uint32_t slots_each);
  ~simulated_cluster();

  /// Runs one message or one slice of a subtask, or moves time to what comes next, at most by a few milliseconds.
  void step();
  /// Steps until `done`, for at most `limit` of virtual time; false when that was not enough.
  bool run_until(const std::function<bool()>& done, std::chrono::milliseconds limit);

  [[nodiscard]] std::string submit(const std::string& function, std::uint32_t parallelism);
  [[nodiscard]] std::optional<job_board::entry> job(const std::string& id) const { return board_->find(id); }
  void add_job(const std::string& name, job_function function) { modules_->add("", name, function); }

  /// Its process ends: its connections close at once.
  void kill(std::size_t task_manager);
  /// Its process does nothing any more (SIGSTOP, a hung machine): only silence tells.
  void silence(std::size_t task_manager);
  /// Goes on where it fell silent, not knowing of it; its data connections are gone.
  void wake(std::size_t task_manager);
  /// TaskManagers whose data plane runs a subtask's attempt at the moment.
  [[nodiscard]] bool runs_tasks(std::size_t task_manager) const;
  /// Of the registered TaskManagers.
  [[nodiscard]] std::uint32_t slots() const { return slots(false); }
  [[nodiscard]] std::uint32_t free_slots() const { return slots(true); }

  [[nodiscard]] std::mt19937_64& random() { return actors_.random(); }
  [[nodiscard]] std::chrono::milliseconds now() const;
  /// What happened to jobs, a line each with its virtual time.
  [[nodiscard]] const std::vector<std::string>& history() const { return history_; }

 private:
  struct task_manager_process {
    std::unique_ptr<node_host> host;
    std::shared_ptr<manual_executor> executor;
    std::unique_ptr<task_manager_role> role;
    std::string id;
    bool alive = true;
    std::vector<caf::actor> silenced;
  };
  void note();
  [[nodiscard]] std::uint32_t slots(bool only_free) const;

  virtual_system actors_;
  simulated_env environment_;
  virtual_system::time_point began_;
  std::shared_ptr<local_directory> directory_ = std::make_shared<local_directory>();
  std::shared_ptr<exchange_neighbours> neighbours_ = std::make_shared<exchange_neighbours>();
  std::shared_ptr<job_board> board_ = std::make_shared<job_board>();
  std::shared_ptr<built_in_modules> modules_ = std::make_shared<built_in_modules>();
  std::unique_ptr<node_host> dispatcher_host_, job_manager_host_;
  std::unique_ptr<dispatcher_role> dispatcher_;
  std::unique_ptr<job_manager_role> job_manager_;
  std::vector<task_manager_process> task_managers_;
  std::vector<std::string> jobs_;
  std::map<std::string, std::string> last_;
  std::vector<std::string> history_;
};

}  // namespace flott::testing
