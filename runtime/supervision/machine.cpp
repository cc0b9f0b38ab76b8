#include "runtime/supervision/machine.hpp"

#include "runtime/supervision/report_text.hpp"

#include <algorithm>

namespace flott::supervision {

supervisor_machine::supervisor_machine(supervisor_options options, std::vector<child_options> children,
                                       random_source random)
    : options_(options), random_(std::move(random)) {
  if (is_pool()) {
    pool_spec_ = std::move(children.front());
    return;
  }
  for (auto& each : children)
    insert(std::move(each), origin::boot);
}

// --- events ----------------------------------------------------------------------------------------------------------

actions supervisor_machine::begin(time_point now) {
  for (auto& [key, c] : children_)
    request_start(c, origin::boot);
  drive(now);
  return take();
}

actions supervisor_machine::child_started(child_key key, std::uint64_t incarnation, time_point now) {
  auto* c = of_life(key, incarnation);
  if (c == nullptr || c->state != child_state::starting)
    return {};
  came_up(*c, now);
  drive(now);
  return take();
}

actions supervisor_machine::child_declined(child_key key, std::uint64_t incarnation, time_point now) {
  auto* c = of_life(key, incarnation);
  if (c == nullptr || !(c->state == child_state::starting || c->state == child_state::stopping))
    return {};
  const auto token = std::exchange(c->start_token, std::nullopt);
  tell(report_kind::child_declined, *c);
  to_start_.erase(key);
  gone(*c);
  if (token)
    answer(*token, outcome::declined, key);
  if (leaves_nothing(*c))
    remove(*c);
  drive(now);
  return take();
}

actions supervisor_machine::child_start_failed(child_key key, std::uint64_t incarnation, std::string cause,
                                               time_point now) {
  auto* c = of_life(key, incarnation);
  if (c == nullptr || !(c->state == child_state::starting || c->state == child_state::stopping))
    return {};
  cause = report_text(std::move(cause));
  if (c->state == child_state::stopping)
    went_down(*c, exit_reason::abnormal(std::move(cause)), now);
  else
    start_failed(*c, cause, now);
  drive(now);
  return take();
}

actions supervisor_machine::child_exited(child_key key, std::uint64_t incarnation, exit_reason reason,
                                         time_point now) {
  auto* c = of_life(key, incarnation);
  if (c == nullptr || !c->alive())
    return {};
  reason.text = report_text(std::move(reason.text));
  if (c->state == child_state::starting && reason.kind == exit_kind::abnormal) {
    start_failed(*c, reason.text, now);
  } else {
    if (c->state == child_state::starting)         // it did what it was there for in its first step
      came_up(*c, now);
    went_down(*c, reason, now);
  }
  drive(now);
  return take();
}

actions supervisor_machine::timer_fired(time_point now) {
  armed_.reset();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    auto& c = children_.at(timers_.begin()->second);
    clear_timer(c);
    if (c.alive())
      deadline_passed(c, now);
    else
      wait_is_over(c, now);
  }
  if (ordered())                                   // those of a group whose turn is later have no timer yet
    for (const auto key : to_start_)
      wait_is_over(children_.at(key), now);
  drive(now);
  return take();
}

actions supervisor_machine::stop(exit_reason why, time_point now) {
  if (!stopping_)
    begin_stop(std::move(why));
  drive(now);
  return take();
}

// --- what becomes of a child -------------------------------------------------------------------------------------------

void supervisor_machine::came_up(child& c, time_point now) {
  c.state = child_state::running;
  c.up_since = now;
  clear_timer(c);
  to_start_.erase(c.key);
  if (c.start_origin == origin::restart)
    tell(report_kind::child_restarted, c, {}, c.cause);
  else
    tell(report_kind::child_started, c);
  if (auto token = std::exchange(c.start_token, std::nullopt))
    answer(*token, outcome::ok, c.key);
}

void supervisor_machine::gone(child& c) {
  --alive_;
  clear_timer(c);
  to_stop_.erase(c.key);
  c.killed = false;
  c.start_timed_out = false;
  c.state = child_state::stopped;
  for (const auto token : std::exchange(c.stop_tokens, {}))
    answer(token, outcome::ok, c.key);
}

