#pragma once

#include "runtime/api/job.hpp"
#include "runtime/api/job_builder.hpp"
#include "runtime/api/parameters.hpp"
#include "runtime/graph/logical_graph.hpp"

#include <string>
#include <utility>
#include <vector>

namespace flott {

/// How a job is asked for.
struct job_request {
  std::string name{};                   ///< empty: the job's own, else the function's
  std::vector<std::pair<std::string, std::string>> parameters{};
  bool force_batch = false, force_streaming = false;   ///< execution.runtime-mode
};

/// Runs a job function and gives the graph of what it built. Errors (permanent, user): a missing, malformed or
/// unknown parameter; whatever the function throws; what `build_graph` of a plan refuses.
result<logical_graph> build_graph(const flott_job_entry& job, const job_request& request);

/// The graph of a plan: resolves the mode (all sources bounded: batch), puts combiners before shuffles in batch mode,
/// and refuses operators that wait for an end which never comes.
result<logical_graph> build_graph(const job_builder& job, const job_request& request);

}  // namespace flott
