"""What calls give back: frozen classes, and lists that make them only when somebody looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from payamak._record import Record, length, mask

# As typing has it; importing that would take longer than the rest of this package.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal, TypeVar, overload

    from typing_extensions import Self

    from payamak._errors import PayamakError
    from payamak._native import Rows

    T = TypeVar("T")
    SendOutcome = Literal["accepted", "rejected", "unclear"]
    DeliveryState = Literal["scheduled", "queued", "sent", "delivered", "failed", "not_sent", "not_found", "unknown"]
    DeliveryReason = Literal[
        "blacklisted",
        "opted_out",
        "advertising_blocked",
        "invalid_number",
        "text_filtered",
        "expired",
        "canceled",
        "duplicate",
        "operator",
        "unreachable",
        "limit",
        "credit",
        "account",
        "blocked",
        "other",
    ]
else:
    T = object

    def overload(function: Any) -> Any:
        """Leave it as it is: only type checkers look at it."""
        return function


class Code(Record):
    """A gateway's code: its number, our English name, the gateway's own name and its Persian text.

    It compares equal to its number. A code that no table has is named ``unknown`` and keeps its number.

    >>> template = gateway.token_list()[0]
    >>> template.status.name, int(template.status), template.status == 2
    ('approved', 2, True)
    """

    __slots__ = ("code", "name", "text", "wire_name")
    code: int | None
    name: str
    wire_name: str | None
    text: str | None

    def __int__(self) -> int:
        if self.code is None:
            raise ValueError(f"the code {self.wire_name} has no number")
        return self.code

    def __eq__(self, other: object) -> bool:
        if isinstance(other, int):
            return self.code == other
        return super().__eq__(other)

    def __hash__(self) -> int:
        return hash(self.wire_name) if self.code is None else hash(self.code)

    def __str__(self) -> str:
        return self.name


class Delivery(Record):
    """What a delivery code means, the same for every gateway.

    >>> message_id = gateway.send_bulk("سلام", ["09121112222"])[0].message_id
    >>> gateway.status_by_id([message_id])[0].status.delivery
    Delivery(state='queued', reason=None, is_final=False)
    """

    __slots__ = ("is_final", "reason", "state")
    state: DeliveryState
    reason: DeliveryReason | None
    is_final: bool


class DeliveryStatus(Code):
    """A delivery code together with what it means.

    >>> message_id = gateway.send_bulk("سلام", ["09121112222"])[0].message_id
    >>> emulator.advance(60)
    >>> match gateway.status_by_id([message_id])[0].status:
    ...     case DeliveryStatus(state="delivered", text=text):
    ...         print(text)
    تحویل به گوشی
    """

    __slots__ = ("delivery",)
    delivery: Delivery

    @property
    def state(self) -> DeliveryState:
        """Where the message is."""
        return self.delivery.state

    @property
    def reason(self) -> DeliveryReason | None:
        """Why it was not delivered."""
        return self.delivery.reason

    @property
    def is_final(self) -> bool:
        """True when asking again will not change the answer."""
        return self.delivery.is_final


class Sent(Record):
    """A message that Payam Resan has taken.

    >>> gateway.send_bulk("سلام", [("09121112222", 7)])[0].trace_id
    7
    """

    __slots__ = ("message_id", "trace_id")
    message_id: int | None
    trace_id: int | None


class TemplateSent(Record):
    """A message that Payam Resan has made of a template; ``text`` is what went out.

    >>> gateway.send_token_single("verify", "09121112222", ["12345"])[0].text
    'کد ورود شما: 12345'
    """

    __slots__ = ("message_id", "sender", "text", "trace_id")
    _masked = {"text": length}
    message_id: int | None
    trace_id: int | None
    sender: str | None
    text: str | None


class Template(Record):
    """A template of the account; only one with the status ``approved`` can be sent.

    >>> gateway.token_list()[0].key
    'verify'
    """

    __slots__ = ("key", "status", "text", "voice")
    key: str
    text: str | None
    voice: str | None
    status: Code


class MessageStatus(Record):
    """What became of a message.

    >>> sent = gateway.send_bulk("سلام", [("09121112222", 7)])
    >>> gateway.status_by_trace_id([7])[0].status.name
    'queued_at_gateway'
    """

    __slots__ = ("message_id", "status", "trace_id")
    message_id: int | None
    trace_id: int | None
    status: DeliveryStatus


class SmsDelivery(Record):
    """What became of a message at NikSMS.

    >>> batch = niksms.group_sms("سلام", ["09121112222"])
    >>> niksms.get_sms_delivery(batch.message_ids)[0].status.name
    'in_queue'
    """

    __slots__ = ("message_id", "status")
    message_id: int
    status: DeliveryStatus


class TraceDelivery(Record):
    """What became of a message at NikSMS, asked for by the caller's trace id.

    >>> niksms.get_sms_delivery_with_client_id(404).status.name
    'not_found'
    """

    __slots__ = ("message_id", "status", "trace_id")
    trace_id: int
    message_id: int | None
    status: DeliveryStatus


class AccountInfo(Record):
    """The account's credit in rials, and its lines.

    >>> gateway.account_info().sender_lines
    ['30004040', '50004041']
    """

    __slots__ = ("credit", "sender_lines")
    credit: float
    sender_lines: list[str]

    def __hash__(self) -> int:
        return hash((self.credit, *self.sender_lines))


class IncomingMessage(Record):
    """A message that somebody sent to one of the account's lines, as the gateway writes it.

    >>> _ = emulator.receive(from_="09121112222", to="30004040", text="لغو")
    >>> gateway.get_inbox()[0].text
    'لغو'
    """

    __slots__ = ("from_", "is_relayed", "message_id", "text", "time", "to")
    _masked = {"text": length, "from_": mask}
    message_id: int | None
    text: str
    from_: str
    to: str
    time: str | None
    is_relayed: bool | None


class Received(Record):
    """An incoming message, with the gateway it came through.

    >>> _ = emulator.receive(from_="09121112222", to="30004040", text="لغو")
    >>> next(messenger.receive(interval=60)).gateway
    'payam-resan'
    """

    __slots__ = ("gateway", "message")
    gateway: str
    message: IncomingMessage


class SendBatch(Record):
    """What a send by NikSMS answers; its status is ``successful`` or ``warning``, which was sent too.

    >>> niksms.group_sms("سلام", ["09121112222", "09121113333"]).status.name
    'successful'
    """

    __slots__ = ("id", "message_ids", "status", "warning")
    status: Code
    id: str | None
    warning: str | None
    message_ids: list[int]

    def __hash__(self) -> int:
        return hash((self.status, self.id, self.warning, *self.message_ids))


class Balance(Record):
    """The credit (rials) and the lines of a gateway.

    >>> messenger.balance()[0].gateway
    'payam-resan'
    """

    __slots__ = ("credit", "gateway", "sender_lines")
    gateway: str
    credit: float
    sender_lines: list[str]

    def __hash__(self) -> int:
        return hash((self.gateway, self.credit, *self.sender_lines))


class Receipt(Record):
    """What became of one message handed over.

    ``replayed`` says that this call did not send it: an earlier run, or another call with its key, had. Its ``repr``
    masks the recipient, so that it may stand in a log.

    >>> first = messenger.send("سفارش شما ارسال شد", "09121112222", key="order-981:shipped")[0]
    >>> first.outcome, first.gateway, first.error, first.replayed
    ('accepted', 'payam-resan', None, False)
    >>> again = messenger.send("سفارش شما ارسال شد", "09121112222", key="order-981:shipped")[0]
    >>> again.outcome, again.message_id == first.message_id, again.replayed
    ('accepted', True, True)
    """

    __slots__ = ("error", "gateway", "message_id", "outcome", "replayed", "to", "trace_id")
    _masked = {"to": mask}
    _quiet = ("replayed",)
    to: str
    trace_id: int
    message_id: int | None
    gateway: str | None
    outcome: SendOutcome
    error: PayamakError | None
    replayed: bool

    def __init__(
        self,
        to: str,
        trace_id: int,
        message_id: int | None,
        gateway: str | None,
        outcome: SendOutcome,
        error: PayamakError | None,
        # Receipts that were pickled before there was such a field have none.
        replayed: bool = False,
    ) -> None:
        super().__init__(to, trace_id, message_id, gateway, outcome, error, replayed)

    @classmethod
    def restore(cls, to: str, gateway: str, trace_id: int, message_id: int | None = None) -> Self:
        """Make the receipt of an accepted message again, as a database kept it.

        >>> Receipt.restore("09121112222", "payam-resan", 981).outcome
        'accepted'
        """
        return cls(to, trace_id, message_id, gateway, "accepted", None)

    @classmethod
    def restore_unclear(cls, to: str, trace_id: int) -> Self:
        """Make the receipt of an unclear message again: ``delivery`` and ``track`` ask every gateway for it.

        >>> [sent] = messenger.send("سلام", "09121112222")
        >>> kept = Receipt.restore_unclear(sent.to, sent.trace_id)
        >>> messenger.delivery([kept])[0].status.state
        'queued'
        """
        return cls(to, trace_id, None, None, "unclear", None)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._comparable() == other._comparable()

    def __hash__(self) -> int:
        return hash((self.trace_id, self.message_id, self.outcome))

    def _comparable(self) -> tuple[Any, ...]:
        # Exceptions compare by identity; what they say is what counts here.
        error = self.error and (str(self.error), self.error.to_dict())
        return (self.to, self.trace_id, self.message_id, self.gateway, self.outcome, self.replayed, error)


class DeliveryReport(Record):
    """What is known about the delivery of one message.

    ``index`` is the place of its receipt in the list that was asked about. ``timed_out`` says, while tracking, that the
    deadline passed and the message is still on its way.

    >>> report = messenger.send("سلام", "09121112222")
    >>> messenger.delivery(report)[0].status.state
    'queued'
    """

    __slots__ = ("error", "gateway", "index", "message_id", "status", "timed_out", "to", "trace_id")
    _masked = {"to": mask}
    index: int
    to: str
    trace_id: int
    gateway: str | None
    message_id: int | None
    status: DeliveryStatus | None
    error: PayamakError | None
    timed_out: bool

    @property
    def is_final(self) -> bool:
        """True when asking again will not change the answer."""
        return self.status is not None and self.status.is_final

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._comparable() == other._comparable()

    def __hash__(self) -> int:
        return hash((self.index, self.trace_id, self.status, self.timed_out))

    def _comparable(self) -> tuple[Any, ...]:
        error = self.error and (str(self.error), self.error.to_dict())
        return (self.index, self.to, self.trace_id, self.gateway, self.message_id, self.status, error, self.timed_out)


class Progress(Record):
    """How far a send is. What is neither in flight nor decided still waits.

    >>> seen = []
    >>> _ = messenger.send("سلام", ["09121112222"], on_progress=seen.append)
    >>> seen[-1].done
    1
    """

    __slots__ = ("accepted", "in_flight", "planned", "rejected", "unclear")
    planned: int
    in_flight: int
    accepted: int
    rejected: int
    unclear: int

    @property
    def done(self) -> int:
        """How many messages have their final receipt."""
        return self.accepted + self.rejected + self.unclear


class Segments(Record):
    """What a text needs on the air; ``segments`` are billed.

    >>> segments("سلام").encoding
    'ucs2'
    """

    __slots__ = ("encoding", "forced_ucs2", "segments", "units", "units_left")
    encoding: Literal["gsm7", "ucs2"]
    units: int
    segments: int
    units_left: int
    forced_ucs2: tuple[str, ...]


class Msisdn(Record):
    """An Iranian mobile number, however it was typed.

    >>> msisdn("+98 (912) 111-۲۲۲۲").national
    '09121112222'
    """

    __slots__ = ("international", "national")
    _masked = {"national": mask, "international": mask}
    national: str
    international: str

    def __str__(self) -> str:
        return self.national


class LazyList(Sequence[T]):
    """A list that stays outside of Python: an item is made when it is looked at.

    It compares equal to any sequence of equal items.

    >>> report = messenger.send("سلام", ["09121112222", "09121113333"])
    >>> len(report), report[-1].to, [receipt.outcome for receipt in report[:1]]
    (2, '09121113333', ['accepted'])
    """

    __slots__ = ("_rows",)
    _rows: Rows | tuple[T, ...]

    def __init__(self, rows: Rows | Sequence[T]) -> None:
        # What was pickled, or picked out of another list, are items; the rest are native rows.
        self._rows = tuple(rows) if isinstance(rows, Sequence) else rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...  # noqa: F811
    def __getitem__(self, index: int | slice) -> T | list[T]:  # noqa: F811
        if isinstance(index, slice):
            return [self._item(place) for place in range(*index.indices(len(self)))]
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError("index out of range")
        return self._item(place)

    def _item(self, place: int) -> T:
        if isinstance(self._rows, tuple):
            return self._rows[place]
        item: T = self._rows.item(place)
        return item

    def __iter__(self) -> Iterator[T]:
        return iter(self._rows)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, (str, bytes)):
            return NotImplemented
        return len(self) == len(other) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (tuple(self),)


class StatusList(LazyList[T]):
    """Statuses, in the order in which the gateway gave them.

    >>> sent = gateway.send_bulk("سلام", [("09121112222", 7)])
    >>> [row.status.name for row in gateway.status_by_trace_id([7])]
    ['queued_at_gateway']
    """

    __slots__ = ()


class MessageStatusList(StatusList[MessageStatus]):
    """Statuses of messages at Payam Resan."""

    __slots__ = ()


class SmsDeliveryList(StatusList[SmsDelivery]):
    """Statuses of messages at NikSMS."""

    __slots__ = ()


class DeliveryReportList(LazyList[DeliveryReport]):
    """Delivery reports, in the order of the receipts."""

    __slots__ = ()


class Report(LazyList[Receipt]):
    """The receipts of a send, one a message, in input order.

    >>> report = messenger.send("سلام", ["09121112222", "0912"])
    >>> report
    <Report of 2: 1 accepted, 1 rejected, 0 unclear>
    >>> report.rejected[0].error.field
    'to[1]'
    """

    __slots__ = ()

    @property
    def accepted(self) -> Report:
        """The receipts of messages that a gateway has, once."""
        return self._with("accepted")

    @property
    def rejected(self) -> Report:
        """The receipts of messages that are certainly not sent; ``error`` says why."""
        return self._with("rejected")

    @property
    def unclear(self) -> Report:
        """The receipts of messages of which nobody knows."""
        return self._with("unclear")

    def _with(self, outcome: str) -> Report:
        if isinstance(self._rows, tuple):
            return Report([receipt for receipt in self._rows if receipt.outcome == outcome])
        return Report(self._rows.with_outcome(outcome))

    def __repr__(self) -> str:
        counts = f"{len(self.accepted)} accepted, {len(self.rejected)} rejected, {len(self.unclear)} unclear"
        return f"<Report of {len(self)}: {counts}>"


# Public classes are found where they are imported from.
for _class in list(globals().values()):
    if isinstance(_class, type) and _class.__module__ == __name__:
        _class.__module__ = "payamak"
