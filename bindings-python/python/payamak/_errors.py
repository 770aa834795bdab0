"""The exceptions: one base class, and everything that is known about a failure in its fields."""

from __future__ import annotations

import builtins

from payamak._record import Record

# As typing has it; importing that would take longer than the rest of this package.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

    from payamak._native import Rows
    from payamak._results import Report

    ErrorOutcome = Literal["not_sent", "unclear"]
    Retry = Literal["never", "backoff", "after_reset", "check_first"]


class Hint(Record):
    """One sentence that says what to do, in English and in Persian.

    >>> try:
    ...     gateway.send_bulk("سلام", ["09121112222"], sender=12345678)
    ... except RequestError as error:
    ...     error.hint.fa
    'این خط از آنِ شما نیست: خط‌های خود را در account_info ببینید.'
    """

    __slots__ = ("en", "fa")
    en: str
    fa: str


class PayamakError(Exception):
    """Everything that payamak raises.

    It is safe to log: ``str()`` of it is one line for people, and neither that nor its traceback or ``to_dict()`` holds
    a key, a number, a text or a word of the gateway's. Those words, the value that was refused and the beginning of an
    answer that could not be read stand in ``gateway_text``, ``value`` and ``body_excerpt`` alone.

    >>> from payamak import PayamakError
    >>> try:
    ...     gateway.send_bulk("سلام", ["0912"])
    ... except PayamakError as error:
    ...     error.gateway, error.operation, error.field, error.outcome, error.retry
    ('payam-resan', 'send_bulk', 'recipients[0].to', 'not_sent', 'never')
    """

    gateway: str | None
    """The gateway it came from, by its name."""
    operation: str | None
    """The operation, such as ``send_bulk``; None for an error in the settings."""
    code: int | None
    """The gateway's number for the error."""
    name: str | None
    """The code's name in English; ``unknown`` for a code that no table has."""
    wire_name: str | None
    """The code's name as the gateway spells it."""
    gateway_text: str | None
    """What the gateway said, in at most 200 characters; where it said nothing, its table's wording of the code.

    What it repeats of the request, credentials, numbers of four digits and more, and characters that act in a log are
    masked. It may still be personal (of an earlier message, say): never log it unasked.
    """
    field: str | None
    """The argument that cannot be sent (``recipients[3]``), or the setting that is missing or wrong."""
    value: str | None
    """That argument as it was given. It may be personal: never log it unasked."""
    hint: Hint | None
    """What to do about it."""
    outcome: ErrorOutcome
    """``not_sent``: certainly nothing was sent. ``unclear``: it may have been; ask by trace id first."""
    retry: Retry
    """What may be done now: ``never``, ``backoff``, ``after_reset`` or ``check_first``."""
    retry_after: float | None
    """How many seconds the gateway asks to wait."""
    http_status: int | None
    """The HTTP status, where one arrived."""
    body_excerpt: str | None
    """The first 200 characters of an answer that could not be read, masked like ``gateway_text``.

    It may still be personal: never log it unasked.
    """
    detail: str
    """What happened, without the gateway's own text."""

    def __init__(
        self,
        message: str = "",
        *,
        gateway: str | None = None,
        operation: str | None = None,
        code: int | None = None,
        name: str | None = None,
        wire_name: str | None = None,
        gateway_text: str | None = None,
        field: str | None = None,
        value: str | None = None,
        hint: Hint | None = None,
        outcome: ErrorOutcome = "not_sent",
        retry: Retry = "never",
        retry_after: float | None = None,
        http_status: int | None = None,
        body_excerpt: str | None = None,
        detail: str | None = None,
    ) -> None:
        super().__init__(message)
        self.gateway = gateway
        self.operation = operation
        self.code = code
        self.name = name
        self.wire_name = wire_name
        self.gateway_text = gateway_text
        self.field = field
        self.value = value
        self.hint = hint
        self.outcome = outcome
        self.retry = retry
        self.retry_after = retry_after
        self.http_status = http_status
        self.body_excerpt = body_excerpt
        self.detail = message if detail is None else detail
        self._message = message

    def __str__(self) -> str:
        return self._message

    def __reduce__(self) -> tuple[Any, ...]:
        fields = dict(self.__dict__)
        message = fields.pop("_message")
        return _rebuild, (type(self), message, fields)

    def to_dict(self, *, private: bool = False) -> dict[str, Any]:
        """Give what is known as a plain dictionary, ready for JSON and for a log.

        :param private: whether ``gateway_text``, ``value`` and ``body_excerpt`` are in it. They may be personal: such a
            dictionary is not for a log.

        >>> try:
        ...     gateway.send_bulk("سلام", ["0912"])
        ... except PayamakError as error:
        ...     error.to_dict()["type"], "value" in error.to_dict(), error.to_dict(private=True)["value"]
        ('InvalidInputError', False, '0912')
        """
        known = {
            "type": type(self).__name__,
            "gateway": self.gateway,
            "operation": self.operation,
            "code": self.code,
            "name": self.name,
            "wire_name": self.wire_name,
            "field": self.field,
            "http_status": self.http_status,
            "outcome": self.outcome,
            "retry": self.retry,
            "retry_after": self.retry_after,
            "hint": self.hint and self.hint.to_dict(),
            "detail": self.detail,
        }
        if private:
            known |= {"gateway_text": self.gateway_text, "value": self.value, "body_excerpt": self.body_excerpt}
        return known


class ConfigurationError(PayamakError):
    """A setting is missing or wrong, or the gateway (or its dialect) cannot do what was asked.

    >>> try:
    ...     PayamResan(sender=30004040)
    ... except ConfigurationError as error:
    ...     error.field
    'api_key'
    """


