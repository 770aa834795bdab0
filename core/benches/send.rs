//! What sending costs, beside a bare client in the same run. `make bench` prints the tables.
//!
//! The client's own thread is measured; the emulator runs on another. Both sides send the same body over kept connections.

#![allow(missing_docs, clippy::print_stdout, reason = "a program that prints tables")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a benchmark ends where it fails"
)]

use std::time::{Duration, Instant};

use cpu_time::ThreadTime;
use payamak::{Destination, MessageId, Messenger, PayamResan, TraceId};
use payamak_emulator::Emulator;

const RUNS: usize = 7;
const CALLS: usize = 1_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let emulator = Emulator::builder().keep_texts(false).record_requests(false).start_blocking().unwrap();
    let gateway = PayamResan::builder().api_key(Emulator::PAYAM_RESAN_KEY).sender(30_004_040);
    let gateway = gateway.base_url(emulator.url()).build().unwrap();
    runtime.block_on(one_send(&emulator, &gateway));
    runtime.block_on(statuses(&gateway));
    runtime.block_on(campaigns(&emulator, gateway));
}

#[derive(Clone, Copy)]
struct Cost {
    cpu: Duration,
    wall: Duration,
}

async fn measure(work: impl AsyncFnOnce()) -> Cost {
    let (cpu, wall) = (ThreadTime::now(), Instant::now());
    work().await;
    Cost { cpu: cpu.elapsed(), wall: wall.elapsed() }
}

/// One send at a time, against the same POST by a bare `reqwest` with `serde_json`.
async fn one_send(emulator: &Emulator, gateway: &PayamResan) {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let tls = tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    let bare = reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls).build().unwrap();
    let url = format!("{}SendBulk", emulator.payam_resan_url());
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    for run in 0..=RUNS {
        let first = i64::try_from(run * CALLS).unwrap();
        let payamak = measure(async || {
            for id in (first + 1..).take(CALLS) {
                let recipient = [Destination::new("09121112222", Some(TraceId::new(id)))];
                let sent = gateway.send_bulk("کد ورود شما: 48213", &recipient, None).await.unwrap();
                assert_eq!(sent.len(), 1);
            }
        });
        let payamak = payamak.await;
        let reqwest = measure(async || {
            for id in (first + 1_000_000..).take(CALLS) {
                let body = serde_json::json!({
                    "ApiKey": Emulator::PAYAM_RESAN_KEY, "Text": "کد ورود شما: 48213", "Sender": 30_004_040,
                    "Recipients": [{ "Destination": 989_121_112_222_i64, "UserTraceId": id }],
                });
                let request = bare.post(&url).header("content-type", "application/json; charset=utf-8");
                let answer = request.body(serde_json::to_vec(&body).unwrap()).send().await.unwrap();
                let answer: serde_json::Value =
                    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
                assert_eq!(answer["Result"].as_array().unwrap().len(), 1);
            }
        });
        let reqwest = reqwest.await;
        // The first run warms up.
        if run > 0 {
            ours.push(payamak);
            theirs.push(reqwest);
        }
    }
    println!("\none send, {CALLS} in turn, {RUNS} interleaved runs");
    println!("  {:<14} {:>12} {:>12}", "", "CPU a call", "wall a call");
    row("payamak", &ours);
    row("bare reqwest", &theirs);
    let ratios = |of: fn(&Cost) -> Duration| {
        let pairs = ours.iter().zip(&theirs);
        spread(pairs.map(|(ours, theirs)| of(ours).as_secs_f64() / of(theirs).as_secs_f64()).collect())
    };
    println!("  {:<14} {:>12} {:>12}", "ratio", ratios(|cost| cost.cpu), ratios(|cost| cost.wall));
}

fn row(name: &str, costs: &[Cost]) {
    let calls = f64::from(u32::try_from(CALLS).unwrap());
    let micros = |of: fn(&Cost) -> Duration| {
        let mut values: Vec<_> = costs.iter().map(|cost| of(cost).as_secs_f64() * 1e6 / calls).collect();
        values.sort_by(f64::total_cmp);
        format!("{:.0} µs", values[values.len() / 2])
    };
    println!("  {name:<14} {:>12} {:>12}", micros(|cost| cost.cpu), micros(|cost| cost.wall));
}

/// The median with the smallest and the largest.
fn spread(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let (least, median, most) = (values[0], values[values.len() / 2], values[values.len() - 1]);
    format!("{median:.2} ({least:.2}–{most:.2})")
}

/// Statuses from the wire to the caller's types.
async fn statuses(gateway: &PayamResan) {
    let ids: Vec<_> = (1..=99).map(MessageId::new).collect();
    let cost = measure(async || {
        for _ in 0..1_000 {
            assert_eq!(gateway.status_by_id(&ids).await.unwrap().len(), 99);
        }
    });
    let cost = cost.await;
    println!("\n99,000 statuses in 1,000 requests: CPU {:.0?}, wall {:.0?}", cost.cpu, cost.wall);
}

/// How time grows with the number of messages.
async fn campaigns(emulator: &Emulator, gateway: PayamResan) {
    let messenger = Messenger::builder().gateway(gateway).build().unwrap();
    println!(
        "\ncampaigns of one text\n  {:>10} {:>10} {:>10} {:>16}",
        "messages", "requests", "wall", "a message"
    );
    for count in [1_000, 10_000, 100_000, 1_000_000_u32] {
        emulator.clear();
        emulator.set_credit(payamak_emulator::Gateway::PayamResan, i64::MAX);
        let recipients: Vec<i64> = (0..i64::from(count)).map(|index| 9_120_000_000 + index).collect();
        let started = Instant::now();
        let report = messenger.send("سلام، وقت بخیر", recipients).await.unwrap();
        let wall = started.elapsed();
        assert_eq!(report.accepted().count(), report.len());
        println!("  {count:>10} {:>10} {wall:>10.1?} {:>16.1?}", emulator.request_count(), wall / count);
    }
}
