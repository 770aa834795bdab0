package io.github.payamak

import io.github.payamak.testing.Emulator
import io.github.payamak.testing.Fault
import io.github.payamak.testing.Then
import kotlin.time.Duration.Companion.minutes
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancel
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.joinAll
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
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
        val thread = CompletableDeferred<Thread>()
        val job = launch(Dispatchers.Unconfined, CoroutineStart.UNDISPATCHED) {
            send(1)
            thread.complete(Thread.currentThread())
            send(2)
            Messenger(gateway).send("سلام", to = "09121112222")
            gateway.accountInfo()
        }
        job.join()
        assertEquals(3, emulator.messageCount)
        assertTrue(thread.await().isDaemon) { "it would keep the program from ending" }
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

    @Test
    fun aClosedClientSaysSo() {
        val messenger = Messenger(gateway)
        messenger.close()
        gateway.close()
        assertThrows(IllegalStateException::class.java) { runBlocking { send(7) } }
        assertThrows(IllegalStateException::class.java) { runBlocking { messenger.send("سلام", to = "09121112222") } }
        assertEquals(0, emulator.requestCount)
    }
}
