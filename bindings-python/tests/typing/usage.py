"""What type checkers know about the public API. Checked, never run."""

from __future__ import annotations

from datetime import datetime, timedelta

from typing_extensions import assert_type

import payamak
from payamak import AsyncMessenger, AsyncNikSms, AsyncPayamResan, Message, Messenger, NikSms, PayamResan
from payamak.testing import Emulator, RegisteredMessage


def waiting(emulator: Emulator) -> None:
    """Use what waits."""
    with PayamResan(api_key="key", sender=30004040, timeout=timedelta(seconds=3)) as gateway:
        assert_type(gateway, PayamResan)
        assert_type(gateway.send_bulk("text", ["09121112222", 9121112222, ("09121112222", 7)]), list[payamak.Sent])
        assert_type(gateway.status_by_id([1])[0].status.delivery.is_final, bool)
        assert_type(gateway.status_by_id([1])[1:], list[payamak.MessageStatus])
        assert_type(gateway.account_info(timeout=1.5).credit, float)
    niksms = NikSms.from_env(dialect="soap", base_url=emulator.niksms_dialect_url("soap"))
    assert_type(niksms, NikSms)
    assert_type(niksms.group_sms("text", 9121112222, send_at=datetime(2026, 12, 1)).message_ids, list[int])
    messenger = Messenger([gateway, niksms], budget=30, resend=False, ask="first", deadline=20, key_secret="secret")
    report = messenger.send("text", "09121112222", key="order-1", on_progress=lambda progress: print(progress.done))
    assert_type(report, payamak.Report)
    assert_type(report[0].error, payamak.PayamakError | None)
    assert_type(report[0].replayed, bool)
    code = [("09121112222", ["12345"])]
    report = messenger.send_template("verify", code, key="login-7:attempt-1", deadline=timedelta(seconds=8), once=True)
    report = messenger.send_each([Message(9121112222, "text")], key="campaign-7", sender=30004040, deadline=8.5)
    assert_type(payamak.trace_id_from_key("order-1", 9121112222, kind="list_member", secret=None), int)
    assert_type(payamak.Receipt.restore_unclear("09121112222", 981), payamak.Receipt)
    assert_type(report.rejected, payamak.Report)
    for receipt in report:
        assert_type(receipt, payamak.Receipt)
        match receipt:
            case payamak.Receipt(outcome="accepted", message_id=message_id):
                assert_type(message_id, int | None)
            case _:
                pass
    for change in messenger.track(report, deadline=timedelta(hours=1)):
        assert_type(change, payamak.DeliveryReport)
    for incoming in messenger.receive(interval=30):
        assert_type(incoming.message.text, str)
    emulator.refuse_number(9121112222)
    assert_type(emulator.messages, list[RegisteredMessage])
    try:
        messenger.send_each([Message("09121112222", "text", key="order-1")])
    except payamak.GatewayError as error:
        assert_type(error.code, int | None)
    except payamak.CanceledError as error:
        assert_type(error.receipts, payamak.Report)


async def with_asyncio() -> None:
    """Use what is awaited."""
    async with AsyncPayamResan(api_key="key", sender="30004040") as gateway:
        assert_type(await gateway.send("text", "09121112222"), list[payamak.Sent])
        messenger = AsyncMessenger([gateway, AsyncNikSms.from_env()])
        report = await messenger.send("text", ["09121112222"], key="order-1", sender="30004040", once=True, deadline=8)
        report = await messenger.send_each([], key="campaign-7", deadline=timedelta(seconds=8))
        report = await messenger.send_template("verify", [("09121112222", ["12345"])], key="login-7:1", deadline=8)
        assert_type(report, payamak.Report)
        async for change in messenger.track(report):
            assert_type(change.is_final, bool)
