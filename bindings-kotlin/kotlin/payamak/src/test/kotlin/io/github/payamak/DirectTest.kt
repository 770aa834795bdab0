package io.github.payamak

import io.github.payamak.testing.Emulator
import io.github.payamak.testing.Fault
import io.github.payamak.testing.Then
import java.nio.file.Path
import java.util.concurrent.CompletableFuture
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import kotlin.time.Duration.Companion.minutes
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancel
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.joinAll
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** The calls that cross as bytes: who stops them, who is told, and on which thread. */
class DirectTest {
    private val emulator = Emulator.start(speed = 0.0)
    private val gateway = PayamResan(apiKey = Emulator.PAYAM_RESAN_KEY, sender = "30004040") {
        baseUrl = emulator.payamResanUrl
        timeout = 10.minutes
    }

    @AfterEach
    fun stop(): Unit = emulator.close()

    private suspend fun send(traceId: Long) =
        gateway.sendBulk("سلام", listOf(Destination("09121112222", traceId))).single().traceId

    @Test
    fun aCancelledCallCutsItsRequestOff() = runBlocking {
        emulator.addFault(Fault(Then.never, operations = "any", times = null))
        val job = launch(Dispatchers.Default) { gateway.statusById(listOf(1)) }
        // The emulator counts a request once it has arrived whole.
        withContext(Dispatchers.Default) { while (emulator.requestCount == 0L) Thread.onSpinWait() }
        job.cancelAndJoin()
        assertTrue(job.isCancelled)
        emulator.clear()
        assertEquals(7, send(7))
    }

    @Test
    fun whoIsCancelledAlreadySendsNothing() = runBlocking {
        val log = SendLog()
        val jobs = listOf(
            launch {
                cancel()
                send(7)
            },
            launch {
                cancel()
                Messenger(gateway).send("سلام", to = "09121112222", log = log)
            },
        )
        jobs.joinAll()
        assertTrue(jobs.all { it.isCancelled })
        assertEquals(0, emulator.requestCount)
        assertEquals(SendOutcome.REJECTED, log.receipts.single().outcome)
    }

    @Test
    fun cancellingWhileAnswersArriveDisturbsNobody() = runBlocking {
        withContext(Dispatchers.Default) {
            val left = List(300) { index -> launch { send(1000L + index) } }
            val stay = List(300) { index -> async { send(2000L + index) } }
            left.forEach { it.cancel() }
            left.joinAll()
            assertEquals(List(300) { 2000L + it }, stay.awaitAll())
        }
        assertTrue(emulator.messages.groupingBy { it.traceId }.eachCount().values.all { it == 1 })
    }

    @Test
    fun aCoroutineThatGoesOnOnTheLibrarysThreadMayCallAgain() = runBlocking {
        val may = CompletableFuture<Unit>()
        val thread = CompletableDeferred<Thread>()
        FixedGateway("\"first\"", may).use { first ->
            val job = launch(Dispatchers.Unconfined, CoroutineStart.UNDISPATCHED) {
                PayamResan(apiKey = "any") { baseUrl = first.url }.use { it.raw("Anything") }
                thread.complete(Thread.currentThread())
                send(2)
                Messenger(gateway).send("سلام", to = "09121112222")
                gateway.accountInfo()
            }
            // It waits by now: one that is answered before that goes on where it is.
            may.complete(Unit)
            job.join()
        }
        assertEquals(2, emulator.messageCount)
        assertTrue(thread.await().isDaemon) { "it would keep the program from ending" }
    }

    private fun nikSms(url: String = emulator.nikSmsPublicApiUrl) =
        NikSms(Emulator.NIKSMS_USERNAME, Emulator.NIKSMS_PASSWORD, sender = "50001234") { baseUrl = url }

