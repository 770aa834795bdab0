"""Short programs: none ends in an abort, whatever is under way."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from payamak.testing import Emulator

#: How many programs run, all kinds together; `make soak` sets 900.
PROGRAMS = int(os.environ.get("PAYAMAK_PROGRAMS", "60"))

ASYNCIO = """
import asyncio, sys, payamak
async def main():
    gateway = payamak.AsyncPayamResan(api_key="demo-key", sender=30004040, base_url=sys.argv[1])
    await asyncio.gather(*(gateway.account_info() for _ in range(10)))
asyncio.run(main())
"""
ASYNCIO_IN_FLIGHT = """
import asyncio, sys, payamak
async def main():
    gateway = payamak.AsyncPayamResan(api_key="demo-key", sender=30004040, base_url=sys.argv[1])
    tasks = [asyncio.create_task(gateway.account_info()) for _ in range(10)]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
asyncio.run(main())
"""
LOOP_LEFT_OPEN = """
import asyncio, sys, payamak
gateway = payamak.AsyncMessenger([payamak.AsyncPayamResan(api_key="demo-key", sender=30004040, base_url=sys.argv[1])])
loop = asyncio.new_event_loop()
tasks = [loop.create_task(gateway.send("hello", "09121112222")) for _ in range(10)]
loop.run_until_complete(tasks[0])
sys.stderr = open("/dev/null", "w")
"""
DAEMON_THREADS = """
import sys, threading, payamak
gateway = payamak.PayamResan(api_key="demo-key", sender=30004040, base_url=sys.argv[1])
started = threading.Semaphore(0)
def work():
    while True:
        started.release()
        gateway.account_info()
for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
for _ in range(8):
    started.acquire()
"""
DAEMON_THREADS_IN_CALLBACKS = """
import sys, threading, payamak
gateway = payamak.PayamResan(api_key="demo-key", sender=30004040, base_url=sys.argv[1])
messenger = payamak.Messenger([gateway])
started = threading.Semaphore(0)
def ask(progress):
    started.release()
    gateway.account_info()
def work():
    while True:
        messenger.send("hello", "09121112222", on_progress=ask)
for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
for _ in range(8):
    started.acquire()
"""
WAITING = """
import sys, payamak
gateway = payamak.PayamResan(api_key="demo-key", sender=30004040, base_url=sys.argv[1])
gateway.account_info()
"""
KINDS = {
    "asyncio": ASYNCIO,
    "asyncio-in-flight": ASYNCIO_IN_FLIGHT,
    "loop-left-open": LOOP_LEFT_OPEN,
    "daemon-threads": DAEMON_THREADS,
    "daemon-threads-in-callbacks": DAEMON_THREADS_IN_CALLBACKS,
    "waiting": WAITING,
}


@pytest.mark.parametrize("kind", KINDS)
def test_no_program_aborts(kind: str, emulator: Emulator) -> None:
    def run(_: int) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-c", KINDS[kind], emulator.payam_resan_url],
            capture_output=True,
            encoding="utf-8",
            timeout=60,
        )
        return done.returncode, done.stderr

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(run, range(PROGRAMS // len(KINDS))))
    assert [outcome for outcome in outcomes if outcome != (0, "")] == []


def test_calls_from_atexit_still_work(run_program, emulator: Emulator) -> None:
    """A hook that was registered before the import runs after payamak's own."""
    done = run_program(
        """
import atexit, asyncio, sys
def late():
    print(gateway.account_info().credit, asyncio.run(twin.account_info()).credit)
atexit.register(late)
import payamak
gateway = payamak.PayamResan(api_key="demo-key", base_url=sys.argv[1])
twin = payamak.AsyncPayamResan(api_key="demo-key", base_url=sys.argv[1])
""",
        emulator.payam_resan_url,
    )
    assert done.stdout.split() == ["10000000.0", "10000000.0"]
    assert done.stderr == ""
