package io.github.payamak.bridge

import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicLong
import kotlinx.coroutines.CancellableContinuation
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.suspendCancellableCoroutine

/**
 * Those who wait for an answer. Whoever takes one out of the table ends its waiting, so it ends exactly once, in whatever
 * order an answer, a second one, a cancellation and a failure to begin arrive.
 *
 * @param stop Ends a call of which nobody wants to hear any more; one that has ended already is none of its business.
 */
internal class Waiting(private val stop: (call: Long) -> Unit) {
    private val last = AtomicLong()
    private val callers = ConcurrentHashMap<Long, CancellableContinuation<ByteArray>>()

    /** How many wait. */
    val count: Int get() = callers.size

    /** Begins a call, and waits for its answer. */
    suspend fun answer(begin: (call: Long) -> Unit): ByteArray {
        // A request of somebody who is cancelled already could leave before it is stopped.
        currentCoroutineContext().ensureActive()
        return suspendCancellableCoroutine { caller ->
            val call = last.incrementAndGet()
            callers[call] = caller
            try {
                begin(call)
                // After it has begun: what is cancelled by then is stopped here at once.
                caller.invokeOnCancellation { if (callers.remove(call) != null) stop(call) }
            } catch (@Suppress("TooGenericExceptionCaught") failure: Throwable) {
                answered(call) { throw failure }
                stop(call)
            }
        }
    }

    /**
     * Hands an answer to who waits for it. When it cannot be read, of whatever size the failure is, that is what they hear:
     * nobody above this would tell them. Inlined, so that nothing has to be allocated before a failure can be caught.
     */
    inline fun answered(call: Long, read: () -> ByteArray) {
        callers.remove(call)?.resumeWith(runCatching(read))
    }
}
