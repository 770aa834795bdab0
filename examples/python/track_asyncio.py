"""Follow messages until they are delivered, with asyncio.

    pip install payamak
    python track_asyncio.py

With PAYAM_RESAN_API_KEY in the environment it asks as often as the gateway allows; without it the emulator delivers
within a second.
"""

from __future__ import annotations

import asyncio
import os

from payamak import AsyncMessenger, AsyncPayamResan
from payamak.testing import Emulator

RECIPIENTS = ["09121112222", "09121113333", "09121110000"]


async def follow(messenger: AsyncMessenger, interval: float | None = None) -> None:
    """Send, and print each change until all are final."""
    report = await messenger.send("سفارش شما ارسال شد", RECIPIENTS)
    print(report)
    async for change in messenger.track(report, first_look=interval, interval=interval, deadline=3600):
        if change.status is not None:
            ends = "final" if change.is_final else "on its way"
            print(f"message {change.index}: {change.status.state} ({change.status.name}), {ends}")
        else:
            print(f"message {change.index}: {change.error}")


async def main() -> None:
    """Choose the gateway."""
    if "PAYAM_RESAN_API_KEY" in os.environ:
        async with AsyncMessenger([AsyncPayamResan.from_env()]) as messenger:
            await follow(messenger)
        return
    # A minute of the emulated gateway is a quarter of a second here.
    with Emulator(speed=240) as emulator:
        gateway = AsyncPayamResan(api_key=Emulator.PAYAM_RESAN_KEY, sender=30004040, base_url=emulator.payam_resan_url)
        async with AsyncMessenger([gateway]) as messenger:
            await follow(messenger, interval=0.05)


if __name__ == "__main__":
    asyncio.run(main())
