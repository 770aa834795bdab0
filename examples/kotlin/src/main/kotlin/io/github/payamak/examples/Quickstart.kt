package io.github.payamak.examples

import io.github.payamak.DeliveryState
import io.github.payamak.Message
import io.github.payamak.Messenger
import java.nio.file.Path
import kotlin.io.path.readLines
import kotlin.time.Duration.Companion.milliseconds
import kotlinx.coroutines.runBlocking

/**
 * A campaign from a file: every customer hears of their balance, and each message is followed to its end.
 *
 * Arguments: the file (columns `name,number,amount`), and what the campaign is called. Run it again under one name: nobody
 * gets the message twice. One run after the other, that is: two at the same moment can both send it.
 */
fun main(arguments: Array<String>): Unit = runBlocking {
    val file = Path.of(arguments.getOrElse(0) { "examples/data/recipients.csv" })
    val campaign = arguments.getOrElse(1) { "balance-2026-11" }
    val customers = file.readLines().drop(1).filter(String::isNotBlank).map { line ->
        val (name, number, amount) = line.split(',')
        Customer(name, number, amount)
    }
    Account.fromEnvironment().use { account ->
        val messenger = Messenger(account.gateway)
        val report = messenger.sendEach(
            customers.map { (name, number, amount) ->
                Message(number, "$name عزیز، ماندهٔ حساب شما $amount ریال است.")
            },
            // Each message is known by this and its recipient.
            key = campaign,
            onProgress = { print("\r${it.accepted + it.rejected + it.unclear} of ${it.planned}") },
        )
        println("\n${report.accepted.size} accepted, ${report.rejected.size} rejected, ${report.unclear.size} unclear")
        for ((customer, receipt) in customers.zip(report)) {
            receipt.error?.let { println("${customer.name}: ${receipt.outcome.wireName} (${it.message})") }
        }

        // The emulator's minutes are seconds; a real gateway's own rule (once in three minutes) is the default.
        val interval = if (account.isEmulated) 200.milliseconds else null
        val last = mutableMapOf<Int, DeliveryState?>()
        messenger.track(report.accepted, firstLook = interval, interval = interval).collect { delivery ->
            last[delivery.index] = delivery.status?.state
        }
        for ((state, count) in last.values.groupingBy { it?.wireName ?: "nothing is known" }.eachCount()) {
            println("$state: $count")
        }
    }
}

private data class Customer(val name: String, val number: String, val amount: String)