void supervisor_machine::went_down(child& c, const exit_reason& reason, time_point now) {
  const bool was_stopping = c.state == child_state::stopping;
  const bool start_timed_out = c.start_timed_out;
  const bool was_to_stop = to_stop_.count(c.key) > 0;
  if (start_timed_out) {
    start_failed(c, "did not start within its limit", now);
    return;
  }
  if (reason.kind == exit_kind::abnormal)
    c.last_failure = reason.text;
  tell(was_stopping ? report_kind::child_stopped : report_kind::child_exited, c, reason.text,
       reason.kind == exit_kind::abnormal ? restart_cause::failure : restart_cause::exit);
  gone(c);
  if (to_start_.count(c.key) > 0) {                // a group restart wanted it down, and wants it up again
    c.state = child_state::restarting;
    idle_.insert(c.key);
    return;
  }
  const bool restart = c.options.restart == restart_policy::permanent ||
                       (c.options.restart == restart_policy::transient && reason.kind == exit_kind::abnormal);
  if (restart && !was_stopping && !was_to_stop) {      // of one that stops, all are to stop
    if (c.options.restart_backoff && now - c.up_since >= c.options.restart_backoff->reset_after)
      c.failures_in_a_row = 0;
    incident(c,
             reason.restart_limit                        ? restart_cause::restart_limit
             : reason.kind == exit_kind::abnormal        ? restart_cause::failure
                                                         : restart_cause::exit,
             now);
    return;
  }
  if (!was_stopping && !was_to_stop)
    ended_for_good(c);
  if (leaves_nothing(c))
    remove(c);
}

void supervisor_machine::ended_for_good(const child& c) {
  if (!c.options.significant)                      // or auto_shutdown is not never
    return;
  if (options_.auto_shutdown == auto_shutdown::all_significant)
    for (const auto& [key, other] : children_)
      if (key != c.key && other.options.significant && (other.alive() || to_start_.count(key) > 0))
        return;
  out_.emplace_back(report{report_kind::auto_shutdown, 0, c.options.id, c.incarnation, {}, {}});
  begin_stop(exit_reason::shutdown("auto_shutdown: " + c.options.id + " ended"));
}

void supervisor_machine::start_failed(child& c, const std::string& cause, time_point now) {
  c.last_failure = cause;
  tell(report_kind::child_start_failed, c, cause);
  gone(c);
  if (stopping_ || to_start_.count(c.key) == 0) {  // nobody wants it any more
    cancel_start(c, stopping_ ? outcome::stopping : outcome::terminated);
    if (leaves_nothing(c))
      remove(c);
    return;
  }
  if (c.start_origin == origin::restart || c.options.retry_first_start) {
    incident(c, restart_cause::start_failed, now);
    return;
  }
  to_start_.erase(c.key);
  if (auto token = std::exchange(c.start_token, std::nullopt))
    answer(*token, outcome::start_failed, c.key, cause);
  if (c.start_origin == origin::boot)
    begin_stop(exit_reason::abnormal(c.options.id + " did not start: " + cause));
  else if (c.start_origin == origin::added)
    remove(c);
}

void supervisor_machine::incident(child& c, restart_cause cause, time_point now) {
  if (!within_budget(now)) {
    auto why = exit_reason::abnormal("more than " + std::to_string(options_.intensity.restarts) + " restarts within " +
                                     std::to_string(options_.intensity.period.count()) + " ms; last: " +
                                     c.options.id + ": " + (c.last_failure.empty() ? "ended" : c.last_failure));
    why.restart_limit = true;
    out_.emplace_back(report{report_kind::restart_limit, 0, c.options.id, c.incarnation, cause, why.text});
    begin_stop(std::move(why));
    return;
  }
  // Without a back-off a failed restart is still repeated by the timer, so that requests get their turn.
  std::optional<time_point> wait_until;
  if (c.options.restart_backoff)
    wait_until = now + backoff_delay(*c.options.restart_backoff, ++c.failures_in_a_row, random_());
  else if (cause == restart_cause::start_failed)
    wait_until = now;
  c.cause = cause;
  ++c.restarts[static_cast<std::size_t>(cause)];
  c.wait_until = wait_until;
  request_start(c, origin::restart);
  if (options_.strategy == strategy::one_for_one || is_pool())
    return;
  auto other = options_.strategy == strategy::one_for_all ? children_.begin() : children_.upper_bound(c.key);
  for (; other != children_.end(); ++other)
    if (other->first != c.key)
      take_along(other->second, wait_until);
}

void supervisor_machine::take_along(child& c, std::optional<time_point> wait_until) {
  const bool wanted = to_start_.count(c.key) > 0;
  if (wanted && !c.alive()) {                      // its turn has not come yet
    if (wait_until && (!c.wait_until || *c.wait_until < *wait_until))
      c.wait_until = wait_until;
    return;
  }
  if (c.alive())
    to_stop_.insert(c.key);
  if (c.options.restart == restart_policy::temporary) {
    cancel_start(c, outcome::terminated);          // it is not started again
    return;
  }
  if (!wanted || c.state == child_state::starting)
    ++c.restarts[static_cast<std::size_t>(restart_cause::group)];
  c.cause = restart_cause::group;
  c.wait_until = wait_until;
  request_start(c, wanted ? c.start_origin : origin::restart);   // a first start stays one
}

