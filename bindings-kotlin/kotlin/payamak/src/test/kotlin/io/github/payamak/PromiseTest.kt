package io.github.payamak

import io.github.payamak.testing.Emulator
import io.github.payamak.testing.Fault
import io.github.payamak.testing.Then
import io.github.payamak.testing.When
import java.net.InetAddress
import java.net.ServerSocket
import kotlin.time.Duration
import kotlin.time.Duration.Companion.days
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds
import kotlin.time.measureTimedValue
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** What a send promises, through the public surface: deadlines, keys, which gateways are asked, what is refused by name. */
class PromiseTest {
    private val emulator = Emulator.start(speed = 0.0)

    @AfterEach
    fun stop(): Unit = emulator.close()

    private fun gateway(settings: PayamResanSettings.() -> Unit = {}) =
        PayamResan(apiKey = Emulator.PAYAM_RESAN_KEY, sender = "30004040") {
            baseUrl = emulator.payamResanUrl
            settings()
        }

    private fun nikSms(settings: NikSmsSettings.() -> Unit = {}) =
        NikSms(Emulator.NIKSMS_USERNAME, Emulator.NIKSMS_PASSWORD, sender = "50001234") {
            baseUrl = emulator.nikSmsPublicApiUrl
            settings()
        }

    private fun messenger(vararg gateways: Gateway, settings: MessengerSettings.() -> Unit = {}) = Messenger(*gateways) {
        settle = 1.milliseconds
        settings()
    }

    private fun numbers(count: Int) = List(count) { "0912111%04d".format(it) }

    private inline fun <reified E : PayamakException> refused(call: () -> Unit): E {
        val error = runCatching(call).exceptionOrNull()
        assertTrue(error is E, "$error")
        return error as E
    }

    @Test
    fun aDeadlineAnswersWithAReport() = runBlocking {
        emulator.addFault(Fault(Then.never, times = null))
        // Without a deadline the first answer would be awaited for ten minutes.
        val patient = gateway { timeout = 10.minutes }
        val own = messenger(patient) { concurrency = 1 }
        val general = messenger(patient) { deadline = 300.milliseconds }
        for (send in listOf<suspend () -> Report>(
            { own.send("سلام", to = "09121112222", deadline = 300.milliseconds) },
            { own.sendEach(listOf(Message("09121112222", "سلام")), deadline = 300.milliseconds) },
            { own.sendTemplate("verify", listOf(TemplateMessage("09121112222", listOf("1"))), deadline = 300.milliseconds) },
            { general.send("سلام", to = "09121112222") },
        )) {
            val (report, took) = measureTimedValue { send() }
            assertEquals(SendOutcome.UNCLEAR, report.single().outcome)
            assertTrue(report.single().error is PayamakException.Timeout, "${report.single().error}")
            assertTrue(took >= 300.milliseconds && took < 1.minutes, "$took")
        }
        // One request is under way, the other two have not left.
        val campaign = own.send("سلام", to = numbers(201), deadline = 300.milliseconds)
        assertEquals("Report(accepted=0, rejected=102, unclear=99)", campaign.toString())
        assertTrue(campaign.all { it.error is PayamakException.Timeout })
        assertEquals(5, emulator.requestCount)
    }

    @Test
    fun aDeadlineThatIsNoneIsRefusedByName() = runBlocking {
        val messenger = messenger(gateway())
        for (deadline in listOf(Duration.ZERO, (-1).seconds, Duration.INFINITE, -Duration.INFINITE, 1.days + 1.seconds)) {
            for (send in listOf<suspend () -> Report>(
                { messenger.send("سلام", to = "09121112222", deadline = deadline) },
                { messenger.send("سلام", to = numbers(2), deadline = deadline) },
                { messenger.sendEach(listOf(Message("09121112222", "سلام")), deadline = deadline) },
                { messenger.sendTemplate("verify", listOf(TemplateMessage("09121112222", listOf("1"))), deadline = deadline) },
            )) {
                assertEquals("deadline", refused<PayamakException.InvalidInput> { send() }.field, "$deadline")
            }
            val setting = refused<PayamakException.Configuration> { messenger(gateway()) { this.deadline = deadline } }
            assertEquals("deadline", setting.field, "$deadline")
        }
        assertEquals(0, emulator.requestCount)
        assertEquals(1, messenger.send("سلام", to = "09121112222", deadline = 1.days).accepted.size)
    }

