#pragma once

#include "runtime/module/note.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace flott {
class job_builder;
class parameters;

/// What a job function is: describes the job, does no I/O, and builds the same graph for the same parameters
/// wherever it runs.
using job_function = void (*)(job_builder& job, const parameters& params);

/// A parameter as `flott run --help MODULE` shows it.
struct parameter_doc {
  const char* name = nullptr;
  const char* description = nullptr;
};

/// The version of the table and of everything that job modules and the runtime share.
inline constexpr std::uint32_t job_api_version = FLOTT_API_VERSION;
}  // namespace flott

extern "C" {
/// One job function of a module.
struct flott_job_entry {
  const char* name;
  const char* description;
  flott::job_function run;
  const flott::parameter_doc* parameters;
  std::size_t parameter_count;
};

/// All of them; valid while the module is loaded.
struct flott_job_entries {
  std::uint32_t api_version;
  std::uint32_t count;
  const flott_job_entry* jobs;
};

}

namespace flott::detail {

struct job_registry {
  std::vector<flott_job_entry> jobs;
  std::vector<std::vector<parameter_doc>> documentation;   ///< moving a vector keeps its elements where they are
  flott_job_entries table{};
};

/// This module's own: hidden, so that no two modules share one.
__attribute__((visibility("hidden"))) inline job_registry& registry() {
  static job_registry all;
  return all;
}

}  // namespace flott::detail

/// The one symbol that a module exports. Defined by every translation unit that has a job; the linker keeps one.
extern "C" __attribute__((visibility("default"))) inline const flott_job_entries* flott_job_table() {
  auto& all = flott::detail::registry();
  all.table = {flott::job_api_version, static_cast<std::uint32_t>(all.jobs.size()), all.jobs.data()};
  return &all.table;
}

namespace flott::detail {

struct __attribute__((visibility("hidden"))) job_registration {
  /// Takes the table's function so that it is there wherever a job is.
  job_registration(const flott_job_entries* (*)(), const char* name, const char* description, job_function run,
                   std::vector<parameter_doc> parameters) {
    job_registry& all = registry();
    all.documentation.push_back(std::move(parameters));
    const auto& docs = all.documentation.back();
    all.jobs.push_back({name, description, run, docs.data(), docs.size()});
  }
};

}  // namespace flott::detail

/// Makes a function of this module a job that can be run by its name:
///
///     FLOTT_JOB(word_count, "Counts words", {"input", "files, as a glob"}, {"output", "folder for counts.csv"})
#define FLOTT_JOB(function, description, ...)                                                            \
  FLOTT_NOTE_JOB(#function);                                                                             \
  [[maybe_unused]] static const ::flott::detail::job_registration flott_job_registration_##function{     \
      &flott_job_table, #function, description, &function, ::std::vector<::flott::parameter_doc>{__VA_ARGS__}};