    /** A flood of answers keeps a gateway's thread busy, and so does a coroutine that goes on there. */
    @Test
    fun aThreadThatIsKeptBusyHoldsNobodyElseUp() = runBlocking {
        val account = suspend { repeat(20) { gateway.accountInfo() } }
        val credit = suspend { repeat(20) { nikSms().use { it.getCredit() } } }
        val messenger: suspend (Gateway, Gateway) -> Unit = { first, other ->
            val receipt = Messenger(first, other).use { it.send("سلام", to = "09121112222") }.single()
            assertEquals(SendOutcome.ACCEPTED, receipt.outcome)
        }
        keepingBusy({ url -> PayamResan(apiKey = "any") { baseUrl = url }.use { it.raw("Anything") } }) {
            credit()
            messenger(nikSms(), gateway)
        }
        keepingBusy({ url -> nikSms(url).use { it.raw("Anything") } }) {
            account()
            messenger(gateway, nikSms())
        }
        keepingBusy({ url -> Messenger(PayamResan(apiKey = "any") { baseUrl = url }).use { it.balance() } }) {
            account()
            credit()
        }
    }

    /** Keeps the thread busy on which the answer to [ask] arrives while [others] go on. */
    private suspend fun keepingBusy(ask: suspend (url: String) -> Any, others: suspend () -> Unit) = coroutineScope {
        val may = CompletableFuture<Unit>()
        val busy = CompletableDeferred<Thread>()
        val enough = CountDownLatch(1)
        FixedGateway("\"anything\"", may).use { first ->
            val job = launch(Dispatchers.Unconfined, CoroutineStart.UNDISPATCHED) {
                ask(first.url)
                busy.complete(Thread.currentThread())
                enough.await()
            }
            // It waits by now: one that is answered before that goes on where it is.
            may.complete(Unit)
            try {
                assertNotEquals(Thread.currentThread(), busy.await())
                // So that it fails, and does not wait for ever, where one thread does all.
                withTimeout(2.minutes) { others() }
            } finally {
                enough.countDown()
            }
            job.join()
        }
    }

    @Test
    fun aLongCampaignCrossesWhole() = runBlocking {
        val numbers = List(5000) { "0912111%04d".format(it) }
        val report = Messenger(gateway).send("سلام", to = numbers)
        assertEquals(numbers, report.accepted.map { it.to })
        val ids = report.take(99).map { checkNotNull(it.messageId) }
        assertEquals(ids, gateway.statusById(ids).map { it.messageId })
    }

    @Test
    fun statusesKeepTheirRows() = runBlocking {
        val report = Messenger(gateway).send("سلام", to = List(4) { "0912111000$it" })
        val ids = report.map { checkNotNull(it.messageId) }
        ids.zip(listOf(4, 7, 4, 999)) { id, code -> assertTrue(emulator.setStatus(id, code)) }
        val statuses = gateway.statusById(ids).map { it.status }
        assertEquals(listOf(4L, 7L, 4L, 999L), statuses.map { it.code.code })
        assertEquals(statuses[0], statuses[2])
        assertTrue(statuses[3].code is Code.Unknown)
    }

    /** A program of its own, because the others need their heap. */
    @Test
    fun anAnswerLargerThanTheHeapIsHeardByWhoAsked() {
        val text = "x".repeat(32 shl 20)
        FixedGateway("\"$text\"").use { large ->
            FixedGateway("\"small\"").use { small ->
                val said = said("-Xmx24m", LargeAnswer::class.java.name, large.url, small.url)
                assertEquals("heard: OutOfMemoryError\nthen: \"small\"\n", said)
            }
        }
    }

    /** Short of the most bytes that an inbox may have, and each three of them a message. */
    @Test
    fun anInboxWithoutEndIsNoAnswer() {
        val rows = "{},".repeat((8 shl 20) / 3 - 100)
        FixedGateway("[$rows{}]").use { hostile ->
            assertEquals("heard: Decode, UNCLEAR\n", said("-Xmx256m", HostileInbox::class.java.name, hostile.url))
        }
    }

    /** What a program says that ends by itself, unless somebody waits in it for ever. */
    private fun said(heap: String, program: String, vararg arguments: String): String {
        val java = Path.of(System.getProperty("java.home"), "bin", "java").toString()
        val path = System.getProperty("java.class.path")
        val process = ProcessBuilder(java, heap, "-cp", path, program, *arguments).redirectErrorStream(true).start()
        try {
            assertTrue(process.waitFor(2, TimeUnit.MINUTES)) { "it waits for ever" }
            return process.inputStream.bufferedReader().readText()
        } finally {
            process.destroyForcibly()
        }
    }
}
