"""Any number of messages through one or more gateways, safely."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator

from payamak import _native
from payamak._arguments import Message, is_one, message_row, pair_row, portions, seconds
from payamak._bridge import bridge, finish
from payamak._errors import PayamakError
from payamak._results import (
    Balance,
    DeliveryReport,
    DeliveryReportList,
    Progress,
    Receipt,
    Received,
    Report,
)

# As typing has it; importing that would take longer than the rest of this package.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Literal, TypeVar, Union

    from typing_extensions import Self

    from payamak._arguments import Number, Seconds
    from payamak._async_clients import AsyncNikSms, AsyncPayamResan
    from payamak._clients import NikSms, PayamResan

    T = TypeVar("T")
    Gateway = Union[PayamResan, NikSms, AsyncPayamResan, AsyncNikSms]
    OnProgress = Callable[[Progress], object]
    AskPolicy = Literal["every", "first"]
else:
    T = object


class CancelToken:
    """Stops a send from another thread. An asyncio task is simply cancelled.

    >>> token = CancelToken()
    >>> token.cancel()
    >>> token.cancelled
    True
    """

    __slots__ = ("_native",)

    def __init__(self) -> None:
        self._native = _native.CancelToken()

    def cancel(self) -> None:
        """Stop the sends that were given this token: no request is started any more.

        >>> CancelToken().cancel()
        """
        self._native.cancel()

    @property
    def cancelled(self) -> bool:
        """True once ``cancel`` was called."""
        return self._native.cancelled


class _Messenger:
    """What both messengers have in common."""

    def __init__(
        self,
        gateways: Gateway | Iterable[Gateway],
        *,
        concurrency: int | None = None,
        rate: int | None = None,
        attempts: int | None = None,
        budget: Seconds | None = None,
        settle: Seconds | None = None,
        resend: bool | None = None,
        ask: AskPolicy | None = None,
        deadline: Seconds | None = None,
        key_secret: str | None = None,
    ) -> None:
        """Make a messenger; a setting that is missing or wrong raises a ``ConfigurationError``.

        :param gateways: the first one is used; the others take what those before them certainly did not send.
        :param concurrency: how many requests are in flight at once, a gateway (10).
        :param rate: how many requests leave in a second, a gateway (no limit).
        :param attempts: how often one message is put into a request, at most, when its fate was unclear or another
            gateway waits (4).
        :param budget: for how many seconds trouble may last in one call, from its first failure until something goes
            well again (60); no less than ``settle``. It bounds the trouble; ``deadline`` bounds the call.
        :param settle: for how many seconds a slow request may still land before a gateway's "I do not have it" is
            believed (5). One that lands later can be sent twice.
        :param resend: whether a message is sent again whose answer was lost, and which the gateway does not have
            (True); without it such a message stays unclear.
        :param ask: whether ``every`` gateway is asked for a message with a key before it is sent, or the ``first`` one
            alone (every). With ``first`` a message that an earlier run sent by another gateway can go out again.
        :param deadline: how many seconds a send may take that sets none of its own (no limit).
        :param key_secret: a secret to derive ids from keys with, so that nobody who chooses a key can aim it at the id
            of another one (``PAYAMAK_KEY_SECRET``, or none). Another secret makes every key a new one.
        """
        one_or_many: Any = gateways
        natives = [gateway._native for gateway in ([gateways] if hasattr(gateways, "_native") else one_or_many)]
        settings = {
            "concurrency": concurrency,
            "rate": rate,
            "attempts": attempts,
            "budget": seconds(budget),
            "settle": seconds(settle),
            "resend": resend,
            "ask": ask,
            "deadline": seconds(deadline),
            # Read here, once: a forked child makes its messenger anew, and must find the same secret even where the
            # program has taken it out of the environment.
            "key_secret": (os.environ.get("PAYAMAK_KEY_SECRET") or None) if key_secret is None else key_secret,
        }
        self._native = _native.Messenger(natives, settings)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def _track(
        self,
        receipts: Report | Iterable[Receipt],
        first_look: Seconds | None,
        interval: Seconds | None,
        deadline: Seconds | None,
    ) -> _native.Stream:
        options = {
            "first_look": seconds(first_look),
            "interval": seconds(interval),
            "deadline": seconds(deadline),
        }
        return self._native.track(_receipts(receipts), options)


def _receipts(receipts: Report | Iterable[Receipt]) -> Any:
    """Hand a report over as it is; single receipts by what they are known by."""
    if isinstance(receipts, Report) and isinstance(receipts._rows, _native.Rows):
        return receipts._rows
    return [(row.to, row.gateway, row.trace_id, row.message_id, row.outcome) for row in receipts]


def _options(key: str | None, sender: Number | None, once: bool, deadline: Seconds | None) -> dict[str, Any]:
    """Give what a send sets for all of its messages as the native module takes it."""
    return {"key": key, "sender": sender, "once": once, "deadline": seconds(deadline)}


def _progress(callback: OnProgress | None) -> Callable[..., object] | None:
    return callback and (lambda *counts: callback(Progress(*counts)))


def _balance(row: Any) -> Balance | PayamakError:
    return row if isinstance(row, PayamakError) else Balance(*row)


def _with_receipts(error: BaseException, sending: _native.Sending) -> None:
    """Attach what had become of the messages to what stopped the send: a Ctrl-C, a cancellation, a callback's error."""
    # The send's own error says it already. In the child of a fork there is nothing to say: the send is the parent's.
    if not sending.failed and (receipts := sending.receipts()) is not None:
        error.receipts = Report(receipts)  # type: ignore[attr-defined]


