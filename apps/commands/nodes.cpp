#include "actors/node/node.hpp"
#include "apps/caf_node_id.hpp"
#include "apps/cli/command_line.hpp"
#include "apps/cli/console.hpp"
#include "apps/cli/module_path.hpp"
#include "apps/cli/node_command.hpp"
#include "apps/cli/node_identity.hpp"
#include "apps/cli/node_signals.hpp"
#include "apps/commands/commands.hpp"
#include "runtime/base/log.hpp"
#include "runtime/config/options.hpp"
#include "runtime/resources/crash_report.hpp"
#include "runtime/resources/process_table.hpp"

#include <cerrno>
#include <cstdlib>

#include <unistd.h>

namespace flott::cli {
namespace {

using starter = result<std::unique_ptr<node>> (*)(node_options, env&);

struct node_kind {
  std::string name;
  msg::NodeRole role = msg::NODE_ROLE_UNSPECIFIED;
  std::string prose;
  starter start = nullptr;
  bool may_pass = false;                  ///< does without a folder that lasts
};

command_spec spec_of(const node_kind& kind) {
  return {.name = kind.name,
          .arguments = "[options]",
          .prose = kind.prose + "\nEnds in an orderly way on SIGTERM or SIGINT; a second signal ends it at once.",
          .options = {
              {.names = "dir", .value = "DIR",
               .prose = "The cluster's folder: its flott.yaml, secret, logs and process records. Default: none."},
              {.names = "config", .value = "FILE", .prose = "The options' file. Default: DIR/flott.yaml, if it is there."},
              {.names = "id", .value = "ID", .prose = "The node's id, given by whoever starts it. Default: a new one."},
              {.names = "define,D", .value = "KEY=VALUE", .prose = "Sets an option.", .repeated = true},
          }};
}

/// A folder that goes with the process, for a node that has no other to keep its jobs in.
class passing_folder {
 public:
  static result<std::unique_ptr<passing_folder>> make() {
    auto pattern = (std::filesystem::temp_directory_path() / "flott-standalone-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
      return system_failure(pattern, "a temporary folder cannot be made", errno);
    return std::unique_ptr<passing_folder>(new passing_folder(pattern));
  }
  ~passing_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  passing_folder(const passing_folder&) = delete;
  passing_folder& operator=(const passing_folder&) = delete;

  const std::filesystem::path path;

 private:
  explicit passing_folder(std::filesystem::path p) : path(std::move(p)) {}
};

result<configuration> configuration_of(const parsed_command& line, const std::filesystem::path& dir) {
  FLOTT_TRY(key_values(line.all("define")));
  std::filesystem::path file = line.text("config");
  auto settings = line.all("define");
  if (!dir.empty()) {
    settings.push_back(std::string(options::cluster_dir.key) + "=" + dir.string());
    if (file.empty() && system_env().exists(dir / "flott.yaml"))
      file = dir / "flott.yaml";
  }
  return configuration::load(file, settings);
}

result<void> configure_logs(const configuration& config, const node_identity& identity) {
  log::log_config logs;
  logs.threshold = static_cast<log::level>(config.get(options::logging_level));
  logs.style = config.get(options::logging_format) == log_format::json ? log::format::json : log::format::text;
  logs.node = identity.id;
  logs.file = identity.log;
  logs.max_file_bytes = config.get(options::logging_max_file_size).bytes;
  return log::configure(logs);
}

/// Runs the node until it ends or is told to; everything that a person reads goes to the log from here on.
result<void> serve(const node_kind& kind, const configuration& config, const node_identity& identity,
                   const std::filesystem::path& dir) {
  node_signals signals(config.get(options::shutdown_timeout));
  node_options options{.config = config, .node_id = identity.id, .log_file = identity.log.string(), .node_command = {}};
  options.node_command = [config, dir](const msg::Address& dispatcher, msg::NodeRole role, const std::string& id) {
    return node_command({.executable = executable_path(), .dir = dir, .config = config,
                         .dispatcher_host = dispatcher.host(),
                         .dispatcher_rpc_port = static_cast<std::uint16_t>(dispatcher.port())},
                        role, id);
  };
  FLOTT_ASSIGN(const auto running, [&] {
    const unique_caf_node_id scope;
    return kind.start(std::move(options), system_env());
  }());
  log::info("node is up", {{"role", kind.name}, {"rest", running->rest_address()}, {"pid", ::getpid()}});
  if (!running->rest_address().empty() && identity.log.empty())
    tell("REST at http://" + running->rest_address());
  signals.watch([&running] { running->request_stop(); });
  auto ended = running->wait();
  signals.node_ends();
  return ended;
}

int node_command_line(const node_kind& kind, const std::vector<std::string>& arguments) {
  const auto spec = spec_of(kind);
  const auto line = parse(spec, arguments);
  if (!line.ok())
    return misused(spec.name, line.error());
  if (line->wants_help) {
    print(help(spec));
    return ok;
  }
  node_signals::block();   // before there is a second thread
  const auto dir = line->has("dir") ? std::filesystem::absolute(line->text("dir")).lexically_normal()
                                    : std::filesystem::path();
  auto config = configuration_of(*line, dir);
  if (!config.ok())
    return misused(spec.name, config.error());
  std::unique_ptr<passing_folder> passing;
  if (kind.may_pass && config->get(options::cluster_dir).empty()) {
    auto made = passing_folder::make();
    if (!made.ok())
      return refusal(made.error());
    passing = std::move(made).value();
    config = config->with(options::cluster_dir.key, passing->path.string(), "default");
    if (!config.ok())
      return refusal(config.error());
  }
  for (const auto& warning : config->warnings())
    tell("flott: " + warning);
  const auto identity = node_identity::take(dir, kind.role, line->text("id"), system_env());
  if (!identity.ok())
    return refusal(identity.error());
  if (const auto logs = configure_logs(*config, *identity); !logs.ok())
    return refusal(logs.error());
  install_crash_handler({.file = dir.empty() ? std::filesystem::path() : crash_path(dir / "run", identity->id),
                         .exit_code = {}});
  const auto ended = serve(kind, *config, *identity, dir);
  if (ended.ok()) {
    log::info("node ended");
    return ok;
  }
  log::error("node ended for a failure", {{"why", ended.error().to_string()}});
  return refused;
}

}  // namespace

int standalone_command(const std::vector<std::string>& arguments) {
  return node_command_line({.name = "standalone",
                            .role = msg::NODE_ROLE_DISPATCHER,
                            .prose = "Runs all roles in one process, with REST, in the foreground. Without --dir, jobs and "
                                     "modules\nare forgotten when it ends.",
                            .start = start_standalone,
                            .may_pass = true},
                           arguments);
}

int dispatcher_command(const std::vector<std::string>& arguments) {
  return node_command_line({.name = "dispatcher",
                            .role = msg::NODE_ROLE_DISPATCHER,
                            .prose = "Runs a dispatcher in the foreground: it accepts jobs over REST and assigns them.",
                            .start = start_dispatcher},
                           arguments);
}

int jobmanager_command(const std::vector<std::string>& arguments) {
  return node_command_line({.name = "jobmanager",
                            .role = msg::NODE_ROLE_JOBMANAGER,
                            .prose = "Runs a JobManager node in the foreground: it looks after jobs.",
                            .start = start_job_manager},
                           arguments);
}

int taskmanager_command(const std::vector<std::string>& arguments) {
  return node_command_line({.name = "taskmanager",
                            .role = msg::NODE_ROLE_TASKMANAGER,
                            .prose = "Runs a TaskManager in the foreground: it offers slots and runs tasks in them.",
                            .start = start_task_manager},
                           arguments);
}

}  // namespace flott::cli
