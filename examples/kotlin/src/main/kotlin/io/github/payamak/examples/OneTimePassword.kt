package io.github.payamak.examples

import io.github.payamak.Message
import io.github.payamak.Messenger
import io.github.payamak.PayamResan
import io.github.payamak.SendOutcome
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.runBlocking

/**
 * A login code: short patience, because a code that comes late is worth nothing.
 *
 * Arguments: who logs in, the code, and the id of this login, so that a click on "send again" within it does not send twice.
 */
fun main(arguments: Array<String>): Unit = runBlocking {
    val number = arguments.getOrElse(0) { "09121112222" }
    val code = arguments.getOrElse(1) { "48213" }
    val login = arguments.getOrElse(2) { "login-1" }
    Account.fromEnvironment(patience = 5.seconds).use { account ->
        val messenger = Messenger(account.gateway) { budget = 20.seconds }
        val message = if (account.gateway is PayamResan) {
            Message.template("verify", number, listOf(code), key = login)
        } else {
            Message(number, "کد ورود شما: $code", key = login)
        }
        val receipt = messenger.sendEach(listOf(message)).single()
        when (receipt.outcome) {
            SendOutcome.ACCEPTED -> println("The code is on its way.")
            SendOutcome.REJECTED -> println("The code was not sent: ${receipt.error?.message}")
            SendOutcome.UNCLEAR -> println("Nobody knows yet: ${receipt.error?.message}")
        }
    }
}