class Stream(Iterator[T]):
    """What ``track`` and ``receive`` give. After an error it can be iterated on.

    >>> reports = messenger.track(messenger.send("سلام", "09121112222"), first_look=0, deadline=0.05)
    >>> [report.timed_out for report in reports][-1]
    True
    """

    __slots__ = ("_native",)

    def __init__(self, native: _native.Stream) -> None:
        self._native = native

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        while (popped := self._native.pop()) is None:
            if not self._native.fill(None):
                raise StopIteration
        item: T = popped
        return item


class AsyncStream(AsyncIterator[T]):
    """What ``track`` and ``receive`` of an ``AsyncMessenger`` give. After an error it can be iterated on.

    A cancelled wait loses nothing: what has arrived is there for the next one.

    >>> report = await async_messenger.send("سلام", "09121112222")
    >>> [report.timed_out async for report in async_messenger.track(report, first_look=0, deadline=0.05)][-1]
    True
    """

    __slots__ = ("_native",)

    def __init__(self, native: _native.Stream) -> None:
        self._native = native

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while (popped := self._native.pop()) is None:
            if not await finish(self._native.fill(bridge())):
                raise StopAsyncIteration
        item: T = popped
        return item


class Messenger(_Messenger):
    """Sends any number of messages safely: each ends in exactly one known outcome, and none is sent twice.

    A partial failure is data: every send gives a receipt a message, in input order. Only a call that could not begin
    raises. Make one and share it, between threads and across ``fork``.

    >>> gateway = PayamResan(api_key="demo-key", sender=30004040, base_url=emulator.payam_resan_url)
    >>> with Messenger([gateway]) as messenger:
    ...     messenger.send("سلام", ["09121112222", "0912 111 3333", "0912"])
    <Report of 3: 2 accepted, 1 rejected, 0 unclear>
    """

    def close(self) -> None:
        """Let go of its connections, its secret and what it was given of its gateways, which stay as they are.

        >>> messenger.close()
        """
        self._native.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def send(
        self,
        text: str,
        to: Number | Iterable[Number],
        *,
        key: str | None = None,
        sender: Number | None = None,
        once: bool = False,
        deadline: Seconds | None = None,
        on_progress: OnProgress | None = None,
        cancel: CancelToken | None = None,
    ) -> Report:
        """Send one text to one number, or to any number of them.

        With a ``key`` a job that crashed and runs again sends nothing twice, and calls at the same moment through one
        client send one message. Two processes that send with one key at the same moment can both send it. Never let an
        outsider choose a whole key, and take a new key for a new text: under the old one it is not sent.

        When Ctrl-C (or whatever ``on_progress`` raises) stops the send, ``receipts_of`` finds in that exception what
        had become of the messages: what may have left is ``unclear``.

        :param key: names the message to one number; in a list each message is named by the key and its number, so that
            the list may grow between two runs. A list of one number is a list: ``key`` names another message there.
        :param sender: the line to send from, instead of each gateway's own.
        :param once: ask for each message before it is sent, as a key always does; each needs a key or a trace id.
        :param deadline: for how many seconds to wait, at most; more than 0, and a day at most. What may have been sent
            by then is ``unclear``, what has not left is ``rejected``, both with a ``TimeoutError`` in their receipts.
        :param on_progress: called with the counts whenever they have changed.
        :param cancel: a token that stops the send from another thread.

        >>> messenger.send("سفارش شما ارسال شد", "09121112222", key="order-981:shipped", deadline=20)[0].outcome
        'accepted'
        """
        options = _options(key, sender, once, deadline)
        if is_one(to):
            return self._send(self._native.send(text, to, options), on_progress, cancel)
        outbox = _native.Outbox()
        for portion in portions(to):  # type: ignore[arg-type]
            outbox.add_recipients(portion)
        return self._send(self._native.send_to_many(text, outbox, options), on_progress, cancel)

    def send_each(
        self,
        messages: Iterable[Message],
        *,
        key: str | None = None,
        sender: Number | None = None,
        once: bool = False,
        deadline: Seconds | None = None,
        on_progress: OnProgress | None = None,
        cancel: CancelToken | None = None,
    ) -> Report:
        """Send messages with a text (and a line, and a key or a trace id) each.

        What a message says of itself goes before the arguments here, which are those of ``send``: ``key`` names the
        messages that have neither a key nor a trace id, each by the key and its number.

        >>> messenger.send_each([Message("09121112222", "سلام سارا", key="greet-1")])[0].outcome
        'accepted'
        """
        options = _options(key, sender, once, deadline)
        outbox = _native.Outbox()
        for portion in portions(messages):
            outbox.add_messages([message_row(message) for message in portion])
        return self._send(self._native.send_each(outbox, options), on_progress, cancel)

    def send_template(
        self,
        template: str,
        recipients: Iterable[tuple[Number, Iterable[str]]],
        *,
        key: str | None = None,
        sender: Number | None = None,
        once: bool = False,
        deadline: Seconds | None = None,
        on_progress: OnProgress | None = None,
        cancel: CancelToken | None = None,
    ) -> Report:
        """Send a template to any number of recipients, with parameters each.

        The arguments are those of ``send`` to a list. A template goes out from the line that the gateway chooses: each
        message is rejected where ``sender`` names another. "Send the code again" with a new code needs a new key, made
        of the login and the attempt; with the old key the new code is not sent.

        >>> code = [("09121112222", ["12345"])]
        >>> messenger.send_template("verify", code, key="login-981:attempt-1", deadline=8)[0].outcome
        'accepted'
        """
        options = _options(key, sender, once, deadline)
        outbox = _native.Outbox()
        for portion in portions(recipients):
            outbox.add_pairs([pair_row(pair) for pair in portion])
        return self._send(self._native.send_template(template, outbox, options), on_progress, cancel)

    def _send(self, sending: _native.Sending, on_progress: OnProgress | None, cancel: CancelToken | None) -> Report:
        try:
            return Report(sending.run(_progress(on_progress), None if cancel is None else cancel._native, None))
        except BaseException as error:
            _with_receipts(error, sending)
            raise

    def delivery(self, receipts: Report | Iterable[Receipt]) -> DeliveryReportList:
        """Ask once what became of messages: a report each, in the order of the receipts.

        >>> report = messenger.send("سلام", "09121112222")
        >>> emulator.advance(60)
        >>> messenger.delivery(report)[0].status.state
        'delivered'
        """
        return DeliveryReportList(self._native.delivery(_receipts(receipts), None))

    def track(
        self,
        receipts: Report | Iterable[Receipt],
        *,
        first_look: Seconds | None = None,
        interval: Seconds | None = None,
        deadline: Seconds | None = None,
    ) -> Stream[DeliveryReport]:
        """Follow messages until each is final: a report whenever a status, or what stands in its way, has changed.

        :param first_look: how many seconds after the start the first look is (15).
        :param interval: how many seconds to leave between two looks, instead of each gateway's own rule; more than 0.
        :param deadline: for how many seconds to track at most (a day).

        >>> report = messenger.send("سلام", "09121112222")
        >>> emulator.advance(60)
        >>> [report.status.state for report in messenger.track(report, first_look=0)]
        ['delivered']
        """
        return Stream(self._track(receipts, first_look, interval, deadline))

    def receive(self, *, interval: Seconds) -> Stream[Received]:
        """Take incoming messages, each handed out once, from all gateways; asks every ``interval`` seconds, for ever.

        An error is raised, and the stream can be iterated on. One with the outcome ``unclear`` may have taken messages
        out of the inbox that did not arrive here.

        >>> _ = emulator.receive(from_="09121112222", to="30004040", text="لغو")
        >>> next(messenger.receive(interval=60)).message.text
        'لغو'
        """
        return Stream(self._native.receive(seconds(interval)))

    def balance(self) -> list[Balance | PayamakError]:
        """Ask for the credit and the lines of each gateway; one that cannot be asked is an error in its place.

        >>> messenger.balance()[0].credit
        10000000.0
        """
        return [_balance(row) for row in self._native.balance(None)]


