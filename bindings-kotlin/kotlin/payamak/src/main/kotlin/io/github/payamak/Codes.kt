package io.github.payamak

import io.github.payamak.bridge.RawCode
import io.github.payamak.bridge.RawDeliveryStatus

/**
 * A gateway's code. The set is open: one that no table has is [Unknown], with its number or name kept.
 */
public sealed class Code : java.io.Serializable {
    /** The number on the wire; null for a code that is only known by name. */
    public abstract val code: Long?

    /** Our English name in lower snake case; `unknown` for a code that no table has. */
    public abstract val name: String

    /** The gateway's own name, spelled as the gateway spells it. */
    public abstract val wireName: String?

    /** The gateway's Persian wording. */
    public abstract val text: String?

    /** A code of the gateway's table. */
    public data class Known internal constructor(
        override val code: Long?,
        override val name: String,
        override val wireName: String?,
        override val text: String?,
    ) : Code()

    /** A code that no table has. Both are null where the gateway left it out, or where it could repeat something personal. */
    public data class Unknown internal constructor(override val code: Long?, override val wireName: String?) : Code() {
        override val name: String get() = NAME
        override val text: String? get() = null
    }

    internal companion object {
        const val NAME = "unknown"

        fun of(raw: RawCode): Code = when (raw.name) {
            NAME -> Unknown(raw.number, raw.wireName)
            else -> Known(raw.number, raw.name, raw.wireName, raw.text)
        }
    }
}

/** Where a message is. */
public enum class DeliveryState {
    /** Waits for its date. */
    SCHEDULED,

    /** Waits at the gateway or at the operator. */
    QUEUED,

    /** Left the gateway; no word from the handset (NikSMS never has more). */
    SENT,

    /** On the handset. */
    DELIVERED,

    /** Sent, and not delivered: see the reason. */
    FAILED,

    /** Never left the gateway: mend the cause and send it again. */
    NOT_SENT,

    /** The gateway has no such message in this account. */
    NOT_FOUND,

    /** The gateway does not know yet, or said something that no table has. */
    UNKNOWN,
    ;

    /** The name that every language and the log share. */
    public val wireName: String get() = name.lowercase()
}

/** Why a message was not delivered. */
public enum class DeliveryReason {
    /** The recipient is on the account's blacklist. */
    BLACKLISTED,

    /** The recipient opted out of this line. */
    OPTED_OUT,

    /** The recipient blocks advertising lines. */
    ADVERTISING_BLOCKED,

    /** The number does not exist, or cannot receive. */
    INVALID_NUMBER,

    /** The text is not allowed. */
    TEXT_FILTERED,

    /** The time it was valid for ran out. */
    EXPIRED,

    /** It was canceled. */
    CANCELED,

    /** The gateway took it for a duplicate. */
    DUPLICATE,

    /** The operator refused it. */
    OPERATOR,

    /** The handset was off, busy or out of reach. */
    UNREACHABLE,

    /** A limit of the account, the line or the hour. */
    LIMIT,

    /** Not enough credit. */
    CREDIT,

    /** The account or its panel. */
    ACCOUNT,

    /** Blocked, for a cause that the gateway does not name. */
    BLOCKED,

    /** None of these. */
    OTHER,
    ;

    /** The name that every language and the log share. */
    public val wireName: String get() = name.lowercase()
}

/**
 * A gateway's delivery code together with what it means, the same for every gateway.
 *
 * @property code The gateway's code.
 * @property state Where the message is.
 * @property reason Why it was not delivered, where it was not.
 * @property isFinal True when asking again will not change the answer.
 */
public data class DeliveryStatus internal constructor(
    val code: Code,
    val state: DeliveryState,
    val reason: DeliveryReason?,
    val isFinal: Boolean,
) : java.io.Serializable {
    internal companion object {
        fun of(raw: RawDeliveryStatus): DeliveryStatus = DeliveryStatus(
            code = Code.of(raw.code),
            state = states[raw.state] ?: DeliveryState.UNKNOWN,
            reason = raw.reason?.let { reasons[it] ?: DeliveryReason.OTHER },
            isFinal = raw.isFinal,
        )
    }
}

private val states = DeliveryState.entries.associateBy(DeliveryState::wireName)
private val reasons = DeliveryReason.entries.associateBy(DeliveryReason::wireName)
