package io.github.payamak

import io.github.payamak.testing.Emulator
import io.github.payamak.testing.Fault
import io.github.payamak.testing.Then
import io.github.payamak.testing.When
import java.util.Collections
import kotlin.time.Duration.Companion.hours
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.sync.Semaphore
import kotlinx.coroutines.sync.withPermit
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeoutOrNull
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class MessengerTest {
    private val emulator = Emulator.start(speed = 0.0)

    @AfterEach
    fun stop(): Unit = emulator.close()

    private fun gateway(settings: PayamResanSettings.() -> Unit = {}) =
        PayamResan(apiKey = Emulator.PAYAM_RESAN_KEY, sender = "30004040") {
            baseUrl = emulator.payamResanUrl
            settings()
        }

    private fun nikSms() = NikSms(Emulator.NIKSMS_USERNAME, Emulator.NIKSMS_PASSWORD, sender = "50001234") {
        baseUrl = emulator.nikSmsPublicApiUrl
    }

    private fun messenger(vararg gateways: Gateway, settings: MessengerSettings.() -> Unit = {}) = Messenger(*gateways) {
        settle = 1.milliseconds
        settings()
    }

    private fun numbers(count: Int) = List(count) { "0912111%04d".format(it) }

    @Test
    fun oneTextToOneAndToMany() = runBlocking {
        val messenger = messenger(gateway())
        val one = messenger.send("سلام", to = "۰۹۱۲ ۱۱۱ ۲۲۲۲")
        assertEquals(listOf("09121112222"), one.map { it.to })
        assertEquals(SendOutcome.ACCEPTED, one.single().outcome)
        val many = messenger.send("سلام", to = numbers(120) + "0912")
        assertEquals(120, many.accepted.size)
        val refused = many.rejected.single()
        assertEquals("to[120]", refused.error?.field)
        assertTrue(refused.error is PayamakException.InvalidInput)
        assertEquals("Report(accepted=120, rejected=1, unclear=0)", many.toString())
        assertEquals(121, emulator.messageCount)
    }

    @Test
    fun aKeySendsOnce() = runBlocking {
        val messenger = messenger(gateway())
        val first = messenger.send("سلام", to = "09121112222", key = "order-981:paid").single()
        val second = messenger.send("سلام", to = "09121112222", key = "order-981:paid").single()
        assertEquals(traceIdFromKey("order-981:paid", "+98 912 111 2222"), first.traceId)
        assertEquals(first.messageId, second.messageId)
        assertEquals(listOf(false, true), listOf(first.replayed, second.replayed))
        messenger.send("سلام", to = numbers(3), key = "campaign-7")
        val grown = messenger.send("سلام", to = numbers(5), key = "campaign-7")
        assertEquals(traceIdFromKey("campaign-7", "09121110000", KeyKind.LIST_MEMBER), grown.first().traceId)
        assertEquals(List(3) { true } + List(2) { false }, grown.map { it.replayed })
        assertEquals(6, emulator.messageCount)
    }

    @Test
    fun personalTextsAndTemplates() = runBlocking {
        val messenger = messenger(gateway())
        val personal = messenger.sendEach(
            listOf(
                Message("09121112222", "سارا، سفارش شما ارسال شد", key = "order-1"),
                Message("09121113333", "علی، سفارش شما ارسال شد", traceId = 77, sender = "50004041"),
                Message.template("verify", "09121114444", listOf("12345")),
            ),
        )
        assertEquals(3, personal.accepted.size)
        assertEquals(77, personal[1].traceId)
        assertEquals("50004041", emulator.messages.single { it.traceId == 77L }.sender)
        val codes = messenger.sendTemplate("verify", listOf(TemplateMessage("09121115555", listOf("4711"))))
        assertEquals("کد ورود شما: 4711", emulator.messages.single { it.traceId == codes.single().traceId }.text)
    }

    @Test
    fun trackingEndsWhenAllIsFinal() = runBlocking {
        val messenger = messenger(gateway())
        val report = messenger.send("سلام", to = listOf("09121112222", "09121112200", "0912"))
        assertEquals(DeliveryState.QUEUED, messenger.delivery(report).first().status?.state)
        emulator.advance(1.hours)
        val seen = messenger.track(report, firstLook = 1.milliseconds, interval = 1.milliseconds).toList()
        val states = seen.associate { it.index to it.status?.state }
        assertEquals(DeliveryState.DELIVERED, states[0])
        assertEquals(DeliveryState.FAILED, states[1])
        assertEquals(DeliveryReason.BLACKLISTED, seen.single { it.index == 1 }.status?.reason)
        assertTrue(seen.filter { it.status != null }.all { it.isFinal })
        val restored = Receipt.restore("09121112222", "payam-resan", report[0].traceId, report[0].messageId)
        assertEquals(DeliveryState.DELIVERED, messenger.delivery(listOf(restored)).single().status?.state)
        val rejected = messenger.delivery(report)[2]
        assertEquals(report[2].error, rejected.error)
    }

    @Test
    fun aTrackedFlowCanBeLeft() = runBlocking {
        val messenger = messenger(gateway())
        val report = messenger.send("سلام", to = listOf("09121112222", "09121112293"))
        emulator.advance(1.hours)
        val first = messenger.track(report, firstLook = 1.milliseconds, interval = 1.milliseconds).first()
        assertTrue(first.index in 0..1)
        val late = messenger.track(report, firstLook = 1.milliseconds, interval = 1.milliseconds, deadline = 20.milliseconds)
        assertTrue(late.toList().any { it.timedOut })
    }

    @Test
    fun incomingMessagesComeOnceAndFailuresDoNotEndTheFlow() = runBlocking {
        val messenger = messenger(gateway(), nikSms())
        emulator.addFault(Fault(Then.status(503), operations = "GetInbox"))
        emulator.receive("09121112222", "30004040", "لغو")
        emulator.receive("09121113333", "50001234", "۱۱")
        val items = messenger.receive(1.milliseconds).take(3).toList()
        val failure = items.first { it.isFailure }.exceptionOrNull()
        assertTrue(failure is PayamakException.Gateway.Unavailable, "$failure")
        val received = items.mapNotNull { it.getOrNull() }.associate { it.gateway to it.message.text }
        assertEquals(mapOf("payam-resan" to "لغو", "niksms" to "۱۱"), received)
    }

    @Test
    fun balanceNamesEachGateway() = runBlocking {
        val wrong = PayamResan(apiKey = "wrong", sender = "30004040") {
            baseUrl = emulator.payamResanUrl
            name = "second"
        }
        val balances = messenger(gateway(), wrong, nikSms()).balance()
        assertEquals(listOf("30004040", "50004041"), balances[0].getOrThrow().senderLines)
        assertTrue(balances[1].exceptionOrNull() is PayamakException.Gateway.Authentication)
        assertEquals("niksms", balances[2].getOrThrow().gateway)
    }

    @Test
    fun whatIsCertainlyNotSentGoesToTheNextGateway() = runBlocking {
        emulator.addFault(Fault(Then.code(19), operations = "SendBulk"))
        val report = messenger(gateway(), nikSms()).send("سلام", to = numbers(3))
        assertEquals(setOf("niksms"), report.accepted.map { it.gateway }.toSet())
        assertEquals(3, report.accepted.size)
    }

    @Test
    fun progressAddsUpAndAFailingListenerDoesNoHarm() = runBlocking {
        val seen = Collections.synchronizedList(mutableListOf<Progress>())
        val failures = Collections.synchronizedList(mutableListOf<Throwable>())
        val before = Thread.getDefaultUncaughtExceptionHandler()
        Thread.setDefaultUncaughtExceptionHandler { _, failure -> failures += failure }
        try {
            val report = messenger(gateway()).send("سلام", to = numbers(300)) { progress ->
                seen += progress
                error("a listener with a fault")
            }
            assertEquals(300, report.accepted.size)
        } finally {
            Thread.setDefaultUncaughtExceptionHandler(before)
        }
        assertEquals(300, seen.maxOf { it.accepted })
        assertTrue(seen.all { it.planned == 300L && it.inFlight + it.accepted <= 300 })
        assertEquals(seen.size, failures.size)
    }

    @Test
    fun cancellingStopsTheWorkInRustAndSaysWhatWasInFlight() = runBlocking {
        emulator.addFault(Fault(Then.never, skip = 1, times = null, whenFired = When.AFTER))
        val messenger = messenger(gateway()) { concurrency = 1 }
        val log = SendLog()
        val accepted = CompletableDeferred<Unit>()
        val stuck = CompletableDeferred<Unit>()
        val job = launch(Dispatchers.Default) {
            messenger.send("سلام", to = numbers(300), log = log) { progress ->
                if (progress.accepted > 0) {
                    accepted.complete(Unit)
                    if (progress.inFlight > 0) stuck.complete(Unit)
                }
            }
        }
        accepted.await()
        stuck.await()
        job.cancelAndJoin()
        assertTrue(job.isCancelled)
        val receipts = log.receipts
        val counts = receipts.groupingBy { it.outcome }.eachCount()
        assertEquals(300, receipts.size)
        assertEquals(99, counts[SendOutcome.ACCEPTED])
        assertEquals(99, counts[SendOutcome.UNCLEAR])
        assertEquals(102, counts[SendOutcome.REJECTED])
        assertTrue(receipts.mapNotNull { it.error }.all { it is PayamakException.Canceled })
        assertEquals(Outcome.UNCLEAR, receipts.first { it.outcome == SendOutcome.UNCLEAR }.error?.outcome)
        // Stopped means stopped: no message that the log calls rejected is at the gateway.
        val registered = emulator.messages.mapNotNull { it.traceId }.toSet()
        assertTrue(receipts.filter { it.outcome == SendOutcome.REJECTED }.none { it.traceId in registered })
        assertEquals(99, log.progress?.accepted)
        // The client is as good as before.
        emulator.clear()
        assertEquals(3, messenger.send("سلام", to = numbers(3)).accepted.size)
    }

    @Test
    fun aTimeoutOfTheCallersPassesThrough() = runBlocking {
        emulator.addFault(Fault(Then.never, times = null))
        val log = SendLog()
        val report = withTimeoutOrNull(50.milliseconds) {
            messenger(gateway()).send("سلام", to = "09121112222", log = log)
        }
        assertNull(report)
        assertTrue(log.receipts.single().outcome in setOf(SendOutcome.UNCLEAR, SendOutcome.REJECTED))
    }

    @Test
    fun aCancelledGatewayCallCutsItsRequestOff() = runBlocking {
        emulator.addFault(Fault(Then.never, operations = "any", times = null))
        val gateway = gateway { timeout = 10.minutes }
        val job = launch(Dispatchers.Default) { gateway.accountInfo() }
        // The emulator counts a request once it has arrived whole.
        withContext(Dispatchers.Default) { while (emulator.requestCount == 0L) Thread.onSpinWait() }
        job.cancelAndJoin()
        assertTrue(job.isCancelled)
        emulator.clear()
        assertEquals(2, gateway.accountInfo().senderLines.size)
    }

    @Test
    fun aThousandCoroutinesShareOneClient() = runBlocking {
        val gateway = gateway()
        val messenger = messenger(gateway)
        val reports = withContext(Dispatchers.Default) {
            List(1000) { index ->
                async {
                    if (index % 2 == 0) {
                        messenger.send("سلام $index", to = "09121112222").single().traceId
                    } else {
                        gateway.sendBulk("سلام $index", listOf(Destination("09121112222", index.toLong()))).single().traceId
                    }
                }
            }.awaitAll()
        }
        assertEquals(1000, reports.filterNotNull().toSet().size)
        assertTrue(reports.filterNotNull().all { emulator.registrations(it) == 1L })
    }

    @Test
    fun noFaultSendsTwiceOrLosesAMessage() = runBlocking {
        val faults = listOf(
            Then.never, Then.close, Then.half, Then.garbage, Then.html, Then.status(503), Then.statusJson(429), Then.code(100),
            Then.dropRows, Then.noRows, Then.roundIds, Then.extraRow,
        )
        val trials = faults.flatMap { then ->
            listOf(When.BEFORE, When.AFTER).flatMap { whenFired -> List(4) { Fault(then, skip = it, whenFired = whenFired) } }
        }
        assertEquals(Count(messages = 300 * trials.size), tortured(trials.map { fault -> suspend { tortured(fault) } }))
    }

    @Test
    fun whatLandsLaterIsFoundAndNotSentAgain() = runBlocking {
        val trials = listOf(Then.never, Then.close, Then.html, Then.statusJson(404)).flatMap { then ->
            List(2) { position ->
                // The emulator's time is ours here: the request lands long before "I do not have it" is believed.
                val fault = Fault(then, skip = position, whenFired = When.later(300.milliseconds))
                suspend { tortured(fault, speed = 1.0) { settle = 4.seconds } }
            }
        }
        assertEquals(Count(messages = 300 * trials.size), tortured(trials))
    }

    @Test
    fun aRefusalThatTookHalfOfABatchSendsNothingThroughBothGateways() = runBlocking {
        // No credit, and the limits of the day and of the line.
        val trials = listOf(19, 15, 18).flatMap { code ->
            List(4) { position ->
                val fault = Fault(Then.halfTaken(code), operations = "SendBulk", skip = position, times = null)
                suspend { tortured(fault, hasSecond = true) }
            }
        }
        assertEquals(Count(messages = 300 * trials.size), tortured(trials))
    }

    private data class Count(val messages: Int = 0, val twice: Int = 0, val lost: Int = 0) {
        operator fun plus(other: Count) = Count(messages + other.messages, twice + other.twice, lost + other.lost)
    }

    /** Most of it is waiting, so several are tried at once, each with an emulator of its own. */
    private suspend fun tortured(trials: List<suspend () -> Count>): Count {
        val gate = Semaphore(8)
        val counts = withContext(Dispatchers.Default) {
            trials.map { trial -> async { gate.withPermit { trial() } } }.awaitAll()
        }
        return counts.fold(Count(), Count::plus).also { println("torture: $it") }
    }

    /** 300 messages in four requests, some of which meet with a fault. */
    private suspend fun tortured(
        fault: Fault,
        speed: Double = 0.0,
        hasSecond: Boolean = false,
        settings: MessengerSettings.() -> Unit = {},
    ): Count = Emulator.start(speed = speed).use { emulator ->
        emulator.addFault(fault)
        val first = PayamResan(apiKey = Emulator.PAYAM_RESAN_KEY, sender = "30004040") {
            baseUrl = emulator.payamResanUrl
            // Where the answer never comes, this is how long its request waits for it.
            timeout = if (fault.then === Then.never) 2.seconds else 60.seconds
        }
        val second = NikSms(Emulator.NIKSMS_USERNAME, Emulator.NIKSMS_PASSWORD, sender = "50001234") {
            baseUrl = emulator.nikSmsPublicApiUrl
        }
        val messenger = messenger(*listOfNotNull(first, second.takeIf { hasSecond }).toTypedArray()) {
            concurrency = 2
            settings()
        }
        val report = messenger.send("سلام", to = numbers(300))
        if (fault.times != null) assertEquals(0, emulator.pendingFaultCount, "the fault has not happened")
        val registrations = report.map { emulator.registrations(it.traceId) }
        val known = report.zip(registrations).count { (receipt, registered) ->
            when (receipt.outcome) {
                SendOutcome.ACCEPTED -> registered == 1L
                SendOutcome.REJECTED -> registered == 0L
                SendOutcome.UNCLEAR -> false
            }
        }
        Count(messages = report.size, twice = registrations.count { it > 1 }, lost = report.size - known)
    }

    @Test
    fun wrongSettingsAreNamed() {
        val missing = assertThrows(PayamakException.Configuration::class.java) { PayamResan() }
        assertEquals("api_key", missing.field)
        assertNull(missing.operation)
        val negative = assertThrows(PayamakException.Configuration::class.java) { gateway { timeout = (-1).seconds } }
        assertEquals("timeout", negative.field)
        val none = assertThrows(PayamakException.Configuration::class.java) { Messenger() }
        assertEquals("gateways", none.field)
        assertThrows(IllegalArgumentException::class.java) { Messenger(gateway()) { concurrency = -1 } }
    }

    @Test
    fun nothingPrivateIsPrinted() = runBlocking {
        val report = messenger(gateway()).send("متن خصوصی", to = "09121112222")
        val shown = listOf(
            gateway(), nikSms(), Message("09121112222", "متن خصوصی", key = "k"), Destination("09121112222", 7),
            PersonalMessage("09121112222", "متن خصوصی"), TemplateMessage("09121112222", listOf("متن خصوصی")),
            Msisdn.parse("09121112222"), report, report.single(), PayamResanSettings().apply { apiKey = Emulator.PAYAM_RESAN_KEY },
        ).map { it.toString() }
        for (text in shown) {
            for (secret in listOf("9121112222", "متن خصوصی", Emulator.PAYAM_RESAN_KEY, Emulator.NIKSMS_PASSWORD)) {
                assertFalse(secret in text, text)
            }
        }
    }

    @Test
    fun unknownCodesAreKept() = runBlocking {
        emulator.addFault(Fault(Then.code(471)))
        val error = runCatching { gateway().sendBulk("سلام", listOf(Destination("09121112222", 7))) }.exceptionOrNull()
        val code = (error as PayamakException).code
        assertTrue(code is Code.Unknown && code.code == 471L && code.name == "unknown", "$code")
        assertEquals(Outcome.UNCLEAR, error.outcome)
        assertEquals(Retry.CHECK_FIRST, error.retry)
    }

    @Test
    fun rawReachesWhatHasNoMethod() = runBlocking {
        assertTrue(gateway().raw("AccountInfo").contains("30004040"))
        assertTrue(nikSms().raw("GetSenderNumbers").contains("50001234"))
        val refused = runCatching { gateway().raw("AccountInfo", "[]") }.exceptionOrNull()
        assertEquals("fields", (refused as PayamakException.InvalidInput).field)
    }

    @Test
    fun rawStaysBelowTheBaseAddressAndSetsNothingThatTheClientSets() = runBlocking {
        val refused = listOf<Pair<String, suspend () -> Any>>(
            "path" to { gateway().raw("../AccountInfo") },
            "path" to { gateway().raw("") },
            "path" to { nikSms().raw("Get//Credit") },
            "path" to { nikSms().raw("GetCredit?username=other") },
            "fields.ApiKey" to { gateway().raw("AccountInfo", """{"ApiKey":"other"}""") },
            "fields.apikey" to { gateway().raw("AccountInfo", """{"apikey":"other"}""") },
            "fields.username" to { nikSms().raw("GetCredit", mapOf("username" to "other")) },
            "fields.Password" to { nikSms().raw("GetCredit", mapOf("Password" to "other")) },
        )
        for ((field, call) in refused) {
            val error = runCatching { call() }.exceptionOrNull()
            assertEquals(field, (error as PayamakException.InvalidInput).field)
            assertEquals(Outcome.NOT_SENT, error.outcome)
        }
        assertEquals(0, emulator.requestCount)
    }

    @Test
    fun whatXmlCannotCarryIsNoCredential() {
        val wrong = listOf<Pair<String, NikSmsSettings.() -> Unit>>(
            "username" to { username = "us\u0001er" },
            "password" to { password = "pass\u0000word" },
            "sender" to { sender = "5000\u001b1234" },
        )
        for ((setting, set) in wrong) {
            val error = assertThrows(PayamakException.Configuration::class.java) {
                NikSms("user", "password", sender = "50001234") {
                    dialect = Dialect.SOAP
                    baseUrl = emulator.nikSmsSoapUrl
                    set()
                }
            }
            assertEquals(setting, error.field)
        }
    }

    @Test
    fun aShorterTimeLimitIsASecondClient() = runBlocking {
        emulator.addFault(Fault(Then.never, operations = "any"))
        val error = runCatching { gateway { readAttempts = 1 }.withTimeout(20.milliseconds).accountInfo() }.exceptionOrNull()
        assertTrue(error is PayamakException.Timeout, "$error")
    }

    @Test
    fun aSendLogIsForOneSend() {
        val log = SendLog()
        assertNull(log.progress)
        assertTrue(log.receipts.isEmpty())
        runBlocking { messenger(gateway()).send("سلام", to = "09121112222", log = log) }
        assertEquals(1, log.receipts.size)
        assertThrows(IllegalStateException::class.java) {
            runBlocking { messenger(gateway()).send("سلام", to = "09121112222", log = log) }
        }
    }
}
