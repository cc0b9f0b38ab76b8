#include "actors/job_loader.hpp"

#include "actors/exit_reason.hpp"
#include "runtime/resources/crash_report.hpp"

namespace flott {

job_loader_actor::behavior_type job_loader(job_loader_actor::pointer self, job_compiler compile) {
  keep_exception_text(self);
  return {
    [self, compile](atom::load, const msg::JobSpec& spec, const msg::Address& blobs) -> load_outcome_ptr {
      const alternate_signal_stack stack;
      task_context context{spec.job_id(), {}, 0, 0};
      context.operator_name = "job function";
      const task_context_scope scope{context};
      auto compiled = compile(spec, blobs);
      self->quit();
      auto outcome = std::make_shared<load_outcome>();
      if (compiled)
        outcome->job = std::move(compiled).value();
      else
        outcome->error = std::move(compiled).error();
      return outcome;
    },
  };
}

}  // namespace flott
