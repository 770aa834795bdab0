//! The listeners: one that answers at once, one that takes its time, one that takes a message and hangs up, one that takes
//! it and says nothing.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, TcpStream};

use crate::answers;

const A_WHILE: Duration = Duration::from_millis(10);

/// How a listener treats a message that has arrived completely. Questions about messages are answered in any case.
#[derive(Clone, Copy, Debug)]
pub enum Manner {
    /// Answers at once.
    Answers,
    /// Answers after as long as a gateway nearby takes.
    Unhurried,
    /// Closes the connection: the gateway has taken the message, and the client never hears of it.
    Drops,
    /// Never answers.
    Silent,
}

/// What a listener has seen so far.
#[derive(Debug, Default)]
struct Counts {
    /// Requests with messages.
    sends: AtomicUsize,
    connections: AtomicUsize,
}

/// Listens on a free port of loopback, and serves until the runtime ends.
///
/// # Errors
/// No port could be had.
pub fn serve(manner: Manner) -> io::Result<SocketAddr> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let listener = socket.listen(4096)?;
    let address = listener.local_addr()?;
    let counts = Arc::new(Counts::default());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counts.connections.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(connection(stream, manner, Arc::clone(&counts)));
        }
    });
    Ok(address)
}

async fn connection(stream: TcpStream, manner: Manner, counts: Arc<Counts>) {
    if stream.set_nodelay(true).is_err() {
        // The client has already gone.
        return;
    }
    let service = service_fn(|request| exchange(request, manner, &counts));
    // An error is a client that went away, or a connection that is to end: nobody is to be told.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// An error ends the connection.
#[derive(Debug)]
struct HangUp;

impl std::fmt::Display for HangUp {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the connection ends here")
    }
}

impl std::error::Error for HangUp {}

async fn exchange(
    request: Request<Incoming>,
    manner: Manner,
    counts: &Counts,
) -> Result<Response<Full<Bytes>>, HangUp> {
    if request.uri().path() == "/counts" {
        let Counts { sends, connections } = counts;
        let counts = serde_json::json!({ "sends": sends, "connections": connections });
        return Ok(Response::new(counts.to_string().into()));
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await else { return Err(HangUp) };
    if answers::is_question(parts.uri.path()) {
        return Ok(response(&parts, &body.to_bytes()));
    }
    counts.sends.fetch_add(1, Ordering::Relaxed);
    match manner {
        Manner::Answers => Ok(response(&parts, &body.to_bytes())),
        Manner::Unhurried => {
            tokio::time::sleep(A_WHILE).await;
            Ok(response(&parts, &body.to_bytes()))
        }
        Manner::Drops => Err(HangUp),
        Manner::Silent => {
            let never: Infallible = pending().await;
            match never {}
        }
    }
}

fn response(parts: &hyper::http::request::Parts, body: &[u8]) -> Response<Full<Bytes>> {
    let action = parts.headers.get("soapaction").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some(answer) = answers::answer(parts.uri.path(), body, action) else {
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let mut response = Response::new(Full::from(answer.body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    response
}
