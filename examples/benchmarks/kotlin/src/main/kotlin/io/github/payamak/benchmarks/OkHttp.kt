package io.github.payamak.benchmarks

import java.io.IOException
import kotlin.coroutines.resume
import kotlin.coroutines.resumeWithException
import kotlinx.coroutines.suspendCancellableCoroutine
import okhttp3.Call
import okhttp3.Callback
import okhttp3.MediaType.Companion.toMediaType
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody.Companion.toRequestBody
import okhttp3.Response

/** What Android's programs use, with Jackson. */
class OkHttp(base: String) : Subject() {
    private val client = OkHttpClient()
    private val url = base + SEND_BULK
    private val json = JSON.toMediaType()

    override val versions: Map<String, String>
        get() = mapOf("okhttp" to okhttp3.OkHttp.VERSION, "jackson" to MAPPER.version().toString())

    /** It has five under way to one host unless it is told otherwise. */
    override fun expect(width: Int) {
        client.dispatcher.maxRequests = width
        client.dispatcher.maxRequestsPerHost = width
    }

    override suspend fun send() = client.newCall(request()).execute().use(::read)

    override suspend fun sendAmongMany() {
        val call = client.newCall(request())
        val (status, body) = suspendCancellableCoroutine { continuation ->
            continuation.invokeOnCancellation { call.cancel() }
            call.enqueue(object : Callback {
                override fun onFailure(call: Call, e: IOException) = continuation.resumeWithException(e)

                override fun onResponse(call: Call, response: Response) {
                    try {
                        continuation.resume(response.use { it.code to it.body.bytes() })
                    } catch (e: IOException) {
                        continuation.resumeWithException(e)
                    }
                }
            })
        }
        requireSent(status, body)
    }

    private fun request() = Request.Builder().url(url).post(sendBulk().toRequestBody(json)).build()

    private fun read(response: Response) = requireSent(response.code, response.body.bytes())
}