class AsyncMessenger(_Messenger):
    """``Messenger`` for asyncio: native awaitables, and cancelling a task stops the work.

    >>> gateway = AsyncPayamResan(api_key="demo-key", sender=30004040, base_url=emulator.payam_resan_url)
    >>> async with AsyncMessenger([gateway]) as messenger:
    ...     await messenger.send("سلام", ["09121112222", "0912"])
    <Report of 2: 1 accepted, 1 rejected, 0 unclear>
    """

    async def aclose(self) -> None:
        """Let go of its connections, its secret and what it was given of its gateways, which stay as they are.

        >>> await async_messenger.aclose()
        """
        self._native.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def send(
        self,
        text: str,
        to: Number | Iterable[Number],
        *,
        key: str | None = None,
        sender: Number | None = None,
        once: bool = False,
        deadline: Seconds | None = None,
        on_progress: OnProgress | None = None,
    ) -> Report:
        """Send one text to one number, or to any number of them, as ``Messenger.send`` does.

        ``deadline`` ends the call with a report, where ``asyncio.timeout`` raises.

        When the task is cancelled, no request is started any more, and ``receipts_of`` finds in the ``CancelledError``
        (or the ``TimeoutError`` of ``asyncio.timeout``) what had become of the messages: what may have left is
        ``unclear``.

        >>> (await async_messenger.send("سلام", "09121112222"))[0].outcome
        'accepted'
        """
        options = _options(key, sender, once, deadline)
        if is_one(to):
            return await self._send(self._native.send(text, to, options), on_progress)
        outbox = _native.Outbox()
        await _hand_over(to, outbox.add_recipients, None)
        return await self._send(self._native.send_to_many(text, outbox, options), on_progress)

    async def send_each(
        self,
        messages: Iterable[Message],
        *,
        key: str | None = None,
        sender: Number | None = None,
        once: bool = False,
        deadline: Seconds | None = None,
        on_progress: OnProgress | None = None,
    ) -> Report:
        """Send messages with a text (and a line, and a key or a trace id) each, as ``Messenger.send_each`` does.

        >>> (await async_messenger.send_each([Message("09121112222", "سلام سارا")]))[0].outcome
        'accepted'
        """
        options = _options(key, sender, once, deadline)
        outbox = _native.Outbox()
        await _hand_over(messages, outbox.add_messages, message_row)
        return await self._send(self._native.send_each(outbox, options), on_progress)

    async def send_template(
        self,
        template: str,
        recipients: Iterable[tuple[Number, Iterable[str]]],
        *,
        key: str | None = None,
        sender: Number | None = None,
        once: bool = False,
        deadline: Seconds | None = None,
        on_progress: OnProgress | None = None,
    ) -> Report:
        """Send a template to any number of recipients, with parameters each, as ``Messenger.send_template`` does.

        >>> (await async_messenger.send_template("verify", [("09121112222", ["12345"])], deadline=8))[0].outcome
        'accepted'
        """
        options = _options(key, sender, once, deadline)
        outbox = _native.Outbox()
        await _hand_over(recipients, outbox.add_pairs, pair_row)
        return await self._send(self._native.send_template(template, outbox, options), on_progress)

    async def _send(self, sending: _native.Sending, on_progress: OnProgress | None) -> Report:
        try:
            return Report(await finish(sending.run(_progress(on_progress), None, bridge())))
        except BaseException as error:
            _with_receipts(error, sending)
            raise

    async def delivery(self, receipts: Report | Iterable[Receipt]) -> DeliveryReportList:
        """Ask once what became of messages: a report each, in the order of the receipts.

        >>> report = await async_messenger.send("سلام", "09121112222")
        >>> (await async_messenger.delivery(report))[0].status.state
        'queued'
        """
        return DeliveryReportList(await finish(self._native.delivery(_receipts(receipts), bridge())))

    def track(
        self,
        receipts: Report | Iterable[Receipt],
        *,
        first_look: Seconds | None = None,
        interval: Seconds | None = None,
        deadline: Seconds | None = None,
    ) -> AsyncStream[DeliveryReport]:
        """Follow messages until each is final, with ``async for``, as ``Messenger.track`` does.

        >>> report = await async_messenger.send("سلام", "09121112222")
        >>> emulator.advance(60)
        >>> [report.status.state async for report in async_messenger.track(report, first_look=0)]
        ['delivered']
        """
        return AsyncStream(self._track(receipts, first_look, interval, deadline))

    def receive(self, *, interval: Seconds) -> AsyncStream[Received]:
        """Take incoming messages with ``async for``, as ``Messenger.receive`` does.

        >>> _ = emulator.receive(from_="09121112222", to="30004040", text="لغو")
        >>> async for incoming in async_messenger.receive(interval=60):
        ...     print(incoming.message.text)
        ...     break
        لغو
        """
        return AsyncStream(self._native.receive(seconds(interval)))

    async def balance(self) -> list[Balance | PayamakError]:
        """Ask for the credit and the lines of each gateway; one that cannot be asked is an error in its place.

        >>> (await async_messenger.balance())[0].credit
        10000000.0
        """
        return [_balance(row) for row in await finish(self._native.balance(bridge()))]


async def _hand_over(items: Any, add: Callable[[Any], None], row: Callable[[Any], Any] | None) -> None:
    """Hand over what may be long, and let others have their turn in between."""
    from asyncio import sleep

    for portion in portions(items):
        add(portion if row is None else [row(item) for item in portion])
        await sleep(0)


for _class in (CancelToken, Stream, AsyncStream, Messenger, AsyncMessenger):
    _class.__module__ = "payamak"
