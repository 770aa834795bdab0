package io.github.payamak.benchmarks

import com.sun.jna.Native
import com.sun.jna.Platform

/** The CPU time of the process. The JVM's own answer counts in steps of 10 ms, which is more than some jobs take. */
object Cpu {
    private val clock = if (Platform.isMac()) 12 else 2

    init {
        Native.register(Cpu::class.java, "c")
    }

    private external fun clock_gettime(clock: Int, time: LongArray): Int

    /** User and system time of all threads, also of those that have ended, compilers and garbage collector; in seconds. */
    fun seconds(): Double {
        val time = LongArray(2)
        check(clock_gettime(clock, time) == 0) { "no clock of the process" }
        return time[0] + time[1] / 1e9
    }
}
