#!/usr/bin/env python3
"""Breaks each rule of supervision once, and expects unit_supervision to notice.

    tests/mutation/supervision/mutants.py BUILD_DIR [WORD...]     only mutants whose rule contains one of the words

BUILD_DIR is a built tree with Ninja (preset dev). A mutant that no longer fits the source, or that no test notices, is an error.
"""
import os
import re
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", "..", ".."))
TEST = "bin/unit_supervision"
MACHINE, ADMIN, SPEC, TREE, TEXT, LEDGER, LETTERS = (
    f"runtime/supervision/{name}.cpp"
    for name in ("machine", "machine_admin", "spec", "tree", "report_text", "ledger", "dead_letters"))

# rule, file, what stands there, what a wrong machine would have instead
MUTANTS = [
    ("permanent children always come back", MACHINE, "c.options.restart == restart_policy::permanent ||", "false ||"),
    ("transient children come back after an abnormal end", MACHINE,
     "(c.options.restart == restart_policy::transient && reason.kind == exit_kind::abnormal);", "false;"),
    ("transient children stay away after a normal end", MACHINE,
     "(c.options.restart == restart_policy::transient && reason.kind == exit_kind::abnormal);",
     "c.options.restart == restart_policy::transient;"),
    ("temporary children leave no spec", MACHINE, "  if (leaves_nothing(c))\n    remove(c);\n}\n\nvoid supervisor_machine::ended_for_good",
     "}\n\nvoid supervisor_machine::ended_for_good"),
    ("what is to stop is not restarted", MACHINE, "if (restart && !was_stopping && !was_to_stop) {",
     "if (restart && !was_stopping) {"),
    ("what was stopped on request is not restarted", MACHINE, "if (restart && !was_stopping && !was_to_stop) {",
     "if (restart && !was_to_stop) {"),
    ("the budget: n restarts, not n+1", MACHINE, "if (restarts_.size() >= options_.intensity.restarts)",
     "if (restarts_.size() > options_.intensity.restarts)"),
    ("the budget: exactly the period still counts", MACHINE, "now - restarts_.front() > options_.intensity.period",
     "now - restarts_.front() >= options_.intensity.period"),
    ("the budget: old restarts are forgotten", MACHINE,
     "  while (!restarts_.empty() && now - restarts_.front() > options_.intensity.period)\n    restarts_.pop_front();\n", ""),
    ("the budget: each restart counts", MACHINE, "  restarts_.push_back(now);\n", ""),
    ("an exhausted budget has a reason of its own", MACHINE, "    why.restart_limit = true;\n", ""),
    ("one_for_one takes nobody along", MACHINE, "if (options_.strategy == strategy::one_for_one || is_pool())", "if (is_pool())"),
    ("one_for_all takes all along", MACHINE, "options_.strategy == strategy::one_for_all ? children_.begin()",
     "false ? children_.begin()"),
    ("rest_for_one leaves the earlier ones alone", MACHINE, ": children_.upper_bound(c.key);", ": children_.begin();"),
    ("pools take nobody along", MACHINE, "if (options_.strategy == strategy::one_for_one || is_pool())",
     "if (options_.strategy == strategy::one_for_one)"),
    ("groups: nobody starts before everybody is down", MACHINE, "    if (to_stop_.empty())\n      drive_starts(now);", "    drive_starts(now);"),
    ("groups: started in order, one at a time", MACHINE, "  if (ordered()) {                                 // the next one when this one is up", "  if (false) {"),
    ("groups: the next one starts when this one is up", MACHINE, "if (auto& c = children_.at(*to_start_.begin()); !c.alive())", "if (auto& c = children_.at(*to_start_.rbegin()); !c.alive())"),
    ("groups: who starts is not started again", MACHINE, "if (auto& c = children_.at(*to_start_.begin()); !c.alive())", "if (auto& c = children_.at(*to_start_.begin()); true)"),
    ("boots are in order whatever the strategy", MACHINE, "  return booting_ || options_.strategy == strategy::one_for_all", "  return options_.strategy == strategy::one_for_all"),
    ("one_for_all is ordered", MACHINE, "booting_ || options_.strategy == strategy::one_for_all || ", "booting_ || "),
    ("rest_for_one is ordered", MACHINE, " || options_.strategy == strategy::rest_for_one;", ";"),
    ("stopped in reverse order", MACHINE, "for (auto key = to_stop_.rbegin(); key != to_stop_.rend(); ++key) {",
     "for (auto key = to_stop_.begin(); key != to_stop_.end(); ++key) {"),
    ("stopped one at a time", MACHINE, "    if (!parallel)\n      return;", ""),
    ("parallel stop asks all at once", MACHINE, "const bool parallel = stopping_ && (options_.stopping == stop_order::parallel || is_pool());",
     "const bool parallel = stopping_ && is_pool();"),
    ("pools stop in parallel", MACHINE, "(options_.stopping == stop_order::parallel || is_pool())", "options_.stopping == stop_order::parallel"),
    ("temporary bystanders are not restarted", MACHINE,
     "  if (c.options.restart == restart_policy::temporary) {\n    cancel_start(c, outcome::terminated);          // it is not started again\n    return;\n  }\n", ""),
    ("a first failing start is not retried", MACHINE, "if (c.start_origin == origin::restart || c.options.retry_first_start) {", "if (true) {"),
    ("retry_first_start retries", MACHINE, "if (c.start_origin == origin::restart || c.options.retry_first_start) {",
     "if (c.start_origin == origin::restart) {"),
    ("a failing boot ends the supervisor", MACHINE, "  if (c.start_origin == origin::boot)\n    begin_stop(", "  if (false)\n    begin_stop("),
    ("a failing added child leaves no spec", MACHINE, "  else if (c.start_origin == origin::added)\n    remove(c);", ""),
    ("declined: a temporary child leaves no spec", MACHINE, "  if (leaves_nothing(*c))\n    remove(*c);", ""),
    ("asked before killed", MACHINE, "  c.killed = limit.is_at_once();", "  c.killed = true;"),
    ("children to be stopped at once are not asked", MACHINE, "  c.killed = limit.is_at_once();", "  c.killed = false;"),
    ("killed after the limit", MACHINE, "    set_timer(c, now + limit.limit());", "    ;"),
    ("an infinite limit is one", MACHINE, "  else if (limit.is_infinite())\n    clear_timer(c);", "  else if (limit.is_infinite())\n    set_timer(c, now + milliseconds{1});"),
    ("abandoned after the grace", MACHINE, "  out_.emplace_back(abandon_child{c.key, c.incarnation});\n", ""),
    ("the abandoned are counted", MACHINE, "  ++abandoned_;\n", ""),
    ("the grace is kept", MACHINE, "    set_timer(c, now + options_.kill_grace);\n    out_.emplace_back(stop_child{c.key, c.incarnation, true});",
     "    set_timer(c, now);\n    out_.emplace_back(stop_child{c.key, c.incarnation, true});"),
    ("events of another life are ignored", ADMIN, "|| found->second.incarnation != incarnation", ""),
    ("starts have a limit", MACHINE, "    set_timer(c, now + *limit);\n", "    ;\n"),
    ("back-off grows", MACHINE, "backoff_delay(*c.options.restart_backoff, ++c.failures_in_a_row, random_())",
     "backoff_delay(*c.options.restart_backoff, 1, random_())"),
    ("back-off begins anew after quiet time", MACHINE, "      c.failures_in_a_row = 0;", "      ;"),
    ("a group waits for the back-off", MACHINE, "      take_along(other->second, wait_until);", "      take_along(other->second, std::nullopt);"),
    ("failing restarts give requests their turn", MACHINE, "  else if (cause == restart_cause::start_failed)\n    wait_until = now;", ""),
    ("significant: any", MACHINE, "  begin_stop(exit_reason::shutdown(\"auto_shutdown: \" + c.options.id + \" ended\"));", ""),
    ("significant: all waits for the others", MACHINE, "  if (options_.auto_shutdown == auto_shutdown::all_significant)\n", "  if (false)\n"),
    ("significant: those that are not do not count", MACHINE, "  if (!c.options.significant)                      // or", "  if (false)  // or"),
    ("significant: one that was stopped does not count", MACHINE, "  if (!was_stopping && !was_to_stop)\n    ended_for_good(c);", "  ended_for_good(c);"),
    ("significant: a waiting restart has not ended", MACHINE, "(other.alive() || to_start_.count(key) > 0))", "other.alive())"),
    ("ids are unique", ADMIN, "} else if (const auto* there = by_id(options.id)) {", "} else if (const child* there = nullptr) {"),
    ("running children are not restarted on request", ADMIN, "  } else if (c->alive()) {\n    answer(token, outcome::running, c->key);\n  } else if (c->state == child_state::restarting) {\n    answer(token, outcome::restarting, c->key);\n  } else {\n    c->start_token = token;",
     "  } else {\n    c->start_token = token;"),
    ("running children are not deleted", ADMIN, "  } else if (c->alive()) {\n    answer(token, outcome::running, c->key);\n  } else if (c->state == child_state::restarting) {\n    answer(token, outcome::restarting, c->key);\n  } else {\n    const auto key = c->key;",
     "  } else {\n    const auto key = c->key;"),
    ("requests to one that ends are refused", ADMIN, "  if (stopping_) {\n    answer(token, outcome::stopping);\n  } else if (is_pool()) {\n    answer(token, outcome::bad_spec",
     "  if (is_pool()) {\n    answer(token, outcome::bad_spec"),
    ("terminate ends a restart loop", ADMIN, "  cancel_start(c, outcome::terminated);\n  if (c.alive()) {", "  if (c.alive()) {"),
    ("terminate is answered when the child is down", ADMIN, "    c.stop_tokens.push_back(token);\n", "    answer(token, outcome::ok, c.key);\n"),
    ("pools: id operations are refused", ADMIN, "  if (is_pool())\n    answer(token, outcome::by_handle_only);\n  else if", "  if"),
    ("change: all or nothing", ADMIN, "  FLOTT_TRY(validate(options, children));\n", ""),
    ("change: starts nobody", ADMIN, "      insert(std::move(each), origin::manual);", "      request_start(insert(std::move(each), origin::manual), origin::manual);"),
    ("change: a pool stays one", ADMIN, "  if (is_pool() != (options.strategy == strategy::pool))", "  if (false)"),
    ("specs: duplicate ids", SPEC, "if (!ids.insert(child.id).second)", "if (false)"),
    ("specs: significant and permanent", SPEC, "if (child.significant && child.restart == restart_policy::permanent)", "if (false)"),
    ("specs: the default limits", SPEC, "child_kind::supervisor ? shutdown_limit::infinite()", "child_kind::worker ? shutdown_limit::infinite()"),
    ("back-off: the maximum", SPEC, "const double plain = std::min(maximum,", "const double plain = std::max(0.0,"),
    ("back-off: jitter", SPEC, "plain * (1 + how.jitter * (2 * random - 1))", "plain"),
    # events
    ("a start that is told twice is told once", MACHINE, "if (c == nullptr || c->state != child_state::starting)", "if (c == nullptr)"),
    ("who runs can't decline", MACHINE, "  if (c == nullptr || !(c->state == child_state::starting || c->state == child_state::stopping))\n    return {};\n  const auto token", "  if (c == nullptr)\n    return {};\n  const auto token"),
    ("who runs can't fail to start", MACHINE, "  if (c == nullptr || !(c->state == child_state::starting || c->state == child_state::stopping))\n    return {};\n  cause", "  if (c == nullptr)\n    return {};\n  cause"),
    ("who is down can't end", MACHINE, "if (c == nullptr || !c->alive())", "if (c == nullptr)"),
    ("declined: the asker hears", MACHINE, "    answer(*token, outcome::declined, key);", "    answer(*token, outcome::ok, key);"),
    ("declined: it is not wanted any more", MACHINE, "  tell(report_kind::child_declined, *c);\n  to_start_.erase(key);", "  tell(report_kind::child_declined, *c);"),
    ("an abnormal end of a first step is a failed start", MACHINE, "c->state == child_state::starting && reason.kind == exit_kind::abnormal", "false"),
    ("a normal end of a first step is a start and an end", MACHINE, "      came_up(*c, now);\n    went_down", "      ;\n    went_down"),
    ("a failed start of one that is stopped is its stop", MACHINE, "  if (c->state == child_state::stopping)\n    went_down", "  if (false)\n    went_down"),
    ("reports of failed starts are one line", MACHINE, "  cause = report_text(std::move(cause));\n", ""),
    ("reports of ends are one line", MACHINE, "  reason.text = report_text(std::move(reason.text));\n", ""),
    ("the next timer is armed", MACHINE, "  armed_.reset();\n", ""),
    ("an earlier timer is armed", ADMIN, "(!armed_ || timers_.begin()->first < *armed_)", "!armed_"),
    ("timers: not before their time", MACHINE, "timers_.begin()->first <= now", "true"),
    ("timers: of the living, a deadline", MACHINE, "    if (c.alive())\n      deadline_passed(c, now);", "    if (false)\n      deadline_passed(c, now);"),
    ("timers: of the others, the end of a wait", MACHINE, "    else\n      wait_is_over(c, now);", ""),
    ("timers: one is enough for a group", MACHINE, "    for (const auto key : to_start_)\n      wait_is_over(children_.at(key), now);", "    ;"),
    ("timers: a wait is not over before its time", MACHINE, "if (!c.wait_until || *c.wait_until > now)", "if (!c.wait_until)"),
    ("timers: a wait that is over is none", MACHINE, "  c.wait_until.reset();\n  if (!c.alive())\n    idle_", "  if (!c.alive())\n    idle_"),
    ("timers: who has waited starts", MACHINE, "    idle_.insert(c.key);\n}\n\nvoid supervisor_machine::cancel_start", "    ;\n}\n\nvoid supervisor_machine::cancel_start"),
    ("stop: the first reason counts", MACHINE, "  if (!stopping_)\n    begin_stop", "  begin_stop"),
    # what becomes of a child
    ("up: its start limit does not apply any more", MACHINE, "  c.up_since = now;\n  clear_timer(c);", "  c.up_since = now;"),
    ("up: since when", MACHINE, "  c.up_since = now;\n", ""),
    ("up: not wanted any more", MACHINE, "  to_start_.erase(c.key);\n  if (c.start_origin", "  if (c.start_origin"),
    ("up: restarts are told apart", MACHINE, "  if (c.start_origin == origin::restart)\n    tell", "  if (false)\n    tell"),
    ("up: the asker hears", MACHINE, "    answer(*token, outcome::ok, c.key);\n}\n\nvoid supervisor_machine::gone", "    ;\n}\n\nvoid supervisor_machine::gone"),
    ("down: counted", MACHINE, "  --alive_;\n", ""),
    ("down: no deadline any more", MACHINE, "  --alive_;\n  clear_timer(c);", "  --alive_;"),
    ("down: not to be stopped any more", MACHINE, "  to_stop_.erase(c.key);\n  c.killed", "  c.killed"),
    ("down: the next life was not killed", MACHINE, "  c.killed = false;\n", ""),
    ("down: the next life was not late", MACHINE, "  c.start_timed_out = false;\n", ""),
    ("down: who asked for it hears", MACHINE, "    answer(token, outcome::ok, c.key);\n}", "    (void) token;\n}"),
    ("down: late starts are failed starts", MACHINE, "  if (start_timed_out) {", "  if (false) {"),
    ("down: what it said last is kept", MACHINE, "  if (reason.kind == exit_kind::abnormal)\n    c.last_failure = reason.text;", ""),
    ("down: a normal end is no failure", MACHINE, "  if (reason.kind == exit_kind::abnormal)\n    c.last_failure", "  c.last_failure"),
    ("down: stopped or ended by itself", MACHINE, "was_stopping ? report_kind::child_stopped : report_kind::child_exited", "report_kind::child_exited"),
    ("down: reports tell failures from ends", MACHINE, "reason.kind == exit_kind::abnormal ? restart_cause::failure : restart_cause::exit);\n  gone", "restart_cause::exit);\n  gone"),
    ("down: a group wants it up again", MACHINE, "  if (to_start_.count(c.key) > 0) {                // a group restart", "  if (false) {                // a group restart"),
    ("down: waits visibly", MACHINE, "    c.state = child_state::restarting;\n    idle_.insert(c.key);\n    return;", "    idle_.insert(c.key);\n    return;"),
    ("causes: a supervisor's budget", MACHINE, "reason.restart_limit                        ?", "false ?"),
    ("causes: a failure", MACHINE, ": reason.kind == exit_kind::abnormal        ?", ": false ?"),
    ("failed starts: told with the cause", MACHINE, "  tell(report_kind::child_start_failed, c, cause);\n", ""),
    ("failed starts: kept", MACHINE, "  c.last_failure = cause;\n", ""),
    ("failed starts: not retried when nobody wants it", MACHINE, "if (stopping_ || to_start_.count(c.key) == 0) {", "if (false) {"),
    ("failed starts: temporary ones that nobody wants leave nothing", MACHINE, "    cancel_start(c, stopping_ ? outcome::stopping : outcome::terminated);\n    if (leaves_nothing(c))\n      remove(c);", ""),
    ("failed starts: the asker hears why", MACHINE, "    answer(*token, outcome::start_failed, c.key, cause);", "    answer(*token, outcome::start_failed, c.key);"),
    ("failed starts: not wanted any more", MACHINE, "  to_start_.erase(c.key);\n  if (auto token = std::exchange(c.start_token, std::nullopt))\n    answer(*token, outcome::start_failed", "  if (auto token = std::exchange(c.start_token, std::nullopt))\n    answer(*token, outcome::start_failed"),
    ("an exhausted budget is told with the last cause", MACHINE, '(c.last_failure.empty() ? "ended" : c.last_failure)', '"ended"'),
    ("an exhausted budget is reported", MACHINE, "    out_.emplace_back(report{report_kind::restart_limit, 0, c.options.id, c.incarnation, cause, why.text});\n", ""),
    ("an exhausted budget ends the supervisor", MACHINE, "    begin_stop(std::move(why));\n    return;", "    return;"),
    ("restarts are counted by cause", MACHINE, "  ++c.restarts[static_cast<std::size_t>(cause)];\n", ""),
    ("restarts are told with their cause", MACHINE, "  c.cause = cause;\n", ""),
    ("a wait is kept", MACHINE, "  c.wait_until = wait_until;\n  request_start(c, origin::restart);", "  request_start(c, origin::restart);"),
    ("groups: the living are stopped", MACHINE, "  if (c.alive())\n    to_stop_.insert(c.key);\n  if (c.options.restart", "  if (c.options.restart"),
    ("groups: counted as such", MACHINE, "    ++c.restarts[static_cast<std::size_t>(restart_cause::group)];", "    ;"),
    ("groups: an incident is counted once for each", MACHINE, "  if (!wanted || c.state == child_state::starting)\n", ""),
    ("groups: a start under way that is taken along is counted", MACHINE, "  if (!wanted || c.state == child_state::starting)\n", "  if (!wanted)\n"),
    ("groups: told as such", MACHINE, "  c.cause = restart_cause::group;\n", ""),
    ("groups: a first start stays one", MACHINE, "request_start(c, wanted ? c.start_origin : origin::restart);", "request_start(c, origin::restart);"),
    ("stopping: starts under way are answered", MACHINE, "    cancel_start(c, outcome::stopping);\n", ""),
    ("stopping: all who live are stopped", MACHINE, "    if (c.alive())\n      to_stop_.insert(key);", ""),
    ("stopping: what waited starts no more", MACHINE, "  if (!stopping_) {\n    if (to_stop_.empty())", "  if (true) {\n    if (to_stop_.empty())"),
    ("cancelled: not wanted", MACHINE, "  to_start_.erase(c.key);\n  idle_.erase(c.key);\n  c.wait_until.reset();", "  idle_.erase(c.key);\n  c.wait_until.reset();"),
    ("cancelled: waits no more", MACHINE, "  idle_.erase(c.key);\n  c.wait_until.reset();", "  idle_.erase(c.key);"),
    ("cancelled: has no timer", MACHINE, "  if (!c.alive()) {\n    clear_timer(c);", "  if (!c.alive()) {"),
    ("cancelled: is stopped", MACHINE, "    if (c.state == child_state::restarting)\n      c.state = child_state::stopped;", ""),
    ("cancelled: the asker hears", MACHINE, "    answer(*token, why, c.key);", "    ;"),
    ("after the end nothing follows", MACHINE, "  if (finished_)\n    return;\n", ""),
    ("the end waits for the last", MACHINE, "  } else if (alive_ == 0) {", "  } else {"),
    ("up is told once", MACHINE, "      booting_ = false;\n      out_", "      out_"),
    ("up is told when all are", MACHINE, "if (booting_ && to_start_.empty()) {", "if (booting_) {"),
    ("asked once", MACHINE, "    if (c.state != child_state::stopping)\n      issue_stop", "    issue_stop"),
    ("each life has a number", MACHINE, "  ++c.incarnation;\n", ""),
    ("a late start is killed", MACHINE, "    c.start_timed_out = c.state == child_state::starting;\n", ""),
    ("who is killed is stopping", MACHINE, "    c.start_timed_out = c.state == child_state::starting;\n    c.state = child_state::stopping;", "    c.start_timed_out = c.state == child_state::starting;"),
    ("killed at once: the grace", MACHINE, "  if (c.killed)\n    set_timer(c, now + options_.kill_grace);", "  if (c.killed)\n    ;"),
    ("the abandoned are told", MACHINE, '  tell(report_kind::child_abandoned, c, "did not end within its limit");\n', ""),
    ("the abandoned are counted for the child", MACHINE, "  ++c.abandoned;\n", ""),
    ("the abandoned are seen", MACHINE, "    left->second.state = child_state::abandoned;", "    ;"),
    ("groups: all wait for the longest wait", MACHINE, "    if (wait_until && (!c.wait_until || *c.wait_until < *wait_until))\n      c.wait_until = wait_until;\n    return;", "    return;"),
    ("groups: never for a shorter one", MACHINE, "(!c.wait_until || *c.wait_until < *wait_until)", "true"),
    ("groups: whose turn has not come is not taken along", MACHINE, "  if (wanted && !c.alive()) {", "  if (false) {"),
    ("cancelled: not even when its turn comes", MACHINE, "  idle_.erase(c.key);\n  c.wait", "  c.wait"),
    ("abandoned is seen only of who does not come back", MACHINE, "left != children_.end() && left->second.state == child_state::stopped)", "left != children_.end())"),
    ("an infinite limit to stop outlasts the limit to start", MACHINE, "  else if (limit.is_infinite())\n    clear_timer(c);", "  else if (limit.is_infinite())\n    ;"),
    # requests
    ("pools take no other children", ADMIN, "  } else if (is_pool()) {\n    answer(token, outcome::bad_spec, 0", "  } else if (false) {\n    answer(token, outcome::bad_spec, 0"),
    ("bad specs are refused", ADMIN, "} else if (const auto valid = validate(options, options_); !valid) {", "} else if (const auto valid = validate(options, options_); false) {"),
    ("bad specs are refused under this supervisor", ADMIN, "validate(options, options_)", "validate(options)"),
    ("running or only present", ADMIN, "there->alive() ? outcome::already_started : outcome::already_present", "outcome::already_started"),
    ("added: the asker hears", ADMIN, "insert(std::move(options), origin::added);\n    c.start_token = token;\n    request_start(c, origin::added);\n    drive(now);\n  }\n  return take();\n}\n\nactions supervisor_machine::add_to_pool", "insert(std::move(options), origin::added);\n    request_start(c, origin::added);\n    drive(now);\n  }\n  return take();\n}\n\nactions supervisor_machine::add_to_pool"),
    ("pools that end refuse", ADMIN, "  if (stopping_) {\n    answer(token, outcome::stopping);\n  } else if (!is_pool()) {", "  if (!is_pool()) {"),
    ("only pools make children of one spec", ADMIN, "  } else if (!is_pool()) {", "  } else if (false) {"),
    ("pools number their children", ADMIN, "    options.id = std::to_string(next_key_);\n", ""),
    ("terminate: who is unknown", ADMIN, "  else if (c == nullptr)\n    answer(token, stopping_ ? outcome::stopping : outcome::not_found);\n  else\n    terminate(*c", "  else if (c == nullptr)\n    answer(token, outcome::ok);\n  else\n    terminate(*c"),
    ("terminate: whose handle is unknown", ADMIN, "    terminate(found->second, token, now);\n  else\n    answer(token, stopping_ ? outcome::stopping : outcome::not_found);", "    terminate(found->second, token, now);\n  else\n    answer(token, outcome::ok);"),
    ("terminate: keeps its place in a group", ADMIN, "if (c.state != child_state::stopping && to_stop_.count(c.key) == 0)", "if (c.state != child_state::stopping)"),
    ("terminate: asks once", ADMIN, "if (c.state != child_state::stopping && to_stop_.count(c.key) == 0)", "if (to_stop_.count(c.key) == 0)"),
    ("terminate: temporary ones that wait leave nothing", ADMIN, "    answer(token, outcome::ok, c.key);\n    if (leaves_nothing(c))\n      remove(c);", "    answer(token, outcome::ok, c.key);"),
    ("terminate: the others go on", ADMIN, "      remove(c);\n  }\n  drive(now);", "      remove(c);\n  }"),
    ("restart: not while stopping", ADMIN, "  if (stopping_) {\n    answer(token, outcome::stopping);\n  } else if (is_pool()) {\n    answer(token, outcome::by_handle_only);\n  } else if (c == nullptr) {\n    answer(token, outcome::not_found);\n  } else if (c->alive()) {\n    answer(token, outcome::running, c->key);\n  } else if (c->state == child_state::restarting) {\n    answer(token, outcome::restarting, c->key);\n  } else {\n    c->start_token", "  if (is_pool()) {\n    answer(token, outcome::by_handle_only);\n  } else if (c == nullptr) {\n    answer(token, outcome::not_found);\n  } else if (c->alive()) {\n    answer(token, outcome::running, c->key);\n  } else if (c->state == child_state::restarting) {\n    answer(token, outcome::restarting, c->key);\n  } else {\n    c->start_token"),
    ("restart: the asker hears", ADMIN, "    c->start_token = token;\n    c->failures", "    c->failures"),
    ("restart: begins the back-off anew", ADMIN, "    c->failures_in_a_row = 0;", "    ;"),
    ("restart: a failing one is not retried", ADMIN, "    request_start(*c, origin::manual);", "    request_start(*c, origin::restart);"),
    ("delete: leaves nothing", ADMIN, "    remove(*c);\n    answer(token, outcome::ok, key);", "    answer(token, outcome::ok, key);"),
    ("delete: ids are free again", ADMIN, "  ids_.erase(c.options.id);\n", ""),
    ("delete: told", ADMIN, "  out_.emplace_back(forget_child{key});\n", ""),
    ("change: who stays without a spec has to fit", ADMIN, "if (c.options.significant && options.auto_shutdown == auto_shutdown::never && !is_pool() &&", "if (false &&"),
    ("change: who gets another spec does not have to", ADMIN, "std::none_of(children.begin(), children.end()", "!std::none_of(children.begin(), children.end()"),
    ("change: the supervisor's own", ADMIN, "  options_ = options;\n", ""),
    ("change: the pool's next children", ADMIN, "    pool_spec_ = std::move(children.front());\n    for", "    pool_spec_.id = children.front().id;\n    for"),
    ("change: the pool's children", ADMIN, "      c.options = pool_spec_;\n", ""),
    ("change: the pool's children keep their ids", ADMIN, "      c.options.id = id;\n", ""),
    ("change: the children's", ADMIN, "      there->options = std::move(each);", "      ;"),
    # views
    ("views: the time left", ADMIN, "std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(*c.timer - now))", "milliseconds{0}"),
    ("views: only of those who wait", ADMIN, "if (c.state == child_state::restarting && c.timer)", "if (c.timer)"),
    ("views: incarnations", ADMIN, "    node.incarnation = c.incarnation;\n", ""),
    ("views: restarts", ADMIN, "    node.restarts = c.restarts;\n", ""),
    ("views: abandoned lives", ADMIN, "    node.abandoned = c.abandoned;\n", ""),
    ("views: failures", ADMIN, "    node.last_failure = c.last_failure;\n", ""),
    ("views: kinds", ADMIN, "    node.kind = c.options.kind;\n", ""),
    ("counts: a pool has one spec", ADMIN, "is_pool() ? 1 : children_.size()", "children_.size()"),
    ("counts: supervisors and workers", ADMIN, "c.options.kind == child_kind::supervisor ? counted.supervisors", "false ? counted.supervisors"),
    ("counts: who is active", ADMIN, "counted.active = alive_;", "counted.active = children_.size();"),
    ("state: stopped", ADMIN, "finished_ ? child_state::stopped\n", "false ? child_state::stopped\n"),
    ("state: stopping", ADMIN, ": stopping_ ? child_state::stopping", ": false ? child_state::stopping"),
    ("state: starting", ADMIN, ": booting_  ? child_state::starting", ": false ? child_state::starting"),
    # specs, field by field
    ("specs: id empty", SPEC, "if (child.id.empty())", "if (false)"),
    ("specs: id with a slash", SPEC, "if (child.id.find('/') != std::string::npos)", "if (false)"),
    ("specs: kind", SPEC, "if (static_cast<unsigned>(child.kind) > static_cast<unsigned>(child_kind::supervisor))", "if (false)"),
    ("specs: restart", SPEC, "if (static_cast<unsigned>(child.restart) > static_cast<unsigned>(restart_policy::temporary))", "if (false)"),
    ("specs: shutdown", SPEC, "if (child.shutdown && !child.shutdown->is_infinite() && child.shutdown->limit().count() < 0)", "if (false)"),
    ("specs: start_limit", SPEC, "if (child.start_limit && child.start_limit->count() <= 0)", "if (false)"),
    ("specs: retry_first_start", SPEC, "if (child.retry_first_start && child.restart == restart_policy::temporary)", "if (false)"),
    ("specs: restart_backoff of temporary children", SPEC, "if (child.restart == restart_policy::temporary)\n      return", "if (false)\n      return"),
    ("specs: restart_backoff.initial", SPEC, "if (b.initial.count() <= 0)", "if (false)"),
    ("specs: restart_backoff.maximum", SPEC, "if (b.maximum < b.initial)", "if (false)"),
    ("specs: restart_backoff.multiplier", SPEC, "if (!(b.multiplier >= 1) || !std::isfinite(b.multiplier))", "if (false)"),
    ("specs: restart_backoff.jitter", SPEC, "if (!(b.jitter >= 0 && b.jitter < 1))", "if (false)"),
    ("specs: restart_backoff.reset_after", SPEC, "if (b.reset_after.count() < 0)", "if (false)"),
    ("specs: significant under never", SPEC, "if (child.significant && under.auto_shutdown == auto_shutdown::never)", "if (false)"),
    ("specs: strategy", SPEC, "if (static_cast<unsigned>(options.strategy) > static_cast<unsigned>(strategy::pool))", "if (false)"),
    ("specs: auto_shutdown", SPEC, "if (static_cast<unsigned>(options.auto_shutdown) > static_cast<unsigned>(auto_shutdown::all_significant))", "if (false)"),
    ("specs: auto_shutdown of pools", SPEC, "if (options.strategy == strategy::pool && options.auto_shutdown != auto_shutdown::never)", "if (false)"),
    ("specs: children of pools", SPEC, "if (options.strategy == strategy::pool && children.size() != 1)", "if (false)"),
    ("specs: stopping", SPEC, "if (static_cast<unsigned>(options.stopping) > static_cast<unsigned>(stop_order::parallel))", "if (false)"),
    ("specs: intensity.restarts", SPEC, "if (options.intensity.restarts > most_restarts)", "if (false)"),
    ("specs: intensity.period of nothing", SPEC, "if (options.intensity.period.count() <= 0 ||", "if ("),
    ("specs: intensity.period without end", SPEC, " || options.intensity.period > longest_period)", ")"),
    ("specs: kill_grace", SPEC, "if (options.kill_grace.count() < 0)", "if (false)"),
    ("specs: back-offs are checked", SPEC, "    FLOTT_TRY(validate(child.id, *child.restart_backoff));\n", ""),
    ("specs: a child is checked under its supervisor as well", SPEC, "  FLOTT_TRY(validate(child));\n", ""),
    ("specs: all children are checked", SPEC, "    FLOTT_TRY(validate(child, options));\n", ""),
    ("specs: a limit that is named", SPEC, "  if (shutdown)\n    return *shutdown;\n", ""),
    ("specs: a start limit that is named", SPEC, "  if (start_limit)\n    return start_limit;\n", ""),
    ("specs: the default start limits", SPEC, "child_kind::supervisor ? std::nullopt", "child_kind::worker ? std::nullopt"),
    ("back-off: grows by its multiplier", SPEC, "std::pow(how.multiplier, exponent)", "exponent"),
    ("back-off: the first is the initial one", SPEC, "static_cast<double>(failures - 1) : 0.0", "static_cast<double>(failures) : 0.0"),
    ("back-off: never above the maximum", SPEC, "std::clamp(spread, 0.0, maximum)", "spread"),
    # what people see
    ("texts: cut", TEXT, "if (text.size() > 2 * half + 5) {", "if (false) {"),
    ("texts: not before they are too long", TEXT, "text.size() > 2 * half + 5", "text.size() > 2 * half"),
    ("texts: the end is kept", TEXT, ' + " ... " + text.substr(tail)', ""),
    ("texts: no half characters at the cut's begin", TEXT, "      --head;\n", "      break;\n"),
    ("texts: no half characters at the cut's end", TEXT, "      ++tail;\n", "      break;\n"),
    ("texts: one line", TEXT, "  std::replace_if", "  if (false) std::replace_if"),
    ("tree: restart_in", TREE, "json::value(node.restart_in->count())", "json::value(0)"),
    ("tree: restarts by cause", TREE, "      restarts[to_string(static_cast<restart_cause>(i))] = node.restarts[i];", "      ;"),
    ("tree: restarts in all", TREE, '  restarts["total"] = total;', '  restarts["total"] = 0;'),
    ("tree: no failure is null", TREE, "node.last_failure.empty() ? json::value(nullptr) : ", ""),
    ("tree: long ledgers are cut", TREE, "std::min(node.ledger.size(), most_entries)", "node.ledger.size()"),
    ("tree: who did not answer", TREE, "  if (node.unanswered)\n    out[", "  if (false)\n    out["),
    ("tree: only supervisors have children", TREE, "  if (node.kind == child_kind::supervisor) {\n", "  if (true) {\n"),
    ("tree: only the root is told by its path", TREE, "return root ? node.path : ", "return "),
    ("tree: below is told without its parents", TREE, "node.path.substr(node.path.rfind('/') + 1)", "node.path"),
    ("tree: text is indented", TREE, "append_text(*child, depth + 1, out);", "append_text(*child, depth, out);"),
    ("tree: text tells who blocks", TREE, "node.state == child_state::stopping && v->in_handler_ms > 0", "false"),
    ("tree: text tells the abandoned", TREE, "  if (node.abandoned > 0)", "  if (false)"),
    ("tree: text tells what is held", TREE, "  if (!node.ledger.empty())", "  if (false)"),
    ("tree: text tells who did not answer", TREE, "  if (node.unanswered)\n    out +=", "  if (false)\n    out +="),
    # ledgers and dead letters
    ("ledger: assigning gives back what was held", LEDGER, "    release();\n    ledger_ = std::move", "    ledger_ = std::move"),
    ("ledger: assigning takes over the number", LEDGER, "    number_ = other.number_;\n", ""),
    ("ledger: a lease releases once", LEDGER, "  if (const auto from = std::exchange(ledger_, nullptr))\n    if", "  if (const auto from = ledger_)\n    if"),
    ("ledger: leases call the release", LEDGER, "      release();\n}", "      ;\n}"),
    ("ledger: handing over strikes off", LEDGER, "    from->strike(number_);", "    ;"),
    ("ledger: nothing is booked after the end", LEDGER, "    if (!closed_) {", "    if (true) {"),
    ("ledger: what comes late is given back", LEDGER, "  release();\n  return {};", "  return {};"),
    ("ledger: the end is the end", LEDGER, "      closed_ = true;\n", ""),
    ("ledger: the latest first", LEDGER, "entries_.extract(std::prev(entries_.end()))", "entries_.extract(entries_.begin())"),
    ("ledger: releases are counted", LEDGER, "    ++done.released;\n", ""),
    ("ledger: closing releases", LEDGER, "      last.release();\n", ""),
    ("ledger: who throws is told", LEDGER, '      done.failed.push_back(last.what + ": " + e.what());', "      (void) e;"),
    ("ledger: whatever is thrown", LEDGER, '      done.failed.push_back(last.what + ": an exception that is no std::exception");', "      ;"),
    ("ledger: struck off is struck off", LEDGER, "  auto node = entries_.extract(number);\n  return node.empty() ? release_function{} : std::move(node.mapped().release);", "  auto node = entries_.find(number);\n  return node == entries_.end() ? release_function{} : node->second.release;"),
    ("ledger: entries are told", LEDGER, "    names.push_back(booked.what);", "    ;"),
    ("ledger: the size is told", LEDGER, "  return entries_.size();", "  return 0;"),
    ("dead letters: the sum", LETTERS, "    total += each.load(std::memory_order_relaxed);", "    total = each.load(std::memory_order_relaxed);"),
    ("dead letters: so many a second", LETTERS, "< per_second_;", ">= 0;"),
    ("dead letters: each second anew", LETTERS, "    shown_in_second_.store(0, std::memory_order_relaxed);", "    ;"),
    ("dead letters: anew each second only", LETTERS, "  if (second_.exchange(second, std::memory_order_relaxed) != second)\n", ""),
    ("dead letters: shown", LETTERS, "    listener_(letter);", "    ;"),
    ("dead letters: shown to somebody", LETTERS, "  if (listener_)\n", ""),
    ("dead letters: kept", LETTERS, "  samples_.push_back(std::move(letter));\n", ""),
    ("dead letters: not for ever", LETTERS, "    samples_.pop_front();", "    ;"),
    ("dead letters: the latest are kept", LETTERS, "    samples_.pop_front();", "    samples_.pop_back();"),
]


