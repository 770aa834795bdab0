package io.github.payamak

import io.github.payamak.bridge.Direct
import io.github.payamak.bridge.RawAnswer
import io.github.payamak.bridge.RawGateway
import io.github.payamak.bridge.RawPayamResan
import io.github.payamak.bridge.RawPayamResanCall
import io.github.payamak.bridge.RawSent
import io.github.payamak.bridge.UniffiWithHandle
import kotlin.time.Duration

/** The settings of a [PayamResan]. */
public class PayamResanSettings internal constructor() : GatewaySettings() {
    /** The key of the panel ("ApiKey"). */
    public var apiKey: String? = null

    /** Use the gateway's own sandbox: any key, nothing is sent, no templates. */
    public var sandbox: Boolean = false

    internal fun client() = RawPayamResan(apiKey, sender, sandbox, raw())
}

/**
 * A client of Payam Resan's V3: one method an operation of the protocol, nothing hidden and no send repeated.
 *
 * Make one and share it between coroutines and threads; [close] it when nobody sends any more. A coroutine that is
 * cancelled cuts its request off; a message of that request may have gone out all the same.
 *
 * ```kotlin
 * val gateway = PayamResan(apiKey = "…", sender = "30004040")
 * val sent = gateway.sendBulk("سلام", listOf(Destination("09121112222", traceId = 981)))
 * ```
 */
public class PayamResan private constructor(private val client: RawPayamResan) : Gateway() {
    /** The client; a [PayamakException.Configuration] names the setting that is missing or wrong. */
    public constructor(
        apiKey: String? = null,
        sender: String? = null,
        settings: PayamResanSettings.() -> Unit = {},
    ) : this(
        calling {
            PayamResanSettings().also {
                it.apiKey = apiKey
                it.sender = sender
                it.settings()
            }.client()
        },
    )

    /** The same client, on the same connections, with another time limit a request. */
    public fun withTimeout(timeout: Duration): PayamResan = PayamResan(asking { it.withTimeout(timeout.inSeconds()) })

    /**
     * One text to up to 99 recipients, by `GET Send`, as a last resort: the key and the text stand in the address, so in the
     * access logs of whoever is on the way, and in memory until it is overwritten. [sendBulk] does the same by POST, and takes
     * trace ids.
     */
    public suspend fun send(text: String, recipients: List<String>, sender: String? = null): List<Sent> =
        sent(RawPayamResanCall.Send(text, recipients, sender))

    /** One text to up to 99 recipients, each with a trace id (`POST SendBulk`). */
    public suspend fun sendBulk(text: String, recipients: List<Destination>, sender: String? = null): List<Sent> =
        sent(RawPayamResanCall.SendBulk(text, recipients.map(Destination::raw), sender))

    /** A text, a line and a trace id each, up to 99 (`POST SendMultiple`). */
    public suspend fun sendMultiple(messages: List<PersonalMessage>): List<Sent> =
        sent(RawPayamResanCall.SendMultiple(messages.map(PersonalMessage::raw)))

    /**
     * A template to one recipient, without a trace id: after an unclear failure nobody can ask whether it was sent.
     * [sendTokenMulti] with one recipient can be asked for.
     *
     * @param byGet `GET` instead of `POST`, as a last resort: the key and the one-time password then stand in the address, so
     *   in the access logs of whoever is on the way, and in memory until it is overwritten.
     */
    public suspend fun sendTokenSingle(
        template: String,
        to: String,
        parameters: List<String>,
        byGet: Boolean = false,
    ): List<TemplateSent> =
        templateSent(RawPayamResanCall.SendTokenSingle(template, to, parameters, byGet))

    /** A template to up to 99 recipients, parameters and a trace id each (`POST SendTokenMulti`). */
    public suspend fun sendTokenMulti(template: String, recipients: List<TemplateMessage>): List<TemplateSent> =
        templateSent(RawPayamResanCall.SendTokenMulti(template, recipients.map(TemplateMessage::raw)))

    /** The account's templates (`POST TokenList`). */
    public suspend fun tokenList(): List<Template> = ask<RawAnswer.Templates>(RawPayamResanCall.TokenList).rows.map {
        Template(it.key, it.text, it.voice, Code.of(it.status))
    }

    /**
     * What became of up to 99 messages, by the gateway's ids (`POST StatusById`). Every few minutes an id at most, or the
     * gateway answers with error 20.
     */
    public suspend fun statusById(ids: List<Long>): List<MessageStatus> =
        statuses(RawPayamResanCall.StatusById(ids))

    /** What became of up to 99 messages, by the caller's trace ids. */
    public suspend fun statusByTraceId(traceIds: List<Long>): List<MessageStatus> =
        statuses(RawPayamResanCall.StatusByTraceId(traceIds))

