"""Python code that runs while a call waits (a callback, a signal handler, a finalizer) may call payamak itself."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
import threading
from collections.abc import Callable

import pytest

import payamak
from payamak import AsyncMessenger, AsyncPayamResan, Messenger, PayamResan, Progress
from payamak.testing import Emulator

NUMBERS = [f"0912111{number:04}" for number in range(500)]

Ask = Callable[[], object]


@pytest.fixture(params=["gateway", "messenger", "asyncio", "thread"])
def ask(
    request: pytest.FixtureRequest, gateway: PayamResan, messenger: Messenger, async_gateway: AsyncPayamResan
) -> Ask:
    """A call of each kind."""

    def in_a_thread() -> None:
        asking = threading.Thread(target=gateway.account_info)
        asking.start()
        asking.join()

    asks: dict[str, Ask] = {
        "gateway": gateway.account_info,
        "messenger": lambda: messenger.send("سلام", "09129999999").accepted[0],
        "asyncio": lambda: asyncio.run(async_gateway.account_info()),
        "thread": in_a_thread,
    }
    return asks[request.param]


def test_on_progress(ask: Ask, messenger: Messenger) -> None:
    answers: list[object] = []
    report = messenger.send("سلام", NUMBERS, on_progress=lambda _: answers.append(ask()))
    assert len(report.accepted) == 500
    assert answers


def test_on_progress_in_another_thread(ask: Ask, messenger: Messenger) -> None:
    answers: list[object] = []
    reports: list[payamak.Report] = []
    sending = threading.Thread(
        target=lambda: reports.append(messenger.send("سلام", NUMBERS, on_progress=lambda _: answers.append(ask())))
    )
    sending.start()
    sending.join()
    assert len(reports[0].accepted) == 500
    assert answers


def test_on_progress_in_an_event_loop(gateway: PayamResan, async_messenger: AsyncMessenger) -> None:
    answers: list[object] = []

    async def main() -> payamak.Report:
        return await async_messenger.send(
            "سلام", NUMBERS, on_progress=lambda _: answers.append(gateway.account_info().credit)
        )

    assert len(asyncio.run(main()).accepted) == 500
    assert answers


def test_a_callback_in_a_callback(messenger: Messenger, emulator: Emulator) -> None:
    depths: set[int] = set()

    def send(depth: int) -> None:
        depths.add(depth)
        if depth < 5:
            report = messenger.send("سلام", f"0912111{depth:04}", on_progress=lambda _: send(depth + 1))
            assert report[0].outcome == "accepted"

    send(0)
    assert depths == set(range(6))


def test_a_finalizer(ask: Ask, messenger: Messenger) -> None:
    answers: list[object] = []

    class Finalized:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            answers.append(ask())

    def collect(progress: Progress) -> None:
        Finalized()
        gc.collect()

    assert len(messenger.send("سلام", NUMBERS, on_progress=collect).accepted) == 500
    assert answers


@pytest.mark.parametrize("where", ["while it waits", "when it is back"])
def test_a_logging_handler(where: str, ask: Ask, messenger: Messenger) -> None:
    answers: list[object] = []

    class Reporting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            # What it asks is logged, too.
            log.removeHandler(self)
            answers.append(ask())

    handler = Reporting()
    log = logging.getLogger("app" if where == "while it waits" else "payamak")
    log.addHandler(handler)
    level = log.level
    log.setLevel(logging.DEBUG)
    try:
        report = messenger.send(
            "سلام", NUMBERS, on_progress=lambda progress: logging.getLogger("app").warning("%s", progress)
        )
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
    assert len(report.accepted) == 500
    assert len(answers) == 1


#: The first call imports logging, where nobody did yet; here that import makes a call of its own.
IMPORTING = """
import sys
import payamak
from payamak.testing import Emulator

emulator = Emulator()
gateway = payamak.PayamResan(api_key="demo-key", base_url=emulator.payam_resan_url)

class Asking:
    def find_spec(self, name, path=None, target=None):
        if name == "logging":
            sys.meta_path.remove(self)
            print(gateway.account_info().credit)

