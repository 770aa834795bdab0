"""The two gateways, method for method, for code that waits."""

from __future__ import annotations

from collections.abc import Iterable

from payamak import _native
from payamak._arguments import (
    Destination,
    PersonalMessage,
    TemplateMessage,
    destinations,
    fillings,
    numbers,
    personal_messages,
    seconds,
    template_messages,
    when,
)
from payamak._results import (
    AccountInfo,
    Code,
    IncomingMessage,
    MessageStatusList,
    SendBatch,
    Sent,
    SmsDeliveryList,
    Template,
    TemplateSent,
    TraceDelivery,
)

# As typing has it; importing that would take longer than the rest of this package.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import PathLike
    from types import TracebackType
    from typing import Any

    from typing_extensions import Self, Unpack

    from payamak._arguments import Number, Seconds, When
    from payamak._settings import Dialect, NikSmsSettings, PayamResanSettings, SendType


class _Client:
    """What the clients of both gateways have in common."""

    _native: Any
    _name: str | None = None

    @property
    def name(self) -> str:
        """What the gateway is called in receipts and errors.

        >>> gateway.name
        'payam-resan'
        """
        return self._name or ""

    def _call(self, method: Any, *arguments: Any) -> Any:
        return method(*arguments, None)

    def close(self) -> None:
        """Let go of the connections and of the credentials.

        Calls under way end as they would have; new ones are refused. A messenger keeps what it was given.

        >>> gateway.close()
        """
        self._native.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r})"


