package io.github.payamak.benchmarks

import com.fasterxml.jackson.databind.json.JsonMapper
import kotlin.system.exitProcess

/**
 * One process a subject: arguments are its name and the base URL. A job a line comes in, an answer a line goes out.
 *
 * With `--first-call` before them it makes the subject, sends once, says how long that took since the start of the JVM, and
 * ends.
 */
fun main(arguments: Array<String>) {
    val first = arguments.firstOrNull() == "--first-call"
    val (name, base) = arguments.drop(if (first) 1 else 0).takeIf { it.size == 2 } ?: usage()
    val make = SUBJECTS[name] ?: usage()
    if (first) {
        println(firstCall(name) { make(base) })
        return
    }
    val subject = make(base)
    val json = JsonMapper()
    val versions = mapOf("java" to Runtime.version().toString()) + subject.versions
    println(json.writeValueAsString(mapOf("ready" to true, "subject" to name, "versions" to versions)))

    val jobs = Jobs(subject)
    for (line in generateSequence(::readlnOrNull)) {
        val answer = jobs.run(json.readTree(line)) ?: mapOf("unsupported" to true)
        println(json.writeValueAsString(answer))
        // A client that is still waiting would keep the process; whoever asked has the answer.
        if (answer["ended"] == false) Runtime.getRuntime().halt(0)
    }
    exitProcess(0)
}

private val SUBJECTS: Map<String, (String) -> Subject> = mapOf(
    "payamak" to { base -> Payamak(base, safely = false) },
    "payamak-messenger" to { base -> Payamak(base, safely = true) },
    "java.net.http" to ::JavaNetHttp,
    "HttpURLConnection" to ::UrlConnection,
    "okhttp" to ::OkHttp,
)

private fun usage(): Nothing {
    System.err.println("usage: [--first-call] ${SUBJECTS.keys.joinToString(" | ")} <base url>")
    exitProcess(2)
}
