// Requests to change the children, views, and the bookkeeping that everything rests on.
#include "runtime/supervision/machine.hpp"

#include <algorithm>

namespace flott::supervision {

// --- requests ------------------------------------------------------------------------------------------------------

actions supervisor_machine::add_child(child_options options, request_token token, time_point now) {
  if (stopping_) {
    answer(token, outcome::stopping);
  } else if (is_pool()) {
    answer(token, outcome::bad_spec, 0, "children of a pool have the pool's spec");
  } else if (const auto valid = validate(options, options_); !valid) {
    answer(token, outcome::bad_spec, 0, valid.error().to_string());
  } else if (const auto* there = by_id(options.id)) {
    answer(token, there->alive() ? outcome::already_started : outcome::already_present, there->key);
  } else {
    auto& c = insert(std::move(options), origin::added);
    c.start_token = token;
    request_start(c, origin::added);
    drive(now);
  }
  return take();
}

actions supervisor_machine::add_to_pool(request_token token, time_point now) {
  if (stopping_) {
    answer(token, outcome::stopping);
  } else if (!is_pool()) {
    answer(token, outcome::bad_spec, 0, "the supervisor is no pool");
  } else {
    auto options = pool_spec_;
    options.id = std::to_string(next_key_);
    auto& c = insert(std::move(options), origin::added);
    c.start_token = token;
    request_start(c, origin::added);
    drive(now);
  }
  return take();
}

actions supervisor_machine::terminate_child(const std::string& id, request_token token, time_point now) {
  auto* c = by_id(id);
  if (is_pool())
    answer(token, outcome::by_handle_only);
  else if (c == nullptr)
    answer(token, stopping_ ? outcome::stopping : outcome::not_found);
  else
    terminate(*c, token, now);
  return take();
}

actions supervisor_machine::terminate_child(child_key key, request_token token, time_point now) {
  if (const auto found = children_.find(key); found != children_.end())
    terminate(found->second, token, now);
  else
    answer(token, stopping_ ? outcome::stopping : outcome::not_found);
  return take();
}

void supervisor_machine::terminate(child& c, request_token token, time_point now) {
  cancel_start(c, outcome::terminated);
  if (c.alive()) {
    c.stop_tokens.push_back(token);
    // One that a group restart is about to stop keeps its place in that order.
    if (c.state != child_state::stopping && to_stop_.count(c.key) == 0)
      issue_stop(c, now);
  } else {
    answer(token, outcome::ok, c.key);
    if (leaves_nothing(c))
      remove(c);
  }
  drive(now);
}

actions supervisor_machine::restart_child(const std::string& id, request_token token, time_point now) {
  auto* c = by_id(id);
  if (stopping_) {
    answer(token, outcome::stopping);
  } else if (is_pool()) {
    answer(token, outcome::by_handle_only);
  } else if (c == nullptr) {
    answer(token, outcome::not_found);
  } else if (c->alive()) {
    answer(token, outcome::running, c->key);
  } else if (c->state == child_state::restarting) {
    answer(token, outcome::restarting, c->key);
  } else {
    c->start_token = token;
    c->failures_in_a_row = 0;                        // somebody has seen to it: its back-off begins anew
    request_start(*c, origin::manual);
    drive(now);
  }
  return take();
}

actions supervisor_machine::delete_child(const std::string& id, request_token token, time_point) {
  auto* c = by_id(id);
  if (is_pool()) {
    answer(token, outcome::by_handle_only);
  } else if (c == nullptr) {
    answer(token, outcome::not_found);
  } else if (c->alive()) {
    answer(token, outcome::running, c->key);
  } else if (c->state == child_state::restarting) {
    answer(token, outcome::restarting, c->key);
  } else {
    const auto key = c->key;
    remove(*c);
    answer(token, outcome::ok, key);               // it was not waited for: nothing follows
  }
  return take();
}

// --- other specs ---------------------------------------------------------------------------------------------------

result<void> supervisor_machine::change(supervisor_options options, std::vector<child_options> children) {
  FLOTT_TRY(validate(options, children));
  if (is_pool() != (options.strategy == strategy::pool))
    return user_failure("supervisor spec", "strategy can't be changed from or to pool");
  for (const auto& [key, c] : children_)             // those that stay without a spec have to fit as well
    if (c.options.significant && options.auto_shutdown == auto_shutdown::never && !is_pool() &&
        std::none_of(children.begin(), children.end(), [&, &id = c.options.id](auto& each) { return each.id == id; }))
      return user_failure("child spec '" + c.options.id + "'",
                          "significant contradicts auto_shutdown: never of its supervisor");
  options_ = options;
  if (is_pool()) {
    pool_spec_ = std::move(children.front());
    for (auto& [key, c] : children_) {
      const auto id = std::move(c.options.id);
      c.options = pool_spec_;
      c.options.id = id;
    }
    return {};
  }
  for (auto& each : children) {
    if (auto* there = by_id(each.id))
      there->options = std::move(each);
    else
      insert(std::move(each), origin::manual);
  }
  return {};
}

// --- views -----------------------------------------------------------------------------------------------------------

void supervisor_machine::show_children(time_point now, const std::function<tree_node&(child_key)>& where) const {
  for (const auto& [key, c] : children_) {
    auto& node = where(key);
    node.path += c.options.id;
    node.kind = c.options.kind;
    node.state = c.state;
    if (c.state == child_state::restarting && c.timer)
      node.restart_in = std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(*c.timer - now));
    node.incarnation = c.incarnation;
    node.restarts = c.restarts;
    node.abandoned = c.abandoned;
    node.last_failure = c.last_failure;
  }
}

