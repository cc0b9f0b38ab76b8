#pragma once

#include "client/rest_client.hpp"

#include <atomic>
#include <chrono>

namespace flott::cli {

struct watch_options {
  bool quiet = false;
  /// How long a cluster that does not answer is asked again: a dispatcher may be about to come back.
  std::chrono::milliseconds patience = std::chrono::seconds(60);
  const std::atomic<bool>* interrupted = nullptr;   ///< set by a signal: look no longer
};

/// Follows a job until it has ended. Failures: the cluster does not know it, or did not answer for `patience`; a
/// transient one "interrupted" if that was set.
[[nodiscard]] result<job_outcome> watch_job(rest_client& client, const job_id& job, const watch_options& options);

/// From now on SIGINT sets this flag; a second one ends the process.
[[nodiscard]] const std::atomic<bool>& interrupts();

/// What `flott run --json` prints: jobid, name, state, duration-ms, results, and failure where there is one.
[[nodiscard]] std::string outcome_json(const job_outcome& outcome);
/// Prints the outcome (JSON or tables on standard output, a sentence on standard error); gives the exit code.
int show_outcome(const job_outcome& outcome, bool as_json);

}  // namespace flott::cli
