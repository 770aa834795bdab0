"""HTTP clients, posting what payamak posts and reading the id out of the answer."""

from __future__ import annotations

from typing import Any

from message import KEY, SENDER, TEXT, TO, require, trace_ids

#: How many connections a client may keep that is told so: as many as the widest job uses.
CONNECTIONS = 200


def body() -> dict[str, Any]:
    """Make the request's JSON."""
    recipients = [{"Destination": int(TO), "UserTraceId": trace_ids()}]
    return {"ApiKey": KEY, "Text": TEXT, "Sender": int(SENDER), "Recipients": recipients}


def check(answer: Any) -> None:
    """Look for the message id."""
    require(answer["Success"] and answer["Result"][0]["Id"])


class Requests:
    """A session with a pool for as many threads as use it."""

    def __init__(self, base: str) -> None:
        from requests import Session
        from requests.adapters import HTTPAdapter

        self.url = f"{base}/api/V3/SendBulk"
        self.session = Session()
        self.session.mount("http://", HTTPAdapter(pool_maxsize=CONNECTIONS))

    def send(self) -> None:
        answer = self.session.post(self.url, json=body())
        answer.raise_for_status()
        check(answer.json())


class Httpx:
    """A client with a pool for as many threads as use it."""

    def __init__(self, base: str) -> None:
        import httpx

        self.url = f"{base}/api/V3/SendBulk"
        limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
        self.client = httpx.Client(limits=limits)

    def send(self) -> None:
        answer = self.client.post(self.url, json=body())
        answer.raise_for_status()
        check(answer.json())

    def close(self) -> None:
        self.client.close()


class AsyncHttpx:
    """The same for asyncio."""

    def __init__(self, base: str) -> None:
        import httpx

        self.url = f"{base}/api/V3/SendBulk"
        limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
        self.client = httpx.AsyncClient(limits=limits)

    async def send(self) -> None:
        answer = await self.client.post(self.url, json=body())
        answer.raise_for_status()
        check(answer.json())

    async def close(self) -> None:
        await self.client.aclose()


class Aiohttp:
    """A session with a connection for each task."""

    def __init__(self, base: str) -> None:
        import aiohttp

        self.url = f"{base}/api/V3/SendBulk"
        self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS))

    async def send(self) -> None:
        async with self.session.post(self.url, json=body()) as answer:
            answer.raise_for_status()
            check(await answer.json())

    async def close(self) -> None:
        await self.session.close()
