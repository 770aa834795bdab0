//! What a send of any length keeps in memory: the messages and their receipts, not its requests.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]
#![allow(clippy::print_stdout, reason = "what was measured is shown")]

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use payamak::{
    Accepted, Balance, Batch, Capabilities, DeliveryStatus, Gateway, IncomingMessage, MessageId, Messenger,
    Outgoing, Registration, Result, TraceId,
};
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
        let capabilities = Capabilities {
            max_recipients: 99,
            personal: None,
            templates: false,
            look_up: None,
            deliveries: None,
            inbox: false,
            poll_interval: Duration::ZERO,
        };
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
        let accept = |message: &Outgoing<'_>| Accepted {
            trace_id: message.trace_id,
            message_id: Some(MessageId::new(message.trace_id.get())),
        };
        Box::pin(std::future::ready(Ok(batch.messages.iter().map(accept).collect())))
    }

    fn look_up<'a>(&'a self, _: &'a [TraceId]) -> BoxFuture<'a, Result<Vec<Registration>>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn deliveries<'a>(
        &'a self,
        _: &'a [MessageId],
    ) -> BoxFuture<'a, Result<Vec<(MessageId, DeliveryStatus)>>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn receive(&self) -> BoxFuture<'_, Result<Vec<IncomingMessage>>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn balance(&self) -> BoxFuture<'_, Result<Balance>> {
        Box::pin(std::future::ready(Ok(Balance::new(self.name.clone(), 0.0, Vec::new()))))
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
