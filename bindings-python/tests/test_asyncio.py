"""Awaitables: tasks, cancellation, loops that come and go, uvloop, and how long a loop is held."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
import threading
import time
import weakref
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

import payamak
from payamak import AsyncMessenger, AsyncPayamResan, Message, Progress
from payamak.testing import Emulator

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    if request.param == "uvloop":
        # There is no uvloop to install there; asyncio's own loop is tested all the same.
        if sys.platform == "win32":
            pytest.skip("uvloop is not for Windows")
        import uvloop

        new_loop: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    else:
        new_loop = asyncio.new_event_loop
    loop = new_loop()
    yield loop.run_until_complete
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def test_operations_are_coroutines(run: Run, async_gateway: AsyncPayamResan) -> None:
    async def main() -> None:
        task = asyncio.create_task(async_gateway.account_info())
        assert (await task).credit > 0
        both = await asyncio.gather(async_gateway.account_info(), async_gateway.token_list())
        assert len(both) == 2
        if sys.version_info >= (3, 11):
            async with asyncio.TaskGroup() as group:
                task = group.create_task(async_gateway.account_info())
            assert task.result().credit > 0

    run(main())


def test_two_hundred_tasks_share_a_client(run: Run, async_gateway: AsyncPayamResan, emulator: Emulator) -> None:
    async def main() -> None:
        await asyncio.gather(*(async_gateway.send_bulk("سلام", f"0912111{number:04}") for number in range(200)))

    run(main())
    assert emulator.message_count == 200


def test_each_of_many_results_is_delivered(run: Run, async_gateway: AsyncPayamResan, emulator: Emulator) -> None:
    async def ask() -> None:
        for _ in range(1000):
            await async_gateway.account_info()

    async def main() -> None:
        # Few tasks need many wake-ups. What arrives while the loop fetches others must not be left lying.
        await asyncio.wait_for(asyncio.gather(*(ask() for _ in range(5))), 60)

    run(main())
    assert emulator.request_count == 5000


def test_errors_arrive(run: Run, async_gateway: AsyncPayamResan, emulator: Emulator) -> None:
    emulator.faults([{"then": {"code": 12}}])

    async def main() -> None:
        with pytest.raises(payamak.RequestError) as refused:
            await async_gateway.send_bulk("سلام", "09121112222")
        assert refused.value.code == 12

    run(main())


def test_one_loop_after_the_other(async_gateway: AsyncPayamResan) -> None:
    loops = []
    for _ in range(5):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(async_gateway.account_info())
        loop.close()
        loops.append(weakref.ref(loop))
        del loop
    gc.collect()
    # Nothing of payamak's keeps a loop alive.
    assert [loop() for loop in loops] == [None] * 5


def test_loops_in_threads(async_gateway: AsyncPayamResan, emulator: Emulator) -> None:
    async def main() -> None:
        await asyncio.gather(*(async_gateway.account_info() for _ in range(20)))

    threads = [threading.Thread(target=asyncio.run, args=(main(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert emulator.request_count == 80


def test_cancelling_a_task_closes_the_request(run: Run, async_gateway: AsyncPayamResan, emulator: Emulator) -> None:
    emulator.faults([{"then": "never"}])

    async def main() -> None:
        task = asyncio.create_task(async_gateway.send_bulk("سلام", "09121112222"))
        while emulator.request_count == 0:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        # The client goes on, on another connection.
        assert (await async_gateway.account_info()).credit > 0

    run(main())
    assert emulator.connection_count == 2


def test_a_cancelled_send_has_receipts(run: Run, async_messenger: AsyncMessenger, emulator: Emulator) -> None:
    emulator.faults([{"skip": 2, "then": "never", "times": None}])
    numbers = [f"0912111{number:04}" for number in range(2000)]

    async def main() -> payamak.Report:
        progress: list[Progress] = []
        task = asyncio.create_task(async_messenger.send("سلام", numbers, on_progress=progress.append))
        while emulator.request_count < 12 or not progress or progress[-1].in_flight < 10 * 99:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await task
        report = payamak.receipts_of(cancelled.value)
        assert report is not None
        return report

    report = run(main())
    assert (len(report), len(report.accepted), len(report.unclear)) == (2000, 198, 990)
    # What was rejected has certainly not left, and no request has been made since.
    registered = {message.to for message in emulator.messages}
    assert registered == {receipt.to for receipt in report.accepted}
    assert emulator.request_count == 12


def test_a_timeout_has_the_receipts_as_its_cause(run: Run, async_messenger: AsyncMessenger, emulator: Emulator) -> None:
    emulator.faults([{"then": "never", "times": None}])

    async def main() -> payamak.Report:
        with pytest.raises(asyncio.TimeoutError) as timed_out:
            await asyncio.wait_for(async_messenger.send("سلام", "09121112222"), 0.3)
        report = payamak.receipts_of(timed_out.value)
        assert report is not None
        return report

    assert len(run(main())) == 1


def test_a_task_cancelled_before_its_first_step_sends_nothing(
    run: Run, async_messenger: AsyncMessenger, emulator: Emulator
) -> None:
    async def main() -> None:
        task = asyncio.create_task(async_messenger.send("سلام", ["09121112222"]))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())
    assert emulator.request_count == 0


def test_what_on_progress_raises_stops_the_send(run: Run, async_messenger: AsyncMessenger, emulator: Emulator) -> None:
    emulator.faults([{"then": "never", "times": None}])

    def stop(progress: Progress) -> None:
        raise ZeroDivisionError

    async def main() -> payamak.Report:
        with pytest.raises(ZeroDivisionError) as stopped:
            await async_messenger.send("سلام", "09121112222", on_progress=stop)
        report = payamak.receipts_of(stopped.value)
        assert report is not None
        return report

    assert [receipt.outcome for receipt in run(main())] == ["unclear"]


def test_a_cancelled_wait_for_incoming_messages_loses_none(
    run: Run, async_messenger: AsyncMessenger, emulator: Emulator
) -> None:
    async def main() -> list[str]:
        incoming = async_messenger.receive(interval=0.01)
        got: list[str] = []
        waited = 0
        for number in range(20):
            emulator.receive(from_="09121112222", to="30004040", text=str(number))
        while len(got) < 20:
            step = asyncio.ensure_future(incoming.__anext__())
            # Cancelled at every possible moment of the wait.
            for _ in range(waited % 7):
                await asyncio.sleep(0)
            waited += 1
            if waited % 3:
                step.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                got.append((await step).message.text)
        return got

    assert run(main()) == [str(number) for number in range(20)]


def test_a_stream_goes_on_after_an_error(run: Run, async_messenger: AsyncMessenger, emulator: Emulator) -> None:
    emulator.faults([{"operations": "GetInbox", "then": {"status": 503}}])
    emulator.receive(from_="09121112222", to="30004040", text="لغو")

    async def main() -> str:
        incoming = async_messenger.receive(interval=0.01)
        with pytest.raises(payamak.UnavailableError):
            await incoming.__anext__()
        return (await incoming.__anext__()).message.text

    assert run(main()) == "لغو"


def test_a_callback_that_raises_costs_nobody_else_an_answer(
    run: Run, async_messenger: AsyncMessenger, emulator: Emulator
) -> None:
    """Whatever it raises: ``next`` of an iterator that is at its end, too."""
    raised: list[type[BaseException]] = [StopIteration, ZeroDivisionError, StopAsyncIteration]

    def send(number: int) -> Coroutine[Any, Any, payamak.Report]:
        def fail(progress: Progress) -> None:
            if number % 10 < len(raised):
                raise raised[number % 10]

        return async_messenger.send("سلام", f"0912111{number:04}", on_progress=fail)

    async def main() -> list[payamak.Report | BaseException]:
        sends = asyncio.gather(*(send(number) for number in range(230)), return_exceptions=True)
        return await asyncio.wait_for(sends, 60)

    for number, answer in enumerate(run(main())):
        if number % 10 < len(raised):
            assert isinstance(answer, BaseException)
            what = answer.__cause__ if isinstance(answer, RuntimeError) else answer
            assert type(what) is raised[number % 10]
            report = payamak.receipts_of(answer)
        else:
            report = answer
        assert isinstance(report, payamak.Report)
        assert len(report) == 1
        assert number % 10 < len(raised) or report[0].outcome == "accepted"


@pytest.fixture
def unraisable(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """What was raised where nobody could catch it."""
    heard: list[BaseException] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda told: heard.append(told.exc_value))
    return heard


class RefusalError(Exception):
    pass


def test_a_future_that_takes_no_answer_costs_nobody_else_theirs(
    async_gateway: AsyncPayamResan, unraisable: list[BaseException]
) -> None:
    class Refusing(asyncio.Future[Any]):
        def set_result(self, result: Any) -> None:
            raise RefusalError

    class Loop(asyncio.SelectorEventLoop):
        refused: list[Refusing] = []
        made = 0

        def create_future(self) -> asyncio.Future[Any]:
            Loop.made += 1
            if Loop.made % 10:
                return super().create_future()
            Loop.refused.append(Refusing(loop=self))
            return Loop.refused[-1]

    async def main() -> None:
        calls = [asyncio.ensure_future(async_gateway.account_info()) for _ in range(230)]
        while sum(call.done() for call in calls) < 207:
            await asyncio.sleep(0)
        # Theirs is told, so that somebody hears of it.
        while len(unraisable) < 23:
            await asyncio.sleep(0)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

    loop = Loop()
    loop.run_until_complete(asyncio.wait_for(main(), 60))
    loop.close()
    assert [type(error) for error in unraisable] == [RefusalError] * 23


@pytest.mark.parametrize("method", ["call_soon_threadsafe", "call_soon"])
def test_an_event_loop_that_could_not_be_woken_is_woken_later(
    method: str, async_gateway: AsyncPayamResan, unraisable: list[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.new_event_loop()
    wake, tries = getattr(loop, method), 0

    def fail(callback: Callable[..., object], *arguments: Any, **options: Any) -> Any:
        nonlocal tries
        if type(callback).__name__ == "Collect":
            tries += 1
            if tries <= 3:
                raise RefusalError
        return wake(callback, *arguments, **options)

    async def main() -> None:
        while tries <= 3:
            # So many that they are fetched in several turns.
            await asyncio.gather(*(async_gateway.account_info() for _ in range(230)))

    monkeypatch.setattr(loop, method, fail)
    loop.run_until_complete(asyncio.wait_for(main(), 60))
    loop.close()
    assert {type(error) for error in unraisable} == {RefusalError}


def longest_hold(work: Callable[[], Coroutine[Any, Any, Any]]) -> float:
    """How long, in CPU seconds of its thread, the loop was held by one turn while this ran."""

    async def main() -> float:
        longest, before = 0.0, time.thread_time()
        task = asyncio.create_task(work())
        while not task.done():
            await asyncio.sleep(0)
            now = time.thread_time()
            longest, before = max(longest, now - before), now
        await task
        return longest

    return asyncio.run(main())


@pytest.mark.parametrize("kind", ["send", "send_each"])
def test_ten_thousand_messages_do_not_hold_the_loop(
    kind: str, async_messenger: AsyncMessenger, emulator: Emulator, record_property: Callable[[str, object], None]
) -> None:
    numbers = [f"0912111{number:04}" for number in range(10_000)]
    messages = [Message(number, f"سلام {number}") for number in numbers]

    async def work() -> None:
        if kind == "send":
            report = await async_messenger.send("سلام", numbers)
        else:
            report = await async_messenger.send_each(messages)
        assert len(report.accepted) == 10_000

    # Of three runs, so that a neighbour's noise does not count.
    held = min(longest_hold(work) for _ in range(3))
    record_property("longest_hold_ms", round(held * 1000, 2))
    assert held < 0.005
