from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from payamak import AsyncMessenger, AsyncPayamResan, Messenger, PayamResan
from payamak.testing import Emulator

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PAYAMAK_KEY_SECRET", raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    # Time stands still unless a test moves it.
    with Emulator(speed=0) as emulator:
        yield emulator


@pytest.fixture
def gateway(emulator: Emulator) -> PayamResan:
    return PayamResan(api_key="demo-key", sender=30004040, base_url=emulator.payam_resan_url)


@pytest.fixture
def messenger(gateway: PayamResan) -> Messenger:
    return Messenger([gateway])


@pytest.fixture
def async_gateway(emulator: Emulator) -> AsyncPayamResan:
    return AsyncPayamResan(api_key="demo-key", sender=30004040, base_url=emulator.payam_resan_url)


@pytest.fixture
def async_messenger(async_gateway: AsyncPayamResan) -> AsyncMessenger:
    return AsyncMessenger([async_gateway])


@pytest.fixture
def run_program(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a program in a fresh interpreter; it fails if that takes a minute."""

    def run(source: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-c", source, *arguments],
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
            cwd=tmp_path,
            env={**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONWARNINGS": "error,ignore::DeprecationWarning"},
        )
        if check:
            assert done.returncode == 0, done.stderr
        return done

    return run
