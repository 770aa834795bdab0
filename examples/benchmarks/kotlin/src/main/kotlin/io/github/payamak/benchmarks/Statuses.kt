package io.github.payamak.benchmarks

import com.fasterxml.jackson.annotation.JsonProperty
import java.io.ByteArrayInputStream
import java.net.URLEncoder
import javax.xml.stream.XMLInputFactory
import javax.xml.stream.XMLStreamConstants

/** The bare way: what became of a message. */
data class BareStatus(val messageId: Long, val traceId: Long?, val status: Enum<*>)

/** How a dialect is asked, and how its answer becomes objects. */
class Question(
    val path: String,
    val contentType: String,
    val headers: Array<String> = emptyArray(),
    val body: (List<Long>) -> String,
    val read: (ByteArray, List<Long>) -> List<BareStatus>,
)

val questions: Map<String, Question> = mapOf(
    "payam-resan" to Question(
        "/api/V3/StatusById",
        JSON,
        body = { ids -> MAPPER.writeValueAsString(mapOf("ApiKey" to KEY, "Ids" to ids)) },
        read = { body, _ ->
            val answer: Rows = rows.readValue(body)
            check(answer.success) { "refused" }
            answer.result.map { BareStatus(it.id, it.userTraceId, PayamResanStatus.of(it.code)) }
        },
    ),
    "soap" to Question(
        "/NiksmsWebservice.svc",
        XML,
        arrayOf("SOAPAction", "\"http://tempuri.org/INiksmsWebservice/GetSmsDelivery\""),
        body = { ids ->
            val numbers = ids.joinToString("") { "<long>$it</long>" }
            """<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>""" +
                """<GetSmsDelivery xmlns="http://tempuri.org/"><security><Username>user</Username>""" +
                "<Password>password</Password></security><nikIds>$numbers</nikIds></GetSmsDelivery>" +
                "</soap:Body></soap:Envelope>"
        },
        read = { body, ids -> byPosition(ids, names(body).map(NikSmsStatus::of)) },
    ),
    "public-api" to Question(
        "/fa/PublicApi/GetSmsDelivery",
        FORM,
        body = { ids -> form("nikIds", ids) },
        read = { body, ids ->
            val codes: IntArray = numbers.readValue(body)
            byPosition(ids, codes.map(NikSmsStatus::of))
        },
    ),
    "v2" to Question(
        "/api/v2/delivery",
        FORM,
        body = { ids -> form("Ids", ids) },
        read = { body, ids ->
            val answer: V2 = v2.readValue(body)
            check(answer.exception == null) { "refused" }
            byPosition(ids, answer.data.map(NikSmsStatus::of))
        },
    ),
    "web-service" to Question(
        "/api/v1/web-service/sms/status/niksms",
        JSON,
        body = { ids -> MAPPER.writeValueAsString(mapOf("ApiKey" to KEY, "MessageIds" to ids.map(Long::toString))) },
        read = { body, ids ->
            val answer: WebService = webService.readValue(body)
            check(answer.isSuccess) { "refused" }
            // It need not keep the order of the question.
            val found = answer.data.result.associate { it.messageId.toLong() to it.status }
            ids.map { BareStatus(it, null, NikSmsStatus.of(found.getValue(it))) }
        },
    ),
)

private fun byPosition(ids: List<Long>, statuses: List<NikSmsStatus>): List<BareStatus> {
    check(ids.size == statuses.size) { "${statuses.size} statuses for ${ids.size} ids" }
    return ids.zip(statuses) { id, status -> BareStatus(id, null, status) }
}

private fun form(field: String, ids: List<Long>): String =
    "username=user&password=password&$field=" + URLEncoder.encode(ids.joinToString(","), Charsets.UTF_8)

private class Rows(@JsonProperty("Success") val success: Boolean, @JsonProperty("Result") val result: List<Row>)

private class Row(
    @JsonProperty("Id") val id: Long,
    @JsonProperty("UserTraceId") val userTraceId: Long?,
    @JsonProperty("StatusCode") val code: Int,
    @JsonProperty("Status") val text: String?,
)

private class V2(@JsonProperty("Exception") val exception: String?, @JsonProperty("Data") val data: List<Int>)

private class WebService(@JsonProperty("isSuccess") val isSuccess: Boolean, @JsonProperty("data") val data: Data) {
    class Data(@JsonProperty("result") val result: List<Status>)

    class Status(@JsonProperty("messageId") val messageId: String, @JsonProperty("status") val status: Int)
}

private val rows = reader<Rows>()
private val numbers = reader<IntArray>()
private val v2 = reader<V2>()
private val webService = reader<WebService>()

private val xml = XMLInputFactory.newFactory().apply {
    setProperty(XMLInputFactory.SUPPORT_DTD, false)
    setProperty(XMLInputFactory.IS_COALESCING, true)
}

private fun names(body: ByteArray): List<String> {
    val names = ArrayList<String>()
    val reader = xml.createXMLStreamReader(ByteArrayInputStream(body))
    while (reader.hasNext()) {
        if (reader.next() == XMLStreamConstants.START_ELEMENT && reader.localName == "SmsStatus") {
            names += reader.elementText
        }
    }
    return names
}
