"""payamak: its gateway clients call for call, and its messenger."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from message import KEY, SENDER, TEXT, TO, require, trace_ids

from payamak import AsyncMessenger, AsyncNikSms, AsyncPayamResan, Messenger, NikSms, PayamResan, Report

NIKSMS: dict[str, Any] = {
    "username": "benchmark",
    "password": KEY,
    "api_key": KEY,
    "sender": SENDER,
    "v2_delivery_path": "delivery",
}


def says(report: Report) -> str:
    """Tell how a message has ended."""
    error = report[0].error
    return report[0].outcome if error is None else f"{report[0].outcome} ({type(error).__name__}: {error})"


def require_statuses(rows: Iterable[Any], ids: list[int]) -> None:
    """Look at every object: its id, and the code of its status."""
    for row, message_id in zip(rows, ids, strict=True):
        if row.message_id != message_id or row.status.code is None:
            raise ValueError("not the status that was asked for")


def require_accepted(report: Report, count: int) -> None:
    """Refuse a campaign of which a message was not accepted."""
    if len(report.accepted) != count:
        raise ValueError(repr(report))


class Gateway:
    """The gateway's own call."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.niksms: dict[str, NikSms] = {}
        self.gateway = PayamResan(api_key=KEY, sender=SENDER, base_url=base)
        self.messenger = Messenger([self.gateway])

    def send(self) -> None:
        sent = self.gateway.send_bulk(TEXT, [(TO, trace_ids())])
        require(sent[0].message_id)

    def campaign(self, numbers: list[str]) -> None:
        require_accepted(self.messenger.send(TEXT, numbers), len(numbers))

    def statuses(self, dialect: Any, ids: list[int]) -> None:
        if dialect == "payam-resan":
            require_statuses(self.gateway.status_by_id(ids), ids)
            return
        niksms = self.niksms.get(dialect)
        if niksms is None:
            niksms = self.niksms[dialect] = NikSms(base_url=self.base, **NIKSMS, dialect=dialect)
        require_statuses(niksms.get_sms_delivery(ids), ids)

    def fault(self, timeout: float) -> str:
        return says(Messenger([self.gateway], deadline=timeout * 2 / 3).send(TEXT, TO))

    def close(self) -> None:
        self.gateway.close()


class SafeSend(Gateway):
    """The messenger: trace id, receipt, retries where they are safe."""

    def send(self) -> None:
        require(self.messenger.send(TEXT, TO)[0].message_id)


class AsyncGateway:
    """The gateway's own call for asyncio."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.niksms: dict[str, AsyncNikSms] = {}
        self.gateway = AsyncPayamResan(api_key=KEY, sender=SENDER, base_url=base)
        self.messenger = AsyncMessenger([self.gateway])

    async def send(self) -> None:
        sent = await self.gateway.send_bulk(TEXT, [(TO, trace_ids())])
        require(sent[0].message_id)

    async def campaign(self, numbers: list[str]) -> None:
        require_accepted(await self.messenger.send(TEXT, numbers), len(numbers))

    async def statuses(self, dialect: Any, ids: list[int]) -> None:
        if dialect == "payam-resan":
            require_statuses(await self.gateway.status_by_id(ids), ids)
            return
        niksms = self.niksms.get(dialect)
        if niksms is None:
            niksms = self.niksms[dialect] = AsyncNikSms(base_url=self.base, **NIKSMS, dialect=dialect)
        require_statuses(await niksms.get_sms_delivery(ids), ids)

    async def fault(self, timeout: float) -> str:
        return says(await AsyncMessenger([self.gateway], deadline=timeout * 2 / 3).send(TEXT, TO))

    async def close(self) -> None:
        await self.gateway.aclose()


class AsyncSafeSend(AsyncGateway):
    """The messenger for asyncio."""

    def __init__(self, base: str) -> None:
        super().__init__(base)
        # One request in flight for each task of the job: the default protects a gateway, not this server.
        self.messenger = AsyncMessenger([self.gateway], concurrency=1000)

    async def send(self) -> None:
        require((await self.messenger.send(TEXT, TO))[0].message_id)
