#include "actors/supervisor/actor.hpp"

#include "actors/exit_reason.hpp"

namespace flott {
namespace {

using supervision::child_key;

struct live_child {
  child_spec spec;
  caf::strong_actor_ptr handle;      // of the life that is waited for
  std::uint64_t incarnation = 0;
};

struct supervisor_state {
  supervisor_state() {}                             // NOLINT: an aggregate state would take CAF's arguments
  ~supervisor_state();

  supervisor_config config;
  std::optional<supervision::supervisor_machine> machine;
  std::map<child_key, live_child> children;
  std::map<caf::actor_addr, child_key> keys;        // of living children
  std::map<supervision::request_token, caf::typed_response_promise<child_handle>> requests;
  std::vector<caf::typed_response_promise<supervisor_end>> stop_requests;
  std::deque<supervision::action> queue;
  std::mt19937_64 random;
  supervision::request_token last_token = 0;
  bool executing = false, ended = false;
  static inline const char* name = "supervisor";
};

using self_ptr = supervisor_actor::stateful_pointer<supervisor_state>;

/// A supervisor that did not end in order (killed, dropped, or by an error of its own) takes its children along.
supervisor_state::~supervisor_state() {
  for (auto& [key, child] : children) {
    if (child.handle)
      caf::anon_send_exit(child.handle, caf::exit_reason::kill);
    if (child.spec.ref)
      child.spec.ref->set(nullptr);
  }
  if (!ended && config.on_end)
    config.on_end({supervision::exit_reason::abnormal("the supervisor itself was killed"), config.scope->abandoned.load()});
}

void execute(self_ptr self, supervision::actions actions);

// --- starting ------------------------------------------------------------------------------------------------------

child_context context_for(self_ptr self, const child_spec& spec, const supervision::start_child& what) {
  child_context context{self->home_system(), self->state.config.path + "/" + spec.id, what.incarnation, {}};
  // The functor holds no strong reference: parent and child would keep each other alive.
  context.confirm = [supervisor = self->address(), confirmed = child_confirmed{what.key, what.incarnation}] {
    if (auto strong = caf::actor_cast<caf::strong_actor_ptr>(supervisor))
      caf::anon_send(caf::actor_cast<supervisor_actor>(strong), confirmed);
  };
  return context;
}

result<caf::strong_actor_ptr> call_factory(self_ptr self, const child_spec& spec, const child_context& context) {
  if (spec.tree) {
    supervisor_config config;
    config.spec = *spec.tree;
    config.path = context.path;
    config.scope = self->state.config.scope;
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
  } else if (child.spec.ready == ready_when::initialized) {
    // CAF answers this for every event-based actor once its behaviour is set up. One that ends before it, or never
    // comes to it, is noticed by its DOWN or by its start limit.
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
  auto started = call_factory(self, child.spec, context_for(self, child.spec, what));
  if (!started) {
    execute(self, state.machine->child_start_failed(what.key, what.incarnation, started.error().to_string(),
                                                    self->clock().now()));
  } else if (!started.value()) {
    execute(self, state.machine->child_declined(what.key, what.incarnation, self->clock().now()));
  } else {
    child.handle = std::move(started).value();
    child.incarnation = what.incarnation;
    state.keys[caf::actor_cast<caf::actor_addr>(child.handle)] = what.key;
    self->monitor(caf::actor_cast<caf::actor>(child.handle));
    if (child.spec.ref)
      child.spec.ref->set(child.handle);
    await_ready(self, child, what);
  }
}

// --- stopping ------------------------------------------------------------------------------------------------------

void let_go(supervisor_state& state, live_child& child) {
  state.keys.erase(caf::actor_cast<caf::actor_addr>(child.handle));
  if (child.spec.ref)
    child.spec.ref->set(nullptr);
  child.handle = nullptr;
}

void carry_out(self_ptr self, const supervision::stop_child& what) {
  const auto& handle = self->state.children.at(what.key).handle;
  if (!handle)                                     // it ended in the meantime
    return;
  if (what.kill)                                   // past whatever is in its mailbox
    caf::anon_send<caf::message_priority::high>(caf::actor_cast<caf::actor>(handle),
                                                caf::exit_msg{self->address(), caf::exit_reason::kill});
  else
    self->send_exit(handle, caf::exit_reason::user_shutdown);
}

void carry_out(self_ptr self, const supervision::abandon_child& what) {
  auto& child = self->state.children.at(what.key);
  self->demonitor(caf::actor_cast<caf::actor_addr>(child.handle));
  let_go(self->state, child);
  self->state.config.scope->abandoned.fetch_add(1);
}

void carry_out(self_ptr self, const supervision::forget_child& what) { self->state.children.erase(what.key); }

void on_down(self_ptr self, const caf::down_msg& down) {
  auto& state = self->state;
  const auto found = state.keys.find(down.source);
  if (found == state.keys.end())
    return;                                        // abandoned earlier
  const auto key = found->second;
  auto& child = state.children.at(key);
  let_go(state, child);
  execute(self, state.machine->child_exited(key, child.incarnation, exit_reason_of(down.reason), self->clock().now()));
}

// --- the rest ------------------------------------------------------------------------------------------------------

void carry_out(self_ptr self, const supervision::arm_timer& what) {
  const auto now = self->clock().now();
  if (what.at <= now)
    self->send(self, supervisor_tick{});
  else
    self->delayed_send(self, what.at - now, supervisor_tick{});
}

caf::error refusal_of(const supervision::reply& what, const live_child* child) {
  using supervision::outcome;
  const std::string who = child != nullptr ? "child '" + child->spec.id + "'" : "child";
  switch (what.outcome) {
    case outcome::not_found: return make_error(supervisor_error::not_found, "there is no such child");
    case outcome::already_started:
      return {static_cast<std::uint8_t>(supervisor_error::already_started),
              make_error(supervisor_error::already_started, {}).category(),
              caf::make_message(who + " is running already", child != nullptr ? child->handle : caf::strong_actor_ptr{})};
    case outcome::already_present: return make_error(supervisor_error::already_present, who + " is there already");
    case outcome::running: return make_error(supervisor_error::running, who + " is running");
    case outcome::restarting: return make_error(supervisor_error::restarting, who + " is being restarted");
    case outcome::stopping: return make_error(supervisor_error::stopping, "the supervisor ends");
    case outcome::start_failed: return make_error(supervisor_error::start_failed, what.text);
    case outcome::bad_spec: return make_error(supervisor_error::bad_spec, what.text);
    case outcome::terminated: return make_error(supervisor_error::terminated, who + " was terminated while it started");
    case outcome::ok:
    case outcome::declined: break;
  }
  return {};
}

void carry_out(self_ptr self, supervision::reply& what) {
  auto& state = self->state;
  auto request = state.requests.extract(what.token);
  if (request.empty())
    return;
  const auto found = state.children.find(what.key);
  const auto* child = found == state.children.end() ? nullptr : &found->second;
  if (auto err = refusal_of(what, child))
    request.mapped().deliver(std::move(err));
  else
    request.mapped().deliver(child != nullptr ? child_handle{child->handle, child->incarnation} : child_handle{});
}

void carry_out(self_ptr self, supervision::report& what) {
  auto& config = self->state.config;
  if (what.kind == supervision::report_kind::supervisor_started && config.on_started)
    config.on_started();
  if (!config.scope->observer)
    return;
  supervision_event event;
  event.kind = what.kind;
  event.supervisor = config.path;
  event.incarnation = what.incarnation;
  event.cause = what.cause;
  event.text = std::move(what.text);
  if (const auto child = self->state.children.find(what.key); child != self->state.children.end()) {
    const auto& label = child->second.spec.child_class;
    event.child_class = label.empty() ? what.child : label;
  }
  event.child = std::move(what.child);
  config.scope->observer->on_event(event);
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

/// Carries out actions in order; what an action brings about at once comes after those already decided.
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
    std::visit([self](auto& what) { carry_out(self, what); }, next);
  }
  state.executing = false;
}

// --- the tree ------------------------------------------------------------------------------------------------------

/// A tree whose nested supervisors have been asked and not all have answered.
struct pending_tree {
  std::shared_ptr<supervision::tree_node> root = std::make_shared<supervision::tree_node>();
  std::size_t waiting = 1;
  caf::typed_response_promise<supervision::tree_node_ptr> promise;

