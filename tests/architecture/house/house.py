"""The rules of the house. `house.py ROOT` prints each breach as `file:line: what`, and fails if there is one.

Before it judges the tree it shows every rule a sample that breaks it, so that a rule cannot fall silent unnoticed.
"""
import os
import re
import sys

ROOMS = ["messages", "metrics", "runtime", "actors", "client", "testing", "apps"]
# What a room may include beside itself. client, testing and apps stand side by side over actors; apps uses
# client; testing is for tests only.
MAY_INCLUDE = {
    "messages": {"messages"},
    "metrics": {"messages", "metrics"},
    "runtime": {"messages", "metrics", "runtime"},
    "actors": {"messages", "metrics", "runtime", "actors"},
    "client": {"messages", "metrics", "runtime", "client"},
    "testing": {"messages", "metrics", "runtime", "actors", "testing"},
    "apps": set(ROOMS) - {"testing"},
}
LIBRARIES = ["messages", "metrics", "runtime", "actors", "client", "testing"]
SOURCE = (".cpp", ".hpp", ".h", ".py", ".proto")
MAX_LINES = 500
# Words by which text says of itself that it is unfinished; split so that this file does not say them.
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|not impl" r"emented|unimpl" r"emented|for n" r"ow(?! and then)|place"
                        r"holder|st" r"ub)\b", re.IGNORECASE)
# Paths that exist on one machine only.
ONE_MACHINE = re.compile(r"(/ro" r"ot/|/wo" r"rk/|/fa" r"rm/|/ho" r"me/[a-z]+/)")
PRINTS = re.compile(r"\bstd::(cout|cerr|clog)\b|\b(?:std::)?(?:f?printf|puts|fputs|putchar)\s*\(")
SLEEPS = re.compile(r"sleep_for|sleep_until|\busleep\(|\bnanosleep\(|(?<!def )\bsleep\(\d")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
MAY_USE_CAF = ("actors/", "tests/actors/", "tests/simulation/", "testing/", "include/flott/actors.hpp",
               "include/flott/testing.hpp", "benchmarks/")
TEST_COORDINATOR = "testing/virtual_system.cpp"      # the only one that sees what later versions of CAF do not have
# An embedding program gets its results on a terminal, and a dying process has nothing but standard error.
MAY_PRINT = ("runtime/base/log", "runtime/connectors/print", "runtime/resources/crash_report")


def room_of(path):
    return path.split("/", 1)[0]