bool supervisor_machine::within_budget(time_point now) {
  while (!restarts_.empty() && now - restarts_.front() > options_.intensity.period)
    restarts_.pop_front();
  if (restarts_.size() >= options_.intensity.restarts)
    return false;
  restarts_.push_back(now);
  return true;
}

void supervisor_machine::begin_stop(exit_reason why) {
  stopping_ = true;
  end_reason_ = std::move(why);
  for (auto& [key, c] : children_) {
    cancel_start(c, outcome::stopping);
    if (c.alive())
      to_stop_.insert(key);
  }
}

// --- order ---------------------------------------------------------------------------------------------------------

void supervisor_machine::request_start(child& c, origin from) {
  c.start_origin = from;
  to_start_.insert(c.key);
  if (!c.alive()) {
    c.state = child_state::restarting;
    idle_.insert(c.key);
  }
}

void supervisor_machine::wait_is_over(child& c, time_point now) {
  if (!c.wait_until || *c.wait_until > now)
    return;
  c.wait_until.reset();
  if (!c.alive())
    idle_.insert(c.key);
}

void supervisor_machine::cancel_start(child& c, outcome why) {
  to_start_.erase(c.key);
  idle_.erase(c.key);
  c.wait_until.reset();
  if (!c.alive()) {
    clear_timer(c);
    if (c.state == child_state::restarting)
      c.state = child_state::stopped;
  }
  if (auto token = std::exchange(c.start_token, std::nullopt))
    answer(*token, why, c.key);
}

void supervisor_machine::drive(time_point now) {
  if (finished_)
    return;
  drive_stops(now);
  if (!stopping_) {
    if (to_stop_.empty())
      drive_starts(now);
    if (booting_ && to_start_.empty()) {
      booting_ = false;
      out_.emplace_back(report{report_kind::supervisor_started, 0, {}, 0, {}, {}});
    }
  } else if (alive_ == 0) {
    finished_ = true;
    out_.emplace_back(report{report_kind::supervisor_ended, 0, {}, 0, {}, end_reason_.text});
    out_.emplace_back(finished{end_reason_});
  }
}

void supervisor_machine::drive_stops(time_point now) {
  const bool parallel = stopping_ && (options_.stopping == stop_order::parallel || is_pool());
  if (parallel && std::exchange(all_asked_, true))
    return;                                        // nobody comes to life any more
  for (auto key = to_stop_.rbegin(); key != to_stop_.rend(); ++key) {
    auto& c = children_.at(*key);
    if (c.state != child_state::stopping)
      issue_stop(c, now);
    if (!parallel)
      return;
  }
}

bool supervisor_machine::ordered() const {
  return booting_ || options_.strategy == strategy::one_for_all || options_.strategy == strategy::rest_for_one;
}

void supervisor_machine::drive_starts(time_point now) {
  const auto start_or_wait = [&](child& c) {
    if (c.wait_until)
      set_timer(c, *c.wait_until);
    else
      issue_start(c, now);
  };
  if (ordered()) {                                 // the next one when this one is up
    if (!to_start_.empty())
      if (auto& c = children_.at(*to_start_.begin()); !c.alive())
        start_or_wait(c);
    return;
  }
  for (const auto key : std::exchange(idle_, {}))
    start_or_wait(children_.at(key));
}

void supervisor_machine::issue_start(child& c, time_point now) {
  idle_.erase(c.key);
  ++alive_;
  ++c.incarnation;
  c.state = child_state::starting;
  if (const auto limit = c.options.effective_start_limit())
    set_timer(c, now + *limit);
  out_.emplace_back(start_child{c.key, c.incarnation});
}

void supervisor_machine::issue_stop(child& c, time_point now) {
  const auto limit = c.options.effective_shutdown();
  c.state = child_state::stopping;
  c.killed = limit.is_at_once();
  if (c.killed)
    set_timer(c, now + options_.kill_grace);
  else if (limit.is_infinite())
    clear_timer(c);
  else
    set_timer(c, now + limit.limit());
  out_.emplace_back(stop_child{c.key, c.incarnation, c.killed});
}

void supervisor_machine::deadline_passed(child& c, time_point now) {
  if (!c.killed) {
    c.start_timed_out = c.state == child_state::starting;
    c.state = child_state::stopping;
    c.killed = true;
    set_timer(c, now + options_.kill_grace);
    out_.emplace_back(stop_child{c.key, c.incarnation, true});
    return;
  }
  ++c.abandoned;
  ++abandoned_;
  out_.emplace_back(abandon_child{c.key, c.incarnation});
  tell(report_kind::child_abandoned, c, "did not end within its limit");
  const auto key = c.key;
  went_down(c, exit_reason::abnormal("abandoned: did not end within its limit"), now);
  if (const auto left = children_.find(key); left != children_.end() && left->second.state == child_state::stopped)
    left->second.state = child_state::abandoned;
}

}  // namespace flott::supervision
