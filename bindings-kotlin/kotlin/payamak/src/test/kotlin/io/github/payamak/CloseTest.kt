package io.github.payamak

import io.github.payamak.testing.Emulator
import java.lang.reflect.Modifier
import java.util.Collections
import java.util.IdentityHashMap
import java.util.concurrent.TimeUnit
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** What is left of clients and messengers once they are closed, and what they say then. */
class CloseTest {
    private val account = """{"Credit":1234567,"AvailableSenders":[30004040]}"""

    private fun payamResan(url: String) = PayamResan(apiKey = Emulator.PAYAM_RESAN_KEY, sender = "30004040") { baseUrl = url }

    @Test
    fun whatIsClosedSaysSoInOneLine() = Emulator.start(speed = 0.0).use { emulator ->
        val payamResan = payamResan(emulator.payamResanUrl)
        val nikSms = NikSms(Emulator.NIKSMS_USERNAME, Emulator.NIKSMS_PASSWORD) { baseUrl = emulator.nikSmsPublicApiUrl }
        val messenger = Messenger(payamResan)
        listOf(messenger, payamResan, nikSms, messenger, payamResan, nikSms).forEach { it.close() }
        val uses = mapOf<String, List<suspend () -> Any>>(
            "client" to listOf(
                { payamResan.sendBulk("سلام", listOf(Destination("09121112222", 7))) },
                { payamResan.withTimeout(1.seconds) },
                { nikSms.getCredit() },
                { nikSms.withTimeout(1.seconds) },
                { Messenger(payamResan) },
                { Messenger(payamResan(emulator.payamResanUrl), nikSms) },
            ),
            "messenger" to listOf(
                { messenger.send("سلام", to = "09121112222") },
                { messenger.delivery(emptyList()) },
                { messenger.track(emptyList()).toList() },
                { messenger.receive().toList() },
                { messenger.balance() },
            ),
        )
        for ((what, calls) in uses) {
            for (call in calls) {
                val error = assertThrows(PayamakException.Configuration::class.java) { runBlocking { call() } }
                assertEquals("the $what was closed. Nothing was sent.", error.message)
                assertEquals(listOf(Outcome.NOT_SENT, Retry.NEVER), listOf(error.outcome, error.retry))
            }
        }
        assertEquals(0, emulator.requestCount)
    }

    /** Its connections go with the client of Rust's, which holds the credentials: the gateway sees that. */
    @Test
    fun closingLetsGoOfTheClientInRust() {
        val closings = listOf<(PayamResan, Messenger) -> List<AutoCloseable>>(
            { gateway, messenger -> listOf(messenger, gateway) },
            { gateway, messenger -> listOf(gateway, messenger) },
        )
        for (closing in closings) {
            FixedGateway(account).use { server ->
                val gateway = payamResan(server.url)
                val messenger = Messenger(gateway)
                val derived = gateway.withTimeout(10.seconds)
                runBlocking {
                    gateway.accountInfo()
                    derived.accountInfo()
                    messenger.balance().single().getOrThrow()
                }
                derived.close()
                val (first, last) = closing(gateway, messenger)
                first.close()
                assertFalse(server.left.isDone)
                last.close()
                // Well before a connection that nobody uses would be given up.
                server.left.get(20, TimeUnit.SECONDS)
            }
        }
    }

    @Test
    fun nothingOnThisSideHoldsACredential() {
        val secrets = listOf("api-key", "username", "password", "web-service-key", "key-secret", "proxy-password")
        val payamResan = PayamResan(apiKey = "api-key", sender = "30004040") { proxy = "http://user:proxy-password@127.0.0.1:9" }
        val nikSms = NikSms("username", "password", sender = "50001234") { apiKey = "web-service-key" }
        val messenger = Messenger(payamResan, nikSms) { keySecret = "key-secret" }
        // What has one is seen.
        assertTrue("key-secret" in held(MessengerSettings().apply { keySecret = "key-secret" }))
        val held = held(payamResan, nikSms, messenger)
        for (secret in secrets) assertTrue(held.none { secret in it }, secret)
    }

    /** The texts that objects of this library reach, in whatever field. */
    private fun held(vararg from: Any): Set<String> {
        val texts = mutableSetOf<String>()
        val seen = Collections.newSetFromMap(IdentityHashMap<Any, Boolean>())
        val next = ArrayDeque<Any?>(from.asList())
        while (next.isNotEmpty()) {
            val one = next.removeFirst() ?: continue
            if (!seen.add(one)) continue
            when (one) {
                is CharSequence -> texts += one.toString()
                is ByteArray -> texts += one.decodeToString()
                is CharArray -> texts += one.concatToString()
                is Array<*> -> next.addAll(one)
                is Iterable<*> -> next.addAll(one)
                is Map<*, *> -> next.addAll(one.keys + one.values)
                else -> next.addAll(fields(one))
            }
        }
        return texts
    }

    private fun fields(of: Any): List<Any?> = generateSequence<Class<*>>(of.javaClass) { it.superclass }
        .takeWhile { it.name.startsWith("io.github.payamak.") }
        .flatMap { it.declaredFields.asSequence() }
        .filterNot { Modifier.isStatic(it.modifiers) }
        .onEach { it.isAccessible = true }
        .map { it.get(of) }
        .toList()
}