    /** The account's credit and lines (`POST AccountInfo`). */
    public suspend fun accountInfo(): AccountInfo =
        ask<RawAnswer.Account>(RawPayamResanCall.AccountInfo).let { AccountInfo(it.credit, it.senderLines) }

    /**
     * The incoming messages (`POST GetInbox`). Each is handed out once: what is fetched and then lost is lost for good, so
     * this call is never repeated, and a failure after the request may have left has the outcome `unclear`.
     */
    public suspend fun getInbox(): List<IncomingMessage> =
        ask<RawAnswer.Incoming>(RawPayamResanCall.GetInbox).rows.map(IncomingMessage::of)

    /**
     * An operation that this client has no method for: [fieldsJson], a JSON object, goes out beside the key, and the
     * `Result` comes back as JSON. It is taken as one that may have sent something. A [path] that leads elsewhere, and a field
     * that the client sets itself, are a [PayamakException.InvalidInput].
     */
    public suspend fun raw(path: String, fieldsJson: String = "{}"): String =
        ask<RawAnswer.Text>(RawPayamResanCall.Raw(path, fieldsJson)).value.orEmpty()

    /**
     * Lets go of the connections and the credentials, as soon as no call is under way any more, and no messenger that sends
     * by this client and none that [withTimeout] has made of it is open.
     */
    override fun close(): Unit = client.close()

    override fun raw(): RawGateway =
        RawGateway.First(asking { client -> client.callWithHandle { RawPayamResan(UniffiWithHandle, it) } })

    private inline fun <T> asking(call: (RawPayamResan) -> T): T =
        calling("client", client::uniffiIsDestroyed) { call(client) }

    /** Each question has one kind of answer: see `src/payam_resan.rs`. */
    private suspend inline fun <reified A : RawAnswer> ask(what: RawPayamResanCall): A =
        asking { Direct.ask(it, what) } as A

    private suspend fun sent(what: RawPayamResanCall): List<Sent> = ask<RawAnswer.Sent>(what).rows.map(Sent::of)

    private suspend fun templateSent(what: RawPayamResanCall): List<TemplateSent> =
        ask<RawAnswer.Sent>(what).rows.map(TemplateSent::of)

    private suspend fun statuses(what: RawPayamResanCall): List<MessageStatus> =
        MessageStatus.all(ask<RawAnswer.Statuses>(what))

    /** Clients from the environment. */
    public companion object {
        /** Takes what [settings] do not give from `PAYAM_RESAN_API_KEY` and `PAYAM_RESAN_SENDER`. */
        @JvmStatic
        public fun fromEnv(settings: PayamResanSettings.() -> Unit = {}): PayamResan = PayamResan {
            fromEnv()
            settings()
        }
    }
}

/**
 * A message that the gateway has taken.
 *
 * @property messageId The gateway's id.
 * @property traceId The caller's trace id, as the gateway repeats it.
 */
public data class Sent internal constructor(val messageId: Long?, val traceId: Long?) {
    internal companion object {
        fun of(raw: RawSent) = Sent(raw.messageId, raw.traceId)
    }
}

/**
 * A message that the gateway has made of a template.
 *
 * @property messageId The gateway's id.
 * @property traceId The caller's trace id, as the gateway repeats it.
 * @property sender The line that the gateway chose.
 * @property text The text that went out.
 */
public data class TemplateSent internal constructor(
    val messageId: Long?,
    val traceId: Long?,
    val sender: String?,
    val text: String?,
) {
    override fun toString(): String = "TemplateSent(messageId=$messageId, traceId=$traceId, sender=$sender)"

    internal companion object {
        fun of(raw: RawSent) = TemplateSent(raw.messageId, raw.traceId, raw.sender, raw.text)
    }
}

/**
 * A template of the account.
 *
 * @property key What it is sent by.
 * @property text The text, with `{1}` to `{10}`.
 * @property voice The wording of a voice call.
 * @property status Only an approved one can be sent.
 */
public data class Template internal constructor(val key: String, val text: String?, val voice: String?, val status: Code)

/**
 * What became of a message.
 *
 * @property messageId The gateway's id; null where it has no such message.
 * @property traceId The caller's trace id, where the gateway repeats it.
 * @property status The status.
 */
public data class MessageStatus internal constructor(
    val messageId: Long?,
    val traceId: Long?,
    val status: DeliveryStatus,
) {
    internal companion object {
        fun all(raw: RawAnswer.Statuses): List<MessageStatus> {
            val statuses = raw.statuses.map(DeliveryStatus::of)
            return raw.rows.map { MessageStatus(it.messageId, it.traceId, statuses[it.status.toInt()]) }
        }
    }
}

/**
 * The account's credit and lines.
 *
 * @property credit The credit, in rials.
 * @property senderLines The lines that the account may send from.
 */
public data class AccountInfo internal constructor(val credit: Double, val senderLines: List<String>)
