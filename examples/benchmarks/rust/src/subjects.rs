//! The clients: payamak at both its levels, a bare `reqwest`, and bare sockets, which show what the server can do.

pub mod bare;
pub mod ours;
pub mod sockets;

use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::{Result, bail};
use bytes::Bytes;

use crate::jobs::{Dialect, Job};

const TEXT: &str = "کد ورود شما: 48213";
const API_KEY: &str = "benchmark-key";
const SENDER: i64 = 30_004_040;
const RECIPIENT: i64 = 989_121_112_222;

/// As long as payamak's own, so that all bodies have one length.
static NEXT_TRACE_ID: AtomicI64 = AtomicI64::new(1_000_000_000_000_000);

fn next_trace_id() -> i64 {
    NEXT_TRACE_ID.fetch_add(1, Ordering::Relaxed)
}

/// A client that is measured.
pub enum Subject {
    /// The gateway's client.
    PayamResan(Box<ours::Gateways>),
    /// The messenger over it.
    Messenger(ours::Safely),
    /// `reqwest` with `serde_json`.
    Reqwest(bare::Client),
    /// Requests written beforehand, on sockets.
    Sockets(sockets::Client),
}

/// A connection of one's own, for the subject that has no pool.
pub enum Line {
    /// The subject looks after its connections.
    Pooled,
    /// This is one.
    Own(sockets::Connection),
}

impl Subject {
    /// The subject of that name, against the server at `url`.
    ///
    /// # Errors
    /// There is none of that name, or it could not be set up.
    pub fn named(name: &str, url: &str) -> Result<Self> {
        Ok(match name {
            "payamak" => Self::PayamResan(Box::new(ours::Gateways::new(url)?)),
            "payamak-messenger" => Self::Messenger(ours::Safely::new(url)?),
            "reqwest" => Self::Reqwest(bare::Client::new(url)?),
            "sockets" => Self::Sockets(sockets::Client::new(url)?),
            _ => bail!("no subject is called {name}"),
        })
    }

    /// Whether it does such a job.
    #[must_use]
    pub fn supports(&self, job: Job) -> bool {
        match job {
            Job::Send { .. } | Job::InFlight { .. } => true,
            Job::Campaign { .. } => matches!(self, Self::Messenger(_) | Self::Sockets(_)),
            Job::Statuses { .. } => matches!(self, Self::PayamResan(_) | Self::Reqwest(_)),
            Job::Fault { .. } => matches!(self, Self::Messenger(_) | Self::Reqwest(_)),
        }
    }

    /// What has to exist before the clock starts.
    ///
    /// # Errors
    /// It could not be made.
    pub fn prepare(&self, job: Job) -> Result<Vec<Bytes>> {
        match (self, job) {
            (Self::Sockets(client), Job::Campaign { messages }) => client.campaign_requests(messages),
            _ => Ok(Vec::new()),
        }
    }

    /// What one sender of several holds on to.
    ///
    /// # Errors
    /// No connection could be had.
    pub async fn line(&self) -> Result<Line> {
        Ok(match self {
            Self::Sockets(client) => Line::Own(client.connect().await?),
            _ => Line::Pooled,
        })
    }

    /// Sends one message, and checks that it has an id.
    ///
    /// # Errors
    /// It has none.
    pub async fn send(&self, line: &mut Line) -> Result<()> {
        match (self, line) {
            (Self::PayamResan(client), _) => client.send().await,
            (Self::Messenger(client), _) => client.send().await,
            (Self::Reqwest(client), _) => client.send().await,
            (Self::Sockets(client), Line::Own(connection)) => client.send(connection).await,
            (Self::Sockets(_), Line::Pooled) => bail!("bare sockets have no pool"),
        }
    }

    /// Sends one text to that many numbers.
    ///
    /// # Errors
    /// Not all of them were accepted.
    pub async fn campaign(&self, messages: usize, prepared: Vec<Bytes>) -> Result<()> {
        match self {
            Self::Messenger(client) => client.campaign(messages).await,
            Self::Sockets(client) => client.campaign(prepared).await,
            Self::PayamResan(_) | Self::Reqwest(_) => bail!("no campaigns"),
        }
    }

    /// Asks for that many statuses, and says how many came.
    ///
    /// # Errors
    /// They could not be read.
    pub async fn statuses(&self, dialect: Dialect, each: usize) -> Result<usize> {
        match self {
            Self::PayamResan(client) => client.statuses(dialect, each).await,
            Self::Reqwest(client) => client.statuses(dialect, each).await,
            Self::Messenger(_) | Self::Sockets(_) => bail!("no statuses"),
        }
    }

    /// Sends one message, and says how that ended.
    pub async fn send_once(&self) -> String {
        match self {
            Self::Messenger(client) => client.send_once().await,
            other => match other.send(&mut Line::Pooled).await {
                Ok(()) => "sent".to_owned(),
                Err(error) => format!("{error:#}"),
            },
        }
    }
}
