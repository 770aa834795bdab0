//! Everything that can go wrong with a gateway, at every request of a send: nothing is sent twice, nothing is lost, and no
//! receipt says what is not so.

#![allow(clippy::print_stdout, reason = "what was counted is shown")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where it fails"
)]

mod common;

use std::time::Duration;

use common::faults::{coded_faults, drawn, passing_faults, random_fault};
use common::{KINDS, Kind, assert_honest, gateway, messages, messenger, niksms, payam_resan};
use futures_util::{StreamExt as _, stream};
use payamak::Report;
use payamak::niksms::Dialect;
use payamak_emulator::{Emulator, Fault};

const MESSAGES: usize = 300;

async fn send_through(kind: Kind, faults: Vec<Fault>) -> (Emulator, Report) {
    let emulator = Emulator::start().await.unwrap();
    emulator.faults(faults);
    let messenger = messenger().shared_gateway(gateway(kind, &emulator)).build().unwrap();
    let report = messenger.send_each(messages(MESSAGES)).await.unwrap();
    (emulator, report)
}

/// How many requests a send takes when all goes well: the positions at which something can go wrong.
async fn requests_of_a_send(kind: Kind) -> u64 {
    let (emulator, report) = send_through(kind, Vec::new()).await;
    assert_eq!(report.accepted().count(), MESSAGES);
    emulator.request_count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_fault_at_every_request_of_a_send() {
    let mut runs = Vec::new();
    for kind in KINDS {
        let positions = requests_of_a_send(kind).await;
        assert!(positions >= 4, "{kind:?} makes {positions} requests");
        let faults =
            passing_faults().into_iter().map(|(name, make)| (name, make())).chain(coded_faults(kind));
        for (name, fault) in faults {
            for position in 0..positions {
                runs.push((kind, name, position, fault.clone().skip(position)));
            }
        }
    }
    let count = runs.len();
    stream::iter(runs)
        .for_each_concurrent(24, |(kind, name, position, fault)| async move {
            let what = format!("{kind:?}, {name}, request {position}");
            let (emulator, report) = send_through(kind, vec![fault]).await;
            assert!(emulator.pending_faults().is_empty(), "{what}: the fault did not happen");
            assert_honest(&emulator, &report, &what);
            assert_eq!(report.accepted().count(), MESSAGES, "{what}");
            assert_eq!(emulator.message_count(), MESSAGES, "{what}");
        })
        .await;
    println!("{count} sends of {MESSAGES} messages: 0 twice, 0 lost");
}

/// The questions fail too, each in its own way, after a send whose answer was lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_that_fail_are_asked_again() {
    type Make = fn(Fault) -> Fault;
    let failures: [(&str, Make); 6] = [
        ("never", |fault| fault.before().never()),
        ("close", |fault| fault.before().close()),
        ("503", |fault| fault.before().status(503)),
        ("garbage", |fault| fault.before().garbage()),
        ("half", |fault| fault.half()),
        ("HTML", |fault| fault.before().html()),
    ];
    let lost: [(&str, Make); 2] =
        [("registered", |fault| fault.after().close()), ("not registered", |fault| fault.before().close())];
    let mut runs = Vec::new();
    for kind in KINDS {
        for (lost_name, lost) in lost {
            for (name, failure) in failures {
                for position in 0..3 {
                    let what = format!("{kind:?}, {lost_name}, then {name} at question {position}");
                    let faults =
                        vec![lost(Fault::on_send()), failure(Fault::on_lookup()).skip(position).times(2)];
                    runs.push((kind, what, faults));
                }
            }
        }
    }
    stream::iter(runs)
        .for_each_concurrent(24, |(kind, what, faults)| async move {
            let (emulator, report) = send_through(kind, faults).await;
            assert_honest(&emulator, &report, &what);
            assert_eq!(report.accepted().count(), MESSAGES, "{what}");
        })
        .await;
}

