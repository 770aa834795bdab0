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

use std::sync::Arc;
use std::time::Duration;

use common::faults::{drawn, passing_faults, random_fault, refusals};
use common::{
    KINDS, Kind, assert_honest, assert_honest_but_for_ids, gateway, messages, messenger,
    messenger_in_time_of, niksms, payam_resan, strict_emulator,
};
use futures_util::{StreamExt as _, stream};
use payamak::niksms::Dialect;
use payamak::{ErrorKind, Message, Report};
use payamak_emulator::{Emulator, Fault};

const MESSAGES: usize = 300;

/// With keys, NikSMS is asked for each of them by a request of its own.
const KEYED_MESSAGES: usize = 60;

/// Plain messages, or the same with a key each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    Plain,
    Keyed,
}

impl Named {
    fn count(self) -> usize {
        match self {
            Self::Plain => MESSAGES,
            Self::Keyed => KEYED_MESSAGES,
        }
    }
}

fn named(count: usize, named: Named) -> Vec<Message> {
    let key = |(index, message): (usize, Message)| message.key(format!("campaign-7:{index}"));
    match named {
        Named::Plain => messages(count),
        Named::Keyed => messages(count).into_iter().enumerate().map(key).collect(),
    }
}

async fn send_named(kind: Kind, how: Named, faults: Vec<Fault>) -> (Arc<Emulator>, Report) {
    let emulator = strict_emulator();
    emulator.faults(faults);
    let messenger = messenger_in_time_of(&emulator).shared_gateway(gateway(kind, &emulator)).build().unwrap();
    let report = messenger.send_each(named(how.count(), how)).await.unwrap();
    (emulator, report)
}

async fn send_through(kind: Kind, faults: Vec<Fault>) -> (Arc<Emulator>, Report) {
    send_named(kind, Named::Plain, faults).await
}

/// How many requests that send a send takes when all goes well: the positions at which something can go wrong.
async fn sends_of(kind: Kind, how: Named) -> u64 {
    let (emulator, report) = send_named(kind, how, Vec::new()).await;
    assert_eq!(report.accepted().count(), how.count());
    let is_send = |operation: &str| operation.starts_with("Send") || operation.ends_with("Sms");
    let requests = emulator.requests();
    let sends = requests.iter().filter(|request| request.operation.as_deref().is_some_and(is_send));
    sends.count() as u64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_fault_at_every_request_of_a_send() {
    let mut runs = Vec::new();
    for kind in KINDS {
        for how in [Named::Plain, Named::Keyed] {
            let positions = sends_of(kind, how).await;
            assert!(
                positions >= if how == Named::Plain { 4 } else { 1 },
                "{kind:?} makes {positions} requests"
            );
            for (name, fault) in passing_faults(kind) {
                for position in 0..positions {
                    runs.push((kind, how, name.clone(), position, fault.clone().skip(position)));
                }
            }
        }
    }
    let count = runs.len();
    stream::iter(runs)
        .for_each_concurrent(12, |(kind, how, name, position, fault)| async move {
            let what = format!("{kind:?}, {how:?}, {name}, request {position}");
            let (emulator, report) = send_named(kind, how, vec![fault]).await;
            assert!(emulator.pending_faults().is_empty(), "{what}: the fault did not happen");
            assert_honest(&emulator, &report, &what);
            assert_eq!(report.accepted().count(), how.count(), "{what}");
            assert_eq!(emulator.message_count(), how.count(), "{what}");
        })
        .await;
    println!(
        "{count} sends of {MESSAGES} messages, or {KEYED_MESSAGES} with keys: twice 0, lost 0, denied 0"
    );
}

/// A limit or the credit runs out in the middle of a request: what was taken is accepted, what was not is not denied.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_request_may_have_been_taken_in_part() {
    let mut runs = Vec::new();
    for kind in KINDS {
        let positions = sends_of(kind, Named::Plain).await;
        for code in refusals(kind) {
            for position in 0..positions {
                for has_second in [false, true] {
                    runs.push((kind, code, position, has_second));
                }
            }
        }
    }
    let count = runs.len();
    stream::iter(runs)
        .for_each_concurrent(12, |(kind, code, position, has_second)| async move {
            let what = format!(
                "{kind:?}, half taken and refused with {code}, request {position}, second {has_second}"
            );
            let emulator = strict_emulator();
            emulator.faults(vec![Fault::on_send().half_taken(code).skip(position)]);
            let builder = messenger_in_time_of(&emulator).shared_gateway(gateway(kind, &emulator));
            let builder = match (has_second, kind) {
                (false, _) => builder,
                (true, Kind::PayamResan) => builder.gateway(niksms(&emulator, Dialect::PublicApi)),
                (true, _) => builder.gateway(payam_resan(&emulator)),
            };
            let report = builder.build().unwrap().send_each(messages(MESSAGES)).await.unwrap();
            assert!(emulator.pending_faults().is_empty(), "{what}: the fault did not happen");
            assert_honest(&emulator, &report, &what);
            assert_eq!(report.unclear().count(), 0, "{what}");
            if has_second {
                assert_eq!(report.accepted().count(), MESSAGES, "{what}");
            }
        })
        .await;
    println!("{count} sends of {MESSAGES} messages, a request half taken: twice 0, lost 0, denied 0");
}

