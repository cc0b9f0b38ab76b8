#include "runtime/module/plan.hpp"

#include "runtime/api/build_graph.hpp"
#include "runtime/config/options.hpp"

namespace flott {
namespace {

template <class Pairs>
std::vector<std::pair<std::string, std::string>> pairs_of(const Pairs& from) {
  std::vector<std::pair<std::string, std::string>> to;
  for (const msg::KeyValue& entry : from)
    to.emplace_back(entry.key(), entry.value());
  return to;
}

}  // namespace

result<std::shared_ptr<compiled_job>> plan_job(const msg::JobSpec& spec, module_registry& modules,
                                               const configuration& cluster) {
  FLOTT_ASSIGN(const configuration config, cluster.for_job(pairs_of(spec.configuration())));
  // Declared first, so that it goes last: what the function built points into the module.
  FLOTT_ASSIGN(const job_module_ptr module, modules.load(spec.module_sha256()));
  FLOTT_ASSIGN(const flott_job_entry* const job, module->find(spec.function()));

  job_request request;
  request.name = spec.name();
  request.parameters = pairs_of(spec.parameters());
  const auto mode = config.get(options::execution_runtime_mode);
  request.force_batch = mode == runtime_mode_setting::batch;
  request.force_streaming = mode == runtime_mode_setting::streaming;
  FLOTT_ASSIGN(logical_graph graph, build_graph(*job, request));

  compile_options how;
  how.parallelism = spec.parallelism() != 0 ? spec.parallelism()
                                            : static_cast<std::uint32_t>(config.get(options::parallelism_default));
  how.max_parallelism = static_cast<std::uint32_t>(config.get(options::max_parallelism));
  FLOTT_ASSIGN(std::shared_ptr<compiled_job> compiled, compile(std::move(graph), how));
  compiled->module = module;
  return compiled;
}

}  // namespace flott
