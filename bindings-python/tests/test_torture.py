"""Every fault, at every request: each message ends in one known outcome, none is sent twice, none is lost."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from payamak import Message, Messenger, PayamResan, Report
from payamak.testing import Emulator

FAULTS: list[Any] = [
    "never",
    "close",
    "half",
    "garbage",
    "html",
    {"status": 500},
    {"status": 503},
    {"status": 429},
    {"code": 100},
    {"code": 5},
    {"code": 20},
    {"code": 77},
    {"delay_ms": 20},
    "drop_rows",
    "shuffle_rows",
    "late",
]
#: Refusals that certainly carry nothing out; "after" would be a gateway that lies.
HONEST = ({"status": 429}, {"code": 5}, {"code": 20})
NUMBERS = [f"0912111{number:04}" for number in range(250)]


def patient(emulator: Emulator) -> Messenger:
    gateway = PayamResan(api_key="demo-key", sender=30004040, base_url=emulator.payam_resan_url, timeout=0.5)
    return Messenger([gateway], settle=0.02)


def check(report: Report, emulator: Emulator) -> None:
    """None twice, none lost, and every receipt tells the truth."""
    assert len(report) == len(NUMBERS)
    for receipt in report:
        registered = emulator.registrations(receipt.trace_id)
        assert registered <= 1, "sent twice"
        assert receipt.outcome == ("accepted" if registered else "rejected")
    assert emulator.message_count == len(report.accepted)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("then", FAULTS, ids=str)
def test_each_fault_at_each_request(then: Any, when: str) -> None:
    def run(position: int) -> None:
        with Emulator() as emulator:
            emulator.faults([{"then": then, "when": "before" if then in HONEST else when, "skip": position}])
            report = patient(emulator).send("سلام", NUMBERS)
            check(report, emulator)
            assert len(report.accepted) == len(NUMBERS), "lost"

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(run, range(3)))


def test_all_faults_at_once(emulator: Emulator) -> None:
    emulator.faults(
        {"then": then, "when": "before" if then in HONEST else when, "skip": skip}
        for skip, (then, when) in enumerate((then, when) for then in FAULTS for when in ("before", "after"))
    )
    report = patient(emulator).send_each(Message(number, f"سلام {number}") for number in NUMBERS)
    check(report, emulator)


WORK = """
import sys, payamak
gateway = payamak.PayamResan(api_key="demo-key", sender=30004040, base_url=sys.argv[1])
messenger = payamak.Messenger([gateway], concurrency=2, settle=0.02)
numbers = [f"0912111{number:04}" for number in range(1000)]
report = messenger.send("hello", numbers, key="campaign-7")
print(len(report.accepted))
"""


@pytest.mark.parametrize("requests", [1, 3, 6, 8])
def test_a_killed_job_that_runs_again_sends_nothing_twice(requests: int, emulator: Emulator) -> None:
    """SIGKILL at some request of the first run; the second has the same keys."""
    emulator.faults([{"skip": requests, "then": "never", "when": "after", "times": 2}])
    command = [sys.executable, "-c", WORK, emulator.payam_resan_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as first:
        while emulator.message_count < (requests + 1) * 99:
            assert first.poll() is None
        first.send_signal(signal.SIGKILL)
    assert first.returncode == -signal.SIGKILL
    emulator.faults([])
    assert 0 < emulator.message_count < 1000
    second = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60)
    assert (second.stdout.strip(), second.stderr) == ("1000", "")
    assert emulator.message_count == 1000
    assert len({message.to for message in emulator.messages}) == 1000
    assert len({message.trace_id for message in emulator.messages}) == 1000
