package io.github.payamak

import io.github.payamak.bridge.Direct
import io.github.payamak.bridge.RawContent
import io.github.payamak.bridge.RawException
import io.github.payamak.bridge.RawGateway
import io.github.payamak.bridge.RawMessenger
import io.github.payamak.bridge.RawMessengerSettings
import io.github.payamak.bridge.RawProgress
import io.github.payamak.bridge.RawProgressListener
import io.github.payamak.bridge.RawSend
import io.github.payamak.bridge.RawSending
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.withContext

/** Which gateways are asked for a message with a key before it is sent. */
public enum class AskPolicy(
    /** The name that every language shares. */
    public val wireName: String,
) {
    /** Every gateway that an earlier run could have used. While one of them cannot be asked, such a message is not sent. */
    EVERY("every"),

    /** The first one that can be asked. A message that an earlier run sent by another gateway can go out a second time. */
    FIRST("first"),
}

/** The settings of a [Messenger]. What is not set keeps its default. */
@PayamakDsl
public class MessengerSettings internal constructor() {
    /** How many requests are in flight at once, a gateway; 10 unless set. */
    public var concurrency: Int? = null

    /** How many requests leave in a second, a gateway; as many as can be unless set. */
    public var rate: Int? = null

    /**
     * How often one message is put into a request, at most, when its fate was unclear or another gateway waits; 4 unless
     * set.
     */
    public var attempts: Int? = null

    /**
     * How long trouble may last in one call, from its first failure on until something goes well again; 60 seconds unless
     * set, and no shorter than [settle]. It bounds the trouble; [deadline] bounds the call.
     */
    public var budget: Duration? = null

    /**
     * How long a request whose connection broke is given to land before "I do not have it" is believed; 5 seconds unless set.
     * One that lands later can be sent twice, where the gateway takes a second message of one trace id.
     */
    public var settle: Duration? = null

    /**
     * Whether a message whose answer was lost, and which the gateway does not have, is sent again; true unless set. Without
     * it such a message stays unclear.
     */
    public var resend: Boolean? = null

    /** Which gateways are asked for a message with a key before it is sent; [AskPolicy.EVERY] unless set. */
    public var ask: AskPolicy? = null

    /** How long a send may take that sets no deadline of its own, a day at most; without a limit unless set. */
    public var deadline: Duration? = null

    /**
     * The secret that trace ids are derived from keys with, so that nobody who chooses a key can aim it at the id of another
     * one; `PAYAMAK_KEY_SECRET` of the environment unless set. Another secret makes every key a new one: the same in all
     * processes, and no change while keys are in use.
     */
    public var keySecret: String? = null

    internal fun raw() = RawMessengerSettings(
        concurrency = concurrency?.let { count("concurrency", it.toLong()).toUInt() },
        rate = rate?.let { count("rate", it.toLong()).toUInt() },
        attempts = attempts?.let { count("attempts", it.toLong()).toUInt() },
        budget = budget?.inSeconds(),
        settle = settle?.inSeconds(),
        resend = resend,
        ask = ask?.wireName,
        deadline = deadline?.inSeconds(),
    )

    internal fun messenger(gateways: List<Gateway>): RawMessenger {
        val lent = mutableListOf<RawGateway>()
        try {
            return RawMessenger(gateways.mapTo(lent, Gateway::raw), raw(), keySecret)
        } finally {
            lent.forEach(RawGateway::destroy)
        }
    }
}

/**
 * Sends messages safely, and follows them until they are delivered.
 *
 * Every message handed over ends in exactly one known outcome, and nothing is sent twice: a request whose fate is unclear is
 * asked for by trace id, and only what the gateway certainly does not have is sent again, or by the next gateway.
 *
 * Make one and share it between coroutines and threads.
 *
 * ```kotlin
 * val messenger = Messenger(PayamResan(apiKey = "…", sender = "30004040"))
 * val report = messenger.send("سفارش شما ارسال شد", to = "09121112222", key = "order-981:shipped")
 * println("${report.accepted.size} accepted, ${report.unclear.size} unclear")
 * ```
 *
 * A key keeps a message from going out twice within this process, and from one run to the next. Two processes that send with
 * one key at the same moment can both send it.
 *
 * Every send takes a `deadline` (a day at most). The call returns by then with a report: what may have been sent and is not
 * decided is unclear, what has not left is rejected, both with a [PayamakException.Timeout].
 *
 * Cancelling the coroutine of a send starts no request any more and cuts off those under way; when the
 * `CancellationException` arrives, nothing is sent any more, and a [SendLog] says what had become of each message.
 */
public class Messenger private constructor(private val messenger: RawMessenger) : AutoCloseable {
    /**
     * Sends by [gateways]: the first is the one that is used, the others take what those before them certainly did not. A
     * [PayamakException.Configuration] names the setting that is missing or wrong.
     */
    public constructor(
        gateways: List<Gateway>,
        settings: MessengerSettings.() -> Unit = {},
    ) : this(calling { MessengerSettings().apply(settings).messenger(gateways) })

