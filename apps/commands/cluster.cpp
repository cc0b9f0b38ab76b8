#include "apps/cli/cluster_folder.hpp"
#include "apps/cli/command_line.hpp"
#include "apps/cli/console.hpp"
#include "apps/cli/endpoint.hpp"
#include "apps/cli/module_path.hpp"
#include "apps/cli/table.hpp"
#include "apps/cli/watch.hpp"
#include "apps/commands/commands.hpp"
#include "runtime/config/options.hpp"

namespace flott::cli {
namespace {

option_spec dir_option() {
  return {.names = "dir", .value = "DIR", .prose = "The cluster's folder. Default: $FLOTT_DIR, or ~/.flott."};
}

std::filesystem::path dir_of(const parsed_command& line) {
  return std::filesystem::absolute(line.text("dir", default_cluster_dir().string())).lexically_normal();
}

command_spec start_spec() {
  return {
      .name = "cluster start",
      .arguments = "[options]",
      .prose = "Starts a cluster of processes on this machine and returns when all of them are registered. The dispatcher\n"
               "keeps the number of nodes asked for, until `flott cluster stop`. A port of 0 picks a free one.",
      .options =
          {
              dir_option(),
              {.names = "dispatchers", .value = "N", .prose = "Dispatchers; 1 is what this version runs. Default: 1."},
              {.names = "jobmanagers", .value = "N", .prose = "JobManager nodes. Default: 1."},
              {.names = "taskmanagers", .value = "N", .prose = "TaskManagers. Default: 1."},
              {.names = "slots", .value = "N", .prose = "Slots a TaskManager. Default: taskmanager.numberOfTaskSlots."},
              {.names = "define,D", .value = "KEY=VALUE", .prose = "Sets an option.", .repeated = true},
              {.names = "json", .value = "", .prose = "Prints the nodes as JSON."},
          },
  };
}

result<cluster_plan> plan_of(const parsed_command& line) {
  cluster_plan plan;
  plan.dir = dir_of(line);
  plan.executable = executable_path();
  FLOTT_TRY(line.number("dispatchers", 1, 1, 1));
  FLOTT_TRY(key_values(line.all("define")));
  plan.settings = line.all("define");
  const auto set = [&](std::string_view key, const std::string& value) {
    plan.settings.push_back(std::string(key) + "=" + value);
  };
  const auto set_from = [&](std::string_view flag, std::string_view key, std::uint32_t most) -> result<void> {
    FLOTT_ASSIGN(const auto number, line.number(flag, 0, flag == "taskmanagers" ? 0 : 1, most));
    if (line.has(flag))
      set(key, std::to_string(number));
    return {};
  };
  FLOTT_TRY(set_from("slots", options::taskmanager_slots.key, 10'000));
  FLOTT_TRY(set_from("jobmanagers", options::cluster_jobmanagers.key, 1000));
  FLOTT_TRY(set_from("taskmanagers", options::cluster_taskmanagers.key, 10'000));
  set(options::cluster_dir.key, plan.dir.string());
  set(options::resource_provider.key, "process");
  const auto file = plan.dir / "flott.yaml";
  FLOTT_ASSIGN(const auto config, configuration::load(std::filesystem::exists(file) ? file : std::filesystem::path(),
                                                      plan.settings));
  plan.job_managers = static_cast<std::uint32_t>(config.get(options::cluster_jobmanagers));
  plan.task_managers = static_cast<std::uint32_t>(config.get(options::cluster_taskmanagers));
  return plan;
}

void show_nodes(const std::vector<cluster_node>& nodes) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& node : nodes)
    rows.push_back({node.role, node.id, std::to_string(node.pid), node.rest.value_or("-"), node.rpc.value_or("-"),
                    node.data.value_or("-"), node.metrics.value_or("-")});
  print(table({"role", "id", "pid", "rest", "rpc", "data", "metrics"}, rows));
}

}  // namespace

int cluster_start_command(const std::vector<std::string>& arguments) {
  const auto spec = start_spec();
  const auto line = parse(spec, arguments);
  if (!line.ok())
    return misused(spec.name, line.error());
  if (line->wants_help) {
    print(help(spec));
    return ok;
  }
  const auto plan = plan_of(*line);
  if (!plan.ok())
    return misused(spec.name, plan.error());
  const auto nodes = start_cluster(*plan, interrupts(), system_env());
  if (!nodes.ok())
    return refusal(nodes.error());
  if (line->has("json"))
    print(to_json(*nodes));
  for (const auto& node : *nodes)
    if (node.rest)
      tell("A cluster of " + std::to_string(nodes->size()) + " nodes runs in " + plan->dir.string() + ", REST at http://" +
           *node.rest);
  return ok;
}

int cluster_stop_command(const std::vector<std::string>& arguments) {
  const command_spec spec{.name = "cluster stop",
                          .arguments = "[options]",
                          .prose = "Ends every process of the cluster, whatever state it is in. Its jobs that had not ended "
                                   "go on when\nthe cluster is started again.",
                          .options = {dir_option()}};
  const auto line = parse(spec, arguments);
  if (!line.ok())
    return misused(spec.name, line.error());
  if (line->wants_help) {
    print(help(spec));
    return ok;
  }
  const auto stopped = stop_cluster(dir_of(*line), system_env());
  return stopped.ok() ? static_cast<int>(ok) : refusal(stopped.error());
}

int cluster_status_command(const std::vector<std::string>& arguments) {
  const command_spec spec{.name = "cluster status",
                          .arguments = "[options]",
                          .prose = "Lists the living nodes of the cluster.",
                          .options = {dir_option(),
                                      {.names = "json", .value = "", .prose = "As JSON, as in the folder's cluster.json."}}};
  const auto line = parse(spec, arguments);
  if (!line.ok())
    return misused(spec.name, line.error());
  if (line->wants_help) {
    print(help(spec));
    return ok;
  }
  const auto nodes = living_nodes(dir_of(*line), system_env());
  if (!nodes.ok())
    return refusal(nodes.error());
  if (line->has("json"))
    print(to_json(*nodes));
  else if (nodes->empty())
    tell("No cluster runs in " + dir_of(*line).string());
  else
    show_nodes(*nodes);
  return ok;
}

}  // namespace flott::cli