    @Test
    fun aSendThatCannotBeginHasAnEmptyLog() = runBlocking {
        val log = SendLog()
        refused<PayamakException.InvalidInput> {
            messenger(gateway()).send("سلام", to = "09121112222", deadline = (-1).seconds, log = log)
        }
        assertEquals(0, log.progress?.planned)
        assertTrue(log.receipts.isEmpty())
    }

    @Test
    fun oneKeyAtTheSameMomentIsOneMessage() = runBlocking {
        val client = gateway()
        val one = messenger(client)
        for (messengers in listOf(listOf(one, one), listOf(one, messenger(client)))) {
            val before = emulator.messageCount
            val receipts = withContext(Dispatchers.Default) {
                List(20) { async { messengers[it % 2].send("سلام", to = "09121112222", key = "order-$before").single() } }.awaitAll()
            }
            assertEquals(1, emulator.messageCount - before)
            assertTrue(receipts.all { it.outcome == SendOutcome.ACCEPTED })
            assertEquals(1, receipts.map { it.traceId to it.messageId }.toSet().size)
            assertEquals(1, receipts.count { !it.replayed })
        }
    }

    @Test
    fun everySendTakesAKey() = runBlocking {
        val messenger = messenger(gateway())
        val recipient = TemplateMessage("09121112222", listOf("4711"))
        repeat(2) { run ->
            val code = messenger.sendTemplate("verify", listOf(recipient), key = "login-7").single()
            assertEquals(traceIdFromKey("login-7", "09121112222", KeyKind.LIST_MEMBER), code.traceId)
            val each = messenger.sendEach(
                listOf(
                    Message("09121112222", "سلام"),
                    Message("09121112222", "بدرود", key = "own"),
                    Message("09121113333", "سلام", traceId = 77),
                ),
                key = "campaign",
            )
            val ids = listOf(
                traceIdFromKey("campaign", "09121112222", KeyKind.LIST_MEMBER), traceIdFromKey("own", "09121112222"), 77L,
            )
            assertEquals(ids, each.map { it.traceId })
            // A trace id alone is not asked for, so it goes out each time.
            assertEquals(listOf(run > 0, run > 0, false), each.map { it.replayed })
            assertEquals(run > 0, code.replayed)
        }
        assertEquals(5, emulator.messageCount)
    }

    @Test
    fun aKeyNamesOneText() = runBlocking {
        val messenger = messenger(gateway())
        messenger.send("سلام", to = "09121112222", key = "order-981:paid")
        val other = messenger.send("بدرود", to = "09121112222", key = "order-981:paid").single()
        assertEquals(SendOutcome.REJECTED, other.outcome)
        assertTrue(other.error is PayamakException.InvalidInput, "${other.error}")
        assertEquals("key", other.error?.field)
        val each = messenger.sendEach(listOf(Message("09121112222", "بدرود", key = "order-981:paid"))).single()
        assertEquals("messages[0].key", each.error?.field)
        // Another recipient is another message.
        assertFalse(messenger.send("بدرود", to = "09121113333", key = "order-981:paid").single().replayed)
        assertEquals(2, emulator.messageCount)
    }

    @Test
    fun whatAnEarlierRunSentIsReplayed() = runBlocking {
        val first = messenger(gateway()).send("سلام", to = "09121112222", key = "order-981:paid").single()
        // A client of its own knows nothing of the first one, as a later process does not.
        val again = messenger(gateway()).send("سلام", to = "09121112222", key = "order-981:paid").single()
        assertEquals(listOf(false, true), listOf(first.replayed, again.replayed))
        assertEquals(first.copyOf(replayed = true), again)
        assertTrue("replayed=true" in again.toString() && "replayed" !in first.toString(), "$first $again")
        assertEquals(1, emulator.messageCount)
    }

