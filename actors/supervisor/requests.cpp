// Answers to those who change or ask.
#include "actors/exit_reason.hpp"
#include "actors/supervisor/state.hpp"

namespace flott::supervisor_parts {
namespace {

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
    case outcome::by_handle_only:
      return make_error(supervisor_error::by_handle_only, "children of a pool are ended by their handle, and not restarted on request");
    case outcome::ok:
    case outcome::declined: break;
  }
  return {};
}

child_handle shown(const live_child& child) { return {child.handle, child.incarnation, child.extra, child.spec.id}; }

supervision::request_token remember(self_ptr self, caf::typed_response_promise<child_handle> promise) {
  auto& state = self->state;
  state.requests.emplace(++state.last_token, std::move(promise));
  return state.last_token;
}

/// Answers a request by what `event` makes of it, now or later.
template <class Event>
caf::typed_response_promise<child_handle> change(self_ptr self, Event event) {
  auto promise = self->make_response_promise<child_handle>();
  event(remember(self, promise), self->clock().now());
  return promise;
}

caf::typed_response_promise<child_handle> refuse(self_ptr self, supervision::outcome why, std::string text = {}) {
  auto promise = self->make_response_promise<child_handle>();
  if (auto err = refusal_of({0, why, 0, std::move(text)}, nullptr))
    promise.deliver(std::move(err));
  else
    promise.deliver(child_handle{});
  return promise;
}

}  // namespace

void answer(self_ptr self, const supervision::reply& what) {
  auto& state = self->state;
  auto request = state.requests.extract(what.token);
  if (request.empty())
    return;
  const auto found = state.children.find(what.key);
  const auto* child = found == state.children.end() ? nullptr : &found->second;
  if (auto err = refusal_of(what, child))
    request.mapped().deliver(std::move(err));
  else
    request.mapped().deliver(child != nullptr ? shown(*child) : child_handle{});
}

caf::typed_response_promise<child_handle> add_child(self_ptr self, const child_spec& spec) {
  if (auto valid = validate(spec); !valid)
    return refuse(self, supervision::outcome::bad_spec, valid.error().to_string());
  return change(self, [&](auto token, auto now) {
    auto& state = self->state;
    auto actions = state.machine->add_child(to_options(spec, state.config.spec), token, now);
    if (const auto key = state.machine->find(spec.id); key && !state.children.contains(*key))
      state.children[*key].spec = spec;
    execute(self, std::move(actions));
  });
}

caf::typed_response_promise<child_handle> add_to_pool(self_ptr self, const caf::message& arguments) {
  return change(self, [&](auto token, auto now) {
    auto& state = self->state;
    auto actions = state.machine->add_to_pool(token, now);
    for (const auto& action : actions)             // one that starts is in the map before it does
      if (const auto* start = std::get_if<supervision::start_child>(&action); start != nullptr && start->incarnation == 1) {
        auto& child = state.children[start->key];
        child.spec = state.config.spec.children.front();
        child.spec.id = std::to_string(start->key);
        child.spec.child_class = child.spec.child_class.empty() ? state.config.spec.children.front().id : child.spec.child_class;
        child.arguments = arguments;
      }
    execute(self, std::move(actions));
  });
}

caf::typed_response_promise<child_handle> terminate(self_ptr self, const std::string& id) {
  return change(self, [&](auto token, auto now) { execute(self, self->state.machine->terminate_child(id, token, now)); });
}

caf::typed_response_promise<child_handle> terminate(self_ptr self, const caf::strong_actor_ptr& handle) {
  const auto found = self->state.keys.find(caf::actor_cast<caf::actor_addr>(handle));
  if (found == self->state.keys.end()) {
    const auto* stranger = caf::actor_cast<caf::abstract_actor*>(handle);
    const bool dead = stranger != nullptr && stranger->getf(caf::abstract_actor::is_terminated_flag);
    return refuse(self, dead ? supervision::outcome::ok : supervision::outcome::not_found);
  }
  return change(self, [self, key = found->second](auto token, auto now) {
    execute(self, self->state.machine->terminate_child(key, token, now));
  });
}

caf::typed_response_promise<child_handle> restart(self_ptr self, const std::string& id) {
  return change(self, [&](auto token, auto now) { execute(self, self->state.machine->restart_child(id, token, now)); });
}

caf::typed_response_promise<child_handle> remove(self_ptr self, const std::string& id) {
  return change(self, [&](auto token, auto now) { execute(self, self->state.machine->delete_child(id, token, now)); });
}

caf::result<child_handle> find(self_ptr self, const std::string& id) {
  const auto key = self->state.machine->find(id);
  if (!key)
    return make_error(supervisor_error::not_found, "there is no child '" + id + "'");
  return shown(self->state.children.at(*key));
}

caf::result<child_spec> spec_of(self_ptr self, const get_spec_request& asked) {
  auto& state = self->state;
  std::optional<child_key> key;
  if (!asked.id.empty())
    key = state.machine->find(asked.id);
  else if (const auto found = state.keys.find(caf::actor_cast<caf::actor_addr>(asked.handle)); found != state.keys.end())
    key = found->second;
  if (!key)
    return make_error(supervisor_error::not_found, "there is no such child");
  return state.children.at(*key).spec;
}

caf::result<supervision::child_counts> change_spec(self_ptr self, const supervisor_spec& spec) {
  auto& state = self->state;
  if (auto valid = validate(spec); !valid)
    return make_error(supervisor_error::bad_spec, valid.error().to_string());
  std::vector<supervision::child_options> options;
  for (const auto& child : spec.children)
    options.push_back(to_options(child, spec));
  if (auto changed = state.machine->change(to_options(spec), std::move(options)); !changed)
    return make_error(supervisor_error::bad_spec, changed.error().to_string());
  const bool pool = spec.strategy == supervision::strategy::pool;
  if (pool) {
    for (auto& [key, child] : state.children) {
      auto id = std::move(child.spec.id);
      child.spec = spec.children.front();
      child.spec.id = std::move(id);
    }
  } else {
    for (const auto& child : spec.children) {
      auto& there = state.children[state.machine->find(child.id).value()];
      there.spec = child;
      if (there.spec.ref)
        there.spec.ref->set(there.handle);
    }
  }
  auto name = std::move(state.config.spec.name);
  state.config.spec = spec;
  state.config.spec.name = std::move(name);
  if (!pool)
    state.config.spec.children.clear();
  return state.machine->counts();
}

caf::result<caf::ok_atom> set_log_level(self_ptr self, const log_level_request& asked) {
  auto& state = self->state;
  const auto& own = state.config.path;
  if (asked.path.empty() || asked.path == own) {
    state.log_level->store(asked.level);
    for (const auto& [key, child] : state.children)
      if (child.spec.tree && child.handle)
        caf::anon_send(caf::actor_cast<supervisor_actor>(child.handle), log_level_request{asked.level});
    return caf::ok_atom::value;
  }
  if (asked.path.starts_with(own + "/")) {
    const auto id = asked.path.substr(own.size() + 1, asked.path.find('/', own.size() + 1) - own.size() - 1);
    if (const auto key = state.machine->find(id))
      if (const auto& child = state.children.at(*key); child.spec.tree && child.handle)
        return self->delegate(caf::actor_cast<supervisor_actor>(child.handle), asked);
  }
  return make_error(supervisor_error::not_found, "there is no supervisor at '" + asked.path + "'");
}

}  // namespace flott::supervisor_parts
