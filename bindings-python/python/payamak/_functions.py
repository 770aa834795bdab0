"""What needs no gateway."""

from __future__ import annotations

from payamak import _native
from payamak._results import Msisdn, Report, Segments

# As typing has it; importing that would take longer than the rest of this package.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from payamak._arguments import Number

    KeyKind = Literal["single", "list_member"]


def msisdn(number: str | int) -> Msisdn:
    """Read a mobile number as people type it; what is none raises an ``InvalidInputError``.

    >>> msisdn("۰۹۱۲-۱۱۱-۲۲۲۲").international
    '989121112222'
    """
    return Msisdn(*_native.msisdn(str(number)))


def segments(text: str, *, profile: Literal["gsm", "payam-resan"] = "gsm") -> Segments:
    """Count what a text needs on the air.

    >>> counted = segments("کد ورود شما: 12345")
    >>> counted.segments, counted.units, counted.units_left
    (1, 18, 52)
    """
    encoding, units, count, left, forced = _native.segments(text, profile)
    return Segments(encoding, units, count, left, tuple(forced))


def trace_id_from_key(key: str, to: Number, kind: KeyKind = "single", secret: str | None = None) -> int:
    """Give the trace id that a message with this key has: the same in every process and every language.

    :param key: the key, as it is given to a send or to a ``Message``.
    :param to: the recipient: one key for two recipients names two messages.
    :param kind: ``single`` for the key of a ``Message`` and of a send to one number; ``list_member`` for the key of a
        send to a list, of ``send_each`` and of ``send_template``.
    :param secret: the messenger's ``key_secret``, where it has one.

    >>> trace_id_from_key("order-981:paid", "0912 111 2222") == trace_id_from_key("order-981:paid", 9121112222)
    True
    """
    return _native.trace_id_from_key(key, to, kind, secret)


def receipts_of(error: BaseException) -> Report | None:
    """Find what had become of the messages of a send that was stopped, by whatever stopped it.

    It is for what a cancelled task, ``asyncio.timeout``, a Ctrl-C or a ``CancelToken`` raises, and looks at what an
    exception was raised from, too. None where there was no send.

    >>> async def send() -> None:
    ...     await async_messenger.send("سلام", "09121112222")
    >>> emulator.faults([{"then": "never", "times": None}])
    >>> try:
    ...     await asyncio.wait_for(send(), 0.2)
    ... except asyncio.TimeoutError as error:
    ...     receipts_of(error)
    <Report of 1: 0 accepted, 0 rejected, 1 unclear>
    """
    looked_at = set()
    found: BaseException | None = error
    while found is not None and id(found) not in looked_at:
        receipts = getattr(found, "receipts", None)
        if isinstance(receipts, Report):
            return receipts
        looked_at.add(id(found))
        found = found.__cause__ or found.__context__
    return None


for _function in (msisdn, receipts_of, segments, trace_id_from_key):
    _function.__module__ = "payamak"
