#include "actors/node/compile_job.hpp"

#include "runtime/config/options.hpp"
#include "runtime/http/client.hpp"
#include "runtime/module/plan.hpp"

#include <algorithm>
#include <mutex>

namespace flott {
namespace {

/// Where blobs are to be had; the newest dispatcher that was named counts.
struct blob_source {
  std::mutex mutex;
  msg::Address address;
};

result<void> fetch(blob_source& source, const std::string& sha256, const std::filesystem::path& to) {
  http::client_config config;
  {
    const std::lock_guard lock{source.mutex};
    config.host = source.address.host();
    config.port = static_cast<std::uint16_t>(source.address.port());
  }
  http::client client{config};
  FLOTT_ASSIGN(const auto reply, client.download("/flott/v1/blobs/" + sha256, to.string()));
  if (reply.status != 200)
    return transient_failure("module " + sha256, "the dispatcher answered " + std::to_string(reply.status));
  return {};
}

}  // namespace

job_compiler local_compiler(const configuration& config, std::shared_ptr<module_registry> modules) {
  return [config, modules](const msg::JobSpec& spec, const msg::Address&) -> result<compiled_job_ptr> {
    FLOTT_ASSIGN(auto job, plan_job(spec, *modules, config));
    return compiled_job_ptr{std::move(job)};
  };
}

job_compiler fetching_compiler(const configuration& config, std::filesystem::path cache) {
  auto source = std::make_shared<blob_source>();
  auto modules = std::make_shared<module_loader>(
    std::move(cache), [source](const std::string& sha256, const std::filesystem::path& to) {
      return fetch(*source, sha256, to);
    });
  return [config, modules, source](const msg::JobSpec& spec, const msg::Address& blobs) -> result<compiled_job_ptr> {
    {
      const std::lock_guard lock{source->mutex};
      source->address = blobs;
    }
    FLOTT_ASSIGN(auto job, plan_job(spec, *modules, config));
    return compiled_job_ptr{std::move(job)};
  };
}

result<std::string> choose_function(const std::vector<std::string>& functions, const std::string& wanted) {
  if (wanted.empty() && functions.size() == 1)
    return functions.front();
  std::string names;
  for (const auto& name : functions)
    names += (names.empty() ? "" : ", ") + name;
  if (wanted.empty())
    return user_failure("entryClass", "the module has several job functions, name one of: " + names);
  if (std::find(functions.begin(), functions.end(), wanted) == functions.end())
    return user_failure("entryClass", "the module has no job function `" + wanted + "`, only: " + names);
  return wanted;
}

}  // namespace flott
