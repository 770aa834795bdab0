"""Native calls as awaitables of the running event loop."""

from __future__ import annotations

import os

from payamak import _native

# As typing has it; importing that would take longer than the rest of this package.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import MutableMapping
    from typing import Any

_bridges: MutableMapping[AbstractEventLoop, tuple[int, _native.Bridge]] | None = None


def bridge() -> _native.Bridge:
    """Give the running loop's bridge."""
    from asyncio import get_running_loop

    global _bridges
    if _bridges is None:
        from weakref import WeakKeyDictionary

        _bridges = WeakKeyDictionary()
    loop = get_running_loop()
    # A bridge belongs to a loop and a process: what waited in it at a fork is the parent's.
    process = os.getpid()
    found = _bridges.get(loop)
    if found is None or found[0] != process:
        found = _bridges[loop] = process, _native.Bridge(loop)
    return found[1]


async def finish(call: _native.Call) -> Any:
    """Await a native call; when the task is cancelled, the native work is stopped before that goes on."""
    try:
        return await call.future
    except BaseException:
        # After an answer there is nothing left to stop.
        call.cancel()
        raise
