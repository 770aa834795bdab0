package io.github.payamak

import io.github.payamak.bridge.rawMsisdn
import io.github.payamak.bridge.rawSegments
import io.github.payamak.bridge.rawTraceIdFromKey

/**
 * An Iranian mobile number.
 *
 * @property national `09121112222`
 * @property international `989121112222`
 */
public data class Msisdn private constructor(val national: String, val international: String) {
    /** Masked: enough to recognise it, too little to call it. */
    override fun toString(): String = "Msisdn(${national.take(4)}…${national.takeLast(2)})"

    /** Reading. */
    public companion object {
        /** Reads a number however it was typed; a bad one is a [PayamakException.InvalidInput] that says why. */
        @JvmStatic
        public fun parse(number: String): Msisdn =
            calling { rawMsisdn(number) }.let { Msisdn(it.national, it.international) }
    }
}

/** The two encodings of an SMS. */
public enum class Encoding {
    /** GSM 03.38, seven bits a character: Latin letters, digits and common signs. */
    GSM7,

    /** UTF-16 code units: everything else, so every Persian text. */
    UCS2,
    ;

    /** The name that every language and the log share. */
    public val wireName: String get() = name.lowercase()
}

/** Whose figures count the segments. */
public enum class SegmentProfile {
    /** GSM 03.38. */
    GSM,

    /** The wording of Payam Resan's page. */
    PAYAM_RESAN,
}

/**
 * What a text needs on the air.
 *
 * @property encoding The encoding that the text forces.
 * @property units GSM-7 septets or UTF-16 code units.
 * @property segments How many messages are billed; 0 for an empty text.
 * @property unitsLeft Units left in the last segment.
 * @property forcedUcs2 The characters that are not in GSM-7, each once and in order.
 */
public data class Segments internal constructor(
    val encoding: Encoding,
    val units: Long,
    val segments: Long,
    val unitsLeft: Long,
    val forcedUcs2: List<String>,
) {
    override fun toString(): String =
        "Segments(encoding=${encoding.wireName}, units=$units, segments=$segments, unitsLeft=$unitsLeft)"
}

/** Counts the segments of a text. */
public fun segments(text: String, profile: SegmentProfile = SegmentProfile.GSM): Segments {
    val raw = rawSegments(text, profile == SegmentProfile.PAYAM_RESAN)
    return Segments(
        encoding = Encoding.entries.first { it.wireName == raw.encoding },
        units = raw.units.toLong(),
        segments = raw.segments.toLong(),
        unitsLeft = raw.unitsLeft.toLong(),
        forcedUcs2 = raw.forcedUcs2,
    )
}

/**
 * What a key names. The same key of another kind is another message.
 *
 * @property wireName The name that every language shares.
 */
@JvmInline
public value class KeyKind(public val wireName: String) {
    /** The kinds that there are. */
    public companion object {
        /** One message: [Message.key], or the key of a send to one recipient. */
        public val SINGLE: KeyKind = KeyKind("single")

        /** One message of a list whose send has a key, however short the list is. */
        public val LIST_MEMBER: KeyKind = KeyKind("list_member")
    }
}

/**
 * The trace id of a key: the same kind, key and recipient give the same id in every process and every language, and another
 * recipient gives another. What is wrong with one of them is a [PayamakException.InvalidInput] that names it.
 *
 * @param secret That of the messenger ([MessengerSettings.keySecret]), where it has one.
 */
@JvmName("traceIdFromKey")
public fun traceIdFromKey(key: String, to: String, kind: KeyKind = KeyKind.SINGLE, secret: String? = null): Long =
    calling { rawTraceIdFromKey(key, to, kind.wireName, secret) }
