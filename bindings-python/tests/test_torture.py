"""Every fault, at every request: each message ends in one known outcome, none is sent twice, none is lost."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from payamak import Message, Messenger, NikSms, PayamResan, Report
from payamak.testing import Emulator

FAULTS: list[Any] = [
    "never",
    "close",
    "half",
    "garbage",
    "html",
    {"status": 500},
    {"status": 503},
    # What a proxy or a firewall says in the gateway's place.
    {"status": 401},
    {"status": 403},
    {"status": 404},
    {"status": 429},
    {"status_json": 429},
    {"code": 100},
    {"code": 5},
    {"code": 20},
    {"code": 77},
    {"delay_ms": 20},
    "drop_rows",
    "shuffle_rows",
    "no_rows",
    "extra_row",
]
#: Refusals that certainly carry nothing out; "after" would be a gateway that lies.
HONEST = ({"code": 5}, {"code": 20})
NUMBERS = [f"0912111{number:04}" for number in range(250)]


def payam_resan(emulator: Emulator) -> PayamResan:
    return PayamResan(api_key="demo-key", sender=30004040, base_url=emulator.payam_resan_url, timeout=0.5)


def niksms(emulator: Emulator) -> NikSms:
    return NikSms(
        username="demo",
        password="demo-password",
        sender="50001234",
        base_url=emulator.niksms_url,
        timeout=0.5,
        max_recipients=99,
    )


def patient(emulator: Emulator) -> Messenger:
    return Messenger([payam_resan(emulator)], settle=0.02)


def check(report: Report, emulator: Emulator, *, ids_are_right: bool = True) -> None:
    """None twice, none denied, and every receipt tells the truth."""
    assert len(report) == len(NUMBERS)
    ids = {message.trace_id: message.id for message in emulator.messages}
    assert len(ids) == emulator.message_count, "sent twice"
    for receipt in report:
        if receipt.outcome == "accepted":
            assert receipt.trace_id in ids, "lost"
            assert not ids_are_right or receipt.message_id == ids[receipt.trace_id], "the id of another message"
        else:
            assert receipt.outcome == "rejected"
            assert receipt.trace_id not in ids, "denied"
    assert emulator.message_count == len(report.accepted)


def at_each_request(run: Callable[[int], None]) -> None:
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(run, range(3)))


NAMED = pytest.mark.parametrize("key", [None, "campaign-7"], ids=["plain", "keyed"])


@NAMED
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("then", FAULTS, ids=str)
def test_each_fault_at_each_request(then: Any, when: str, key: str | None) -> None:
    def run(position: int) -> None:
        with Emulator() as emulator:
            emulator.faults([{"then": then, "when": "before" if then in HONEST else when, "skip": position}])
            report = patient(emulator).send("سلام", NUMBERS, key=key)
            check(report, emulator)
            assert len(report.accepted) == len(NUMBERS), "lost"

    at_each_request(run)


@NAMED
@pytest.mark.parametrize("then", ["never", "close", {"status": 503}, {"status": 403}], ids=str)
def test_a_request_that_lands_after_its_failure(then: Any, key: str | None) -> None:
    """Long after the failure was seen, and long before the settling pause is over."""

    def run(position: int) -> None:
        with Emulator(speed=10) as emulator:
            emulator.faults([{"then": then, "when": {"later_ms": 1500}, "skip": position}])
            report = Messenger([payam_resan(emulator)], settle=2).send("سلام", NUMBERS, key=key)
            check(report, emulator)
            assert len(report.accepted) == len(NUMBERS), "lost"

    at_each_request(run)


@NAMED
def test_ids_rounded_by_a_double(key: str | None) -> None:
    """Most name nobody and are asked for; of one that happens to name somebody, nothing shows that it is wrong."""

    def run(position: int) -> None:
        with Emulator() as emulator:
            emulator.faults([{"then": "round_ids", "skip": position}])
            report = patient(emulator).send("سلام", NUMBERS, key=key)
            check(report, emulator, ids_are_right=False)
            assert len(report.accepted) == len(NUMBERS), "lost"

    at_each_request(run)


def test_a_request_that_lands_after_the_first_look() -> None:
    """NikSMS has no rule of how often it may be asked, so it is asked again when the settling pause is over."""

    def run(position: int) -> None:
        with Emulator() as emulator:
            emulator.faults([{"then": "late", "skip": position}])
            report = Messenger([niksms(emulator)], settle=0.5).send("سلام", NUMBERS)
            check(report, emulator)
            assert len(report.accepted) == len(NUMBERS), "lost"

    at_each_request(run)


@NAMED
@pytest.mark.parametrize(("first", "code"), [("payam-resan", 19), ("payam-resan", 15), ("niksms", 3), ("niksms", 4)])
def test_half_of_a_request_was_taken_before_it_was_refused(first: str, code: int, key: str | None) -> None:
    """The credit, or a limit, ran out in the middle: what was taken stays, the rest goes on to the second gateway."""

    def run(position: int) -> None:
        with Emulator() as emulator:
            emulator.faults([{"then": {"half_taken": code}, "gateway": first, "skip": position}])
            gateways = sorted([payam_resan(emulator), niksms(emulator)], key=lambda gateway: gateway.name != first)
            report = Messenger(gateways, settle=0.02).send("سلام", NUMBERS, key=key)
            check(report, emulator)
            assert len(report.accepted) == len(NUMBERS), "lost"
            assert {receipt.gateway for receipt in report} == {"payam-resan", "niksms"}

    at_each_request(run)


@NAMED
@pytest.mark.parametrize("then", ["close", "no_rows", {"status": 403}, {"code": 100}], ids=str)
def test_nothing_arrives_through_two_gateways(then: Any, key: str | None) -> None:
    def run(position: int) -> None:
        with Emulator() as emulator:
            emulator.faults([{"then": then, "when": "after", "gateway": "payam-resan", "skip": position}])
            report = Messenger([payam_resan(emulator), niksms(emulator)], settle=0.02).send("سلام", NUMBERS, key=key)
            check(report, emulator)
            assert {receipt.gateway for receipt in report.accepted} == {"payam-resan"}

    at_each_request(run)


@pytest.mark.parametrize("when", ["before", "after"])
def test_rows_that_contradict_themselves_prove_nothing(when: str, emulator: Emulator) -> None:
    emulator.faults(
        [{"then": "close", "when": when}, {"then": "contradict_rows", "operations": "lookup", "times": None}]
    )
    report = Messenger([payam_resan(emulator)], settle=0.02, budget=1, concurrency=1).send("سلام", NUMBERS)
    assert (len(report.accepted), len(report.unclear), len(report.rejected)) == (151, 99, 0)
    assert emulator.message_count == (250 if when == "after" else 151)


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
