package io.github.payamak.benchmarks

import io.github.payamak.Destination
import io.github.payamak.Dialect
import io.github.payamak.MessageStatus
import io.github.payamak.Messenger
import io.github.payamak.NikSms
import io.github.payamak.PayamResan
import java.util.Properties
import kotlin.time.Duration.Companion.seconds

/** The gateway's own method, or the messenger that asks about a send that is unclear. */
class Payamak(private val base: String, private val safely: Boolean) : Subject() {
    private val gateway = PayamResan(apiKey = KEY, sender = SENDER) { baseUrl = base }
    private val messenger by lazy { Messenger(gateway) }

    /** As Maven wrote it into the jar. */
    override val versions: Map<String, String> get() {
        val jar = Properties()
        PayamResan::class.java.getResourceAsStream("/META-INF/maven/io.github.payamak/payamak/pom.properties")?.use(jar::load)
        return mapOf("payamak" to jar.getProperty("version", "unknown"))
    }

    override suspend fun send() {
        if (safely) {
            requireId(messenger.send(TEXT, to = TO).single().messageId)
        } else {
            requireId(gateway.sendBulk(TEXT, listOf(Destination(TO, traceId()))).single().messageId)
        }
    }

    override val campaign: (suspend (List<String>) -> Unit) = { to ->
        val accepted = messenger.send(TEXT, to).accepted.size
        check(accepted == to.size) { "$accepted of ${to.size} were accepted" }
    }

    override fun statuses(dialect: String): (suspend (List<Long>) -> List<Long?>)? {
        if (dialect == "payam-resan") return { ids -> gateway.statusById(ids).map(MessageStatus::messageId) }
        val known = Dialect.entries.find { it.name.lowercase().replace('_', '-') == dialect } ?: return null
        val niksms = NikSms(username = "user", password = "password", sender = SENDER) {
            this.dialect = known
            baseUrl = base
            if (known == Dialect.WEB_SERVICE) apiKey = KEY
            if (known == Dialect.V2) v2DeliveryPath = "delivery"
        }
        return { ids -> niksms.getSmsDelivery(ids).map(MessageStatus::messageId) }
    }

    /** The deadline is all that differs from the defaults: nobody waits as long as a send may ask about itself. */
    override suspend fun fault(): String {
        val receipt = Messenger(gateway) { deadline = 20.seconds }.send(TEXT, to = TO).single()
        val error = receipt.error ?: return receipt.outcome.wireName
        return "${receipt.outcome.wireName}: ${error.type}: ${error.message}"
    }
}
