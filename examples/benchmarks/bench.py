"""Measures payamak beside its peers, prints a table a question, and writes them to RESULTS.md.

make bench                                     everything, from a clean checkout
python3 bench.py --questions 1,2 --languages python,node
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import driver
from driver import HERE, BenchError, Server
from questions import QUESTIONS

LANGUAGES = ["rust", "python", "node", "kotlin"]


def main() -> int:
    """Ask what is to be asked, and tell it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--languages", default=",".join(LANGUAGES), help="which of %(default)s")
    parser.add_argument("--questions", default="1,2,3,4,5,6", help="which of %(default)s")
    parser.add_argument("--output", type=Path, help="where the tables are written beside being printed")
    arguments = parser.parse_args()
    languages = arguments.languages.split(",")
    questions = [list(QUESTIONS.items())[int(number) - 1] for number in arguments.questions.split(",")]
    started = time.monotonic()
    tables = []
    try:
        with closing(Server()) as server:
            for title, question in questions:
                print(title, file=sys.stderr)
                table = f"## {title}\n\n{question(server, languages)}"
                print(f"\n{table}\n", flush=True)
                tables.append(table)
    except BenchError as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    text = "\n\n".join([heading(), *tables]) + "\n"
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")
    print(f"bench: {time.monotonic() - started:.0f} s", file=sys.stderr)
    return 0


def heading() -> str:
    """When, where, and with which versions: known when everything has run."""
    versions = [
        f"- {language}: {', '.join(f'{name} {version}' for name, version in found.items())}"
        for language, found in driver.versions.items()
    ]
    return "\n".join(
        [
            "# Results",
            "",
            "Written by `make bench`; [README.md](README.md) says what the rows are and how they were measured.",
            "",
            f"- {time.strftime('%Y-%m-%d')}, {machine()}",
            f"- rust: {output(['rustc', '--version'])}",
            *versions,
        ]
    )


def machine() -> str:
    """What this machine is."""
    model = next(
        (line.split(":", 1)[1].strip() for line in read("/proc/cpuinfo").splitlines() if line.startswith("model name")),
        platform.processor() or platform.machine(),
    )
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors ({model})"


def read(path: str) -> str:
    """What stands in a file; nothing where this system has no such file."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""


def output(command: list[str]) -> str:
    """What a program prints."""
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=HERE).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
