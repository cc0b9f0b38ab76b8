#include "runtime/module/module_registry.hpp"

#include "runtime/base/env.hpp"
#include "runtime/ha/job_store.hpp"
#include "runtime/module/module_info.hpp"

#include <algorithm>
#include <atomic>
#include <deque>
#include <system_error>

#include <dlfcn.h>
#include <unistd.h>

namespace flott {
namespace {

namespace fs = std::filesystem;

/// A shared object in this process; its code goes with it.
class loaded_module final : public job_module {
 public:
  loaded_module(std::string name, void* handle) : name_(std::move(name)), handle_(handle) {}
  loaded_module(const loaded_module&) = delete;
  loaded_module& operator=(const loaded_module&) = delete;
  ~loaded_module() override { ::dlclose(handle_); }

  result<void> read_table() {
    using table_function = const flott_job_entries* (*)();
    const auto table = reinterpret_cast<table_function>(::dlsym(handle_, "flott_job_table"));
    if (table == nullptr)
      return user_failure(name_, "exports no job functions");
    const flott_job_entries* entries = table();
    if (entries->api_version != job_api_version)
      return user_failure(name_, "was built for version " + std::to_string(entries->api_version) +
                                     " of the job API, this is version " + std::to_string(job_api_version));
    jobs_ = {entries->jobs, entries->count};
    return {};
  }

  const std::string& name() const override { return name_; }
  std::span<const flott_job_entry> jobs() const override { return jobs_; }

 private:
  std::string name_;
  void* handle_;
  std::span<const flott_job_entry> jobs_;
};

result<job_module_ptr> load_file(const fs::path& file) {
  FLOTT_ASSIGN(const module_info info, inspect_module(file));
  const auto instruction_sets = host_instruction_sets();
  FLOTT_TRY(check_compatible(info, host_info(), instruction_sets, file.string()));
  // An absolute path: a name without a slash would be searched for elsewhere.
  std::error_code error;
  const fs::path absolute = fs::absolute(file, error);
  ::dlerror();
  void* handle = ::dlopen(absolute.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* why = ::dlerror();
    return user_failure(file.string(), "cannot be loaded", why == nullptr ? "" : why);
  }
  auto module = std::make_shared<loaded_module>(file.string(), handle);
  FLOTT_TRY(module->read_table());
  return job_module_ptr(std::move(module));
}

bool is_sha256(const std::string& text) {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
}

}  // namespace

result<const flott_job_entry*> job_module::find(const std::string& function) const {
  std::string known;
  for (const flott_job_entry& job : jobs()) {
    if (job.name == function)
      return &job;
    known += (known.empty() ? "" : ", ") + std::string(job.name);
  }
  if (function.empty() && jobs().size() == 1)
    return &jobs().front();
  if (jobs().empty())
    return user_failure(name(), "has no job function");
  return user_failure(name(), function.empty() ? "has several job functions, name one: " + known
                                               : "has no job function '" + function + "'; there are: " + known);
}

module_loader::module_loader(fs::path cache, fetch_function fetch)
    : cache_(std::move(cache)), fetch_(std::move(fetch)) {}

std::shared_ptr<module_loader::slot> module_loader::slot_of(const std::string& sha256) {
  const std::lock_guard lock(mutex_);
  auto& found = slots_[sha256];
  if (!found)
    found = std::make_shared<slot>();
  return found;
}

result<std::string> module_loader::add_file(const fs::path& file) {
  FLOTT_ASSIGN(const module_info info, inspect_module(file));
  const auto instruction_sets = host_instruction_sets();
  FLOTT_TRY(check_compatible(info, host_info(), instruction_sets, file.string()));
  FLOTT_ASSIGN(std::string sha256, sha256_of_file(system_env(), file));
  const auto its = slot_of(sha256);
  const std::lock_guard lock(its->mutex);
  std::error_code error;
  its->file = fs::absolute(file, error);
  return sha256;
}

result<fs::path> module_loader::bring(const std::string& sha256) const {
  const fs::path file = cache_ / (sha256 + ".so");
  std::error_code error;
  if (!cache_.empty() && fs::exists(file, error)) {
    const auto kept = sha256_of_file(system_env(), file);
    if (kept.ok() && *kept == sha256)
      return file;
    fs::remove(file, error);                       // damaged: fetched anew
  }
  if (cache_.empty() || !fetch_)
    return user_failure("module " + sha256, "is not known here");
  fs::create_directories(cache_, error);
  if (error)
    return system_failure(cache_.string(), "the folder for modules cannot be made", error.value());
  static std::atomic<std::uint64_t> fetches{0};    // several processes may share the folder
  const fs::path part = cache_ / (sha256 + "." + std::to_string(::getpid()) + "." + std::to_string(++fetches) + ".part");
  const auto bring_part = [&]() -> result<void> {
    FLOTT_TRY(fetch_(sha256, part));
    FLOTT_ASSIGN(const std::string got, sha256_of_file(system_env(), part));
    if (got != sha256)
      return transient_failure("module " + sha256, "arrived with another content, of hash " + got);
    fs::rename(part, file, error);
    if (error)
      return system_failure(file.string(), "the module cannot be put into its place", error.value());
    return {};
  };
  const auto outcome = bring_part();
  if (!outcome.ok()) {
    fs::remove(part, error);
    return outcome.error();
  }
  return file;
}

result<job_module_ptr> module_loader::load(const std::string& sha256) {
  if (!is_sha256(sha256))
    return user_failure("module '" + sha256 + "'", "is not named by 64 lower-case hex digits");
  const auto its = slot_of(sha256);
  const std::lock_guard lock(its->mutex);
  if (auto module = its->module.lock())
    return module;
  fs::path file = its->file;
  if (file.empty()) {
    FLOTT_ASSIGN(file, bring(sha256));
  }
  FLOTT_ASSIGN(job_module_ptr module, load_file(file));
  its->module = module;
  return module;
}

std::size_t module_loader::loaded() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::ranges::count_if(slots_, [](const auto& entry) { return !entry.second->module.expired(); }));
}

class built_in_modules::module final : public job_module {
 public:
  explicit module(std::string name) : name_(std::move(name)) {}
  module(const module& other) : name_(other.name_) {
    for (const flott_job_entry& job : other.jobs_)
      add(job.name, job.run);
  }
  module& operator=(const module&) = delete;

  void add(const std::string& function_name, job_function function) {
    names_.push_back(function_name);
    jobs_.push_back({names_.back().c_str(), "", function, nullptr, 0});
  }
  const std::string& name() const override { return name_; }
  std::span<const flott_job_entry> jobs() const override { return jobs_; }

 private:
  std::string name_;
  std::deque<std::string> names_;
  std::vector<flott_job_entry> jobs_;
};

void built_in_modules::add(const std::string& sha256, const std::string& function_name, job_function function) {
  const std::lock_guard lock(mutex_);
  auto& its = modules_[sha256];
  // Whoever has loaded the module keeps what it saw.
  its = its ? std::make_shared<module>(*its) : std::make_shared<module>(sha256.empty() ? "this process" : sha256);
  its->add(function_name, function);
}

result<job_module_ptr> built_in_modules::load(const std::string& sha256) {
  const std::lock_guard lock(mutex_);
  const auto found = modules_.find(sha256);
  if (found == modules_.end())
    return user_failure("module '" + sha256 + "'", "is not known here");
  return job_module_ptr(found->second);
}

}  // namespace flott
