//! The promise, point by point: what proves that nothing was sent, asking, keys, ids, time, and refused requests. Time is
//! virtual: it passes when nobody has anything else to do.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where it fails"
)]

mod common;

use std::future::IntoFuture as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::fake::{Does, Fake, LIMITS, Says, Script};
use futures_util::future::{BoxFuture, join_all};
use payamak::{
    AskPolicy, Clock, DeliveryState, DeliveryStatus, Error, ErrorKind, Gateway, KeyKind, Message, Messenger,
    MessengerBuilder, Outcome, Receipt, Retry, SendOutcome, TraceId, TrackOptions,
};
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

/// Tokio's clock, which the tests have paused: it jumps to the next timer when nothing else is left to do.
#[derive(Debug)]
struct PausedClock(Instant);

impl Clock for PausedClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn since_epoch(&self) -> Duration {
        self.now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        // A sleep of no time would not let anybody else go first.
        if duration.is_zero() {
            Box::pin(tokio::task::yield_now())
        } else {
            Box::pin(tokio::time::sleep(duration))
        }
    }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(PausedClock(Instant::now()))
}

fn since(clock: &Arc<dyn Clock>, began: Duration) -> Duration {
    clock.now().saturating_sub(began)
}

fn messenger(clock: &Arc<dyn Clock>, gateways: &[&Arc<Fake>]) -> MessengerBuilder {
    let builder = Messenger::builder().clock(clock.clone()).jitter_seed(7);
    gateways.iter().fold(builder, |builder, gateway| builder.shared_gateway((*gateway).clone()))
}

fn fake(clock: &Arc<dyn Clock>, script: impl Script + 'static) -> Arc<Fake> {
    Arc::new(Fake::new("first", clock, script))
}

/// Does these one after the other, and then takes everything.
fn then_takes(does: impl IntoIterator<Item = Does>) -> impl Fn(&str) -> Does + Send + Sync {
    let does: Vec<_> = does.into_iter().collect();
    let next = AtomicUsize::new(0);
    move |_: &str| does.get(next.fetch_add(1, Ordering::SeqCst)).copied().unwrap_or(Does::Take)
}

/// Answers questions in one way, and sends in one way.
struct Always(Does, Says);

impl Script for Always {
    fn submit(&self, _: &str) -> Does {
        self.0
    }

    fn look_up(&self, _: &str) -> Says {
        self.1
    }
}

fn keyed(text: &str) -> Message {
    Message::new("09121112222", text).key("order-981")
}

fn id() -> TraceId {
    TraceId::from_key("order-981", "09121112222", KeyKind::Single, None).unwrap()
}

fn error(receipt: &Receipt) -> &Error {
    receipt.error.as_ref().expect("an error")
}

// 1. After a success nothing is sent again.

#[tokio::test(start_paused = true)]
async fn a_success_without_rows_is_asked_for_and_never_sent_again() {
    let clock = clock();
    let found = fake(&clock, Always(Does::TakeWithoutRows, Says::Truth));
    let report = messenger(&clock, &[&found]).build().unwrap().send("سلام", "09121112222").await.unwrap();
    assert_eq!((report[0].outcome, found.submits()), (SendOutcome::Accepted, 1));

    for says in [Says::NotFound, Says::Contradiction, Says::Break] {
        let never_found = fake(&clock, Always(Does::TakeWithoutRows, says));
        let second = Arc::new(Fake::new("second", &clock, then_takes([])));
        let messenger = messenger(&clock, &[&never_found, &second]).build().unwrap();
        let report = messenger.send("سلام", "09121112222").await.unwrap();
        let submits = (never_found.submits(), second.submits());
        assert_eq!((report[0].outcome, submits), (SendOutcome::Unclear, (1, 0)), "{says:?}");
    }
}

/// The gateway lists it later than that: its key does not send it again either.
#[tokio::test(start_paused = true)]
async fn after_a_success_a_key_sends_nothing_again() {
    let clock = clock();
    let gateway = fake(&clock, Always(Does::TakeWithoutRows, Says::NotFound));
    let messenger = messenger(&clock, &[&gateway]).build().unwrap();
    for _ in 0..3 {
        let report = messenger.send_each([keyed("سلام")]).await.unwrap();
        assert_eq!((report[0].outcome, gateway.submits()), (SendOutcome::Unclear, 1));
    }
}

