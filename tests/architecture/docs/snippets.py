"""Holds docs/supervision.md against the code. `snippets.py ROOT` prints each thing that differs, and fails if there is one.

Tutorial: each ```cpp block occurs in the tutorial's test, indentation aside. Reference: below a heading "### `NAME`" stands a table of
what NAME has, a row each: of a struct its fields with type and default, of an enum its values (with their numbers, if it gives them).
"""
import os
import re
import sys

PAGE = "docs/supervision.md"
TUTORIAL = "tests/actors/embedding/tutorial_test.cpp"
SUPERVISOR = "actors/supervisor.hpp"
SPEC = "runtime/supervision/spec.hpp"
VITALS = "actors/supervisor/vitals.hpp"
NODE = "actors/embedding/actor_node.hpp"
STRUCTS = {
    "child_spec": SUPERVISOR, "supervisor_spec": SUPERVISOR, "child_context": SUPERVISOR, "plain_resource": SUPERVISOR,
    "supervision_host": SUPERVISOR, "supervision_event": SUPERVISOR, "supervisor_end": SUPERVISOR, "child_handle": SUPERVISOR,
    "mailbox_limits": VITALS, "backoff": SPEC, "intensity": SPEC, "exit_reason": SPEC, "actor_node_options": NODE, "actor_node_end": NODE,
    "process_pages": "actors/embedding/process_pages.hpp", "child_counts": "runtime/supervision/machine.hpp",
    "dead_letter": "runtime/supervision/dead_letters.hpp",
}
ENUMS = {
    "strategy": SPEC, "restart_policy": SPEC, "child_kind": SPEC, "stop_order": SPEC, "auto_shutdown": SPEC, "exit_kind": SPEC,
    "restart_cause": SPEC, "overflow": VITALS, "ready_when": SUPERVISOR, "when_abandoned": SUPERVISOR, "supervisor_error": SUPERVISOR,
    "report_kind": "runtime/supervision/machine.hpp", "child_state": "runtime/supervision/tree.hpp",
    "loss": "runtime/supervision/dead_letters.hpp",
}


# --- what the headers say ------------------------------------------------------------------------------------------------

def without_comments(text):
    return re.sub(r"//[^\n]*", "", text)


def body_of(head, text):
    """What stands between the braces after the first match of `head`."""
    start = re.search(head + r"[^{;]*\{", text)
    if not start:
        return None
    depth, at = 1, start.end()
    while depth > 0:
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        at += 1
    return text[start.end():at - 1]


def statements(body):
    """What is separated by ';' outside of braces; a '}' that closes a function separates as well."""
    found, depth = [""], 0
    for c in body:
        depth += {"{": 1, "}": -1}.get(c, 0)
        if c == ";" and depth == 0:
            found.append("")
        else:
            found[-1] += c
            if c == "}" and depth == 0 and re.search(r"\)[^={]*\{", re.sub(r"<[^{}]*>", "", found[-1])):
                found.append("")
    return [" ".join(each.split()) for each in found if each.strip()]


def declarators(statement):
    """Separated by commas outside of any brackets: "int a = 0, b = 0" gives two."""
    found, depth = [""], 0
    for c in statement:
        depth += {"{": 1, "}": -1, "(": 1, ")": -1, "<": 1, ">": -1}.get(c, 0)
        if c == "," and depth == 0:
            found.append("")
        else:
            found[-1] += c
    return [each.strip() for each in found]


def fields_of(name, text):
    """(name, type, initializer) of each field; the initializer is None where there is none."""
    body = body_of(rf"\bstruct {name}\b", without_comments(text))
    if body is None:
        return None
    fields = []
    for each in statements(body):
        if re.match(r"(static|using|friend|template|explicit|\[\[)", each) or "operator" in each:
            continue
        type_name = None
        for one in declarators(each):
            match = re.fullmatch((r"()" if type_name else r"([^={]*[\s>*&])") + r"(\w+)\s*(?:=\s*(.*)|\{(.*)\})?", one)
            if not match or match.group(1).endswith(") "):
                break
            type_name = type_name or match.group(1).strip()
            fields.append((match.group(2), type_name, match.group(3) or match.group(4)))
    return fields


