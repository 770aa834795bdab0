//! What a crowd of calls or a hostile gateway may cost: descriptors, rows, bytes, other gateways' time.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod support {
    #[allow(dead_code, reason = "other tests need more of it")]
    pub(crate) mod server;
}

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use payamak::payam_resan::PayamResanBuilder;
use payamak::{Destination, ErrorKind, Outcome, PayamResan};
use payamak_emulator::Emulator;

use self::support::server::{Reply, Server, ok};

/// What a child needs to know: where its gateway is.
const GATEWAY: &str = "PAYAMAK_TEST_GATEWAY";

const ACCOUNT: &str = r#"{"Success":true,"ErrorCode":null,"Error":null,"Result":{"Credit":125000,"AvailableSenders":[30004040]}}"#;

fn payam_resan(url: &str) -> PayamResanBuilder {
    PayamResan::builder().api_key("demo-key").sender("30004040").base_url(url)
}

/// Runs one test of this file as a process of its own, with no more than so many open files.
fn run_alone(test: &str, gateway: &str, descriptors: usize) {
    let status = Command::new("sh")
        .arg("-c")
        .arg(format!("ulimit -n {descriptors} && exec \"$0\" --exact {test} --nocapture --test-threads=1"))
        .arg(std::env::current_exe().unwrap())
        .env(GATEWAY, gateway)
        .status()
        .unwrap();
    assert!(status.success(), "{test}: {status}");
}

fn gateway_of_the_parent() -> Option<String> {
    #[allow(clippy::disallowed_methods, reason = "a child learns from its parent")]
    std::env::var(GATEWAY).ok()
}

#[tokio::test]
async fn five_thousand_calls_at_once_leave_descriptors_for_the_others() {
    let emulator = Emulator::start().await.unwrap();
    let url = emulator.url();
    tokio::task::spawn_blocking(move || run_alone("child_with_few_descriptors", &url, 1024)).await.unwrap();
    assert_eq!(emulator.messages().len(), 5000);
}

/// Has nothing to do in the parent.
#[tokio::test]
async fn child_with_few_descriptors() {
    let Some(url) = gateway_of_the_parent() else { return };
    let gateway = payam_resan(&url).timeout(Duration::from_secs(60)).build().unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let opening = std::thread::spawn({
        let is_over = is_over.clone();
        move || {
            let mut opened = 0_usize;
            while !is_over.load(Ordering::SeqCst) {
                std::fs::File::open("/dev/null").unwrap();
                opened += 1;
            }
            opened
        }
    });
    let most_open = AtomicUsize::new(0);
    let calls = (0..5000).map(|index| {
        let (gateway, most_open) = (gateway.clone(), &most_open);
        async move {
            let to = Destination::new(9_120_000_000_i64 + index, None);
            let sent = gateway.send_bulk("سلام", &[to], None).await;
            most_open.fetch_max(open_descriptors(), Ordering::SeqCst);
            sent
        }
    });
    for sent in join_all(calls).await {
        assert_eq!(sent.unwrap().len(), 1);
    }
    is_over.store(true, Ordering::SeqCst);
    assert!(opening.join().unwrap() > 0);
    let most = most_open.into_inner();
    // A connection that was begun for a call that found another one free counts too.
    assert!(most < 300, "{most}");
    // The standard streams, the runtime's own, and the idle connections: the others are being closed.
    while open_descriptors() > 40 {
        tokio::task::yield_now().await;
    }
    println!("5000 calls, at most {most} descriptors open, {} afterwards", open_descriptors());
}

fn open_descriptors() -> usize {
    std::fs::read_dir("/dev/fd").unwrap().count()
}

