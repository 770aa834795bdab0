"""Native calls as awaitables of the running event loop."""

from __future__ import annotations

from payamak import _native

# As typing has it; importing that would take longer than the rest of this package.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import MutableMapping
    from typing import Any

_bridges: MutableMapping[AbstractEventLoop, _native.Bridge] | None = None


def bridge() -> _native.Bridge:
    """Give the running loop's bridge."""
    from asyncio import get_running_loop

    global _bridges
    if _bridges is None:
        from weakref import WeakKeyDictionary

        _bridges = WeakKeyDictionary()
    loop = get_running_loop()
    found = _bridges.get(loop)
    if found is None:
        found = _bridges[loop] = _native.Bridge(loop)
    return found


async def finish(call: _native.Call) -> Any:
    """Await a native call; when the task is cancelled, the native work is stopped before that goes on.

    Of a send nothing runs any more then; the request of a single call is let go of a moment later.
    """
    try:
        return await call.future
    except BaseException:
        # After an answer there is nothing left to stop.
        call.cancel()
        raise