/// Where nobody can be asked, a request of which a part may have been taken is unclear, and goes to nobody else.
#[tokio::test]
async fn a_part_that_cannot_be_asked_for_is_unclear() {
    let emulator = strict_emulator();
    emulator.faults(vec![Fault::on_send().half_taken(3)]);
    let messenger = messenger_in_time_of(&emulator)
        .gateway(niksms(&emulator, Dialect::WebService))
        .gateway(payam_resan(&emulator))
        .build()
        .unwrap();
    let report = messenger.send("سلام", (0..8).map(common::recipient).collect::<Vec<_>>()).await.unwrap();
    assert_honest(&emulator, &report, "web-service");
    assert_eq!((report.unclear().count(), emulator.message_count()), (8, 4));
    assert!(report.iter().all(|receipt| receipt.error.as_ref().unwrap().kind() == ErrorKind::Credit));
}

/// Ids that an answer rounds are other messages' ids: each is asked for, and none is sent again. The gateway's own ids are
/// rounded too, and where the trace id beside one is none the worse, or is not there at all, nothing shows that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rounded_ids_make_nobody_send_again() {
    for kind in KINDS {
        let (emulator, report) = send_through(kind, vec![Fault::on_send().round_ids().forever()]).await;
        assert_honest_but_for_ids(&emulator, &report, &format!("{kind:?}"));
        assert_eq!((report.accepted().count(), emulator.message_count()), (MESSAGES, MESSAGES), "{kind:?}");
    }
}

/// Success, and then the gateway does not find what it took: it is never sent again, by nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_success_nothing_is_sent_again() {
    for kind in KINDS {
        for has_second in [false, true] {
            let what = format!("{kind:?}, second {has_second}");
            let emulator =
                Arc::new(Emulator::builder().lookup_lag(Duration::from_secs(1 << 30)).start().await.unwrap());
            emulator.faults(vec![Fault::on_send().no_rows().forever()]);
            let builder = messenger_in_time_of(&emulator).shared_gateway(gateway(kind, &emulator));
            let builder = match (has_second, kind) {
                (false, _) => builder,
                (true, Kind::PayamResan) => builder.gateway(niksms(&emulator, Dialect::PublicApi)),
                (true, _) => builder.gateway(payam_resan(&emulator)),
            };
            let report = builder.build().unwrap().send_each(messages(40)).await.unwrap();
            assert_honest(&emulator, &report, &what);
            assert_eq!((report.unclear().count(), emulator.message_count()), (40, 40), "{what}");
        }
    }
}

