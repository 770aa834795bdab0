"""A client made and used before a fork works in the child, waiting and with asyncio."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

import payamak
from payamak import AsyncMessenger, AsyncPayamResan, CancelToken, Messenger, NikSms, PayamResan
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


def network_threads() -> set[str]:
    names = {task.joinpath("comm").read_text().strip() for task in Path("/proc/self/task").iterdir()}
    return names & {"payamak-resan", "payamak-niksms"}


def test_the_child_gets_network_threads_of_its_own(gateway: PayamResan, emulator: Emulator) -> None:
    niksms = NikSms(username="demo", password="demo-password", base_url=emulator.niksms_url)
    messenger = Messenger([niksms, gateway])

    def calls() -> None:
        assert gateway.account_info().credit > 0
        assert niksms.get_credit() > 0
        assert len(messenger.balance()) == 2
        if sys.platform == "linux":
            assert network_threads() == {"payamak-resan", "payamak-niksms"}

    def child() -> None:
        if sys.platform == "linux":
            assert network_threads() == set()
        calls()
        in_child(calls)

    calls()
    in_child(child)
    calls()


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


def test_a_token_of_the_parent_stops_the_childs_sends(messenger: Messenger, emulator: Emulator) -> None:
    token, cancelled = CancelToken(), CancelToken()
    emulator.faults([{"then": {"delay_ms": 500}}])
    sending = threading.Thread(target=messenger.send, args=("سلام", "09121112222"), kwargs={"cancel": token})
    sending.start()
    while emulator.request_count == 0:
        pass
    cancelled.cancel()

    def child() -> None:
        assert messenger.send("سلام", "09121113333", cancel=CancelToken())[0].outcome == "accepted"
        token.cancel()
        for stopped in (token, cancelled):
            assert stopped.cancelled
            with pytest.raises(payamak.CanceledError):
                messenger.send("سلام", "09121114444", cancel=stopped)

    in_child(child)
    sending.join()
    # What the child has cancelled is its own.
    assert not token.cancelled
    assert {message.to for message in emulator.messages} == {"09121112222", "09121113333"}


def test_a_stream_of_the_parent_can_be_dropped_in_the_child(messenger: Messenger, emulator: Emulator) -> None:
    streams = [messenger.receive(interval=60)]
    emulator.receive(from_="09121112222", to="30004040", text="لغو")
    assert next(streams[0]).message.text == "لغو"

    def child() -> None:
        with pytest.raises(RuntimeError, match="parent process"):
            next(streams[0])
        streams.clear()

    in_child(child)


#: A call is in flight in an event loop when a coroutine forks; the child ends in some way, and the parent goes on.
IN_FLIGHT = """
import asyncio, multiprocessing, os, signal, sys
import payamak
from payamak.testing import Emulator

how, what = sys.argv[1:]
emulator = Emulator()
emulator.faults([{"operations": "any", "then": {"delay_ms": 500}}])
waiting = payamak.PayamResan(api_key="demo-key", sender=30004040, base_url=emulator.payam_resan_url)
gateway = payamak.AsyncPayamResan(api_key="demo-key", sender=30004040, base_url=emulator.payam_resan_url)
messenger = payamak.AsyncMessenger([gateway])

def calls():
    assert waiting.account_info().credit > 0
    assert asyncio.run(gateway.account_info()).credit > 0
    assert asyncio.run(messenger.send("hello", "09121113333"))[0].outcome == "accepted"

def fork():
    child = os.fork()
    if child == 0:
        # A child that hangs is ended, and the parent says so.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(20)
    return child

async def main():
    task = asyncio.create_task(gateway.account_info() if what == "call" else messenger.send("hello", "09121112222"))
    while emulator.request_count == 0:
        await asyncio.sleep(0)
    if how == "multiprocessing":
        child = multiprocessing.get_context("fork").Process(target=calls)
        child.start()
        child.join(20)
        assert child.exitcode == 0, child.exitcode
    else:
        child = fork()
        if child == 0:
            if how == "calls":
                calls()
                os._exit(0)
            elif how == "cancels":
                task.cancel()
                try:
                    await task
                except asyncio.CancelledError as cancelled:
                    # Whether anything was sent is for the parent to say.
                    assert payamak.receipts_of(cancelled) is None
                    calls()
                    os._exit(0)
            elif how == "_exit":
                os._exit(0)
            elif how == "exits":
                sys.exit()
            return
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status == 0, status
    # It never waits: what wakes a loop is shared, and the child's may have taken it away.
    while not task.done():
        await asyncio.sleep(0)
    answer = await task
    print(answer.credit > 0 if what == "call" else answer[0].outcome)

parent = os.getpid()
asyncio.run(main())
if os.getpid() != parent:
    calls()
