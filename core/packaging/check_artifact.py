"""Looks into a finished package: whether it holds what it has to, and nothing of the machine that built it.

    check_artifact.py ARTIFACT... [--holds PATTERN]...

An artifact is a wheel, a jar, an AAR, a tarball, a folder or a single file. Each pattern (`META-INF/LICENSE`,
`*.dist-info/licenses/*`) must fit the name of a file in every artifact, one that is not empty. Archives within archives
are looked into.
"""

from __future__ import annotations

import argparse
import getpass
import io
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def traces() -> list[bytes]:
    """What would tell where, and by whom, something was built: this machine's paths, and those of usual ones."""
    paths = {"/home/", "/Users/", ".cargo/registry", ".cargo/git"}
    paths |= {f"{place}/" for place in (Path.home(), ROOT) if place != Path("/")}
    # The user of a container may have no name.
    with suppress(KeyError, OSError):
        paths.add(f"/{getpass.getuser()}/")
    return [path.encode() for path in sorted(paths)]


def files_of(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """The files within an archive, by their names there; anything else is itself a file."""
    if name.endswith((".whl", ".jar", ".aar", ".zip")):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.namelist():
                yield from files_of(f"{name}!{member}", archive.read(member))
    elif name.endswith((".tar.gz", ".tgz")):
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for entry in archive:
                opened = archive.extractfile(entry)
                if opened is not None:
                    yield from files_of(f"{name}!{entry.name}", opened.read())
    else:
        yield name, content


def look_into(artifact: Path) -> Iterator[tuple[str, bytes]]:
    """The files of an artifact; their names begin with that of the artifact and `!`, unless it is a single file."""
    if artifact.is_dir():
        for path in sorted(artifact.rglob("*")):
            if path.is_file():
                yield from files_of(f"{artifact.name}!{path.relative_to(artifact).as_posix()}", path.read_bytes())
    else:
        yield from files_of(artifact.name, artifact.read_bytes())


def faults_of(artifact: Path, holds: list[str]) -> list[str]:
    """What is wrong with an artifact, a line each."""
    faults = []
    missing = set(holds)
    for name, content in look_into(artifact):
        within = name.partition("!")[2]
        missing -= {pattern for pattern in missing if content and fnmatchcase(within, pattern)}
        for trace in traces():
            start = content.find(trace)
            if start >= 0:
                around = content[max(0, start - 20) : start + 80]
                faults.append(f"{name} holds {trace.decode()}, {content.count(trace)} times, first in {around!r}")
    return faults + [f"{artifact.name} lacks {pattern}" for pattern in sorted(missing)]


def main() -> None:
    """Prints what is wrong and fails, or says how much was looked at."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("artifacts", nargs="+", type=Path, metavar="ARTIFACT")
    parser.add_argument("--holds", action="append", default=[], metavar="PATTERN")
    options = parser.parse_args()
    faults = [fault for artifact in options.artifacts for fault in faults_of(artifact, options.holds)]
    if faults:
        print(*faults, sep="\n", file=sys.stderr)
        sys.exit("check_artifact.py: a package is not fit to be given away; native code is to be built by `make`")
    for artifact in options.artifacts:
        print(f"{artifact.name}: nothing of this machine in {sum(1 for _ in look_into(artifact))} files")


if __name__ == "__main__":
    main()
