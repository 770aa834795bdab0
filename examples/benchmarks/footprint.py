"""What a client costs before it has sent anything: how long it takes to load, and how much is installed for it."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from driver import HERE, PYTHON, ROUNDS, BenchError, classpath, command

PYTHON_MODULES = {
    "payamak": "payamak",
    "urllib3": "urllib3",
    "requests": "requests",
    "httpx": "httpx",
    "aiohttp": "aiohttp",
    "kavenegar": "kavenegar",
}
"""A distribution, and what it is imported as."""

# Runs in the environment of the benchmarks: the files of a distribution and of everything it requires.
INSTALLED = """
import importlib.metadata as metadata, json, re, sys

def files(name, seen):
    name = re.sub(r"[-_.]+", "-", name).lower()
    if name in seen:
        return 0
    seen.add(name)
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return 0  # Needed on another platform only.
    found = (file.locate() for file in distribution.files or [] if not str(file).endswith(".pyc"))
    total = sum(path.stat().st_size for path in found if path.exists())
    needed = [need for need in distribution.requires or [] if "extra ==" not in need]
    return total + sum(files(re.match(r"[A-Za-z0-9._-]+", need)[0], seen) for need in needed)

print(json.dumps({name: files(name, set()) for name in sys.argv[1:]}))
"""

JVM_JARS = {
    "payamak": ["payamak-0", "jna-", "kotlin-stdlib-", "kotlinx-coroutines-"],
    "java.net.http": [],
    "okhttp": ["okhttp-", "okio-", "kotlin-stdlib-"],
}
"""A subject, and how the files it needs begin, beside the JDK."""

NODE_PACKAGES = ["payamak", "undici", "axios", "kavenegar", "smsir-js"]


@dataclass
class Footprint:
    """A client: how long loading it took, run by run, without the language's own start; and bytes on disk."""

    name: str
    wall: list[float]
    bytes: int


def footprints(languages: list[str], url: str) -> Iterator[tuple[str, list[Footprint]]]:
    """Every language's clients, payamak first."""
    if "python" in languages:
        sizes = json.loads(output([str(PYTHON), "-c", INSTALLED, *PYTHON_MODULES]))
        loads = load_times(
            [str(PYTHON), "-c", "pass"],
            {name: [str(PYTHON), "-c", f"import {module}"] for name, module in PYTHON_MODULES.items()},
        )
        yield "python", [Footprint(name, loads[name], sizes[name]) for name in PYTHON_MODULES]
    if "node" in languages:
        modules = HERE / "node" / "node_modules"
        loads = load_times(node("null"), {name: node(f"await import({json.dumps(name)})") for name in NODE_PACKAGES})
        yield "node", [Footprint(name, loads[name], package_size(modules, name, set())) for name in NODE_PACKAGES]
    if "kotlin" in languages:
        first = {name: first_calls(name, url) for name in JVM_JARS}
        yield (
            "kotlin, until the first send is done",
            [Footprint(name, first[name], jar_sizes(name)) for name in JVM_JARS],
        )


def first_calls(name: str, url: str) -> list[float]:
    """Seconds from the beginning of `main` until the client is made and has sent once."""
    runs = [json.loads(output([*command("kotlin"), "--first-call", name, url])) for _ in range(ROUNDS)]
    return [run["sent"] - run["main"] for run in runs]


def jar_sizes(name: str) -> int:
    """The jars that a subject needs."""
    jars = [Path(jar) for jar in classpath().split(os.pathsep)]
    return sum(jar.stat().st_size for jar in jars if any(jar.name.startswith(start) for start in JVM_JARS[name]))


def node(script: str) -> list[str]:
    """Run a module with Node."""
    return ["node", "--input-type=module", "-e", script]


def load_times(nothing: list[str], loads: dict[str, list[str]]) -> dict[str, list[float]]:
    """Measure, in turn, the seconds beyond what the language itself takes to start and end."""
    times: dict[str, list[float]] = {name: [] for name in loads}
    for turn in range(ROUNDS + 1):
        start = timed(nothing)
        for name, load in loads.items():
            took = timed(load) - start
            if turn > 0:
                times[name].append(max(took, 1e-4))
    return times


def timed(program: list[str]) -> float:
    """How long a program runs."""
    started = time.perf_counter()
    output(program)
    return time.perf_counter() - started


def output(program: list[str]) -> str:
    """What a program prints."""
    result = subprocess.run(program, capture_output=True, text=True, cwd=HERE / "node")
    if result.returncode != 0:
        raise BenchError(f"{' '.join(program)[:100]} failed: {result.stderr.strip()[-300:]}")
    return result.stdout


def package_size(modules: Path, name: str, seen: set[str]) -> int:
    """The files of a package and of the packages it depends on."""
    folder = modules / name
    if name in seen or not folder.is_dir():
        return 0
    seen.add(name)
    own = sum(
        file.stat().st_size
        for file in folder.resolve().rglob("*")
        if file.is_file() and "node_modules" not in file.relative_to(folder.resolve()).parts
    )
    package = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    needed = {**package.get("dependencies", {}), **package.get("optionalDependencies", {})}
    return own + sum(package_size(modules, need, seen) for need in needed)
