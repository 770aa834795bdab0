"""What comes back: frozen classes, lazy lists, exceptions, and what none of them shows."""

from __future__ import annotations

import builtins
import copy
import enum
import json
import logging
import multiprocessing
import pickle
import threading
import traceback
import tracemalloc
from operator import length_hint

import pytest

import payamak
from payamak import (
    Code,
    Destination,
    Message,
    Messenger,
    NikSms,
    PayamResan,
    PersonalMessage,
    Receipt,
    Report,
    TemplateMessage,
)
from payamak.testing import Emulator


def test_results_are_frozen_values(gateway: PayamResan) -> None:
    sent = gateway.send_bulk("سلام", [("09121112222", 7)])[0]
    again = payamak.Sent(message_id=sent.message_id, trace_id=7)
    assert sent == again
    assert hash(sent) == hash(again)
    assert sent != payamak.Sent(1, 7)
    assert sent.to_dict() == {"message_id": sent.message_id, "trace_id": 7}
    assert pickle.loads(pickle.dumps(sent)) == copy.deepcopy(sent) == sent
    assert repr(sent) == f"Sent(message_id={sent.message_id}, trace_id=7)"
    with pytest.raises(AttributeError, match="frozen"):
        sent.trace_id = 8  # type: ignore[misc]
    with pytest.raises(AttributeError, match="frozen"):
        del sent.trace_id  # type: ignore[misc]
    match sent:
        case payamak.Sent(message_id, trace_id=7):
            assert message_id == sent.message_id
        case _:
            pytest.fail("no match")


def test_every_result_survives_pickling(gateway: PayamResan, messenger: Messenger, emulator: Emulator) -> None:
    emulator.receive(from_="09121112222", to="30004040", text="لغو")
    report = messenger.send("سلام", ["09121112222", "0912"])
    results = [
        gateway.account_info(),
        gateway.get_inbox(),
        gateway.token_list(),
        gateway.status_by_trace_id([receipt.trace_id for receipt in report]),
        messenger.balance(),
        messenger.delivery(report),
        report,
        report.rejected,
        *report,
    ]
    for result in results:
        copied = pickle.loads(pickle.dumps(result))
        assert copied == result
        assert repr(copied) == repr(result)
        if hasattr(result, "to_dict"):
            json.dumps(result.to_dict())


def test_what_is_handed_over_is_a_value_too() -> None:
    for made in (
        Destination("09121112222", 7),
        PersonalMessage("09121112222", "سلام", trace_id=7),
        TemplateMessage("09121112222", ["12345"], trace_id=7),
        Message("09121112222", "سلام", key="order-1"),
        Message.from_template("verify", 9121112222, ["12345"], trace_id=7, once=True),
    ):
        assert pickle.loads(pickle.dumps(made)) == made
        assert hash(made) == hash(copy.copy(made))
        for private in ("09121112222", "9121112222", "سلام", "12345", "order-1"):
            assert private not in repr(made)


def test_codes_are_open() -> None:
    known = Code(4, "delivered", None, "تحویل به گوشی")
    unknown = Code(77, "unknown", None, None)
    assert known == 4
    assert known in {4, 5}
    assert known != 5
    assert int(unknown) == 77
    assert str(known) == "delivered"
    assert unknown != known
    named = Code(None, "link_not_allowed", "LinkNotAllowed", None)
    assert hash(named) == hash(copy.copy(named))
    with pytest.raises(ValueError, match="LinkNotAllowed"):
        int(named)


def test_a_report_is_a_sequence(messenger: Messenger) -> None:
    numbers = ["09121112222", "0912", "09121114444"]
    report = messenger.send("سلام", numbers)
    assert [receipt.to for receipt in report] == numbers
    assert report[-1].to == numbers[-1]
    assert [receipt.to for receipt in report[::2]] == numbers[::2]
    assert report == list(report)
    assert report == tuple(report)
    assert hash(report) == hash(tuple(report))
    assert report[0] in report
    assert next(reversed(report)) == report[2]
    assert [len(part) for part in (report.accepted, report.rejected, report.unclear)] == [2, 1, 0]
    assert report.rejected[0].error is not None
    assert report.rejected[0].error.field == "to[1]"
    with pytest.raises(IndexError):
        report[3]
    assert isinstance(report.accepted, Report)


