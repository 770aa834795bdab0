#!/usr/bin/env python3
"""The table of operation × language: what core can do, every language can do.

Reads the public operations of core, looks for each in the source of every language, and prints a table in Markdown. Exits
with 1 where the table has a hole. Python 3, nothing but the standard library:

    python3 core/conformance/parity.py
"""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# A row of core that is an argument of another method in the languages that have optional arguments.
ARGUMENTS = {
    "send_token_single_by_get": ("send_token_single", r"\b(verb|method|by_get|byGet)\b"),
}

# What a send can be told: methods of `Sending` in Rust, arguments or options of a send elsewhere.
TOLD = ("key", "sender", "once", "deadline")
TOLD_AS = r"\b{name}\??: "

LANGUAGES = ("Rust", "Python sync", "Python async", "Node", "Kotlin", "Swift")

# Where a language's own source is, what is generated or built left out.
SOURCES = {
    "Rust": ("core/src", ".rs"),
    "Python sync": ("bindings-python/python/payamak", ".py"),
    "Python async": ("bindings-python/python/payamak", ".py"),
    "Node": ("bindings-node/lib", ".ts"),
    "Kotlin": ("bindings-kotlin/kotlin/payamak/src/main/kotlin", ".kt"),
    "Swift": ("bindings-kotlin/swift/Sources/Payamak", ".swift"),
}

# How a language begins a class of this name, and a method of this name in it.
CLASS = {
    "Rust": r"^impl {name} \{{",
    "Python sync": r"^class {name}\b",
    "Python async": r"^class Async{name}\b",
    "Node": r"^export (abstract )?class {name}\b",
    "Kotlin": r"^public (sealed )?class {name}\b",
    "Swift": r"^public (final )?class {name}\b",
}
METHOD = {
    "Rust": r"^    pub (async )?fn {name}\b",
    "Python sync": r"^    def {name}\(",
    "Python async": r"^    (async )?def {name}\(",
    "Node": r"^  (async )?\*?{name}(<[^(]*>)?\(",
    "Kotlin": r"^    public (suspend )?fun {name}\(",
    "Swift": r"^    public func {name}\(",
}
# What ends a class: the next declaration at the left edge.
EDGE = {
    "Rust": r"^\}",
    "Python sync": r"^(?=\S)(?!\)|#|\")",
    "Python async": r"^(?=\S)(?!\)|#|\")",
    "Node": r"^\}",
    "Kotlin": r"^\}",
    "Swift": r"^\}",
}
FUNCTIONS = {
    "msisdn": {
        "Rust": r"pub fn parse\(",
        "Python sync": r"^def msisdn\(",
        "Python async": r"^def msisdn\(",
        "Node": r"^export function msisdn\(",
        "Kotlin": r"class Msisdn\b",
        "Swift": r"^public struct Msisdn\b",
    },
    "segments": {
        "Rust": r"^pub fn segments\(",
        "Python sync": r"^def segments\(",
        "Python async": r"^def segments\(",
        "Node": r"^export function segments\(",
        "Kotlin": r"^public fun segments\(",
        "Swift": r"^public func segments\(",
    },
    "trace_id_from_key": {
        "Rust": r"pub fn from_key\(",
        "Python sync": r"^def trace_id_from_key\(",
        "Python async": r"^def trace_id_from_key\(",
        "Node": r"^export function traceIdFromKey\(",
        "Kotlin": r"^public fun traceIdFromKey\(",
        "Swift": r"^public func traceIDFromKey\(",
    },
}


def source(language: str) -> list[str]:
    """The lines of a language's files."""
    folder, suffix = SOURCES[language]
    files = sorted((ROOT / folder).rglob(f"*{suffix}"))
    return [line for file in files for line in [*file.read_text(encoding="utf-8").splitlines(), ""]]


def class_body(language: str, name: str, lines: list[str]) -> list[str]:
    """The lines of a class; in Rust, of its blocks without a trait."""
    body: list[str] = []
    inside = False
    for line in lines:
        if re.search(CLASS[language].format(name=name), line):
            inside = True
        elif inside and re.search(EDGE[language], line):
            # Kotlin closes the parentheses of a constructor at the left edge, and goes on.
            inside = False
        elif inside:
            body.append(line)
    return body


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def has(language: str, operation: str, body: list[str]) -> bool:
    """Whether a class has the operation, as a method or as an argument of one."""
    name, argument = operation, None
    if language != "Rust" and operation in ARGUMENTS:
        name, argument = ARGUMENTS[operation]
    spelled = name if language in ("Rust", "Python sync", "Python async") else camel(name)
    pattern = re.compile(METHOD[language].format(name=spelled))
    for index, line in enumerate(body):
        if pattern.search(line):
            # A signature and the little around it, where an argument may stand in a type of options.
            if argument is None or re.search(argument, "\n".join(body[index : index + 25])):
                return True
    return False


def operations(name: str, lines: list[str]) -> list[str]:
    """The operations of a class of core: what talks to a gateway; of the messenger, all that it does."""
    found = []
    for line in class_body("Rust", name, lines):
        match = re.match(r"    pub (async )?fn (\w+)", line)
        if match and (match[1] or name == "Messenger") and match[2] != "builder":
            found.append(match[2])
    return found


def main() -> int:
    lines = {language: source(language) for language in LANGUAGES}
    rows: list[tuple[str, str, list[bool]]] = []
    for name in ("PayamResan", "NikSms", "Messenger"):
        bodies = {language: class_body(language, name, lines[language]) for language in LANGUAGES}
        for operation in operations(name, lines["Rust"]):
            rows.append((name, operation, [has(language, operation, bodies[language]) for language in LANGUAGES]))
    sending = class_body("Rust", "Sending", lines["Rust"])
    for setting in TOLD:
        in_rust = any(re.search(METHOD["Rust"].format(name=setting), line) for line in sending)
        told = re.compile(TOLD_AS.format(name=setting))
        elsewhere = [any(told.search(line) for line in lines[language]) for language in LANGUAGES[1:]]
        rows.append(("Sending", setting, [in_rust, *elsewhere]))
    for operation, patterns in FUNCTIONS.items():
        rows.append(
            ("", operation, [any(re.search(patterns[language], line) for line in lines[language]) for language in LANGUAGES])
        )

    print("| | operation | " + " | ".join(LANGUAGES) + " |")
    print("| --- | --- |" + " --- |" * len(LANGUAGES))
    for name, operation, there in rows:
        print(f"| {name} | `{operation}` | " + " | ".join("yes" if one else "**no**" for one in there) + " |")

    known = {operation for _, operation, _ in rows}
    cases = [json.loads(file.read_text(encoding="utf-8")) for file in (ROOT / "core/conformance/cases").glob("*.json")]
    strangers = {case["call"]["operation"] for case in cases} - known
    untested = {operation for name, operation, _ in rows if name in ("PayamResan", "NikSms", "")}
    untested -= {case["call"]["operation"] for case in cases} | set(ARGUMENTS) | {"raw"}
    holes = sum(not one for _, _, there in rows for one in there)
    print(f"\n{len(rows)} operations in {len(LANGUAGES)} languages, {len(cases)} cases, {holes} holes")
    for what, names in (("called by a case but not in core", strangers), ("without a conformance case", untested)):
        if names:
            print(f"{what}: {', '.join(sorted(names))}")
    enough = len(rows) > 30 and {"PayamResan", "NikSms", "Messenger"} <= {name for name, _, _ in rows}
    if not enough:
        print("too few operations were found in core: this script no longer understands its source")
    return 0 if enough and not (holes or strangers or untested) else 1


if __name__ == "__main__":
    sys.exit(main())
