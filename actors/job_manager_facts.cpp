// What the dispatcher must not miss of a job, told again and again until each fact is acknowledged.

#include "actors/job_manager_parts.hpp"
#include "runtime/base/log.hpp"

namespace flott::job_manager_parts {
namespace {

constexpr std::chrono::milliseconds fact_retry{200};

void fact_acknowledged(self_ptr self, const job_manager_state::fact& told, const msg::DispatcherReply& reply) {
  auto& state = self->state;
  state.telling = false;
  if (reply.has_failure()) {
    const auto refused = from_proto(reply.failure());
    if (refused.cls == failure_class::permanent) {    // another epoch has the job, or nobody knows it any more
      log::warn("the dispatcher refuses a fact; the job is dropped here", {{"job", state.life->job_id()},
                                                                           {"why", refused.to_string()}});
      state.facts.clear();
      carry_out(self, state.life->suspend(now_of(self)));
      if (state.life->ended()) {
        state.ended = true;
        self->quit();
      }
      return;
    }
    wake_within(self, fact_retry);
    return;
  }
  state.facts.erase(state.facts.begin());
  if (std::holds_alternative<msg::JobPlanned>(told)) {
    carry_out(self, state.life->graph_persisted(now_of(self)));
  } else if (std::holds_alternative<msg::CommitDecided>(told)) {
    carry_out(self, state.life->commit_persisted(now_of(self)));
  } else {
    state.ended = true;
    self->quit();
    return;
  }
  tell_facts(self);
}

}  // namespace

/// Tells the first fact that has not been acknowledged, if there is somebody to tell it to.
void tell_facts(self_ptr self) {
  auto& state = self->state;
  if (state.facts.empty() || state.telling || !state.dispatcher)
    return;
  state.telling = true;
  const auto generation = state.link_generation;
  std::visit(
    [&](const auto& fact) {
      self->request(state.dispatcher, state.config.rpc_timeout, fact)
        .then(
          [self, generation, told = state.facts.front()](const msg::DispatcherReply& reply) {
            if (generation == self->state.link_generation)
              fact_acknowledged(self, told, reply);
          },
          [self, generation](const caf::error&) {
            if (generation != self->state.link_generation)
              return;
            self->state.telling = false;
            wake_within(self, fact_retry);
          });
    },
    state.facts.front());
}

}  // namespace flott::job_manager_parts