/// A gateway that swallows an answer and then cannot be asked: the only case in which a receipt may say `unclear`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unclear_is_said_only_of_what_nobody_can_tell() {
    for kind in KINDS {
        for registered in [true, false] {
            let lost =
                if registered { Fault::on_send().after().close() } else { Fault::on_send().before().close() };
            let (emulator, report) =
                send_through(kind, vec![lost, Fault::on_lookup().forever().status(503)]).await;
            let what = format!("{kind:?}, registered {registered}");
            assert_honest(&emulator, &report, &what);
            assert!((1..=99).contains(&report.unclear().count()), "{what}");
            assert_eq!(report.rejected().count(), 0, "{what}");
        }
    }
}

/// The budget ends before "not registered" can be believed: then nobody can tell, and nothing is sent again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_too_short_to_be_sure_ends_unclear() {
    for kind in KINDS {
        for fault in [Fault::on_send().late(), Fault::on_send().before().close()] {
            let emulator = Emulator::start().await.unwrap();
            emulator.faults(vec![fault.forever()]);
            let messenger = messenger()
                .shared_gateway(gateway(kind, &emulator))
                .budget(Duration::from_secs(3))
                .settle(Duration::from_secs(5))
                .build()
                .unwrap();
            let report = messenger.send_each(messages(20)).await.unwrap();
            assert_honest(&emulator, &report, &format!("{kind:?}"));
            // Some of what lands late is found before the budget ends; of the rest nobody can tell.
            assert_eq!(report.rejected().count(), 0, "{kind:?}");
            assert!(report.unclear().count() > 0, "{kind:?}");
        }
    }
}

/// A refusal is final and certain, and touches the messages of its request alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_says_why_and_sends_nothing() {
    for (kind, code) in [(Kind::PayamResan, 19), (Kind::Soap, 3), (Kind::PublicApi, 3)] {
        let (emulator, report) = send_through(kind, vec![Fault::on_send().before().code(code)]).await;
        assert_honest(&emulator, &report, &format!("{kind:?}"));
        let refused: Vec<_> = report.rejected().collect();
        assert!(!refused.is_empty() && refused.len() < MESSAGES, "{kind:?}");
        assert_eq!(report.unclear().count(), 0, "{kind:?}");
        for receipt in refused {
            let error = receipt.error.as_ref().unwrap();
            assert_eq!(error.kind(), payamak::ErrorKind::Credit);
            assert!(error.hint().is_some_and(|hint| hint.en.contains("top the account up")));
        }
    }
}

/// Many faults at once, drawn at random, on sends and on questions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_drawn_at_random() {
    let runs = (0..60u64).map(|seed| {
        let kind = KINDS[usize::try_from(seed).unwrap() % KINDS.len()];
        let mut draw = drawn(seed);
        let faults = (0..6).map(|_| random_fault(&mut draw, 12)).collect();
        (seed, kind, faults)
    });
    stream::iter(runs)
        .for_each_concurrent(16, |(seed, kind, faults): (u64, Kind, Vec<Fault>)| async move {
            let (emulator, report) = send_through(kind, faults).await;
            assert_honest(&emulator, &report, &format!("seed {seed}, {kind:?}"));
            assert_eq!(report.len(), MESSAGES);
        })
        .await;
}

/// The first of two gateways fails in each way, once and for ever: nothing arrives through both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_arrives_through_two_gateways() {
    let mut runs = Vec::new();
    for (name, make) in passing_faults() {
        for forever in [false, true] {
            runs.push((
                format!("{name}, for ever: {forever}"),
                if forever { make().forever() } else { make() },
            ));
        }
    }
    for (name, fault) in coded_faults(Kind::PayamResan) {
        runs.push((format!("{name}, for ever"), fault.forever()));
    }
    for code in [1, 2, 9, 10, 12, 15, 19] {
        runs.push((format!("error {code}, for ever"), Fault::on_send().before().code(code).forever()));
    }
    stream::iter(runs)
        .for_each_concurrent(12, |(what, fault)| async move {
            let emulator = Emulator::start().await.unwrap();
            emulator.faults(vec![fault.gateway(payamak_emulator::Gateway::PayamResan)]);
            let messenger = messenger()
                .gateway(payam_resan(&emulator))
                .gateway(niksms(&emulator, Dialect::PublicApi))
                .build()
                .unwrap();
            let report = messenger.send_each(messages(MESSAGES)).await.unwrap();
            assert_honest(&emulator, &report, &what);
            assert_eq!(
                report.rejected().count(),
                0,
                "{what}: the second gateway took what the first did not"
            );
            assert_eq!(report.accepted().count(), MESSAGES, "{what}");
        })
        .await;
}

