//! The jobs that the driver gives, a line of JSON each, and what a worker answers. `../README.md` says what they mean.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use cpu_time::ProcessTime;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::subjects::Subject;

/// What there is to do.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum Job {
    /// One send after the other.
    Send {
        /// How many.
        calls: usize,
    },
    /// Sends with `width` of them under way at once.
    InFlight {
        /// How many in all.
        calls: usize,
        /// How many at once.
        width: usize,
    },
    /// One text to many numbers.
    Campaign {
        /// How many.
        messages: usize,
    },
    /// Status calls, from the wire to the caller's objects.
    Statuses {
        /// The gateway's form.
        dialect: Dialect,
        /// How many calls.
        calls: usize,
        /// How many ids a call.
        each: usize,
    },
    /// One send to a server that misbehaves.
    Fault {
        /// How long the client may take, in seconds, before it counts as hanging.
        timeout: f64,
    },
}

/// The forms in which statuses travel.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// Payam Resan's JSON.
    PayamResan,
    /// The SOAP of NikSMS.
    Soap,
    /// The form answers of NikSMS.
    PublicApi,
    /// The envelope of NikSMS.
    V2,
    /// The newer REST of NikSMS.
    WebService,
}

/// What a job answers.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// What the job cost, in seconds.
    Cost {
        /// User and system time of the whole process.
        cpu: f64,
        /// Time that passed.
        wall: f64,
        /// The greatest memory that the process has had so far, in bytes.
        peak: Option<u64>,
    },
    /// How a client took a fault.
    Ended {
        /// Whether it came back at all.
        ended: bool,
        /// After how long.
        seconds: f64,
        /// What it said then.
        says: String,
    },
    /// This subject does not do this job.
    Unsupported {
        /// Always.
        unsupported: bool,
    },
}

impl Job {
    /// Does it.
    ///
    /// # Errors
    /// The subject failed, or answered something else than what was sent.
    pub async fn run(self, subject: Arc<Subject>) -> Result<Answer> {
        if !subject.supports(self) {
            return Ok(Answer::Unsupported { unsupported: true });
        }
        if let Self::Fault { timeout } = self {
            return Ok(fault(&subject, Duration::from_secs_f64(timeout)).await);
        }
        // What is to be sent is made before the clock starts, for the subjects that make nothing of their own.
        let prepared = subject.prepare(self)?;
        let (cpu, started) = (ProcessTime::now(), Instant::now());
        match self {
            Self::Send { calls } => {
                let mut line = subject.line().await?;
                for _ in 0..calls {
                    subject.send(&mut line).await?;
                }
            }
            Self::InFlight { calls, width } => in_flight(&subject, calls, width).await?,
            Self::Campaign { messages } => subject.campaign(messages, prepared).await?,
            Self::Statuses { dialect, calls, each } => {
                for _ in 0..calls {
                    anyhow::ensure!(
                        subject.statuses(dialect, each).await? == each,
                        "another number of statuses"
                    );
                }
            }
            Self::Fault { .. } => {}
        }
        let (cpu, wall) = (cpu.elapsed().as_secs_f64(), started.elapsed().as_secs_f64());
        Ok(Answer::Cost { cpu, wall, peak: peak_memory() })
    }
}

async fn in_flight(subject: &Arc<Subject>, calls: usize, width: usize) -> Result<()> {
    let taken = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..width {
        let (subject, taken) = (Arc::clone(subject), Arc::clone(&taken));
        tasks.spawn(async move {
            let mut line = subject.line().await?;
            while taken.fetch_add(1, Ordering::Relaxed) < calls {
                subject.send(&mut line).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    Ok(())
}

async fn fault(subject: &Subject, timeout: Duration) -> Answer {
    let started = Instant::now();
    let says = tokio::time::timeout(timeout, subject.send_once()).await;
    let (ended, says) = match says {
        Ok(says) => (true, says),
        Err(_) => (false, "nothing".to_owned()),
    };
    Answer::Ended { ended, seconds: started.elapsed().as_secs_f64(), says }
}

/// As Linux keeps it; other systems have no such file.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// The job of a line.
///
/// # Errors
/// It is none.
pub fn read(line: &str) -> Result<Job> {
    serde_json::from_str(line).with_context(|| format!("no job of ours: {line}"))
}
