// Those whom a nested supervisor leaves that ends out of order: waited for as if they were its own end.
#include "actors/supervisor/state.hpp"

namespace flott::supervisor_parts {
namespace {

void take_in(self_ptr self, mourning& of, std::vector<orphanage::orphan> left) {
  for (auto& each : left) {
    if (each.ledger)
      of.ledgers.push_back(each.ledger);
    if (each.life) {
      self->monitor(caf::actor_cast<caf::actor>(each.life));
      of.waiting.emplace(caf::actor_cast<caf::actor_addr>(each.life), std::move(each));
    }
  }
}

void bury(self_ptr self, std::uint64_t number) {
  auto done = std::move(self->state.mournings.extract(number).mapped());
  done.then(std::move(done.ledgers));
}

/// As its own supervisor would have.
void tell_abandoned(self_ptr self, const orphanage::orphan& who) {
  const auto& scope = *self->state.config.scope;
  if (!who.vitals)
    return;
  const auto& path = who.vitals->path();
  supervision_event event;
  event.kind = supervision::report_kind::child_abandoned;
  event.supervisor = path.substr(0, path.rfind('/'));
  event.supervisor_class = who.supervisor_class;
  event.child = path.substr(path.rfind('/') + 1);
  event.child_class = who.child_class;
  event.incarnation = who.incarnation;
  event.text = "did not end when its supervisor did";
  if (const auto handling = who.vitals->handling(); !handling.empty())
    event.text += ", in " + handling;
  if (scope.observer)
    scope.observer->on_event(event);
  weigh_abandoned(scope, event, who.if_abandoned);
}

}  // namespace

void await_orphans(self_ptr self, child_key key, std::vector<orphanage::orphan> left,
                   std::function<void(std::vector<std::shared_ptr<supervision::ledger>>)> then) {
  auto& state = self->state;
  const auto number = ++state.last_closing;
  auto& of = state.mournings[number];
  of.key = key;
  of.then = std::move(then);
  take_in(self, of, std::move(left));
  if (of.waiting.empty())
    return bury(self, number);
  self->delayed_send(self, state.config.spec.kill_grace, ledger_late{number});
}

void orphan_ended(self_ptr self, const caf::actor_addr& who) {
  for (auto& [number, of] : self->state.mournings)
    if (auto found = of.waiting.extract(who)) {
      if (const auto& below = found.mapped().below)
        take_in(self, of, below->take());
      if (of.waiting.empty())
        bury(self, number);
      return;
    }
}

void orphans_late(self_ptr self, std::uint64_t number) {
  const auto found = self->state.mournings.find(number);
  if (found == self->state.mournings.end())
    return;
  for (auto& [address, each] : found->second.waiting) {
    if (each.vitals)
      each.vitals->fence();
    fences::raise(each.life);
    self->demonitor(address);
    self->state.config.scope->abandoned.fetch_add(1);
    tell_abandoned(self, each);
  }
  bury(self, number);
}

void orphans_given_up(self_ptr self, child_key of) {
  for (const auto& [number, each] : self->state.mournings)
    if (each.key == of)
      return orphans_late(self, number);
}

}  // namespace flott::supervisor_parts