#[tokio::test]
async fn more_rows_than_were_asked_for_are_no_answer() {
    let rows =
        |count: usize| format!(r#"{{"Success":true,"Result":[{}]}}"#, vec![r#"{"Id":1}"#; count].join(","));
    for (count, is_answer) in [(1, true), (101, true), (102, false)] {
        let body = rows(count);
        let server = Server::start(move |_, _| ok(&body)).await;
        let gateway = payam_resan(&server.url()).build().unwrap();
        let sent = gateway.send_bulk("سلام", &[Destination::new("09121112222", None)], None).await;
        assert_eq!(sent.is_ok(), is_answer, "{count} rows: {sent:?}");
    }
}

#[tokio::test]
async fn most_answers_may_be_a_mebibyte_long_and_an_inbox_eight() {
    let body =
        |bytes: usize| format!(r#"{{"Success":true,"Result":[{{"Id":1,"Text":"{}"}}]}}"#, "x".repeat(bytes));
    for (bytes, status, inbox) in [(1 << 19, true, true), (1 << 20, false, true), (8 << 20, false, false)] {
        let body = body(bytes);
        let server = Server::start(move |_, _| ok(&body)).await;
        let gateway = payam_resan(&server.url()).read_attempts(1).build().unwrap();
        assert_eq!(gateway.status_by_id(&[payamak::MessageId::new(1)]).await.is_ok(), status, "{bytes}");
        assert_eq!(gateway.get_inbox().await.is_ok(), inbox, "{bytes}");
        let patient = payam_resan(&server.url()).max_response_bytes(16 << 20).build().unwrap();
        assert!(patient.status_by_id(&[payamak::MessageId::new(1)]).await.is_ok(), "{bytes}");
        assert!(patient.get_inbox().await.is_ok(), "{bytes}");
    }
}

/// Waiting for a turn takes nothing of the time that a call has.
#[tokio::test]
async fn a_time_limit_begins_with_the_turn() {
    let server =
        Server::start(|number, _| if number <= 100 { Reply::Stall(String::new()) } else { ok(ACCOUNT) })
            .await;
    let gateway =
        payam_resan(&server.url()).timeout(Duration::from_secs(3)).read_attempts(1).build().unwrap();
    let stalled: Vec<_> = (0..100)
        .map(|_| {
            let gateway = gateway.clone();
            tokio::spawn(async move { gateway.account_info().await })
        })
        .collect();
    while server.requests().len() < 100 {
        tokio::task::yield_now().await;
    }
    // It waits for longer than its own limit.
    gateway.with_timeout(Duration::from_secs(2)).account_info().await.unwrap();
    for call in stalled {
        assert_eq!(call.await.unwrap().unwrap_err().kind(), ErrorKind::Timeout);
    }
}

/// A message that waited for its turn here would have left, as far as a messenger knows.
#[tokio::test]
async fn a_messenger_does_not_wait_for_direct_calls() {
    let server = Server::start(|_, request| match request.split_once("\"UserTraceId\":") {
        None => Reply::Stall(String::new()),
        Some((_, rest)) => {
            let trace_id: String = rest.chars().take_while(char::is_ascii_digit).collect();
            ok(&format!(r#"{{"Success":true,"Result":[{{"Id":1001,"UserTraceId":{trace_id}}}]}}"#))
        }
    })
    .await;
    let gateway = payam_resan(&server.url()).build().unwrap();
    let to = || [Destination::new("09121112222", None)];
    let direct: Vec<_> = (0..150)
        .map(|_| {
            let gateway = gateway.clone();
            tokio::spawn(async move { gateway.send_bulk("سلام", &to(), None).await })
        })
        .collect();
    while server.requests().len() < 100 {
        tokio::task::yield_now().await;
    }
    let messenger = payamak::Messenger::builder().gateway(gateway.clone()).build().unwrap();
    let report = messenger.send("سلام", "09121112222").await.unwrap();
    assert_eq!(report.accepted().count(), 1, "{report:?}");
    assert_eq!(server.requests().len(), 101, "the fifty others wait for their turn");
    direct.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn a_head_without_end_is_cut_off() {
    const FLOOD: usize = 200 << 20;
    for head in ["HTTP/1.1 200 OK\r\nlong: ", "HTTP/1.1 200 ", "x"] {
        let mut server = Server::start(move |_, _| Reply::Flood(head.to_owned(), FLOOD)).await;
        let gateway = payam_resan(&server.url()).build().unwrap();
        let error =
            gateway.send_bulk("سلام", &[Destination::new("09121112222", None)], None).await.unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Connect, Outcome::Unclear), "{error}");
        let written = server.flooded().await;
        assert!(written < FLOOD / 2, "{written} bytes went out");
    }
}

/// Interim answers without end are read for as long as the call may last, and no longer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_interim_answers_ends_with_its_call() {
    let flood = "HTTP/1.1 102 Processing\r\n\r\n".repeat(4000);
    let mut server = Server::start(move |_, _| Reply::Again(flood.clone())).await;
    let gateway = payam_resan(&server.url()).timeout(Duration::from_millis(300)).build().unwrap();
    let error = gateway.send_bulk("سلام", &[Destination::new("09121112222", None)], None).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::Unclear), "{error}");
    // The connection is closed: the flood has nobody to write to.
    server.flooded().await;
}

/// What keeps the thread of one gateway's connections busy does not reach another's.
#[tokio::test]
async fn a_gateway_with_a_runtime_of_its_own_holds_nobody_up() {
    let server = Server::start(|_, _| ok(ACCOUNT)).await;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let hostile =
        payam_resan(&server.url()).runtime(runtime.handle().clone()).read_attempts(1).build().unwrap();
    let other = payam_resan(&server.url()).build().unwrap();
    hostile.account_info().await.unwrap();

    let (busy, is_busy) = tokio::sync::oneshot::channel();
    let (enough, has_enough) = std::sync::mpsc::channel::<()>();
    runtime.spawn(async move {
        busy.send(()).unwrap();
        has_enough.recv().unwrap();
    });
    is_busy.await.unwrap();
    for _ in 0..20 {
        other.account_info().await.unwrap();
    }
    let error = hostile.with_timeout(Duration::from_millis(300)).account_info().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    enough.send(()).unwrap();
    hostile.account_info().await.unwrap();
    runtime.shutdown_background();
}

/// Prints how many calls a second another gateway keeps while four connections are flooded with interim answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_flood_of_interim_answers() {
    let flood = "HTTP/1.1 102 Processing\r\n\r\n".repeat(4000);
    let hostile = Server::start(move |_, _| Reply::Again(flood.clone())).await;
    let good = Server::start(|_, _| ok(ACCOUNT)).await;
    let runtimes = [(); 2].map(|()| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
    });
    let [flooded, other] = [(&hostile, &runtimes[0]), (&good, &runtimes[1])].map(|(server, runtime)| {
        payam_resan(&server.url()).runtime(runtime.handle().clone()).build().unwrap()
    });
    let rate = async || {
        let started = std::time::Instant::now();
        for _ in 0..200 {
            other.account_info().await.unwrap();
        }
        200.0 / started.elapsed().as_secs_f64()
    };
    rate().await;
    let quiet = rate().await;
    let calls: Vec<_> = (0..4)
        .map(|_| {
            let flooded = flooded.with_timeout(Duration::from_secs(600));
            tokio::spawn(async move { flooded.account_info().await })
        })
        .collect();
    while hostile.requests().len() < 4 {
        tokio::task::yield_now().await;
    }
    let while_flooded = rate().await;
    println!("{quiet:.0} calls a second, {while_flooded:.0} beside the flood: {:.2}", while_flooded / quiet);
    for call in calls {
        assert!(!call.is_finished(), "the flood had ended");
        call.abort();
    }
    runtimes.into_iter().for_each(tokio::runtime::Runtime::shutdown_background);
}
