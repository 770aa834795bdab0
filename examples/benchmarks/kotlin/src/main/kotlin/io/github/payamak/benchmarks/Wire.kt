package io.github.payamak.benchmarks

import com.fasterxml.jackson.annotation.JsonProperty
import com.fasterxml.jackson.databind.DeserializationFeature
import com.fasterxml.jackson.databind.ObjectReader
import com.fasterxml.jackson.databind.json.JsonMapper

// What a user without a library writes down of Payam Resan's SendBulk.

const val JSON = "application/json; charset=utf-8"
const val FORM = "application/x-www-form-urlencoded; charset=utf-8"
const val XML = "text/xml; charset=utf-8"
const val SEND_BULK = "/api/V3/SendBulk"

val MAPPER: JsonMapper = JsonMapper.builder().disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES).build()

inline fun <reified T> reader(): ObjectReader = MAPPER.readerFor(T::class.java)

private class SendBulk(
    @get:JsonProperty("ApiKey") val apiKey: String,
    @get:JsonProperty("Text") val text: String,
    @get:JsonProperty("Sender") val sender: Long,
    @get:JsonProperty("Recipients") val recipients: List<Recipient>,
)

private class Recipient(
    @get:JsonProperty("Destination") val destination: Long,
    @get:JsonProperty("UserTraceId") val userTraceId: Long,
)

private class Answer(@JsonProperty("Success") val success: Boolean, @JsonProperty("Result") val result: List<Sent>?)

private class Sent(@JsonProperty("Id") val id: Long?, @JsonProperty("UserTraceId") val userTraceId: Long?)

private val writer = MAPPER.writerFor(SendBulk::class.java)
private val answers = reader<Answer>()

/** The request for one message. */
fun sendBulk(): ByteArray =
    writer.writeValueAsBytes(SendBulk(KEY, TEXT, SENDER.toLong(), listOf(Recipient(TO.toLong(), traceId()))))

/** Reads the answer to it; fails unless it has a message id. */
fun requireSent(status: Int, body: ByteArray) {
    check(status == 200) { "HTTP status $status" }
    val answer: Answer = answers.readValue(body)
    check(answer.success) { "refused" }
    requireId(answer.result?.single()?.id)
}