    private fun Receipt.copyOf(replayed: Boolean) = Receipt(to, traceId, gateway, messageId, outcome, error, replayed)

    @Test
    fun aGatewayThatCannotBeAskedStopsAKey() = runBlocking {
        val port = ServerSocket(0, 1, InetAddress.getLoopbackAddress()).use { it.localPort }
        val dead = nikSms { baseUrl = "http://127.0.0.1:$port/" }
        val (report, took) = measureTimedValue { messenger(gateway(), dead).send("سلام", to = "09121112222", key = "order-1") }
        assertEquals(SendOutcome.UNCLEAR, report.single().outcome)
        assertTrue(report.single().error is PayamakException.Connect, "${report.single().error}")
        assertEquals("niksms", report.single().error?.gateway)
        assertTrue(took < 30.seconds, "half of the budget: $took")
        assertEquals(0, emulator.messageCount)
        val first = messenger(gateway(), dead) { ask = AskPolicy.FIRST }.send("سلام", to = "09121112222", key = "order-1")
        assertEquals(SendOutcome.ACCEPTED, first.single().outcome)
        assertEquals(1, emulator.messageCount)
    }

    @Test
    fun aWrongKeyOfTheAccountIsSaidAtOnce() = runBlocking {
        val (report, took) = measureTimedValue {
            messenger(gateway { apiKey = "wrong" }).send("سلام", to = "09121112222", key = "order-1")
        }
        assertTrue(report.single().error is PayamakException.Gateway.Authentication, "${report.single().error}")
        assertTrue(took < 30.seconds, "half of the budget: $took")
        assertEquals(0, emulator.messageCount)
    }

    @Test
    fun aSecretChangesWhatAKeyNames() = runBlocking {
        val secret = "متن محرمانه"
        val settings: MessengerSettings.() -> Unit = { keySecret = secret }
        val client = gateway()
        val keyed = messenger(client, settings = settings).send("سلام", to = "09121112222", key = "order-1").single()
        assertEquals(traceIdFromKey("order-1", "09121112222", secret = secret), keyed.traceId)
        assertNotEquals(traceIdFromKey("order-1", "09121112222"), keyed.traceId)
        assertEquals("key_secret", refused<PayamakException.Configuration> { messenger(client) { keySecret = "" } }.field)
        assertFalse(secret in MessengerSettings().apply(settings).toString() + messenger(client, settings = settings))
    }

    @Test
    fun whatIsWrongInAKeyIsNamed() {
        val wrong = mapOf<String, () -> Long>(
            "key" to { traceIdFromKey("", "09121112222") },
            "to" to { traceIdFromKey("order-1", "0912") },
            "kind" to { traceIdFromKey("order-1", "09121112222", KeyKind("both")) },
            "secret" to { traceIdFromKey("order-1", "09121112222", secret = "") },
        )
        for ((field, call) in wrong) {
            val error = refused<PayamakException.InvalidInput> { call() }
            assertEquals(listOf(field, "trace_id_from_key"), listOf(error.field, error.operation))
        }
    }

    @Test
    fun withoutResendingALostMessageStaysUnclear() = runBlocking {
        emulator.addFault(Fault(Then.close))
        val report = messenger(gateway()) { resend = false }.send("سلام", to = "09121112222")
        assertEquals(SendOutcome.UNCLEAR, report.single().outcome)
        assertEquals(0, emulator.messageCount)
    }

    @Test
    fun aSendHasALineOfItsOwnAndATemplateHasNone() = runBlocking {
        val messenger = messenger(gateway())
        messenger.send("سلام", to = "09121112222", sender = "50004041")
        messenger.sendEach(listOf(Message("09121112222", "سلام"), Message("09121112222", "سلام", sender = "30004040")), sender = "50004041")
        assertEquals(listOf("30004040", "50004041", "50004041"), emulator.messages.map { it.sender }.sorted())
        val recipients = listOf(TemplateMessage("09121112222", listOf("4711")))
        val template = messenger.sendTemplate("verify", recipients, sender = "50004041").single()
        assertEquals("recipients[0].sender", template.error?.field)
        val numbered = refused<PayamakException.InvalidInput> {
            messenger.sendTemplate("verify", listOf(recipients[0], recipients[0].copy(traceId = 7)))
        }
        assertEquals("recipients[1].trace_id", numbered.field)
        assertEquals(3, emulator.messageCount)
    }