def commands(build, target):
    out = subprocess.run(["ninja", "-C", build, "-t", "commands", target], check=True, capture_output=True, text=True).stdout
    return out.strip().split("\n")


def without_launcher(command):
    words = shlex.split(command)
    while words and not re.search(r"(c\+\+|g\+\+|clang\+\+[-\d]*)$", words[0]):
        words.pop(0)
    return words


def compile_command(build, source):
    """How its library compiles this source, up to where it is and what comes out."""
    room, name = source.split("/", 1)
    library = "flott_runtime" if room == "runtime" else "flott"
    command = without_launcher(commands(build, f"{room}/CMakeFiles/{library}.dir/{name}.o")[-1])
    return command + ["-Wno-error", "-w"]


def verdict(build, scratch, compile_one, link, mutant, arguments):
    """What becomes of one mutant: a word, and whether it is as it should be."""
    _, source, there, instead = mutant
    with open(os.path.join(ROOT, source), encoding="utf-8") as file:
        text = file.read()
    if text.count(there) != 1:
        return f"STALE: {source} says {text.count(there)} times {there!r}", False
    mutated, made, binary, depends = (os.path.join(scratch, name) for name in (os.path.basename(source), "o", "test", "d"))
    with open(mutated, "w", encoding="utf-8") as file:
        file.write(text.replace(there, instead))
    compile_one, link = list(compile_one), list(link)
    for option, value in (("-o", made), ("-c", mutated), ("-MF", depends), ("-MT", depends)):
        if option in compile_one:
            compile_one[compile_one.index(option) + 1] = value
    if subprocess.run(compile_one, cwd=build, stderr=subprocess.DEVNULL).returncode != 0:
        return "BROKEN: it does not compile", False
    at = link.index("-o")
    link[at + 1] = binary
    link.insert(at, made)                            # before the library, so that it is taken from here
    subprocess.run(link, cwd=build, check=True)
    try:
        noticed = subprocess.run([binary, *arguments], cwd=build, capture_output=True, timeout=120).returncode != 0
    except subprocess.TimeoutExpired:
        noticed = True                               # a supervisor that never ends
    os.remove(binary)
    return ("noticed", True) if noticed else ("SURVIVED", False)


