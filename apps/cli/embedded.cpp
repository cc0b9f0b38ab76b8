#include "apps/cli/embedded.hpp"

#include "actors/local_cluster.hpp"
#include "apps/caf_node_id.hpp"
#include "apps/cli/console.hpp"
#include "apps/cli/progress.hpp"
#include "runtime/base/log.hpp"
#include "runtime/config/options.hpp"
#include "runtime/resources/crash_report.hpp"

#include <algorithm>
#include <thread>

namespace flott::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto look_pause = 100ms;

std::vector<std::string> settings_of(const run_options& options) {
  std::vector<std::string> settings;
  for (const auto& [key, value] : options.configuration)
    settings.push_back(key + "=" + value);
  return settings;
}

}  // namespace

result<job_outcome> run_in_this_process(const std::filesystem::path& module, const run_options& options,
                                        const std::atomic<bool>& interrupted) {
  install_crash_handler({.file = {}, .exit_code = job_failed});
  auto& environment = system_env();
  local_cluster_options wanted;
  FLOTT_ASSIGN(wanted.config, configuration::load({}, settings_of(options)));
  log::log_config quiet;    // people look for their result here; what a cluster reports is asked for by log.level
  quiet.threshold = wanted.config.is_set(options::logging_level)
                        ? static_cast<log::level>(wanted.config.get(options::logging_level))
                        : log::level::error;
  FLOTT_TRY(log::configure(quiet));
  const auto parallelism =
      options.parallelism > 0 ? options.parallelism
                              : static_cast<std::uint32_t>(wanted.config.get(options::parallelism_default));
  wanted.slots = std::max(parallelism, std::thread::hardware_concurrency());
  FLOTT_ASSIGN(const auto cluster, [&] {
    const unique_caf_node_id scope;
    return local_cluster::start(std::move(wanted), environment);
  }());
  FLOTT_ASSIGN(const auto job, cluster->submit({.module = module, .function = options.function, .name = options.name,
                                                .parameters = options.parameters, .configuration = {},
                                                .parallelism = options.parallelism, .job = options.job}));
  progress shown(false);
  bool cancelled = false;
  while (true) {
    FLOTT_ASSIGN(const auto state, cluster->wait(job, look_pause));
    auto outcome = outcome_of(state.snapshot, state.collected, environment.now_unix_ms());
    if (outcome.ended())
      return outcome;
    shown.show(info_of(state.snapshot, environment.now_unix_ms()));
    if (interrupted.load() && !cancelled) {
      cancelled = true;
      if (const auto asked = cluster->cancel(job); !asked.ok())
        log::warn("the job could not be cancelled", {{"why", asked.error().to_string()}});   // it may just have ended
    }
  }
}

}  // namespace flott::cli
