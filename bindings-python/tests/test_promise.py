"""What a send promises beside surviving faults: keys, replays, deadlines, and settings that cannot break it."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import pickle
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

import payamak
from payamak import (
    AsyncMessenger,
    AsyncNikSms,
    AsyncPayamResan,
    CancelToken,
    Message,
    Messenger,
    NikSms,
    PayamResan,
    Receipt,
    Report,
    TemplateMessage,
    trace_id_from_key,
)
from payamak.testing import Emulator

TO = "09121112222"
TEXT = "سفارش شما ارسال شد"
#: Far below every time limit and budget that is not what a test is about, and far above what a busy machine adds.
SOON = 12


class Mode:
    """The same calls, waiting and with asyncio."""

    def __init__(self, name: str, emulator: Emulator) -> None:
        self.is_async = name == "asyncio"
        self.emulator = emulator

    def payam_resan(self, **settings: Any) -> Any:
        made = AsyncPayamResan if self.is_async else PayamResan
        return made(
            **{"api_key": "demo-key", "sender": 30004040, "base_url": self.emulator.payam_resan_url, **settings}
        )

    def niksms(self, **settings: Any) -> Any:
        made = AsyncNikSms if self.is_async else NikSms
        account = {"username": "demo", "password": "demo-password", "sender": "50001234"}
        return made(**{**account, "base_url": self.emulator.niksms_url, **settings})

    def messenger(self, *gateways: Any, **settings: Any) -> Any:
        made = AsyncMessenger if self.is_async else Messenger
        return made(gateways or [self.payam_resan()], **settings)

    def call(self, method: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        result = method(*arguments, **named)
        return asyncio.run(result) if inspect.iscoroutine(result) else result

    def at_once(self, calls: list[Callable[[], Any]]) -> list[Any]:
        if not self.is_async:
            with ThreadPoolExecutor(len(calls)) as pool:
                return [done.result() for done in [pool.submit(call) for call in calls]]

        async def gather() -> list[Any]:
            return await asyncio.gather(*(call() for call in calls))

        return asyncio.run(gather())


@pytest.fixture(params=["waiting", "asyncio"])
def mode(request: pytest.FixtureRequest, emulator: Emulator) -> Mode:
    return Mode(request.param, emulator)


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


# Each of the three sends, of as many messages to as many numbers.
SENDS: dict[str, Callable[[Any, list[str]], tuple[Callable[..., Any], tuple[Any, ...]]]] = {
    "send": lambda messenger, numbers: (messenger.send, (TEXT, numbers)),
    "send_each": lambda messenger, numbers: (messenger.send_each, ([Message(to, TEXT) for to in numbers],)),
    "send_template": lambda messenger, numbers: (
        messenger.send_template,
        ("verify", [(to, ["12345"]) for to in numbers]),
    ),
}


@pytest.mark.parametrize("name", SENDS)
@pytest.mark.parametrize("of", ["the send", "the messenger"])
def test_a_deadline_ends_a_send_with_a_report(name: str, of: str, mode: Mode) -> None:
    mode.emulator.faults([{"operations": "any", "then": "never", "times": None}])
    settings: dict[str, Any] = {"deadline": timedelta(seconds=0.5)} if of == "the messenger" else {"deadline": 3600}
    options: dict[str, Any] = {"deadline": 0.5} if of == "the send" else {}
    messenger = mode.messenger(concurrency=1, **settings)
    method, arguments = SENDS[name](messenger, [f"0912111{number:04}" for number in range(250)])
    begin = time.monotonic()
    report = mode.call(method, *arguments, **options)
    assert 0.5 <= time.monotonic() - begin < SOON
    # The first request is under way; the others wait for their turn.
    assert (len(report.accepted), len(report.unclear), len(report.rejected)) == (0, 99, 151)
    for receipt in report:
        assert isinstance(receipt.error, payamak.TimeoutError)
        assert receipt.error.outcome == ("unclear" if receipt.outcome == "unclear" else "not_sent")
        assert "deadline" in receipt.error.detail
    assert mode.emulator.request_count == 1


def test_a_deadline_that_is_not_needed_changes_nothing(mode: Mode) -> None:
    messenger = mode.messenger(deadline=60)
    assert mode.call(messenger.send, TEXT, TO)[0].outcome == "accepted"
    assert mode.call(messenger.send, TEXT, [TO, "0912"], deadline=86_400).accepted[0].to == TO


BAD_DEADLINES = [
    0,
    0.0,
    -1,
    -0.5,
    float("nan"),
    float("inf"),
    86_401,
    1e300,
    10**400,
    timedelta(0),
    timedelta(seconds=-3),
    timedelta(days=2),
]


@pytest.mark.parametrize("deadline", BAD_DEADLINES, ids=lambda deadline: repr(deadline)[:20])
def test_a_bad_deadline_is_refused_by_name(deadline: Any, mode: Mode) -> None:
    messenger = mode.messenger()
    for send in SENDS.values():
        method, arguments = send(messenger, [TO])
        with pytest.raises(payamak.InvalidInputError) as refused:
            mode.call(method, *arguments, deadline=deadline)
        assert (refused.value.field, refused.value.operation) == ("deadline", "send")
        assert len(str(refused.value)) < 200
    with pytest.raises(payamak.InvalidInputError) as refused:
        mode.call(messenger.send, TEXT, TO, key="order-981", deadline=deadline)
    assert refused.value.field == "deadline"
    with pytest.raises(payamak.ConfigurationError) as wrong:
        mode.messenger(deadline=deadline)
    assert wrong.value.field == "deadline"
    assert mode.emulator.request_count == 0


def test_a_deadline_is_a_number_or_a_timedelta(messenger: Messenger) -> None:
    with pytest.raises(TypeError, match="a number of seconds or a timedelta, not str"):
        messenger.send(TEXT, TO, deadline="5")  # type: ignore[arg-type]


@pytest.mark.parametrize("messengers", [1, 2])
def test_one_key_from_twenty_calls_at_once_is_one_message(messengers: int, mode: Mode) -> None:
    mode.emulator.faults([{"operations": "any", "then": {"delay_ms": 30}, "times": 3}])
    gateway = mode.payam_resan()
    made = [mode.messenger(gateway) for _ in range(messengers)]
    calls = [
        lambda messenger=made[number % messengers]: messenger.send(TEXT, TO, key="order-981:shipped")
        for number in range(20)
    ]
    receipts = [report[0] for report in mode.at_once(calls)]
    assert mode.emulator.message_count == 1
    assert {receipt.outcome for receipt in receipts} == {"accepted"}
    assert {receipt.trace_id for receipt in receipts} == {trace_id_from_key("order-981:shipped", TO)}
    assert {receipt.message_id for receipt in receipts} == {mode.emulator.messages[0].id}
    assert sorted(receipt.replayed for receipt in receipts) == [False] + [True] * 19


def test_messengers_of_both_kinds_over_one_client_send_a_key_once(gateway: PayamResan, emulator: Emulator) -> None:
    emulator.faults([{"operations": "any", "then": {"delay_ms": 30}, "times": 3}])

    async def send() -> list[Report]:
        waiting, other = Messenger([gateway]), AsyncMessenger([gateway])
        calls = [asyncio.to_thread(waiting.send, TEXT, TO, key="order-981") for _ in range(5)]
        return await asyncio.gather(*calls, *(other.send(TEXT, TO, key="order-981") for _ in range(5)))

    receipts = [report[0] for report in asyncio.run(send())]
    assert emulator.message_count == 1
    assert sum(not receipt.replayed for receipt in receipts) == 1


def test_a_caller_that_is_stopped_leaves_its_key_to_the_next(emulator: Emulator) -> None:
    """The gateway has the message of the first caller, who never hears of it; the second finds it there."""
    gateway = PayamResan(api_key="demo-key", sender=30004040, base_url=emulator.payam_resan_url, timeout=1)
    emulator.faults([{"then": "never", "when": "after", "times": 2}])

    async def with_asyncio() -> list[Receipt]:
        messenger = AsyncMessenger([gateway], settle=0.02)
        first, second = (asyncio.create_task(messenger.send(TEXT, TO, key="order-981")) for _ in range(2))
        while emulator.message_count == 0:
            await asyncio.sleep(0.01)
        first.cancel()
        with pytest.raises(asyncio.CancelledError) as stopped:
            await first
        return [(payamak.receipts_of(stopped.value) or [])[0], (await second)[0]]

    def waiting() -> list[Receipt]:
        messenger, token = Messenger([gateway], settle=0.02), CancelToken()
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(messenger.send, TEXT, TO, key="order-982", cancel=token)
            while emulator.message_count == 1:
                time.sleep(0.01)
            second = pool.submit(messenger.send, TEXT, TO, key="order-982")
            token.cancel()
            with pytest.raises(payamak.CanceledError) as stopped:
                first.result()
            return [stopped.value.receipts[0], second.result()[0]]

    for stopped, found in (asyncio.run(with_asyncio()), waiting()):
        assert (stopped.outcome, stopped.replayed) == ("unclear", False)
        assert (found.outcome, found.trace_id, found.replayed) == ("accepted", stopped.trace_id, True)
    assert emulator.message_count == 2


def test_one_key_names_a_message_to_each_number(mode: Mode) -> None:
    messenger = mode.messenger()
    numbers = [TO, "09121113333"]
    single = [mode.call(messenger.send, TEXT, to, key="order-981")[0].trace_id for to in numbers]
    assert single == [trace_id_from_key("order-981", to) for to in numbers]
    listed = [trace_id_from_key("order-981", to, "list_member") for to in numbers]
    for name in ("send", "send_each"):
        method, arguments = SENDS[name](messenger, numbers)
        assert [receipt.trace_id for receipt in mode.call(method, *arguments, key="order-981")] == listed
    # The list may grow between two runs, and the second run sends what is new.
    grown = mode.call(messenger.send, TEXT, [*numbers, "09121114444"], key="order-981")
    assert [receipt.replayed for receipt in grown] == [True, True, False]
    assert mode.emulator.message_count == 5


def test_what_a_message_says_of_itself_goes_before_the_key_of_the_send(mode: Mode) -> None:
    messages = [
        Message(TO, TEXT, key="own"),
        Message(TO, TEXT, trace_id=7),
        Message(TO, TEXT),
        Message.from_template("verify", TO, ["12345"]),
    ]
    report = mode.call(mode.messenger().send_each, messages[:3], key="campaign")
    named = trace_id_from_key("own", TO), 7, trace_id_from_key("campaign", TO, kind="list_member")
    assert tuple(receipt.trace_id for receipt in report) == named
    [template] = mode.call(mode.messenger().send_each, messages[3:], key="codes")
    assert template.trace_id == trace_id_from_key("codes", TO, "list_member")


def test_a_template_with_a_key(mode: Mode) -> None:
    messenger = mode.messenger()
    code = [(TO, ["12345"])]
    first = mode.call(messenger.send_template, "verify", code, key="login-981:attempt-1")[0]
    # By another messenger with another client, as after a restart.
    again = mode.call(mode.messenger().send_template, "verify", code, key="login-981:attempt-1")[0]
    assert (first.outcome, first.replayed, again.outcome, again.replayed) == ("accepted", False, "accepted", True)
    assert again.trace_id == first.trace_id == trace_id_from_key("login-981:attempt-1", TO, "list_member")
    # "Send it again" with a new code: under the old key it is refused, under a new one it goes out.
    new_code = [(TO, ["67890"])]
    refused = mode.call(messenger.send_template, "verify", new_code, key="login-981:attempt-1")[0]
    assert refused.outcome == "rejected"
    assert isinstance(refused.error, payamak.InvalidInputError)
    assert refused.error.field == "recipients[0].key"
    sent = mode.call(messenger.send_template, "verify", new_code, key="login-981:attempt-2")[0]
    assert (sent.outcome, sent.replayed) == ("accepted", False)
    assert [message.text for message in mode.emulator.messages] == ["کد ورود شما: 12345", "کد ورود شما: 67890"]


def test_a_key_that_is_used_for_another_text_is_refused_by_name(mode: Mode) -> None:
    messenger = mode.messenger()
    assert mode.call(messenger.send, TEXT, TO, key="order-981")[0].outcome == "accepted"
    [refused] = mode.call(messenger.send, "سفارش شما لغو شد", TO, key="order-981")
    assert (refused.outcome, refused.replayed) == ("rejected", False)
    assert isinstance(refused.error, payamak.InvalidInputError)
    assert refused.error.field == "key"
    messages = [Message("09121113333", TEXT), Message(TO, "سفارش شما لغو شد", key="order-981")]
    sent, refused = mode.call(messenger.send_each, messages)
    assert (sent.outcome, refused.outcome) == ("accepted", "rejected")
    assert isinstance(refused.error, payamak.InvalidInputError)
    assert refused.error.field == "messages[1].key"
    assert mode.emulator.message_count == 2


def test_replayed_is_told_wherever_a_receipt_goes(mode: Mode) -> None:
    first = mode.call(mode.messenger().send, TEXT, TO, key="order-981")[0]
    again = mode.call(mode.messenger().send, TEXT, TO, key="order-981")[0]
    assert (first.replayed, again.replayed) == (False, True)
    assert first != again
    assert (again.message_id, again.gateway) == (first.message_id, first.gateway)
    assert json.loads(json.dumps([first.to_dict(), again.to_dict()]))[1]["replayed"] is True
    for receipt in (first, again):
        copied = pickle.loads(pickle.dumps(receipt))
        assert (copied, copied.replayed) == (receipt, receipt.replayed)
    assert "replayed" not in repr(first)
    assert repr(again).endswith("error=None, replayed=True)")
    assert repr(first) == repr(again).replace(", replayed=True", "")


def test_a_receipt_that_was_pickled_before_it_could_be_replayed() -> None:
    make, values = Receipt.restore(TO, "payam-resan", 981, 5).__reduce__()
    assert make(*values[:-1]) == Receipt(TO, 981, 5, "payam-resan", "accepted", None)
    assert make(*values[:-1]).replayed is False


def test_unclear_receipts_that_were_kept_are_asked_for_at_every_gateway(mode: Mode) -> None:
    first = mode.call(mode.messenger().send, TEXT, TO)[0]
    second = mode.call(mode.messenger(mode.niksms()).send, TEXT, "09121113333")[0]
    kept = [Receipt.restore_unclear(receipt.to, receipt.trace_id) for receipt in (first, second)]
    kept.append(Receipt.restore_unclear("09121114444", 404))
    assert {(receipt.outcome, receipt.gateway, receipt.message_id) for receipt in kept} == {("unclear", None, None)}
    assert pickle.loads(pickle.dumps(kept)) == kept
    mode.emulator.advance(60)
    both = mode.messenger(mode.payam_resan(), mode.niksms())
    found = mode.call(both.delivery, kept)
    assert [report.gateway for report in found][:2] == ["payam-resan", "niksms"]
    assert [report.message_id for report in found] == [first.message_id, second.message_id, None]
    assert [report.status and report.status.state for report in found][:2] == ["delivered", "sent"]
    assert found[2].status is None or found[2].status.state == "not_found"


def dead_second(mode: Mode, **settings: Any) -> Any:
    return mode.messenger(mode.payam_resan(), mode.niksms(base_url=closed_port()), **settings)


def test_a_gateway_that_cannot_be_asked_keeps_a_key_from_being_sent(mode: Mode) -> None:
    begin = time.monotonic()
    [receipt] = mode.call(dead_second(mode).send, TEXT, TO, key="order-981")
    assert time.monotonic() - begin < SOON
    assert receipt.outcome == "unclear"
    assert isinstance(receipt.error, payamak.ConnectError)
    assert (receipt.error.gateway, receipt.error.outcome) == ("niksms", "unclear")
    assert receipt.error.hint is not None
    assert mode.emulator.message_count == 0
    # Without a key there is nothing to ask for.
    assert mode.call(dead_second(mode).send, TEXT, TO)[0].outcome == "accepted"


def test_asking_the_first_gateway_alone_trades_that_for_availability(mode: Mode) -> None:
    [receipt] = mode.call(dead_second(mode, ask="first").send, TEXT, TO, key="order-981")
    assert (receipt.outcome, receipt.gateway) == ("accepted", "payam-resan")
    [again] = mode.call(dead_second(mode, ask="first").send, TEXT, TO, key="order-981")
    assert (again.outcome, again.replayed) == ("accepted", True)
    assert mode.emulator.message_count == 1


def test_a_wrong_api_key_is_told_at_once_also_with_a_key(mode: Mode) -> None:
    begin = time.monotonic()
    [receipt] = mode.call(mode.messenger(mode.payam_resan(api_key="wrong")).send, TEXT, TO, key="order-981")
    assert time.monotonic() - begin < SOON
    assert receipt.outcome != "accepted"
    assert isinstance(receipt.error, payamak.AuthenticationError)
    assert receipt.error.name == "invalid_api_key"
    assert mode.emulator.message_count == 0


@pytest.mark.parametrize("interval", [0, 0.0, -1, float("nan"), timedelta(0)])
def test_tracking_without_a_pause_is_refused(interval: Any, mode: Mode) -> None:
    with pytest.raises(payamak.InvalidInputError) as refused:
        mode.messenger().track([Receipt.restore(TO, "payam-resan", 981)], interval=interval)
    assert (refused.value.field, refused.value.operation) == ("interval", "track")
    assert mode.emulator.request_count == 0


def test_the_line_of_a_send(mode: Mode) -> None:
    messenger = mode.messenger()
    mode.call(messenger.send, TEXT, TO, sender=50004041)
    mode.call(messenger.send, TEXT, [TO], sender="۵۰۰۰۴۰۴۱")
    mode.call(messenger.send_each, [Message(TO, TEXT), Message(TO, TEXT, sender=30004040)], sender=50004041)
    lines = [message.sender for message in mode.emulator.messages]
    assert (lines[:2], sorted(lines[2:])) == (["50004041", "50004041"], ["30004040", "50004041"])
    [refused] = mode.call(messenger.send_template, "verify", [(TO, ["12345"])], sender=50004041)
    assert refused.outcome == "rejected"
    assert isinstance(refused.error, payamak.InvalidInputError)
    assert refused.error.field == "recipients[0].sender"
    with pytest.raises(TypeError, match="a sender line is a str or an int, not float"):
        mode.call(messenger.send, TEXT, TO, sender=30004040.0)


def test_ids_of_the_callers_own_are_sent_once(mode: Mode) -> None:
    for replayed in (False, True):
        [receipt] = mode.call(mode.messenger().send_each, [Message(TO, TEXT, trace_id=7)], once=True)
        assert (receipt.outcome, receipt.replayed) == ("accepted", replayed)
    assert mode.emulator.registrations(7) == 1
    for method, arguments in (SENDS[name](mode.messenger(), [TO]) for name in SENDS):
        [refused] = mode.call(method, *arguments, once=True)
        assert refused.outcome == "rejected"
        assert refused.error.field.endswith("once")
    assert mode.emulator.message_count == 1


def test_sending_again_can_be_turned_off(mode: Mode) -> None:
    mode.emulator.faults([{"then": "close", "when": "before"}])
    [receipt] = mode.call(mode.messenger(resend=False, settle=0.02).send, TEXT, TO)
    assert (receipt.outcome, mode.emulator.message_count) == ("unclear", 0)
    mode.emulator.faults([{"then": "close", "when": "before"}])
    [receipt] = mode.call(mode.messenger(settle=0.02).send, TEXT, TO)
    assert (receipt.outcome, mode.emulator.message_count) == ("accepted", 1)


SECRET = "a-secret-of-this-account"


def test_a_key_secret_makes_other_ids(mode: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    def sent(**settings: Any) -> int:
        trace_id: int = mode.call(mode.messenger(**settings).send, TEXT, TO, key="order-981")[0].trace_id
        return trace_id

    plain, secret = (trace_id_from_key("order-981", TO, secret=secret) for secret in (None, SECRET))
    assert plain != secret
    assert sent() == plain
    assert sent(key_secret=SECRET) == secret
    monkeypatch.setenv("PAYAMAK_KEY_SECRET", SECRET)
    assert sent() == secret
    assert sent(key_secret="another") == trace_id_from_key("order-981", TO, "single", "another")
    monkeypatch.setenv("PAYAMAK_KEY_SECRET", "")
    assert sent() == plain
    assert SECRET not in repr(mode.messenger(key_secret=SECRET))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork, so no child")
def test_a_forked_child_keeps_the_secret_that_its_parent_found(
    gateway: PayamResan, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAYAMAK_KEY_SECRET", SECRET)
    messenger = Messenger([gateway])
    # Programs take their secrets out of the environment, so that no child process is handed them.
    monkeypatch.delenv("PAYAMAK_KEY_SECRET")
    assert messenger.send(TEXT, TO, key="order-981")[0].trace_id == trace_id_from_key("order-981", TO, secret=SECRET)
    child = os.fork()
    if child == 0:
        replayed = False
        try:
            replayed = messenger.send(TEXT, TO, key="order-981")[0].replayed
        finally:
            os._exit(0 if replayed else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert emulator.message_count == 1


@pytest.mark.parametrize(
    ("field", "settings"),
    [
        ("budget", {"budget": 4.9}),
        ("budget", {"budget": 10, "settle": 11}),
        ("budget", {"budget": -1}),
        ("settle", {"settle": float("nan")}),
        ("key_secret", {"key_secret": ""}),
        ("ask", {"ask": "second"}),
    ],
)
def test_settings_that_would_break_the_promise_are_refused_by_name(
    field: str, settings: dict[str, Any], mode: Mode
) -> None:
    with pytest.raises(payamak.ConfigurationError) as wrong:
        mode.messenger(**settings)
    assert wrong.value.field == field


@pytest.mark.parametrize("field", ["timeout", "connect_timeout", "max_response_bytes", "read_attempts"])
def test_limits_of_nothing_are_refused_by_name(field: str, mode: Mode) -> None:
    for made in (mode.payam_resan, mode.niksms):
        with pytest.raises(payamak.ConfigurationError) as wrong:
            made(**{field: 0})
        assert wrong.value.field == field


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("key", {"key": "", "to": TO}),
        ("to", {"key": "order-981", "to": "0912"}),
        ("kind", {"key": "order-981", "to": TO, "kind": "list"}),
        ("secret", {"key": "order-981", "to": TO, "secret": ""}),
    ],
)
def test_a_key_without_an_id_is_refused_by_name(field: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(payamak.InvalidInputError) as refused:
        trace_id_from_key(**arguments)
    assert (refused.value.field, refused.value.operation) == (field, "trace_id_from_key")


@pytest.mark.parametrize("parameters", ["12345", b"12345", {"1": "12345"}])
def test_a_text_does_not_fill_a_template_letter_by_letter(parameters: Any, mode: Mode) -> None:
    gateway = mode.payam_resan()
    calls: list[Callable[[], Any]] = [
        lambda: mode.call(mode.messenger(gateway).send_template, "verify", [(TO, parameters)]),
        lambda: Message.from_template("verify", TO, parameters),
        lambda: TemplateMessage(TO, parameters),
        lambda: mode.call(gateway.send_token_multi, "verify", [(TO, parameters)]),
        lambda: mode.call(gateway.send_token_single, "verify", TO, parameters),
    ]
    for call in calls:
        with pytest.raises(TypeError, match="a list of texts, not "):
            call()
    assert mode.emulator.request_count == 0


@pytest.mark.parametrize("status", [401, 403, 404, 429])
def test_what_a_proxy_says_about_a_send_proves_nothing(status: int, mode: Mode) -> None:
    mode.emulator.faults([{"then": {"status_json": status}, "when": "after"}])
    with pytest.raises(payamak.PayamakError) as refused:
        mode.call(mode.payam_resan().send_bulk, TEXT, TO)
    error = refused.value
    assert (error.http_status, error.outcome, error.retry) == (status, "unclear", "check_first")
