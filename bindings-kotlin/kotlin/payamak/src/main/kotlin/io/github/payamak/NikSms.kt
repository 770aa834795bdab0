package io.github.payamak

import io.github.payamak.bridge.Direct
import io.github.payamak.bridge.RawAnswer
import io.github.payamak.bridge.RawField
import io.github.payamak.bridge.RawGateway
import io.github.payamak.bridge.RawNikSms
import io.github.payamak.bridge.RawNikSmsCall
import io.github.payamak.bridge.RawNikSmsCredentials
import io.github.payamak.bridge.RawNikSmsSettings
import io.github.payamak.bridge.RawSendBatch
import io.github.payamak.bridge.RawSendOptions
import io.github.payamak.bridge.UniffiWithHandle
import kotlin.time.Duration

/** The four wire forms of NikSMS. */
public enum class Dialect(
    /** As the environment and the documentation write it. */
    public val wireName: String,
) {
    /** SOAP 1.1. Plain http only, so it is refused unless the host is this machine or `allowInsecure` is set. */
    SOAP("soap"),

    /** Form fields over https, all operations. */
    PUBLIC_API("public-api"),

    /** The envelope `{Status, Exception, Data}`: sending to one, and deliveries where the path is known. */
    V2("v2"),

    /** The REST of 2025, with an API key. */
    WEB_SERVICE("web-service"),
}

/** How a message shows itself on the handset. */
public enum class SendType {
    /** In the inbox. */
    NORMAL,

    /** On the screen, without being kept. */
    FLASH,
}

/** The settings of a [NikSms]. */
public class NikSmsSettings internal constructor() : GatewaySettings() {
    /** The user name, for every dialect but [Dialect.WEB_SERVICE]. */
    public var username: String? = null

    /** The password, for every dialect but [Dialect.WEB_SERVICE]. */
    public var password: String? = null

    /** The API key, for [Dialect.WEB_SERVICE]. */
    public var apiKey: String? = null

    /** Which wire form to speak; [Dialect.PUBLIC_API] unless set. */
    public var dialect: Dialect? = null

    /** Where `v2` answers for deliveries, below its base address. Nobody has published it, so there is no default. */
    public var v2DeliveryPath: String? = null

    /** The most recipients (and ids) of one request; 100 unless set. */
    public var maxRecipients: Int? = null

    /** How long a messenger leaves between two questions about one message; 1 minute unless set. */
    public var pollInterval: Duration? = null

    internal fun client(): RawNikSms {
        val own = RawNikSmsSettings(
            dialect = dialect?.wireName,
            v2DeliveryPath = v2DeliveryPath,
            maxRecipients = maxRecipients?.let { count("maxRecipients", it.toLong()) },
            pollInterval = pollInterval?.inSeconds(),
        )
        return RawNikSmsCredentials(username, password, apiKey).use { RawNikSms(it, sender, own, raw()) }
    }
}

/**
 * A client of NikSMS in one of its dialects: one method an operation of the protocol, nothing hidden and no send repeated. A
 * dialect that lacks an operation says so before anything is sent.
 *
 * Make one and share it between coroutines and threads; [close] it when nobody sends any more. A coroutine that is
 * cancelled cuts its request off; a message of that request may have gone out all the same.
 *
 * ```kotlin
 * val gateway = NikSms(username = "…", password = "…", sender = "50001234")
 * val batch = gateway.groupSms("سلام", listOf(Destination("09121112222", traceId = 981)))
 * ```
 */
public class NikSms private constructor(private val client: RawNikSms) : Gateway() {
    /** The client; a [PayamakException.Configuration] names the setting that is missing or wrong. */
    public constructor(
        username: String? = null,
        password: String? = null,
        sender: String? = null,
        settings: NikSmsSettings.() -> Unit = {},
    ) : this(
        calling {
            NikSmsSettings().also {
                it.username = username
                it.password = password
                it.sender = sender
                it.settings()
            }.client()
        },
    )

    /** The same client, on the same connections, with another time limit a request. */
    public fun withTimeout(timeout: Duration): NikSms = NikSms(asking { it.withTimeout(timeout.inSeconds()) })

    /** One text to many (`GroupSms`). Either all recipients have a trace id or none: the wire pairs them by position. */
    public suspend fun groupSms(
        text: String,
        recipients: List<Destination>,
        sender: String? = null,
        sendAt: TehranTime? = null,
        sendType: SendType? = null,
    ): SendBatch = batch(
        RawNikSmsCall.GroupSms(text, recipients.map(Destination::raw), options(sender, sendAt, sendType)),
    )

    /** A text each (`PtpSms`). All go out from one line. Over `public-api` no text may hold a comma. */
    public suspend fun ptpSms(
        messages: List<PersonalMessage>,
        sender: String? = null,
        sendAt: TehranTime? = null,
        sendType: SendType? = null,
    ): SendBatch = batch(RawNikSmsCall.PtpSms(messages.map(PersonalMessage::raw), options(sender, sendAt, sendType)))

    /** One message to one recipient (`send/one` of `v2`, `sms/send/single` of `web-service`). */
    public suspend fun sendOne(
        text: String,
        to: String,
        traceId: Long? = null,
        sender: String? = null,
        sendAt: TehranTime? = null,
    ): SendBatch = batch(RawNikSmsCall.SendOne(text, to, traceId, options(sender, sendAt, null)))

    /** A one-time password to one recipient (`sms/send/otp` of `web-service`). */
    public suspend fun sendOtp(text: String, to: String, traceId: Long? = null, sender: String? = null): SendBatch =
        batch(RawNikSmsCall.SendOtp(text, to, traceId, options(sender, null, null)))

