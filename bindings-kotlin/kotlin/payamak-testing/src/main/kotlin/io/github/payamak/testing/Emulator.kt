package io.github.payamak.testing

import io.github.payamak.testing.bridge.RawEmulator
import io.github.payamak.testing.bridge.RawEmulatorException
import io.github.payamak.testing.bridge.rawEmulatorCredentials
import java.nio.file.Path
import kotlin.time.Duration
import kotlin.time.DurationUnit

/**
 * Both gateways on loopback, for tests and first runs: no account, no network, no message to anybody.
 *
 * ```kotlin
 * Emulator.start().use { emulator ->
 *     val gateway = PayamResan(apiKey = Emulator.PAYAM_RESAN_KEY, sender = "30004040") { baseUrl = emulator.payamResanUrl }
 *     emulator.addFault(Fault(Then.close, whenFired = When.AFTER)) // registered, but nobody is told
 *     val report = Messenger(gateway).send("سلام", to = "09121112222")
 *     check(emulator.registrations(report.single().traceId) == 1L) // sent once all the same
 * }
 * ```
 */
public class Emulator private constructor(private val emulator: RawEmulator) : AutoCloseable {
    private val addresses = emulator.addresses()

    /** The origin, without a slash at the end. */
    public val url: String get() = addresses.origin

    /** The base address of Payam Resan. */
    public val payamResanUrl: String get() = addresses.payamResan

    /** The base address of Payam Resan's own sandbox. */
    public val payamResanSandboxUrl: String get() = addresses.payamResanSandbox

    /** The address of NikSMS's dialect `soap`. */
    public val nikSmsSoapUrl: String get() = addresses.niksmsSoap

    /** The base address of NikSMS's dialect `public-api`. */
    public val nikSmsPublicApiUrl: String get() = addresses.niksmsPublicApi

    /** The base address of NikSMS's dialect `v2`. */
    public val nikSmsV2Url: String get() = addresses.niksmsV2

    /** The base address of NikSMS's dialect `web-service`. */
    public val nikSmsWebServiceUrl: String get() = addresses.niksmsWebService

    /** Every registered message of both gateways, in the order of registering. */
    public val messages: List<RegisteredMessage>
        get() = emulator.messages().map {
            RegisteredMessage(it.gateway, it.id, it.traceId, it.to, it.sender, it.text, it.template, it.status)
        }

    /** How many messages are registered. */
    public val messageCount: Long get() = emulator.messageCount().toLong()

    /** How many requests came to the gateways. */
    public val requestCount: Long get() = emulator.requestCount().toLong()

    /** The operations that were asked for, in order, named as in the URL or the `SOAPAction`. */
    public val operations: List<String> get() = emulator.operations()

    /** How many faults are not used up. */
    public val pendingFaultCount: Long get() = emulator.pendingFaultCount().toLong()

    /** The names of the cases it replays, sorted. */
    public val replayCases: List<String> get() = emulator.replayCases()

    /** How many messages are registered with this trace id. More than one means that somebody got the message twice. */
    public fun registrations(traceId: Long): Long = emulator.registrations(traceId).toLong()

    /** Adds a fault behind those to come. */
    public fun addFault(fault: Fault): Unit = addFaults(fault.json())

    /** Adds faults in the emulator's own JSON: one, or a list. */
    public fun addFaults(json: String): Unit = asking { emulator.addFaults(json) }

    /** Forgets messages, requests and faults, and gives the credit back. */
    public fun clear(): Unit = emulator.clear()

    /** From now on both gateways refuse every request with a message that contains this word. Words add up. */
    public fun refuseText(word: String): Unit = emulator.refuseText(word)

    /** From now on both gateways refuse every request with a message to this number. Numbers add up. */
    public fun refuseNumber(number: String): Unit = asking { emulator.refuseNumber(number) }

    /** Moves emulated time forward: statuses move, and requests that wait for their moment are carried out. */
    public fun advance(by: Duration): Unit = asking { emulator.advance(by.toDouble(DurationUnit.SECONDS)) }

