#pragma once

#include "actors/job_manager.hpp"

/// What the files of the JOB MANAGER share.
namespace flott::job_manager_parts {

using self_ptr = job_manager_actor::stateful_pointer<job_manager_state>;

[[nodiscard]] instant now_of(self_ptr self);
/// Does what the job's life has decided.
void carry_out(self_ptr self, const job_actions& actions);
/// Makes sure that a tick comes within `delay`.
void wake_within(self_ptr self, std::chrono::nanoseconds delay);
/// Tells the first fact that has not been acknowledged, if there is somebody to tell it to.
void tell_facts(self_ptr self);

}  // namespace flott::job_manager_parts
