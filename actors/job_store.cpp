#include "actors/job_store.hpp"

#include "actors/exit_reason.hpp"
#include "runtime/base/log.hpp"

namespace flott {

job_store_actor::behavior_type job_store_keeper(job_store_actor::pointer self, std::shared_ptr<job_store> store) {
  keep_exception_text(self);
  return {
    [store](atom::put, const stored_job_ptr& job) {
      msg::DispatcherReply reply;
      if (auto done = store->put(*job); !done)
        to_proto(done.error(), *reply.mutable_failure());
      return reply;
    },
    [store](atom::forget, const std::string& job) {
      if (auto done = store->remove(job); !done)
        log::warn("an old job can't be removed from the store", {{"job", job}, {"why", done.error().to_string()}});
    },
  };
}

}  // namespace flott
