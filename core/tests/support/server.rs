//! Servers of a few lines on loopback, for what no gateway (and no emulator) would do.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// What a server does with a request.
pub(crate) enum Reply {
    /// Sends these characters, head and body, and keeps the connection.
    Say(String),
    /// Closes the connection.
    Close,
    /// Sends these characters and then nothing more, on a connection that stays open.
    Stall(String),
    /// Sends these characters over and over, for as long as somebody reads.
    Again(String),
    /// Sends this head, and then a body of so many bytes for as long as somebody reads.
    Flood(String, usize),
}

/// 200 with a JSON body.
pub(crate) fn ok(json: &str) -> Reply {
    answer("200 OK", "", json)
}

/// A whole answer; `headers` end in a line break each.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Reply {
    let length = body.len();
    Reply::Say(format!(
        "HTTP/1.1 {status}\r\n{headers}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    ))
}

/// A server on a free port, gone when dropped.
pub(crate) struct Server {
    address: SocketAddr,
    seen: Arc<Seen>,
    flooded: UnboundedReceiver<usize>,
    accepting: JoinHandle<()>,
}

struct Seen {
    connections: AtomicUsize,
    requests: Mutex<Vec<String>>,
    flooded: UnboundedSender<usize>,
}

impl Server {
    /// Answers each request, numbered from 1, with what `reply` says.
    pub(crate) async fn start(reply: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_with(None, reply).await
    }

    /// The same over TLS.
    pub(crate) async fn start_tls(
        acceptor: TlsAcceptor,
        reply: impl Fn(usize, &str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start_with(Some(acceptor), reply).await
    }

    async fn start_with(
        acceptor: Option<TlsAcceptor>,
        reply: impl Fn(usize, &str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, flooded) = unbounded_channel();
        let seen =
            Arc::new(Seen { connections: AtomicUsize::new(0), requests: Mutex::default(), flooded: sender });
        let accepting = tokio::spawn({
            let (seen, reply) = (seen.clone(), Arc::new(reply));
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    seen.connections.fetch_add(1, Ordering::SeqCst);
                    let (seen, reply, acceptor) = (seen.clone(), reply.clone(), acceptor.clone());
                    tokio::spawn(async move {
                        match acceptor {
                            None => converse(stream, &seen, &*reply).await,
                            // A client that does not trust the certificate ends it here.
                            Some(acceptor) => {
                                if let Ok(stream) = acceptor.accept(stream).await {
                                    converse(stream, &seen, &*reply).await;
                                }
                            }
                        }
                    });
                }
            }
        });
        Self { address, seen, flooded, accepting }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections were accepted.
    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// The requests that arrived whole, head and body.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.requests.lock().unwrap().clone()
    }

    /// How many bytes of a flood could be written before the other side closed the connection; the whole flood, if it
    /// never did.
    pub(crate) async fn flooded(&mut self) -> usize {
        self.flooded.recv().await.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Reads requests and answers them until one side has had enough.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    seen: &Seen,
    reply: &impl Fn(usize, &str) -> Reply,
) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read_request(&mut stream).await {
        let number = {
            let mut requests = seen.requests.lock().unwrap();
            requests.push(request.clone());
            requests.len()
        };
        match reply(number, &request) {
            Reply::Say(text) => {
                if stream.write_all(text.as_bytes()).await.is_err() {
                    return;
                }
            }
            Reply::Close => return,
            Reply::Stall(text) => {
                let _ = stream.write_all(text.as_bytes()).await;
                let _ = stream.flush().await;
                // Ends when the other side goes.
                let _ = stream.read_u8().await;
                return;
            }
            Reply::Again(text) => {
                let mut written = 0;
                while stream.write_all(text.as_bytes()).await.is_ok() {
                    written += text.len();
                }
                let _ = seen.flooded.send(written);
                return;
            }
            Reply::Flood(head, bytes) => {
                let mut written = 0;
                let _ = stream.write_all(head.as_bytes()).await;
                let piece = vec![b'x'; 1 << 16];
                while written < bytes && stream.write_all(&piece).await.is_ok() {
                    written += piece.len();
                }
                let _ = seen.flooded.send(written);
                return;
            }
        }
    }
}

/// One request, head and body; nothing when the connection ends before it does.
async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await.ok()?);
    }
    let text = String::from_utf8_lossy(&bytes).to_lowercase();
    let length =
        text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    bytes.append(&mut body);
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