/// A row that contradicts itself proves nothing: neither that the message is there, nor that it may be sent again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contradictory_row_proves_nothing() {
    for kind in KINDS {
        for lost in [Fault::on_send().after().close(), Fault::on_send().before().close()] {
            let emulator = strict_emulator();
            emulator.faults(vec![lost, Fault::on_lookup().contradict_rows().forever()]);
            let builder = messenger_in_time_of(&emulator).shared_gateway(gateway(kind, &emulator));
            let messenger = builder.budget(Duration::from_secs(600)).build().unwrap();
            let report = messenger.send_each(messages(MESSAGES)).await.unwrap();
            assert_honest(&emulator, &report, &format!("{kind:?}"));
            assert_eq!(report.rejected().count(), 0, "{kind:?}");
            assert!(report.unclear().count() > 0, "{kind:?}");
            assert!(emulator.message_count() <= MESSAGES, "{kind:?}");
        }
    }
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
        .for_each_concurrent(12, |(kind, what, faults)| async move {
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
    let runs = (0..90u64).map(|seed| {
        let kind = KINDS[usize::try_from(seed).unwrap() % KINDS.len()];
        let how = if seed % 2 == 0 { Named::Plain } else { Named::Keyed };
        let mut draw = drawn(seed);
        let faults = (0..6).map(|_| random_fault(&mut draw, kind, 12)).collect();
        (seed, kind, how, faults)
    });
    stream::iter(runs)
        .for_each_concurrent(16, |(seed, kind, how, faults): (u64, Kind, Named, Vec<Fault>)| async move {
            let (emulator, report) = send_named(kind, how, faults).await;
            assert_honest(&emulator, &report, &format!("seed {seed}, {kind:?}, {how:?}"));
            assert_eq!(report.len(), how.count());
        })
        .await;
}

/// The first of two gateways fails in each way, once and for ever, with plain messages and with keys: nothing arrives
/// through both, and nothing is denied.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_arrives_through_two_gateways() {
    let mut runs = Vec::new();
    for how in [Named::Plain, Named::Keyed] {
        for first in KINDS {
            for (name, fault) in passing_faults(first) {
                runs.push((how, first, format!("{name}, once"), fault.clone()));
                runs.push((how, first, format!("{name}, for ever"), fault.forever()));
            }
        }
        for code in [1, 2, 9, 10, 12, 15, 19] {
            let fault = Fault::on_send().before().code(code).forever();
            runs.push((how, Kind::PayamResan, format!("error {code}, for ever"), fault));
        }
    }
    let count = runs.len();
    stream::iter(runs)
        .for_each_concurrent(12, |(how, first, what, fault)| async move {
            let what = format!("{how:?}, {first:?}, {what}");
            let emulator = strict_emulator();
            let builder = messenger_in_time_of(&emulator).shared_gateway(gateway(first, &emulator));
            let (of_first, builder) = match first {
                Kind::PayamResan => (
                    payamak_emulator::Gateway::PayamResan,
                    builder.gateway(niksms(&emulator, Dialect::PublicApi)),
                ),
                _ => (payamak_emulator::Gateway::NikSms, builder.gateway(payam_resan(&emulator))),
            };
            emulator.faults(vec![fault.gateway(of_first)]);
            let report = builder.build().unwrap().send_each(named(60, how)).await.unwrap();
            assert_honest(&emulator, &report, &what);
            assert_eq!(
                report.rejected().count(),
                0,
                "{what}: the second gateway took what the first did not"
            );
            // Unclear is what the first gateway took, says so, and cannot be asked for: never more.
            for receipt in report.unclear() {
                assert_eq!(
                    receipt.gateway.as_deref(),
                    Some(if first == Kind::PayamResan { "payam-resan" } else { "niksms" })
                );
            }
            if !what.contains("for ever") {
                assert_eq!(report.accepted().count(), 60, "{what}");
            }
        })
        .await;
    println!("{count} sends through two gateways: twice 0, lost 0, denied 0");
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
