#include "apps/cli/cluster_folder.hpp"

#include "apps/cli/free_ports.hpp"
#include "runtime/config/options.hpp"
#include "runtime/resources/process_table.hpp"
#include "runtime/security/secret.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

namespace flott::cli {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto poll_pause = 2ms;
constexpr auto lock_patience = 10s;
constexpr auto stop_slack = 1s;           // on top of what a node gives itself
constexpr std::size_t log_lines = 15;

constexpr std::string_view new_flott_yaml =
    "# Options of this cluster; docs/reference/configuration.md lists them all. `-D key=value` wins over this file.\n";

fs::path run_dir(const fs::path& dir) { return dir / "run"; }
fs::path config_file(const fs::path& dir) { return dir / "flott.yaml"; }

bool anything_runs(const fs::path& dir) {
  const auto records = recorded_processes(run_dir(dir));
  return std::any_of(records.begin(), records.end(), is_alive);
}

result<void> make_folder(const fs::path& dir, env& environment) {
  for (const auto& folder : {dir, dir / "logs", dir / "jobs", run_dir(dir)})
    FLOTT_TRY(environment.make_directories(folder));
  if (!environment.exists(config_file(dir)))
    FLOTT_TRY(environment.write_file(config_file(dir), new_flott_yaml));
  return {};
}

/// The dispatcher's ports as settings with one number each, so that it is found at the same address when it is started
/// again.
result<std::vector<std::string>> settled_ports(const configuration& config, free_ports& ports) {
  const auto take = [&](const option<port_range>& option, const std::string& host,
                        std::vector<std::string>& to) -> result<void> {
    auto port = ports.take(host, config.get(option));
    if (!port.ok() && !config.is_set(option) && option.key == options::metrics_port.key)
      port = ports.take(host, port_range{});   // nobody asked for the default in particular
    if (!port.ok())
      return std::move(port).error();
    to.push_back(std::string(option.key) + "=" + std::to_string(*port));
    return {};
  };
  std::vector<std::string> settings;
  FLOTT_TRY(take(options::rest_port, config.get(options::rest_bind_address), settings));
  FLOTT_TRY(take(options::jobmanager_rpc_port, config.get(options::jobmanager_bind_host), settings));
  FLOTT_TRY(take(options::metrics_port, config.get(options::metrics_bind_host), settings));
  return settings;
}

result<process_record> start_dispatcher(const cluster_plan& plan, env& environment) {
  const auto file = config_file(plan.dir);
  FLOTT_ASSIGN(const auto config, configuration::load(environment.exists(file) ? file : fs::path(), plan.settings));
  FLOTT_TRY(make_folder(plan.dir, environment));
  FLOTT_TRY(read_or_create_secret(plan.dir / "secret", environment));
  const auto id = new_node_id(msg::NODE_ROLE_DISPATCHER, environment);
  process_start what{.node_id = id, .role = msg::NODE_ROLE_DISPATCHER, .arguments = {},
                     .run_dir = run_dir(plan.dir), .log = plan.dir / "logs" / (id + ".log")};
  what.arguments = {plan.executable.string(), "dispatcher", "--dir", plan.dir.string(), "--id", id};
  auto settings = plan.settings;
  {
    free_ports ports;
    FLOTT_ASSIGN(const auto settled, settled_ports(config, ports));
    settings.insert(settings.end(), settled.begin(), settled.end());
  }
  for (const auto& setting : settings) {
    what.arguments.emplace_back("-D");
    what.arguments.push_back(setting);
  }
  return start_process(what, environment);
}

bool has_ended(const process_record& process) {
  int status = 0;
  return ::waitpid(process.pid, &status, WNOHANG) == process.pid || !is_alive(process);
}

failure with_log(failure why, const fs::path& log) {
  if (const auto tail = tail_of(log, log_lines); !tail.empty())
    why.cause = "its log ends:\n" + tail;
  return why;
}

bool is_complete(const std::vector<cluster_node>& nodes, const cluster_plan& plan) {
  const auto count = [&](std::string_view role) {
    return std::count_if(nodes.begin(), nodes.end(), [&](const cluster_node& node) { return node.role == role; });
  };
  return count("dispatcher") >= 1 && count("jobmanager") >= plan.job_managers &&
         count("taskmanager") >= plan.task_managers;
}

/// The log of a node that is not registered: where the reason stands why the cluster does not become complete.
fs::path log_of_missing_node(const cluster_plan& plan, const std::vector<cluster_node>& registered,
                             const process_record& dispatcher) {
  for (const auto& record : recorded_processes(run_dir(plan.dir))) {
    const bool is_there = std::any_of(registered.begin(), registered.end(),
                                      [&](const cluster_node& node) { return node.id == record.node_id; });
    if (!is_there && !record.log.empty())
      return record.log;
  }
  return dispatcher.log;
}

result<std::vector<cluster_node>> wait_for_nodes(const cluster_plan& plan, const process_record& dispatcher,
                                                 const std::atomic<bool>& interrupted, env& environment) {
  const auto deadline = steady_clock::now() + plan.patience;
  std::vector<cluster_node> nodes;
  while (steady_clock::now() < deadline) {
    if (interrupted.load())
      return transient_failure(plan.dir.string(), "interrupted while the cluster was starting");
    FLOTT_ASSIGN(nodes, read_cluster_file(plan.dir, environment));
    if (is_complete(nodes, plan))
      return nodes;
    if (has_ended(dispatcher))
      return with_log(transient_failure(plan.dir.string(), "the dispatcher ended while the cluster was starting"),
                      dispatcher.log);
    std::this_thread::sleep_for(poll_pause);
  }
  return with_log(transient_failure(plan.dir.string(), "only " + std::to_string(nodes.size()) + " of " +
                                                           std::to_string(1 + plan.job_managers + plan.task_managers) +
                                                           " nodes have registered in time"),
                  log_of_missing_node(plan, nodes, dispatcher));
}

/// What a running cluster leaves beside its lasting files.
result<void> remove_traces(const fs::path& dir, env& environment) {
  FLOTT_TRY(environment.remove(cluster_file(dir)));
  FLOTT_TRY(remove_run_folder(run_dir(dir)));
  std::error_code error;
  // A killed process may have left the unfinished copy of a file that it was replacing.
  for (fs::recursive_directory_iterator entry(dir, fs::directory_options::skip_permission_denied, error), end;
       !error && entry != end; entry.increment(error)) {
    if (entry.depth() == 0 && entry->is_directory() && entry->path() != dir / "jobs")
      entry.disable_recursion_pending();
    if (entry->is_regular_file() && entry->path().filename().string().ends_with(temporary_suffix)) {
      std::error_code ignored;
      fs::remove(entry->path(), ignored);
    }
  }
  return {};
}

}  // namespace

