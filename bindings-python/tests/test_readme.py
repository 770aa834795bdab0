"""The Python parts of the READMEs, run as they stand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from payamak.testing import Emulator

HERE = Path(__file__).resolve().parents[1]


def blocks(file: Path, section: str = r"(?s:(.*))") -> list[str]:
    part = re.search(section, file.read_text(encoding="utf-8"))
    assert part is not None, f"{file.name} has no section between <!-- python --> and <!-- /python -->"
    found = re.findall(r"(?ms)^```python\n(.*?)^```$", part.group(1))
    assert found, f"{file.name} has no Python code there"
    return found


def test_the_python_section_of_the_repositorys_readme(monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> None:
    # What it takes from the environment, and what it would ask the network for, is the emulator's.
    monkeypatch.setenv("PAYAM_RESAN_API_KEY", "demo-key")
    monkeypatch.setenv("PAYAM_RESAN_SENDER", "30004040")
    scope: dict[str, Any] = {"__name__": "__main__", "emulator": emulator}
    for code in blocks(HERE.parent / "README.md", r"(?s)<!-- python -->(.*?)<!-- /python -->"):
        exec(compile(code, "README.md", "exec"), scope)


def test_the_packages_own_readme(monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> None:
    import payamak

    monkeypatch.setenv("PAYAM_RESAN_API_KEY", "demo-key")
    monkeypatch.setenv("PAYAM_RESAN_SENDER", "30004040")
    from_env = payamak.PayamResan.from_env
    monkeypatch.setattr(payamak.PayamResan, "from_env", lambda: from_env(base_url=emulator.payam_resan_url))
    scope: dict[str, Any] = {}
    for code in blocks(HERE / "README.md"):
        exec(compile(code, "bindings-python/README.md", "exec"), scope)
    # The order and the code.
    assert emulator.message_count == 2
    assert {receipt.outcome for receipt in (*scope["report"], scope["receipt"])} == {"accepted"}
