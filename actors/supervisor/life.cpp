// Lives of children: started, watched, stopped, released.
#include "actors/exit_reason.hpp"
#include "actors/supervisor/state.hpp"

#include <cstdlib>

namespace flott::supervisor_parts {
namespace {

void observe(self_ptr self, supervision_event& event) {
  auto& config = self->state.config;
  event.supervisor = config.path;
  event.supervisor_class = config.label;
  if (config.scope->observer)
    config.scope->observer->on_event(event);
}

// --- what a life held ----------------------------------------------------------------------------------------------

/// Closes the ledger of a life that is over, and calls `then` when everything is given back or `release_limit` has passed.
/// Releases may block: they run on a thread of their own.
void release(self_ptr self, child_key key, live_child& child, std::function<void()> then) {
  auto& state = self->state;
  const auto ledger = std::exchange(child.ledger, nullptr);
  if (!ledger || ledger->size() == 0) {
    if (ledger)
      ledger->close();                             // whoever books later is told that it is over
    then();
    return;
  }
  const auto number = ++state.last_closing;
  child.releasing = true;
  state.closing[number] = {key, child.spec.id, class_of(child.spec), child.incarnation, ledger, std::move(then)};
  self->delayed_send(self, state.config.spec.release_limit, ledger_late{number});
  const auto work = [ledger, number, supervisor = supervisor_actor{self}](caf::event_based_actor*) {
    caf::anon_send(supervisor, ledger_closed{number, ledger->close()});
  };
  if (state.config.scope->one_thread)
    self->home_system().spawn(work);
  else
    self->home_system().spawn<caf::detached>(work);
}

void join_group(supervisor_state& state, live_child& child) {
  const auto& board = state.config.scope->board;
  if (!board || !child.vitals->in_use())
    return;
  auto& group = state.groups[class_of(child.spec)];
  if (!group)
    group = board->group_of(state.config.label, class_of(child.spec));
  group->join(*child.vitals);
  child.group = group;
}

// --- starting ------------------------------------------------------------------------------------------------------

child_context context_for(self_ptr self, live_child& child, const supervision::start_child& what) {
  auto& state = self->state;
  child.incarnation = what.incarnation;
  child.ledger = std::make_shared<supervision::ledger>();
  const auto path = state.config.path + "/" + child.spec.id;
  child.vitals = std::make_shared<actor_vitals>(path, state.config.scope->dead_letters, child.spec.mailbox, state.log_level);
  child_context context{self->home_system(), path, what.incarnation, {}};
  context.ledger = child.ledger;
  context.arguments = child.arguments;
  context.vitals = child.vitals;
  // The functor holds no strong reference: parent and child would keep each other alive.
  context.confirm = [supervisor = self->address(), confirmed = child_confirmed{what.key, what.incarnation}] {
    if (auto strong = caf::actor_cast<caf::strong_actor_ptr>(supervisor))
      caf::anon_send(caf::actor_cast<supervisor_actor>(strong), confirmed);
  };
  if (child.spec.ready == ready_when::initialized)
    child.vitals->when_initialized(self->address(), what.key, what.incarnation);
  return context;
}

start_outcome call_factory(self_ptr self, live_child& child, const child_context& context) {
  const auto& spec = child.spec;
  if (spec.tree) {
    supervisor_config config;
    config.spec = *spec.tree;
    config.path = context.path;
    config.label = spec.child_class.empty() ? spec.tree->name : spec.child_class;
    config.scope = self->state.config.scope;
    config.log_level = self->state.log_level->load();
    config.orphans = child.orphans = std::make_shared<orphanage>();
    config.on_started = context.confirm;
    return caf::actor_cast<caf::strong_actor_ptr>(spawn_supervisor_actor(context.system, std::move(config)));
  }
  try {
    return spec.start(context);
  } catch (...) {
    return to_failure(to_error(std::current_exception(), context.path.c_str()));
  }
}

void await_ready(self_ptr self, const live_child& child, const supervision::start_child& what) {
  if (child.spec.ready == ready_when::spawned) {
    execute(self, self->state.machine->child_started(what.key, what.incarnation, self->clock().now()));
  } else if (child.spec.ready == ready_when::initialized && !child.vitals->initializes_at_once()) {
    // CAF answers this for every event-based actor once its behaviour is set up; supervised actors say so themselves.
    // One that ends before it, or never comes to it, is noticed by its DOWN or by its start limit.
    self->request(caf::actor_cast<caf::actor>(child.handle), caf::infinite, caf::sys_atom::value, caf::get_atom::value,
                  std::string{"info"})
      .then(
        [self, what](caf::ok_atom, const std::string&, const caf::strong_actor_ptr&, const std::string&) {
          execute(self, self->state.machine->child_started(what.key, what.incarnation, self->clock().now()));
        },
        [](const caf::error&) {});
  }
}

void carry_out(self_ptr self, const supervision::start_child& what) {
  auto& state = self->state;
  auto& child = state.children.at(what.key);
  if (child.releasing) {                           // what the life before held is not given back yet
    child.start_when_released = what;
    return;
  }
  auto started = call_factory(self, child, context_for(self, child, what));
  if (!started) {
    release(self, what.key, child, [self, what, why = started.error().to_string()] {
      execute(self, self->state.machine->child_start_failed(what.key, what.incarnation, why, self->clock().now()));
    });
  } else if (!started.value().handle) {
    release(self, what.key, child, [self, what] {
      execute(self, self->state.machine->child_declined(what.key, what.incarnation, self->clock().now()));
    });
  } else {
    child.handle = std::move(started->handle);
    child.extra = std::move(started->extra);
    state.keys[caf::actor_cast<caf::actor_addr>(child.handle)] = what.key;
    self->monitor(caf::actor_cast<caf::actor>(child.handle));
    join_group(state, child);
    if (child.spec.ref)
      child.spec.ref->set(child.handle);
    await_ready(self, child, what);
  }
}

// --- stopping ------------------------------------------------------------------------------------------------------

void let_go(supervisor_state& state, live_child& child) {
  leave_group(child);
  state.keys.erase(caf::actor_cast<caf::actor_addr>(child.handle));
  if (child.spec.ref)
    child.spec.ref->set(nullptr);
  child.handle = nullptr;
  child.extra = {};
}

void carry_out(self_ptr self, const supervision::stop_child& what) {
  auto& child = self->state.children.at(what.key);
  if (child.start_when_released) {                 // it has not begun yet
    child.start_when_released.reset();
    execute(self, self->state.machine->child_exited(what.key, what.incarnation, supervision::exit_reason::shutdown(),
                                                    self->clock().now()));
    return;
  }
  if (!child.handle)                               // it ended in the meantime
    return;
  if (what.kill)
    kill(child.handle, self->address());
  else
    self->send_exit(child.handle, caf::exit_reason::user_shutdown);
}

/// From here on nothing of this life counts. What it holds is released, since its successor may need it.
void carry_out(self_ptr self, const supervision::abandon_child& what) {
  orphans_given_up(self, what.key);
  auto& child = self->state.children.at(what.key);
  if (child.handle) {
    child.vitals->fence();
    fences::raise(child.handle);
    self->demonitor(caf::actor_cast<caf::actor_addr>(child.handle));
    let_go(self->state, child);
  }
  self->state.config.scope->abandoned.fetch_add(1);
  release(self, what.key, child, [] {});
}

void carry_out(self_ptr self, const supervision::forget_child& what) { self->state.children.erase(what.key); }

// --- the rest ------------------------------------------------------------------------------------------------------

void carry_out(self_ptr self, const supervision::arm_timer& what) {
  const auto now = self->clock().now();
  if (what.at <= now)
    self->send(self, supervisor_tick{});
  else
    self->delayed_send(self, what.at - now, supervisor_tick{});
}

void carry_out(self_ptr self, const supervision::reply& what) { answer(self, what); }

void carry_out(self_ptr self, supervision::report& what) {
  auto& config = self->state.config;
  if (what.kind == supervision::report_kind::supervisor_started && config.on_started)
    config.on_started();
  supervision_event event;
  event.kind = what.kind;
  event.incarnation = what.incarnation;
  event.cause = what.cause;
  event.text = std::move(what.text);
  const auto child = self->state.children.find(what.key);
  if (child != self->state.children.end()) {
    event.child_class = class_of(child->second.spec);
    if (what.kind == supervision::report_kind::child_abandoned && child->second.vitals)
      if (const auto handling = child->second.vitals->handling(); !handling.empty())
        event.text += ", in " + handling;
  }
  event.child = std::move(what.child);
  const bool abandoned = what.kind == supervision::report_kind::child_abandoned;
  const auto own = child != self->state.children.end() ? child->second.spec.if_abandoned : std::nullopt;
  observe(self, event);
  if (abandoned)
    weigh_abandoned(*config.scope, event, own);
}

caf::error end_error(const supervision::exit_reason& reason) {
  if (reason.kind == supervision::exit_kind::normal)
    return {};
  if (reason.kind == supervision::exit_kind::shutdown)
    return caf::exit_reason::user_shutdown;
  return make_error(reason.restart_limit ? supervisor_error::restart_limit : supervisor_error::start_failed, reason.text);
}

void carry_out(self_ptr self, supervision::finished& what) {
  auto& state = self->state;
  const supervisor_end end{what.reason, state.config.scope->abandoned.load()};
  state.ended = true;
  for (auto& request : state.stop_requests)
    request.deliver(end);
  if (state.config.on_end)
    state.config.on_end(end);
  self->quit(end_error(what.reason));
}

/// What a supervisor says and does when it has ended.
bool is_last(const supervision::action& what) {
  const auto* told = std::get_if<supervision::report>(&what);
  return std::holds_alternative<supervision::finished>(what) ||
         (told != nullptr && told->kind == supervision::report_kind::supervisor_ended);
}

}  // namespace

void weigh_abandoned(const supervision_scope& scope, const supervision_event& about, std::optional<when_abandoned> own) {
  if (own.value_or(scope.if_abandoned) == when_abandoned::go_on)
    return;
  if (scope.end_process)
    scope.end_process(about);
  else
    std::abort();
}

void kill(const caf::strong_actor_ptr& life, caf::actor_addr by) {
  caf::anon_send<caf::message_priority::high>(caf::actor_cast<caf::actor>(life), caf::exit_msg{std::move(by), caf::exit_reason::kill});
}

/// What they hold is given back, without anybody waiting for it.
void close_all(const supervision_scope& scope, std::vector<orphanage::orphan> left) {
  std::erase_if(left, [](const orphanage::orphan& each) { return !each.ledger || each.ledger->size() == 0; });
  if (left.empty())
    return;
  const auto close = [left = std::move(left)](caf::event_based_actor*) {
    for (const auto& each : left)
      each.ledger->close();
  };
  if (scope.one_thread)
    scope.system->spawn(close);
  else
    scope.system->spawn<caf::detached>(close);       // releases may block
}

void leave_group(live_child& child) {
  if (const auto group = std::exchange(child.group, nullptr))
    group->leave(*child.vitals);
}

/// A supervisor that did not end in order (killed, dropped, or by an error of its own) takes its children along.
supervisor_state::~supervisor_state() {
  std::vector<orphanage::orphan> left;
  for (auto& [key, child] : children) {
    leave_group(child);
    if (child.handle)
      kill(child.handle);
    if (child.spec.ref)
      child.spec.ref->set(nullptr);
    if (!ended && (child.handle || child.ledger))
      left.push_back({child.handle, child.incarnation, child.vitals, child.ledger, child.orphans, config.label,
                      class_of(child.spec), child.spec.if_abandoned});
  }
  for (auto& [number, of] : mournings) {
    for (auto& [address, each] : of.waiting)
      left.push_back(std::move(each));
    for (auto& held : of.ledgers)
      left.push_back({.ledger = held});
  }
  for (auto& [number, each] : closing)
    left.push_back({.ledger = each.ledger});
  if (config.orphans) {
    const std::lock_guard lock{config.orphans->mutex};
    config.orphans->left = std::move(left);
  } else {
    close_all(*config.scope, std::move(left));       // a root's: nobody comes after it
  }
  for (auto& [token, promise] : requests)
    promise.deliver(make_error(supervisor_error::stopping, "the supervisor has ended"));
  if (ended)
    return;
  const supervisor_end end{supervision::exit_reason::abnormal("the supervisor itself was killed"), config.scope->abandoned.load()};
  for (auto& request : stop_requests)
    request.deliver(end);
  if (config.on_end)
    config.on_end(end);
}

void on_down(self_ptr self, const caf::down_msg& down) {
  auto& state = self->state;
  const auto found = state.keys.find(down.source);
  if (found == state.keys.end())
    return orphan_ended(self, down.source);        // or abandoned earlier
  const auto key = found->second;
  auto& child = state.children.at(key);
  let_go(state, child);
  const auto gone = [self, key, life = child.incarnation, why = exit_reason_of(down.reason)] {
    execute(self, self->state.machine->child_exited(key, life, why, self->clock().now()));
  };
  auto left = child.orphans ? child.orphans->take() : std::vector<orphanage::orphan>{};
  if (left.empty())
    return release(self, key, child, gone);
  await_orphans(self, key, std::move(left), [self, key, life = child.incarnation, gone](auto held) {
    const auto there = self->state.children.find(key);
    if (there == self->state.children.end() || there->second.incarnation != life || !there->second.ledger) {
      for (auto& each : held)                      // it was given up meanwhile
        each->close();
      return;
    }
    for (auto& each : held)
      if (each->size() > 0)
        there->second.ledger->book("what a child of it held", [each] { each->close(); }).leave();
      else
        each->close();
    release(self, key, there->second, gone);
  });
}

void released(self_ptr self, std::uint64_t number, const supervision::ledger::closing* how) {
  auto& state = self->state;
  auto node = state.closing.extract(number);
  if (node.empty())
    return;                                        // it was too late, or came after all
  auto& done = node.mapped();
  supervision_event event;
  event.kind = supervision::report_kind::child_released;
  event.child = done.child;
  event.child_class = done.child_class;
  event.incarnation = done.incarnation;
  if (how == nullptr) {
    event.kind = supervision::report_kind::release_failed;
    event.text = "not within " + std::to_string(state.config.spec.release_limit.count()) + " ms";
    for (const auto& what : done.ledger->entries())
      event.text += "; still booked: " + what;
  } else if (!how->failed.empty()) {
    event.kind = supervision::report_kind::release_failed;
    for (const auto& what : how->failed)
      event.text += (event.text.empty() ? "" : "; ") + what;
  } else {
    event.text = std::to_string(how->released) + " released";
  }
  observe(self, event);
  std::optional<supervision::start_child> next;
  if (const auto child = state.children.find(done.key); child != state.children.end()) {
    child->second.releasing = false;
    next = std::exchange(child->second.start_when_released, std::nullopt);
  }
  done.then();
  if (next)
    execute(self, {*next});
  if (state.closing.empty() && !state.last_actions.empty())
    execute(self, std::exchange(state.last_actions, {}));
}

void execute(self_ptr self, supervision::actions actions) {
  auto& state = self->state;
  for (auto& each : actions)
    state.queue.push_back(std::move(each));
  if (state.executing)
    return;
  state.executing = true;
  while (!state.queue.empty()) {
    auto next = std::move(state.queue.front());
    state.queue.pop_front();
    if (!state.closing.empty() && is_last(next)) {   // who starts it again must find everything given back
      state.last_actions.push_back(std::move(next));
      continue;
    }
    std::visit([self](auto& what) { carry_out(self, what); }, next);
  }
  state.executing = false;
}

}  // namespace flott::supervisor_parts
