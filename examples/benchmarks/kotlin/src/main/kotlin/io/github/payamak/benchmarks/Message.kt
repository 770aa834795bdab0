package io.github.payamak.benchmarks

import java.util.concurrent.atomic.AtomicLong

// The one message that every subject sends.

const val TEXT = "کد ورود شما: 48213"
const val SENDER = "30004040"
const val TO = "09121112222"
const val KEY = "benchmark-key"

private val last = AtomicLong(1_000_000)

/** A trace id that nobody has used. */
fun traceId(): Long = last.incrementAndGet()

/** Ids as long as those of the gateways, beyond 2^53. */
fun idsOf(count: Int): List<Long> = List(count) { 639_000_000_000_000_001 + it }