def test_a_status_is_one_object_for_all_messages_that_have_it(gateway: PayamResan, emulator: Emulator) -> None:
    ids = [sent.message_id or 0 for sent in gateway.send_bulk("سلام", ["09121112222", "09121113333"])]
    first, second = gateway.status_by_id(ids)
    assert first.status is second.status
    assert first.message_id != second.message_id
    with pytest.raises(AttributeError, match="frozen"):
        first.status.name = "delivered"  # type: ignore[misc]
    emulator.advance(60)
    assert [row.status.state for row in gateway.status_by_id(ids)] == ["delivered", "delivered"]
    assert first.status.state == "queued"
    missing = gateway.status_by_id([404])
    assert missing[0].status.name == "not_found"


def test_a_list_can_be_gone_through_by_several(gateway: PayamResan) -> None:
    ids = [sent.message_id or 0 for sent in gateway.send_bulk("سلام", [f"0912111{n:04}" for n in range(99)])]
    statuses = gateway.status_by_id(ids)
    one, other = iter(statuses), iter(statuses)
    assert next(one) == next(other) == statuses[0]
    assert length_hint(one) == 98
    assert next(one).message_id == ids[1]
    assert [row.message_id for row in other] == ids[1:]
    assert next(other, None) is None

    # Of threads that share one iterator, each gets its own items.
    shared, seen = iter(statuses), []
    threads = [threading.Thread(target=lambda: seen.extend(shared)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(row.message_id for row in seen) == sorted(ids)


def test_a_long_report_costs_nothing_until_it_is_looked_at(messenger: Messenger) -> None:
    report = messenger.send("سلام", [f"0912111{number:04}" for number in range(10_000)])
    tracemalloc.start()
    statuses = messenger.delivery(report)
    accepted = report.accepted
    cost = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(statuses) == len(accepted) == 10_000
    # Python's side of ten thousand receipts and as many statuses: a handful of objects.
    assert cost < 20_000
    assert statuses[9_999].status is not None


def test_receipts_that_were_kept_can_be_asked_about(messenger: Messenger, emulator: Emulator) -> None:
    [sent] = messenger.send("سلام", "09121112222")
    kept = Receipt.restore(sent.to, sent.gateway or "", sent.trace_id)
    emulator.advance(60)
    [report] = messenger.delivery([kept])
    assert report.status is not None
    assert report.status.state == "delivered"
    assert report.message_id == sent.message_id
    [rejected] = messenger.send("سلام", ["0912"])
    assert messenger.delivery([rejected])[0].error is not None


CLASSES = [getattr(payamak, name) for name in payamak.__all__ if name.endswith("Error")]


@pytest.mark.parametrize("cls", CLASSES)
def test_exceptions_have_one_base_and_survive_pickling(cls: type[payamak.PayamakError]) -> None:
    assert issubclass(cls, payamak.PayamakError)
    assert getattr(payamak, cls.__name__) is cls
    error = cls("متن", gateway="niksms", code=3, outcome="unclear", retry="check_first", hint=payamak.Hint("en", "fa"))
    copied = pickle.loads(pickle.dumps(error))
    assert type(copied) is cls
    assert copied.to_dict(private=True) == error.to_dict(private=True)
    assert str(copied) == str(error) == "متن"
    assert copied.hint == error.hint
    assert copied.args == error.args


PRIVATE = {"gateway_text", "value", "body_excerpt"}


def test_what_may_be_personal_is_in_a_dictionary_only_for_who_asks(gateway: PayamResan, emulator: Emulator) -> None:
    emulator.faults([{"then": {"code": 12}}, {"then": "garbage"}])
    errors = []
    for to in ("0912", "09121112222", "09121112222"):
        with pytest.raises(payamak.PayamakError) as failed:
            gateway.send_bulk("سلام", [to])
        errors.append(failed.value)
    refused_here, refused, unreadable = errors
    assert refused_here.value == "0912"
    assert refused.gateway_text
    assert unreadable.body_excerpt
    for error in errors:
        assert not PRIVATE & set(error.to_dict())
        fields = {name: getattr(error, name) for name in PRIVATE}
        assert error.to_dict(private=True) == {**error.to_dict(), **fields}
        assert pickle.loads(pickle.dumps(error)).to_dict(private=True) == error.to_dict(private=True)


def test_a_receipts_dictionary_has_nothing_of_what_the_gateway_said(messenger: Messenger, emulator: Emulator) -> None:
    emulator.refuse_text("برنده")
    [receipt] = messenger.send("شما برنده شدید", ["09121112222"])
    assert receipt.error is not None
    assert receipt.error.gateway_text
    assert not PRIVATE & set(receipt.to_dict()["error"])


def test_a_subclass_of_a_users_own_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(Own("x", order=7))).order == 7


class Own(payamak.RequestError):
    def __init__(self, message: str, *, order: int) -> None:
        super().__init__(message)
        self.order = order


def fail(url: str) -> None:
    PayamResan(api_key="wrong", base_url=url).account_info()


def test_an_exception_comes_back_from_another_process(emulator: Emulator) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool, pytest.raises(payamak.AuthenticationError) as refused:
        pool.apply(fail, (emulator.payam_resan_url,))
    assert refused.value.code == 1


def test_builtin_classes_catch_them(gateway: PayamResan, emulator: Emulator) -> None:
    emulator.faults([{"then": "never"}, {"then": "close"}])
    with pytest.raises(builtins.TimeoutError):
        gateway.send_bulk("سلام", "09121112222", timeout=0.1)
    with pytest.raises(ConnectionError):
        gateway.send_bulk("سلام", "09121112222")
    with pytest.raises(ValueError, match="4 digits"):
        payamak.msisdn("0912")


def test_persian_is_readable_in_a_traceback(gateway: PayamResan, emulator: Emulator) -> None:
    emulator.faults([{"then": {"code": 12}}])
    try:
        gateway.send_bulk("سلام", "09121112222")
    except payamak.RequestError as error:
        shown = "".join(traceback.format_exception(error))
    assert "«" in shown
    assert "شماره" in shown
    assert "payamak.RequestError: payam-resan send_bulk: " in shown


def test_wrong_types_are_refused_by_name(gateway: PayamResan, messenger: Messenger) -> None:
    with pytest.raises(TypeError, match="a recipient is a str or an int, not float"):
        gateway.send_bulk("سلام", [9121112222.0])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="a trace id is a str or an int, not bool"):
        gateway.send_bulk("سلام", [("09121112222", True)])
    with pytest.raises(TypeError, match=r"payamak\.Message, not tuple"):
        messenger.send_each([("09121112222", "سلام")])  # type: ignore[list-item]
    with pytest.raises(payamak.InvalidInputError, match="64 bits"):
        gateway.send_bulk("سلام", [("09121112222", 2**63)])
    with pytest.raises(payamak.InvalidInputError):
        gateway.status_by_id(["12.5"])
    with pytest.raises(payamak.ConfigurationError, match="timeout"):
        PayamResan(api_key="key", timeout=-1)
    with pytest.raises(payamak.ConfigurationError, match="dialect"):
        NikSms(username="a", password="b", dialect="smtp")  # type: ignore[arg-type]


