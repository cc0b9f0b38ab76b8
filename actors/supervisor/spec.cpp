#include "actors/supervisor/actor.hpp"

#include <set>

namespace flott {

caf::strong_actor_ptr child_ref::get() const {
  const std::lock_guard lock{mutex_};
  return handle_;
}

void child_ref::set(caf::strong_actor_ptr handle) {
  const std::lock_guard lock{mutex_};
  handle_.swap(handle);                            // the old one is released after the lock
}

child_spec subtree(supervisor_spec spec, supervision::restart_policy restart) {
  child_spec child;
  child.id = spec.name;
  child.kind = supervision::child_kind::supervisor;
  child.restart = restart;
  child.ready = ready_when::confirmed;
  child.tree = std::make_shared<const supervisor_spec>(std::move(spec));
  return child;
}

supervision::child_options to_options(const child_spec& spec) {
  supervision::child_options options;
  options.id = spec.id;
  options.kind = spec.kind;
  options.restart = spec.restart;
  options.shutdown = spec.shutdown;
  options.restart_backoff = spec.restart_backoff;
  options.significant = spec.significant;
  options.retry_first_start = spec.retry_first_start;
  options.start_limit = spec.start_limit;
  return options;
}

supervision::child_options to_options(const child_spec& spec, const supervisor_spec& under) {
  auto options = to_options(spec);
  if (!options.shutdown && options.kind == supervision::child_kind::worker)
    options.shutdown = under.child_shutdown;
  return options;
}

supervision::supervisor_options to_options(const supervisor_spec& spec) {
  supervision::supervisor_options options;
  options.strategy = spec.strategy;
  options.intensity = spec.intensity;
  options.auto_shutdown = spec.auto_shutdown;
  options.stopping = spec.stopping;
  options.kill_grace = spec.kill_grace;
  return options;
}

result<void> validate(const child_spec& spec) {
  FLOTT_TRY(supervision::validate(to_options(spec)));
  if (!spec.start && !spec.tree)
    return user_failure("child spec '" + spec.id + "'", "start is missing");
  if (spec.mailbox.bytes > 0 && !spec.mailbox.size_of)
    return user_failure("child spec '" + spec.id + "'", "mailbox.bytes needs mailbox.size_of");
  if (spec.tree) {
    if (auto below = validate(*spec.tree); !below)
      return user_failure(spec.id + "/" + below.error().where, below.error().message);
  }
  return {};
}

result<void> validate(const supervisor_spec& spec) {
  if (spec.name.empty() || spec.name.find('/') != std::string::npos)
    return user_failure("supervisor spec", "name must not be empty nor contain '/'");
  if (spec.release_limit.count() <= 0)
    return user_failure("supervisor spec", "release_limit must be more than 0 ms");
  std::vector<supervision::child_options> children;
  for (const auto& child : spec.children)
    children.push_back(to_options(child, spec));
  FLOTT_TRY(supervision::validate(to_options(spec), children));
  std::set<const child_ref*> refs;
  for (const auto& child : spec.children) {
    FLOTT_TRY(validate(child));
    if (child.ref && spec.strategy == supervision::strategy::pool)
      return user_failure("child spec '" + child.id + "'", "ref names one child, and a pool has many");
    if (child.ref && !refs.insert(child.ref.get()).second)
      return user_failure("child spec '" + child.id + "'", "ref is another child's already");
  }
  return {};
}

}  // namespace flott
