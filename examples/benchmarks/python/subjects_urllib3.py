"""urllib3: the leanest client with kept connections, and the bare way from a status answer to objects."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import urllib3
from codes import NikSmsStatus, PayamResanStatus
from message import KEY, SENDER, TEXT, TO, require, trace_ids

JSON = {"Content-Type": "application/json; charset=utf-8"}
FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
SOAP = {
    "Content-Type": "text/xml; charset=utf-8",
    "SOAPAction": '"http://tempuri.org/INiksmsWebservice/GetSmsDelivery"',
}
ENVELOPE = (
    '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
    '<GetSmsDelivery xmlns="http://tempuri.org/"><security><Username>{user}</Username><Password>{password}</Password>'
    "</security><nikIds>{ids}</nikIds></GetSmsDelivery></soap:Body></soap:Envelope>"
)
STATUS = "{http://tempuri.org/}SmsStatus"


@dataclass(frozen=True, slots=True)
class MessageStatus:
    """What became of a message at Payam Resan."""

    message_id: int
    trace_id: int | None
    status: PayamResanStatus


@dataclass(frozen=True, slots=True)
class SmsDelivery:
    """What became of a message at NikSMS."""

    message_id: int
    status: NikSmsStatus


def payam_resan(body: bytes, ids: list[int]) -> list[MessageStatus]:
    """Read rows with an id each."""
    answer = json.loads(body)
    if not answer["Success"]:
        raise ValueError(answer["Error"])
    return [
        MessageStatus(row["Id"], row["UserTraceId"], PayamResanStatus(row["StatusCode"])) for row in answer["Result"]
    ]


def soap(body: bytes, ids: list[int]) -> list[SmsDelivery]:
    """Read names, by position."""
    names = [element.text or "" for element in ElementTree.fromstring(body).iter(STATUS)]
    return [SmsDelivery(*pair) for pair in zip(ids, map(NikSmsStatus.__getitem__, names), strict=True)]


def public_api(body: bytes, ids: list[int]) -> list[SmsDelivery]:
    """Read numbers, by position."""
    return [SmsDelivery(*pair) for pair in zip(ids, map(NikSmsStatus, json.loads(body)), strict=True)]


def v2(body: bytes, ids: list[int]) -> list[SmsDelivery]:
    """Read numbers out of an envelope, by position."""
    answer = json.loads(body)
    if answer["Exception"]:
        raise ValueError(answer["Exception"])
    return [SmsDelivery(*pair) for pair in zip(ids, map(NikSmsStatus, answer["Data"]), strict=True)]


def web_service(body: bytes, ids: list[int]) -> list[SmsDelivery]:
    """Read rows with an id each, and put them into the order of the question."""
    answer = json.loads(body)
    if not answer["isSuccess"]:
        raise ValueError(answer["message"])
    found = {int(row["messageId"]): row["status"] for row in answer["data"]["result"]}
    return [SmsDelivery(message_id, NikSmsStatus(found[message_id])) for message_id in ids]


#: The path of a dialect, what its fields are called, and how its answer is read.
FORMS: dict[str, tuple[str, str, str, str, Callable[[bytes, list[int]], list[SmsDelivery]]]] = {
    "public-api": ("/fa/PublicApi/GetSmsDelivery", "username", "password", "nikIds", public_api),
    "v2": ("/api/v2/delivery", "Username", "Password", "Ids", v2),
}


class Urllib3:
    """A pool for as many threads as use it."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.pool = urllib3.PoolManager(maxsize=200)

    def post(self, path: str, headers: dict[str, str], body: str) -> bytes:
        """Post, and read the answer."""
        answer = self.pool.request("POST", self.base + path, headers=headers, body=body.encode())
        if answer.status != 200:
            raise ValueError(f"HTTP status {answer.status}")
        return answer.data

    def send(self) -> None:
        recipients = [{"Destination": int(TO), "UserTraceId": trace_ids()}]
        request = {"ApiKey": KEY, "Text": TEXT, "Sender": int(SENDER), "Recipients": recipients}
        answer = json.loads(self.post("/api/V3/SendBulk", JSON, json.dumps(request)))
        require(answer["Success"] and answer["Result"][0]["Id"])

    def statuses(self, dialect: str, ids: list[int]) -> None:
        rows: Any
        if dialect == "payam-resan":
            rows = payam_resan(self.post("/api/V3/StatusById", JSON, json.dumps({"ApiKey": KEY, "Ids": ids})), ids)
        elif dialect == "soap":
            numbers = "".join(f"<long>{message_id}</long>" for message_id in ids)
            body = ENVELOPE.format(user="benchmark", password=escape(KEY), ids=numbers)
            rows = soap(self.post("/NiksmsWebservice.svc", SOAP, body), ids)
        elif dialect == "web-service":
            request = {"ApiKey": KEY, "MessageIds": [str(message_id) for message_id in ids]}
            rows = web_service(self.post("/api/v1/web-service/sms/status/niksms", JSON, json.dumps(request)), ids)
        else:
            path, user, password, key, read = FORMS[dialect]
            fields = {user: "benchmark", password: KEY, key: ",".join(map(str, ids))}
            rows = read(self.post(path, FORM, urlencode(fields)), ids)
        for row, message_id in zip(rows, ids, strict=True):
            if row.message_id != message_id or row.status is None:
                raise ValueError("not the status that was asked for")
