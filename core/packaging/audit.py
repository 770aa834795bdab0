"""Checks what payamak depends on, and says what it checked: `make audit`.

Crates: known vulnerabilities, unsound, unmaintained and yanked versions (RustSec), licences, banned crates, sources;
the rules are in deny.toml. npm packages: known vulnerabilities (the registry's), of which high and critical ones are an
error; all of them are tools, the npm package depends on nothing.

    RUSTSEC_DB=PATH     a checkout of https://github.com/RustSec/advisory-db, where that cannot be reached
    AUDIT_OPTIONAL=1    what could not be checked is said, but is no failure

Exits with 0 when all was checked and is well, 1 when something was found, 2 when something could not be checked.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATABASE_URL = "https://github.com/RustSec/advisory-db"
LOCKS = [ROOT / "bindings-node", ROOT / "examples/benchmarks/node"]

failed: list[str] = []
unchecked: list[str] = []


def deny(checks: list[str], environment: dict[str, str]) -> bool:
    """Runs checks of cargo-deny, which prints what it finds."""
    return subprocess.run(["cargo", "deny", "check", *checks], cwd=ROOT, env=environment).returncode == 0


def last_commit(database: Path) -> datetime:
    """When the newest advisory of a checkout was written."""
    command = ["git", "-C", str(database), "log", "-1", "--format=%ct"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return datetime.fromtimestamp(int(done.stdout), timezone.utc)


def crates() -> None:
    """All that cargo-deny knows to check, the advisories as far as there is a database."""
    lock = (ROOT / "Cargo.lock").read_text(encoding="utf-8")
    count = len(re.findall(r'^source = "registry\+', lock, re.MULTILINE))
    if deny(["licenses", "bans", "sources"], dict(os.environ)):
        print(f"audit: licences, bans and sources of {count} crates: checked")
    else:
        failed.append("licences, bans or sources of the crates")

    given = os.environ.get("RUSTSEC_DB")
    folder = ROOT / "target" / "advisory-dbs" / ("given" if given else "fetched")
    environment = {**os.environ, "ADVISORY_DBS": str(folder)}
    if given:
        # cargo-deny clones its database from one address; git is told that the checkout is what is there.
        environment |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{Path(given).resolve().as_uri()}.insteadOf",
            "GIT_CONFIG_VALUE_0": DATABASE_URL,
        }
    command = ["cargo", "deny", "fetch", "db"]
    fetch = subprocess.run(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    databases = [path.parent for path in folder.glob("*/.git")]
    if fetch.returncode != 0 or not databases:
        print(fetch.stderr.strip(), file=sys.stderr)
        unchecked.append(
            f"advisories for {count} crates: {given or DATABASE_URL} gives no database; "
            "RUSTSEC_DB=PATH names a checkout of it"
        )
        return
    written = last_commit(databases[0])
    advisories = sum(1 for _ in databases[0].glob("crates/*/RUSTSEC-*.md"))
    age = (datetime.now(timezone.utc) - written).days
    if deny(["advisories"], environment):
        print(
            f"audit: advisories for {count} crates: checked, against {advisories} of RustSec, "
            f"the newest of {written:%Y-%m-%d} ({age} days ago)"
        )
    else:
        failed.append("advisories for the crates")


def npm(folder: Path) -> None:
    """The packages of one package-lock.json."""
    lock = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))
    count = sum(1 for name in lock["packages"] if name)
    what = f"{count} npm packages of {folder.relative_to(ROOT)}"
    command = ["npm", "audit", "--json", "--package-lock-only", "--audit-level=high"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        report = {}
    if "vulnerabilities" not in report:
        reason = str(report.get("message") or done.stderr or "no answer").strip().splitlines()[-1]
        unchecked.append(f"advisories for {what}: {reason}")
    elif done.returncode == 0:
        found = len(report["vulnerabilities"])
        print(f"audit: advisories for {what}: checked" + (f", {found} of them affected, none highly" if found else ""))
    else:
        for name, about in sorted(report["vulnerabilities"].items()):
            print(f"{name}: {about['severity']}", file=sys.stderr)
        failed.append(f"advisories for {what}")


def main() -> None:
    """Checks everything, also after a check that failed."""
    crates()
    for folder in LOCKS:
        npm(folder)
    for what in failed:
        print(f"audit: FAILED: {what}", file=sys.stderr)
    for what in unchecked:
        print(f"audit: NOT CHECKED: {what}", file=sys.stderr)
    if failed:
        sys.exit(1)
    if unchecked and os.environ.get("AUDIT_OPTIONAL") != "1":
        sys.exit(2)


if __name__ == "__main__":
    # What is printed here and by the commands comes in the order in which it is said.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    main()
