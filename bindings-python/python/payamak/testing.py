"""Both gateways on loopback, for your own tests: no account, no network, no message to anybody.

With pytest, ask for the fixture ``payamak_emulator``; it comes with the package.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from payamak import _native
from payamak._arguments import seconds
from payamak._record import Record, length, mask

if TYPE_CHECKING:
    from os import PathLike
    from types import TracebackType

    from typing_extensions import Self

    from payamak._arguments import Number, Seconds
    from payamak._settings import Dialect

__all__ = ["Emulator", "RegisteredMessage", "RequestRecord", "Verdict"]


class RegisteredMessage(Record):
    """A message as a gateway registered it.

    >>> _ = gateway.send_bulk("سلام", [("09121112222", 7)])
    >>> emulator.messages[0].text, emulator.messages[0].trace_id
    ('سلام', 7)
    """

    __slots__ = (
        "dialect",
        "gateway",
        "id",
        "operation",
        "registered_at",
        "sender",
        "status",
        "template",
        "text",
        "to",
        "trace_id",
    )
    _masked = {"to": mask, "text": length}
    gateway: str
    dialect: str
    operation: str
    id: int
    trace_id: int | None
    to: str
    sender: str
    text: str
    template: str | None
    registered_at: float
    status: int


class RequestRecord(Record):
    """A request that came to a gateway, without its query and its body.

    >>> _ = gateway.account_info()
    >>> emulator.requests[0].operation
    'AccountInfo'
    """

    __slots__ = ("method", "operation", "path")
    method: str
    path: str
    operation: str | None


class Verdict(Record):
    """How the replay of a conformance case has gone.

    >>> emulator.replay_verdict("missing").complete
    False
    """

    __slots__ = ("complete", "mismatches")
    complete: bool
    mismatches: tuple[str, ...]


class Emulator:
    """Both gateways on a free port of this machine, with state, delivery in time, and faults on request.

    >>> with Emulator() as emulator:
    ...     with PayamResan(
    ...         api_key=Emulator.PAYAM_RESAN_KEY, sender=30004040, base_url=emulator.payam_resan_url
    ...     ) as gateway:
    ...         sent = gateway.send_bulk("سلام", ["09121112222"])
    ...     emulator.messages[0].text
    'سلام'
    """

    PAYAM_RESAN_KEY = "demo-key"
    """The demo account's key at Payam Resan; its lines are ``30004040`` and ``50004041``."""
    NIKSMS_USERNAME = "demo"
    """The demo account's user name at NikSMS; its lines are ``50001234`` and ``blacklist``."""
    NIKSMS_PASSWORD = "demo-password"
    """The demo account's password at NikSMS."""
    NIKSMS_KEY = "demo-niksms-key"
    """The demo account's key for NikSMS's dialect ``web-service``."""

    def __init__(
        self,
        *,
        listen: str | None = None,
        speed: float | None = None,
        credit: int | None = None,
        polling_rule: Seconds | None = None,
        polling_rule_for_unknown_ids: bool | None = None,
        lookup_lag: Seconds | None = None,
        replay: str | PathLike[str] | None = None,
        keep_texts: bool | None = None,
        v2_delivery_path: str | None = None,
    ) -> None:
        """Start it.

        :param listen: an address of loopback (a free port of 127.0.0.1).
        :param speed: emulated seconds in a real second (1); at 0 only ``advance`` moves time.
        :param credit: what both accounts start with; a message costs 1.
        :param polling_rule: how long to wait between two questions about a message of Payam Resan (no rule).
        :param polling_rule_for_unknown_ids: whether that holds for ids that no message has, too (False).
        :param lookup_lag: how long a lookup does not find a message that was just registered (0).
        :param replay: a folder of conformance cases to serve too.
        :param keep_texts: whether ``messages`` have their texts (True).
        :param v2_delivery_path: where the dialect ``v2`` answers for deliveries.
        """
        self._native = _native.Emulator(
            {
                "listen": listen,
                "speed": speed,
                "credit": credit,
                "polling_rule": seconds(polling_rule),
                "polling_rule_for_unknown_ids": polling_rule_for_unknown_ids,
                "lookup_lag": seconds(lookup_lag),
                "replay": replay,
                "keep_texts": keep_texts,
                "v2_delivery_path": v2_delivery_path,
            }
        )

    def close(self) -> None:
        """Stop it: nothing listens any more.

        >>> emulator.close()
        """
        self._native.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Emulator at {self.url}>"

    @property
    def url(self) -> str:
        """The address of both gateways, without a path.

        >>> emulator.url.startswith("http://127.0.0.1:")
        True
        """
        return self._native.url("")

    @property
    def payam_resan_url(self) -> str:
        """The ``base_url`` for ``PayamResan``.

        >>> emulator.payam_resan_url.endswith("/api/V3/")
        True
        """
        return self._native.url("payam-resan")

    @property
    def payam_resan_sandbox_url(self) -> str:
        """The ``base_url`` for ``PayamResan(sandbox=True)``.

        >>> emulator.payam_resan_sandbox_url.endswith("/api/V3SandBox/")
        True
        """
        return self._native.url("sandbox")

    @property
    def niksms_url(self) -> str:
        """The ``base_url`` for ``NikSms`` in its default dialect, ``public-api``.

        >>> emulator.niksms_url.endswith("/fa/PublicApi/")
        True
        """
        return self._native.url("public-api")

    def niksms_dialect_url(self, dialect: Dialect) -> str:
        """Give the ``base_url`` for ``NikSms`` in a dialect.

        >>> emulator.niksms_dialect_url("v2").endswith("/api/v2/")
        True
        """
        return self._native.url(dialect)

    @property
    def v2_delivery_path(self) -> str:
        """The ``v2_delivery_path`` for ``NikSms`` in the dialect ``v2``.

        >>> emulator.v2_delivery_path
        'sms/delivery'
        """
        return self._native.v2_delivery_path()

    @property
    def messages(self) -> list[RegisteredMessage]:
        """Every registered message of both gateways, in the order of registering.

        >>> emulator.messages
        []
        """
        return [RegisteredMessage(*row[:-1], *row[-1]) for row in self._native.messages()]

    @property
    def message_count(self) -> int:
        """How many messages are registered.

        >>> emulator.message_count
        0
        """
        return self._native.message_count()

    def registrations(self, trace_id: int) -> int:
        """Count the messages with this trace id. More than one: somebody got the message twice.

        >>> emulator.registrations(7)
        0
        """
        return self._native.registrations(trace_id)

    @property
    def requests(self) -> list[RequestRecord]:
        """The requests that came to the gateways, in order.

        >>> emulator.requests
        []
        """
        return [RequestRecord(*row) for row in self._native.requests()]

    @property
    def request_count(self) -> int:
        """How many requests came to the gateways.

        >>> emulator.request_count
        0
        """
        return self._native.request_count()

    @property
    def connection_count(self) -> int:
        """How many connections were accepted.

        >>> emulator.connection_count
        0
        """
        return self._native.connection_count()

    def clear(self) -> None:
        """Forget messages, requests and faults, and give the credit back.

        >>> emulator.clear()
        """
        self._native.clear()

    def faults(self, faults: Iterable[Mapping[str, Any]]) -> None:
        """Replace all faults to come. The keys are those of the emulator's README.

        ``operations`` (``send``, ``lookup``, ``any`` or a name), ``gateway``, ``skip``, ``times`` (None: for ever),
        ``when`` (``before`` or ``after`` registering, or ``{"later_ms": 6000}``, that much emulated time later),
        ``then``: ``never``, ``close``, ``half``, ``garbage``, ``html``, ``{"status": 503}``, ``{"status_json": 429}``,
        ``{"code": 100}``, ``{"delay_ms": 250}``, ``drop_rows``, ``shuffle_rows``, ``no_rows``, ``round_ids``,
        ``extra_row``, ``contradict_rows``, ``{"half_taken": 19}``, ``late``.

        >>> emulator.faults([{"then": "close", "when": "after", "times": 2}])
        """
        self._native.faults(json.dumps([dict(fault) for fault in faults]))

    @property
    def pending_faults(self) -> list[dict[str, Any]]:
        """The faults that are not used up.

        >>> emulator.pending_faults
        []
        """
        faults: list[dict[str, Any]] = json.loads(self._native.pending_faults())
        return faults

    def refuse_text(self, word: str) -> None:
        """Let both gateways refuse every request with a message that contains this word, from now on.

        >>> emulator.refuse_text("برنده")
        >>> messenger.send("شما برنده شدید", "09121112222")[0].outcome
        'rejected'
        """
        self._native.refuse_text(word)

    def refuse_number(self, number: Number) -> None:
        """Let both gateways refuse every request with a message to this number, from now on.

        >>> emulator.refuse_number("09121113333")
        >>> report = messenger.send("سلام", ["09121112222", "09121113333"])
        >>> [receipt.outcome for receipt in report]
        ['accepted', 'rejected']
        """
        self._native.refuse_number(str(number))

    @property
    def now(self) -> float:
        """Emulated seconds since the start.

        >>> emulator.advance(60)
        >>> emulator.now >= 60
        True
        """
        return self._native.now()

    def advance(self, by: Seconds) -> None:
        """Move emulated time forward: statuses move without anybody waiting.

        >>> emulator.advance(60)
        """
        self._native.advance(float(seconds(by) or 0))

    def set_status(self, message_id: int, code: int) -> bool:
        """Fix the status of a message; False if there is none of this id.

        >>> emulator.set_status(404, 4)
        False
        """
        return self._native.set_status(message_id, code)

    def receive(self, *, from_: str, to: str, text: str) -> int:
        """Put a message from a phone into the inbox of the gateway that has the line ``to``, and give its id.

        >>> emulator.receive(from_="09121112222", to="30004040", text="لغو") > 0
        True
        """
        return self._native.receive(from_, to, text)

    def credit(self, gateway: str) -> int:
        """Tell what is left of a gateway's credit.

        >>> emulator.credit("niksms")
        10000000
        """
        return self._native.credit(gateway)

    def set_credit(self, gateway: str, credit: int) -> None:
        """Set a gateway's credit.

        >>> emulator.set_credit("niksms", 0)
        """
        self._native.set_credit(gateway, credit)

    @property
    def replay_cases(self) -> list[str]:
        """The names of the cases it replays.

        >>> emulator.replay_cases
        []
        """
        return self._native.replay_cases()

    def replay_url(self, case: str) -> str:
        """Give the address under which a case is replayed.

        >>> emulator.replay_url("a-case").endswith("/replay/a-case/")
        True
        """
        return self._native.replay_url(case)

    def replay_verdict(self, case: str) -> Verdict:
        """Tell how a case has gone so far.

        >>> emulator.replay_verdict("missing").mismatches
        ('there is no case missing',)
        """
        complete, mismatches = self._native.replay_verdict(case)
        return Verdict(complete, tuple(mismatches))

    def replay_reset(self, case: str) -> bool:
        """Start a case again; False if it is not there.

        >>> emulator.replay_reset("missing")
        False
        """
        return self._native.replay_reset(case)