class InvalidInputError(PayamakError, ValueError):
    """A value that cannot be sent; ``field`` names it, and ``value`` is what was given.

    >>> try:
    ...     gateway.send_bulk("", ["09121112222"])
    ... except InvalidInputError as error:
    ...     error.field
    'text'
    """


class ConnectError(PayamakError, ConnectionError):
    """No connection, or it broke. Only if ``outcome`` is ``not_sent`` it was never made.

    >>> emulator.faults([{"then": "close"}])
    >>> try:
    ...     gateway.send_bulk("سلام", ["09121112222"])
    ... except ConnectError as error:
    ...     error.outcome, error.retry
    ('unclear', 'check_first')
    """


class TimeoutError(PayamakError, builtins.TimeoutError):  # noqa: A001
    """No answer in time. It is the builtin ``TimeoutError`` too.

    >>> emulator.faults([{"then": "never"}])
    >>> try:
    ...     gateway.send_bulk("سلام", ["09121112222"], timeout=0.1)
    ... except TimeoutError as error:
    ...     error.outcome
    'unclear'
    """


class DecodeError(PayamakError):
    """An answer that cannot be read.

    >>> emulator.faults([{"then": "garbage"}])
    >>> try:
    ...     gateway.send_bulk("سلام", ["09121112222"])
    ... except DecodeError as error:
    ...     error.outcome
    'unclear'
    """


class GatewayError(PayamakError):
    """The gateway's own refusal, with its ``code``.

    >>> emulator.faults([{"then": {"code": 12}}])
    >>> try:
    ...     gateway.send_bulk("سلام", ["09121112222"])
    ... except GatewayError as error:
    ...     error.code, error.name, error.hint.en
    (12, 'invalid_sender', 'The line is not yours: see account_info for your lines.')
    """


class AuthenticationError(GatewayError):
    """The gateway does not accept the credentials.

    >>> try:
    ...     PayamResan(api_key="wrong", base_url=emulator.payam_resan_url).account_info()
    ... except AuthenticationError as error:
    ...     error.name
    'invalid_api_key'
    """


class AccessError(GatewayError):
    """The account may not do this.

    >>> issubclass(AccessError, GatewayError)
    True
    """


class RateLimitError(GatewayError):
    """Too many requests: slow down.

    >>> emulator.faults([{"then": {"code": 20}}])
    >>> try:
    ...     gateway.send_bulk("سلام", ["09121112222"])
    ... except RateLimitError as error:
    ...     error.retry
    'backoff'
    """


class LimitError(GatewayError):
    """A limit of the account, the line or the hour is reached.

    >>> emulator.faults([{"then": {"code": 15}}])
    >>> try:
    ...     gateway.send_bulk("سلام", ["09121112222"])
    ... except LimitError as error:
    ...     error.retry
    'after_reset'
    """


class CreditError(GatewayError):
    """Not enough credit.

    >>> emulator.set_credit("payam-resan", 0)
    >>> try:
    ...     gateway.send_bulk("سلام", ["09121112222"])
    ... except CreditError as error:
    ...     error.name
    'credit_too_low'
    """


class RequestError(GatewayError):
    """The gateway refuses this request as it is.

    >>> try:
    ...     gateway.send_bulk("سلام", ["09121112222"], sender=12345678)
    ... except RequestError as error:
    ...     error.code, error.name
    (12, 'invalid_sender')
    """


class UnavailableError(GatewayError):
    """The gateway is not well, or does not know itself what happened.

    >>> emulator.faults([{"then": {"status": 503}}])
    >>> try:
    ...     gateway.send_bulk("سلام", ["09121112222"])
    ... except UnavailableError as error:
    ...     error.http_status, error.outcome
    (503, 'unclear')
    """


class CanceledError(PayamakError):
    """A send was stopped with a ``CancelToken``; ``receipts`` says what had become of each message.

    >>> token = CancelToken()
    >>> token.cancel()
    >>> try:
    ...     messenger.send("سلام", "09121112222", cancel=token)
    ... except CanceledError as error:
    ...     error.receipts[0].outcome
    'rejected'
    """

    receipts: Report

    def __init__(self, message: str = "", *, receipts: Report | None = None, **fields: Any) -> None:
        super().__init__(message, **fields)
        if receipts is None:
            from payamak._results import Report

            receipts = Report(())
        self.receipts = receipts


_CLASSES: dict[str, type[PayamakError]] = {
    cls.__name__: cls
    for cls in (
        ConfigurationError,
        InvalidInputError,
        ConnectError,
        TimeoutError,
        DecodeError,
        AuthenticationError,
        AccessError,
        RateLimitError,
        LimitError,
        CreditError,
        RequestError,
        UnavailableError,
        CanceledError,
    )
}

# Public classes are found where they are imported from.
for _class in (PayamakError, GatewayError, Hint, *_CLASSES.values()):
    _class.__module__ = "payamak"


def from_native(kind: str, message: str, fields: dict[str, Any], rows: Rows | None) -> PayamakError:
    """Make the exception of an error; the native module calls it."""
    hint = fields["hint"]
    fields["hint"] = hint and Hint(*hint)
    cls = _CLASSES.get(kind, PayamakError)
    if issubclass(cls, CanceledError) and rows is not None:
        from payamak._results import Report

        fields["receipts"] = Report(rows)
    return cls(message, **fields)


def _rebuild(cls: type[PayamakError], message: str, fields: dict[str, Any]) -> PayamakError:
    """Make an exception again that was pickled, whatever its class takes to be made."""
    error = cls.__new__(cls, message)
    error.args = (message,)
    error.__dict__.update(fields, _message=message)
    return error
