package io.github.payamak.bridge

import com.sun.jna.Callback
import com.sun.jna.CallbackThreadInitializer
import com.sun.jna.Native
import com.sun.jna.Pointer
import java.nio.ByteBuffer

/**
 * The way in for calls and sends: bytes go in, bytes come out, one crossing each. What is generated crosses a dozen times
 * for the same, each time with an object of JNA's own. The other half is `src/direct.rs`.
 */
internal object Direct {
    private val waiting = Waiting(::payamak_stop)

    /** Called by name, from the library's thread. */
    internal interface Listener : Callback {
        /** [answer] is an address. For a pointer JNA would allocate, and nobody could catch it when that fails. */
        fun callback(call: Long, answer: Long, length: Long)
    }

    /** The library does not keep it alive. */
    private val listener = object : Listener {
        override fun callback(call: Long, answer: Long, length: Long) =
            waiting.answered(call) { Pointer(answer).getByteArray(0, Math.toIntExact(length)) }
    }

    init {
        val library = System.getProperty("uniffi.component.payamak_bridge.libraryOverride") ?: "payamak_uniffi"
        Native.register(Direct::class.java, library)
        // Without these JNA makes the library's thread one of the JVM's for each call, and takes it back afterwards.
        val stays = CallbackThreadInitializer(true, false, "payamak")
        Native.setCallbackThreadInitializer(listener, stays)
        Native.setCallbackThreadInitializer(uniffiRustFutureContinuationCallbackImpl, stays)
        payamak_listen(listener)
    }

    private external fun payamak_listen(listener: Listener)
    private external fun payamak_stop(call: Long)
    private external fun payamak_ask_payam_resan(client: Long, bytes: ByteArray, length: Long, call: Long)
    private external fun payamak_ask_niksms(client: Long, bytes: ByteArray, length: Long, call: Long)
    private external fun payamak_send(messenger: Long, bytes: ByteArray, length: Long): Long
    private external fun payamak_finish(sending: Long, call: Long)

    suspend fun ask(client: RawPayamResan, what: RawPayamResanCall): RawAnswer = answer { call ->
        val bytes = FfiConverterTypeRawPayamResanCall.bytes(what)
        client.callWithHandle { payamak_ask_payam_resan(it, bytes.array(), bytes.position().toLong(), call) }
    }

    suspend fun ask(client: RawNikSms, what: RawNikSmsCall): RawAnswer = answer { call ->
        val bytes = FfiConverterTypeRawNikSmsCall.bytes(what)
        client.callWithHandle { payamak_ask_niksms(it, bytes.array(), bytes.position().toLong(), call) }
    }

    fun send(messenger: RawMessenger, send: RawSend): RawSending {
        val bytes = FfiConverterTypeRawSend.bytes(send)
        val sending = messenger.callWithHandle { payamak_send(it, bytes.array(), bytes.position().toLong()) }
        if (sending == 0L) throw InternalException("the send cannot be made")
        return RawSending(UniffiWithHandle, sending)
    }

    suspend fun finish(sending: RawSending): List<RawReceipt> {
        val answer = answer { call -> sending.callWithHandle { payamak_finish(it, call) } }
        return (answer as RawAnswer.Receipts).rows
    }

    private fun <T> FfiConverter<T, *>.bytes(value: T): ByteBuffer =
        ByteBuffer.allocate(Math.toIntExact(allocationSize(value).toLong())).also { write(value, it) }

    private suspend fun answer(begin: (call: Long) -> Unit): RawAnswer {
        val bytes = waiting.answer(begin)
        return when (val reply = FfiConverterTypeRawReply.read(ByteBuffer.wrap(bytes))) {
            is RawReply.Answered -> reply.answer
            is RawReply.Failed -> throw RawException.Failed(reply.failure, reply.receipts)
            is RawReply.Canceled -> throw RawException.Canceled()
            is RawReply.Panicked -> throw InternalException(reply.reason)
        }
    }
}
