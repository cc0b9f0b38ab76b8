#pragma once

#include "actors/job_manager.hpp"

/// What the files of the JOB MANAGER share.
namespace flott::job_manager_parts {

using self_ptr = job_manager_actor::stateful_pointer<job_manager_state>;

template <class Message>
[[nodiscard]] Message stamped(const job_manager_state& state) {
  Message message;
  message.mutable_header()->set_incarnation(state.config.self.incarnation());
  message.mutable_header()->set_epoch(state.life->epoch());
  return message;
}

[[nodiscard]] instant now_of(self_ptr self);
/// Does what the job's life has decided.
void carry_out(self_ptr self, const job_actions& actions);
/// Makes sure that a tick comes within `delay`.
void wake_within(self_ptr self, std::chrono::nanoseconds delay);
/// Tells the first fact that has not been acknowledged, if there is somebody to tell it to.
void tell_facts(self_ptr self);

/// Calls `then` with the TaskManager's handle, dialing it first if need be; with an unset one when it is not reached.
void with_peer(self_ptr self, const std::string& id, const msg::Address& rpc,
               std::function<void(const task_manager_actor&)> then);
/// Learns why a TaskManager was lost, as soon as somebody knows: a crash of this job's own code counts against it.
void ask_for_cause(self_ptr self, const std::string& id, const std::string& incarnation);
/// A closed connection: dead if nobody listens there any more. Otherwise only the wire broke: dial once more, and
/// silence decides.
void on_down(self_ptr self, const caf::down_msg& down);
/// Tells the job's TaskManagers that it lives, and finds those that have been silent too long.
void beat(self_ptr self);

}  // namespace flott::job_manager_parts
