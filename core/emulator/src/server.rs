//! The accept loop, and the faults that need a hand on the connection itself.

use std::convert::Infallible;
use std::fmt;
use std::future::{pending, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::OwnedSemaphorePermit;

use crate::control;
use crate::dialect;
use crate::http::{Answer, Reply, Request};
use crate::patience::{Arrivals, Patient};
use crate::state::World;

/// Enough for a client that opens all its connections at once.
const BACKLOG: u32 = 4096;
/// Of a request's head too: twice the longest address that hyper reads.
const MAX_BUFFER: usize = 128 * 1024;

pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

pub(crate) async fn accept(listener: TcpListener, world: Arc<World>) -> Infallible {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                world.connections.fetch_add(1, Ordering::Relaxed);
                // The next ones wait to be accepted. The semaphore is never closed.
                if let Ok(permit) = Arc::clone(&world.free_connections).acquire_owned().await {
                    tokio::spawn(serve(stream, Arc::clone(&world), permit));
                }
            }
            // Most likely out of file descriptors: some come back when a connection ends.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// Serves one connection to its end.
async fn serve(stream: TcpStream, world: Arc<World>, _permit: OwnedSemaphorePermit) {
    if stream.set_nodelay(true).is_err() {
        // The client has already gone.
        return;
    }
    // hyper does not send half an answer: what is to be the last thing on the wire is written when it has let go.
    let last_words = Arc::new(OnceLock::new());
    let (read_timeout, idle_timeout) = (world.settings.read_timeout, world.settings.idle_timeout);
    let arrivals = Arrivals::default();
    let stream = Patient::new(stream, read_timeout, arrivals.clone());
    let service = {
        let last_words = Arc::clone(&last_words);
        service_fn(move |request| {
            arrivals.count();
            exchange(request, Arc::clone(&world), arrivals.clone(), Arc::clone(&last_words))
        })
    };
    let mut connection = http1::Builder::new()
        .max_buf_size(MAX_BUFFER)
        .timer(TokioTimer::new())
        // Counts from the answer before on, so it is the limit for a client that says nothing.
        .header_read_timeout(idle_timeout)
        .serve_connection(TokioIo::new(stream), service);
    // An error is a client that went away or a fault that closes the connection: nobody is to be told.
    let _ = poll_fn(|context| connection.poll_without_shutdown(context)).await;
    let mut stream = connection.into_parts().io.into_inner().into_inner();
    if let Some(bytes) = last_words.get() {
        let _ = stream.write_all(bytes).await;
    }
    let _ = stream.shutdown().await;
}

/// Says to hyper that the connection is to end here.
#[derive(Debug)]
struct Hangup;

impl fmt::Display for Hangup {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the connection ends here")
    }
}

impl std::error::Error for Hangup {}

type Exchange = Pin<Box<dyn Future<Output = Result<Response<Full<Bytes>>, Hangup>> + Send>>;

fn exchange(
    request: hyper::Request<Incoming>,
    world: Arc<World>,
    arrivals: Arrivals,
    last_words: Arc<OnceLock<Vec<u8>>>,
) -> Exchange {
    // A task of its own, and begun here: hyper drops the future, polled or not, when it sees that the client has hung
    // up, and a request that has arrived completely is carried out even so.
    let received = tokio::spawn(receive(request, Arc::clone(&world), arrivals));
    Box::pin(async move {
        let reply = received.await.unwrap_or(Reply::Close);
        match reply {
            Reply::Answer(answer) => Ok(response(answer, &world)),
            Reply::Later(delay, answer) => {
                tokio::time::sleep(delay).await;
                Ok(response(answer, &world))
            }
            Reply::Half(answer) => {
                let _ = last_words.set(first_half(&answer));
                Err(Hangup)
            }
            Reply::Close => Err(Hangup),
            Reply::Never => pending().await,
        }
    })
}

async fn receive(request: hyper::Request<Incoming>, world: Arc<World>, arrivals: Arrivals) -> Reply {
    let (parts, body) = request.into_parts();
    if let Err(refusal) = world.admission.check(&parts) {
        return Reply::Answer(refusal);
    }
    let body = match whole(body, &world).await {
        Ok(body) => body,
        Err(reply) => return reply,
    };
    arrivals.count();
    let request = Request { parts, body };
    let path = request.path();
    if let Some(rest) = path.strip_prefix("/replay/") {
        world.replay.reply(&request, rest)
    } else if let Some(rest) = path.strip_prefix("/_emulator/") {
        Reply::Answer(control::answer(&world, &request, rest))
    } else {
        dialect::reply(&world, &request)
    }
}

/// The body, or what becomes of a request without it.
async fn whole(body: Incoming, world: &World) -> Result<Bytes, Reply> {
    let refusal = |status, text: &'static str| Reply::Answer(Answer::plain(status, text).closing());
    let too_long = || refusal(StatusCode::PAYLOAD_TOO_LARGE, "The body is longer than the emulator reads.\n");
    let limit = world.settings.max_body;
    if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(too_long());
    }
    match tokio::time::timeout(world.settings.read_timeout, Limited::new(body, limit).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_long()),
        // The client has gone.
        Ok(Err(_)) => Err(Reply::Close),
        Err(_) => Err(refusal(StatusCode::REQUEST_TIMEOUT, "The rest of the body has not come.\n")),
    }
}

fn response(answer: Answer, world: &World) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(answer.body));
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    if let Ok(content_type) = HeaderValue::from_str(&answer.content_type) {
        headers.insert(CONTENT_TYPE, content_type);
    }
    headers.extend(answer.headers);
    if world.free_connections.available_permits() == 0 {
        // Others may be waiting, and a client keeps what it may keep.
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The head as if the whole body followed, and half of the body.
fn first_half(answer: &Answer) -> Vec<u8> {
    let Answer { status, content_type, headers, body } = answer;
    let reason = StatusCode::canonical_reason(status).unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {} {reason}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n",
        status.as_str(),
        body.len()
    );
    let mut bytes = head.into_bytes();
    for (name, value) in headers {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    bytes.extend(b"\r\n");
    bytes.extend(body.iter().take(body.len() / 2));
    bytes
}