    /** Fixes the status of a message. False if no message has this id. */
    public fun setStatus(id: Long, code: Int): Boolean = emulator.setStatus(id, code)

    /** Puts a message from a phone into the inbox of the gateway that has the line, and gives its id. */
    public fun receive(from: String, to: String, text: String): Long = asking { emulator.receive(from, to, text) }

    /** Sets the credit of both accounts. */
    public fun setCredit(credit: Long): Unit = emulator.setCredit(credit)

    /** The base address under which a case is replayed. */
    public fun replayUrl(case: String): String = emulator.replayUrl(case)

    /** How a case has gone so far. */
    public fun replayVerdict(case: String): Verdict =
        emulator.replayVerdict(case).let { Verdict(it.complete, it.mismatches) }

    /** Starts a case again. False if it is not there. */
    public fun replayReset(case: String): Boolean = emulator.replayReset(case)

    /** Stops it: when this returns, nothing listens any more. */
    override fun close() {
        emulator.shutdown()
        emulator.close()
    }

    /** Starting, and the demo account. */
    public companion object {
        private val credentials by lazy { rawEmulatorCredentials() }

        /** The demo account's Payam Resan key. */
        @JvmStatic
        public val PAYAM_RESAN_KEY: String get() = credentials.payamResanKey

        /** The demo account's NikSMS user name. */
        @JvmStatic
        public val NIKSMS_USERNAME: String get() = credentials.niksmsUsername

        /** The demo account's NikSMS password. */
        @JvmStatic
        public val NIKSMS_PASSWORD: String get() = credentials.niksmsPassword

        /** The demo account's key for NikSMS's dialect `web-service`. */
        @JvmStatic
        public val NIKSMS_KEY: String get() = credentials.niksmsKey

        /**
         * Starts one on a free port of 127.0.0.1.
         *
         * @param replay A folder of conformance cases to serve, too.
         * @param speed Emulated seconds in a real second. At 0 time moves by [advance] alone.
         * @param pollingRule How much emulated time has to pass between two questions about one message; off unless given.
         * @param pollingRuleForUnknownIds Whether that rule holds for ids that no message has, too.
         * @param lookupLag How much emulated time passes before a lookup finds a registered message; none unless given.
         */
        @JvmStatic
        @JvmOverloads
        @JvmName("start")
        public fun start(
            replay: Path? = null,
            speed: Double = 1.0,
            pollingRule: Duration? = null,
            pollingRuleForUnknownIds: Boolean = false,
            lookupLag: Duration? = null,
        ): Emulator = asking {
            val rule = pollingRule?.toDouble(DurationUnit.SECONDS)
            val lag = lookupLag?.toDouble(DurationUnit.SECONDS)
            Emulator(RawEmulator(replay?.toString(), speed, rule, pollingRuleForUnknownIds, lag))
        }
    }
}

private inline fun <T> asking(ask: () -> T): T = try {
    ask()
} catch (refused: RawEmulatorException.Refused) {
    throw IllegalArgumentException(refused.detail)
}

/** Whether, and when, the gateway carries the request out that a fault hits. */
public class When private constructor(internal val json: String) {
    /** All of them. */
    public companion object {
        /** Nothing is registered, charged or handed out. */
        @JvmField
        public val BEFORE: When = When("\"before\"")

        /** The request is carried out, then the fault happens. */
        @JvmField
        public val AFTER: When = When("\"after\"")

        /** The fault happens at once, and the request is carried out after so much emulated time, whoever has given it up. */
        @JvmStatic
        public fun later(by: Duration): When = When("{\"later_ms\":${by.inWholeMilliseconds}}")
    }
}

