package io.github.payamak.benchmarks

import java.net.HttpURLConnection
import java.net.URL

/** The JDK's old client. It keeps connections, and posts again by itself. */
class UrlConnection(base: String) : Subject() {
    private val url = URL(base + SEND_BULK)

    // It is part of the JDK, whose version stands beside it.
    override val versions: Map<String, String> get() = emptyMap()

    override val holdsThread: Boolean get() = true

    override suspend fun send() {
        val connection = url.openConnection() as HttpURLConnection
        connection.requestMethod = "POST"
        connection.doOutput = true
        connection.setRequestProperty("Content-Type", JSON)
        connection.outputStream.use { it.write(sendBulk()) }
        val status = connection.responseCode
        requireSent(status, connection.inputStream.use { it.readAllBytes() })
    }
}
