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

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", "..", ".."))
TEST = "bin/unit_supervision"
MACHINE, ADMIN, SPEC = (f"runtime/supervision/{name}.cpp" for name in ("machine", "machine_admin", "spec"))

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
    ("groups: started in order, one at a time", MACHINE, "    if (ordered)\n      return;", ""),
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
    ("significant: those that are not do not count", MACHINE, "!c.options.significant ||", ""),
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
]


def commands(build, target):
    out = subprocess.run(["ninja", "-C", build, "-t", "commands", target], check=True, capture_output=True, text=True).stdout
    return out.strip().split("\n")


def without_launcher(command):
    words = shlex.split(command)
    while words and not re.search(r"(c\+\+|g\+\+|clang\+\+[-\d]*)$", words[0]):
        words.pop(0)
    return words


def object_of(source):
    room, name = source.split("/", 1)
    return f"{room}/CMakeFiles/{'flott_runtime' if room == 'runtime' else 'flott'}.dir/{name}.o"


def run_all(doc, mutants, test, arguments=("--abort",)):
    """Links each mutant into `test`, before the library, runs it with `arguments`, and exits with an error if one survives."""
    if len(sys.argv) < 2:
        sys.exit(doc)
    build = os.path.abspath(sys.argv[1])
    wanted = sys.argv[2:]
    subprocess.run(["ninja", "-C", build, test], check=True, stdout=subprocess.DEVNULL)
    link = next(c for c in reversed(commands(build, test)) if f"-o {test}" in c)
    link = shlex.split(re.sub(r"^:\s*&&\s*|\s*&&\s*:$", "", link))
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        for rule, source, there, instead in mutants:
            if wanted and not any(word in rule for word in wanted):
                continue
            with open(os.path.join(ROOT, source), encoding="utf-8") as file:
                text = file.read()
            if text.count(there) < 1:
                print(f"STALE     {rule}: {source} does not say {there!r} any more")
                failed += 1
                continue
            mutant = os.path.join(scratch, os.path.basename(source))
            with open(mutant, "w", encoding="utf-8") as file:
                file.write(text.replace(there, instead, 1))
            compile_one = without_launcher(commands(build, object_of(source))[-1])
            made = os.path.join(scratch, "mutant.o")
            compile_one[compile_one.index("-o") + 1] = made
            compile_one[compile_one.index("-c") + 1] = mutant
            for option in ("-MF", "-MT"):
                if option in compile_one:
                    compile_one[compile_one.index(option) + 1] = os.path.join(scratch, "d")
            compile_one += ["-Wno-error", "-w"]
            if subprocess.run(compile_one, cwd=build, stderr=subprocess.PIPE, text=True).returncode != 0:
                print(f"BROKEN    {rule}: the mutant does not compile")
                failed += 1
                continue
            binary = os.path.join(scratch, "mutant")
            linked = list(link)
            at = linked.index("-o")
            linked[at + 1] = binary
            linked.insert(at, made)                  # before the library, so that it is taken from here
            subprocess.run(linked, cwd=build, check=True)
            try:
                noticed = subprocess.run([binary, *arguments], cwd=build, capture_output=True, timeout=120).returncode != 0
            except subprocess.TimeoutExpired:
                noticed = True                       # a supervisor that never ends
            if not noticed:
                failed += 1
            print(f"{'noticed  ' if noticed else 'SURVIVED '} {rule}", flush=True)
    if failed:
        sys.exit(f"{failed} mutants were not noticed, or do not fit")


if __name__ == "__main__":
    run_all(__doc__, MUTANTS, TEST)
