package io.github.payamak.benchmarks

// The gateways' status codes as a user without a library writes them down.

/** `StatusCode`. */
enum class PayamResanStatus(val code: Int) {
    QUEUED_AT_GATEWAY(0),
    SENT_WITHOUT_STATUS(1),
    QUEUED_AT_OPERATOR(2),
    WAITING_FOR_HANDSET(3),
    DELIVERED(4),
    NOT_DELIVERED(5),
    SEND_ERROR(6),
    RECIPIENT_BLOCKED(7),
    NOT_FOUND(8),
    EXPIRED(9),
    UNKNOWN(10),
    INVALID_RECIPIENT(11),
    BLACKLISTED(12),
    NOT_A_MOBILE(13),
    TEXT_BLOCKED(14),
    OPTED_OUT(15),
    BLOCKED(16),
    DAILY_LIMIT(17),
    API_LIMIT(18),
    NIGHTLY_LIMIT(19),
    SHARED_LINE_LIMIT(20),
    NOT_AUTHENTICATED(21),
    ;

    companion object {
        private val byCode = entries.associateBy(PayamResanStatus::code)

        fun of(code: Int): PayamResanStatus = byCode.getValue(code)
    }
}

/** `SmsStatus`, with the names that travel over SOAP. */
enum class NikSmsStatus(val code: Int, val wireName: String) {
    NOT_FOUND(0, "NotFound"),
    DO_NOT_SEND(1, "DoNotSend"),
    IN_QUEUE(2, "InQueue"),
    SENT(3, "Sent"),
    INSUFFICIENT_CREDIT(4, "InsufficientCredit"),
    BLOCK(6, "Block"),
    NOT_DELIVERD_CANCELED(8, "NotDeliverdCanceled"),
    NOT_DELIVERD_SMS_ADVERTISING_BLOCK(9, "NotDeliverdSmsAdvertisingBlock"),
    NOT_DELIVERD_BLACK_LIST(10, "NotDeliverdBlackList"),
    NOT_DELIVERD_DELAY(11, "NotDeliverdDelay"),
    NOT_DELIVERD_NO_VIBER(13, "NotDeliverdNoViber"),
    NOT_DELIVERD_FILTERING(14, "NotDeliverdFiltering"),
    WAITING_FOR_RECHECK_IN_OPRATOR(15, "WaitingForRecheckInOprator"),
    OPRATOR_FAULT(16, "OpratorFault"),
    NOT_DELIVERED_BLOCKED(17, "NotDeliveredBlocked"),
    SENDED_BUT_STATUS_NOT_UPDATED(18, "SendedButStatusNotUpdated"),
    NOT_DELIVERED_DUPLICATE(19, "NotDeliveredDuplicate"),
    NOT_DELIVERED_BLOCK_PANEL(20, "NotDeliveredBlockPanel"),
    NOT_DELIVERED_UNKNOWN_NUMBER(21, "NotDeliveredUnknownNumber"),
    WAITING_FOR_DELIVERY_BEFORE_SEND(22, "WaitingForDeliveryBeforeSend"),
    NOT_DELIVERED_UN_ACCESSIBLE(23, "NotDeliveredUnAccessible"),
    NOT_DELIVERED_NOT_ANSWERED(24, "NotDeliveredNotAnswered"),
    NOT_DELIVERED_LINE_IS_BUSY(25, "NotDeliveredLineIsBusy"),
    NOT_DELIVER_TCTFILTERING(26, "NotDeliverTCTFiltering"),
    NOT_DELIVER_FORBIDDEN_TIME(27, "NotDeliverForbiddenTime"),
    NOT_DELIVERD_SMS_ADVERTISING_BLOCK_OPERATOR(28, "NotDeliverdSmsAdvertisingBlockOperator"),
    UNKNOWN(29, "Unknown"),
    ;

    companion object {
        private val byCode = entries.associateBy(NikSmsStatus::code)
        private val byName = entries.associateBy(NikSmsStatus::wireName)

        fun of(code: Int): NikSmsStatus = byCode.getValue(code)

        fun of(name: String): NikSmsStatus = byName.getValue(name)
    }
}
