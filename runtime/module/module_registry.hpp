#pragma once

#include "runtime/api/job.hpp"
#include "runtime/base/result.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace flott {

/// A module's job functions. Whoever holds it may call them; with the last holder the module's code goes.
class job_module {
 public:
  virtual ~job_module() = default;
  /// Names the module in messages: its file, or what it was registered as.
  [[nodiscard]] virtual const std::string& name() const = 0;
  [[nodiscard]] virtual std::span<const flott_job_entry> jobs() const = 0;

  /// The function of this name; with an empty name, the module's only one. Error: user, names those there are.
  [[nodiscard]] result<const flott_job_entry*> find(const std::string& function) const;
};

using job_module_ptr = std::shared_ptr<const job_module>;

/// Where a job's module comes from, by the SHA-256 of its content. Threads: any.
class module_registry {
 public:
  virtual ~module_registry() = default;
  /// May block. `sha256`: 64 lower-case hex digits, or empty for the process's own jobs.
  virtual result<job_module_ptr> load(const std::string& sha256) = 0;
};

/// Loads modules from files, each once however many jobs use it, and unloads one when its last holder lets go.
///
/// A module not yet in the cache folder is fetched into it; its content must have the hash it was asked by. Nothing is
/// loaded that `check_compatible` refuses.
class module_loader final : public module_registry {
 public:
  /// Brings the content of a hash into the file `to`, which is not there yet.
  using fetch_function = std::function<result<void>(const std::string& sha256, const std::filesystem::path& to)>;

  /// `cache` is made on first use. With an empty `fetch`, only what was added or is in the cache can be loaded.
  explicit module_loader(std::filesystem::path cache = {}, fetch_function fetch = {});

  /// Makes a file of this machine known by its hash, which is returned, after it was inspected. The file is loaded
  /// where it lies, and must not change.
  result<std::string> add_file(const std::filesystem::path& file);
  result<job_module_ptr> load(const std::string& sha256) override;

  /// Modules that are loaded at the moment.
  [[nodiscard]] std::size_t loaded() const;

 private:
  struct slot {
    std::mutex mutex;                      ///< held while this hash is fetched and loaded
    std::filesystem::path file;            ///< of add_file
    std::weak_ptr<const job_module> module;
  };
  [[nodiscard]] std::shared_ptr<slot> slot_of(const std::string& sha256);
  result<std::filesystem::path> bring(const std::string& sha256) const;

  std::filesystem::path cache_;
  fetch_function fetch_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<slot>> slots_;
};

/// The deterministic twin: job functions of this process, under any name in place of a hash.
class built_in_modules final : public module_registry {
 public:
  /// `function` must outlive all jobs; several may share one `sha256`.
  void add(const std::string& sha256, const std::string& function_name, job_function function);
  result<job_module_ptr> load(const std::string& sha256) override;

 private:
  class module;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<module>> modules_;
};

}  // namespace flott
