"""The jobs and how they are measured: the same for every subject."""

from __future__ import annotations

import asyncio
import inspect
import os
import resource
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

Answer = dict[str, Any]


class Jobs:
    """Does jobs with one subject: with a class whose methods are the jobs' steps, ``async`` in an asyncio client."""

    def __init__(self, subject: Any, base: str) -> None:
        self.is_async = inspect.iscoroutinefunction(subject.send)
        self.loop: Any = asyncio.new_event_loop() if self.is_async else None
        self.is_hanging = False
        self.subject = self.run(make(subject, base)) if self.is_async else subject(base)

    def do(self, job: str, **details: Any) -> Answer:
        """Do a job of this name."""
        method = getattr(self, f"do_{job}", None)
        needed = {"in_flight": "send", "fault": "send"}.get(job, job)
        if method is None or not hasattr(self.subject, needed):
            return {"unsupported": True}
        answer: Answer = method(**details)
        return answer

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run in the one loop, so that connections are kept between jobs."""
        return self.loop.run_until_complete(work)

    def do_send(self, calls: int) -> Answer:
        """Send one message after the other."""
        turns = iter(range(calls))
        if self.is_async:
            return measured(lambda: self.run(one_by_one(self.subject.send, turns)))
        return measured(lambda: call_all(self.subject.send, turns))

    def do_in_flight(self, calls: int, width: int) -> Answer:
        """Send with so many under way at once: tasks, or threads."""
        if self.is_async:
            lateness: list[float] = []
            answer = measured(lambda: self.run(in_tasks(self.subject.send, calls, width, lateness)))
            return {**answer, "stall": max(lateness, default=0.0)}
        answer = measured(lambda: in_threads(self.subject.send, calls, width))
        return {**answer, "stall": None}

    def do_campaign(self, messages: int) -> Answer:
        """Send one text to so many numbers, and tell what memory that took."""
        numbers = [f"0912{number:07}" for number in range(messages)]
        work = self.subject.campaign
        answer = measured(lambda: self.run(work(numbers)) if self.is_async else work(numbers))
        return {**answer, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}

    def do_statuses(self, dialect: str, calls: int, each: int) -> Answer:
        """Ask for statuses, and look at every one of them."""
        # As wide as the gateways' ids are today.
        ids = [639_000_000_000_000_001 + number for number in range(each)]
        ask = self.subject.statuses
        if self.is_async:
            return measured(lambda: self.run(one_by_one(lambda: ask(dialect, ids), iter(range(calls)))))
        return measured(lambda: call_all(lambda: ask(dialect, ids), iter(range(calls))))

    def do_fault(self, timeout: float) -> Answer:
        """Send once to a server that misbehaves, and tell how that ends."""
        says: list[str] = []

        def attempt() -> None:
            try:
                said = self.attempt(timeout)
            except Exception as error:
                said = f"{type(error).__name__}: {error}"
            says.append(" ".join(str(said).split())[:200])

        started = time.perf_counter()
        thread = threading.Thread(target=attempt, daemon=True)
        thread.start()
        thread.join(timeout)
        seconds = time.perf_counter() - started
        self.is_hanging = not says
        return {"ended": bool(says), "seconds": seconds, "says": says[0] if says else "still waiting"}

    def attempt(self, timeout: float) -> str:
        """Send once, and give what the client says of it."""
        fault = getattr(self.subject, "fault", None)
        work = self.subject.send() if fault is None else fault(timeout)
        said = self.run(work) if self.is_async else work
        return "sent" if said is None else said

    def end(self) -> None:
        """End the process, whatever still waits for an answer that never comes."""
        if self.is_hanging:
            os._exit(0)
        close = getattr(self.subject, "close", None)
        if close is not None:
            self.run(close()) if self.is_async else close()


async def make(subject: Any, base: str) -> Any:
    """Make an asyncio client inside its loop."""
    return subject(base)


def measured(work: Callable[[], object]) -> Answer:
    """Measure the whole process: what a library does in threads of its own counts too."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}


def call_all(call: Callable[[], object], turns: Iterator[int]) -> None:
    """Call until no turn is left. Several threads may share the turns."""
    for _ in turns:
        call()


async def one_by_one(call: Callable[[], Any], turns: Iterator[int]) -> None:
    """Do the same for coroutines."""
    for _ in turns:
        await call()


def in_threads(call: Callable[[], object], calls: int, width: int) -> None:
    """Share the turns between so many threads of the standard library's executor."""
    from concurrent.futures import ThreadPoolExecutor

    turns = iter(range(calls))
    with ThreadPoolExecutor(max_workers=width) as threads:
        for done in [threads.submit(call_all, call, turns) for _ in range(width)]:
            done.result()


async def in_tasks(call: Callable[[], Any], calls: int, width: int, lateness: list[float]) -> None:
    """Share the turns between so many tasks, and note how late the loop comes back to somebody who only sleeps."""
    turns = iter(range(calls))
    probe = asyncio.create_task(sleep_lightly(lateness))
    try:
        await asyncio.gather(*(one_by_one(call, turns) for _ in range(width)))
    finally:
        probe.cancel()


async def sleep_lightly(lateness: list[float]) -> None:
    """Wake every two milliseconds, and note how late that was."""
    pause = 0.002
    while True:
        started = time.perf_counter()
        try:
            await asyncio.sleep(pause)
        finally:
            lateness.append(time.perf_counter() - started - pause)
