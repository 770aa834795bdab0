"""The wheel and the sdist as users get them, and what importing costs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from email import message_from_bytes
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import payamak

HERE = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel() -> Path:
    [wheel] = (HERE / "dist").glob("payamak-*.whl")
    return wheel


def test_the_wheel_is_whole(wheel: Path) -> None:
    assert re.fullmatch(rf"payamak-{re.escape(payamak.__version__)}-cp310-abi3-.*\.whl", wheel.name)
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = message_from_bytes(archive.read(f"payamak-{payamak.__version__}.dist-info/METADATA"))
        native = archive.getinfo("payamak/_native.abi3.so")
        assert native.file_size < 16_000_000
    assert names >= {"payamak/__init__.py", "payamak/py.typed", "payamak/_native.pyi", "payamak/testing.py"}
    # Nothing beside the package itself lands in site-packages.
    assert {name.split("/")[0] for name in names} == {"payamak", f"payamak-{payamak.__version__}.dist-info"}
    assert not [name for name in names if "/test_" in name or "__pycache__" in name or name.endswith(".rs")]
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.10"
    assert metadata.get_all("Requires-Dist") is None
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])
    labels = {url.split(",")[0] for url in metadata.get_all("Project-URL", [])}
    assert labels == {"Homepage", "Documentation", "Repository", "Issues", "Changelog", "Security"}
    assert "every message" in metadata["Summary"]
    assert str(metadata.get_payload()).startswith("# payamak for Python")


def test_it_says_what_it_is_built_from_and_nothing_of_where(wheel: Path) -> None:
    information = f"payamak-{payamak.__version__}.dist-info"
    legal = [f"{information}/licenses/{name}" for name in ("LICENSE", "THIRD-PARTY-NOTICES.txt")]
    bill = f"{information}/sboms/payamak.cdx.json"
    check = HERE.parent / "core" / "packaging" / "check_artifact.py"
    holds = [argument for name in (*legal, bill) for argument in ("--holds", name)]
    done = subprocess.run([sys.executable, check, wheel, *holds], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(wheel) as archive:
        metadata = message_from_bytes(archive.read(f"{information}/METADATA"))
        notices = archive.read(legal[1]).decode()
        crates = json.loads(archive.read(bill))["components"]
    assert metadata.get_all("License-File") == ["LICENSE", "THIRD-PARTY-NOTICES.txt"]
    assert {crate["name"] for crate in crates} >= {"payamak", "payamak-emulator", "pyo3", "ring", "webpki-root-certs"}
    for crate in crates:
        assert crate["name"].startswith("payamak") or f"\n{crate['name']} {crate['version']}\n" in notices


def test_the_version_is_the_workspaces(wheel: Path) -> None:
    cargo = (HERE.parent / "Cargo.toml").read_text(encoding="utf-8")
    assert re.search(r'(?m)^version = "(.*)"$', cargo)[1] == payamak.__version__  # type: ignore[index]


def test_the_sdist_has_what_it_takes_to_build() -> None:
    [sdist] = (HERE / "dist").glob("payamak-*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= {"PKG-INFO", "pyproject.toml", "Cargo.lock", "LICENSE", "core/Cargo.toml", "core/src/lib.rs"}
    # What pyproject.toml asks for must be there, or the sdist builds no wheel.
    assert names >= {"THIRD-PARTY-NOTICES.txt", "payamak.cdx.json"}


def test_it_installs_into_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    """No other package, no compiler: nothing is on PATH but the environment itself."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    environment = {"PATH": str(python.parent), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    command = [python, "-m", "pip", "install", "--quiet", "--no-index", wheel]
    subprocess.run(command, check=True, env=environment)
    program = """
from payamak import Messenger, PayamResan
from payamak.testing import Emulator
with Emulator() as emulator:
    gateway = PayamResan(api_key="demo-key", sender=30004040, base_url=emulator.payam_resan_url)
    print(Messenger([gateway]).send("hello", "09121112222")[0].outcome)
"""
    done = subprocess.run([python, "-c", program], check=True, env=environment, capture_output=True, text=True)
    assert done.stdout == "accepted\n"


def test_importing_starts_nothing(run_program) -> None:
    done = run_program(
        """
import os, sys, threading
before = set(os.listdir("/proc/self/task")) if os.path.exists("/proc/self/task") else set()
sockets = lambda: [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")
                   if os.path.exists(f"/proc/self/fd/{fd}")] if os.path.exists("/proc/self/fd") else []
opened = len([name for name in sockets() if name.startswith("socket:")])
import payamak
after = set(os.listdir("/proc/self/task")) if before else set()
print(after == before, threading.active_count(), len([n for n in sockets() if n.startswith("socket:")]) - opened)
print([name for name in ("asyncio", "dataclasses", "inspect", "ssl", "socket", "json") if name in sys.modules])
"""
    )
    assert done.stdout.splitlines() == ["True 1 0", "[]"]


def test_importing_is_quick(record_property) -> None:
    """Under 40 ms, in CPU time so that a busy machine does not count, and the best of some."""
    resource = pytest.importorskip("resource")

    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    best = 1.0
    for _ in range(20):
        before = spent()
        subprocess.run([sys.executable, "-c", "import payamak"], check=True)
        best = min(best, spent() - before)
    record_property("import_ms", round(best * 1000, 1))
    assert best < 0.040


def test_the_fixture_comes_with_the_package(payamak_emulator) -> None:
    assert payamak_emulator.message_count == 0
    assert "payamak.pytest_plugin" in {point.value for point in entry_points(group="pytest11")}
