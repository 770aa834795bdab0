"""The example of every public name, run; ``await`` may stand in an example, as in ``python -m asyncio``."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import doctest
import inspect
import io
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import payamak
import payamak._record
import payamak.testing
from payamak.testing import Emulator


def examples() -> Iterator[doctest.DocTest]:
    parser = doctest.DocTestParser()
    for name, text in docstrings():
        test = parser.get_doctest(text, {}, name, None, 0)
        if test.examples:
            yield test


def docstrings() -> Iterator[tuple[str, str]]:
    yield "payamak", payamak.__doc__ or ""
    for module in (payamak, payamak.testing, payamak._record):
        for name in getattr(module, "__all__", ("length", "mask", "plain", "unfrozen")):
            member = getattr(module, name)
            if inspect.isfunction(member):
                yield name, member.__doc__ or ""
            elif inspect.isclass(member):
                yield name, member.__doc__ or ""
                yield from methods(member)


def methods(cls: type) -> Iterator[tuple[str, str]]:
    for base in cls.__mro__:
        if base.__module__.startswith("payamak"):
            for name, member in vars(base).items():
                if not name.startswith("_") and (callable(member) or isinstance(member, (property, classmethod))):
                    yield f"{cls.__name__}.{name}", member.__doc__ or ""


TESTS = list(examples())


@pytest.fixture
def names(emulator: Emulator) -> dict[str, Any]:
    """What the examples take for granted."""
    url, key = emulator.payam_resan_url, "demo-key"
    niksms = {"username": "demo", "password": "demo-password", "sender": "50001234", "base_url": emulator.niksms_url}
    web_service = {
        "api_key": Emulator.NIKSMS_KEY,
        "sender": "50001234",
        "dialect": "web-service",
        "base_url": emulator.niksms_dialect_url("web-service"),
    }
    gateway = payamak.PayamResan(api_key=key, sender=30004040, base_url=url)
    async_gateway = payamak.AsyncPayamResan(api_key=key, sender=30004040, base_url=url)
    return {
        **{name: getattr(payamak, name) for name in payamak.__all__},
        "asyncio": asyncio,
        "Emulator": Emulator,
        "emulator": emulator,
        "gateway": gateway,
        "messenger": payamak.Messenger([gateway]),
        "niksms": payamak.NikSms(**niksms),
        "niksms_web_service": payamak.NikSms(**web_service),
        "async_gateway": async_gateway,
        "async_messenger": payamak.AsyncMessenger([async_gateway]),
        "async_niksms": payamak.AsyncNikSms(**niksms),
        "async_niksms_web_service": payamak.AsyncNikSms(**web_service),
    }


@pytest.mark.parametrize("test", TESTS, ids=lambda test: test.name)
def test_example(test: doctest.DocTest, names: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    scope = {**vars(payamak._record), **names}
    monkeypatch.setattr(sys, "displayhook", sys.__displayhook__)
    with contextlib.closing(asyncio.new_event_loop()) as loop:
        for example in test.examples:
            got = run(example.source, scope, loop)
            flags = doctest.ELLIPSIS
            assert doctest.OutputChecker().check_output(example.want, got, flags), f"{example.source}gave\n{got}"


def run(source: str, scope: dict[str, Any], loop: asyncio.AbstractEventLoop) -> str:
    code = compile(source, "<example>", "single", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    with contextlib.redirect_stdout(io.StringIO()) as output:
        result = eval(code, scope)
        if inspect.iscoroutine(result):
            loop.run_until_complete(result)
    return output.getvalue()


UNEXAMPLED = {
    # Constants, and classes whose lists and methods are shown elsewhere.
    "__version__",
    "DeliveryReportList",
    "MessageStatusList",
    "SmsDeliveryList",
}


OPERATIONS = {"PayamResan", "AsyncPayamResan", "NikSms", "AsyncNikSms", "Messenger", "AsyncMessenger", "Emulator"}


def test_every_public_name_has_an_example() -> None:
    shown = {test.name for test in TESTS}
    assert {*payamak.__all__, *payamak.testing.__all__} - shown - UNEXAMPLED == set()


def test_every_public_method_has_an_example() -> None:
    shown = {test.name for test in TESTS}
    wanted = {name for name, _ in docstrings() if name.partition(".")[0] in OPERATIONS and "." in name}
    assert wanted - shown == set()
