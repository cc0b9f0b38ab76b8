"""The cases that supervision is held against. `rows.py ROOT` prints each that no test is named after, and fails if there is one.

A case counts as tested when a TEST_CASE under tests/ has its name in its own, and as refused when it stands in the table under
"Not taken over" of the decision record; both at once, and names that nobody knows, are wrong as well.
"""
import os
import re
import sys

RECORD = "docs/adr/0003-supervision-rules.md"

OTP = """
sup_start_normal sup_start_ignore_init sup_start_ignore_child sup_start_ignore_temporary_child
sup_start_ignore_temporary_child_start_child sup_start_ignore_temporary_child_start_child_simple
sup_start_ignore_permanent_child_start_child_simple sup_start_error_return sup_start_fail sup_start_child_returns_error
sup_start_child_returns_error_simple sup_start_restart_child_returns_error sup_start_map sup_start_map_simple
sup_start_map_faulty_specs child_specs child_specs_map sup_flags
sup_stop_infinity sup_stop_timeout sup_stop_timeout_dynamic sup_stop_brutal_kill sup_stop_brutal_kill_dynamic sup_stop_race
sup_stop_non_shutdown_exit_dynamic
child_adm child_adm_simple extra_return simple_one_for_one_extra external_start_no_progress_log
permanent_normal permanent_shutdown permanent_abnormal transient_normal transient_shutdown transient_abnormal
temporary_normal temporary_shutdown temporary_abnormal faulty_application_shutdown temporary_bystander
multiple_restarts one_for_one one_for_one_escalation one_for_all one_for_all_escalation one_for_all_other_child_fails_restart
rest_for_one rest_for_one_escalation rest_for_one_other_child_fails_restart simple_one_for_one simple_one_for_one_escalation
simple_one_for_one_restart_ignore simple_one_for_one_shutdown simple_one_for_one_corruption
do_not_save_start_parameters_for_temporary_children do_not_save_child_specs_for_temporary_children
child_unlink tree
nonsignificant_temporary nonsignificant_transient significant_temporary significant_transient significant_simple
significant_bystander significant_escalation significant_upgrade_never_any significant_upgrade_any_never
significant_upgrade_never_all significant_upgrade_all_never significant_upgrade_any_all significant_upgrade_all_any
significant_upgrade_child
count_children count_children_supervisor count_restarting_children which_children which_children_simple_one_for_one
get_callback_module simple_one_for_one_scale_many_temporary_children scale_start_stop_many_children simple_global_supervisor
hanging_restart_loop hanging_restart_loop_rest_for_one hanging_restart_loop_simple
code_change code_change_map code_change_simple code_change_simple_map
order_of_children format_log_1 format_log_2 already_started_outside_supervisor
""".split()

# Suites that name no single cases: what they check, in a few words.
OTHERS = {
    # Pekko
    "SupervisionSpec": [
        "exception stops", "fresh state", "resume", "innermost strategy", "fatal errors", "max restarts", "limit 0",
        "limit resets after the window", "first start is not retried", "first start with back-off",
        "children stopped before the new instance", "mail kept across restarts", "children before a failing setup",
        "re-delivered message", "full stash", "back-off", "two back-offs", "log level per strategy", "failure while adapting",
        "stopped in setup"],
    "SupervisorSpec": ["all-for-one", "exception in the constructor during a restart", "exception while letting go",
                       "failing child is known", "decision that throws"],
    "RestartStrategySpec": ["not more restarts than allowed"],
    "SupervisorMiscSpec": ["name reuse"],
    "SupervisorHierarchySpec": ["random lives", "random trees"],
    "BackoffSupervisorSpec": ["delay table", "manual reset", "count query", "dead letters while stopped", "answer while stopped",
                              "final stop message"],
    "DeathWatchSpec": ["one notice", "dead before watch", "reborn", "unwatched", "cause of the end", "silent restart",
                       "unhandled notice", "double watch"],
    "TimerSpec": ["old incarnation", "cancelled on stop"],
    "CoordinatedShutdownSpec": ["phases run once", "reason kept", "task failure", "timeout", "nothing joins late", "dead already",
                                "order of phases", "cancelled or from a phase on", "exit code when downed"],
    "SplitBrainResolverSpec": ["decision tables"],
    # rotor, by the number of the test's file
    "rotor 012": ["failed shutdown", "order by links", "unlink race"],
    "rotor 019": ["double shutdown"],
    "rotor 023": ["operational", "init timeout", "child ends while starting", "shut down during init", "synchronized start"],
    "rotor 024": ["factory fails", "stop in the middle of the restart wait"],
    "SObjectizer coop": ["exception while starting", "msg_loss_at_registration", "shutdown while registering",
                         "deregistered already", "destruction order"],
    # Proto.Actor
    "SupervisionTests": ["n restarts in the window", "cause of the restart", "failure in Started", "escalation at the root"],
}
CASES = OTP + [f"{suite}, {what}" for suite, all_of_it in OTHERS.items() for what in all_of_it]


def named(case, tests):
    whole = re.compile(r"(?<!\w)" + re.escape(case) + r"(?!\w)")
    return any(whole.search(test) for test in tests)


def breaches(cases, tests, refused):
    for case in cases:
        if case in refused and named(case, tests):
            yield f"{case}: both tested and not taken over"
        elif case not in refused and not named(case, tests):
            yield f"{case}: no test is named after it, nor is it among what is not taken over"
    for case in refused:
        if case not in cases:
            yield f"{case}: not taken over, and nobody knows it"


def test_names(root):
    for folder, names, files in os.walk(os.path.join(root, "tests")):
        for name in files:
            if name.endswith(".cpp"):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    yield from re.findall(r'\bTEST_CASE\("([^"]*)"', file.read())


def not_taken_over(root):
    with open(os.path.join(root, RECORD), encoding="utf-8") as file:
        table = file.read().split("**Not taken over.**", 1)[1].split("\n\n**", 1)[0]
    return [row.split("|")[1].strip() for row in table.split("\n") if row.startswith("| ")][1:]     # without its head


def main(root):
    # It has to notice what it is there for, or it could fall silent.
    samples = [(["a_b"], ["a_b_c: longer"], []), (["a"], ["a: tested"], ["a"]), ([], [], ["a"])]
    failures = [f"lets its own sample {sample} pass" for sample in samples if not list(breaches(*sample))]
    failures += breaches(CASES, list(test_names(root)), not_taken_over(root))
    print("\n".join(failures) if failures else f"{len(CASES)} cases are tested, or not taken over with a reason")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
