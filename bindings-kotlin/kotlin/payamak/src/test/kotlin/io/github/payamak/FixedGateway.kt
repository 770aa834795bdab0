package io.github.payamak

import java.io.InputStream
import java.net.InetAddress
import java.net.ServerSocket
import java.net.Socket
import java.util.concurrent.CompletableFuture
import kotlin.concurrent.thread

/** A Payam Resan of its own that gives every request the same [result] once it [may], and sees when a client has gone. */
internal class FixedGateway(
    result: String,
    private val may: CompletableFuture<Unit> = CompletableFuture.completedFuture(Unit),
) : AutoCloseable {
    private val answer = """{"Success":true,"ErrorCode":null,"Error":null,"Result":$result}""".toByteArray()
    private val server = ServerSocket(0, 50, InetAddress.getLoopbackAddress())

    /** Where it is. */
    val url: String = "http://127.0.0.1:${server.localPort}/api/V3/"

    /** Done when a client has ended the connection that it was answered on. */
    val left: CompletableFuture<Unit> = CompletableFuture<Unit>()

    init {
        thread(isDaemon = true) {
            // Closing it ends this.
            runCatching { while (true) server.accept().also { thread(isDaemon = true) { serve(it) } } }
        }
    }

    private fun serve(socket: Socket) = socket.use {
        val requests = socket.getInputStream().buffered()
        val head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${answer.size}\r\n\r\n".toByteArray()
        var answered = false
        while (request(requests)) {
            may.join()
            socket.getOutputStream().write(head + answer)
            answered = true
        }
        if (answered) left.complete(Unit)
    }

    /** Takes one in; false at the end of the connection. */
    private fun request(from: InputStream): Boolean {
        var length = 0
        while (true) {
            val line = line(from) ?: return false
            if (line.isEmpty()) break
            val (name, value) = line.split(":", limit = 2).let { it[0] to it.getOrElse(1) { "" } }
            if (name.equals("content-length", ignoreCase = true)) length = value.trim().toInt()
        }
        from.skipNBytes(length.toLong())
        return true
    }

    private fun line(from: InputStream): String? {
        val line = StringBuilder()
        while (true) {
            when (val byte = from.read()) {
                -1 -> return null
                '\n'.code -> return line.trimEnd('\r').toString()
                else -> line.append(byte.toChar())
            }
        }
    }

    override fun close(): Unit = server.close()
}
