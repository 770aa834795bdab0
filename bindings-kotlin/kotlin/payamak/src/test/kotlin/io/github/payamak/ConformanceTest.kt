package io.github.payamak

import io.github.payamak.testing.Emulator
import java.nio.file.Path
import java.util.concurrent.atomic.AtomicInteger
import kotlin.io.path.listDirectoryEntries
import kotlin.io.path.nameWithoutExtension
import kotlin.io.path.readText
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.boolean
import kotlinx.serialization.json.contentOrNull
import kotlinx.serialization.json.double
import kotlinx.serialization.json.doubleOrNull
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.long
import org.junit.jupiter.api.AfterAll
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory

/** Runs every case of `core/conformance/cases` through the Kotlin surface; what a runner checks stands in its README. */
class ConformanceTest {
    @TestFactory
    fun everyCaseHolds(): List<DynamicTest> = files.map { file ->
        DynamicTest.dynamicTest(file.nameWithoutExtension) {
            val faults = Case(file).run()
            ran.incrementAndGet()
            assertTrue(faults.isEmpty()) { faults.joinToString("\n") }
        }
    }

    companion object {
        private val folder = Path.of(System.getProperty("payamak.cases"))
        private val files = folder.listDirectoryEntries("*.json").sorted()
        private val echoes = Echoes(folder.resolveSibling("echoes.json"))
        private val emulator = Emulator.start(replay = folder)
        private val ran = AtomicInteger()

        @JvmStatic
        @AfterAll
        fun noCaseIsSkipped() {
            assertTrue(files.isNotEmpty())
            assertEquals(files.size, emulator.replayCases.size, "the emulator replays other cases")
            assertEquals(files.size, ran.get(), "a case was skipped")
            println("conformance: ${ran.get()} of ${files.size} cases ran through Kotlin")
            emulator.close()
        }
    }

    private class Case(file: Path) {
        private val name = file.nameWithoutExtension
        private val case = Json.parseToJsonElement(file.readText()).jsonObject
        private val gateway = case.getValue("gateway").jsonPrimitive.contentOrNull
        private val call = case.getValue("call").jsonObject
        private val arguments = Arguments(call.getValue("arguments").jsonObject)
        private val echoed = if (case["echoes"]?.jsonPrimitive?.boolean == true) echoes else null

        fun run(): List<String> {
            val faults = mutableListOf<String>()
            val outcomes = outcomes()
            // A client that could not even be made has not come to its arguments.
            val hasClient = outcomes.any { (it.exceptionOrNull() as? PayamakException)?.operation != null || it.isSuccess }
            if (hasClient && !arguments.allRead()) faults += "an argument that the runner does not know"
            outcomes.forEachIndexed { index, outcome ->
                val own = mutableListOf<String>()
                compare(outcome, case.getValue("expect").jsonObject, own)
                faults += if (echoed == null) own else own.map { "${echoed.abouts[index]}: $it" }
            }
            emulator.replayVerdict(name).let { verdict ->
                if (!verdict.complete) faults += "the exchange is not complete: a request is missing"
                faults += verdict.mismatches
            }
            return faults
        }

        /** What came of the call: once, or once for each echo that the gateway answers with. */
        private fun outcomes(): List<Result<JsonElement>> {
            val client = runCatching(::client).getOrElse { return listOf(Result.failure(it)) }
            return client.use {
                List(echoed?.abouts?.size ?: 1) { runCatching { runBlocking { invoke(client) } } }
            }
        }

        private fun client(): Gateway? = when (gateway) {
            null -> null
            "payam-resan" -> payamResan()
            "niksms" -> nikSms()
            else -> error("there is no gateway $gateway")
        }

        private suspend fun invoke(client: Gateway?): JsonElement {
            val operation = call.getValue("operation").jsonPrimitive.content
            return when (client) {
                null -> function(operation)
                is PayamResan -> payamResan(client, operation)
                is NikSms -> nikSms(client, operation)
            }
        }

