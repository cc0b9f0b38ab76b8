#include "actors/committer.hpp"

#include "actors/exit_reason.hpp"
#include "runtime/base/log.hpp"
#include "runtime/connectors/file_committer.hpp"

namespace flott {
namespace {

void tell_of(const result<void>& removal) {
  if (!removal)
    log::warn("files written aside can't be removed", {{"why", removal.error().to_string()}});
}

}  // namespace

committer_actor::behavior_type committer(committer_actor::pointer self) {
  keep_exception_text(self);
  return {
    [](atom::put, const committables_ptr& files) -> caf::result<bool> {
      if (const auto done = file_committer::publish(*files); !done)
        return to_error(done.error());
      return true;
    },
    [](atom::forget, const committables_ptr& files) { tell_of(file_committer::abort(*files)); },
    [](atom::forget, const std::string& folder, const std::string& job, std::uint64_t epoch) {
      if (const auto owner = job_id::parse(job))
        tell_of(file_committer::abort(folder, *owner, epoch));
    },
    [](atom::flush) { return true; },
  };
}

}  // namespace flott
