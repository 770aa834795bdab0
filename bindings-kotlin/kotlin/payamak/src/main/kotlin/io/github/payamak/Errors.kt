package io.github.payamak

import io.github.payamak.bridge.RawException
import io.github.payamak.bridge.RawFailure
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CancellationException

/** Whether a message may have been sent although the call failed. */
public enum class Outcome(
    /** The name that every language and the log share. */
    public val wireName: String,
) {
    /** Certainly not sent, and nothing was taken away from an inbox. */
    NOT_SENT("not_sent"),

    /** It may have been sent. Ask by trace id before sending it again. */
    UNCLEAR("unclear"),
}

/** What may be done after an error. */
public enum class Retry(
    /** The name that every language and the log share. */
    public val wireName: String,
) {
    /** The same request will fail again: mend the cause first. */
    NEVER("never"),

    /** It will pass: wait and try again, longer each time. */
    BACKOFF("backoff"),

    /** When the limit has been reset. */
    AFTER_RESET("after_reset"),

    /** First ask, by trace id, whether it was sent. */
    CHECK_FIRST("check_first"),
}

/**
 * One sentence that says what to do.
 *
 * @property en In English.
 * @property fa In Persian.
 */
public data class Hint(val en: String, val fa: String) : java.io.Serializable

/**
 * Why a call failed. [message] is one line for people that holds no key, no password, no number, no text, and no word of the
 * gateway's; neither does anything else that prints an exception.
 *
 * ```kotlin
 * try {
 *     gateway.sendBulk("سلام", listOf(Destination("09121112222", traceId = 981)))
 * } catch (error: PayamakException.Gateway.Credit) {
 *     println(error.hint?.fa)
 * } catch (error: PayamakException) {
 *     if (error.outcome == Outcome.UNCLEAR) { /* it may have gone through: ask by trace id */ }
 * }
 * ```
 */
public sealed class PayamakException(failure: RawFailure) : Exception(failure.summary) {
    /** The name that every language has for this kind of error: `RateLimitError`. */
    public val type: String = failure.kind

    /** The gateway it came from, by the name its client has. */
    public val gateway: String? = failure.gateway

    /** The operation, in snake case: `send_bulk`; null for an error in the settings. */
    public val operation: String? = failure.operation

    /** What happened, in one English clause without the gateway's own text. */
    public val detail: String = failure.detail

    /** The gateway's code. */
    public val code: Code? = failure.code?.let(Code::of)

    /**
     * What the gateway said, cleaned: what repeats the request, credentials, numbers and characters that act in a log are
     * blacked out. It may still be personal: never log it unasked.
     */
    public val gatewayText: String? = failure.gatewayText

    /** The argument that cannot be sent (`recipients[3]`), or the setting that is missing or wrong. */
    public val field: String? = failure.`field`

    /** The value of that argument as it was given. It may be personal: never log it unasked. */
    public val value: String? = failure.`value`

    /** What to do about it. */
    public val hint: Hint? = failure.hintEn?.let { Hint(it, failure.hintFa.orEmpty()) }

    /** Whether a message may have been sent. */
    public val outcome: Outcome = Outcome.entries.first { it.wireName == failure.outcome }

    /** What may be done now. */
    public val retry: Retry = Retry.entries.first { it.wireName == failure.retry }

    /** How long the gateway asks to wait. */
    public val retryAfter: Duration? = failure.retryAfter?.seconds

    /** The HTTP status, where one arrived. */
    public val httpStatus: Int? = failure.httpStatus?.toInt()

    /** The beginning of an answer that could not be read. It may be personal: never log it unasked. */
    public val bodyExcerpt: String? = failure.bodyExcerpt

    /** A setting is missing or wrong, or the gateway (or dialect) cannot do what was asked. */
    public class Configuration internal constructor(failure: RawFailure) : PayamakException(failure)

    /** A value that cannot be sent; [field] names it. */
    public class InvalidInput internal constructor(failure: RawFailure) : PayamakException(failure)

    /** No connection, or it broke. */
    public class Connect internal constructor(failure: RawFailure) : PayamakException(failure)

    /** No answer in time. */
    public class Timeout internal constructor(failure: RawFailure) : PayamakException(failure)

    /** An answer that cannot be read. */
    public class Decode internal constructor(failure: RawFailure) : PayamakException(failure)

    /** The send was stopped. Its receipts say so; a coroutine that is cancelled sees its own `CancellationException`. */
    public class Canceled internal constructor(failure: RawFailure) : PayamakException(failure)

    /** The gateway refused, or is not well. */
    public sealed class Gateway(failure: RawFailure) : PayamakException(failure) {
        /** The gateway does not accept the credentials. */
        public class Authentication internal constructor(failure: RawFailure) : Gateway(failure)

        /** The account may not do this. */
        public class Access internal constructor(failure: RawFailure) : Gateway(failure)

        /** Too many requests: slow down. */
        public class RateLimit internal constructor(failure: RawFailure) : Gateway(failure)

        /** A limit of the account, the line or the hour is reached. */
        public class Limit internal constructor(failure: RawFailure) : Gateway(failure)

        /** Not enough credit. */
        public class Credit internal constructor(failure: RawFailure) : Gateway(failure)

        /** The gateway refuses this request as it is. */
        public class Request internal constructor(failure: RawFailure) : Gateway(failure)

        /** The gateway is not well, or does not know itself what happened. */
        public class Unavailable internal constructor(failure: RawFailure) : Gateway(failure)
    }

    internal companion object {
        fun of(failure: RawFailure): PayamakException = when (failure.kind) {
            "ConfigurationError" -> Configuration(failure)
            "InvalidInputError" -> InvalidInput(failure)
            "ConnectError" -> Connect(failure)
            "TimeoutError" -> Timeout(failure)
            "DecodeError" -> Decode(failure)
            "CanceledError" -> Canceled(failure)
            "AuthenticationError" -> Gateway.Authentication(failure)
            "AccessError" -> Gateway.Access(failure)
            "RateLimitError" -> Gateway.RateLimit(failure)
            "LimitError" -> Gateway.Limit(failure)
            "CreditError" -> Gateway.Credit(failure)
            "RequestError" -> Gateway.Request(failure)
            else -> Gateway.Unavailable(failure)
        }

        /** What a call to a closed [what] is told, before anything is asked. */
        fun closed(what: String): PayamakException = of(
            RawFailure(
                kind = "ConfigurationError",
                gateway = null,
                operation = null,
                summary = "the $what was closed. Nothing was sent.",
                detail = "the $what was closed",
                code = null,
                gatewayText = null,
                `field` = null,
                `value` = null,
                hintEn = null,
                hintFa = null,
                outcome = Outcome.NOT_SENT.wireName,
                retry = Retry.NEVER.wireName,
                retryAfter = null,
                httpStatus = null,
                bodyExcerpt = null,
            ),
        )
    }
}

/** Calls the library. Its own exception is not kept as a cause: printing that one prints numbers and texts. */
internal inline fun <T> calling(call: () -> T): T = try {
    call()
} catch (error: RawException.Failed) {
    throw PayamakException.of(error.failure)
} catch (_: RawException.Canceled) {
    throw CancellationException("the call was stopped")
}

/** The same on what may be closed by now. The bridge says that in words of its own, which name no class that users know. */
internal inline fun <T> calling(what: String, isClosed: () -> Boolean, call: () -> T): T = try {
    calling(call)
} catch (failure: IllegalStateException) {
    throw if (failure !is CancellationException && isClosed()) PayamakException.closed(what) else failure
}
