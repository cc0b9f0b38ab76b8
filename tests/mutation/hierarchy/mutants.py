#!/usr/bin/env python3
"""Breaks, once each, what supervisors do to actors, and expects actors_hierarchy to notice.

    tests/mutation/hierarchy/mutants.py BUILD_DIR [WORD...]     only mutants whose rule contains one of the words

BUILD_DIR is a built tree with Ninja (preset dev). A mutant that no longer fits the source, or that no seed notices, is an error.
"""
import importlib.util
import os

HERE = os.path.dirname(os.path.abspath(__file__))
LIFE, ORPHANS, VITALS = (f"actors/supervisor/{name}.cpp" for name in ("life", "orphans", "vitals"))
MACHINE = "runtime/supervision/machine.cpp"

MUTANTS = [
    ("what a life held is released before the next one starts", LIFE, "    return release(self, key, child, gone);",
     "    {\n      gone();\n      if (const auto there = state.children.find(key); there != state.children.end())\n"
     "        release(self, key, there->second, [] {});\n      return;\n    }"),
    ("a start waits for what the life before held", LIFE, "  if (child.releasing) {", "  if (false) {"),
    ("actions are carried out in their order", LIFE, "    state.queue.push_back(std::move(each));", "    state.queue.push_front(std::move(each));"),
    ("an abandoned life gets no more mail", LIFE, "    child.vitals->fence();\n", ""),
    ("nobody takes mail of an abandoned life", LIFE, "    fences::raise(child.handle);\n", ""),
    ("fences know whom they hold", VITALS, "    if (life.get() == sender.get())\n      return true;", ""),
    ("a killed child is killed, not asked", LIFE, "caf::exit_msg{std::move(by), caf::exit_reason::kill});",
     "caf::exit_msg{std::move(by), caf::exit_reason::user_shutdown});"),
    ("the name of a dead child gives nobody", LIFE, "    child.spec.ref->set(nullptr);\n  child.handle", "    ;\n  child.handle"),
    ("what an abandoned life held is released", LIFE, "  release(self, what.key, child, [] {});", ""),
    ("a supervisor ends when its ledgers are closed", LIFE, "    if (!state.closing.empty() && is_last(next)) {", "    if (false) {"),
    ("a killed supervisor takes its children along", LIFE, "      kill(child.handle);", "      ;"),
    ("orphans are waited for", LIFE, "  if (left.empty())\n    return release(self, key, child, gone);", "  if (true)\n    return release(self, key, child, gone);"),
    ("orphans of orphans are waited for", ORPHANS, "        take_in(self, of, below->take());", "        ;"),
    ("what orphans held is given back", ORPHANS, "      of.ledgers.push_back(each.ledger);", "      ;"),
    ("requests to a killed supervisor are answered", LIFE,
     "    promise.deliver(make_error(supervisor_error::stopping, \"the supervisor has ended\"));", "    ;"),
    ("groups: nobody starts before everybody is down", MACHINE, "    if (to_stop_.empty())\n      drive_starts(now);", "    drive_starts(now);"),
    ("one_for_all takes all along", MACHINE, "options_.strategy == strategy::one_for_all ? children_.begin()", "false ? children_.begin()"),
    ("the budget: n restarts, not n+1", MACHINE, "if (restarts_.size() >= options_.intensity.restarts)",
     "if (restarts_.size() > options_.intensity.restarts)"),
]

if __name__ == "__main__":
    where = os.path.join(HERE, "..", "supervision", "mutants.py")
    spec = importlib.util.spec_from_file_location("supervision_mutants", where)
    machinery = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(machinery)
    machinery.run_all(__doc__, MUTANTS, "bin/actors_hierarchy", ("--abort", "SupervisorHierarchySpec*"))