  void one_less() {
    if (--waiting == 0)
      promise.deliver(supervision::tree_node_ptr{std::move(root)});
  }
};

void ask_below(self_ptr self, const std::shared_ptr<pending_tree>& pending, std::shared_ptr<supervision::tree_node> node,
               const caf::strong_actor_ptr& supervisor, supervision::milliseconds budget) {
  ++pending->waiting;
  self->request(caf::actor_cast<supervisor_actor>(supervisor), budget, tree_request{budget * 3 / 4})
    .then(
      [pending, node](const supervision::tree_node_ptr& below) {
        node->children = below->children;
        pending->one_less();
      },
      [pending, node](const caf::error&) {
        node->unanswered = true;
        pending->one_less();
      });
}

caf::typed_response_promise<supervision::tree_node_ptr> answer_tree(self_ptr self, supervision::milliseconds budget) {
  auto& state = self->state;
  auto pending = std::make_shared<pending_tree>();
  pending->promise = self->make_response_promise<supervision::tree_node_ptr>();
  auto promise = pending->promise;
  pending->root->path = state.config.path;
  pending->root->kind = supervision::child_kind::supervisor;
  pending->root->state = state.machine->state();
  pending->root->incarnation = 1;                  // the parent knows better, where there is one
  pending->root->abandoned = state.machine->abandoned();
  for (auto& [key, view] : state.machine->children(self->clock().now())) {
    auto node = std::make_shared<supervision::tree_node>(std::move(view));
    node->path = state.config.path + "/" + node->path;
    pending->root->children.push_back(node);
    const auto& child = state.children.at(key);
    if (child.spec.tree && child.handle)
      ask_below(self, pending, node, child.handle, budget);
  }
  pending->one_less();
  return promise;
}

supervision::request_token remember(self_ptr self, caf::typed_response_promise<child_handle> promise) {
  auto& state = self->state;
  state.requests.emplace(++state.last_token, std::move(promise));
  return state.last_token;
}

void add_child(self_ptr self, const child_spec& spec, supervision::request_token token) {
  auto& state = self->state;
  if (auto valid = validate(spec); !valid) {
    execute(self, {supervision::reply{token, supervision::outcome::bad_spec, 0, valid.error().to_string()}});
    return;
  }
  auto actions = state.machine->add_child(to_options(spec, state.config.spec), token, self->clock().now());
  if (const auto key = state.machine->find(spec.id); key && state.children.count(*key) == 0)
    state.children[*key].spec = spec;
  execute(self, std::move(actions));
}

/// Answers a request by what `event` makes of it, now or later.
template <class Event>
caf::typed_response_promise<child_handle> change(self_ptr self, Event event) {
  auto promise = self->make_response_promise<child_handle>();
  event(remember(self, promise), self->clock().now());
  return promise;
}

child_list list_children(self_ptr self) {
  child_list list;
  for (auto& [key, view] : self->state.machine->children(self->clock().now())) {
    view.path = self->state.config.path + "/" + view.path;
    list.children.push_back(std::move(view));
  }
  return list;
}

void boot(self_ptr self, supervisor_config config) {
  auto& state = self->state;
  state.config = std::move(config);
  state.random.seed(state.config.scope->seed ^ std::hash<std::string>{}(state.config.path));
  std::vector<supervision::child_options> options;
  for (const auto& child : state.config.spec.children)
    options.push_back(to_options(child, state.config.spec));
  state.machine.emplace(to_options(state.config.spec), std::move(options), [self] {
    return std::uniform_real_distribution<double>{0, 1}(self->state.random);
  });
  for (const auto& child : state.config.spec.children)
    state.children[state.machine->find(child.id).value()].spec = child;
  state.config.spec.children.clear();
  execute(self, state.machine->begin(self->clock().now()));
}

supervisor_actor::behavior_type supervisor(self_ptr self, supervisor_config config) {
  keep_exception_text(self);
  self->set_down_handler([self](const caf::down_msg& down) { on_down(self, down); });
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    if (exit.reason)
      execute(self, self->state.machine->stop(exit_reason_of(exit.reason), self->clock().now()));
  });
  boot(self, std::move(config));
  return {
    [self](const start_child_request& x) {
      return change(self, [&](auto token, auto) { add_child(self, x.spec, token); });
    },
    [self](const terminate_child_request& x) {
      return change(self, [&](auto token, auto now) {
        execute(self, self->state.machine->terminate_child(x.id, token, now));
      });
    },
    [self](const restart_child_request& x) {
      return change(self, [&](auto token, auto now) {
        execute(self, self->state.machine->restart_child(x.id, token, now));
      });
    },
    [self](const delete_child_request& x) {
      return change(self, [&](auto token, auto now) {
        execute(self, self->state.machine->delete_child(x.id, token, now));
      });
    },
    [self](const find_child_request& x) -> caf::result<child_handle> {
      const auto key = self->state.machine->find(x.id);
      if (!key)
        return make_error(supervisor_error::not_found, "there is no child '" + x.id + "'");
      const auto& child = self->state.children.at(*key);
      return child_handle{child.handle, child.incarnation};
    },
    [self](list_children_request) { return list_children(self); },
    [self](const tree_request& x) { return answer_tree(self, x.budget); },
    [self](stop_request) {
      self->state.stop_requests.push_back(self->make_response_promise<supervisor_end>());
      auto promise = self->state.stop_requests.back();
      execute(self, self->state.machine->stop(supervision::exit_reason::shutdown(), self->clock().now()));
      return promise;
    },
    [self](const child_confirmed& x) {
      execute(self, self->state.machine->child_started(x.key, x.incarnation, self->clock().now()));
    },
    [self](supervisor_tick) { execute(self, self->state.machine->timer_fired(self->clock().now())); },
  };
}

}  // namespace

supervisor_actor spawn_supervisor_actor(caf::actor_system& system, supervisor_config config) {
  return system.spawn(supervisor, std::move(config));
}

}  // namespace flott
