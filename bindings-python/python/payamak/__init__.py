"""Send SMS through Iran's gateways: every message ends in exactly one known outcome, and none is sent twice.

``PayamResan`` and ``NikSms`` have one method an operation of the gateway, with nothing hidden. A ``Messenger`` takes
any number of messages, sends them through one or more gateways, and gives a receipt for each. Each has an ``Async…``
twin.

With a ``key`` a job that crashed and runs again sends nothing twice. It does not hold two processes apart that send at
the same moment.

>>> gateway = PayamResan(api_key="demo-key", sender=30004040, base_url=emulator.payam_resan_url)
>>> messenger = Messenger([gateway])
>>> for receipt in messenger.send("سفارش شما ارسال شد", ["0912 111 2222"], key="order-981:shipped"):
...     print(receipt.outcome, receipt.to)
accepted 09121112222
"""

from __future__ import annotations

import atexit as _atexit
import sys as _sys

from payamak import _native
from payamak._arguments import Destination, Message, PersonalMessage, TemplateMessage
from payamak._async_clients import AsyncNikSms, AsyncPayamResan
from payamak._clients import NikSms, PayamResan
from payamak._errors import (
    AccessError,
    AuthenticationError,
    CanceledError,
    ConfigurationError,
    ConnectError,
    CreditError,
    DecodeError,
    GatewayError,
    Hint,
    InvalidInputError,
    LimitError,
    PayamakError,
    RateLimitError,
    RequestError,
    TimeoutError,  # noqa: A004
    UnavailableError,
)
from payamak._functions import msisdn, receipts_of, segments, trace_id_from_key
from payamak._messenger import AsyncMessenger, AsyncStream, CancelToken, Messenger, Stream
from payamak._results import (
    AccountInfo,
    Balance,
    Code,
    Delivery,
    DeliveryReport,
    DeliveryReportList,
    DeliveryStatus,
    IncomingMessage,
    LazyList,
    MessageStatus,
    MessageStatusList,
    Msisdn,
    Progress,
    Receipt,
    Received,
    Report,
    Segments,
    SendBatch,
    Sent,
    SmsDelivery,
    SmsDeliveryList,
    StatusList,
    Template,
    TemplateSent,
    TraceDelivery,
)

__version__: str = _native.VERSION

__all__ = [
    "AccessError",
    "AccountInfo",
    "AsyncMessenger",
    "AsyncNikSms",
    "AsyncPayamResan",
    "AsyncStream",
    "AuthenticationError",
    "Balance",
    "CancelToken",
    "CanceledError",
    "Code",
    "ConfigurationError",
    "ConnectError",
    "CreditError",
    "DecodeError",
    "Delivery",
    "DeliveryReport",
    "DeliveryReportList",
    "DeliveryStatus",
    "Destination",
    "GatewayError",
    "Hint",
    "IncomingMessage",
    "InvalidInputError",
    "LazyList",
    "LimitError",
    "Message",
    "MessageStatus",
    "MessageStatusList",
    "Messenger",
    "Msisdn",
    "NikSms",
    "PayamResan",
    "PayamakError",
    "PersonalMessage",
    "Progress",
    "RateLimitError",
    "Receipt",
    "Received",
    "Report",
    "RequestError",
    "Segments",
    "SendBatch",
    "Sent",
    "SmsDelivery",
    "SmsDeliveryList",
    "StatusList",
    "Stream",
    "Template",
    "TemplateMessage",
    "TemplateSent",
    "TimeoutError",
    "TraceDelivery",
    "UnavailableError",
    "__version__",
    "msisdn",
    "receipts_of",
    "segments",
    "trace_id_from_key",
]

# Whoever sets up logging hears it; nobody else does. Where logging is not there yet, the first call does the same.
if "logging" in _sys.modules:
    _native.quiet_logger()

# A thread that asked for an interpreter that is ending would abort the process.
_atexit.register(_native.shut_down)