std::vector<std::pair<child_key, tree_node>> supervisor_machine::children(time_point now) const {
  std::vector<std::pair<child_key, tree_node>> all;
  all.reserve(children_.size());
  show_children(now, [&](child_key key) -> tree_node& { return all.emplace_back(key, tree_node{}).second; });
  return all;
}

child_counts supervisor_machine::counts() const {
  child_counts counted;
  counted.specs = is_pool() ? 1 : children_.size();
  counted.active = alive_;
  for (const auto& [key, c] : children_)
    ++(c.options.kind == child_kind::supervisor ? counted.supervisors : counted.workers);
  return counted;
}

std::optional<child_key> supervisor_machine::find(const std::string& id) const {
  const auto found = ids_.find(id);
  return found == ids_.end() ? std::nullopt : std::optional{found->second};
}

child_state supervisor_machine::state() const {
  return finished_ ? child_state::stopped
       : stopping_ ? child_state::stopping
       : booting_  ? child_state::starting
                   : child_state::running;
}

// --- bookkeeping -------------------------------------------------------------------------------------------------------

supervisor_machine::child& supervisor_machine::insert(child_options options, origin from) {
  const auto key = next_key_++;
  ids_.emplace(options.id, key);
  auto& c = children_[key];
  c.options = std::move(options);
  c.key = key;
  c.start_origin = from;
  return c;
}

supervisor_machine::child* supervisor_machine::of_life(child_key key, std::uint64_t incarnation) {
  const auto found = children_.find(key);
  return found == children_.end() || found->second.incarnation != incarnation ? nullptr : &found->second;
}

supervisor_machine::child* supervisor_machine::by_id(const std::string& id) {
  const auto found = ids_.find(id);
  return found == ids_.end() ? nullptr : &children_.at(found->second);
}

/// Of one that is down and not wanted: only its spec knows it.
void supervisor_machine::remove(child& c) {
  const auto key = c.key;
  ids_.erase(c.options.id);
  children_.erase(key);
  out_.emplace_back(forget_child{key});
}

void supervisor_machine::set_timer(child& c, time_point at) {
  clear_timer(c);
  c.timer = at;
  timers_.emplace(at, c.key);
}

void supervisor_machine::clear_timer(child& c) {
  if (const auto at = std::exchange(c.timer, std::nullopt))
    timers_.erase({*at, c.key});
}

void supervisor_machine::answer(request_token token, outcome how, child_key key, std::string text) {
  out_.emplace_back(reply{token, how, key, std::move(text)});
}

void supervisor_machine::tell(report_kind kind, const child& c, std::string text, std::optional<restart_cause> cause) {
  out_.emplace_back(report{kind, c.key, c.options.id, c.incarnation, cause, std::move(text)});
}

actions supervisor_machine::take() {
  if (!timers_.empty() && (!armed_ || timers_.begin()->first < *armed_)) {
    armed_ = timers_.begin()->first;
    out_.emplace_back(arm_timer{*armed_});
  }
  return std::exchange(out_, {});
}

const char* to_string(report_kind x) {
  switch (x) {
    case report_kind::child_started: return "child started";
    case report_kind::child_restarted: return "child restarted";
    case report_kind::child_declined: return "child declined to start";
    case report_kind::child_start_failed: return "child did not start";
    case report_kind::child_exited: return "child ended";
    case report_kind::child_stopped: return "child stopped";
    case report_kind::child_abandoned: return "child abandoned";
    case report_kind::child_released: return "what a child held was released";
    case report_kind::release_failed: return "what a child held could not be released";
    case report_kind::supervisor_started: return "supervisor started";
    case report_kind::restart_limit: return "restart limit reached";
    case report_kind::auto_shutdown: return "significant child ended";
    case report_kind::supervisor_ended: return "supervisor ended";
  }
  return "unknown";
}

}  // namespace flott::supervision
