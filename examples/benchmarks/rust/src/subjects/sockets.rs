//! The bare load generator: requests that were written beforehand, on sockets. What it reaches is the server's ceiling.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use serde::Serialize;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::{API_KEY, RECIPIENT, SENDER, TEXT, next_trace_id};

/// What a request of payamak carries, and how many of them it has under way.
const A_REQUEST: usize = 99;
const UNDER_WAY: usize = 10;

/// Where to, and the request for one message.
#[derive(Clone)]
pub struct Client {
    host: String,
    one: Bytes,
}

/// A kept connection.
pub struct Connection {
    stream: BufReader<TcpStream>,
    line: String,
    body: Vec<u8>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    api_key: &'static str,
    text: &'static str,
    sender: i64,
    recipients: Vec<Recipient>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Recipient {
    destination: i64,
    user_trace_id: i64,
}

fn request(host: &str, recipients: impl Iterator<Item = i64>) -> Result<Bytes> {
    let recipients = recipients.map(|destination| Recipient { destination, user_trace_id: next_trace_id() });
    let body = Body { api_key: API_KEY, text: TEXT, sender: SENDER, recipients: recipients.collect() };
    let body = serde_json::to_string(&body)?;
    let length = body.len();
    Ok(format!(
        "POST /api/V3/SendBulk HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json; charset=utf-8\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into())
}

impl Client {
    pub(super) fn new(url: &str) -> Result<Self> {
        let host = url.strip_prefix("http://").context("not an http:// address")?.to_owned();
        let one = request(&host, [RECIPIENT].into_iter())?;
        Ok(Self { host, one })
    }

    pub(super) async fn connect(&self) -> Result<Connection> {
        let stream = TcpStream::connect(&self.host).await?;
        stream.set_nodelay(true)?;
        Ok(Connection {
            stream: BufReader::with_capacity(64 * 1024, stream),
            line: String::new(),
            body: Vec::new(),
        })
    }

    pub(super) async fn send(&self, connection: &mut Connection) -> Result<()> {
        connection.exchange(&self.one).await
    }

    /// The requests of a campaign of that many messages, as payamak would plan them.
    pub(super) fn campaign_requests(&self, messages: usize) -> Result<Vec<Bytes>> {
        let starts = (0..messages).step_by(A_REQUEST);
        let first = 989_120_000_000..;
        starts
            .map(|start| request(&self.host, first.clone().skip(start).take(A_REQUEST.min(messages - start))))
            .collect()
    }

    pub(super) async fn campaign(&self, requests: Vec<Bytes>) -> Result<()> {
        let requests: Arc<[Bytes]> = requests.into();
        let taken = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        for _ in 0..UNDER_WAY {
            let (client, requests, taken) = (self.clone(), Arc::clone(&requests), Arc::clone(&taken));
            tasks.spawn(async move {
                let mut connection = client.connect().await?;
                while let Some(request) = requests.get(taken.fetch_add(1, Ordering::Relaxed)) {
                    connection.exchange(request).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(task) = tasks.join_next().await {
            task??;
        }
        Ok(())
    }
}

impl Connection {
    async fn exchange(&mut self, request: &[u8]) -> Result<()> {
        self.stream.get_mut().write_all(request).await?;
        let mut length = 0;
        let mut status = true;
        loop {
            self.line.clear();
            ensure!(self.stream.read_line(&mut self.line).await? > 0, "the connection ended");
            let line = self.line.trim_end();
            if status {
                ensure!(line == "HTTP/1.1 200 OK", "the server answered {line}");
                status = false;
            } else if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse()?;
            } else if line.is_empty() {
                break;
            }
        }
        self.body.resize(length, 0);
        self.stream.read_exact(&mut self.body).await?;
        ensure!(self.body.starts_with(b"{\"Success\":true"), "refused");
        Ok(())
    }
}