    /** The same with the gateways one by one. */
    public constructor(
        vararg gateways: Gateway,
        settings: MessengerSettings.() -> Unit = {},
    ) : this(gateways.asList(), settings)

    /**
     * One text to one recipient.
     *
     * @param key Names the message, so that a job that crashed and runs again sends nothing twice; see [Message.key].
     * @param deadline When the call returns at the latest; the messenger's own unless given.
     * @param sender The line, where it is not the gateway's own setting.
     * @param once Ask for the message before it is sent. A [key] asks by itself; without one there is nothing to ask by, and
     *   the message is refused.
     * @param log A look at the receipts from outside, also after a cancellation.
     * @param onProgress Called whenever counts have changed, on a thread of the library: it must return at once.
     */
    @JvmName("send")
    public suspend fun send(
        text: String,
        to: String,
        key: String? = null,
        deadline: Duration? = null,
        sender: String? = null,
        once: Boolean = false,
        log: SendLog? = null,
        onProgress: ((Progress) -> Unit)? = null,
    ): Report = run(raw(RawContent.ToOne(text, to), key, deadline, sender, once, onProgress), log)

    /**
     * One text to any number of recipients.
     *
     * @param key Names the campaign; each message is known by it and its recipient, so that the list may grow between two
     *   runs.
     * @param deadline When the call returns at the latest; the messenger's own unless given.
     * @param sender The line, where it is not the gateway's own setting.
     * @param once Ask for the messages before they are sent. A [key] asks by itself; without one they are refused.
     */
    @JvmName("send")
    public suspend fun send(
        text: String,
        to: List<String>,
        key: String? = null,
        deadline: Duration? = null,
        sender: String? = null,
        once: Boolean = false,
        log: SendLog? = null,
        onProgress: ((Progress) -> Unit)? = null,
    ): Report = run(raw(RawContent.ToMany(text, to), key, deadline, sender, once, onProgress), log)

    /**
     * Messages with a text (and a line, and a key or a trace id) each.
     *
     * @param key Names those that have neither a key nor a trace id of their own, each by this key and its recipient.
     * @param deadline When the call returns at the latest; the messenger's own unless given.
     * @param sender The line of those that name none.
     * @param once Ask for all of them before they are sent; each needs a key or a trace id.
     */
    @JvmName("sendEach")
    public suspend fun sendEach(
        messages: List<Message>,
        key: String? = null,
        deadline: Duration? = null,
        sender: String? = null,
        once: Boolean = false,
        log: SendLog? = null,
        onProgress: ((Progress) -> Unit)? = null,
    ): Report = run(raw(RawContent.Each(messages.map(Message::raw)), key, deadline, sender, once, onProgress), log)

    /**
     * A template to any number of recipients, with parameters each, by the first gateway that has templates. The messenger
     * makes the trace ids; for those of your own see [Message.template].
     *
     * @param key Names the call; each message is known by it and its recipient.
     * @param deadline When the call returns at the latest; the messenger's own unless given.
     * @param sender No gateway takes a line for a template, so a message with one is refused by name.
     * @param once Ask for the messages before they are sent. A [key] asks by itself; without one they are refused.
     */
    @JvmName("sendTemplate")
    public suspend fun sendTemplate(
        template: String,
        recipients: List<TemplateMessage>,
        key: String? = null,
        deadline: Duration? = null,
        sender: String? = null,
        once: Boolean = false,
        log: SendLog? = null,
        onProgress: ((Progress) -> Unit)? = null,
    ): Report {
        val what = RawContent.Template(template, recipients.map(TemplateMessage::raw))
        return run(raw(what, key, deadline, sender, once, onProgress), log)
    }

    /**
     * What became of messages, asked for once: a report each, in the order of the receipts. A gateway that could not be
     * asked stands as an error in the reports of its messages.
     */
    public suspend fun delivery(receipts: List<Receipt>): List<DeliveryReport> =
        asking { it.delivery(receipts.map(Receipt::ticket), null) }.map { DeliveryReport.of(it, receipts) }

    /**
     * Follows messages until each is final or the deadline passes: a report whenever a status, or what stands in the way of
     * one, has changed. An unclear receipt without a gateway is asked for at every one. Nothing is asked before the flow is
     * collected; collecting it again starts again.
     *
     * @param firstLook How long after the start the first look is; 15 seconds unless set.
     * @param interval How long to leave between two looks at one message, instead of each gateway's own rule; not zero.
     * @param deadline How long to track at most; a day unless set.
     */
    public fun track(
        receipts: List<Receipt>,
        firstLook: Duration? = null,
        interval: Duration? = null,
        deadline: Duration? = null,
    ): Flow<DeliveryReport> = flow {
        val tracking = asking {
            it.track(
                receipts.map(Receipt::ticket),
                firstLook?.inSeconds(),
                interval?.inSeconds(),
                deadline?.inSeconds(),
            )
        }
        tracking.use {
            while (true) {
                val report = calling { tracking.next() } ?: break
                emit(DeliveryReport.of(report, receipts))
            }
        }
    }

