package io.github.payamak

import io.github.payamak.bridge.RawDeliveryReport
import io.github.payamak.bridge.RawDestination
import io.github.payamak.bridge.RawIncomingMessage
import io.github.payamak.bridge.RawMessage
import io.github.payamak.bridge.RawPersonalMessage
import io.github.payamak.bridge.RawProgress
import io.github.payamak.bridge.RawReceipt
import io.github.payamak.bridge.RawSendOutcome
import io.github.payamak.bridge.RawTemplateMessage
import io.github.payamak.bridge.RawTicket
import java.time.Instant
import java.time.LocalDateTime

// None of these print numbers, texts or parameters: a data class in a log line is how customers' numbers get into logs.

/**
 * A recipient of one text, and what its message is known by.
 *
 * @property to The number, however it was typed: Latin, Persian or Arabic digits, with `0`, `98`, `+98` or `0098`.
 * @property traceId The caller's number for the message: without one, nobody can ask after an unclear failure whether it
 *   was sent.
 */
public data class Destination(val to: String, val traceId: Long? = null) {
    override fun toString(): String = "Destination(traceId=$traceId)"

    internal fun raw() = RawDestination(to, traceId)
}

/**
 * A text of its own for one recipient, for the gateways' own calls. A [Messenger] takes [Message].
 *
 * @property to The number, however it was typed.
 * @property text What it says.
 * @property traceId The caller's number for the message.
 * @property sender The line, where it is not the client's own setting.
 */
public data class PersonalMessage(
    val to: String,
    val text: String,
    val traceId: Long? = null,
    val sender: String? = null,
) {
    override fun toString(): String = "PersonalMessage(traceId=$traceId)"

    internal fun raw() = RawPersonalMessage(to, text, traceId, sender)
}

/**
 * A recipient of a template, with what fills it.
 *
 * @property to The number, however it was typed.
 * @property parameters `parameters[0]` fills `{1}`; at most 10.
 * @property traceId The caller's number for the message, for [PayamResan.sendTokenMulti] alone: a [Messenger] makes its own.
 */
public data class TemplateMessage(val to: String, val parameters: List<String>, val traceId: Long? = null) {
    override fun toString(): String = "TemplateMessage(${parameters.size} parameters, traceId=$traceId)"

    internal fun raw() = RawTemplateMessage(to, parameters, traceId)
}

/**
 * One message for a [Messenger]: to whom, what, and what it is known by.
 *
 * ```kotlin
 * Message("09121112222", "سفارش شما ارسال شد", key = "order-981:shipped")
 * ```
 */
public class Message private constructor(
    /** The number, however it was typed. */
    public val to: String,
    private val content: String,
    private val parameters: List<String>?,
    /**
     * Names the message: one that ran before with the same key is not sent again, and within a program two sends with one
     * key are one message, even at the same moment. Two processes at the same moment can still both send it. Never let an
     * outsider choose a whole key: put a prefix of your own before it.
     */
    public val key: String?,
    /** A trace id of the caller's own. */
    public val traceId: Long?,
    /** Ask for the caller's own trace id before sending, as is always done for a key. */
    public val once: Boolean,
    /** The line, where it is not the gateway's own setting. */
    public val sender: String?,
) {
    /** A text to one recipient. */
    public constructor(
        to: String,
        text: String,
        key: String? = null,
        traceId: Long? = null,
        once: Boolean = false,
        sender: String? = null,
    ) : this(to, text, null, key, traceId, once, sender)

    override fun toString(): String = "Message(keyed=${key != null}, traceId=$traceId, once=$once)"

    internal fun raw() = RawMessage(to, content, parameters, sender, traceId, key, once)

    /** Templates. */
    public companion object {
        /** A template of the account to one recipient; `parameters[0]` fills `{1}`. */
        @JvmStatic
        @JvmOverloads
        public fun template(
            template: String,
            to: String,
            parameters: List<String>,
            key: String? = null,
            traceId: Long? = null,
            once: Boolean = false,
        ): Message = Message(to, template, parameters, key, traceId, once, null)
    }
}

/** How the sending of one message ended. */
public enum class SendOutcome {
    /** The gateway has it, once. */
    ACCEPTED,