/// A gateway that refuses everything for a while: what it refuses goes by the second, and soon nothing is tried by the
/// first any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_fails_is_passed_by() {
    let emulator = Emulator::start().await.unwrap();
    emulator.faults(vec![
        Fault::on_send().gateway(payamak_emulator::Gateway::PayamResan).before().code(4).forever(),
    ]);
    let messenger = messenger()
        .gateway(payam_resan(&emulator))
        .gateway(niksms(&emulator, Dialect::PublicApi))
        .concurrency(1)
        .attempts(2)
        .build()
        .unwrap();
    let tried = || emulator.requests().iter().filter(|request| request.path.contains("V3")).count();
    let report = messenger.send_each(messages(MESSAGES)).await.unwrap();
    assert_honest(&emulator, &report, "passed by");
    assert_eq!(report.accepted().count(), MESSAGES);
    assert!(report.iter().all(|receipt| receipt.gateway.as_deref() == Some("niksms")));
    // Four requests were planned, and up to four may be on their way together: without passing by it would be twice each,
    // in every send.
    let after_the_first = tried();
    assert!(after_the_first <= 8, "{after_the_first} requests to a gateway that refuses");
    let again = messenger.send_each(messages(MESSAGES)).await.unwrap();
    assert_eq!(again.accepted().count(), MESSAGES);
    assert_eq!(tried(), after_the_first, "the first gateway was tried again at once");
}

/// A gateway that does not exist at all: everything goes by the second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_gateway_does_not_stop_the_others() {
    let emulator = Emulator::start().await.unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let dead =
        payamak::PayamResan::builder().api_key("key").sender(30_004_040).base_url(format!("http://{closed}"));
    let messenger = messenger()
        .gateway(dead.build().unwrap())
        .gateway(niksms(&emulator, Dialect::PublicApi))
        .build()
        .unwrap();
    let report = messenger.send_each(messages(MESSAGES)).await.unwrap();
    assert_honest(&emulator, &report, "dead");
    assert_eq!(report.accepted().count(), MESSAGES);
}

/// The dialects that cannot be asked: an unclear send stays unclear, at once and without a second try.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dialect_that_cannot_be_asked_never_sends_again() {
    for dialect in [Dialect::V2, Dialect::WebService] {
        let emulator = Emulator::start().await.unwrap();
        emulator.faults(vec![Fault::on_send().after().close()]);
        let messenger = messenger().gateway(niksms(&emulator, dialect)).concurrency(1).build().unwrap();
        let report = messenger.send_each(messages(20)).await.unwrap();
        assert!(report.unclear().count() >= 1, "{dialect:?}");
        assert_eq!(emulator.message_count(), 20, "{dialect:?}");
        assert_eq!(report.accepted().count() + report.unclear().count(), 20);
    }
}

/// Budget and pauses in real life: with the real clock a lost answer costs one settling pause, and no more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_settling_pause_is_only_paid_for_what_was_not_registered() {
    let emulator = Emulator::start().await.unwrap();
    emulator.faults(vec![Fault::on_send().after().close()]);
    let messenger = payamak::Messenger::builder()
        .gateway(payam_resan(&emulator))
        // If it were paid here, the test would take an hour.
        .settle(Duration::from_secs(3600))
        .build()
        .unwrap();
    let report = messenger.send("سلام", "09121112222").await.unwrap();
    assert_eq!(report.accepted().count(), 1);
    assert_eq!(emulator.message_count(), 1);
}
