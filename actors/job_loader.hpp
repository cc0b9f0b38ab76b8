#pragma once

/// JOB LOADER turns a job's spec into a compiled job.
///
/// Lives  one per request, on a thread of its own wherever there are threads: it fetches the module and runs the user's
///        job function, and both may take their time. Ends with its answer.

#include "actors/interfaces.hpp"

#include <functional>

namespace flott {

/// Blocks; user code runs inside. Must not throw.
using job_compiler = std::function<result<compiled_job_ptr>(const msg::JobSpec&, const msg::Address& blobs)>;

job_loader_actor::behavior_type job_loader(job_loader_actor::pointer self, job_compiler compile);

}  // namespace flott
