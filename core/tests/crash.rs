//! A job that is killed in the middle and runs again with the same keys: nothing is sent twice, nothing is lost.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where it fails"
)]

mod common;

use std::process::{Command, Stdio};

use common::{Kind, assert_honest};
use payamak::niksms::Dialect;
use payamak::{Message, Messenger, NikSms, PayamResan};
use payamak_emulator::Emulator;

const MESSAGES: usize = 300;

/// The job: keyed messages, sent by whatever the environment names. In the parent it has nothing to do.
#[tokio::test]
async fn job() {
    let Some(url) = std::env::var_os("PAYAMAK_TEST_URL").and_then(|url| url.into_string().ok()) else {
        return;
    };
    let kind = std::env::var_os("PAYAMAK_TEST_GATEWAY").unwrap();
    let messages = |count| {
        (0..count).map(|index| {
            Message::new(format!("0912111{index:04}"), format!("کد شما: {index}")).key(format!("job:{index}"))
        })
    };
    let builder = Messenger::builder().concurrency(2);
    let builder = if kind == "PayamResan" {
        let gateway =
            PayamResan::builder().api_key(Emulator::PAYAM_RESAN_KEY).sender(30_004_040).base_url(url);
        builder.gateway(gateway.build().unwrap())
    } else {
        let gateway =
            NikSms::builder().username(Emulator::NIKSMS_USERNAME).password(Emulator::NIKSMS_PASSWORD);
        let dialect = if kind == "Soap" { Dialect::Soap } else { Dialect::PublicApi };
        let gateway = gateway.sender("50001234").dialect(dialect).base_url(url).max_recipients(10);
        builder.gateway(gateway.build().unwrap())
    };
    let report = builder.build().unwrap().send_each(messages(MESSAGES)).await.unwrap();
    assert_eq!(report.accepted().count(), MESSAGES);
}

fn start_job(emulator: &Emulator, kind: Kind) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "job"])
        .env("PAYAMAK_TEST_URL", emulator.url())
        .env("PAYAMAK_TEST_GATEWAY", format!("{kind:?}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn killed_and_run_again(kind: Kind, thresholds: &[u64]) {
    for threshold in thresholds {
        let what = format!("{kind:?}, killed at request {threshold}");
        let emulator = Emulator::start_blocking().unwrap();
        let mut job = start_job(&emulator, kind);
        // Killed at a moment that the gateway chooses: when it has seen so many requests.
        while emulator.request_count() < *threshold && job.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        job.kill().unwrap();
        job.wait().unwrap();
        let after_the_kill = emulator.message_count();
        assert!(start_job(&emulator, kind).wait().unwrap().success(), "{what}");
        assert_honest(&emulator, &[], &what);
        let mut ids: Vec<_> = emulator.messages().iter().map(|message| message.trace_id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(
            (ids.len(), emulator.message_count()),
            (MESSAGES, MESSAGES),
            "{what}, {after_the_kill} before"
        );
    }
}

/// Moments drawn anew in every run; a failure names its own.
fn moments<const N: usize>(requests: u64) -> [u64; N] {
    [(); N].map(|()| getrandom::u64().unwrap() % requests)
}

#[test]
fn payam_resan_killed_and_run_again() {
    // 300 messages are 4 questions and 4 sends here.
    killed_and_run_again(Kind::PayamResan, &[0, 1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn niksms_killed_and_run_again() {
    // 300 questions and 30 sends.
    killed_and_run_again(Kind::PublicApi, &moments::<6>(330));
    killed_and_run_again(Kind::Soap, &moments::<4>(330));
}