    /** Definitely not sent; the error says why. */
    REJECTED,

    /** It may have been sent, and nobody could find out in time; the error says why. */
    UNCLEAR,
    ;

    /** The name that every language and the log share. */
    public val wireName: String get() = name.lowercase()
}

/**
 * What became of one message handed over.
 *
 * @property to To whom, as `09…`; what is no number, as it was given.
 * @property traceId The id it was sent under, whatever the outcome.
 * @property gateway The gateway that has it, or that was tried last; null where none was tried.
 * @property messageId The gateway's id, where it gave one.
 * @property outcome How it ended.
 * @property error Why it was not accepted.
 * @property replayed Not sent by this call: an earlier run, or another call with its key or trace id, had sent it.
 */
public data class Receipt internal constructor(
    val to: String,
    val traceId: Long,
    val gateway: String?,
    val messageId: Long?,
    val outcome: SendOutcome,
    val error: PayamakException?,
    val replayed: Boolean,
) {
    override fun toString(): String =
        "Receipt(traceId=$traceId, gateway=$gateway, messageId=$messageId, outcome=${outcome.wireName}, error=${error?.type}" +
            (if (replayed) ", replayed=true)" else ")")

    internal fun ticket() = RawTicket(
        to,
        traceId,
        gateway,
        messageId,
        when (outcome) {
            SendOutcome.ACCEPTED -> RawSendOutcome.ACCEPTED
            SendOutcome.REJECTED -> RawSendOutcome.REJECTED
            SendOutcome.UNCLEAR -> RawSendOutcome.UNCLEAR
        },
    )

    /** Receipts from a database. */
    public companion object {
        /** An accepted message as a database kept it, to track it or ask for its delivery in a later process. */
        @JvmStatic
        @JvmOverloads
        public fun restore(to: String, gateway: String, traceId: Long, messageId: Long? = null): Receipt =
            Receipt(to, traceId, gateway, messageId, SendOutcome.ACCEPTED, null, replayed = false)

        /** An unclear message as a database kept it, to ask every gateway for it in a later process. */
        @JvmStatic
        public fun restoreUnclear(to: String, traceId: Long): Receipt =
            Receipt(to, traceId, null, null, SendOutcome.UNCLEAR, null, replayed = false)

        internal fun of(raw: RawReceipt) = Receipt(
            to = raw.to,
            traceId = raw.traceId,
            gateway = raw.gateway,
            messageId = raw.messageId,
            outcome = when (raw.outcome) {
                RawSendOutcome.ACCEPTED -> SendOutcome.ACCEPTED
                RawSendOutcome.REJECTED -> SendOutcome.REJECTED
                RawSendOutcome.UNCLEAR -> SendOutcome.UNCLEAR
            },
            error = raw.error?.let(PayamakException::of),
            replayed = raw.replayed,
        )
    }
}

/** The receipts of a send, in input order. */
public class Report internal constructor(private val receipts: List<Receipt>) : List<Receipt> by receipts {
    /** Those of messages that a gateway has. */
    public val accepted: List<Receipt> get() = filter { it.outcome == SendOutcome.ACCEPTED }

    /** Those of messages that are certainly not sent. */
    public val rejected: List<Receipt> get() = filter { it.outcome == SendOutcome.REJECTED }

    /** Those of messages of which nobody knows. */
    public val unclear: List<Receipt> get() = filter { it.outcome == SendOutcome.UNCLEAR }

    override fun equals(other: Any?): Boolean = receipts == other

    override fun hashCode(): Int = receipts.hashCode()

    override fun toString(): String =
        "Report(accepted=${accepted.size}, rejected=${rejected.size}, unclear=${unclear.size})"
}

/**
 * How far a send is. What is neither in flight nor decided still waits.
 *
 * @property planned The messages of the call.
 * @property inFlight Those in a request that is under way, or being asked for.
 * @property accepted Those that a gateway has.
 * @property rejected Those certainly not sent.
 * @property unclear Those of which nobody knows.
 */