/** What happens to a request that a fault hits. */
public class Then private constructor(internal val json: String) {
    /** All of them. */
    public companion object {
        /** No answer, on a connection that stays open. */
        @JvmField
        public val never: Then = Then("\"never\"")

        /** The connection closed without a byte. */
        @JvmField
        public val close: Then = Then("\"close\"")

        /** Half of the real answer. */
        @JvmField
        public val half: Then = Then("\"half\"")

        /** 200 with bytes that are neither JSON nor XML. */
        @JvmField
        public val garbage: Then = Then("\"garbage\"")

        /** 200 with an HTML page. */
        @JvmField
        public val html: Then = Then("\"html\"")

        /** The right answer without the last half of its rows. */
        @JvmField
        public val dropRows: Then = Then("\"drop_rows\"")

        /** The right answer with its rows in reverse order. */
        @JvmField
        public val shuffleRows: Then = Then("\"shuffle_rows\"")

        /** The right answer, a success, without a single row. */
        @JvmField
        public val noRows: Then = Then("\"no_rows\"")

        /** The right answer with every id in it as a double holds it: many of them are another's, or nobody's. */
        @JvmField
        public val roundIds: Then = Then("\"round_ids\"")

        /** The right answer with one row too many, before the others: its id belongs to nobody. */
        @JvmField
        public val extraRow: Then = Then("\"extra_row\"")

        /** The answer of a lookup in which every row says "not found" beside an id that says the opposite. */
        @JvmField
        public val contradictRows: Then = Then("\"contradict_rows\"")

        /** The connection closed; the messages are registered only after one look has not found them. */
        @JvmField
        public val late: Then = Then("\"late\"")

        /** This HTTP status, with an HTML page. */
        @JvmStatic
        public fun status(status: Int): Then = Then("{\"status\":$status}")

        /** This HTTP status, with the JSON of a proxy in front of the gateway. */
        @JvmStatic
        public fun statusJson(status: Int): Then = Then("{\"status_json\":$status}")

        /** The gateway's own refusal with this number. */
        @JvmStatic
        public fun code(code: Int): Then = Then("{\"code\":$code}")

        /** The first half of a batch is registered, and the whole request is refused with this number. */
        @JvmStatic
        public fun halfTaken(code: Int): Then = Then("{\"half_taken\":$code}")

        /** The right answer, so much later. */
        @JvmStatic
        public fun delay(by: Duration): Then = Then("{\"delay_ms\":${by.inWholeMilliseconds}}")
    }
}

/**
 * What goes wrong, for which requests, and how often. Of several faults the first that matches and is not used up fires.
 *
 * @property then What happens.
 * @property operations `send`, `lookup`, `any`, or one operation named as in the URL or the `SOAPAction`.
 * @property skip How many matching requests pass first.
 * @property times How many it hits; null is for ever.
 * @property whenFired Whether, and when, the request is carried out.
 */
public class Fault(
    public val then: Then,
    public val operations: String = "send",
    public val skip: Int = 0,
    public val times: Int? = 1,
    public val whenFired: When = When.BEFORE,
) {
    internal fun json(): String {
        require(operations.all { it.isLetterOrDigit() || it == '/' }) { "an operation's name has letters and slashes only" }
        return """{"operations":"$operations","skip":$skip,"times":$times,"when":${whenFired.json},"then":${then.json}}"""
    }
}

/**
 * A message as a gateway registered it.
 *
 * @property gateway `payam-resan` or `niksms`.
 * @property id The gateway's id.
 * @property traceId The client's own id, if it gave one.
 * @property to The recipient, as `09…`.
 * @property sender The sender line.
 * @property text The text as the phone shows it.
 * @property template The template's key, if it came by one.
 * @property status The gateway's status code now.
 */
public data class RegisteredMessage(
    val gateway: String,
    val id: Long,
    val traceId: Long?,
    val to: String,
    val sender: String,
    val text: String,
    val template: String?,
    val status: Int,
) {
    override fun toString(): String = "RegisteredMessage(gateway=$gateway, id=$id, traceId=$traceId, status=$status)"
}

/**
 * How a replayed case has gone.
 *
 * @property complete Whether every request of the exchange has arrived.
 * @property mismatches What arrived otherwise than the case says, or beyond it.
 */
public data class Verdict(val complete: Boolean, val mismatches: List<String>)