def test_numbers_and_ids_of_every_kind_are_read(gateway: PayamResan, emulator: Emulator) -> None:
    gateway.send_bulk("سلام", [9121112222, "۰۹۱۲۱۱۱۳۳۳۳", ("+98 912 111 4444", "۷"), (989121115555, 2**62)])
    assert [message.to for message in emulator.messages] == [f"0912111{number}" for number in (2222, 3333, 4444, 5555)]
    assert [message.trace_id for message in emulator.messages][2:] == [7, 2**62]
    gateway.send_bulk("سلام", (str(9121110000 + number) for number in range(3)))
    assert emulator.message_count == 7


class Numeric:
    """An integer of another library, such as numpy's."""

    def __index__(self) -> int:
        return 9121112222


class Line(enum.IntEnum):
    SERVICE = 30004040


def test_integers_of_other_kinds_are_read(gateway: PayamResan, emulator: Emulator) -> None:
    gateway.send_bulk("سلام", [Numeric()], sender=Line.SERVICE)  # type: ignore[list-item]
    assert [(message.to, message.sender) for message in emulator.messages] == [("09121112222", "30004040")]


def test_nobody_to_send_to(messenger: Messenger, gateway: PayamResan) -> None:
    assert messenger.send("سلام", []) == messenger.send_each([]) == []
    with pytest.raises(payamak.InvalidInputError):
        gateway.send_bulk("سلام", [])


