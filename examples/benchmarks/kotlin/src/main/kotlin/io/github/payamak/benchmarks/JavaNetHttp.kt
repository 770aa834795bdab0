package io.github.payamak.benchmarks

import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpResponse
import java.net.http.HttpResponse.BodyHandlers
import kotlinx.coroutines.future.await

/** The JDK's client, with Jackson; also the bare way from a status answer to objects. */
class JavaNetHttp(private val base: String) : Subject() {
    private val client = HttpClient.newHttpClient()
    private val sendBulk = URI.create(base + SEND_BULK)

    override val versions: Map<String, String> get() = mapOf("jackson" to MAPPER.version().toString())

    override suspend fun send() {
        val answer = client.send(post(sendBulk, JSON, sendBulk()), BodyHandlers.ofByteArray())
        requireSent(answer.statusCode(), answer.body())
    }

    override suspend fun sendAmongMany() {
        val answer = client.sendAsync(post(sendBulk, JSON, sendBulk()), BodyHandlers.ofByteArray()).await()
        requireSent(answer.statusCode(), answer.body())
    }

    override fun statuses(dialect: String): (suspend (List<Long>) -> List<Long?>)? {
        val question = questions[dialect] ?: return null
        val uri = URI.create(base + question.path)
        return { ids ->
            val headers = question.headers
            val request = post(uri, question.contentType, question.body(ids).toByteArray(), *headers)
            val answer: HttpResponse<ByteArray> = client.send(request, BodyHandlers.ofByteArray())
            check(answer.statusCode() == 200) { "HTTP status ${answer.statusCode()}" }
            question.read(answer.body(), ids).map(BareStatus::messageId)
        }
    }

    private fun post(uri: URI, contentType: String, body: ByteArray, vararg headers: String): HttpRequest {
        val request = HttpRequest.newBuilder(uri).header("Content-Type", contentType)
        if (headers.isNotEmpty()) request.headers(*headers)
        return request.POST(HttpRequest.BodyPublishers.ofByteArray(body)).build()
    }
}
