"""The gateways' status codes as a user without a library would write them down."""

from __future__ import annotations

from enum import IntEnum


class PayamResanStatus(IntEnum):
    """``StatusCode``."""

    QUEUED_AT_GATEWAY = 0
    SENT_WITHOUT_STATUS = 1
    QUEUED_AT_OPERATOR = 2
    WAITING_FOR_HANDSET = 3
    DELIVERED = 4
    NOT_DELIVERED = 5
    SEND_ERROR = 6
    RECIPIENT_BLOCKED = 7
    NOT_FOUND = 8
    EXPIRED = 9
    UNKNOWN = 10
    INVALID_RECIPIENT = 11
    BLACKLISTED = 12
    NOT_A_MOBILE = 13
    TEXT_BLOCKED = 14
    OPTED_OUT = 15
    BLOCKED = 16
    DAILY_LIMIT = 17
    API_LIMIT = 18
    NIGHTLY_LIMIT = 19
    SHARED_LINE_LIMIT = 20
    NOT_AUTHENTICATED = 21


class NikSmsStatus(IntEnum):
    """``SmsStatus``, with the names that travel over SOAP."""

    NotFound = 0
    DoNotSend = 1
    InQueue = 2
    Sent = 3
    InsufficientCredit = 4
    Block = 6
    NotDeliverdCanceled = 8
    NotDeliverdSmsAdvertisingBlock = 9
    NotDeliverdBlackList = 10
    NotDeliverdDelay = 11
    NotDeliverdNoViber = 13
    NotDeliverdFiltering = 14
    WaitingForRecheckInOprator = 15
    OpratorFault = 16
    NotDeliveredBlocked = 17
    SendedButStatusNotUpdated = 18
    NotDeliveredDuplicate = 19
    NotDeliveredBlockPanel = 20
    NotDeliveredUnknownNumber = 21
    WaitingForDeliveryBeforeSend = 22
    NotDeliveredUnAccessible = 23
    NotDeliveredNotAnswered = 24
    NotDeliveredLineIsBusy = 25
    NotDeliverTCTFiltering = 26
    NotDeliverForbiddenTime = 27
    NotDeliverdSmsAdvertisingBlockOperator = 28
    Unknown = 29
