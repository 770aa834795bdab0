"""Calls that wait: the GIL, Ctrl-C, threads, connections."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import payamak
from payamak import CancelToken, Messenger, PayamResan, Progress
from payamak.testing import Emulator


def test_a_thousand_sends_use_one_connection(gateway: PayamResan, emulator: Emulator) -> None:
    for number in range(1000):
        gateway.send_bulk("سلام", f"0912111{number:04}")
    assert emulator.connection_count == 1
    assert emulator.message_count == 1000


def test_sixteen_threads_share_a_client(gateway: PayamResan, emulator: Emulator) -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: gateway.send_bulk("سلام", f"0912111{number:04}"), range(400)))
    assert emulator.message_count == 400


def test_a_call_that_waits_leaves_the_interpreter_to_others(emulator: Emulator) -> None:
    """The answer comes only after another thread has run Python code for a while."""
    emulator.faults([{"operations": "any", "then": "never"}])
    quick = PayamResan(api_key="demo-key", base_url=emulator.payam_resan_url, read_attempts=1)
    turns = 0

    def wait() -> None:
        with pytest.raises(TimeoutError):
            quick.account_info(timeout=1)

    waiting = threading.Thread(target=wait)
    waiting.start()
    while waiting.is_alive():
        turns += 1
    assert turns > 1000


CTRL_C = """
import signal, sys, payamak
# A job in the background inherits a SIGINT that is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
gateway = payamak.PayamResan(api_key="demo-key", sender=30004040, base_url=sys.argv[1])
try:
    if sys.argv[2] == "gateway":
        gateway.send_bulk("hello", "09121112222")
    else:
        payamak.Messenger([gateway]).send("hello", ["09121112222", "09121113333"])
except KeyboardInterrupt as stopped:
    print([receipt.outcome for receipt in getattr(stopped, "receipts", [])])
"""


@pytest.mark.parametrize(
    ("what", "said"), [("gateway", "[]"), ("messenger", "['unclear', 'unclear']")], ids=["gateway", "messenger"]
)
def test_ctrl_c_is_heard_at_once(what: str, said: str, emulator: Emulator) -> None:
    emulator.faults([{"then": "never", "times": None}])
    command = [sys.executable, "-c", CTRL_C, emulator.payam_resan_url, what]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as program:
        while emulator.request_count == 0:
            assert program.poll() is None
        pressed = time.monotonic()
        os.kill(program.pid, signal.SIGINT)
        assert program.stdout is not None
        heard = program.stdout.readline().strip()
        took = time.monotonic() - pressed
    assert heard == said
    # 0.2 s on an idle machine; far from the 15 s that the request would take on any.
    assert took < 5


def test_what_on_progress_raises_stops_the_send(messenger: Messenger, emulator: Emulator) -> None:
    emulator.faults([{"then": {"delay_ms": 60_000}, "times": None}])

    def stop(progress: Progress) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as stopped:
        messenger.send("سلام", ["09121112222", "0912"], on_progress=stop)
    assert [receipt.outcome for receipt in stopped.value.receipts] == ["unclear", "rejected"]  # type: ignore[attr-defined]


def test_a_token_stops_a_send_from_another_thread(messenger: Messenger, emulator: Emulator) -> None:
    emulator.faults([{"then": "never", "times": None}])
    token = CancelToken()
    numbers = [f"0912111{number:04}" for number in range(2000)]

    def cancel(progress: Progress) -> None:
        if progress.in_flight >= 99:
            threading.Thread(target=token.cancel).start()

    with pytest.raises(payamak.CanceledError) as stopped:
        messenger.send("سلام", numbers, cancel=token, on_progress=cancel)
    receipts = stopped.value.receipts
    assert len(receipts) == 2000
    assert len(receipts.unclear) % 99 == 0
    assert len(receipts.unclear) + len(receipts.rejected) == 2000
    assert len(receipts.rejected) > 0


def test_progress_adds_up(messenger: Messenger) -> None:
    seen: list[Progress] = []
    messenger.send("سلام", [f"0912111{number:04}" for number in range(500)], on_progress=seen.append)
    assert seen[-1] == Progress(500, 0, 500, 0, 0)
    assert [progress.done for progress in seen] == sorted(progress.done for progress in seen)


def test_a_closed_client_says_so(gateway: PayamResan, messenger: Messenger) -> None:
    gateway.close()
    gateway.close()
    with pytest.raises(payamak.ConfigurationError, match="closed"):
        gateway.account_info()
    assert repr(gateway) == "PayamResan(name='payam-resan')"
    # What a messenger took is its own.
    assert messenger.send("سلام", "09121112222")[0].outcome == "accepted"
    with messenger:
        pass
    with pytest.raises(payamak.ConfigurationError, match="closed"):
        messenger.send("سلام", "09121112222")
