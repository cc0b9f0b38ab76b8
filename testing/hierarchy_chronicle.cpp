#include "testing/hierarchy_chronicle.hpp"

#include "testing/faults.hpp"

#include <algorithm>

namespace flott::testing::hierarchy_parts {
namespace {

std::string name_of(const life& x) { return x.of->path + "#" + std::to_string(x.incarnation); }

/// Calls `visit` with every life at `top` and below.
template <class Visit>
void for_each_life(const member& top, const Visit& visit) {
  if (top.latest)
    visit(*top.latest);
  for (const auto& [id, child] : top.below)
    for_each_life(*child, visit);
}

/// Its supervisor was killed, and whoever starts that again waits for its end.
bool below_a_dead_one(const member& of) {
  for (const auto* above = of.parent; above != nullptr; above = above->parent)
    if (above->ref && above->ref->get() == nullptr)
      return true;
  return false;
}

}  // namespace

std::uint64_t chronicle::note(std::string what) {
  log.push_back(std::move(what));
  return log.size();
}

void chronicle::fail(std::string what) {
  note("!! " + what);
  failures.push_back(std::to_string(log.size()) + ": " + what);
}

member& chronicle::at(const std::string& path) {
  const auto [found, fresh] = members_.try_emplace(path);
  auto& there = found->second;
  if (fresh) {
    there.path = path;
    if (const auto slash = path.rfind('/'); slash != 0) {
      there.parent = &at(path.substr(0, slash));
      there.parent->below.emplace(path.substr(slash + 1), &there);
    }
  }
  return there;
}

// --- lives ---------------------------------------------------------------------------------------------------------

child_factory chronicle::watch(child_factory start) {
  return [this, start = std::move(start)](const child_context& context) -> start_outcome {
    const auto one = begins(context);
    intercept_too(*context.vitals, [this, one](const caf::type_erased_tuple* message) { handles(*one, message); });
    try {
      auto outcome = start(context);
      if (!outcome) {
        ends(*one, "did not start");
      } else if (const auto& handle = outcome.value().handle; !handle) {
        ends(*one, "declined");
      } else {
        one->handle = caf::actor_cast<caf::weak_actor_ptr>(handle);
        dynamic_cast<caf::monitorable_actor&>(*caf::actor_cast<caf::abstract_actor*>(handle))
          .attach_functor([this, one](const caf::error& why) { ends(*one, describe(why)); });
      }
      return outcome;
    } catch (...) {
      ends(*one, "threw at its start");
      throw;
    }
  };
}

life_ptr chronicle::begins(const child_context& context) {
  auto& there = at(context.path);
  auto one = std::make_shared<life>();
  one->of = &there;
  one->incarnation = context.incarnation;
  one->ledger = context.ledger;
  ++lives;
  one->began = note("+ " + name_of(*one));
  if (const auto& before = there.latest) {
    if (before->counts())
      fail(name_of(*one) + " begins while " + name_of(*before) + " lives");
    if (before->ledger->size() > 0)
      fail(name_of(*one) + " begins while " + name_of(*before) + " still holds " + before->ledger->entries().front());
  }
  check_groups(there);
  there.latest = one;
  return one;
}

void chronicle::ends(life& of, const std::string& how) {
  of.ended = note("- " + name_of(of) + ": " + how);
  if (of.of->latest.get() == &of && of.abandoned == 0)
    of.of->last_end = of.ended;
}

void chronicle::handles(const life& by, const caf::type_erased_tuple* message) {
  if (by.ended > 0)
    fail(name_of(by) + " handles something after its end");
  if (message == nullptr || !message->match_elements<word>())
    return;
  const auto& said = *static_cast<const word*>(message->get(0));
  if (by.abandoned > 0 && said.sent > by.abandoned)
    fail(name_of(by) + " handles what was sent to it after it was abandoned");
  if (said.from && said.from->abandoned > 0 && said.sent > said.from->abandoned)
    fail(name_of(by) + " handles what " + name_of(*said.from) + " sent after it was abandoned");
}

// --- groups --------------------------------------------------------------------------------------------------------

/// Of each group above: the first start of a member since its last end finds nobody alive who had to end with it.
void chronicle::check_groups(member& starting) {
  for (auto* one = &starting; one->parent != nullptr; one = one->parent)
    check_group(*one->parent, *one);
}

void chronicle::check_group(const member& group, member& starting) {
  if (starting.last_end == 0 || starting.checked_end == starting.last_end)
    return;
  starting.checked_end = starting.last_end;
  if (std::exchange(starting.manual, false) || group.spec == nullptr || group.between || group.spec_changed >= starting.last_end)
    return;
  const auto how = group.spec->strategy;
  if (how != supervision::strategy::one_for_all && how != supervision::strategy::rest_for_one)
    return;
  for (const auto& [id, sibling] : group.below)
    if (sibling != &starting && (how == supervision::strategy::one_for_all || sibling->order > starting.order))
      for_each_life(*sibling, [&](const life& other) {
        if (other.counts() && other.began < starting.last_end)
          fail(starting.path + " starts again while " + name_of(other) + " of its group still lives");
      });
}

void chronicle::check_ended(const member& supervisor) {
  for_each_life(supervisor, [&](const life& one) {
    if (one.counts())
      fail(supervisor.path + " has ended and " + name_of(one) + " lives");
    else if (one.ledger->size() > 0)
      fail(supervisor.path + " has ended and " + name_of(one) + " holds " + one.ledger->entries().front());
  });
}

void chronicle::begin_anew(member& supervisor) {
  supervisor.incidents.clear();
  supervisor.between = false;
  if (supervisor.original)
    *supervisor.spec = *supervisor.original;
  for (const auto& [id, child] : supervisor.below) {
    child->last_end = 0;
    child->order = child->first_order;
    child->manual = false;
    begin_anew(*child);
  }
}

// --- what supervisors report -----------------------------------------------------------------------------------------

void chronicle::on_event(const supervision_event& event) {
  using supervision::report_kind;
  auto& supervisor = at(event.supervisor);
  note("  " + event.supervisor + ": " + to_string(event.kind) + " " + event.child + "#" + std::to_string(event.incarnation) +
       (event.cause ? std::string(" by ") + supervision::to_string(*event.cause) : std::string()) +
       (event.text.empty() ? "" : ": " + event.text));
  if (event.kind == report_kind::supervisor_ended) {
    check_ended(supervisor);
    return;
  }
  if (event.child.empty() || event.kind == report_kind::restart_limit || event.kind == report_kind::auto_shutdown)
    return;
  auto& child = at(event.supervisor + "/" + event.child);
  switch (event.kind) {
    case report_kind::child_abandoned:
      ++abandoned;
      if (child.latest && child.latest->ended == 0 && child.latest->incarnation == event.incarnation) {
        if (!child.latest->was_stuck && !stuck_(*child.latest))
          fail(name_of(*child.latest) + " is given up and would have ended");
        child.latest->abandoned = child.last_end = log.size();
        given_up.push_back(child.latest);
      }
      [[fallthrough]];
    case report_kind::child_exited:
    case report_kind::child_stopped:
    case report_kind::child_start_failed:
      child.failed_at = now_();
      if (child.supervisor) {
        check_ended(child);                        // also one that was killed
        begin_anew(child);
        child.last_end = log.size();
      }
      break;
    case report_kind::child_restarted:
      ++restarts;
      if (event.cause != supervision::restart_cause::group)
        count_incident(supervisor, child);
      break;
    default: break;
  }
}

void chronicle::count_incident(member& supervisor, const member& child) {
  if (supervisor.spec == nullptr)
    return;
  const auto& allowed = supervisor.spec->intensity;
  auto& all = supervisor.incidents;
  all.insert(std::upper_bound(all.begin(), all.end(), child.failed_at), child.failed_at);
  const auto first = std::lower_bound(all.begin(), all.end(), child.failed_at - allowed.period);
  const auto last = std::upper_bound(all.begin(), all.end(), child.failed_at);
  if (static_cast<std::size_t>(last - first) > allowed.restarts)
    fail(supervisor.path + " restarts more than " + std::to_string(allowed.restarts) + " times within " +
         std::to_string(allowed.period.count()) + " ms");
}

// --- what supervisors show ---------------------------------------------------------------------------------------------

void chronicle::compare(const supervision::tree_node& shown) {
  std::size_t living = 0, should = 0;
  compare_below(shown, living);
  for (const auto& [path, one] : members_)
    should += one.latest && one.latest->counts() && !below_a_dead_one(one);
  if (living != should)
    fail("the tree shows " + std::to_string(living) + " living leaves, " + std::to_string(should) + " live");
}

void chronicle::compare_below(const supervision::tree_node& shown, std::size_t& living) {
  using supervision::child_state;
  if (shown.unanswered)
    fail(shown.path + " did not answer");
  const bool alive = shown.state == child_state::running || shown.state == child_state::starting ||
                     shown.state == child_state::stopping;
  if (shown.kind == supervision::child_kind::supervisor) {
    for (const auto& child : shown.children)
      compare_below(*child, living);
    return;
  }
  const auto there = members_.find(shown.path);
  const bool lives_there = there != members_.end() && there->second.latest && there->second.latest->counts();
  living += alive;
  if (alive && !lives_there)
    fail("the tree shows " + shown.path + " as " + supervision::to_string(shown.state) + ", and nobody lives there");
  else if (alive && there->second.latest->incarnation != shown.incarnation)
    fail("the tree shows life " + std::to_string(shown.incarnation) + " of " + shown.path + ", and it is " +
         std::to_string(there->second.latest->incarnation));
  else if (!alive && lives_there)
    fail("the tree shows " + shown.path + " as " + supervision::to_string(shown.state) + ", and it lives");
}

}  // namespace flott::testing::hierarchy_parts
