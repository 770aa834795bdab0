"""A client made and used before a fork works in the child, waiting and with asyncio."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import socket
import threading
import traceback
from collections.abc import Callable

import pytest

from payamak import AsyncMessenger, AsyncPayamResan, Messenger, PayamResan
from payamak.testing import Emulator

# Windows has no fork, so nothing can go wrong after one; everywhere else all of this runs.
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="only where there is fork")


def in_child(work: Callable[[], None]) -> None:
    """Forks, works in the child, and fails if that fails or takes half a minute."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            timer = threading.Timer(30, os._exit, (2,))
            timer.daemon = True
            timer.start()
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_a_used_client_works_in_the_child(gateway: PayamResan, emulator: Emulator) -> None:
    gateway.account_info()
    in_child(lambda: [gateway.account_info() for _ in range(3)] and None)
    gateway.account_info()
    assert emulator.request_count == 5
    # The child's connection is its own.
    assert emulator.connection_count == 2


def test_a_used_messenger_works_in_the_child(messenger: Messenger, emulator: Emulator) -> None:
    def child() -> None:
        assert messenger.send("سلام", "09121113333")[0].outcome == "accepted"

    messenger.send("سلام", "09121112222")
    in_child(child)
    assert messenger.send("سلام", "09121114444")[0].outcome == "accepted"
    assert len({message.trace_id for message in emulator.messages}) == 3


def test_async_clients_work_in_the_child(
    async_gateway: AsyncPayamResan, async_messenger: AsyncMessenger, emulator: Emulator
) -> None:
    async def both() -> None:
        await async_gateway.account_info()
        assert (await async_messenger.send("سلام", "09121112222"))[0].outcome == "accepted"

    asyncio.run(both())
    in_child(lambda: asyncio.run(both()))
    asyncio.run(both())
    assert emulator.message_count == 3


def test_a_waiting_client_and_asyncio_mix_in_the_child(gateway: PayamResan, async_gateway: AsyncPayamResan) -> None:
    gateway.account_info()
    in_child(lambda: asyncio.run(async_gateway.account_info()) and None)
    in_child(lambda: gateway.account_info() and None)


def test_the_grandchild_works_too(gateway: PayamResan) -> None:
    gateway.account_info()

    def child() -> None:
        gateway.account_info()
        in_child(lambda: gateway.account_info() and None)

    in_child(child)


def test_a_fork_with_calls_in_flight(gateway: PayamResan, emulator: Emulator) -> None:
    emulator.faults([{"operations": "any", "times": 4, "then": {"delay_ms": 500}}])
    threads = [threading.Thread(target=gateway.account_info) for _ in range(4)]
    for thread in threads:
        thread.start()
    while emulator.request_count < 4:
        pass
    in_child(lambda: gateway.account_info() and None)
    for thread in threads:
        thread.join()
    assert emulator.request_count == 5


def test_thirty_forks_in_a_row(gateway: PayamResan, emulator: Emulator) -> None:
    gateway.account_info()
    for _ in range(30):
        in_child(lambda: gateway.account_info() and None)
    assert emulator.request_count == 31


def test_a_client_dropped_in_the_child_leaves_the_parents_alone(emulator: Emulator) -> None:
    clients = [PayamResan(api_key="demo-key", base_url=emulator.payam_resan_url)]
    clients[0].account_info()
    in_child(clients.clear)
    clients[0].account_info()
    assert emulator.connection_count == 1


def test_workers_forked_before_the_first_call_like_gunicorns(gateway: PayamResan, emulator: Emulator) -> None:
    """Preload: the parent makes the client, each worker accepts from one socket and sends."""
    messenger = Messenger([gateway])
    with socket.create_server(("127.0.0.1", 0)) as server:
        workers = []
        for _ in range(2):
            worker = os.fork()
            if worker == 0:
                status = 1
                try:
                    for _ in range(5):
                        with server.accept()[0] as connection:
                            number = connection.recv(100).decode()
                            connection.sendall(messenger.send("سلام", number)[0].outcome.encode())
                    status = 0
                finally:
                    os._exit(status)
            workers.append(worker)
        for index in range(10):
            with socket.create_connection(server.getsockname()) as connection:
                connection.sendall(f"0912111{index:04}".encode())
                assert connection.recv(100) == b"accepted"
        for worker in workers:
            assert os.waitpid(worker, 0)[1] == 0
    assert emulator.message_count == 10


def send_from_a_pool(url: str, number: str) -> str:
    with PayamResan(api_key="demo-key", sender=30004040, base_url=url) as gateway:
        return Messenger([gateway]).send("سلام", number)[0].outcome


SHARED: list[Messenger] = []


def send_by_the_parents_messenger(number: str) -> str:
    return SHARED[0].send("سلام", number)[0].outcome


def test_multiprocessing_fork(messenger: Messenger, emulator: Emulator) -> None:
    messenger.send("سلام", "09121112222")
    SHARED[:] = [messenger]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        outcomes = pool.map(send_by_the_parents_messenger, [f"0912111{index:04}" for index in range(20)])
    SHARED.clear()
    assert outcomes == ["accepted"] * 20
    assert emulator.message_count == 21


def test_multiprocessing_spawn(messenger: Messenger, emulator: Emulator) -> None:
    messenger.send("سلام", "09121112222")
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        numbers = [(emulator.payam_resan_url, f"0912111{index:04}") for index in range(4)]
        assert pool.starmap(send_from_a_pool, numbers) == ["accepted"] * 4


def test_the_emulator_says_that_it_is_the_parents(emulator: Emulator) -> None:
    def child() -> None:
        with pytest.raises(RuntimeError, match="parent process"):
            _ = emulator.messages
        assert emulator.url.startswith("http://127.0.0.1:")
        emulator.close()

    in_child(child)
    assert emulator.messages == []