        private fun setting(name: String, default: JsonElement = JsonNull) =
            (case.getValue("settings").jsonObject[name] ?: default).jsonPrimitive

        private fun GatewaySettings.shared(sender: String) {
            val known = setOf(
                "api_key", "username", "password", "sender", "base_url", "dialect", "v2_delivery_path", "max_recipients",
                "max_response_bytes", "read_attempts", "timeout", "allow_insecure",
            )
            check(known.containsAll(case.getValue("settings").jsonObject.keys)) { "a setting that the runner does not know" }
            this.sender = setting("sender", JsonPrimitive(sender)).contentOrNull
            baseUrl = setting("base_url", JsonPrimitive(emulator.replayUrl(this@Case.name))).contentOrNull
            readAttempts = setting("read_attempts", JsonPrimitive(1)).int
            maxResponseBytes = setting("max_response_bytes").contentOrNull?.toLong()
            timeout = setting("timeout").doubleOrNull?.seconds
            allowInsecure = setting("allow_insecure", JsonPrimitive(false)).boolean
        }

        private fun payamResan() = PayamResan {
            apiKey = setting("api_key", JsonPrimitive("conformance-key")).contentOrNull
            shared("30004040")
        }

        private fun nikSms() = NikSms {
            username = setting("username", JsonPrimitive("conformance-user")).contentOrNull
            password = setting("password", JsonPrimitive("conformance-password")).contentOrNull
            apiKey = setting("api_key", JsonPrimitive("conformance-key")).contentOrNull
            dialect = setting("dialect").contentOrNull?.let { wire -> Dialect.entries.first { it.wireName == wire } }
            v2DeliveryPath = setting("v2_delivery_path").contentOrNull
            maxRecipients = setting("max_recipients").contentOrNull?.toInt()
            shared("50001234")
        }

        private fun function(operation: String): JsonElement = when (operation) {
            "msisdn" -> Msisdn.parse(arguments.text("number")).let {
                json("national" to it.national, "international" to it.international)
            }
            "segments" -> {
                val profile = when (val name = arguments.textOrNull("profile")) {
                    null, "gsm" -> SegmentProfile.GSM
                    "payam-resan" -> SegmentProfile.PAYAM_RESAN
                    else -> error("there is no profile $name")
                }
                segments(arguments.text("text"), profile).let {
                    json(
                        "encoding" to it.encoding.wireName,
                        "units" to it.units,
                        "segments" to it.segments,
                        "units_left" to it.unitsLeft,
                        "forced_ucs2" to it.forcedUcs2,
                    )
                }
            }
            "trace_id_from_key" -> {
                val kind = arguments.textOrNull("kind")?.let(::KeyKind) ?: KeyKind.SINGLE
                id(traceIdFromKey(arguments.text("key"), arguments.text("to"), kind, arguments.textOrNull("secret")))
            }
            else -> error("the runner has no arm for $operation")
        }

        private suspend fun payamResan(gateway: PayamResan, operation: String): JsonElement = when (operation) {
            "send" -> gateway.send(arguments.text("text"), arguments.texts("recipients"), arguments.textOrNull("sender"))
                .list(::sent)
            "send_bulk" -> gateway
                .sendBulk(arguments.text("text"), arguments.destinations(), arguments.textOrNull("sender")).list(::sent)
            "send_multiple" -> gateway.sendMultiple(arguments.personal()).list(::sent)
            "send_token_single" -> gateway.sendTokenSingle(
                arguments.text("template"),
                arguments.text("to"),
                arguments.texts("parameters"),
                byGet = arguments.textOrNull("verb") == "GET",
            ).list(::templateSent)
            "send_token_multi" -> gateway.sendTokenMulti(
                arguments.text("template"),
                arguments.rows("recipients").map {
                    TemplateMessage(it.text("to"), it.texts("parameters"), it.idOrNull("trace_id"))
                },
            ).list(::templateSent)
            "token_list" -> gateway.tokenList().list {
                json("key" to it.key, "text" to it.text, "voice" to it.voice, "status" to code(it.status))
            }
            "status_by_id" -> gateway.statusById(arguments.ids("ids")).list(::status)
            "status_by_trace_id" -> gateway.statusByTraceId(arguments.ids("trace_ids")).list(::status)
            "account_info" -> gateway.accountInfo().let {
                json("credit" to it.credit, "sender_lines" to it.senderLines)
            }
            "get_inbox" -> gateway.getInbox().list(::incoming)
            else -> error("the runner has no arm for $operation")
        }

