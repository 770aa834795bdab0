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
 * Arguments: who logs in, the code, the id of this login, and which code of it this is. The same code has the same key, so
 * that trying again does not send it twice. "Send again" makes a new code, so it needs the next number: under the old key the
 * new code would not go out.
 *
 * A key protects within one program, and from one run to the next. Two processes that send with it at the same moment can
 * both send: let one of them handle a login.
 */
fun main(arguments: Array<String>): Unit = runBlocking {
    val number = arguments.getOrElse(0) { "09121112222" }
    val code = arguments.getOrElse(1) { "48213" }
    val login = arguments.getOrElse(2) { "1" }
    val attempt = arguments.getOrElse(3) { "1" }
    // The prefix is ours: whoever could choose a whole key could choose that of another message.
    val key = "login:$login:$attempt"
    Account.fromEnvironment(patience = 5.seconds).use { account ->
        val messenger = Messenger(account.gateway)
        val message = if (account.gateway is PayamResan) {
            Message.template("verify", number, listOf(code), key = key)
        } else {
            Message(number, "کد ورود شما: $code", key = key)
        }
        val receipt = messenger.sendEach(listOf(message), deadline = 10.seconds).single()
        when (receipt.outcome) {
            SendOutcome.ACCEPTED -> println("The code is on its way.")
            SendOutcome.REJECTED -> println("The code was not sent: ${receipt.error?.message}")
            SendOutcome.UNCLEAR -> println("Nobody knows yet: ${receipt.error?.message}")
        }
    }
}