result<folder_lock> folder_lock::acquire(const fs::path& dir, steady_clock::time_point deadline) {
  const int fd = ::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return system_failure(dir.string(), "cannot be opened", errno);
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) {
      const int error = errno;
      ::close(fd);
      return system_failure(dir.string(), "cannot be locked", error);
    }
    if (steady_clock::now() >= deadline) {
      ::close(fd);
      return transient_failure(dir.string(), "another command is starting or stopping this cluster");
    }
    std::this_thread::sleep_for(poll_pause);
  }
  return folder_lock(fd);
}

folder_lock::~folder_lock() {
  if (fd_ >= 0)
    ::close(fd_);
}

result<std::vector<cluster_node>> start_cluster(const cluster_plan& plan, const std::atomic<bool>& interrupted,
                                                env& environment) {
  const bool is_new = !environment.exists(plan.dir);
  FLOTT_TRY(environment.make_directories(plan.dir));
  bool nobody_elses = false;               // the folder holds nothing but what this call has put there
  auto started = [&]() -> result<process_record> {
    FLOTT_ASSIGN(const auto lock, folder_lock::acquire(plan.dir, steady_clock::now() + lock_patience));
    if (anything_runs(plan.dir))
      return user_failure(plan.dir.string(), "a cluster runs in this folder already; flott cluster stop ends it");
    nobody_elses = is_new;
    FLOTT_TRY(remove_traces(plan.dir, environment));
    return start_dispatcher(plan, environment);
  }();
  if (started.ok()) {
    auto nodes = wait_for_nodes(plan, *started, interrupted, environment);
    if (nodes.ok())
      return nodes;
    started = std::move(nodes).error();
    if (const auto stopped = stop_cluster(plan.dir, environment); !stopped.ok()) {
      started.error().cause += "\n" + stopped.error().to_string();
      nobody_elses = false;                // what is still there has to be found again
    }
  }
  if (nobody_elses) {
    std::error_code ignored;
    fs::remove_all(plan.dir, ignored);
  }
  return std::move(started).error();
}

result<void> stop_cluster(const fs::path& dir, env& environment) {
  if (!environment.exists(dir))
    return {};
  FLOTT_ASSIGN(const auto lock, folder_lock::acquire(dir, steady_clock::now() + lock_patience));
  const bool was_cluster = environment.exists(run_dir(dir)) || environment.exists(cluster_file(dir));
  if (!was_cluster)
    return {};
  // A folder whose configuration was damaged meanwhile has to be stopped all the same.
  const auto file = config_file(dir);
  const auto config = configuration::load(environment.exists(file) ? file : fs::path(), {});
  const auto grace = (config ? config->get(options::shutdown_timeout) : configuration().get(options::shutdown_timeout)) + stop_slack;
  FLOTT_TRY(stop_processes(run_dir(dir), grace, steady_clock::now() + 3 * grace));
  return remove_traces(dir, environment);
}

result<std::vector<cluster_node>> living_nodes(const fs::path& dir, env& environment) {
  FLOTT_ASSIGN(auto nodes, read_cluster_file(dir, environment));
  const auto records = recorded_processes(run_dir(dir));
  std::erase_if(nodes, [&](const cluster_node& node) {
    const auto found = std::find_if(records.begin(), records.end(),
                                    [&](const process_record& record) { return record.node_id == node.id; });
    return found != records.end() && !is_alive(*found);
  });
  return nodes;
}

std::string tail_of(const fs::path& file, std::size_t lines) {
  std::ifstream in(file);
  std::vector<std::string> last;
  for (std::string line; std::getline(in, line);) {
    last.push_back(std::move(line));
    if (last.size() > lines)
      last.erase(last.begin());
  }
  std::string text;
  for (const auto& line : last)
    text += line + "\n";
  return text;
}

}  // namespace flott::cli
