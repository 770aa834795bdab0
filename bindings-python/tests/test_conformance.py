"""Every case of core/conformance, through the public API, waiting and with asyncio."""

from __future__ import annotations

import asyncio
import json
import re
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import payamak
from payamak.testing import Emulator

CONFORMANCE = Path(__file__).resolve().parents[2] / "core" / "conformance"
CASES = CONFORMANCE / "cases"
ECHOES = json.loads((CONFORMANCE / "echoes.json").read_text(encoding="utf-8"))
FILES = sorted(CASES.iterdir())
MODES = ["sync", "async"]

CLIENTS: dict[tuple[str, str], Any] = {
    ("payam-resan", "sync"): payamak.PayamResan,
    ("payam-resan", "async"): payamak.AsyncPayamResan,
    ("niksms", "sync"): payamak.NikSms,
    ("niksms", "async"): payamak.AsyncNikSms,
}
DEFAULTS = {
    "payam-resan": {"api_key": "conformance-key", "sender": "30004040"},
    "niksms": {
        "username": "conformance-user",
        "password": "conformance-password",
        "api_key": "conformance-key",
        "sender": "50001234",
    },
}
FUNCTIONS: dict[str, Any] = {
    "msisdn": payamak.msisdn,
    "segments": payamak.segments,
    "trace_id_from_key": payamak.trace_id_from_key,
}
ERROR_KEYS = {"type", "gateway", "operation", "code", "outcome", "retry"}
RAN: set[tuple[str, str]] = set()


@pytest.fixture(scope="module")
def replay() -> Iterator[Emulator]:
    with Emulator(replay=CASES) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_case(file: Path, mode: str, replay: Emulator, event_loop: asyncio.AbstractEventLoop) -> None:
    case = json.loads(file.read_text(encoding="utf-8"))
    RAN.add((file.stem, mode))
    replay.replay_reset(file.stem)
    for _ in ECHOES["echoes"] if case.get("echoes", False) else ["the one answer"]:
        check(call(case, replay.replay_url(file.stem), mode, event_loop), case)
    verdict = replay.replay_verdict(file.stem)
    assert verdict == type(verdict)(complete=True, mismatches=())


def check(outcome: Any, case: dict[str, Any]) -> None:
    expected = case["expect"]
    assert set(expected) in ({"result"}, {"error"})
    if "result" in expected:
        if isinstance(outcome, payamak.PayamakError):
            raise outcome
        assert canonical(outcome) == expected["result"]
    else:
        assert isinstance(outcome, payamak.PayamakError), f"no error, but {outcome}"
        check_error(outcome, expected["error"], case)
        if case.get("echoes", False):
            check_echo(outcome, case)


@pytest.mark.parametrize("mode", MODES)
def test_no_case_was_skipped(mode: str, request: pytest.FixtureRequest, replay: Emulator) -> None:
    # Who asks for one case by hand has skipped the others on purpose; `make test` asks for all.
    if request.config.getoption("keyword") or any("::" in str(argument) for argument in request.config.args):
        pytest.skip("only some tests were asked for")
    assert {name for name, ran_mode in RAN if ran_mode == mode} == {file.stem for file in FILES}
    assert set(replay.replay_cases) == {file.stem for file in FILES}


def call(case: dict[str, Any], base_url: str, mode: str, event_loop: asyncio.AbstractEventLoop) -> Any:
    """Makes the call of a case, and gives its result or the error it raised."""
    operation, arguments = case["call"]["operation"], case["call"]["arguments"]
    gateway = case["gateway"]
    try:
        if gateway is None:
            assert not case["settings"]
            return FUNCTIONS[operation](**arguments)
        settings = {**DEFAULTS[gateway], "base_url": base_url, "read_attempts": 1, **case["settings"]}
        client = CLIENTS[gateway, mode](**{name: value for name, value in settings.items() if value is not None})
        result = getattr(client, operation)(**dict(map(argument, arguments.items())))
        return event_loop.run_until_complete(result) if mode == "async" else result
    except payamak.PayamakError as error:
        return error


def argument(named: tuple[str, Any]) -> tuple[str, Any]:
    """Brings an argument of a case into the types of the public API."""
    name, value = named
    if name == "recipients" and value and isinstance(value[0], dict):
        make = payamak.TemplateMessage if "parameters" in value[0] else payamak.Destination
        return name, [make(**item) for item in value]
    if name == "messages":
        return name, [payamak.PersonalMessage(**item) for item in value]
    return ("from_" if name == "from" else name), value


IDS = {"message_id", "trace_id", "message_ids"}


def canonical(value: Any, field: str = "") -> Any:
    """Brings a result into canonical JSON, where ids are text."""
    if isinstance(value, payamak.DeliveryStatus):
        code = {name: getattr(value, name) for name in ("code", "name", "wire_name", "text")}
        return {**code, "delivery": value.delivery.to_dict()}
    if isinstance(value, payamak.IncomingMessage):
        fields = {name.rstrip("_"): canonical(getattr(value, name), name) for name in value._fields}
        if fields["is_relayed"] is None:
            del fields["is_relayed"]
        return fields
    if hasattr(value, "_fields"):
        return {name: canonical(getattr(value, name), name) for name in value._fields}
    if isinstance(value, (list, tuple, payamak.LazyList)):
        return [canonical(item, field) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and (field in IDS or value >= 2**53 or field == ""):
        return str(value)
    return value


def check_error(error: payamak.PayamakError, expected: dict[str, Any], case: dict[str, Any]) -> None:
    assert set(expected) >= ERROR_KEYS
    got = error.to_dict(private=True)
    assert {key: got[key] for key in expected} == expected
    for secret in private(case):
        assert secret not in shown(error)
    if error.name not in (None, "unknown"):
        assert error.hint is not None
        assert error.hint.en
        assert error.hint.fa


def shown(error: payamak.PayamakError) -> str:
    """Everything that an error prints or turns into, unless somebody asks for what may be personal."""
    as_json = json.dumps(error.to_dict(), ensure_ascii=False)
    return "\n".join([str(error), repr(error), as_json, *traceback.format_exception(error)])


def check_echo(error: payamak.PayamakError, case: dict[str, Any]) -> None:
    """What a gateway repeats of a request is in nothing that is printed, and in nothing that is kept."""
    secrets, texts, acts = ECHOES["secrets"], ECHOES["texts"], ECHOES["acts"]
    assert found([*secrets, *texts], shown(error)) == []
    assert found(acts, str(error)) == []
    carries_text = "کد ورود" in json.dumps(case["call"]["arguments"], ensure_ascii=False)
    for kept in (error.gateway_text or "", error.body_excerpt or "", str(vars(error))):
        assert found([*secrets, *acts, *(texts if carries_text else [])], kept) == []


def found(private: list[str], text: str) -> list[str]:
    return [each for each in private if each in text]


def private(case: dict[str, Any]) -> Iterator[str]:
    """What no error may show; what is too short to be recognised does not count."""
    yield "conformance-key"
    yield "conformance-password"
    if secret := case["call"]["arguments"].get("secret"):
        yield secret
    for key, text in strings(case["call"]["arguments"], ""):
        if key in {"to", "recipients", "text", "parameters", "number"} and len(text) >= 4:
            yield text
            digits = re.sub(r"\D", "", text)
            if len(digits) >= 10 and digits.isascii():
                yield digits[-10:]


def strings(value: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, list):
        for item in value:
            yield from strings(item, key)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from strings(item, name)
