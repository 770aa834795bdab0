"""What is closed has forgotten its credentials."""

from __future__ import annotations

import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from payamak.testing import Emulator

# There a process's memory is a file.
only_on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only where memory can be read through /proc")

#: Makes what it is told to, keeps and closes it. It gets the secret in two halves, and leaves no copy of its own.
PROGRAM = """
import asyncio, ctypes, gc, sys
import payamak

url = sys.argv[2]

def wipe(text):
    # The characters of an ASCII str stand behind its head.
    ctypes.memset(id(text) + sys.getsizeof("") - 1, 0, len(text))

def join(one, other):
    key = bytearray(a ^ b for a, b in zip(one, other))
    text = key.decode("ascii")
    key[:] = bytes(len(key))
    return text

def step(done):
    gc.collect()
    print(done, flush=True)
    sys.stdin.readline()

def halves():
    return bytes.fromhex(sys.stdin.readline()), bytes.fromhex(sys.stdin.readline())

kept = []
settings = {"base_url": url, "sender": 30004040}

def waiting():
    gateway = payamak.PayamResan(api_key=secret, **settings)
    kept.append(gateway)
    wipe(secret)
    step("open")
    gateway.close()

def waiting_niksms():
    gateway = payamak.NikSms(username="shop", password=secret, **settings)
    kept.append(gateway)
    wipe(secret)
    step("open")
    gateway.close()

def after_calls():
    # It takes any key.
    gateway = payamak.PayamResan(api_key=secret, sandbox=True, **settings)
    kept.append(gateway)
    wipe(secret)
    step("open")
    for _ in range(20):
        gateway.account_info()
        gateway.send_bulk("hello", "09121112222")
    gateway.close()

def with_block():
    with payamak.PayamResan(api_key=secret, **settings) as gateway:
        kept.append(gateway)
        wipe(secret)
        step("open")

def in_asyncio():
    async def main():
        async with payamak.AsyncPayamResan(api_key=secret, **settings) as gateway:
            kept.append(gateway)
            wipe(secret)
            step("open")
    asyncio.run(main())

def gateways_of_a_messenger():
    gateway = payamak.PayamResan(api_key=secret, **settings)
    messenger = payamak.Messenger([gateway])
    kept.extend([gateway, messenger])
    wipe(secret)
    gateway.close()
    step("open")
    messenger.close()

def secret_of_a_messenger():
    messenger = payamak.Messenger([payamak.PayamResan(api_key="demo-key", **settings)], key_secret=secret)
    kept.append(messenger)
    wipe(secret)
    step("open")
    messenger.close()

def secret_of_an_async_messenger():
    async def main():
        gateway = payamak.PayamResan(api_key="demo-key", **settings)
        async with payamak.AsyncMessenger([gateway], key_secret=secret) as messenger:
            kept.append(messenger)
            wipe(secret)
            step("open")
    asyncio.run(main())

secret = join(*halves())
globals()[sys.argv[1]]()
step("closed")
"""


def copies(process: int, secret: bytes) -> int:
    """How often a secret stands in what a process can write to."""
    found = 0
    with Path(f"/proc/{process}/maps").open() as maps, Path(f"/proc/{process}/mem").open("rb", 0) as memory:
        for line in maps:
            where, rights, *rest = line.split()
            if not rights.startswith("rw") or rest[-1] in ("[vvar]", "[vsyscall]"):
                continue
            start, end = (int(address, 16) for address in where.split("-"))
            memory.seek(start)
            found += memory.read(end - start).count(secret)
    return found


@only_on_linux
@pytest.mark.parametrize(
    "what",
    [
        "waiting",
        "waiting_niksms",
        "after_calls",
        "with_block",
        "in_asyncio",
        "gateways_of_a_messenger",
        "secret_of_a_messenger",
        "secret_of_an_async_messenger",
    ],
)
def test_no_copy_of_a_secret_is_left(what: str, emulator: Emulator) -> None:
    secret = secrets.token_hex(24).encode()
    one = secrets.token_bytes(len(secret))
    other = bytes(a ^ b for a, b in zip(secret, one, strict=True))
    url = {"waiting_niksms": emulator.niksms_url, "after_calls": emulator.payam_resan_sandbox_url}
    command = [sys.executable, "-c", PROGRAM, what, url.get(what, emulator.payam_resan_url)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="ascii") as program:
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.write(f"{one.hex()}\n{other.hex()}\n")
        program.stdin.flush()
        assert program.stdout.readline() == "open\n"
        # As long as it is open it has to know it; so the search finds what is there.
        assert copies(program.pid, secret) > 0
        program.stdin.write("\n")
        program.stdin.flush()
        assert program.stdout.readline() == "closed\n"
        assert copies(program.pid, secret) == 0
        program.stdin.write("\n")
