//! Trace ids of many processes that start at the same moment.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test ends where it fails, and a child says its ids"
)]

mod common;

use std::process::{Command, Stdio};

use common::{messenger, payam_resan};
use payamak_emulator::Emulator;

const PROCESSES: usize = 16;
const MESSAGES: i64 = 100_000;

/// What a child does: it prepares a send, and says the first and the last id. In the parent it has nothing to do.
#[test]
fn child() {
    if std::env::var_os("PAYAMAK_TEST_CHILD").is_none() {
        return;
    }
    let emulator = Emulator::start_blocking().unwrap();
    let messenger = messenger().gateway(payam_resan(&emulator)).build().unwrap();
    let recipients: Vec<i64> = (0..MESSAGES).map(|index| 9_120_000_000 + index).collect();
    let receipts = messenger.send("سلام", recipients).log().receipts();
    let ids: Vec<i64> = receipts.iter().map(|receipt| receipt.trace_id.get()).collect();
    assert!(ids.is_sorted_by(|a, b| *b == a + 1) && ids.len() == 100_000);
    println!("\nids {} {}", ids.first().unwrap(), ids.last().unwrap());
}

#[test]
fn sixteen_processes_share_no_id() {
    let start = || {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture"])
            .env("PAYAMAK_TEST_CHILD", "1")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let children: Vec<_> = (0..PROCESSES).map(|_| start()).collect();
    let range = |output: String| {
        let line = output.lines().find_map(|line| line.strip_prefix("ids ")).unwrap().to_owned();
        let (first, last) = line.split_once(' ').unwrap();
        (first.parse::<i64>().unwrap(), last.parse::<i64>().unwrap())
    };
    let mut ranges: Vec<(i64, i64)> = children
        .into_iter()
        .map(|child| range(String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()))
        .collect();
    ranges.sort_unstable();
    assert_eq!(ranges.len(), PROCESSES);
    assert!(
        ranges.windows(2).all(|pair| matches!(pair, [(_, last), (first, _)] if last < first)),
        "{ranges:?}"
    );
}
