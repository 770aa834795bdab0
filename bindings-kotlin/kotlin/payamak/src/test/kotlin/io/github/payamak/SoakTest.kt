package io.github.payamak

import io.github.payamak.testing.Emulator
import java.nio.file.Files
import java.nio.file.Path
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Tag
import org.junit.jupiter.api.Test

/** `make soak`: does memory outside of the Java heap grow with the number of calls? */
class SoakTest {
    @Test
    @Tag("soak")
    fun nativeMemoryDoesNotGrow() = runBlocking {
        val calls = System.getProperty("payamak.soak").toInt()
        Emulator.start().use { emulator ->
            val gateway = PayamResan(apiKey = Emulator.PAYAM_RESAN_KEY, sender = "30004040") {
                baseUrl = emulator.payamResanUrl
            }
            val messenger = Messenger(gateway)
            suspend fun some(count: Int) = withContext(Dispatchers.Default) {
                repeat(count / BATCH) {
                    List(BATCH) { index ->
                        async {
                            when (index % 4) {
                                0 -> gateway.accountInfo()
                                1 -> gateway.statusByTraceId(listOf(7))
                                2 -> runCatching { gateway.sendBulk("سلام", listOf(Destination("0912", 7))) }
                                else -> messenger.send("سلام", to = "09121112222")
                            }
                        }
                    }.awaitAll()
                    // What the emulator keeps of its messages is not the library's growth; it shares the process.
                    emulator.clear()
                }
            }
            // Until the compiler and the allocator have settled.
            some(calls / 2)
            val before = residentKiB()
            some(calls)
            val after = residentKiB()
            println("soak: $calls calls, resident $before -> $after KiB, native memory grown by ${after - before} KiB")
            assertTrue(after - before < LIMIT_KIB) { "native memory grew by ${after - before} KiB over $calls calls" }
        }
    }

    /**
     * The resident set. `make soak` has the JVM touch all of a heap of fixed size at the start, so that what grows after
     * that is outside of it.
     */
    private fun residentKiB(): Long {
        System.gc()
        return Files.readAllLines(Path.of("/proc/self/status")).first { it.startsWith("VmRSS:") }.filter(Char::isDigit).toLong()
    }

    private companion object {
        const val BATCH = 200
        const val LIMIT_KIB = 16L * 1024
    }
}
