"""What a hostile gateway may cost, and what is refused before it is sent."""

from __future__ import annotations

import asyncio
import http.server
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import payamak
from payamak import AsyncMessenger, AsyncNikSms, AsyncPayamResan, Messenger, NikSms, PayamResan
from payamak.testing import Emulator

#: A gateway that answers each request with interim answers and no end, in a process of its own: here it would take the
#: interpreter.
FLOOD = """
import socket, threading

interim = b"HTTP/1.1 102 Processing\\r\\n\\r\\n" * 4000

def pour(connection):
    connection.recv(65536)
    print("a flood", flush=True)
    try:
        while True:
            connection.sendall(interim)
    except OSError:
        pass

with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    while True:
        connection, _ = server.accept()
        threading.Thread(target=pour, args=(connection,), daemon=True).start()
"""

FLOODS, CALLS = 4, 200
NUMBERS = [f"0912111{number:04}" for number in range(300)]


class Flood:
    """A gateway that floods whoever asks it."""

    def __init__(self) -> None:
        self.program = subprocess.Popen([sys.executable, "-c", FLOOD], stdout=subprocess.PIPE, encoding="ascii")
        self.url = f"http://127.0.0.1:{self.says()}"

    def says(self) -> str:
        assert self.program.stdout is not None
        return self.program.stdout.readline().strip()

    def wait(self) -> None:
        """Waits until it floods, and until that costs the thread of its connections time."""
        assert [self.says() for _ in range(FLOODS)] == ["a flood"] * FLOODS
        if sys.platform == "linux":
            # Whoever else has such a thread does not pay for it.
            assert "payamak-niksms" in cpu_times()
            before = cpu_times()["payamak-resan"]
            while cpu_times()["payamak-resan"] < before + 10:
                pass

    def stop(self) -> None:
        assert self.program.stdout is not None
        self.program.kill()
        self.program.wait()
        self.program.stdout.close()


def cpu_times() -> dict[str, int]:
    """What the threads of this process have used, in ticks, by their names."""
    times: dict[str, int] = {}
    for task in Path("/proc/self/task").iterdir():
        name, rest = task.joinpath("stat").read_text().split("(", 1)[1].rsplit(")", 1)
        times[name] = sum(int(field) for field in rest.split()[11:13])
    return times


@pytest.fixture
def flood() -> Iterator[Flood]:
    flood = Flood()
    yield flood
    flood.stop()


@pytest.fixture
def niksms_settings(emulator: Emulator) -> dict[str, Any]:
    return {"username": "demo", "password": "demo-password", "sender": "50001234", "base_url": emulator.niksms_url}


def show(rates: list[float]) -> None:
    print(f"{rates[0]:.0f} calls a second, {rates[1]:.0f} beside the floods")


def test_a_flood_holds_up_no_asyncio_call_to_the_other_gateway(flood: Flood, niksms_settings: dict[str, Any]) -> None:
    hostile = AsyncPayamResan(api_key="demo-key", sender=30004040, base_url=flood.url, read_attempts=1)
    other = AsyncNikSms(**niksms_settings)

    async def rate() -> float:
        started = time.monotonic()
        for _ in range(CALLS):
            assert await other.get_credit() > 0
        return CALLS / (time.monotonic() - started)

    async def main() -> None:
        await rate()
        rates = [await rate()]
        flooded = [asyncio.create_task(hostile.account_info(timeout=600)) for _ in range(FLOODS)]
        await asyncio.to_thread(flood.wait)
        rates.append(await rate())
        report = await AsyncMessenger([other, hostile]).send("سلام", NUMBERS)
        assert len(report.accepted) == len(NUMBERS)
        assert not any(task.done() for task in flooded)
        for task in flooded:
            task.cancel()
        started = time.monotonic()
        ends = await asyncio.gather(*flooded, return_exceptions=True)
        assert [type(end) for end in ends] == [asyncio.CancelledError] * FLOODS
        show(rates)
        print(f"{1000 * (time.monotonic() - started):.0f} ms to cancel {FLOODS} of them")

    asyncio.run(main())


