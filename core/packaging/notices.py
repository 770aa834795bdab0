"""Writes the licence notices and the CycloneDX SBOM of something that is built from crates of this workspace.

    notices.py --package payamak-node --purl pkg:npm/payamak --notices THIRD-PARTY-NOTICES.txt --sbom payamak.cdx.json

Both name the crates that are linked into what is built, for the targets given (this machine's, if none is), as cargo
resolves them for that package alone: none that only tests, build scripts or macros need, which run on the machine that
builds. A crate without a licence, or whose licence's text is nowhere, is an error. Both files depend on Cargo.lock, the
compiler's version and the arguments alone: no date, no path, no name of a machine.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

LICENCE_FILE = re.compile(r"(licen[sc]es?|copying|copyright|notices?|unlicense)([-_.].*)?", re.IGNORECASE)
SOURCE_CODE = {".rs", ".py", ".c", ".h", ".js", ".json", ".toml", ".html"}
NOT_BUILT = {"tests", "benches", "examples", "target"}

# Of the MIT licence only the first lines differ from crate to crate: who wrote it.
MIT_STARTS = "Permission is hereby granted, free of charge, to any person obtaining a copy"
# What the licence itself, in its Exhibit A, asks to be said where its text is not given.
MPL = """\
This Source Code Form is subject to the terms of the Mozilla Public
License, v. 2.0. If a copy of the MPL was not distributed with this
file, You can obtain one at https://mozilla.org/MPL/2.0/."""


class NoticeError(Exception):
    """What is in the way of notices that are whole."""


@dataclass
class Crate:
    """A crate as cargo metadata describes it, and what it depends on."""

    name: str
    version: str
    licence: str
    repository: str
    authors: list[str]
    folder: Path
    licence_file: str | None
    is_ours: bool
    checksum: str | None
    needs: set[tuple[str, str]] = field(default_factory=set)

    @property
    def key(self) -> tuple[str, str]:
        """What cargo tells crates apart by."""
        return self.name, self.version

    @property
    def purl(self) -> str:
        """Its address as a package URL."""
        return f"pkg:cargo/{self.name}@{self.version}"