def enumerators_of(name, text):
    body = body_of(rf"\benum class {name}\b", without_comments(text))
    if body is None:
        return None
    return [tuple(part.strip() for part in (each + "=").split("=")[:2]) for each in body.split(",") if each.strip()]


def bare(type_name):
    return re.sub(r"\b(?:std|chrono|supervision|caf|flott)::|\s", "", type_name)


def literal(initializer):
    """As the page writes it; None where it is no literal."""
    if initializer is None:
        return None
    if match := re.fullmatch(r"(?:std::chrono::)?(?:milliseconds)?\{?([\d'.]+)\}?", initializer):
        return match.group(1).replace("'", "")
    if initializer in ("true", "false"):
        return initializer
    if match := re.fullmatch(r"(?:\w+::)*(\w+)::(\w+)", initializer):
        return match.group(2)
    return None


# --- what the page says --------------------------------------------------------------------------------------------------

def chapter(page, title):
    match = re.search(rf"^## {title}$(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    return match.group(1) if match else ""


def table_below(reference, name):
    """The rows of the table below the heading of `name`, each a list of cells without back-quotes; None: no such heading."""
    match = re.search(rf"^### `{name}`$(.*?)(?=^##|\Z)", reference, re.MULTILINE | re.DOTALL)
    if not match:
        return None
    rows = [line for line in match.group(1).split("\n") if line.startswith("|")]
    return [[cell.strip().replace("`", "") for cell in row.strip("|").split("|")] for row in rows[2:]]


def blocks(text):
    return re.findall(r"^ *```cpp\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)


def lines(code):
    return "\n".join(line.strip() for line in code.strip().split("\n")) + "\n"


# --- one against the other ---------------------------------------------------------------------------------------------

def check_blocks(tutorial, code):
    found = blocks(tutorial)
    if not found:
        yield "the tutorial has no code"
    there = "\n" + lines(code)
    for block in found:
        if "\n" + lines(block) not in there:
            yield f"a block of the tutorial is not in {TUTORIAL}: {lines(block).splitlines()[0]}"


def check_struct(name, fields, rows):
    if fields is None or rows is None:
        yield f"{name}: no such struct" if fields is None else f"{name}: no heading in the reference"
        return
    said = {row[0]: row for row in rows}
    for field, type_name, initializer in fields:
        row = said.pop(field, None)
        if row is None:
            yield f"{name}::{field} is not in the reference"
            continue
        if len(row) != 4 or not all(row):
            yield f"{name}::{field}: its row has not four cells (name, type, default, meaning)"
            continue
        if bare(row[1]) != bare(type_name):
            yield f"{name}::{field} is a {bare(type_name)}, the reference says {row[1]}"
        value, told = literal(initializer), row[2].replace(",", "").removesuffix(" ms")
        if value is not None and told != value:
            yield f"{name}::{field} is {value} by default, the reference says {row[2]}"
    for field in said:
        yield f"{name}::{field} is in the reference and nowhere else"


def check_enum(name, values, rows):
    if values is None or rows is None:
        yield f"{name}: no such enum" if values is None else f"{name}: no heading in the reference"
        return
    said = {row[0]: row for row in rows}
    for value, number in values:
        row = said.pop(value, None)
        if row is None:
            yield f"{name}::{value} is not in the reference"
        elif number and row[1] != number:
            yield f"{name}::{value} is {number}, the reference says {row[1]}"
    for value in said:
        yield f"{name}::{value} is in the reference and nowhere else"


def check_texts(name, code, rows):
    """`rows`: a value, and the text by which logs and people know it."""
    said = {row[0]: row[1] for row in rows or []}
    texts = re.findall(rf'case {name}::(\w+): return "([^"]*)"', code)
    if not texts:
        yield f"{name}: no texts found"
    for value, text in texts:
        if said.get(value) != text:
            yield f"{name}::{value} is called '{text}', the reference says '{said.get(value)}'"


def check_requests(interface, structs, rows):
    """`rows`: request with its fields, what it is answered with, errors, meaning."""
    said = {re.match(r"\w+", row[0]).group(0): row for row in rows or []}
    for request, reply in re.findall(r"replies_to<(\w+)>::with<([^>]+)>", interface):
        row = said.pop(request, None)
        if row is None:
            yield f"{request} is not in the reference"
            continue
        if bare(row[1]) != bare(reply):
            yield f"{request} is answered with {reply}, the reference says {row[1]}"
        for field, _, _ in fields_of(request, structs) or []:
            if not re.search(rf"\b{field}\b", row[0]):
                yield f"{request}::{field} is not in the reference"
    for request in said:
        yield f"{request} is in the reference and nowhere else"


def check_words(what, words, reference):
    if not words:
        yield f"{what}: none found"
    for word in words:
        if f"`{word}`" not in reference:
            yield f"{what} {word} is not in the reference"


def samples():
    """Each check has to notice what it is there for, or it could fall silent."""
    header = "struct a { int b = 1; std::function<void()> c{}; x::y d = x::y::z; bool f() const { return b; } milliseconds e{5'000}; int g = 0, h = 0; };"
    fields = fields_of("a", header)
    if [each[0] for each in fields] != ["b", "c", "d", "e", "g", "h"]:
        yield f"reads the fields of its own sample as {fields}"
    right = [["b", "int", "1", "x"], ["c", "function<void()>", "unset", "x"], ["d", "x::y", "z", "x"], ["e", "milliseconds", "5,000 ms", "x"],
             ["g", "int", "0", "x"], ["h", "int", "0", "x"]]
    yield from (f"refuses its own sample: {each}" for each in check_struct("a", fields, right))
    for at, wrong in [(0, ["b", "int", "2", "x"]), (0, ["b", "long", "1", "x"]), (3, ["e", "milliseconds", "500 ms", "x"]), (0, ["z", "int", "1", "x"])]:
        if not list(check_struct("a", fields, right[:at] + [wrong] + right[at + 1:])):
            yield f"lets its own sample {wrong} pass"
    if not list(check_enum("e", [("a", "1"), ("b", "2")], [["a", "1", "x"]])) or not list(check_enum("e", [("a", "1")], [["a", "2", "x"]])):
        yield "lets its own sample of an enum pass"
    if not list(check_blocks("```cpp\nint a;\n```\n", "int b;\n")) or list(check_blocks("```cpp\nint a;\n```\n", "  int a;\n")):
        yield "lets its own sample of a block pass, or refuses it"
    if not list(check_requests("replies_to<r>::with<x>", "struct r { int a; };", [["r{b}", "x", "", ""]])):
        yield "lets its own sample of a request pass"
    if not list(check_texts("k", 'case k::a: return "b c";', [["a", "b", "x"]])):
        yield "lets its own sample of a text pass"
    if not list(check_words("key", ["a"], "`b`")):
        yield "lets its own sample of a word pass"


def main(root):
    def read(path):
        with open(os.path.join(root, path), encoding="utf-8") as file:
            return file.read()

    page = read(PAGE)
    tutorial, reference = chapter(page, "Tutorial"), chapter(page, "Reference")
    failures = list(samples())
    failures += check_blocks(tutorial, read(TUTORIAL))
    for name, path in STRUCTS.items():
        failures += check_struct(name, fields_of(name, read(path)), table_below(reference, name))
    for name, path in ENUMS.items():
        failures += check_enum(name, enumerators_of(name, read(path)), table_below(reference, name))
    header = without_comments(read(SUPERVISOR))
    failures += check_requests(header, header, table_below(reference, "supervisor_actor"))
    failures += check_texts("report_kind", read("runtime/supervision/machine_admin.cpp"), table_below(reference, "report_kind"))
    failures += check_words("metric", re.findall(r'"(flott_\w+)"', read("metrics/probes/supervisor_probe.cpp")), reference)
    tree = read("runtime/supervision/tree.cpp")
    failures += check_words("key", re.findall(r'(?:\w+\[|json::object\{\{|, \{)"(\w+)"', tree), reference)
    print("\n".join(failures) if failures else f"{PAGE} says what the code does, as far as it is looked at here")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
