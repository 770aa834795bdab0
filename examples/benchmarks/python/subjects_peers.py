"""The gateways' other packages on PyPI, each by its own send call.

All of them keep their gateway's https address in their code. Each is pointed at the benchmark's server by that one
address, and nothing else of them is changed. Only aio-kavenegar has an asyncio client; the others are used from
threads, as an asyncio program would use them with an executor.
"""

from __future__ import annotations

import ast
import logging
from abc import ABC, abstractmethod
from typing import Any

from message import KEY, SENDER, TEXT, TO, require

# urllib3 warns of each connection that a pool has no place for: printing that is not what is measured.
logging.getLogger("urllib3").setLevel(logging.ERROR)


class Peer(ABC):
    """One way to send, and one way to find the message id in what came back."""

    @abstractmethod
    def call(self) -> Any:
        """Send, and give what the package gives."""

    @abstractmethod
    def message_id(self, answer: Any) -> object:
        """Find the id as a user would."""

    def send(self) -> None:
        require(self.message_id(self.call()))

    def fault(self, timeout: float) -> str:
        return f"returned {self.call()!r}"


class Payamresan(Peer):
    """payamresan: a GET with the key and the text in the address. It hands back the answer as a Python literal."""

    def __init__(self, base: str) -> None:
        from payamresan import Payamak

        self.client = Payamak(KEY, int(SENDER))
        self.client.BASE_URL = f"{base}/api/V3/Send"

    def call(self) -> Any:
        return self.client.send_sms(TEXT, TO)

    def message_id(self, answer: Any) -> object:
        return ast.literal_eval(answer)["Result"][0]["Id"]


class Niksms(Peer):
    """niksms: the REST client."""

    def __init__(self, base: str) -> None:
        from niksms import NiksmsRestClient

        self.client = NiksmsRestClient(KEY)
        self.client.base_url = base

    def call(self) -> Any:
        return self.client.send_single(SENDER, TO, TEXT)

    def message_id(self, answer: Any) -> object:
        return answer["data"]["result"]["messageIds"][0]


class Kavenegar(Peer):
    """kavenegar."""

    def __init__(self, base: str) -> None:
        import kavenegar

        # Host and scheme are joined inside of a function, so they are replaced where it calls requests.
        post, theirs = kavenegar.requests.post, "https://api.kavenegar.com"
        kavenegar.requests.post = lambda url, **rest: post(base + url[len(theirs) :], **rest)
        self.client = kavenegar.KavenegarAPI(KEY)

    def call(self) -> Any:
        return self.client.sms_send({"receptor": TO, "sender": SENDER, "message": TEXT})

    def message_id(self, answer: Any) -> object:
        return answer[0]["messageid"]


class SmsirPython(Peer):
    """smsir-python. It hands back the response as requests made it."""

    def __init__(self, base: str) -> None:
        from sms_ir import SmsIr

        self.client = SmsIr(KEY, int(SENDER))
        self.client.ENDPOINT = base

    def call(self) -> Any:
        return self.client.send_sms(TO, TEXT)

    def message_id(self, answer: Any) -> object:
        return answer.json()["data"]["messageIds"][0]


class AioKavenegar:
    """aio-kavenegar, for asyncio."""

    def __init__(self, base: str) -> None:
        from aio_kavenegar import AIOKavenegarAPI

        AIOKavenegarAPI.base_url = base
        self.client = AIOKavenegarAPI(KEY)

    async def call(self) -> Any:
        return await self.client.sms_send({"receptor": TO, "sender": SENDER, "message": TEXT})

    async def send(self) -> None:
        require((await self.call())[0]["messageid"])

    async def fault(self, timeout: float) -> str:
        return f"returned {await self.call()!r}"