def without_comments(text):
    """C++ text with comments blanked out, line numbers kept; strings are left as they are."""
    pattern = re.compile(r'"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
    return pattern.sub(lambda m: m.group(0) if m.group(0)[0] == '"' else re.sub(r"[^\n]", " ", m.group(0)), text)


def lines(text):
    return list(enumerate(text.split("\n"), 1))


def check_includes(path, text):
    room = room_of(path)
    for number, line in lines(text):
        match = INCLUDE.match(line)
        if not match:
            continue
        target = match.group(2)
        if target.startswith("caf/") and not path.startswith(MAY_USE_CAF):
            yield number, f"includes <{target}>; CAF stays inside actors/"
        if "test_coordinator" in target and path != TEST_COORDINATOR:
            yield number, f"includes <{target}>; only {TEST_COORDINATOR} does"
        if room in MAY_INCLUDE and match.group(1) == '"':
            other = room_of(target)
            if target.startswith("."):
                yield number, f'"{target}" is not spelled from the root'
            elif other in ROOMS and other not in MAY_INCLUDE[room]:
                yield number, f'{room} may not include "{target}"'


def check_prints(path, text):
    if room_of(path) in LIBRARIES and not path.startswith(MAY_PRINT) and path.endswith((".cpp", ".hpp")):
        for number, line in lines(without_comments(text)):
            if PRINTS.search(line) and "snprintf" not in line:
                yield number, "prints; a library logs (runtime/base/log.hpp)"


def check_words(path, text):
    for number, line in lines(text):
        if match := UNFINISHED.search(line):
            yield number, f"says {match.group(0)!r}"
        if match := ONE_MACHINE.search(line):
            yield number, f"names a path of one machine: {match.group(0)}"


def check_sleeps(path, text):
    if path.startswith("tests/") and path.endswith((".cpp", ".hpp")):
        for number, line in lines(without_comments(text)):
            if SLEEPS.search(line):
                yield number, "sleeps; wait for a condition (tests/support) or move virtual time"


def check_length(path, text):
    count = text.count("\n")
    if count > MAX_LINES:
        yield count, f"has {count} lines; split it by meaning ({MAX_LINES} is the most)"


def check_guard(path, text):
    if path.endswith(".hpp") and "#pragma once" not in text:
        yield 1, "has no #pragma once"


def check_permissions(path, text):
    """Every message with a Header says who may send it."""
    if not path.endswith(".proto"):
        return
    for match in re.finditer(r"^message (\w+) \{(.*?)^\}", text, re.DOTALL | re.MULTILINE):
        name, body = match.groups()
        number = text.count("\n", 0, match.start()) + 1
        if re.search(r"^\s*Header \w+ = ", body, re.MULTILINE):
            if "option (permission) = PERMISSION_" not in body:
                yield number, f"{name} has a Header and names no permission"
            if not re.search(r"^\s*Header header = 1;", body, re.MULTILINE):
                yield number, f"{name}'s Header is not field 1"


RULES = [check_includes, check_prints, check_words, check_sleeps, check_length, check_guard, check_permissions]

BREACHES = {   # rule: a file that it must refuse
    check_includes: [("runtime/a/a.cpp", '#include "actors/task.hpp"\n'), ("client/a.cpp", "#include <caf/all.hpp>\n"),
                     ("runtime/a/a.cpp", '#include "../b.hpp"\n'), ("apps/a.cpp", '#include "testing/faults.hpp"\n'),
                     ("testing/a.cpp", "#include <caf/scheduler/test_coordinator.hpp>\n")],
    check_prints: [("runtime/a/a.cpp", 'std::cout << "x";\n'), ("actors/a.cpp", 'printf("x");\n')],
    check_words: [("apps/a.cpp", "// TO" "DO: later\n"), ("apps/a.cpp", 'open("/ro' 'ot/x");\n')],
    check_sleeps: [("tests/unit/a/a.cpp", "std::this_thread::sleep_for(1s);\n")],
    check_length: [("runtime/a/a.cpp", "\n" * (MAX_LINES + 1))],
    check_guard: [("runtime/a/a.hpp", "int x;\n")],
    check_permissions: [("messages/a.proto", "message A {\n  Header header = 1;\n}\n")],
}


def sources(root):
    for folder, names, files in os.walk(root):
        names[:] = sorted(n for n in names if not n.startswith(".") and not (folder == root and n.startswith("build")))
        for name in sorted(files):
            path = os.path.relpath(os.path.join(folder, name), root)
            if name.endswith(SOURCE) or path.startswith("scripts/") and name != "README.md":
                yield path


def main(root):
    failures = []
    for rule, samples in BREACHES.items():
        for path, text in samples:
            if not list(rule(path, text)):
                failures.append(f"{rule.__name__} lets its own sample {path} pass")
    if set(BREACHES) != set(RULES):
        failures.append("a rule has no sample that breaks it")

    folders = set()
    count = 0
    for path in sources(root):
        count += 1
        folders.add(os.path.dirname(path))
        with open(os.path.join(root, path), encoding="utf-8") as file:
            text = file.read()
        for rule in RULES:
            failures += [f"{path}:{number}: {what}" for number, what in rule(path, text)]
    for folder in sorted(folders):
        if not os.path.exists(os.path.join(root, folder, "README.md")):
            failures.append(f"{folder}: a folder of sources without a README.md")
    if count < 20:
        failures.append(f"only {count} sources found under {root}")
    print("\n".join(failures) if failures else f"{count} files keep the rules of the house")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
