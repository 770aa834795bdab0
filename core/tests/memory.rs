//! What a send of any length keeps in memory: the messages and their receipts, not its requests.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]
#![allow(clippy::print_stdout, reason = "what was measured is shown")]

use std::sync::Arc;

use futures_util::future::BoxFuture;
use payamak::{Accepted, Batch, Capabilities, Gateway, MessageId, Messenger, Outgoing, Result};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// A gateway without a network, so that only the messenger's memory is counted.
#[derive(Debug)]
struct Instant {
    name: Arc<str>,
    capabilities: Capabilities,
}

impl Instant {
    fn new() -> Self {
        let capabilities = Capabilities::new(99);
        Self { name: "instant".into(), capabilities }
    }
}

impl Gateway for Instant {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn check(&self, _: &Outgoing<'_>) -> Result<()> {
        Ok(())
    }

    fn submit<'a>(&'a self, batch: &'a Batch<'a>) -> BoxFuture<'a, Result<Vec<Accepted>>> {
        let accept = |message: &Outgoing<'_>| {
            Accepted::new(message.trace_id, Some(MessageId::new(message.trace_id.get())))
        };
        Box::pin(std::future::ready(Ok(batch.messages.iter().map(accept).collect())))
    }
}

/// The peak of a send beyond what was there before it, in bytes.
async fn peak(messenger: &Messenger, count: i64) -> usize {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let recipients: Vec<i64> = (0..count).map(|index| 9_120_000_000 + index).collect();
    let report = messenger.send("سلام، وقت بخیر", recipients).await.unwrap();
    assert_eq!(report.accepted().count(), report.len());
    MEMORY.peak_usage().saturating_sub(before)
}

#[tokio::test]
async fn memory_grows_with_the_messages_alone() {
    let messenger = Messenger::builder().gateway(Instant::new()).build().unwrap();
    peak(&messenger, 1_000).await;
    let (hundred, million) = (peak(&messenger, 100_000).await, peak(&messenger, 1_000_000).await);
    println!("{} bytes a message at 100,000, {} at 1,000,000", hundred / 100_000, million / 1_000_000);
    // Ten times the messages, ten times the memory; a Vec that doubles may be caught at any point between.
    assert!(million < hundred * 14, "{hundred} bytes for 100,000 messages, {million} for 1,000,000");
    assert!(million / 1_000_000 < 500, "{} bytes a message", million / 1_000_000);
}
