package io.github.payamak

import kotlin.time.Duration.Companion.minutes
import kotlinx.coroutines.runBlocking

/** A program with a heap of its own that asks for the inbox of the gateway at `arguments[0]`. */
internal object HostileInbox {
    @JvmStatic
    fun main(arguments: Array<String>): Unit = runBlocking {
        val gateway = PayamResan(apiKey = "demo-key", sender = "30004040") {
            baseUrl = arguments[0]
            timeout = 10.minutes
        }
        val outcome = runCatching { gateway.getInbox().size }
        val error = outcome.exceptionOrNull()
        val said = if (error is PayamakException) "${error.javaClass.simpleName}, ${error.outcome}" else "$outcome"
        println("heard: $said")
    }
}
