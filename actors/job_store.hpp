#pragma once

/// JOB STORE does the DISPATCHER's disk work, in the order it is told.
///
/// Lives  one per dispatcher process, on a thread of its own since it blocks; child of the process's supervisor.
/// Hears  put and forget from the DISPATCHER.
/// Keeps  what `runtime/ha`'s job_store keeps.

#include "actors/interfaces.hpp"
#include "runtime/ha/job_store.hpp"

#include <memory>

namespace flott {

job_store_actor::behavior_type job_store_keeper(job_store_actor::pointer self, std::shared_ptr<job_store> store);

}  // namespace flott