/// What this process left unclear is not the first message of all: its key is not sent on the word of an untried question.
#[tokio::test(start_paused = true)]
async fn an_unclear_key_is_not_sent_again_on_an_untried_word() {
    struct LostAndNeverFound(AtomicUsize);
    impl Script for LostAndNeverFound {
        fn submit(&self, _: &str) -> Does {
            let is_first = self.0.fetch_add(1, Ordering::SeqCst) == 0;
            if is_first { Does::Break(Some(Duration::ZERO)) } else { Does::Take }
        }

        fn look_up(&self, _: &str) -> Says {
            Says::NotFound
        }
    }
    let clock = clock();
    let gateway = Arc::new(Fake::new("inferred", &clock, LostAndNeverFound(AtomicUsize::new(0))).inferred());
    let messenger = messenger(&clock, &[&gateway]).build().unwrap();
    for _ in 0..2 {
        let report = messenger.send_each([keyed("سلام")]).await.unwrap();
        assert_eq!((report[0].outcome, gateway.messages()), (SendOutcome::Unclear, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn an_untried_word_does_not_pass_a_refused_batch_on() {
    let clock = clock();
    let gateway =
        Arc::new(Fake::new("inferred", &clock, Always(Does::TakeHalfAndRefuse, Says::NotFound)).inferred());
    let second = Arc::new(Fake::new("second", &clock, then_takes([])));
    let messenger = messenger(&clock, &[&gateway, &second]).build().unwrap();
    let report = messenger.send("سلام", vec!["09121112222"; 10]).await.unwrap();
    assert_eq!((report.unclear().count(), gateway.messages(), second.messages()), (10, 5, 0));
    assert!(report.iter().all(|receipt| error(receipt).kind() == ErrorKind::Limit));
}

#[tokio::test(start_paused = true)]
async fn an_inferred_question_proves_an_absence_only_after_it_has_found_something() {
    let clock = clock();
    let gateway = Arc::new(Fake::new("inferred", &clock, then_takes([Does::Break(None)])).inferred());
    let messenger = messenger(&clock, &[&gateway]).build().unwrap();
    let first = messenger.send("سلام", "09121110001").await.unwrap();
    assert_eq!(
        (first[0].outcome, gateway.submits()),
        (SendOutcome::Unclear, 1),
        "nothing has been found yet"
    );
    assert!(error(&first[0]).detail().contains("has not been seen to find"), "{}", error(&first[0]));

    // The second one is taken; the third is lost, and now there is something that asking can find.
    let gateway =
        Arc::new(Fake::new("tried", &clock, then_takes([Does::Take, Does::Break(None)])).inferred());
    let messenger =
        Messenger::builder().clock(clock.clone()).shared_gateway(gateway.clone()).build().unwrap();
    messenger.send("سلام", "09121110002").await.unwrap();
    let third = messenger.send("سلام", "09121110003").await.unwrap();
    assert_eq!((third[0].outcome, gateway.submits()), (SendOutcome::Accepted, 3));
}

// 2. What a proxy says; see also the torture and the conformance cases, over real sockets.

#[tokio::test(start_paused = true)]
async fn a_refusal_of_a_proxy_proves_nothing() {
    let clock = clock();
    let gateway = fake(&clock, then_takes([Does::TakeBehindProxy]));
    let second = Arc::new(Fake::new("second", &clock, then_takes([])));
    let messenger = messenger(&clock, &[&gateway, &second]).build().unwrap();
    let report = messenger.send("سلام", "09121112222").await.unwrap();
    assert_eq!((report[0].outcome, gateway.messages(), second.messages()), (SendOutcome::Accepted, 1, 0));
}

// 3. The settling pause comes from the kind of failure.

#[tokio::test(start_paused = true)]
async fn what_lands_within_the_settling_pause_is_sent_once() {
    let clock = clock();
    for lost in [
        Does::Break(Some(SECOND * 4)),
        Does::Hang(Some(LIMITS.1 + SECOND * 14)),
        Does::Hang(Some(SECOND)),
        Does::Break(None),
        Does::Hang(None),
    ] {
        for rule in [Duration::ZERO, SECOND * 180] {
            let gateway = Arc::new(Fake::new("first", &clock, then_takes([lost])).with_rule(rule));
            let second = Arc::new(Fake::new("second", &clock, then_takes([])));
            for gateways in [&[&gateway][..], &[&gateway, &second]] {
                let report =
                    messenger(&clock, gateways).build().unwrap().send("سلام", "09121112222").await.unwrap();
                let sent = gateway.sent(report[0].trace_id) + second.sent(report[0].trace_id);
                assert_eq!((report[0].outcome, sent), (SendOutcome::Accepted, 1), "{lost:?}, rule {rule:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_resending_an_unclear_message_stays_unclear() {
    let clock = clock();
    let gateway = fake(&clock, then_takes([Does::Break(None)]));
    let second = Arc::new(Fake::new("second", &clock, then_takes([])));
    let messenger = messenger(&clock, &[&gateway, &second]).resend(false).build().unwrap();
    let report = messenger.send("سلام", "09121112222").await.unwrap();
    assert_eq!((report[0].outcome, gateway.messages(), second.messages()), (SendOutcome::Unclear, 0, 0));
    let found = fake(&clock, then_takes([Does::Break(Some(Duration::ZERO))]));
    let messenger =
        Messenger::builder().clock(clock).resend(false).shared_gateway(found.clone()).build().unwrap();
    assert_eq!(messenger.send("سلام", "09121112222").await.unwrap()[0].outcome, SendOutcome::Accepted);
}

// 4. One key, two calls at once; one that was cut off, and its key again.

#[tokio::test(start_paused = true)]
async fn one_key_from_twenty_tasks_is_one_message() {
    let clock = clock();
    for gateways in [1, 2] {
        let first = fake(&clock, then_takes([]));
        let second = Arc::new(Fake::new("second", &clock, then_takes([])));
        let all: Vec<_> = [&first, &second].into_iter().take(gateways).collect();
        // On one messenger, and on two over the same clients, in another order.
        let one = messenger(&clock, &all).build().unwrap();
        let reversed: Vec<_> = all.iter().rev().copied().collect();
        let other = messenger(&clock, &reversed).build().unwrap();
        let sends = (0..20).map(|index| {
            let messenger = if index % 2 == 0 { &one } else { &other };
            tokio::spawn(messenger.send_each([keyed("سلام")]).into_future())
        });
        let receipts: Vec<Receipt> =
            join_all(sends).await.into_iter().map(|report| report.unwrap().unwrap()[0].clone()).collect();
        assert_eq!(first.messages() + second.messages(), 1);
        assert!(receipts.iter().all(|receipt| receipt.outcome == SendOutcome::Accepted));
        assert!(receipts.iter().all(|receipt| receipt.message_id == receipts[0].message_id));
        assert_eq!(receipts.iter().filter(|receipt| !receipt.replayed).count(), 1);
    }
}

/// The receipts of a refusal are shared too, and the message can be mended and sent under its key.
#[tokio::test(start_paused = true)]
async fn a_second_call_hears_what_became_of_the_first() {
    let clock = clock();
    let gateway = fake(&clock, then_takes([Does::Refuse(ErrorKind::Credit)]));
    let messenger = messenger(&clock, &[&gateway]).build().unwrap();
    let (one, two) = tokio::join!(
        messenger.send_each([keyed("سلام")]).into_future(),
        messenger.send_each([keyed("سلام")]).into_future()
    );
    for report in [one.unwrap(), two.unwrap()] {
        assert_eq!((report[0].outcome, error(&report[0]).kind()), (SendOutcome::Rejected, ErrorKind::Credit));
    }
    assert_eq!(gateway.submits(), 1);
    let mended = messenger.send_each([keyed("متن دیگر")]).await.unwrap();
    assert_eq!((mended[0].outcome, gateway.messages()), (SendOutcome::Accepted, 1));
}

/// Dropped at every moment at which it waits, and run again at once: one message, wherever the first one was.
#[tokio::test(start_paused = true)]
async fn a_send_that_is_cut_off_anywhere_and_run_again_is_one_message() {
    let clock = clock();
    for lost in [Does::Take, Does::Hang(Some(SECOND * 3)), Does::Break(Some(SECOND * 4)), Does::Hang(None)] {
        for rule in [Duration::ZERO, SECOND * 180] {
            for cut_at in 0.. {
                let gateway = Arc::new(Fake::new("first", &clock, then_takes([lost])).with_rule(rule));
                let messenger = messenger(&clock, &[&gateway]).build().unwrap();
                let mut send = messenger.send_each([keyed("سلام")]).into_future();
                let is_over = polled(&mut send, cut_at).await;
                drop(send);
                let report = messenger.send_each([keyed("سلام")]).await.unwrap();
                let what = format!("{lost:?}, rule {rule:?}, cut at {cut_at}");
                assert!(gateway.sent(id()) <= 1, "{what}: sent twice");
                match report[0].outcome {
                    SendOutcome::Accepted => assert_eq!(gateway.sent(id()), 1, "{what}"),
                    // Asked before it was cut off: the rule has no room for another question.
                    SendOutcome::Unclear => assert!(!rule.is_zero(), "{what}: {report:?}"),
                    SendOutcome::Rejected => panic!("{what}: {report:?}"),
                }
                if is_over {
                    break;
                }
            }
        }
    }
}

/// Polls a future so many times, each time when it has been woken; says whether it came to its end.
async fn polled<T>(future: &mut BoxFuture<'static, T>, times: usize) -> bool {
    let mut left = times;
    std::future::poll_fn(|context| {
        if left == 0 {
            return std::task::Poll::Ready(false);
        }
        left -= 1;
        let is_over = future.as_mut().poll(context).is_ready();
        if is_over || left == 0 { std::task::Poll::Ready(is_over) } else { std::task::Poll::Pending }
    })
    .await
}

/// The deadline of one call is not that of another that waits for it.
#[tokio::test(start_paused = true)]
async fn a_second_call_has_its_own_time() {
    let clock = clock();
    let gateway = fake(&clock, then_takes([Does::Unreachable(SECOND * 16)]));
    let messenger = messenger(&clock, &[&gateway]).build().unwrap();
    let (hasty, patient) = tokio::join!(
        messenger.send_each([keyed("سلام")]).deadline(SECOND * 20).into_future(),
        messenger.send_each([keyed("سلام")]).into_future()
    );
    assert_eq!(hasty.unwrap()[0].outcome, SendOutcome::Rejected);
    assert_eq!((patient.unwrap()[0].outcome, gateway.messages()), (SendOutcome::Accepted, 1));
}

/// A trace id of the caller's own does not hold the recipient: whoever gives it to another one is told.
#[tokio::test(start_paused = true)]
async fn a_trace_id_used_for_another_recipient_is_an_error() {
    let clock = clock();
    let gateway = fake(&clock, then_takes([]));
    let messenger = messenger(&clock, &[&gateway]).build().unwrap();
    let message = |to: &str| Message::new(to, "سلام").trace_id(TraceId::new(41)).once();
    messenger.send_each([message("09121110001")]).await.unwrap();
    let report = messenger.send_each([message("09121110002")]).await.unwrap();
    assert_eq!(
        (report[0].outcome, error(&report[0]).field()),
        (SendOutcome::Rejected, Some("messages[0].trace_id"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_key_used_for_another_text_is_an_error() {
    let clock = clock();
    let gateway = fake(&clock, then_takes([]));
    let messenger = messenger(&clock, &[&gateway]).build().unwrap();
    messenger.send_each([keyed("کد: 1")]).await.unwrap();
    let report = messenger.send_each([keyed("کد: 2")]).await.unwrap();
    assert_eq!(
        (report[0].outcome, error(&report[0]).field()),
        (SendOutcome::Rejected, Some("messages[0].key"))
    );
    assert!(error(&report[0]).hint().unwrap().en.contains("of its own"));
    let report = messenger.send("کد: 2", "09121112222").key("order-981").await.unwrap();
    assert_eq!((error(&report[0]).kind(), error(&report[0]).field()), (ErrorKind::InvalidInput, Some("key")));
    assert_eq!(gateway.messages(), 1);
}

// 5. The gateway's rule for asking.

/// One key five times in a row, and 49 fresh ones beside it: all sent once, in no time, with the rule for every id.
#[tokio::test(start_paused = true)]
async fn the_polling_rule_holds_nobody_back() {
    let clock = clock();
    let gateway = Arc::new(Fake::new("first", &clock, then_takes([])).with_rule(SECOND * 180));
    let messenger = messenger(&clock, &[&gateway]).build().unwrap();
    let fresh = |run: usize| {
        (0..49).map(move |index| Message::new("09121113333", "سلام").key(format!("fresh-{run}-{index}")))
    };
    let began = clock.now();
    for run in 0..5 {
        let report = messenger.send_each(std::iter::once(keyed("سلام")).chain(fresh(run))).await.unwrap();
        assert_eq!(report.accepted().count(), 50, "run {run}");
        assert_eq!(report[0].replayed, run > 0);
    }
    assert_eq!(gateway.messages(), 1 + 5 * 49);
    assert!(since(&clock, began) < SECOND * 10);
}

/// Another process has just asked about one of them: it alone waits.
#[tokio::test(start_paused = true)]
async fn an_id_asked_about_lately_does_not_hold_others_back() {
    let clock = clock();
    let gateway = Arc::new(Fake::new("first", &clock, then_takes([])).with_rule(SECOND * 180));
    gateway.look_up(&[id()]).await.unwrap();
    let messenger = messenger(&clock, &[&gateway]).build().unwrap();
    let list = (0..49).map(|index| Message::new("09121113333", "سلام").key(format!("fresh-{index}")));
    let sending = messenger.send_each(std::iter::once(keyed("سلام")).chain(list));
    let log = sending.log();
    let sent = tokio::spawn(sending.into_future());
    // Virtual time: it passes when nobody has anything else to do, so whatever can go out in it has gone out.
    tokio::time::sleep(SECOND * 20).await;
    assert_eq!(log.progress().accepted, 49, "the others have gone out");
    let report = sent.await.unwrap().unwrap();
    assert_eq!((report[0].outcome, report.accepted().count()), (SendOutcome::Unclear, 49));
    assert_eq!(error(&report[0]).kind(), ErrorKind::RateLimit);
}

/// A key that was asked about, and whose answer was then lost: the rule leaves no time to wait, so it is asked once more.
#[tokio::test(start_paused = true)]
async fn a_lost_answer_of_a_key_is_asked_for_even_against_the_rule() {
    let clock = clock();
    let lost = || then_takes([Does::Break(Some(Duration::ZERO))]);
    let strict = Arc::new(Fake::new("strict", &clock, lost()).with_rule(SECOND * 180));
    let began = clock.now();
    let report = messenger(&clock, &[&strict]).build().unwrap().send_each([keyed("سلام")]).await.unwrap();
    assert_eq!((report[0].outcome, strict.messages()), (SendOutcome::Unclear, 1));
    assert!(since(&clock, began) < SECOND * 10, "it was certain that there is no answer");
    // With time enough it waits for the rule.
    let patient = Arc::new(Fake::new("patient", &clock, lost()).with_rule(SECOND * 180));
    let messenger = messenger(&clock, &[&patient]).budget(SECOND * 600).build().unwrap();
    let report = messenger.send_each([keyed("سلام")]).await.unwrap();
    assert_eq!((report[0].outcome, patient.messages(), patient.questions()), (SendOutcome::Accepted, 1, 2));
}

/// A whole batch of them: one question more, and not one for each.
#[tokio::test(start_paused = true)]
async fn a_question_against_the_rule_is_not_split() {
    for does in [Does::Break(Some(Duration::ZERO)), Does::TakeWithoutRows, Does::TakeHalfAndRefuse] {
        let clock = clock();
        let gateway = Arc::new(Fake::new("strict", &clock, then_takes([does])).with_rule(SECOND * 180));
        let messenger = messenger(&clock, &[&gateway]).build().unwrap();
        let began = clock.now();
        let list = (0..99).map(|index| Message::new("09121113333", "سلام").key(format!("fresh-{index}")));
        let report = messenger.send_each(list).await.unwrap();
        assert_eq!((report.unclear().count(), gateway.questions()), (99, 2), "{does:?}");
        assert!(since(&clock, began) < SECOND * 10, "{does:?}");
    }
}

// 6. Time.

/// A gateway that never answers, neither a send nor a question.
fn silent(clock: &Arc<dyn Clock>) -> Arc<Fake> {
    fake(clock, Always(Does::Hang(None), Says::Hang))
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_the_call_with_a_report() {
    let clock = clock();
    for gateways in 1..=2 {
        let first = silent(&clock);
        let second = Arc::new(Fake::new("second", &clock, Always(Does::Hang(None), Says::Hang)));
        let all: Vec<_> = [&first, &second].into_iter().take(gateways).collect();
        let messenger = messenger(&clock, &all).concurrency(2).build().unwrap();
        let began = clock.now();
        let list = (0..1000).map(|index| Message::new("09121112222", format!("{index}")));
        let report = messenger.send_each(list).deadline(SECOND * 4).await.unwrap();
        assert!(since(&clock, began) <= SECOND * 4 + SECOND / 10);
        assert_eq!((report.unclear().count(), report.rejected().count()), (2 * 99, 1000 - 2 * 99));
        for receipt in report.iter() {
            assert_eq!(error(receipt).kind(), ErrorKind::Timeout);
            assert_eq!(error(receipt).outcome() == Outcome::Unclear, receipt.outcome == SendOutcome::Unclear);
        }
        let keyed = messenger.send_each([keyed("سلام")]).deadline(SECOND).await.unwrap();
        assert_eq!(keyed[0].outcome, SendOutcome::Unclear, "an earlier run may have sent it");
    }
}

#[tokio::test(start_paused = true)]
async fn no_request_starts_when_a_connection_could_not_be_made_before_the_deadline() {
    let clock = clock();
    let gateway = fake(&clock, then_takes([Does::Unreachable(SECOND * 16)]));
    let messenger = messenger(&clock, &[&gateway]).deadline(SECOND * 20).build().unwrap();
    let report = messenger.send("سلام", "09121112222").await.unwrap();
    assert_eq!((report[0].outcome, gateway.submits()), (SendOutcome::Rejected, 1));
    assert_eq!(error(&report[0]).kind(), ErrorKind::Timeout);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_out_of_range_is_refused_by_name() {
    let clock = clock();
    let gateway = fake(&clock, then_takes([]));
    for deadline in [Duration::ZERO, SECOND * (24 * 60 * 60 + 1), Duration::MAX] {
        let messenger = messenger(&clock, &[&gateway]);
        let error =
            messenger.build().unwrap().send("سلام", "09121112222").deadline(deadline).await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidInput, Some("deadline")));
        let builder = Messenger::builder().shared_gateway(gateway.clone()).deadline(deadline);
        assert_eq!(builder.build().unwrap_err().field(), Some("deadline"));
    }
    assert_eq!(gateway.submits(), 0);
}

/// 100,000 messages to a gateway that is dead, or that never answers: all decided soon, by the budget or the deadline.
#[tokio::test(start_paused = true)]
async fn a_dead_gateway_fails_the_queue_behind_it() {
    for (dead, within) in [
        (Always(Does::Unreachable(Duration::ZERO), Says::Unreachable(Duration::ZERO)), 90),
        (Always(Does::Unreachable(SECOND * 5), Says::Unreachable(SECOND * 5)), 90),
        (Always(Does::Hang(None), Says::Hang), 90),
    ] {
        let clock = clock();
        let gateway = fake(&clock, dead);
        let messenger = messenger(&clock, &[&gateway]).build().unwrap();
        let recipients: Vec<i64> = (0..100_000).map(|index| 9_120_000_000 + index).collect();
        let began = clock.now();
        let report = messenger.send("سلام", recipients.clone()).await.unwrap();
        let took = since(&clock, began);
        assert_eq!(report.rejected().count() + report.unclear().count(), 100_000);
        assert!(took <= SECOND * within, "{took:?}");
        assert!(gateway.submits() < 400, "{} requests to a dead gateway", gateway.submits());
        assert!(report.iter().all(|receipt| !error(receipt).detail().is_empty()));

        let began = clock.now();
        let report = messenger.send("سلام", recipients).deadline(SECOND * 4).await.unwrap();
        assert!(since(&clock, began) <= SECOND * 4 + SECOND / 10);
        assert_eq!(report.accepted().count(), 0);
    }
}

/// What a gateway refuses is an answer: it is well, and the next message is another matter.
#[tokio::test(start_paused = true)]
async fn refusals_do_not_close_a_gateway() {
    let clock = clock();
    let gateway = Arc::new(Fake::new("first", &clock, then_takes([])).taking(SECOND));
    gateway.refuse_text("پیوند");
    let messenger = messenger(&clock, &[&gateway]).build().unwrap();
    let text = |index: usize| if index < 45_000 { "پیوند" } else { "سلام" };
    let list = (0..46_000).map(|index| Message::new("09121112222", text(index)));
    let report = messenger.send_each(list).await.unwrap();
    assert_eq!((report.accepted().count(), report.rejected().count()), (1_000, 45_000));
}

/// A gateway that comes back: one request found out, and everything goes out.
#[tokio::test(start_paused = true)]
async fn a_gateway_that_comes_back_is_used_again() {
    let clock = clock();
    let gateway = fake(&clock, then_takes([Does::Unreachable(Duration::ZERO); 8]));
    let messenger = messenger(&clock, &[&gateway]).build().unwrap();
    let list = (0..2000).map(|index| Message::new("09121112222", format!("{index}")));
    let report = messenger.send_each(list).await.unwrap();
    assert_eq!((report.accepted().count(), gateway.messages()), (2000, 2000));
}

/// The budget is that of the call: it does not begin anew with every phase.
#[tokio::test(start_paused = true)]
async fn a_budget_is_spent_once() {
    for budget in [5, 20, 60] {
        let clock = clock();
        let (first, second) =
            (silent(&clock), Arc::new(Fake::new("second", &clock, Always(Does::Hang(None), Says::Hang))));
        let messenger = messenger(&clock, &[&first, &second]).budget(SECOND * budget).build().unwrap();
        for message in [Message::new("09121112222", "سلام"), keyed("سلام")] {
            let began = clock.now();
            let report = messenger.send_each([message]).await.unwrap();
            let took = since(&clock, began);
            assert_eq!(report[0].outcome, SendOutcome::Unclear);
            // The first failure takes its time limit; then the budget, or at least the settling pause and a question.
            let most = LIMITS.1 + (SECOND * budget).max(LIMITS.1 + SECOND * 8) + SECOND;
            assert!(took <= most, "budget {budget} s: {took:?}");
        }
    }
}

// 7. Asking that cannot help stops at once, and the receipt says why.

#[tokio::test(start_paused = true)]
async fn a_wrong_key_is_in_the_receipt_at_once() {
    let clock = clock();
    let gateway = fake(&clock, Always(Does::Refuse(ErrorKind::Authentication), Says::WrongKey));
    let messenger = messenger(&clock, &[&gateway]).build().unwrap();
    let began = clock.now();
    let report = messenger.send_each([keyed("سلام")]).await.unwrap();
    assert!(since(&clock, began) < SECOND * 5);
    assert_eq!(
        (report[0].outcome, error(&report[0]).kind()),
        (SendOutcome::Unclear, ErrorKind::Authentication)
    );
    let plain = messenger.send("سلام", "09121112222").await.unwrap();
    assert_eq!(
        (plain[0].outcome, error(&plain[0]).kind()),
        (SendOutcome::Rejected, ErrorKind::Authentication)
    );
}

#[tokio::test(start_paused = true)]
async fn a_dead_second_gateway_is_in_the_receipt_soon_or_is_not_asked() {
    for after in [Duration::ZERO, SECOND * 5] {
        let clock = clock();
        let first = fake(&clock, then_takes([]));
        let dead =
            Arc::new(Fake::new("dead", &clock, Always(Does::Unreachable(after), Says::Unreachable(after))));
        let began = clock.now();
        let every = messenger(&clock, &[&first, &dead]).build().unwrap();
        let report = every.send_each([keyed("سلام")]).await.unwrap();
        assert!(since(&clock, began) <= SECOND * 10, "{:?}", since(&clock, began));
        assert_eq!((report[0].outcome, first.messages()), (SendOutcome::Unclear, 0));
        assert_eq!(
            (error(&report[0]).kind(), report[0].gateway.as_deref()),
            (ErrorKind::Connect, Some("dead"))
        );
        assert!(error(&report[0]).hint().unwrap().en.contains("ask set to first"));

        let first_only = messenger(&clock, &[&first, &dead]).ask(AskPolicy::First).build().unwrap();
        let report = first_only.send_each([keyed("سلام")]).await.unwrap();
        assert_eq!((report[0].outcome, first.messages()), (SendOutcome::Accepted, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn the_cause_of_a_failed_question_is_kept() {
    let clock = clock();
    let gateway = fake(&clock, Always(Does::Break(None), Says::Break));
    let report = messenger(&clock, &[&gateway]).build().unwrap().send("سلام", "09121112222").await.unwrap();
    let error = error(&report[0]);
    assert_eq!((report[0].outcome, error.kind()), (SendOutcome::Unclear, ErrorKind::Connect));
    assert!(error.detail().contains("asked afterwards: told to"), "{error}");
}

/// One question that failed says nothing of sending: what the first gateway refuses goes by the second.
#[tokio::test(start_paused = true)]
async fn a_failed_question_does_not_close_a_gateway() {
    struct OneBadQuestion(AtomicUsize);
    impl Script for OneBadQuestion {
        fn submit(&self, gateway: &str) -> Does {
            if gateway == "first" { Does::Refuse(ErrorKind::Credit) } else { Does::Take }
        }

        fn look_up(&self, gateway: &str) -> Says {
            let is_bad = gateway == "second" && self.0.fetch_add(1, Ordering::SeqCst) == 0;
            if is_bad { Says::Hang } else { Says::Truth }
        }
    }
    let clock = clock();
    let script = Arc::new(OneBadQuestion(AtomicUsize::new(0)));
    let first = Arc::new(Fake::new("first", &clock, script.clone()));
    let second = Arc::new(Fake::new("second", &clock, script));
    let messenger = messenger(&clock, &[&first, &second]).budget(SECOND * 20).build().unwrap();
    let report = messenger.send_each([keyed("سلام")]).await.unwrap();
    assert_eq!((report[0].outcome, second.messages()), (SendOutcome::Accepted, 1));
}

/// "There" counts, although another gateway cannot be asked.
#[tokio::test(start_paused = true)]
async fn what_one_gateway_has_is_accepted_whatever_another_says() {
    let clock = clock();
    let first = fake(&clock, Always(Does::Take, Says::SlowTruth));
    first.register(id());
    let second = Arc::new(Fake::new("second", &clock, Always(Does::Take, Says::WrongKey)));
    let messenger = messenger(&clock, &[&first, &second]).build().unwrap();
    let report = messenger.send_each([keyed("سلام")]).await.unwrap();
    assert_eq!((report[0].outcome, report[0].gateway.as_deref()), (SendOutcome::Accepted, Some("first")));
}

#[tokio::test(start_paused = true)]
async fn what_tracking_has_found_needs_no_question() {
    let clock = clock();
    let gateway = Arc::new(Fake::new("first", &clock, then_takes([])).with_rule(SECOND * 180));
    gateway.register(id());
    let messenger = messenger(&clock, &[&gateway]).build().unwrap();
    let reports = messenger.delivery(&[Receipt::restore_unclear("09121112222", id())]).await;
    assert_eq!(reports[0].gateway.as_deref(), Some("first"));
    let report = messenger.send_each([keyed("سلام")]).await.unwrap();
    assert_eq!(
        (report[0].outcome, report[0].replayed, gateway.questions()),
        (SendOutcome::Accepted, true, 1)
    );
}

/// One gateway's silence is no absence, and one that cannot be asked at all does not end the tracking.
#[tokio::test(start_paused = true)]
async fn tracking_takes_no_silence_for_absence() {
    struct SilentAtFirst(AtomicUsize);
    impl Script for SilentAtFirst {
        fn submit(&self, _: &str) -> Does {
            Does::Take
        }

        fn look_up(&self, _: &str) -> Says {
            if self.0.fetch_add(1, Ordering::SeqCst) < 2 { Says::Silence } else { Says::Truth }
        }
    }
    let clock = clock();
    let without = fake(&clock, then_takes([]));
    let deaf = Arc::new(Fake::new("deaf", &clock, then_takes([])).without_look_up());
    let with = Arc::new(Fake::new("with", &clock, SilentAtFirst(AtomicUsize::new(0))));
    with.register(id());
    let messenger = messenger(&clock, &[&without, &deaf, &with]).build().unwrap();
    let options = TrackOptions::default().deadline(SECOND * 600);
    let mut reports = messenger.track(vec![Receipt::restore_unclear("09121112222", id())], options).unwrap();
    let mut found = None;
    while let Some(report) = reports.next().await {
        let state = report.status.as_ref().map(DeliveryStatus::state);
        assert_ne!(state, Some(DeliveryState::NotFound));
        found = found.or(report.gateway.filter(|_| state.is_some()));
    }
    assert_eq!(found.as_deref(), Some("with"));
}

// 8. Ids: see tests/processes.rs.

// 9. What never left the gateway.

#[tokio::test(start_paused = true)]
async fn a_key_whose_message_never_left_says_so() {
    let clock = clock();
    let gateway = fake(&clock, then_takes([]));
    gateway.register(id());
    gateway.set_state(id(), DeliveryState::NotSent);
    let messenger = messenger(&clock, &[&gateway]).build().unwrap();
    for _ in 0..2 {
        let report = messenger.send_each([keyed("سلام")]).await.unwrap();
        let error = error(&report[0]);
        assert_eq!((report[0].outcome, report[0].replayed), (SendOutcome::Rejected, true));
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Limit, Retry::Never));
        assert!(error.hint().unwrap().en.contains("new key"));
    }
    assert_eq!((gateway.messages(), gateway.submits()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_run_sent_is_replayed() {
    let clock = clock();
    let gateway = fake(&clock, then_takes([]));
    gateway.register(id());
    let messenger = messenger(&clock, &[&gateway]).build().unwrap();
    let report = messenger.send_each([keyed("سلام")]).await.unwrap();
    assert_eq!((report[0].outcome, report[0].replayed, gateway.submits()), (SendOutcome::Accepted, true, 0));
}

// 14. A refusal of a batch.

#[tokio::test(start_paused = true)]
async fn a_batch_refused_for_a_limit_is_asked_for_before_it_goes_on() {
    let clock = clock();
    let gateway = fake(&clock, then_takes([Does::TakeHalfAndRefuse]));
    let second = Arc::new(Fake::new("second", &clock, then_takes([])));
    let began = clock.now();
    let messenger = messenger(&clock, &[&gateway, &second]).build().unwrap();
    let report = messenger.send("سلام", vec!["09121112222"; 10]).await.unwrap();
    assert_eq!((report.accepted().count(), gateway.messages(), second.messages()), (10, 5, 5));
    assert!(since(&clock, began) < SECOND, "one look, no pause");
}

// 15. Settings that disarm the promise.

#[tokio::test(start_paused = true)]
async fn settings_that_disarm_the_promise_are_refused_by_name() {
    let clock = clock();
    let gateway = fake(&clock, then_takes([]));
    let builder = || messenger(&clock, &[&gateway]);
    let field = |builder: MessengerBuilder| builder.build().unwrap_err().field().map(str::to_owned);
    assert_eq!(field(builder().budget(SECOND * 4)).as_deref(), Some("budget"));
    assert_eq!(field(builder().budget(SECOND * 10).settle(SECOND * 11)).as_deref(), Some("budget"));
    assert_eq!(field(builder().key_secret("")).as_deref(), Some("key_secret"));
    assert_eq!(field(builder().attempts(0)).as_deref(), Some("attempts"));
    let client = || payamak::PayamResan::builder().api_key("key");
    let field = |error: Error| error.field().map(str::to_owned);
    assert_eq!(field(client().timeout(Duration::ZERO).build().unwrap_err()).as_deref(), Some("timeout"));
    assert_eq!(
        field(client().connect_timeout(Duration::ZERO).build().unwrap_err()).as_deref(),
        Some("connect_timeout")
    );
    assert_eq!(
        field(client().max_response_bytes(0).build().unwrap_err()).as_deref(),
        Some("max_response_bytes")
    );
    assert_eq!(field(client().read_attempts(0).build().unwrap_err()).as_deref(), Some("read_attempts"));
}

#[tokio::test(start_paused = true)]
async fn the_same_message_twice_and_a_line_for_a_template_are_named() {
    let clock = clock();
    let gateway = fake(&clock, then_takes([]));
    let messenger = messenger(&clock, &[&gateway]).build().unwrap();
    let same = || Message::new("09121112222", "سلام").trace_id(TraceId::new(41));
    let report = messenger.send_each([same(), same()]).await.unwrap();
    assert_eq!(error(&report[1]).field(), Some("messages[1].trace_id"));
    assert!(error(&report[1]).detail().contains("the same message"), "{}", error(&report[1]));
    let template = || messenger.send_template("verify", [("09121112222", vec!["1".to_owned()])]);
    let report = template().sender(30_004_040).await.unwrap();
    assert_eq!(
        (report[0].outcome, error(&report[0]).field()),
        (SendOutcome::Rejected, Some("recipients[0].sender"))
    );
    let report = template().once().await.unwrap();
    assert_eq!(error(&report[0]).field(), Some("recipients[0].once"));
    assert_eq!(gateway.submits(), 1);
}

// 16. Keys and ids.

#[tokio::test(start_paused = true)]
async fn a_template_can_carry_a_key() {
    let clock = clock();
    let gateway = fake(&clock, then_takes([]));
    let messenger = messenger(&clock, &[&gateway]).build().unwrap();
    let recipients = || [("09121112222", vec!["1".to_owned()]), ("09121113333", vec!["2".to_owned()])];
    for run in 0..2 {
        let report = messenger.send_template("verify", recipients()).key("campaign-7").await.unwrap();
        assert_eq!((report.accepted().count(), report[0].replayed), (2, run == 1));
        let member = TraceId::from_key("campaign-7", "09121112222", KeyKind::ListMember, None).unwrap();
        assert_eq!(report[0].trace_id, member);
    }
    assert_eq!(gateway.messages(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_secret_makes_ids_that_nobody_else_can_make() {
    let clock = clock();
    let gateway = fake(&clock, then_takes([]));
    let messenger = messenger(&clock, &[&gateway]).key_secret("the account's own").build().unwrap();
    let report = messenger.send_each([keyed("سلام")]).await.unwrap();
    let own =
        TraceId::from_key("order-981", "09121112222", KeyKind::Single, Some("the account's own")).unwrap();
    assert_eq!(report[0].trace_id, own);
    assert_ne!(own, id());
    assert!(!format!("{messenger:?}").contains("account's own"));
}

// A poisoned batch.

#[tokio::test(start_paused = true)]
async fn one_message_at_fault_does_not_take_the_others_with_it() {
    for culprit in 0..99 {
        let clock = clock();
        let gateway = fake(&clock, then_takes([]));
        gateway.refuse_text("پیوند");
        let messenger = messenger(&clock, &[&gateway]).build().unwrap();
        let text =
            |index| if index == culprit { "پیوند".to_owned() } else { format!("کد شما: {index}") };
        let report =
            messenger.send_each((0..99).map(|index| Message::new("09121112222", text(index)))).await.unwrap();
        assert_eq!((report.accepted().count(), gateway.messages()), (98, 98), "{culprit}");
        assert_eq!(
            (report[culprit].outcome, error(&report[culprit]).kind()),
            (SendOutcome::Rejected, ErrorKind::Request)
        );
        assert!(gateway.submits() <= 9, "{culprit}: {} requests", gateway.submits());
    }
}

#[tokio::test(start_paused = true)]
async fn many_messages_at_fault_are_all_found() {
    type AtFault = fn(usize) -> bool;
    let scattered: AtFault = |index| index.is_multiple_of(7);
    let neighbours: AtFault = |index| index < 5;
    let both_ends: AtFault = |index| !(1..=97).contains(&index);
    for (is_at_fault, count) in [(scattered, 15), (neighbours, 5), (both_ends, 2)] {
        let clock = clock();
        let gateway = fake(&clock, then_takes([]));
        gateway.refuse_text("پیوند");
        let second = Arc::new(Fake::new("second", &clock, then_takes([])));
        let messenger = messenger(&clock, &[&gateway, &second]).build().unwrap();
        let text =
            |index| if is_at_fault(index) { format!("پیوند {index}") } else { format!("کد: {index}") };
        let list = (0..99).map(|index| Message::new("09121112222", text(index)));
        let report = messenger.send_each(list).await.unwrap();
        let sent = (gateway.messages(), second.messages());
        assert_eq!((report.accepted().count(), sent), (99, (99 - count, count)));
    }
}

/// One text to all: it is not one recipient's fault, and nobody looks for one.
#[tokio::test(start_paused = true)]
async fn a_text_that_all_share_is_refused_once() {
    let clock = clock();
    let gateway = fake(&clock, then_takes([]));
    gateway.refuse_text("پیوند");
    let messenger = messenger(&clock, &[&gateway]).build().unwrap();
    let report = messenger.send("پیوند", vec!["09121112222"; 99]).await.unwrap();
    assert_eq!((report.rejected().count(), gateway.submits()), (99, 1));
}
