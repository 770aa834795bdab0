"""What callers may hand over, brought into the one form that the native module takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from operator import attrgetter

from payamak._record import Record, length, mask

# As typing has it; importing that would take longer than the rest of this package.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from typing import Any, TypeVar, Union

    from typing_extensions import Self

    T = TypeVar("T")
    # A phone number or an id: text or an integer, never a float.
    Number = Union[str, int]
    Seconds = Union[float, timedelta]
    # A time in Tehran: ``2026-12-01T08:30``, or a datetime; one with a zone is moved to Tehran.
    When = Union[str, datetime]

#: How many messages are handed over in one go, so that an event loop gets its turn in between.
PORTION = 250


class Destination(Record):
    """A recipient of one text, and what its message is known by.

    Without a trace id nobody can ask after an unclear failure whether it was sent. A pair is as good.

    >>> gateway.send_bulk("سلام", [Destination("09121112222", trace_id=7)])[0].trace_id
    7
    """

    __slots__ = ("to", "trace_id")
    _masked = {"to": mask}
    to: Number
    trace_id: Number | None

    def __init__(self, to: Number, trace_id: Number | None = None) -> None:
        super().__init__(to, trace_id)


class PersonalMessage(Record):
    """A text of its own for one recipient, for the gateways' own calls.

    >>> gateway.send_multiple([PersonalMessage("09121112222", "سلام سارا", trace_id=8)])[0].trace_id
    8
    """

    __slots__ = ("sender", "text", "to", "trace_id")
    _masked = {"to": mask, "text": length}
    to: Number
    text: str
    trace_id: Number | None
    sender: Number | None

    def __init__(self, to: Number, text: str, *, trace_id: Number | None = None, sender: Number | None = None) -> None:
        super().__init__(to, text, trace_id, sender)

    def __reduce__(self) -> tuple[Any, ...]:
        return _remake, (type(self), self._values())


class TemplateMessage(Record):
    """A recipient of a template, with what fills it: ``parameters[0]`` is for ``{1}``.

    >>> gateway.send_token_multi("verify", [TemplateMessage("09121112222", ["12345"], trace_id=9)])[0].trace_id
    9
    """

    __slots__ = ("parameters", "to", "trace_id")
    _masked = {"to": mask, "parameters": lambda parameters: f"<{len(parameters)}>"}
    to: Number
    parameters: tuple[str, ...]
    trace_id: Number | None

    def __init__(self, to: Number, parameters: Iterable[str], *, trace_id: Number | None = None) -> None:
        super().__init__(to, fillings(parameters), trace_id)

    def __reduce__(self) -> tuple[Any, ...]:
        return _remake, (type(self), self._values())


class Message(Record):
    """One message for a messenger: to whom, what, and what it is known by.

    With a ``key`` (or a ``trace_id`` and ``once``) the gateways are asked for it before it is sent, so that a job that
    crashed and runs again sends nothing twice. Two sends through one client with one key are one message, even at the
    same moment; two processes that send with one key at the same moment can both be told "not there", and both send.
    A key names one text to one number: never let an outsider choose a whole key, and take a new key for a new text.

    >>> message = Message("09121112222", "سفارش شما ارسال شد", key="order-981:shipped")
    >>> messenger.send_each([message, message]).accepted[0].outcome
    'accepted'
    >>> emulator.message_count
    1
    """

    __slots__ = ("key", "once", "parameters", "sender", "template", "text", "to", "trace_id")
    _masked = {
        "to": mask,
        "text": length,
        "parameters": lambda parameters: f"<{len(parameters)}>",
        "key": lambda key: "<set>",
    }
    to: Number
    text: str
    template: str | None
    parameters: tuple[str, ...]
    sender: Number | None
    trace_id: Number | None
    key: str | None
    once: bool

    def __init__(
        self,
        to: Number,
        text: str,
        *,
        key: str | None = None,
        trace_id: Number | None = None,
        sender: Number | None = None,
        once: bool = False,
    ) -> None:
        super().__init__(to, text, None, (), sender, trace_id, key, once)

    @classmethod
    def from_template(
        cls,
        template: str,
        to: Number,
        parameters: Iterable[str],
        *,
        key: str | None = None,
        trace_id: Number | None = None,
        once: bool = False,
    ) -> Self:
        """Make a message of a template of the account: ``parameters[0]`` fills ``{1}``.

        >>> code = Message.from_template("verify", "09121112222", ["12345"], key="login-7:attempt-1")
        >>> messenger.send_each([code])[0].outcome
        'accepted'
        """
        message: Self = _remake(cls, (to, "", template, fillings(parameters), None, trace_id, key, once))
        return message

    def __reduce__(self) -> tuple[Any, ...]:
        return _remake, (type(self), self._values())


def _remake(cls: Any, values: tuple[Any, ...]) -> Any:
    """Make a record of all its values, whatever its own constructor takes."""
    record = cls.__new__(cls)
    Record.__init__(record, *values)
    return record


for _class in (Destination, PersonalMessage, TemplateMessage, Message):
    _class.__module__ = "payamak"

#: A message's fields, in the order of the native rows.
MESSAGE_ROW = attrgetter(*Message._fields)


def seconds(given: Seconds | None) -> float | None:
    """Read a time span: seconds, or a timedelta."""
    if given is None or isinstance(given, float):
        return given
    if isinstance(given, int):
        try:
            return float(given)
        except OverflowError:
            # Too long for a float is too long for every span, and is refused by the name of that.
            return float("inf")
    if not hasattr(given, "total_seconds"):
        raise TypeError(f"a time span is a number of seconds or a timedelta, not {type(given).__name__}")
    return given.total_seconds()


def fillings(given: Iterable[str]) -> tuple[str, ...]:
    """Read what fills a template. A text alone would fill it with its letters, and a mapping with its keys."""
    if isinstance(given, (str, bytes, Mapping)):
        raise TypeError(f"the parameters of a template are a list of texts, not {type(given).__name__}")
    return tuple(given)


def when(given: When | None) -> str | None:
    """Read a time: text, or a datetime."""
    return given if given is None or isinstance(given, str) else given.isoformat()


def is_one(given: object) -> bool:
    """Tell one number from many."""
    return isinstance(given, (str, int))


def numbers(given: Number | Iterable[Number]) -> list[Any]:
    """Read one number or many."""
    return [given] if isinstance(given, (str, int)) else list(given)


def destinations(given: Number | Destination | Iterable[Any]) -> list[tuple[Any, Any]]:
    """Read numbers, pairs of a number and a trace id, or destinations."""
    if isinstance(given, (str, int, Destination)):
        given = [given]
    return [_destination(item) for item in given]


def _destination(item: Any) -> tuple[Any, Any]:
    if isinstance(item, Destination):
        return item.to, item.trace_id
    if isinstance(item, tuple):
        to, trace_id = item
        return to, trace_id
    return item, None


def personal_messages(given: Iterable[Any]) -> list[tuple[Any, ...]]:
    """Read messages with a text each, or pairs of a number and a text."""
    rows = []
    for item in given:
        if isinstance(item, PersonalMessage):
            rows.append(item._values())
        else:
            to, text = item
            rows.append((to, text, None, None))
    return rows


def template_messages(given: Iterable[Any]) -> list[tuple[Any, ...]]:
    """Read recipients of a template, or pairs of a number and its parameters."""
    rows = []
    for item in given:
        if isinstance(item, TemplateMessage):
            rows.append((item.to, item.parameters, item.trace_id))
        else:
            to, parameters = item
            rows.append((to, fillings(parameters), None))
    return rows


def message_row(message: Message) -> tuple[Any, ...]:
    """Give a message as the native module takes it."""
    if not isinstance(message, Message):
        raise TypeError(f"a message is a payamak.Message, not {type(message).__name__}")
    row: tuple[Any, ...] = MESSAGE_ROW(message)
    return row


def pair_row(pair: tuple[Number, Iterable[str]]) -> tuple[Any, tuple[str, ...]]:
    """Give a recipient and its parameters as the native module takes them."""
    to, parameters = pair
    return to, fillings(parameters)


def portions(items: Iterable[T]) -> Iterator[list[T]]:
    """Cut what may be long into short lists."""
    iterator = iter(items)
    while portion := list(islice(iterator, PORTION)):
        yield portion