        private suspend fun nikSms(gateway: NikSms, operation: String): JsonElement = when (operation) {
            "group_sms" -> batch(
                gateway.groupSms(
                    arguments.text("text"),
                    arguments.destinations(),
                    arguments.textOrNull("sender"),
                    arguments.time("send_at"),
                    arguments.sendType(),
                ),
            )
            "ptp_sms" -> batch(
                gateway.ptpSms(
                    arguments.personal(),
                    arguments.textOrNull("sender"),
                    arguments.time("send_at"),
                    arguments.sendType(),
                ),
            )
            "send_one" -> batch(
                gateway.sendOne(
                    arguments.text("text"),
                    arguments.text("to"),
                    arguments.idOrNull("trace_id"),
                    arguments.textOrNull("sender"),
                    arguments.time("send_at"),
                ),
            )
            "send_otp" -> batch(
                gateway.sendOtp(
                    arguments.text("text"),
                    arguments.text("to"),
                    arguments.idOrNull("trace_id"),
                    arguments.textOrNull("sender"),
                ),
            )
            "get_sms_delivery" -> gateway.getSmsDelivery(arguments.ids("ids")).list {
                json("message_id" to id(it.messageId), "status" to deliveryStatus(it.status))
            }
            "get_sms_delivery_with_client_id" -> status(gateway.getSmsDeliveryWithClientId(arguments.id("trace_id")))
            "get_credit" -> JsonPrimitive(gateway.getCredit())
            "get_discount_credit" -> JsonPrimitive(gateway.getDiscountCredit())
            "get_panel_expire_date" -> JsonPrimitive(gateway.getPanelExpireDate())
            "get_receive_sms" -> gateway.getReceiveSms(arguments.time("from"), arguments.time("until")).list(::relayed)
            "reset_receive_sms_visited_status" -> JsonPrimitive(
                gateway.resetReceiveSmsVisitedStatus(arguments.time("from"), arguments.time("until")),
            )
            "get_server_time" -> JsonPrimitive(gateway.getServerTime())
            "get_sender_numbers" -> JsonArray(gateway.getSenderNumbers().map(::JsonPrimitive))
            else -> error("the runner has no arm for $operation")
        }

        private fun compare(outcome: Result<JsonElement>, expect: JsonObject, faults: MutableList<String>) {
            val expected = expect["result"]
            val failure = outcome.exceptionOrNull()
            when {
                failure != null && failure !is PayamakException -> throw failure
                expected != null && failure == null -> differences("result", expected, outcome.getOrThrow(), faults)
                expected != null -> faults += "expected a result, but got $failure"
                failure == null -> faults += "expected an error, but got ${outcome.getOrThrow()}"
                else -> errorFaults(expect.getValue("error").jsonObject, failure, faults)
            }
        }