    /**
     * Incoming messages, each handed out once, from all gateways that have an inbox; asks every [interval] until the
     * collector is cancelled.
     *
     * A failure is an item, and the flow goes on; one with the outcome `unclear` may have taken messages out of the inbox
     * that did not arrive here. What one question has brought is emitted one by one: where a collector stops in between (with
     * `take`, say), the rest comes first when this messenger receives again.
     */
    public fun receive(interval: Duration = 60.seconds): Flow<Result<Received>> = flow {
        asking { it.receive(interval.inSeconds()) }.use { receiving ->
            while (true) {
                val item = calling { receiving.next() } ?: break
                val message = item.incoming
                emit(
                    if (message != null) {
                        Result.success(Received(item.gateway.orEmpty(), IncomingMessage.of(message)))
                    } else {
                        Result.failure(PayamakException.of(checkNotNull(item.error)))
                    },
                )
            }
        }
    }

    /** The credit and the lines of each gateway, in their order; one that cannot be asked is a failure in its place. */
    public suspend fun balance(): List<Result<Balance>> = asking { it.balance(null) }.map { raw ->
        raw.error?.let { Result.failure(PayamakException.of(it)) }
            ?: Result.success(Balance(raw.gateway.orEmpty(), raw.credit, raw.senderLines))
    }

    /** Lets go of the messenger; its gateways stay open. What it is asked after that is refused. */
    override fun close(): Unit = messenger.close()

    private inline fun <T> asking(call: (RawMessenger) -> T): T =
        calling("messenger", messenger::uniffiIsDestroyed) { call(messenger) }

    private fun raw(
        what: RawContent,
        key: String?,
        deadline: Duration?,
        sender: String?,
        once: Boolean,
        onProgress: ((Progress) -> Unit)?,
    ) = RawSend(what, key, sender, once, deadline?.inSeconds(), listener(onProgress))

    private suspend fun run(send: RawSend, log: SendLog?): Report {
        val sending = asking { Direct.send(it, send) }
        try {
            log?.attach(sending)
            return Report(calling { Direct.finish(sending) }.map(Receipt::of))
        } catch (cancellation: CancellationException) {
            sending.cancel()
            // Until it has really stopped, a request could leave that the log does not know of.
            withContext(NonCancellable) {
                try {
                    Direct.finish(sending)
                } catch (_: RawException) {
                    // It says that the send was stopped; the receipts are in the log.
                }
            }
            throw cancellation
        } finally {
            log?.detach(sending)
            sending.close()
        }
    }

    private fun listener(onProgress: ((Progress) -> Unit)?): RawProgressListener? = onProgress?.let { notify ->
        object : RawProgressListener {
            override fun onProgress(progress: RawProgress) {
                try {
                    notify(Progress.of(progress))
                } catch (@Suppress("TooGenericExceptionCaught") failure: Throwable) {
                    // It must not take the send down, and must not get lost either.
                    val thread = Thread.currentThread()
                    thread.uncaughtExceptionHandler.uncaughtException(thread, failure)
                }
            }
        }
    }
}

/**
 * A look at one send while it runs, and after it was cancelled.
 *
 * ```kotlin
 * val log = SendLog()
 * val job = launch { messenger.send(text, to = customers, key = "campaign-7", log = log) }
 * job.cancelAndJoin()
 * val again = log.receipts.filter { it.outcome != SendOutcome.ACCEPTED }
 * ```
 */
public class SendLog {
    private var sending: RawSending? = null
    private var ended: Ended? = null

    /** The counts at this moment; null before the send has begun. */
    public val progress: Progress?
        @Synchronized get() = ended?.progress ?: sending?.let { Progress.of(it.progress()) }

    /**
     * The receipts at this moment, in input order: what may have left is unclear, what has not left is rejected, both with
     * a [PayamakException.Canceled].
     */
    public val receipts: List<Receipt>
        @Synchronized get() = ended?.receipts ?: sending?.receipts()?.map(Receipt::of).orEmpty()

    override fun toString(): String = "SendLog(progress=$progress)"

    @Synchronized
    internal fun attach(send: RawSending) {
        check(sending == null && ended == null) { "a SendLog is for one send" }
        sending = send
    }

    @Synchronized
    internal fun detach(send: RawSending) {
        if (sending === send) {
            ended = Ended(Progress.of(send.progress()), send.receipts().map(Receipt::of))
            sending = null
        }
    }

    private class Ended(val progress: Progress, val receipts: List<Receipt>)
}