    @Test
    fun onceNeedsSomethingToAskBy() = runBlocking {
        val messenger = messenger(gateway())
        assertEquals("once", messenger.send("سلام", to = "09121112222", once = true).single().error?.field)
        val messages = listOf(Message("09121112222", "سلام", traceId = 77))
        val twice = List(2) { messenger.sendEach(messages, once = true).single() }
        assertEquals(listOf(false, true), twice.map { it.replayed })
        assertEquals(1, emulator.messageCount)
    }

    @Test
    fun settingsThatDisarmThePromiseAreRefusedByName() {
        val fields = listOf<() -> Unit>(
            { messenger(gateway()) { budget = 1.seconds; settle = 2.seconds } },
            { gateway { timeout = Duration.ZERO } },
            { gateway { connectTimeout = Duration.ZERO } },
            { gateway { maxResponseBytes = 0 } },
            { gateway { readAttempts = 0 } },
        ).map { refused<PayamakException.Configuration>(it).field }
        assertEquals(listOf("budget", "timeout", "connect_timeout", "max_response_bytes", "read_attempts"), fields)
    }

    @Test
    fun anIntervalOfNothingIsRefused() = runBlocking {
        val messenger = messenger(gateway())
        for (interval in listOf(Duration.ZERO, (-1).seconds, Duration.INFINITE)) {
            val error = refused<PayamakException.InvalidInput> { messenger.track(emptyList(), interval = interval).toList() }
            assertEquals(listOf("interval", "track"), listOf(error.field, error.operation))
        }
    }

    @Test
    fun anUnclearReceiptFromADatabaseIsAskedForEverywhere() = runBlocking {
        val sent = messenger(nikSms()).send("سلام", to = "09121112222", key = "order-1").single()
        val restored = Receipt.restoreUnclear("09121112222", sent.traceId)
        assertNull(restored.gateway)
        val messenger = messenger(gateway(), nikSms())
        val found = messenger.delivery(listOf(restored)).single()
        assertEquals(listOf("niksms", DeliveryState.QUEUED), listOf(found.gateway, found.status?.state))
        emulator.advance(10.minutes)
        val last = messenger.track(listOf(restored), firstLook = 1.milliseconds, interval = 1.milliseconds).toList().last()
        assertTrue(last.isFinal, "$last")
    }

    @Test
    fun theEmulatorRefusesWordsAndNumbers() = runBlocking {
        emulator.refuseText("وام")
        emulator.refuseNumber("+98 912 111 3333")
        assertThrows(IllegalArgumentException::class.java) { emulator.refuseNumber("0912") }
        val messages = listOf(Message("09121112222", "وام فوری"), Message("09121113333", "سلام"), Message("09121114444", "سلام"))
        val report = messenger(gateway()).sendEach(messages)
        assertEquals(listOf(SendOutcome.REJECTED, SendOutcome.REJECTED, SendOutcome.ACCEPTED), report.map { it.outcome })
    }

    @Test
    fun theEmulatorsBooksAreBehindAndItsRuleHoldsForUnknownIds() = runBlocking {
        Emulator.start(speed = 0.0, pollingRule = 3.minutes, pollingRuleForUnknownIds = true, lookupLag = 10.minutes).use { slow ->
            val client = gateway { baseUrl = slow.payamResanUrl }
            client.sendBulk("سلام", listOf(Destination("09121112222", 7)))
            val states = mutableListOf(client.statusByTraceId(listOf(7)).single().status.state)
            refused<PayamakException.Gateway.RateLimit> { client.statusByTraceId(listOf(7)) }
            slow.advance(10.minutes)
            states += client.statusByTraceId(listOf(7)).single().status.state
            assertEquals(listOf(DeliveryState.NOT_FOUND, DeliveryState.DELIVERED), states)
        }
    }
}
