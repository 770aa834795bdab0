//! Sends without end: through all that can go wrong, as campaigns and one by one, by clients that live for the whole time.
//! Nothing is sent twice, nothing is lost, and nothing is kept.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where it fails"
)]
#![allow(clippy::print_stdout, reason = "what was counted is shown")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::faults::{drawn, random_fault};
use common::{
    KINDS, Kind, TIMEOUT, assert_honest, messages, messenger_in_time_of, niksms, payam_resan, recipient,
};
use futures_util::{StreamExt as _, future::join_all, stream};
use payamak::niksms::Dialect;
use payamak::{Gateway, Messenger, Receipt, SendOutcome};
use payamak_emulator::{Emulator, Fault};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// How many single sends are under way at once, by each gateway.
const WIDTH: usize = 64;

/// A gateway, and the one client and messenger that go through the whole soak.
struct Lane {
    kind: Kind,
    emulator: Arc<Emulator>,
    messenger: Messenger,
}

impl Lane {
    async fn start(kind: Kind) -> Self {
        let builder = Emulator::builder().record_requests(false).keep_texts(false).credit(i64::MAX / 2);
        let emulator = Arc::new(builder.start().await.unwrap());
        // A busy emulator must not be taken for a silent one: here time stands still while somebody waits for an answer.
        let patience = TIMEOUT * 2;
        let gateway: Arc<dyn Gateway> = match kind {
            Kind::PayamResan => Arc::new(payam_resan(&emulator).with_timeout(patience)),
            Kind::Soap => Arc::new(niksms(&emulator, Dialect::Soap).with_timeout(patience)),
            Kind::PublicApi => Arc::new(niksms(&emulator, Dialect::PublicApi).with_timeout(patience)),
        };
        // Many wait side by side, and each moves the one clock.
        let messenger = messenger_in_time_of(&emulator)
            .shared_gateway(gateway)
            .concurrency(WIDTH)
            .budget(Duration::from_secs(1 << 20));
        Self { kind, emulator, messenger: messenger.build().unwrap() }
    }

    /// Faults for about so many requests, refusals for good among them.
    fn break_things(&self, seed: u64, requests: u64) -> usize {
        let mut draw = drawn(seed);
        let credit = if self.kind == Kind::PayamResan { 19 } else { 3 };
        let faults: Vec<_> = (0..8 + requests / 32)
            .map(|_| match draw(8) {
                0 => Fault::on_send().before().code(credit).skip(draw(requests)),
                _ => random_fault(&mut draw, self.kind, requests),
            })
            .collect();
        let count = faults.len();
        self.emulator.faults(faults);
        count
    }

    async fn campaign(&self, count: usize) -> Vec<Receipt> {
        self.messenger.send_each(messages(count)).await.unwrap().into_receipts()
    }

    async fn one_by_one(&self, count: usize) -> Vec<Receipt> {
        let send =
            |index: usize| self.messenger.send(format!("کد شما: {index}"), recipient(index)).into_future();
        let reports = stream::iter(0..count).map(send).buffered(WIDTH);
        reports.flat_map(|report| stream::iter(report.unwrap().into_receipts())).collect().await
    }

    /// `count` messages as a campaign, then as many one by one.
    async fn round(&self, seed: u64, count: usize) -> Tally {
        let mut tally = Tally::default();
        for (seed, is_campaign) in [(seed * 2, true), (seed * 2 + 1, false)] {
            let planned = self.break_things(seed, if is_campaign { count / 30 } else { count } as u64);
            let receipts =
                if is_campaign { self.campaign(count).await } else { self.one_by_one(count).await };
            let faults = planned - self.emulator.pending_faults().len();
            let mut one = Tally { faults, ..Tally::default() };
            let what = format!("{:?}, seed {seed}", self.kind);
            assert_eq!(receipts.len(), count, "{what}: a receipt each");
            for (index, receipt) in receipts.iter().enumerate() {
                assert_eq!(
                    receipt.to.to_string(),
                    recipient(index),
                    "{what}: not in the order of the messages"
                );
                one.count(receipt);
            }
            assert_honest(&self.emulator, &receipts, &what);
            let registered = self.emulator.message_count();
            assert!(
                (one.accepted..=one.accepted + one.unclear).contains(&registered),
                "{what}: {registered}"
            );
            tally.add(&one);
            self.emulator.clear();
        }
        tally
    }
}

#[derive(Default)]
struct Tally {
    faults: usize,
    accepted: usize,
    rejected: usize,
    unclear: usize,
}

impl Tally {
    fn count(&mut self, receipt: &Receipt) {
        match receipt.outcome {
            SendOutcome::Accepted => self.accepted += 1,
            SendOutcome::Rejected => self.rejected += 1,
            SendOutcome::Unclear => self.unclear += 1,
        }
    }

    fn add(&mut self, other: &Self) {
        self.faults += other.faults;
        self.accepted += other.accepted;
        self.rejected += other.rejected;
        self.unclear += other.unclear;
    }

    fn sends(&self) -> usize {
        self.accepted + self.rejected + self.unclear
    }
}

/// `rounds` rounds over all gateways at once, in each of which every gateway gets `count` messages twice.
async fn soak(rounds: u64, count: usize) {
    let lanes = join_all(KINDS.map(Lane::start)).await;
    let mut tally = Tally::default();
    let mut peaks = Vec::new();
    for round in 0..rounds {
        MEMORY.reset_peak_usage();
        for one in join_all(lanes.iter().map(|lane| lane.round(round, count))).await {
            tally.add(&one);
        }
        peaks.push(MEMORY.peak_usage());
        if (round + 1) % (rounds / 10) == 0 {
            let Tally { faults, accepted, rejected, unclear } = tally;
            println!(
                "{} sends, {faults} faults: {accepted} accepted, {rejected} rejected, {unclear} unclear, 0 twice, 0 lost; \
                 peak {} KiB, now {} KiB",
                tally.sends(),
                peaks[peaks.len() - 1] / 1024,
                MEMORY.current_usage() / 1024,
            );
        }
    }
    let highest = |peaks: &[usize]| peaks.iter().copied().max().unwrap();
    // The first round opens the connections that the others keep.
    let (first, rest) = peaks[1..].split_at(peaks.len() / 2);
    let (first, rest) = (highest(first), highest(rest));
    println!("highest peak of the first half: {} KiB, of the second: {} KiB", first / 1024, rest / 1024);
    assert!(tally.accepted * 10 > tally.sends() * 9, "most of it goes well in the end");
    // Rounds differ by what happens in them; what is kept of every send would come on top, round by round.
    assert!(rest < first + first / 2, "the peak has grown from {first} to {rest} bytes");
}

/// What every run of the tests has time for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_thousand_sends() {
    soak(10, 334).await;
}

/// Left out of every run for its length alone: the test before it is the same code with fewer rounds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes many minutes: make soak"]
async fn a_million_sends() {
    soak(100, 1_667).await;
}