def test_the_environment(monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> None:
    monkeypatch.setenv("PAYAM_RESAN_API_KEY", "demo-key")
    monkeypatch.setenv("PAYAM_RESAN_SENDER", "30004040")
    assert PayamResan.from_env(base_url=emulator.payam_resan_url).send_bulk("سلام", "09121112222")
    monkeypatch.delenv("PAYAM_RESAN_API_KEY")
    with pytest.raises(payamak.ConfigurationError) as missing:
        PayamResan.from_env()
    assert missing.value.field == "api_key"
    with pytest.raises(payamak.ConfigurationError):
        PayamResan(sender=30004040)


def test_every_dialect_of_niksms(emulator: Emulator) -> None:
    for dialect in ("public-api", "soap", "v2", "web-service"):
        niksms = NikSms(
            username="demo",
            password="demo-password",
            api_key="demo-niksms-key",
            sender="50001234",
            dialect=dialect,
            base_url=emulator.niksms_dialect_url(dialect),
        )
        assert Messenger([niksms]).send("سلام", "09121112222")[0].outcome == "accepted"
    assert [message.dialect for message in emulator.messages] == ["public-api", "soap", "v2", "web-service"]


def test_a_second_gateway_takes_what_the_first_did_not(emulator: Emulator) -> None:
    broke = PayamResan(api_key="demo-key", sender=30004040, base_url=emulator.payam_resan_url)
    emulator.set_credit("payam-resan", 0)
    niksms = NikSms(username="demo", password="demo-password", sender="50001234", base_url=emulator.niksms_url)
    report = Messenger([broke, niksms]).send("سلام", ["09121112222", "09121113333"])
    assert {receipt.gateway for receipt in report.accepted} == {"niksms"}


def test_the_log_has_each_request_and_nothing_private(
    gateway: PayamResan, messenger: Messenger, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.account_info()
    assert caplog.records == []
    caplog.set_level(logging.DEBUG, logger="payamak")
    gateway.account_info()
    messenger.send("متن پیام", ["09121112222"], key="order-981")
    emulator.faults([{"then": {"code": 12}}])
    with pytest.raises(payamak.RequestError):
        gateway.send_bulk("متن پیام", "09121112222")
    lines = [record.getMessage() for record in caplog.records if record.name == "payamak"]
    assert lines[0].startswith("payam-resan account_info: ok in ")
    assert lines[-1].startswith("payam-resan send_bulk: RequestError in ")
    assert len(lines) == 4
    for private in ("demo-key", "9121112222", "متن", "order-981"):
        assert private not in caplog.text
    assert any(isinstance(handler, logging.NullHandler) for handler in logging.getLogger("payamak").handlers)


def test_nothing_private_in_any_repr(gateway: PayamResan, messenger: Messenger, emulator: Emulator) -> None:
    emulator.receive(from_="09121112222", to="30004040", text="لغو لطفا")
    shown = [gateway, messenger, gateway.get_inbox(), messenger.send("متن پیام", ["09121112222", "0912111222"])[:]]
    shown += [emulator.messages, messenger.delivery(messenger.send("متن پیام", "09121112222"))[:]]
    for value in shown:
        for private in ("demo-key", "9121112222", "0912111222", "متن", "لطفا"):
            assert private not in repr(value)