"""


@pytest.mark.parametrize("what", ["call", "send"])
@pytest.mark.parametrize("how", ["returns", "exits", "_exit", "cancels", "calls", "multiprocessing"])
def test_a_fork_in_a_coroutine_with_a_call_in_flight(run_program, how: str, what: str) -> None:
    assert run_program(IN_FLIGHT, how, what).stdout.split() == ["True" if what == "call" else "accepted"]


#: A callback forks while its call waits: in the child there is no such call.
IN_CALLBACK = """
import asyncio, os, signal, sys
import payamak
from payamak.testing import Emulator

kind = sys.argv[1]
emulator = Emulator()
gateway = payamak.PayamResan(api_key="demo-key", sender=30004040, base_url=emulator.payam_resan_url)
messenger = payamak.Messenger([gateway])
children = []

def fork(*_):
    if not children:
        children.append(os.fork())
        if children[0] == 0:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(20)

def send():
    if kind == "on_progress":
        return messenger.send("hello", "09121112222", on_progress=fork)
    if kind == "signal":
        emulator.faults([{"then": {"delay_ms": 1000}}])
        signal.signal(signal.SIGALRM, fork)
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        return messenger.send("hello", "09121112222")
    return asyncio.run(send_in_asyncio())

def check(error):
    assert os.getpid() != parent and "parent process" in str(error), error
    assert payamak.receipts_of(error) is None
    assert gateway.account_info().credit > 0
    os._exit(0)

async def send_in_asyncio():
    twin = payamak.AsyncPayamResan(api_key="demo-key", sender=30004040, base_url=emulator.payam_resan_url)
    task = asyncio.create_task(payamak.AsyncMessenger([twin]).send("hello", "09121112222", on_progress=fork))
    # Neither loop waits, and the child's is not closed: what wakes them is shared, so one could take it from the other.
    while not task.done():
        await asyncio.sleep(0)
    try:
        return await task
    except RuntimeError as error:
        check(error)

parent = os.getpid()
try:
    assert send()[0].outcome == "accepted"
except RuntimeError as error:
    check(error)
assert os.getpid() == parent
assert os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]) == 0
assert emulator.message_count == 1
"""


@pytest.mark.parametrize("kind", ["on_progress", "signal", "asyncio"])
def test_a_fork_in_a_callback(run_program, kind: str) -> None:
    run_program(IN_CALLBACK, kind)


#: A process gets the id of an ancestor that is gone. Where nobody may choose the next id it gets any other.
USED_AGAIN = """
import os, signal
import payamak
from payamak.testing import Emulator

emulator = Emulator()
gateway = payamak.PayamResan(api_key="demo-key", base_url=emulator.payam_resan_url)
gateway.account_info()
told, tell = os.pipe()

def choose(process):
    try:
        with open("/proc/sys/kernel/ns_last_pid", "w") as last:
            last.write(str(process - 1))
    except OSError:
        return False
    return True

def exists(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True

child = os.fork()
if child == 0:
    signal.alarm(30)
    gateway.account_info()
    wanted = os.getpid()
    if os.fork() > 0:
        os._exit(0)
    signal.alarm(30)
    while exists(wanted):
        pass
    # Another process may be quicker to take the id.
    for _ in range(1000):
        chosen = choose(wanted)
        heir = os.fork()
        if heir == 0:
            signal.alarm(20)
            if chosen and os.getpid() != wanted:
                os._exit(3)
            os.write(tell, str(gateway.account_info().credit).encode())
            os._exit(0)
        if os.waitstatus_to_exitcode(os.waitpid(heir, 0)[1]) != 3:
            break
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
os.close(tell)
print(os.read(told, 100).decode())
"""


def test_a_process_id_that_is_used_again(run_program) -> None:
    assert run_program(USED_AGAIN).stdout.split() == ["10000000.0"]


#: Forks that Python does not hear of.
BY_THE_C_LIBRARY = """
import asyncio, ctypes, os, signal, sys
import payamak
from payamak.testing import Emulator

fork = ctypes.PyDLL(None).fork
emulator = Emulator()
gateway = payamak.PayamResan(api_key="demo-key", base_url=emulator.payam_resan_url)
twin = payamak.AsyncPayamResan(api_key="demo-key", base_url=emulator.payam_resan_url)

def calls():
    assert gateway.account_info().credit > 0
    assert asyncio.run(twin.account_info()).credit > 0

calls()
for generation in range(3):
    # The interpreter mends its own locks only after a fork that it hears of. So none of payamak's threads may be on its
    # way into the interpreter now; those of the child may, again.
    payamak._native.shut_down()
    child = fork()
    if child > 0:
        assert os.waitpid(child, 0)[1] == 0
        calls()
        sys.stdout.flush()
        os._exit(0)
    signal.alarm(20)
    calls()
print("done")
sys.stdout.flush()
os._exit(0)
"""


def test_forks_that_the_c_library_makes(run_program) -> None:
    assert run_program(BY_THE_C_LIBRARY).stdout.split() == ["done"]