        private fun errorFaults(expected: JsonObject, error: PayamakException, faults: MutableList<String>) {
            val got = json(
                "type" to error.type,
                "gateway" to error.gateway,
                "operation" to error.operation,
                "code" to error.code?.code,
                "name" to error.code?.name,
                "wire_name" to error.code?.wireName,
                "gateway_text" to error.gatewayText,
                "field" to error.field,
                "http_status" to error.httpStatus,
                "outcome" to error.outcome.wireName,
                "retry" to error.retry.wireName,
            )
            for (key in listOf("type", "gateway", "operation", "code", "outcome", "retry")) {
                if (key !in expected) faults += "no $key is expected"
            }
            for ((key, value) in expected) differences("error.$key", value, got[key] ?: JsonNull, faults)
            val className = error.javaClass.simpleName + "Error"
            if (className != error.type) faults += "the class $className is not that of ${error.type}"
            if (error.cause != null) faults += "an error has a cause, and printing that prints what is in it"
            val shown = listOf(error.toString(), error.message.orEmpty(), error.stackTraceToString(), error.code.toString())
            for (secret in arguments.private() + "conformance-key" + "conformance-password") {
                if (shown.any { secret in it }) faults += "the error shows $secret"
            }
            echoed?.check(error, shown, arguments.carryText, faults)
            val code = error.code
            if (code is Code.Known && error.hint.let { it == null || it.en.isEmpty() || it.fa.isEmpty() }) {
                faults += "a known code without a hint in both languages"
            }
        }
    }
}

/** What `echoes.json` says of what a gateway repeats of a request. */
private class Echoes(file: Path) {
    private val json = Json.parseToJsonElement(file.readText()).jsonObject
    private val secrets = texts("secrets")
    private val texts = texts("texts")
    private val acts = texts("acts")

    /** What each of them is. */
    val abouts: List<String> = json.getValue("echoes").jsonArray.map { it.jsonObject.getValue("about").jsonPrimitive.content }

    private fun texts(name: String) = json.getValue(name).jsonArray.map { it.jsonPrimitive.content }

    /** What an error shows, or keeps, of what it must not. */
    fun check(error: PayamakException, shown: List<String>, carriedText: Boolean, faults: MutableList<String>) {
        fun look(place: String, text: String, private: List<String>) =
            private.filter { it in text }.forEach { faults += "$place shows $it: $text" }
        for (text in shown) look("the error", text, secrets + texts)
        look("the message", error.message.orEmpty(), acts)
        for (kept in listOfNotNull(error.gatewayText, error.bodyExcerpt)) {
            look("what is kept", kept, secrets + acts)
            if (carriedText) look("what is kept", kept, texts)
        }
    }
}

/** A case's arguments; remembers which were read, so that one that the runner does not know is noticed. */
private class Arguments(private val json: JsonObject) {
    private val unread = json.keys.toMutableSet()
    private val below = mutableListOf<Arguments>()

    /** Whether the text is in them that the echoes repeat. */
    val carryText: Boolean get() = "کد ورود" in json.toString()

    fun allRead(): Boolean = unread.isEmpty() && below.all(Arguments::allRead)

    private fun take(name: String): JsonElement? {
        unread -= name
        return json[name]
    }

    fun text(name: String): String = checkNotNull(take(name)) { "no $name" }.jsonPrimitive.content

    fun textOrNull(name: String): String? = take(name)?.jsonPrimitive?.contentOrNull

    fun texts(name: String): List<String> = checkNotNull(take(name)).jsonArray.map { it.jsonPrimitive.content }

    fun id(name: String): Long = text(name).toLong()

    fun idOrNull(name: String): Long? = textOrNull(name)?.toLong()

    fun ids(name: String): List<Long> = texts(name).map(String::toLong)

    fun time(name: String): TehranTime? = textOrNull(name)?.let(TehranTime::parse)

    fun sendType(): SendType? = textOrNull("send_type")?.let { SendType.valueOf(it.uppercase()) }

    fun rows(name: String): List<Arguments> =
        checkNotNull(take(name)).jsonArray.map { Arguments(it.jsonObject) }.also(below::addAll)

    fun destinations(): List<Destination> =
        rows("recipients").map { Destination(it.text("to"), it.idOrNull("trace_id")) }

    fun personal(): List<PersonalMessage> = rows("messages").map {
        PersonalMessage(it.text("to"), it.text("text"), it.idOrNull("trace_id"), it.textOrNull("sender"))
    }

    /** What no error may show. What is too short to be recognised does not count. */
    fun private(): List<String> = buildList { collect("", json, this) }