def run_all(doc, mutants, test, arguments=("--abort",)):
    """Links each mutant into `test`, before the library, runs it with `arguments`, and exits with an error if one survives."""
    if len(sys.argv) < 2:
        sys.exit(doc)
    build = os.path.abspath(sys.argv[1])
    wanted = sys.argv[2:]
    subprocess.run(["ninja", "-C", build, test], check=True, stdout=subprocess.DEVNULL)
    link = next(c for c in reversed(commands(build, test)) if f"-o {test}" in c)
    link = shlex.split(re.sub(r"^:\s*&&\s*|\s*&&\s*:$", "", link))
    chosen = [m for m in mutants if not wanted or any(word in m[0] for word in wanted)]
    compile_one = {source: compile_command(build, source) for source in {m[1] for m in chosen}}
    failed = 0
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(os.cpu_count()) as pool:
        def judge(numbered):
            number, mutant = numbered
            own = os.path.join(scratch, str(number))
            os.mkdir(own)
            return verdict(build, own, compile_one[mutant[1]], link, mutant, arguments)

        for mutant, (word, good) in zip(chosen, pool.map(judge, enumerate(chosen))):
            failed += not good
            print(f"{word:9} {mutant[0]}", flush=True)
    if failed:
        sys.exit(f"{failed} of {len(chosen)} mutants were not noticed, or do not fit")
    print(f"all {len(chosen)} mutants were noticed")


if __name__ == "__main__":
    run_all(__doc__, MUTANTS, TEST)