def cargo(*arguments: str) -> str:
    """What a command of cargo prints, in the root of the workspace."""
    done = subprocess.run(["cargo", *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True, encoding="utf-8")
    if done.returncode != 0:
        raise NoticeError(f"cargo {arguments[0]} failed")
    return done.stdout


def this_machine() -> str:
    """The target that rustc builds for by itself."""
    done = subprocess.run(["rustc", "-vV"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return re.search(r"^host: (.+)$", done.stdout, re.MULTILINE)[1]  # type: ignore[index]


def spdx(licence: str) -> str:
    """The licence as an SPDX expression: older crates put a stroke where it has OR."""
    return re.sub(r"\s*/\s*", " OR ", licence)


def crates_of(package: str, features: list[str], targets: list[str]) -> dict[tuple[str, str], Crate]:
    """The package itself, first, and every crate that is linked into it, by name and version."""
    for_each = [argument for target in targets for argument in ("--filter-platform", target)]
    metadata = json.loads(cargo("metadata", "--locked", "--format-version", "1", *for_each))
    lock = (ROOT / "Cargo.lock").read_text(encoding="utf-8")
    checksums = {
        (name, version): checksum
        for name, version, checksum in re.findall(
            r'\[\[package\]\]\nname = "(.+)"\nversion = "(.+)"\nsource = ".+"\nchecksum = "(.+)"', lock
        )
    }
    known = {}
    for found in metadata["packages"]:
        crate = Crate(
            name=found["name"],
            version=found["version"],
            licence=spdx(found["license"] or ""),
            repository=found["repository"] or "",
            authors=found["authors"],
            folder=Path(found["manifest_path"]).parent,
            licence_file=found["license_file"],
            is_ours=found["source"] is None,
            checksum=checksums.get((found["name"], found["version"])),
        )
        known[crate.key] = crate

    for_each = [argument for target in targets for argument in ("--target", target)]
    chosen = [argument for feature in features for argument in ("--features", feature)]
    tree = ["tree", "--locked", "--package", package, *chosen, *for_each, "--edges", "normal,no-proc-macro"]
    crates: dict[tuple[str, str], Crate] = {}
    above: list[Crate] = []
    for line in cargo(*tree, "--prefix", "depth", "--format", " {p}").splitlines():
        # Each target has a tree of its own, after an empty line.
        if not line:
            continue
        # A depth, a name, a version; a crate that came before has its dependencies there.
        depth, name, version = line.split()[:3]
        crate = known[name, version.removeprefix("v")]
        del above[int(depth) :]
        if above:
            above[-1].needs.add(crate.key)
        above.append(crate)
        crates[crate.key] = crate
    return crates


def plain(path: Path) -> str:
    """A text with the line ends of this project, and without space around it."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(line.rstrip() for line in lines).strip("\n\f")


def texts_of(crate: Crate) -> list[str]:
    """The licence texts that a crate brings along, also those of code in it that others wrote."""
    found = []
    for path in sorted(crate.folder.rglob("*")):
        within = path.relative_to(crate.folder).parts
        is_licence = any(LICENCE_FILE.fullmatch(part) for part in within) and path.suffix not in SOURCE_CODE
        if path.is_file() and is_licence and not NOT_BUILT.intersection(within):
            found.append(plain(path))
    if crate.licence_file:
        path = crate.folder / crate.licence_file
        if path.is_file() and plain(path) not in found:
            found.append(plain(path))
    return [text for text in found if text]


def standard_texts(crates: list[Crate]) -> dict[str, str]:
    """The texts of licences that are the same for every crate, by their SPDX id."""
    texts = {"Apache-2.0": plain(ROOT / "LICENSE"), "MPL-2.0": MPL}
    for crate in crates:
        for text in texts_of(crate):
            _, start, rest = text.partition(MIT_STARTS)
            if crate.licence == "MIT" and start:
                texts.setdefault("MIT", start + rest)
    return texts


def standard_text_of(crate: Crate, standard: dict[str, str]) -> list[str]:
    """The texts of a crate that brings none along."""
    # Any of the alternatives will do, but of all that it asks for at once the text is needed. Of what has brackets or
    # an exception no id is known, so that it is an error.
    for alternative in crate.licence.split(" OR "):
        ids = alternative.split(" AND ")
        if all(name in standard for name in ids):
            by = ", ".join(re.sub(r"\s*<.*>", "", author) for author in crate.authors)
            copyright_line = f"Copyright (c) {by or f'the authors of {crate.name}'}\n\n"
            return [(copyright_line if name == "MIT" else "") + standard[name] for name in ids]
    raise NoticeError(f"{crate.name} {crate.version} brings no text of its licence, {crate.licence}")


def notices(title: str, crates: list[Crate]) -> str:
    """The notices as a text: the crates, then each licence text once."""
    standard = standard_texts(crates)
    numbers: dict[str, int] = {}
    texts: list[str] = []

    def numbered(text: str) -> str:
        # The same text in other lines is the same text.
        same = " ".join(text.split())
        if same not in numbers:
            texts.append(text)
            numbers[same] = len(texts)
        return f"[{numbers[same]}]"

    entries = []
    for crate in crates:
        if not crate.licence and not crate.licence_file:
            raise NoticeError(f"{crate.name} {crate.version} has no licence")
        ours = texts_of(crate) or standard_text_of(crate, standard)
        entries.append(
            f"{crate.name} {crate.version}\n"
            f"  licence: {crate.licence or 'its own text'}, {' '.join(numbered(text) for text in ours)}\n"
            f"  source:  https://crates.io/crates/{crate.name}/{crate.version}\n"
            + (f"  project: {crate.repository}\n" if crate.repository else "")
        )
    if "MIT" not in standard:
        raise NoticeError("no crate brings the text of the MIT licence")
    # The compiler links its library into everything, and no crate stands for it.
    rust = subprocess.run(["rustc", "-V"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.split()[1]
    mit = "Copyright (c) The Rust Project Contributors\n\n" + standard["MIT"]
    entries.append(
        f"The standard library of Rust {rust}\n"
        f"  licence: MIT OR Apache-2.0, {numbered(mit)} {numbered(standard['Apache-2.0'])}\n"
        f"  source:  https://github.com/rust-lang/rust/tree/{rust}/library\n"
    )
    rule = "=" * 80
    head = (
        f"Third-party notices of {title}\n\n"
        "The software below is part of it, each under its own licence. The numbers are those of the texts that\n"
        "follow. The source of each, unchanged, is where its entry says.\n"
    )
    body = [f"{rule}\n[{number}]\n\n{text}\n" for number, text in enumerate(texts, 1)]
    return "\n".join([head, *entries, *body])


def sbom(purl: str, root: Crate, crates: list[Crate]) -> dict[str, Any]:
    """The same crates as CycloneDX 1.5, with the checksums of Cargo.lock and who needs whom."""
    itself = f"{purl}@{root.version}"

    def component(crate: Crate) -> dict[str, Any]:
        about: dict[str, Any] = {
            "type": "library",
            "bom-ref": crate.purl,
            "name": crate.name,
            "version": crate.version,
            "scope": "required",
            "purl": crate.purl,
        }
        if crate.checksum:
            about["hashes"] = [{"alg": "SHA-256", "content": crate.checksum}]
        if crate.licence:
            about["licenses"] = [{"expression": crate.licence}]
        if crate.repository:
            about["externalReferences"] = [{"type": "vcs", "url": crate.repository}]
        return about

    by_key = {crate.key: crate for crate in [root, *crates]}
    needs = [
        {
            "ref": itself if crate is root else crate.purl,
            "dependsOn": sorted(by_key[key].purl for key in crate.needs),
        }
        for crate in [root, *crates]
    ]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "library",
                "bom-ref": itself,
                "name": purl.rpartition("/")[2],
                "version": root.version,
                "purl": itself,
                "licenses": [{"expression": root.licence}],
            }
        },
        "components": [component(crate) for crate in crates],
        "dependencies": needs,
    }


def main() -> None:
    """Writes the files that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", required=True, help="the crate that is built")
    parser.add_argument("--purl", required=True, help="what it is published as, without a version: pkg:npm/payamak")
    parser.add_argument("--features", action="append", default=[], help="those that it is built with")
    parser.add_argument("--target", action="append", default=[], help="a target that it is built for; may be repeated")
    parser.add_argument("--notices", type=Path, help="the file of notices to write")
    parser.add_argument("--sbom", type=Path, help="the SBOM to write")
    options = parser.parse_args()
    try:
        crates = crates_of(options.package, options.features, options.target or [this_machine()])
        root, *others = crates.values()
        others.sort(key=lambda crate: crate.key)
        if options.notices:
            title = f"{options.purl.rpartition('/')[2]} {root.version}"
            text = notices(title, [crate for crate in others if not crate.is_ours])
            options.notices.parent.mkdir(parents=True, exist_ok=True)
            options.notices.write_text(text, encoding="utf-8")
        if options.sbom:
            text = json.dumps(sbom(options.purl, root, others), indent=1, ensure_ascii=False) + "\n"
            options.sbom.parent.mkdir(parents=True, exist_ok=True)
            options.sbom.write_text(text, encoding="utf-8")
    except NoticeError as error:
        sys.exit(f"notices.py: {error}")


if __name__ == "__main__":
    main()