assert "logging" not in sys.modules
sys.meta_path.insert(0, Asking())
print(gateway.account_info().credit)
"""


def test_an_import_that_a_call_needs(run_program) -> None:
    assert run_program(IMPORTING).stdout.split() == ["10000000.0"] * 2


needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="only where one process can send another a signal")


@pytest.fixture
def on_signal(emulator: Emulator) -> Callable[[Callable[[], object]], threading.Thread]:
    """Has SIGTERM handled, and sent to this process as soon as the emulator was asked."""
    before = signal.getsignal(signal.SIGTERM)

    def arm(handle: Callable[[], object]) -> threading.Thread:
        signal.signal(signal.SIGTERM, lambda *_: handle())
        already = emulator.request_count

        def send() -> None:
            while emulator.request_count == already:
                pass
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)

        sender = threading.Thread(target=send)
        sender.start()
        return sender

    yield arm
    signal.signal(signal.SIGTERM, before)


@needs_signals
def test_a_signal_handler(ask: Ask, on_signal, messenger: Messenger, emulator: Emulator) -> None:
    answers: list[object] = []
    emulator.faults([{"then": {"delay_ms": 1000}}])
    sender = on_signal(lambda: answers.append(ask()))
    assert messenger.send("سلام", "09121112222")[0].outcome == "accepted"
    sender.join()
    assert len(answers) == 1


@needs_signals
def test_a_signal_handler_during_a_call_to_a_gateway(on_signal, gateway: PayamResan, emulator: Emulator) -> None:
    answers: list[float] = []
    emulator.faults([{"then": {"delay_ms": 1000}}])
    sender = on_signal(lambda: answers.append(gateway.account_info().credit))
    assert len(gateway.send_bulk("سلام", ["09121112222", "09121113333"])) == 2
    sender.join()
    assert len(answers) == 1


@needs_signals
def test_a_signal_handler_that_calls_and_then_stops_the_send(
    on_signal, messenger: Messenger, emulator: Emulator
) -> None:
    emulator.faults([{"then": "never"}])
    outcomes: list[str] = []

    def stop() -> None:
        outcomes.append(messenger.send("خاموش می‌شود", "09129999999")[0].outcome)
        raise KeyboardInterrupt

    sender = on_signal(stop)
    with pytest.raises(KeyboardInterrupt) as stopped:
        messenger.send("سلام", ["09121112222", "0912"])
    sender.join()
    report = payamak.receipts_of(stopped.value)
    assert report is not None
    assert [receipt.outcome for receipt in report] == ["unclear", "rejected"]
    assert outcomes == ["accepted"]
    assert [message.to for message in emulator.messages] == ["09129999999"]


@needs_signals
def test_an_error_of_ours_that_a_signal_handler_raises(
    on_signal, gateway: PayamResan, messenger: Messenger, emulator: Emulator
) -> None:
    emulator.faults([{"operations": "send", "then": "never"}, {"operations": "AccountInfo", "then": {"code": 12}}])
    sender = on_signal(gateway.account_info)
    with pytest.raises(payamak.RequestError) as stopped:
        messenger.send("سلام", "09121112222")
    sender.join()
    report = payamak.receipts_of(stopped.value)
    assert report is not None
    assert [receipt.outcome for receipt in report] == ["unclear"]


@pytest.mark.parametrize("kind", ["waiting", "asyncio"])
def test_an_error_of_ours_that_on_progress_raises(
    kind: str, gateway: PayamResan, messenger: Messenger, async_messenger: AsyncMessenger, emulator: Emulator
) -> None:
    emulator.faults([{"operations": "send", "then": "never"}, {"operations": "AccountInfo", "then": {"code": 12}}])

    def stop(progress: Progress) -> None:
        gateway.account_info()

    def send() -> object:
        if kind == "waiting":
            return messenger.send("سلام", ["09121112222", "0912"], on_progress=stop)
        return asyncio.run(async_messenger.send("سلام", ["09121112222", "0912"], on_progress=stop))

    with pytest.raises(payamak.RequestError) as stopped:
        send()
    report = payamak.receipts_of(stopped.value)
    assert report is not None
    assert [receipt.outcome for receipt in report] == ["unclear", "rejected"]


def test_an_error_of_the_send_itself_has_no_receipts_of_others(messenger: Messenger) -> None:
    with pytest.raises(payamak.InvalidInputError) as refused:
        messenger.send("سلام", "09121112222", deadline=0)
    assert payamak.receipts_of(refused.value) is None


def test_stop_iteration_from_on_progress(messenger: Messenger, emulator: Emulator) -> None:
    emulator.faults([{"then": "never"}])
    nothing: list[object] = []
    with pytest.raises(RuntimeError, match="StopIteration") as stopped:
        messenger.send("سلام", ["09121112222", "0912"], on_progress=lambda _: next(iter(nothing)))
    assert isinstance(stopped.value.__cause__, StopIteration)
    report = payamak.receipts_of(stopped.value)
    assert report is not None
    assert [receipt.outcome for receipt in report] == ["unclear", "rejected"]
