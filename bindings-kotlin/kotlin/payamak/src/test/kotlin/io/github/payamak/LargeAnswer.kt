package io.github.payamak

import kotlin.time.Duration.Companion.minutes
import kotlinx.coroutines.runBlocking

/** A program with a heap that is too small for what the gateway at `arguments[0]` answers, and not for that at `arguments[1]`. */
internal object LargeAnswer {
    @JvmStatic
    fun main(arguments: Array<String>): Unit = runBlocking {
        val (large, small) = arguments.map { url ->
            PayamResan(apiKey = "demo-key", sender = "30004040") {
                baseUrl = url
                timeout = 10.minutes
                maxResponseBytes = 1L shl 30
            }
        }
        println("heard: ${runCatching { large.raw("Anything") }.exceptionOrNull()?.javaClass?.simpleName}")
        println("then: ${small.raw("Anything")}")
    }
}