    /** What became of messages, by the gateway's ids, in their order (`GetSmsDelivery`). */
    public suspend fun getSmsDelivery(ids: List<Long>): List<MessageStatus> =
        statuses(RawNikSmsCall.GetSmsDelivery(ids))

    /** What became of one message, by the caller's trace id (`GetSmsDeliveryWithClientId`). */
    public suspend fun getSmsDeliveryWithClientId(traceId: Long): MessageStatus =
        statuses(RawNikSmsCall.GetSmsDeliveryWithClientId(traceId)).single()

    /** The credit, in rials (`GetCredit`). */
    public suspend fun getCredit(): Double = ask<RawAnswer.Number>(RawNikSmsCall.GetCredit).value

    /** The discount credit, in rials (`GetDiscountCredit`). */
    public suspend fun getDiscountCredit(): Double = ask<RawAnswer.Number>(RawNikSmsCall.GetDiscountCredit).value

    /** When the panel expires, as the gateway writes it (`GetPanelExpireDate`); null where it says nothing. */
    public suspend fun getPanelExpireDate(): String? = ask<RawAnswer.Text>(RawNikSmsCall.GetPanelExpireDate).value

    /**
     * The incoming messages of a range (`GetReceiveSms`). What it returns is marked as visited and not returned again, so
     * this call is never repeated, and a failure after the request may have left has the outcome `unclear`.
     */
    public suspend fun getReceiveSms(from: TehranTime? = null, until: TehranTime? = null): List<IncomingMessage> =
        ask<RawAnswer.Incoming>(RawNikSmsCall.GetReceiveSms(from?.text, until?.text)).rows.map(IncomingMessage::of)

    /** Makes the incoming messages of a range unread again (`ResetReceiveSmsVisitedStatus`). */
    public suspend fun resetReceiveSmsVisitedStatus(from: TehranTime? = null, until: TehranTime? = null): Boolean =
        ask<RawAnswer.Flag>(RawNikSmsCall.ResetReceiveSmsVisitedStatus(from?.text, until?.text)).value

    /** The gateway's clock, as it writes it (`GetServertime`). */
    public suspend fun getServerTime(): String = ask<RawAnswer.Text>(RawNikSmsCall.GetServerTime).value.orEmpty()

    /** The account's lines, without their leading 98 (`GetSenderNumbers`). */
    public suspend fun getSenderNumbers(): List<String> = ask<RawAnswer.Texts>(RawNikSmsCall.GetSenderNumbers).values

    /**
     * An operation that this client has no method for, over `public-api` or `v2`: [fields] go out as a form beside the
     * credentials, and the body comes back as it is. It is taken as one that may have sent something. A [path] that leads
     * elsewhere, and a field that the client sets itself, are a [PayamakException.InvalidInput].
     */
    public suspend fun raw(path: String, fields: Map<String, String> = emptyMap()): String =
        ask<RawAnswer.Text>(RawNikSmsCall.Raw(path, fields.map { (name, value) -> RawField(name, value) })).value.orEmpty()

    /**
     * Lets go of the connections and the credentials, as soon as no call is under way any more, and no messenger that sends
     * by this client and none that [withTimeout] has made of it is open.
     */
    override fun close(): Unit = client.close()

    override fun raw(): RawGateway =
        RawGateway.Second(asking { client -> client.callWithHandle { RawNikSms(UniffiWithHandle, it) } })

    private inline fun <T> asking(call: (RawNikSms) -> T): T =
        calling("client", client::uniffiIsDestroyed) { call(client) }

    /** Each question has one kind of answer: see `src/niksms.rs`. */
    private suspend inline fun <reified A : RawAnswer> ask(what: RawNikSmsCall): A =
        asking { Direct.ask(it, what) } as A

    private suspend fun batch(what: RawNikSmsCall): SendBatch = SendBatch.of(ask<RawAnswer.Batch>(what).batch)

    private suspend fun statuses(what: RawNikSmsCall): List<MessageStatus> =
        MessageStatus.all(ask<RawAnswer.Statuses>(what))

    private fun options(sender: String?, sendAt: TehranTime?, sendType: SendType?) =
        RawSendOptions(sender, sendAt?.text, sendType?.name?.lowercase())

    /** Clients from the environment. */
    public companion object {
        /**
         * Takes what [settings] do not give from `NIKSMS_USERNAME`, `NIKSMS_PASSWORD`, `NIKSMS_API_KEY` and `NIKSMS_SENDER`.
         */
        @JvmStatic
        public fun fromEnv(settings: NikSmsSettings.() -> Unit = {}): NikSms = NikSms {
            fromEnv()
            settings()
        }
    }
}

/**
 * What a send answers.
 *
 * @property status Successful, or Warning, which was sent too.
 * @property id The gateway's id of the whole request.
 * @property warning What the gateway warns of, cleaned as [PayamakException.gatewayText] is, and not to be logged unasked.
 * @property messageIds The gateway's ids, in the order of the recipients.
 */
public data class SendBatch internal constructor(
    val status: Code,
    val id: String?,
    val warning: String?,
    val messageIds: List<Long>,
) {
    override fun toString(): String = "SendBatch(status=$status, id=$id, messageIds=$messageIds)"

    internal companion object {
        fun of(raw: RawSendBatch) = SendBatch(Code.of(raw.status), raw.id, raw.warning, raw.messageIds)
    }
}