def test_a_flood_holds_up_no_waiting_call_to_the_other_gateway(flood: Flood, niksms_settings: dict[str, Any]) -> None:
    hostile = PayamResan(api_key="demo-key", sender=30004040, base_url=flood.url, read_attempts=1)
    other = NikSms(**niksms_settings)
    ends: list[Exception] = []

    def rate() -> float:
        started = time.monotonic()
        for _ in range(CALLS):
            assert other.get_credit() > 0
        return CALLS / (time.monotonic() - started)

    def ask() -> None:
        try:
            hostile.account_info(timeout=600)
        except payamak.ConnectError as error:
            ends.append(error)

    flooded = [threading.Thread(target=ask) for _ in range(FLOODS)]
    rate()
    rates = [rate()]
    for thread in flooded:
        thread.start()
    try:
        flood.wait()
        rates.append(rate())
        report = Messenger([other, hostile]).send("سلام", NUMBERS)
        assert len(report.accepted) == len(NUMBERS)
        assert ends == []
        assert all(thread.is_alive() for thread in flooded)
    finally:
        flood.stop()
        for thread in flooded:
            thread.join()
    assert len(ends) == FLOODS
    show(rates)


#: An inbox is read up to here.
MOST_OF_INBOX = 8 * 1024 * 1024

#: The first answer, of one row, warms up.
PEAK = """
import re, sys
import payamak

def peak():
    with open("/proc/self/status") as status:
        return int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read())[1])

def outcome():
    try:
        gateway.get_inbox()
    except payamak.DecodeError as error:
        return error.outcome

gateway = payamak.PayamResan(api_key="demo-key", base_url=sys.argv[1])
outcome()
before = peak()
print(outcome(), peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only where a process can read how much memory it has had")
def test_an_inbox_of_empty_rows_costs_little_more_than_itself(run_program) -> None:
    head, tail = b'{"Success":true,"Result":[', b"{}]}"
    rows = b"{}," * ((MOST_OF_INBOX - len(head) - len(tail)) // 3)
    answers = iter([head + tail, head + rows + tail])

    class Gateway(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            answer = next(answers)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = run_program(PEAK, f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    outcome, grown = done.stdout.split()
    print(f"{int(grown) / 1024:.1f} MiB for {len(rows)} bytes of empty rows")
    assert outcome == "unclear"
    assert int(grown) < 32 * 1024
    assert list(answers) == []


@pytest.mark.parametrize(
    "path", ["", "/", "/AccountInfo", "AccountInfo/", "a//b", ".", "..", "../a", "a?b=c", "a%2fb", "a b"]
)
def test_raw_takes_names_and_single_slashes(path: str, gateway: PayamResan, emulator: Emulator) -> None:
    niksms = NikSms(username="demo", password="demo-password", base_url=emulator.niksms_url)
    for client in (gateway, niksms):
        with pytest.raises(payamak.InvalidInputError) as refused:
            client.raw(path, {})
        assert (refused.value.field, refused.value.outcome) == ("path", "not_sent")
    assert emulator.request_count == 0


def test_raw_takes_no_field_that_the_client_sets_itself(gateway: PayamResan, emulator: Emulator) -> None:
    niksms = NikSms(username="demo", password="demo-password", base_url=emulator.niksms_url)
    for client, operation, name in [
        (gateway, "AccountInfo", "ApiKey"),
        (gateway, "AccountInfo", "apikey"),
        (niksms, "GetCredit", "username"),
        (niksms, "GetCredit", "Password"),
    ]:
        with pytest.raises(payamak.InvalidInputError) as refused:
            client.raw(operation, {name: "another"})
        assert (refused.value.field, refused.value.outcome) == (f"fields.{name}", "not_sent")
    assert emulator.request_count == 0


@pytest.mark.parametrize("setting", ["username", "password", "sender"])
def test_soap_takes_no_setting_that_xml_cannot_carry(setting: str, niksms_settings: dict[str, Any]) -> None:
    with pytest.raises(payamak.ConfigurationError) as refused:
        NikSms(**{**niksms_settings, "dialect": "soap", setting: "5000\x011234"})
    assert refused.value.field == setting