    private fun collect(key: String, value: JsonElement, found: MutableList<String>) {
        when (value) {
            is JsonObject -> value.forEach { (name, under) -> collect(name, under, found) }
            is JsonArray -> value.forEach { collect(key, it, found) }
            is JsonPrimitive -> if (key in PRIVATE && value.isString && value.content.length >= 4) {
                runCatching { Msisdn.parse(value.content) }.onSuccess { found += it.national.drop(1) }
                found += value.content
            }
        }
    }

    private companion object {
        val PRIVATE = setOf("to", "recipients", "text", "parameters", "number")
    }
}

private fun json(vararg fields: Pair<String, Any?>): JsonObject = JsonObject(fields.toMap().mapValues { json(it.value) })

private fun json(value: Any?): JsonElement = when (value) {
    null -> JsonNull
    is JsonElement -> value
    is String -> JsonPrimitive(value)
    is Boolean -> JsonPrimitive(value)
    is Number -> JsonPrimitive(value)
    is List<*> -> JsonArray(value.map(::json))
    else -> error("no JSON for $value")
}

private fun <T> List<T>.list(json: (T) -> JsonElement) = JsonArray(map(json))

private fun id(id: Long?) = JsonPrimitive(id?.toString())

private fun code(code: Code) =
    json("code" to code.code, "name" to code.name, "wire_name" to code.wireName, "text" to code.text)

private fun deliveryStatus(status: DeliveryStatus): JsonObject {
    val delivery = json(
        "state" to status.state.wireName,
        "reason" to status.reason?.wireName,
        "is_final" to status.isFinal,
    )
    return JsonObject(code(status.code) + ("delivery" to delivery))
}

private fun sent(sent: Sent) = json("message_id" to id(sent.messageId), "trace_id" to id(sent.traceId))

private fun templateSent(sent: TemplateSent) = json(
    "message_id" to id(sent.messageId),
    "trace_id" to id(sent.traceId),
    "sender" to sent.sender,
    "text" to sent.text,
)

private fun status(row: MessageStatus) = json(
    "message_id" to id(row.messageId),
    "trace_id" to id(row.traceId),
    "status" to deliveryStatus(row.status),
)

private fun incoming(message: IncomingMessage) = json(
    "message_id" to id(message.messageId),
    "text" to message.text,
    "from" to message.from,
    "to" to message.to,
    "time" to message.time,
)

private fun relayed(message: IncomingMessage) =
    JsonObject(incoming(message) + ("is_relayed" to json(message.isRelayed)))

private fun batch(batch: SendBatch): JsonObject {
    batch.warning?.let { assertFalse(it in "$batch") { "a printed batch shows the gateway's words: $batch" } }
    return json(
        "status" to code(batch.status),
        "id" to batch.id,
        "warning" to batch.warning,
        "message_ids" to batch.messageIds.map { it.toString() },
    )
}

/** Where two values differ; numbers are equal by value. */
private fun differences(place: String, expected: JsonElement, got: JsonElement, faults: MutableList<String>) {
    when {
        expected is JsonObject && got is JsonObject -> {
            for (key in expected.keys + got.keys) {
                val (wanted, found) = expected[key] to got[key]
                when {
                    wanted == null -> faults += "$place.$key: expected nothing, got $found"
                    found == null -> faults += "$place.$key: expected $wanted, got nothing"
                    else -> differences("$place.$key", wanted, found, faults)
                }
            }
        }
        expected is JsonArray && got is JsonArray && expected.size == got.size ->
            expected.zip(got).forEachIndexed { index, (wanted, found) ->
                differences("$place[$index]", wanted, found, faults)
            }
        expected is JsonPrimitive && got is JsonPrimitive && !expected.isString && !got.isString &&
            expected.doubleOrNull != null && expected.double == got.doubleOrNull -> Unit
        expected != got -> faults += "$place: expected $expected, got $got"
    }
}
