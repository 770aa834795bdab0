"""The server and the workers as processes, and rounds in which every subject has its turn.

A worker is a program that reads a job a line and answers a line; README.md says which jobs there are. Subjects take
turns (A B C, A B C, …), so that whatever else the machine does hits all of them alike, and ratios are taken within a
round.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
ROUNDS = 5
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
RELEASE = TARGET / "release"
PYTHON = TARGET / "venvs" / "benchmarks" / "bin" / "python"
JARS = HERE / "kotlin" / "target"


def command(language: str) -> list[str]:
    """What starts a worker of that language, but for its subject and the address."""
    if language == "rust":
        return [str(RELEASE / "payamak-bench-worker")]
    if language == "python":
        return [str(PYTHON), str(HERE / "python" / "worker.py")]
    if language == "node":
        return ["node", str(HERE / "node" / "worker.mjs")]
    return ["java", "-cp", classpath(), "io.github.payamak.benchmarks.WorkerKt"]


def classpath() -> str:
    """The jars of the Kotlin worker."""
    jars = [str(jar) for jar in JARS.glob("payamak-benchmarks-*.jar")]
    return os.pathsep.join([*jars, (JARS / "classpath").read_text(encoding="utf-8").strip()])


class BenchError(Exception):
    """Something could not be measured; the text says what."""


class Process:
    """A program that answers a line of JSON to a line of JSON, and ends when its input does."""

    def __init__(self, command: list[str]) -> None:
        self.name = " ".join(Path(part).name for part in command[:3])
        try:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE)
        except OSError as error:
            raise BenchError(f"{self.name} does not start: {error}") from error
        self.first = self.read()

    def read(self) -> dict[str, Any]:
        """Wait for the next answer."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            # A client may print lines of its own.
            if line.startswith("{"):
                answer: dict[str, Any] = json.loads(line)
                return answer
        raise BenchError(f"{self.name} ended with {self.process.wait()} instead of answering")

    def ask(self, job: dict[str, Any]) -> dict[str, Any]:
        """Give it a job, and wait for what it says."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        return self.read()

    def close(self) -> None:
        """End it, if need be by force."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # It has ended by itself.
            self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            # A client that hangs for ever keeps its process alive.
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Server(Process):
    """The other end: where it answers at once, after 10 ms, hangs up after taking a message, never answers."""

    def __init__(self) -> None:
        super().__init__([str(RELEASE / "payamak-bench-server")])
        self.answers: str = self.first["answers"]
        self.unhurried: str = self.first["unhurried"]
        self.drops: str = self.first["drops"]
        self.silent: str = self.first["silent"]

    @staticmethod
    def counts(url: str) -> dict[str, int]:
        """How many requests with messages (`sends`) and how many `connections` have arrived there."""
        with urllib.request.urlopen(f"{url}/counts", timeout=10) as answer:
            counts: dict[str, int] = json.load(answer)
        return counts


@dataclass(frozen=True)
class Subject:
    """A client in a language."""

    language: str
    name: str

    def start(self, url: str) -> Process:
        """Start its worker."""
        return Process([*command(self.language), self.name, url])


Answers = dict[Subject, list[dict[str, Any]]]
versions: dict[str, dict[str, str]] = {}
"""The versions that the workers have reported, a language."""


def rounds(url: str, subjects: list[Subject], job: dict[str, Any], count: int = ROUNDS) -> Answers:
    """Give the job to every subject in turn, `count` times after a warm-up. Who does not do it is left out."""
    answers: Answers = {subject: [] for subject in subjects}
    workers = {subject: subject.start(url) for subject in subjects}
    try:
        for subject, worker in workers.items():
            versions.setdefault(subject.language, {}).update(worker.first.get("versions", {}))
        for turn in range(count + 1):
            for subject, worker in workers.items():
                if subject in answers:
                    answer = worker.ask(job)
                    if answer.get("unsupported"):
                        del answers[subject]
                    elif turn > 0:
                        answers[subject].append(answer)
            print(".", end="", file=sys.stderr, flush=True)
    finally:
        for worker in workers.values():
            worker.close()
    print(file=sys.stderr)
    return answers
