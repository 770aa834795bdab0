package io.github.payamak

import io.github.payamak.bridge.Waiting
import java.util.Collections
import java.util.concurrent.atomic.AtomicInteger
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.cancel
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** Whoever waits for an answer hears exactly once, whatever happens. */
class WaitingTest {
    private val stopped = Collections.synchronizedList(mutableListOf<Long>())
    private val waiting = Waiting(stopped::add)

    @AfterEach
    fun nobodyIsLeft() = assertEquals(0, waiting.count)

    @Test
    fun whatCannotBeReadIsHeardByWhoWaits() = runBlocking {
        for (failure in listOf(OutOfMemoryError("the answer"), StackOverflowError(), ArithmeticException("its length"))) {
            val heard = runCatching {
                waiting.answer { call -> waiting.answered(call) { throw failure } }
            }.exceptionOrNull()
            // What is thrown in a coroutine may be a copy that has the original as its cause.
            assertTrue(heard === failure || heard?.cause === failure, "$heard")
        }
        assertEquals(emptyList<Long>(), stopped)
    }

    @Test
    fun aSecondAnswerIsNobodys() = runBlocking {
        val answer = waiting.answer { call ->
            waiting.answered(call) { byteArrayOf(1) }
            waiting.answered(call) { error("nobody reads it") }
            waiting.answered(call + 1) { error("nobody reads it") }
        }
        assertArrayEquals(byteArrayOf(1), answer)
    }

    @Test
    fun anAnswerAfterACancellationIsNobodys() = runBlocking {
        val begun = CompletableDeferred<Long>()
        val job = launch { waiting.answer { begun.complete(it) } }
        val call = begun.await()
        job.cancelAndJoin()
        assertTrue(job.isCancelled)
        assertEquals(listOf(call), stopped)
        waiting.answered(call) { error("nobody reads it") }
    }

    @Test
    fun whoIsCancelledWhileItBeginsIsStopped() = runBlocking {
        val job = launch { waiting.answer { coroutineContext.cancel() } }
        job.join()
        assertTrue(job.isCancelled)
        assertEquals(1, stopped.size)
    }

    @Test
    fun whatCannotBeginIsStoppedAndHeard() = runBlocking {
        val heard = runCatching { waiting.answer { throw OutOfMemoryError("the question") } }.exceptionOrNull()
        assertTrue(heard is OutOfMemoryError, "$heard")
        assertEquals(1, stopped.size)
    }

    @Test
    fun anAnswerCountsAlthoughBeginningFailsBehindIt() = runBlocking {
        val answer = waiting.answer { call ->
            waiting.answered(call) { byteArrayOf(1) }
            error("on the way back")
        }
        assertArrayEquals(byteArrayOf(1), answer)
    }

    @Test
    fun ofAnswersAndACancellationThatRaceOneEndsTheWaiting() = runBlocking {
        val read = AtomicInteger()
        withContext(Dispatchers.Default) {
            repeat(2000) {
                val begun = CompletableDeferred<Long>()
                val caller = launch { waiting.answer { begun.complete(it) } }
                repeat(2) {
                    launch {
                        waiting.answered(begun.await()) {
                            read.incrementAndGet()
                            byteArrayOf(1)
                        }
                    }
                }
                launch {
                    begun.await()
                    caller.cancel()
                }
            }
        }
        assertEquals(2000, read.get() + stopped.size)
    }
}