class PayamResan(_Client):
    """A client of Payam Resan (V3): one method an operation, nothing hidden and no send repeated.

    Make one and share it, between threads and across ``fork``. Of its calls 100 are under way at once; the others wait
    their turn.

    >>> with PayamResan(api_key="demo-key", sender=30004040, base_url=emulator.payam_resan_url) as gateway:
    ...     gateway.account_info().credit
    10000000.0
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        sender: Number | None = None,
        sandbox: bool = False,
        name: str | None = None,
        base_url: str | None = None,
        timeout: Seconds | None = None,
        connect_timeout: Seconds | None = None,
        max_response_bytes: int | None = None,
        read_attempts: int | None = None,
        proxy: str | None = None,
        ca_file: str | PathLike[str] | None = None,
        extra_ca_pem: bytes | None = None,
        bundled_roots: bool | None = None,
        allow_insecure: bool = False,
    ) -> None:
        """Make a client; a setting that is missing or wrong raises a ``ConfigurationError``.

        :param api_key: the key of the panel.
        :param sender: the line to send from, unless a call names another.
        :param sandbox: use the gateway's own sandbox: any key, nothing is sent.
        :param name: what it is called in receipts and errors; two accounts in a messenger need two names.
        :param base_url: where the gateway is, when it is not at its published address.
        :param timeout: how many seconds one request may take (15).
        :param connect_timeout: how many seconds connecting may take (5).
        :param max_response_bytes: the longest answer that is read, in bytes (1 MiB, and 8 MiB of an inbox).
        :param read_attempts: how often a call that only reads is tried when the connection fails (3).
        :param proxy: a proxy instead of the one that ``HTTPS_PROXY`` names.
        :param ca_file: a file (PEM) of further certificate authorities to trust.
        :param extra_ca_pem: the same as bytes.
        :param bundled_roots: trust the roots that come with payamak instead of the system's.
        :param allow_insecure: send the credentials over plain http to a host that is not this machine. Whoever is on
            the way can read them, and so can a proxy that the environment names.
        """
        self._open(
            {
                "api_key": api_key,
                "sender": sender,
                "sandbox": sandbox,
                "name": name,
                "base_url": base_url,
                "timeout": timeout,
                "connect_timeout": connect_timeout,
                "max_response_bytes": max_response_bytes,
                "read_attempts": read_attempts,
                "proxy": proxy,
                "ca_file": ca_file,
                "extra_ca_pem": extra_ca_pem,
                "bundled_roots": bundled_roots,
                "allow_insecure": allow_insecure,
            }
        )

    @classmethod
    def from_env(cls, **settings: Unpack[PayamResanSettings]) -> Self:
        """Make a client of ``PAYAM_RESAN_API_KEY`` and ``PAYAM_RESAN_SENDER``; an argument beats them.

        >>> PayamResan.from_env(api_key="demo-key")
        PayamResan(name='payam-resan')
        """
        self = cls.__new__(cls)
        self._open({**settings, "from_env": True})
        return self

    def _open(self, settings: dict[str, Any]) -> None:
        for span in ("timeout", "connect_timeout"):
            settings[span] = seconds(settings.get(span))
        self._native = _native.PayamResan(settings)
        self._name = self._native.name()

    def send(
        self,
        text: str,
        recipients: Number | Iterable[Number],
        *,
        sender: Number | None = None,
        timeout: Seconds | None = None,
    ) -> list[Sent]:
        """Send one text to up to 99 recipients by ``GET``: a last resort.

        The key and the text stand in the address, so in access logs and, until overwritten, in memory. ``send_bulk``
        sends the same by ``POST``, and takes trace ids.

        >>> sent = gateway.send("سلام", "09121112222")
        >>> sent[0].message_id > 2**53
        True
        """
        native = self._native
        sent: list[Sent] = self._call(native.send, text, numbers(recipients), sender, seconds(timeout))
        return sent

    def send_bulk(
        self,
        text: str,
        recipients: Number | Destination | Iterable[Number | Destination | tuple[Number, Number | None]],
        *,
        sender: Number | None = None,
        timeout: Seconds | None = None,
    ) -> list[Sent]:
        """Send one text to up to 99 recipients, each with a trace id where one is given.

        >>> sent = gateway.send_bulk("سلام", [("09121112222", 7), "0912 111 3333"])
        >>> sent[0].trace_id
        7
        """
        native = self._native
        sent: list[Sent] = self._call(native.send_bulk, text, destinations(recipients), sender, seconds(timeout))
        return sent

    def send_multiple(
        self,
        messages: Iterable[PersonalMessage | tuple[Number, str]],
        *,
        timeout: Seconds | None = None,
    ) -> list[Sent]:
        """Send a text each, to up to 99 recipients.

        >>> sent = gateway.send_multiple([("09121112222", "سلام سارا"), ("09121113333", "سلام علی")])
        >>> len(sent)
        2
        """
        native = self._native
        sent: list[Sent] = self._call(native.send_multiple, personal_messages(messages), seconds(timeout))
        return sent

    def send_token_single(
        self,
        template: str,
        to: Number,
        parameters: Iterable[str],
        *,
        verb: str = "POST",
        timeout: Seconds | None = None,
    ) -> list[TemplateSent]:
        """Send a template to one recipient, without a trace id: nobody can ask whether it was sent.

        ``send_token_multi`` with one recipient can be asked for. ``verb="GET"`` is a last resort: the key and the
        parameters stand in the address, so in access logs and, until overwritten, in memory. ``POST`` sends the same.

        >>> sent = gateway.send_token_single("verify", "09121112222", ["12345"])
        >>> sent[0].text
        'کد ورود شما: 12345'
        """
        call, given = self._native.send_token_single, fillings(parameters)
        sent: list[TemplateSent] = self._call(call, template, to, given, verb, seconds(timeout))
        return sent

    def send_token_multi(
        self,
        template: str,
        recipients: Iterable[TemplateMessage | tuple[Number, Iterable[str]]],
        *,
        timeout: Seconds | None = None,
    ) -> list[TemplateSent]:
        """Send a template to up to 99 recipients, with parameters each. The gateway chooses the line.

        >>> sent = gateway.send_token_multi("welcome", [("09121112222", ["سارا", "فروشگاه"])])
        >>> sent[0].text
        'سلام سارا، به فروشگاه خوش آمدید'
        """
        call, rows = self._native.send_token_multi, template_messages(recipients)
        sent: list[TemplateSent] = self._call(call, template, rows, seconds(timeout))
        return sent

    def token_list(self, *, timeout: Seconds | None = None) -> list[Template]:
        """List the account's templates.

        >>> templates = gateway.token_list()
        >>> templates[0].text
        'کد ورود شما: {1}'
        """
        rows = self._call(self._native.token_list, seconds(timeout))
        return [Template(key, text, voice, Code(*code)) for key, text, voice, code in rows]

    def status_by_id(self, ids: Iterable[Number], *, timeout: Seconds | None = None) -> MessageStatusList:
        """Ask what became of up to 99 messages, by the gateway's ids; every few minutes an id at most.

        >>> sent = gateway.send_bulk("سلام", ["09121112222"])
        >>> statuses = gateway.status_by_id([sent[0].message_id])
        >>> statuses[0].status.name, statuses[0].status.is_final
        ('queued_at_gateway', False)
        """
        rows = self._call(self._native.status_by_id, numbers(ids), seconds(timeout))
        return MessageStatusList(rows)

    def status_by_trace_id(self, trace_ids: Iterable[Number], *, timeout: Seconds | None = None) -> MessageStatusList:
        """Ask what became of up to 99 messages, by the caller's trace ids.

        >>> statuses = gateway.status_by_trace_id([404])
        >>> statuses[0].status.text
        'شناسه پیدا نشد'
        """
        rows = self._call(self._native.status_by_trace_id, numbers(trace_ids), seconds(timeout))
        return MessageStatusList(rows)

    def account_info(self, *, timeout: Seconds | None = None) -> AccountInfo:
        """Ask for the account's credit and lines.

        >>> info = gateway.account_info()
        >>> info
        AccountInfo(credit=10000000.0, sender_lines=['30004040', '50004041'])
        """
        row = self._call(self._native.account_info, seconds(timeout))
        return AccountInfo(*row)

    def get_inbox(self, *, timeout: Seconds | None = None) -> list[IncomingMessage]:
        """Take the incoming messages. Each is handed out once, so this call is never repeated.

        More than 10,000 of them, or more than ``max_response_bytes``, are a ``DecodeError``.

        >>> _ = emulator.receive(from_="09121112222", to="30004040", text="لغو")
        >>> inbox = gateway.get_inbox()
        >>> inbox[0].text
        'لغو'
        """
        inbox: list[IncomingMessage] = self._call(self._native.get_inbox, seconds(timeout))
        return inbox

    def raw(self, path: str, fields: dict[str, Any], *, timeout: Seconds | None = None) -> Any:
        """Call an operation that has no method here: ``fields`` goes out as JSON, ``Result`` comes back as it is.

        A ``path`` of anything but names and single slashes, and a field that the client sets itself (``ApiKey``), are
        an ``InvalidInputError``.

        >>> answer = gateway.raw("AccountInfo", {})
        >>> answer["Credit"]
        10000000
        """
        import json

        answer = self._call(self._native.raw, path, json.dumps(fields), seconds(timeout))
        return json.loads(answer)


class NikSms(_Client):
    """A client of NikSMS in one of its dialects: one method an operation, nothing hidden and no send repeated.

    A dialect that lacks an operation says so before anything is sent. Make one and share it, between threads and across
    ``fork``. Of its calls 100 are under way at once; the others wait their turn.

    >>> with NikSms(
    ...     username="demo", password="demo-password", sender="50001234", base_url=emulator.niksms_url
    ... ) as niksms:
    ...     niksms.get_credit()
    10000000.0
    """

    def __init__(
        self,
        *,
        username: str | None = None,
        password: str | None = None,
        api_key: str | None = None,
        sender: Number | None = None,
        dialect: Dialect = "public-api",
        v2_delivery_path: str | None = None,
        max_recipients: int | None = None,
        poll_interval: Seconds | None = None,
        name: str | None = None,
        base_url: str | None = None,
        timeout: Seconds | None = None,
        connect_timeout: Seconds | None = None,
        max_response_bytes: int | None = None,
        read_attempts: int | None = None,
        proxy: str | None = None,
        ca_file: str | PathLike[str] | None = None,
        extra_ca_pem: bytes | None = None,
        bundled_roots: bool | None = None,
        allow_insecure: bool = False,
    ) -> None:
        """Make a client; a setting that is missing or wrong raises a ``ConfigurationError``.

        :param username: the user name, for every dialect but ``web-service``.
        :param password: the password, for every dialect but ``web-service``.
        :param api_key: the key, for the dialect ``web-service``.
        :param sender: the line to send from, unless a call names another.
        :param dialect: ``public-api``, ``soap``, ``v2`` or ``web-service``.
        :param v2_delivery_path: where ``v2`` answers for deliveries, below its base address.
        :param max_recipients: the most recipients of one request (100).
        :param poll_interval: how many seconds a messenger leaves between two questions about one message (60).
        :param name: what it is called in receipts and errors; two accounts in a messenger need two names.
        :param base_url: where the gateway is, when it is not at its published address.
        :param timeout: how many seconds one request may take (15).
        :param connect_timeout: how many seconds connecting may take (5).
        :param max_response_bytes: the longest answer that is read, in bytes (1 MiB, and 8 MiB of an inbox).
        :param read_attempts: how often a call that only reads is tried when the connection fails (3).
        :param proxy: a proxy instead of the one that ``HTTPS_PROXY`` names.
        :param ca_file: a file (PEM) of further certificate authorities to trust.
        :param extra_ca_pem: the same as bytes.
        :param bundled_roots: trust the roots that come with payamak instead of the system's.
        :param allow_insecure: send the credentials over plain http to a host that is not this machine. Whoever is on
            the way can read them, and so can a proxy that the environment names.
        """
        self._open(
            {
                "username": username,
                "password": password,
                "api_key": api_key,
                "sender": sender,
                "dialect": dialect,
                "v2_delivery_path": v2_delivery_path,
                "max_recipients": max_recipients,
                "poll_interval": poll_interval,
                "name": name,
                "base_url": base_url,
                "timeout": timeout,
                "connect_timeout": connect_timeout,
                "max_response_bytes": max_response_bytes,
                "read_attempts": read_attempts,
                "proxy": proxy,
                "ca_file": ca_file,
                "extra_ca_pem": extra_ca_pem,
                "bundled_roots": bundled_roots,
                "allow_insecure": allow_insecure,
            }
        )

    @classmethod
    def from_env(cls, **settings: Unpack[NikSmsSettings]) -> Self:
        """Make a client of ``NIKSMS_USERNAME``, ``_PASSWORD``, ``_API_KEY`` and ``_SENDER``; an argument beats them.

        >>> NikSms.from_env(username="demo", password="demo-password")
        NikSms(name='niksms')
        """
        self = cls.__new__(cls)
        self._open({**settings, "from_env": True})
        return self

    def _open(self, settings: dict[str, Any]) -> None:
        for span in ("timeout", "connect_timeout", "poll_interval"):
            settings[span] = seconds(settings.get(span))
        self._native = _native.NikSms(settings)
        self._name = self._native.name()

    def group_sms(
        self,
        text: str,
        recipients: Number | Destination | Iterable[Number | Destination | tuple[Number, Number | None]],
        *,
        sender: Number | None = None,
        send_at: When | None = None,
        send_type: SendType | None = None,
        timeout: Seconds | None = None,
    ) -> SendBatch:
        """Send one text to many. Either all recipients have a trace id or none has.

        >>> batch = niksms.group_sms("سلام", [("09121112222", 7), ("09121113333", 8)])
        >>> batch.status.name, len(batch.message_ids)
        ('successful', 2)
        """
        native, rows = self._native, destinations(recipients)
        row = self._call(native.group_sms, text, rows, sender, when(send_at), send_type, seconds(timeout))
        return _batch(row)

    def ptp_sms(
        self,
        messages: Iterable[PersonalMessage | tuple[Number, str]],
        *,
        sender: Number | None = None,
        send_at: When | None = None,
        send_type: SendType | None = None,
        timeout: Seconds | None = None,
    ) -> SendBatch:
        """Send a text each, all from one line. Over ``public-api`` no text may hold a comma.

        >>> batch = niksms.ptp_sms([("09121112222", "سلام سارا"), ("09121113333", "سلام علی")])
        >>> len(batch.message_ids)
        2
        """
        native, rows = self._native, personal_messages(messages)
        row = self._call(native.ptp_sms, rows, sender, when(send_at), send_type, seconds(timeout))
        return _batch(row)

    def send_one(
        self,
        text: str,
        to: Number,
        *,
        trace_id: Number | None = None,
        sender: Number | None = None,
        send_at: When | None = None,
        timeout: Seconds | None = None,
    ) -> SendBatch:
        """Send one message to one recipient, in the dialects ``v2`` and ``web-service``.

        >>> batch = niksms_web_service.send_one("سلام", "09121112222", trace_id=7)
        >>> len(batch.message_ids)
        1
        """
        native = self._native
        row = self._call(native.send_one, text, to, trace_id, sender, when(send_at), seconds(timeout))
        return _batch(row)

    def send_otp(
        self,
        text: str,
        to: Number,
        *,
        trace_id: Number | None = None,
        sender: Number | None = None,
        timeout: Seconds | None = None,
    ) -> SendBatch:
        """Send a one-time password to one recipient, in the dialect ``web-service``.

        >>> batch = niksms_web_service.send_otp("کد ورود شما: 12345", "09121112222")
        >>> len(batch.message_ids)
        1
        """
        row = self._call(self._native.send_otp, text, to, trace_id, sender, seconds(timeout))
        return _batch(row)

    def get_sms_delivery(self, ids: Iterable[Number], *, timeout: Seconds | None = None) -> SmsDeliveryList:
        """Ask what became of messages, by the gateway's ids.

        >>> batch = niksms.group_sms("سلام", ["09121112222"])
        >>> statuses = niksms.get_sms_delivery(batch.message_ids)
        >>> statuses[0].status.name
        'in_queue'
        """
        rows = self._call(self._native.get_sms_delivery, numbers(ids), seconds(timeout))
        return SmsDeliveryList(rows)

    def get_sms_delivery_with_client_id(self, trace_id: Number, *, timeout: Seconds | None = None) -> TraceDelivery:
        """Ask what became of one message, by the caller's trace id.

        >>> batch = niksms.group_sms("سلام", [("09121112222", 7)])
        >>> found = niksms.get_sms_delivery_with_client_id(7)
        >>> found.message_id == batch.message_ids[0]
        True
        """
        call = self._native.get_sms_delivery_with_client_id
        found: TraceDelivery = self._call(call, trace_id, seconds(timeout))
        return found

    def get_credit(self, *, timeout: Seconds | None = None) -> float:
        """Ask for the credit, in rials.

        >>> niksms.get_credit()
        10000000.0
        """
        credit: float = self._call(self._native.get_credit, seconds(timeout))
        return credit

    def get_discount_credit(self, *, timeout: Seconds | None = None) -> float:
        """Ask for the discount credit, in rials.

        >>> niksms.get_discount_credit()
        10000000.0
        """
        credit: float = self._call(self._native.get_discount_credit, seconds(timeout))
        return credit

    def get_panel_expire_date(self, *, timeout: Seconds | None = None) -> str | None:
        """Ask when the panel expires, as the gateway writes it.

        >>> date = niksms.get_panel_expire_date()
        >>> len(date) > 8
        True
        """
        date: str | None = self._call(self._native.get_panel_expire_date, seconds(timeout))
        return date

    def get_receive_sms(
        self, *, from_: When | None = None, until: When | None = None, timeout: Seconds | None = None
    ) -> list[IncomingMessage]:
        """Take the incoming messages of a range. Each is handed out once, so this call is never repeated.

        More than 10,000 of them, or more than ``max_response_bytes``, are a ``DecodeError``.

        >>> _ = emulator.receive(from_="09121112222", to="50001234", text="لغو")
        >>> inbox = niksms.get_receive_sms()
        >>> inbox[0].text
        'لغو'
        """
        call = self._native.get_receive_sms
        inbox: list[IncomingMessage] = self._call(call, when(from_), when(until), seconds(timeout))
        return inbox

    def reset_receive_sms_visited_status(
        self, *, from_: When | None = None, until: When | None = None, timeout: Seconds | None = None
    ) -> bool:
        """Make the incoming messages of a range unread again.

        >>> niksms.reset_receive_sms_visited_status(from_="2026-12-01T00:00", until="2026-12-02T00:00")
        True
        """
        native = self._native
        done: bool = self._call(native.reset_receive_sms_visited_status, when(from_), when(until), seconds(timeout))
        return done

    def get_server_time(self, *, timeout: Seconds | None = None) -> str:
        """Ask for the gateway's clock, as it writes it.

        >>> time = niksms.get_server_time()
        >>> len(time) > 8
        True
        """
        time: str = self._call(self._native.get_server_time, seconds(timeout))
        return time

    def get_sender_numbers(self, *, timeout: Seconds | None = None) -> list[str]:
        """List the account's lines, without their leading 98.

        >>> niksms.get_sender_numbers()
        ['50001234']
        """
        lines: list[str] = self._call(self._native.get_sender_numbers, seconds(timeout))
        return lines

    def raw(self, path: str, fields: dict[str, str], *, timeout: Seconds | None = None) -> str:
        """Call an operation that has no method here: ``fields`` goes out as a form, the body comes back as it is.

        A ``path`` of anything but names and single slashes, and a field that the client sets itself (``username``,
        ``password``), are an ``InvalidInputError``.

        >>> niksms.raw("GetCredit", {})
        '10000000'
        """
        answer: str = self._call(self._native.raw, path, list(fields.items()), seconds(timeout))
        return answer


def _batch(row: Any) -> SendBatch:
    code, batch_id, warning, message_ids = row
    return SendBatch(Code(*code), batch_id, warning, message_ids)


for _class in (PayamResan, NikSms):
    _class.__module__ = "payamak"