public data class Progress internal constructor(
    val planned: Long,
    val inFlight: Long,
    val accepted: Long,
    val rejected: Long,
    val unclear: Long,
) {
    internal companion object {
        fun of(raw: RawProgress) = Progress(
            raw.planned.toLong(),
            raw.inFlight.toLong(),
            raw.accepted.toLong(),
            raw.rejected.toLong(),
            raw.unclear.toLong(),
        )
    }
}

/**
 * What is known about the delivery of one message.
 *
 * @property index The place of its receipt in the list that was asked about.
 * @property to To whom.
 * @property traceId What it was sent under.
 * @property gateway The gateway that has it.
 * @property messageId The gateway's id.
 * @property status The status; null while the gateway has not said anything about it.
 * @property error Why there is no status, or no newer one.
 * @property timedOut Tracking only: the deadline passed, and the message is still on its way.
 */
public data class DeliveryReport internal constructor(
    val index: Int,
    val to: String,
    val traceId: Long,
    val gateway: String?,
    val messageId: Long?,
    val status: DeliveryStatus?,
    val error: PayamakException?,
    val timedOut: Boolean,
) {
    /** True when asking again will not change the answer. */
    public val isFinal: Boolean get() = status?.isFinal == true

    override fun toString(): String =
        "DeliveryReport(index=$index, traceId=$traceId, gateway=$gateway, messageId=$messageId, " +
            "state=${status?.state?.wireName}, error=${error?.type}, timedOut=$timedOut)"

    internal companion object {
        fun of(raw: RawDeliveryReport, receipts: List<Receipt>): DeliveryReport {
            val index = raw.index.toInt()
            val receipt = receipts.getOrNull(index)
            return DeliveryReport(
                index = index,
                to = raw.to,
                traceId = raw.traceId,
                gateway = raw.gateway,
                messageId = raw.messageId,
                status = raw.status?.let(DeliveryStatus::of),
                // A receipt keeps the error that it came with; it does not cross the border a second time.
                error = receipt?.takeIf { it.outcome == SendOutcome.REJECTED }?.error
                    ?: raw.error?.let(PayamakException::of),
                timedOut = raw.timedOut,
            )
        }
    }
}

/**
 * A message that somebody sent to one of the account's lines.
 *
 * @property messageId The gateway's id.
 * @property text What it says.
 * @property from Who sent it, as the gateway writes it.
 * @property to The line it came to, as the gateway writes it.
 * @property time When, as the gateway writes it: neither gateway documents the format or the zone.
 * @property isRelayed NikSMS: whether it was relayed to the account's own address.
 */
public data class IncomingMessage internal constructor(
    val messageId: Long?,
    val text: String,
    val from: String,
    val to: String,
    val time: String?,
    val isRelayed: Boolean?,
) {
    override fun toString(): String = "IncomingMessage(messageId=$messageId, time=$time)"

    internal companion object {
        fun of(raw: RawIncomingMessage) =
            IncomingMessage(raw.messageId, raw.text, raw.from, raw.to, raw.time, raw.isRelayed)
    }
}

/**
 * A message that somebody sent, with the gateway it came through.
 *
 * @property gateway The gateway's name.
 * @property message The message.
 */
public data class Received internal constructor(val gateway: String, val message: IncomingMessage)

/**
 * The account behind a gateway.
 *
 * @property gateway The gateway's name.
 * @property credit The credit, in rials.
 * @property senderLines The account's sender lines.
 */
public data class Balance internal constructor(val gateway: String, val credit: Double, val senderLines: List<String>)

/** A date and time on Tehran's clocks, for messages that go out later and for ranges of an inbox. */
public class TehranTime private constructor(internal val text: String) {
    override fun toString(): String = text

    /** Where times come from. */
    public companion object {
        /** `2026-12-01T08:30`, with or without seconds; one with an offset (`2026-12-01T05:00Z`) is moved to Tehran. */
        @JvmStatic
        public fun parse(text: String): TehranTime = TehranTime(text)

        /** That hour in Tehran. */
        @JvmStatic
        public fun of(wallTime: LocalDateTime): TehranTime = TehranTime(wallTime.withNano(0).toString())

        /** That moment. */
        @JvmStatic
        public fun of(moment: Instant): TehranTime = TehranTime(moment.toString())
    }
}
