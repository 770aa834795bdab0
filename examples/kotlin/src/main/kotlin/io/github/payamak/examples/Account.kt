package io.github.payamak.examples

import io.github.payamak.Gateway
import io.github.payamak.NikSms
import io.github.payamak.PayamResan
import io.github.payamak.testing.Emulator
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds

/** The account that the environment names, or the emulator's where it names none: nobody needs an account to try. */
class Account private constructor(val gateway: Gateway, private val emulator: Emulator?) : AutoCloseable {
    val isEmulated: Boolean get() = emulator != null

    override fun close() {
        gateway.close()
        emulator?.close()
    }

    companion object {
        fun fromEnvironment(patience: Duration = 15.seconds): Account {
            if (System.getenv("PAYAM_RESAN_API_KEY") != null) {
                return Account(PayamResan.fromEnv { timeout = patience }, null)
            }
            if (System.getenv("NIKSMS_USERNAME") != null) {
                return Account(NikSms.fromEnv { timeout = patience }, null)
            }
            println("No account in the environment: sending to the emulator.")
            // A minute a second, so that delivery can be watched.
            val emulator = Emulator.start(speed = 60.0)
            val gateway = PayamResan(apiKey = Emulator.PAYAM_RESAN_KEY, sender = "30004040") {
                baseUrl = emulator.payamResanUrl
                timeout = patience
            }
            return Account(gateway, emulator)
        }
    }
}
