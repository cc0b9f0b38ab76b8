#include "apps/cli/command_line.hpp"
#include "apps/cli/console.hpp"
#include "apps/cli/embedded.hpp"
#include "apps/cli/endpoint.hpp"
#include "apps/cli/module_path.hpp"
#include "apps/cli/watch.hpp"
#include "apps/commands/commands.hpp"
#include "runtime/config/configuration.hpp"
#include "runtime/module/module_registry.hpp"
#include "runtime/rest/run_request.hpp"

#include <span>

namespace flott::cli {
namespace {

constexpr int interrupted_by_signal = 130;
constexpr std::uint32_t most_parallelism = 32768;

command_spec run_spec() {
  command_spec spec{
      .name = "run",
      .arguments = "[options] MODULE [--parameter value]...",
      .prose = "Runs a job and waits for its end. MODULE is the path of a job module, or the name of an installed example;\n"
               "what stands behind it are the job's own parameters, which `flott run --help MODULE` tells. Collected results are\n"
               "printed as tables.\n"
               "\n"
               "Exit codes: 0 FINISHED (or accepted, with -d), 1 wrong usage, 2 FAILED, 3 CANCELED, 4 refused or not\n"
               "reachable.",
      .options = cluster_options(),
      .most_operands = 1,
      .hands_on_rest = true,
  };
  spec.least_operands = 1;
  const std::vector<option_spec> own = {
      {.names = "detached,d", .value = "", .prose = "Returns once the job is accepted, and prints its id."},
      {.names = "parallelism,p", .value = "N", .prose = "Subtasks an operator. Default: parallelism.default."},
      {.names = "name", .value = "NAME", .prose = "The job's name. Default: its own."},
      {.names = "jobid", .value = "HEX32", .prose = "The job's id: the same id with the same module and parameters runs once."},
      {.names = "function", .value = "NAME", .prose = "Which of the module's job functions. Default: its only one."},
      {.names = "define,D", .value = "KEY=VALUE", .prose = "Sets an option for this job.", .repeated = true},
      {.names = "embedded", .value = "", .prose = "Runs the job in this process, without a cluster."},
      {.names = "json", .value = "", .prose = "Prints one JSON document, alone, on standard output."},
  };
  spec.options.insert(spec.options.end(), own.begin(), own.end());
  return spec;
}

/// Everything of a run's command line that can be judged without a cluster.
result<run_options> options_of(const parsed_command& line) {
  run_options options;
  options.function = line.text("function");
  options.name = line.text("name");
  FLOTT_ASSIGN(options.parallelism, line.number("parallelism", 0, 1, most_parallelism));
  if (line.has("jobid")) {
    options.job = job_id::parse(line.text("jobid"));
    if (!options.job)
      return user_failure("--jobid", "\"" + line.text("jobid") + "\" is not made of 32 hex digits");
  }
  FLOTT_ASSIGN(options.configuration, key_values(line.all("define")));
  FLOTT_ASSIGN(options.parameters, rest::parse_parameters(line.rest));
  return options;
}

int accepted(const job_id& job, bool as_json, std::string_view name) {
  if (as_json)
    print("{\"jobid\":" + json_text(job.hex()) + ",\"name\":" + json_text(name) +
          ",\"state\":\"INITIALIZING\",\"duration-ms\":0,\"results\":[]}\n");
  else
    print(job.hex() + "\n");
  return ok;
}

int run_on_cluster(const parsed_command& line, const run_options& options, const std::filesystem::path& module) {
  const bool as_json = line.has("json");
  const auto where = cluster_endpoint(line);
  if (!where.ok())
    return line.has("jobmanager") ? misused("run", where.error()) : refusal(where.error());
  auto client = connect_to(*where);
  const auto module_id = client.upload_module(module.string());
  if (!module_id.ok())
    return refusal(module_id.error());
  const auto job = client.run(*module_id, options);
  if (!job.ok())
    return refusal(job.error());
  if (line.has("detached")) {
    const auto outcome = as_json ? client.results(*job) : answer<job_outcome>(0, user_failure("", ""));
    return outcome.ok() && as_json ? (print(outcome_json(*outcome)), static_cast<int>(exit_code::ok))
                                   : accepted(*job, as_json, options.name);
  }
  tell("Job " + job->hex() + " runs on " + where->to_string());
  const auto& interrupted = interrupts();
  const auto outcome = watch_job(client, *job, {.quiet = false, .interrupted = &interrupted});
  if (outcome.ok())
    return show_outcome(*outcome, as_json);
  if (interrupted.load()) {
    tell("The job goes on; to end it: flott cancel -m " + where->to_string() + " " + job->hex());
    return interrupted_by_signal;
  }
  return refusal(outcome.error());
}

int run_embedded(const parsed_command& line, const run_options& options, const std::filesystem::path& module) {
  // What the job prints belongs on standard output, unless that is for one JSON document alone.
  std::optional<stdout_to_stderr> diverted;
  if (line.has("json"))
    diverted.emplace();
  const auto outcome = run_in_this_process(module, options, interrupts());
  diverted.reset();
  return outcome.ok() ? show_outcome(*outcome, line.has("json")) : refusal(outcome.error());
}

/// What the module's job functions say of themselves and of their parameters.
int help_of_module(const std::string& named) {
  const auto file = find_module(named, examples_folder(executable_path()));
  if (!file.ok())
    return refusal(file.error());
  module_loader loader;
  const auto hash = loader.add_file(*file);
  if (!hash.ok())
    return refusal(hash.error());
  const auto module = loader.load(*hash);
  if (!module.ok())
    return refusal(module.error());
  std::string text;
  for (const auto& job : (*module)->jobs()) {
    text += std::string(text.empty() ? "" : "\n") + job.name + ": " + job.description + "\n";
    for (const auto& parameter : std::span{job.parameters, job.parameter_count})
      text += "  --" + std::string(parameter.name) + "  " + parameter.description + "\n";
  }
  print(text);
  return ok;
}

}  // namespace

int run_command(const std::vector<std::string>& arguments) {
  const auto spec = run_spec();
  const auto line = parse(spec, arguments);
  if (!line.ok())
    return misused("run", line.error());
  if (line->wants_help && line->operands.empty()) {
    print(help(spec));
    return ok;
  }
  if (line->wants_help)
    return help_of_module(line->operands.front());
  auto options = options_of(*line);
  if (!options.ok())
    return misused("run", options.error());
  const auto checked = line->has("embedded") ? configuration::load({}, line->all("define"))
                                             : configuration().for_job(options->configuration);
  if (!checked.ok())
    return misused("run", checked.error());
  if (line->has("embedded") && (line->has("detached") || line->has("jobmanager")))
    return misused("run", user_failure("--embedded", "goes with neither -d nor -m"));
  const auto module = find_module(line->operands.front(), examples_folder(executable_path()));
  if (!module.ok())
    return refusal(module.error());
  return line->has("embedded") ? run_embedded(*line, *options, *module) : run_on_cluster(*line, *options, *module);
}

}  // namespace flott::cli
