package io.github.payamak

import io.github.payamak.bridge.Direct
import io.github.payamak.bridge.RawGateway
import io.github.payamak.bridge.RawSettings
import kotlin.time.Duration
import kotlin.time.DurationUnit

/** Keeps the settings of a gateway from being reached from within those of another. */
@DslMarker
@Target(AnnotationTarget.CLASS)
public annotation class PayamakDsl

/**
 * A client of one gateway. Make one and share it; close it when nobody sends any more. A call after that is refused with a
 * [PayamakException.Configuration], and those under way end as they would have. At most 100 calls of one client are under way
 * at once; the others wait in order.
 */
public sealed class Gateway : AutoCloseable {
    init {
        // Its settings for the library's thread have to be there before the first call of any kind.
        Direct
    }

    /** Its client as a reference of its own, for who asks to destroy: this one may be closed meanwhile. */
    internal abstract fun raw(): RawGateway
}

/** The settings that all gateways share. What is not set keeps its default. */
@PayamakDsl
public sealed class GatewaySettings {
    /** The line to send from, unless a call names another. */
    public var sender: String? = null

    /** What the gateway is called in receipts and errors. Two accounts of one gateway in a messenger need two names. */
    public var name: String? = null

    /** Where the gateway is, when it is not at its published address. */
    public var baseUrl: String? = null

    /** How long one request may take, connecting included; 15 seconds unless set. */
    public var timeout: Duration? = null

    /** How long connecting may take; 5 seconds unless set. */
    public var connectTimeout: Duration? = null

    /** The longest answer that is read, in bytes, of every call; unless set 1 MiB, and 8 MiB of an inbox. */
    public var maxResponseBytes: Long? = null

    /** How often a call that neither sends nor takes anything away is tried when the connection fails; 3 unless set. */
    public var readAttempts: Int? = null

    /** A proxy instead of the one that the usual environment variables name. */
    public var proxy: String? = null

    /** One more certificate authority to trust (PEM), beside the roots. */
    public var extraCaPem: String? = null

    /** The same from a file of PEM certificates, read when the client is made. */
    public var caFile: String? = null

    /** Trust the roots that come with this library instead of the system's; what Android does anyway. */
    public var bundledRoots: Boolean? = null

    /** Send the credentials over plain http to a host that is not this machine. Whoever is on the way can read them. */
    public var allowInsecure: Boolean = false

    private var fromEnv: Boolean = false

    /** Takes what was not given from the environment. */
    public fun fromEnv() {
        fromEnv = true
    }

    internal fun raw() = RawSettings(
        name = name,
        baseUrl = baseUrl,
        timeout = timeout?.inSeconds(),
        connectTimeout = connectTimeout?.inSeconds(),
        maxResponseBytes = maxResponseBytes?.let { count("maxResponseBytes", it) },
        readAttempts = readAttempts?.let { count("readAttempts", it.toLong()).toUInt() },
        proxy = proxy,
        extraCaPem = extraCaPem,
        caFile = caFile,
        bundledRoots = bundledRoots,
        allowInsecure = allowInsecure,
        fromEnv = fromEnv,
    )
}

internal fun Duration.inSeconds(): Double = toDouble(DurationUnit.SECONDS)

internal fun count(name: String, number: Long): ULong {
    require(number >= 0) { "$name is $number; it has to be from 0 up" }
    return number.toULong()
}
