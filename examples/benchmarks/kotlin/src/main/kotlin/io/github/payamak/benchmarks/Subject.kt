package io.github.payamak.benchmarks

/** What is measured: one client, made once, used as its documentation says. */
abstract class Subject {
    /** Of the libraries behind it. */
    abstract val versions: Map<String, String>

    /** One send; fails unless the gateway's answer has a message id. */
    abstract suspend fun send()

    /** One send of many that are under way at once. */
    open suspend fun sendAmongMany(): Unit = send()

    /** Whether [sendAmongMany] holds the thread it runs on, so that each needs its own. */
    open val holdsThread: Boolean get() = false

    /** Called before that many are under way at once. */
    open fun expect(width: Int) {}

    /** One text to many; only payamak has it. */
    open val campaign: (suspend (List<String>) -> Unit)? get() = null

    /** Asks for statuses and gives the id of each back, or null where the subject does not do it. */
    open fun statuses(dialect: String): (suspend (List<Long>) -> List<Long?>)? = null

    /** One send to a server that misbehaves, and what the client says about it. */
    open suspend fun fault(): String {
        send()
        return "sent"
    }
}

/** Refuses an answer without an id: an error path would be fast, and prove nothing. */
fun requireId(id: Long?) = check(id != null && id > 0) { "no message id" }
