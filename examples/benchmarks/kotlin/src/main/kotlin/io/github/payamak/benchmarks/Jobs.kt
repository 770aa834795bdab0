package io.github.payamak.benchmarks

import com.fasterxml.jackson.databind.JsonNode
import com.sun.management.OperatingSystemMXBean
import java.io.File
import java.lang.management.ManagementFactory
import java.util.concurrent.CompletableFuture
import java.util.concurrent.TimeUnit
import java.util.concurrent.TimeoutException
import java.util.concurrent.atomic.AtomicInteger
import kotlin.concurrent.thread
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.isActive
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking

/** What is measured, the same for every subject; null for what a subject has not. */
class Jobs(private val subject: Subject) {
    private val warmed = HashSet<String>()

    fun run(job: JsonNode): Map<String, Any?>? {
        val calls = job.path("calls").asInt()
        return when (val name = job.path("job").asText()) {
            "send" -> {
                warm(name) { sends(WARM_CALLS) }
                timed { sends(calls) }
            }

            "in_flight" -> {
                val width = job.path("width").asInt()
                subject.expect(width)
                warm(name) { sendsAmongMany(2 * WARM_CALLS, width) }
                var stall: Double? = null
                timed { stall = sendsAmongMany(calls, width) } + ("stall" to stall)
            }

            "campaign" -> subject.campaign?.let { send ->
                val to = List(job.path("messages").asInt()) { "0912%07d".format(1_000_000 + it) }
                timed { runBlocking { send(to) } } + ("peak" to peak())
            }

            "statuses" -> {
                val dialect = job.path("dialect").asText()
                val ids = idsOf(job.path("each").asInt())
                subject.statuses(dialect)?.let { ask ->
                    warm("$name $dialect") { asks(WARM_CALLS, ids, ask) }
                    timed { asks(calls, ids, ask) }
                }
            }

            "fault" -> fault(job.path("timeout").asDouble())
            else -> null
        }
    }

    /** The compilers of the JVM take some thousand calls until they are done. */
    private fun warm(what: String, work: () -> Unit) {
        if (warmed.add(what)) work()
    }

    /** CPU time of the whole process, and the time on the wall; in seconds. */
    private fun timed(work: () -> Unit): Map<String, Any?> {
        val cpu = Cpu.seconds()
        val wall = System.nanoTime()
        work()
        return mapOf("cpu" to Cpu.seconds() - cpu, "wall" to (System.nanoTime() - wall) / 1e9)
    }

    private fun sends(calls: Int) = runBlocking { repeat(calls) { subject.send() } }

    private fun sendsAmongMany(calls: Int, width: Int): Double? {
        val left = AtomicInteger(calls)
        val lane = suspend { while (left.getAndDecrement() > 0) subject.sendAmongMany() }
        if (subject.holdsThread) {
            List(width) { thread { runBlocking { lane() } } }.forEach(Thread::join)
            return null
        }
        return lanes(width, lane)
    }

    /** All coroutines on one thread, as in an app's `Main`; how late, at most, one was that wakes every millisecond. */
    private fun lanes(width: Int, lane: suspend () -> Unit): Double = runBlocking {
        var latest = 0L
        val probe = launch {
            while (isActive) {
                val asleep = System.nanoTime()
                delay(1)
                latest = maxOf(latest, System.nanoTime() - asleep - 1_000_000)
            }
        }
        coroutineScope { repeat(width) { launch { lane() } } }
        probe.cancel()
        latest / 1e9
    }

    private fun asks(calls: Int, ids: List<Long>, ask: suspend (List<Long>) -> List<Long?>) = runBlocking {
        repeat(calls) { check(ask(ids) == ids) { "not the statuses that were asked for" } }
    }

    private fun fault(timeout: Double): Map<String, Any?> {
        val says = CompletableFuture<String>()
        val begun = System.nanoTime()
        thread(isDaemon = true) {
            try {
                says.complete(runBlocking { subject.fault() })
            } catch (@Suppress("TooGenericExceptionCaught") failure: Exception) {
                says.complete("${failure::class.qualifiedName}: ${failure.message}")
            }
        }
        val said = try {
            says.get((timeout * 1000).toLong(), TimeUnit.MILLISECONDS)
        } catch (_: TimeoutException) {
            null
        }
        val seconds = (System.nanoTime() - begun) / 1e9
        return mapOf("ended" to (said != null), "seconds" to seconds, "says" to (said ?: "still waiting"))
    }

    private fun peak(): Long {
        val line = File("/proc/self/status").readLines().first { it.startsWith("VmHWM:") }
        return line.filter(Char::isDigit).toLong() * 1024
    }

    private companion object {
        const val WARM_CALLS = 5000
    }
}

/** How long it takes from the start of the JVM until the subject is made, and until its first send is done; in seconds. */
fun firstCall(name: String, make: () -> Subject): String {
    val start = ManagementFactory.getRuntimeMXBean().startTime
    val since = { (System.currentTimeMillis() - start) / 1e3 }
    val began = since()
    val subject = make()
    val made = since()
    runBlocking { subject.send() }
    val sent = since()
    val cpu = (ManagementFactory.getOperatingSystemMXBean() as OperatingSystemMXBean).processCpuTime / 1e9
    return """{"subject":"$name","main":$began,"made":$made,"sent":$sent,"cpu":$cpu}"""
}
