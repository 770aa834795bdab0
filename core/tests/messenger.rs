//! What a messenger promises beside surviving faults: keys, order, progress, cancelling, templates, tracking, receiving.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where it fails"
)]

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{Kind, VirtualClock, assert_honest, gateway, messages, messenger, niksms, payam_resan};
use futures_util::{FutureExt as _, StreamExt as _};
use payamak::niksms::Dialect;
use payamak::{
    DeliveryState, ErrorKind, KeyKind, Message, MessageId, Messenger, Outcome, Receipt, Recipient,
    SendOutcome, TraceId, TrackOptions,
};
use payamak_emulator::{Emulator, Fault, IncomingMessage};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn receipts_come_in_input_order_and_name_what_was_refused() {
    let emulator = Emulator::start().await.unwrap();
    let messenger = messenger().gateway(payam_resan(&emulator)).build().unwrap();
    let list = [
        Message::new("+98 (912) 111-0001", "یک"),
        Message::new("0912111", "دو"),
        Message::new("۰۹۱۲۱۱۱۰۰۰۳", ""),
        Message::new("09121110004", "چهار").trace_id(TraceId::new(0)),
        Message::new("09121110005", "پنج").trace_id(TraceId::new(5)).key("five"),
        Message::new("09121110006", "شش").once(),
        Message::new("09121110007", "هفت").key(""),
        Message::new("09121110008", "هشت").sender("my line"),
        Message::new("9121110009", "نه").trace_id(TraceId::new(9)),
        Message::new("09121110010", "ده").trace_id(TraceId::new(9)),
    ];
    let report = messenger.send_each(list).await.unwrap();
    let outcomes: Vec<_> = report.iter().map(|receipt| receipt.outcome == SendOutcome::Accepted).collect();
    assert_eq!(outcomes, [true, false, false, false, false, false, false, false, true, false]);
    let fields: Vec<_> = report.iter().filter_map(|receipt| receipt.error.as_ref()?.field()).collect();
    let expected = ["to", "text", "trace_id", "key", "once", "key", "sender", "trace_id"];
    let places = [1, 2, 3, 4, 5, 6, 7, 9];
    for ((field, name), place) in fields.iter().zip(expected).zip(places) {
        assert_eq!(*field, format!("messages[{place}].{name}"));
    }
    assert_eq!(report[8].trace_id.get(), 9);
    assert_eq!(report[0].to.to_string(), "09121110001");
    assert_eq!(emulator.message_count(), 2);
}

#[tokio::test]
async fn a_key_is_asked_for_before_it_is_sent() {
    for kind in common::KINDS {
        let emulator = Emulator::start().await.unwrap();
        let messenger = messenger().shared_gateway(gateway(kind, &emulator)).build().unwrap();
        let message = || Message::new("09121112222", "سفارش شما ارسال شد").key("order-981:shipped");
        let first = messenger.send_each([message()]).await.unwrap();
        let again = messenger.send_each([message()]).await.unwrap();
        assert_eq!(
            first[0].trace_id,
            TraceId::from_key("order-981:shipped", "09121112222", KeyKind::Single, None).unwrap()
        );
        assert_eq!(again[0].outcome, SendOutcome::Accepted, "{kind:?}");
        assert_eq!(first[0].message_id, again[0].message_id, "{kind:?}");
        assert_eq!(emulator.message_count(), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn the_same_key_twice_in_one_call_is_one_message() {
    let emulator = Emulator::start().await.unwrap();
    let messenger = messenger().gateway(payam_resan(&emulator)).build().unwrap();
    let message = || Message::new("09121112222", "سلام").key("order-7");
    let sending = messenger.send_each([message(), message(), message()]);
    let log = sending.log();
    let report = sending.await.unwrap();
    assert_eq!(emulator.message_count(), 1);
    assert_eq!(report.accepted().count(), 3);
    assert_eq!(report[0].message_id, report[2].message_id);
    assert_eq!((log.progress().accepted, log.progress().planned), (3, 3));
}

#[tokio::test]
async fn a_key_names_one_message_and_not_two() {
    let emulator = Emulator::start().await.unwrap();
    let messenger = messenger().gateway(payam_resan(&emulator)).build().unwrap();
    let list = [
        Message::new("09121110001", "سلام").key("order-7"),
        Message::new("09121110002", "سلام").key("order-7"),
        Message::new("09121110001", "خداحافظ").key("order-7"),
    ];
    let report = messenger.send_each(list).await.unwrap();
    // One key for two recipients is two messages.
    assert_eq!(report.accepted().count(), 2);
    let error = report[2].error.as_ref().unwrap();
    assert_eq!(error.field(), Some("messages[2].key"));
    assert!(error.detail().contains("messages[0]"), "{error}");
    assert_eq!(emulator.message_count(), 2);
}

/// A keyed message may have been sent by an earlier run: a send that is stopped before it has asked does not know.
#[tokio::test]
async fn a_keyed_send_that_is_stopped_before_it_asked_is_unclear() {
    let emulator = Emulator::start().await.unwrap();
    let messenger = Messenger::builder().gateway(payam_resan(&emulator)).build().unwrap();
    let message = || [Message::new("09121112222", "سلام").key("order-981")];
    messenger.send_each(message()).await.unwrap();
    let token = CancellationToken::new();
    token.cancel();
    let error = messenger.send_each(message()).cancel_on(token).await.unwrap_err();
    assert_eq!(error.receipts()[0].outcome, SendOutcome::Unclear);
    assert_honest(&emulator, error.receipts(), "stopped before it asked");
    let never_awaited = messenger.send_each(message());
    assert_eq!(never_awaited.log().receipts()[0].outcome, SendOutcome::Unclear);
}

#[tokio::test]
async fn an_id_of_the_caller_s_own_is_sent_once_when_asked_to() {
    let emulator = Emulator::start().await.unwrap();
    let messenger = messenger().gateway(payam_resan(&emulator)).build().unwrap();
    let message = || Message::new("09121112222", "سلام").trace_id(TraceId::new(41)).once();
    messenger.send_each([message()]).await.unwrap();
    messenger.send_each([message()]).await.unwrap();
    assert_eq!(emulator.registrations(41), 1);
}

#[tokio::test]
async fn a_campaign_s_key_is_made_of_the_key_and_the_recipient() {
    let emulator = Emulator::start().await.unwrap();
    let messenger = messenger().gateway(payam_resan(&emulator)).build().unwrap();
    let one = messenger.send("سلام", ["09121110001"]).key("campaign-7").await.unwrap();
    let two = messenger.send("سلام", ["+989121110001", "09121110002"]).key("campaign-7").await.unwrap();
    assert_eq!(
        one[0].trace_id,
        TraceId::from_key("campaign-7", "09121110001", KeyKind::ListMember, None).unwrap()
    );
    assert_eq!(one[0].message_id, two[0].message_id);
    assert_eq!(emulator.message_count(), 2);
    // The key of one recipient's message, however it looks, is not that of a list's member.
    let single = messenger.send("سلام", "09121110001").key("campaign-7").await.unwrap();
    assert_eq!(
        single[0].trace_id,
        TraceId::from_key("campaign-7", "09121110001", KeyKind::Single, None).unwrap()
    );
    assert_ne!(single[0].message_id, one[0].message_id);
    assert_eq!(emulator.message_count(), 3);
}

/// An earlier run failed over to the second gateway: the second run finds it there.
#[tokio::test]
async fn a_key_is_asked_for_at_every_gateway() {
    let emulator = Emulator::start().await.unwrap();
    let messenger = || {
        let builder = messenger().gateway(payam_resan(&emulator));
        builder.gateway(niksms(&emulator, Dialect::PublicApi)).build().unwrap()
    };
    emulator.faults(vec![Fault::on("SendBulk").before().code(19)]);
    let message = || Message::new("09121112222", "سلام").key("order-981");
    let first = messenger().send_each([message()]).await.unwrap();
    assert_eq!(first[0].gateway.as_deref(), Some("niksms"));
    let again = messenger().send_each([message()]).await.unwrap();
    assert_eq!(again[0].gateway.as_deref(), Some("niksms"));
    assert_eq!(emulator.message_count(), 1);
}

#[tokio::test]
async fn a_key_that_cannot_be_asked_for_is_not_sent() {
    let emulator = Emulator::start().await.unwrap();
    emulator.faults(vec![Fault::on_lookup().status(503).forever()]);
    let messenger = messenger().gateway(payam_resan(&emulator)).build().unwrap();
    let report = messenger.send_each([Message::new("09121112222", "سلام").key("order-981")]).await.unwrap();
    assert_eq!(report[0].outcome, SendOutcome::Unclear);
    assert!(report[0].error.as_ref().unwrap().hint().unwrap().en.contains("same key"));
    assert_eq!(emulator.message_count(), 0);
}

#[tokio::test]
async fn a_call_that_cannot_begin_is_an_error() {
    let emulator = Emulator::start().await.unwrap();
    let v2 = messenger().gateway(niksms(&emulator, Dialect::V2)).build().unwrap();
    let error = v2.send_each([Message::new("09121112222", "سلام").key("a")]).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Configuration, Outcome::NotSent));
    let error = v2.send_template("verify", [("09121112222", vec!["1".to_owned()])]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert_eq!(Messenger::builder().build().unwrap_err().field(), Some("gateways"));
    let twice = Messenger::builder().gateway(payam_resan(&emulator)).gateway(payam_resan(&emulator));
    assert!(twice.build().unwrap_err().to_string().contains("payam-resan"));
    assert_eq!(emulator.request_count(), 0);
    assert!(v2.send("سلام", Vec::<Recipient>::new()).await.unwrap().is_empty());
}

#[tokio::test]
async fn templates_go_by_the_first_gateway_that_has_them() {
    let emulator = Emulator::start().await.unwrap();
    let messenger = messenger()
        .gateway(niksms(&emulator, Dialect::PublicApi))
        .gateway(payam_resan(&emulator))
        .build()
        .unwrap();
    let recipients = (0..150).map(|index| (format!("0912111{index:04}"), vec![format!("{index}")]));
    let report = messenger.send_template("verify", recipients).await.unwrap();
    assert!(report.iter().all(|receipt| receipt.gateway.as_deref() == Some("payam-resan")));
    assert_eq!(report.accepted().count(), 150);
    // What the first gateway cannot take goes on together, not one by one.
    assert_eq!(emulator.request_count(), 2);
    assert!(emulator.messages().iter().all(|message| message.template.as_deref() == Some("verify")));
    assert_honest(&emulator, &report, "templates");
    let too_many = vec!["1".to_owned(); 11];
    let report = messenger.send_template("verify", [("09121112222", too_many)]).await.unwrap();
    assert_eq!(report[0].error.as_ref().unwrap().field(), Some("recipients[0].parameters"));
}

#[tokio::test]
async fn a_text_with_a_comma_goes_alone_where_texts_are_joined_by_commas() {
    let emulator = Emulator::start().await.unwrap();
    let messenger = messenger().gateway(niksms(&emulator, Dialect::PublicApi)).build().unwrap();
    let list = ["الف", "ب, پ", "ت"].map(|text| Message::new("09121112222", text));
    let report = messenger.send_each(list).await.unwrap();
    assert_eq!(report.accepted().count(), 3);
    let mut texts: Vec<_> =
        emulator.messages().into_iter().map(|message| (message.operation, message.text)).collect();
    texts.sort_unstable();
    let expected = [("GroupSms", "ب, پ"), ("PtpSms", "الف"), ("PtpSms", "ت")];
    assert!(texts.iter().map(|(operation, text)| (&**operation, &**text)).eq(expected), "{texts:?}");
}

#[tokio::test]
async fn progress_adds_up() {
    let emulator = Emulator::start().await.unwrap();
    emulator.faults(vec![Fault::on_send().skip(1).before().code(19)]);
    let messenger = messenger().gateway(payam_resan(&emulator)).concurrency(1).build().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = seen.clone();
    messenger
        .send_each(messages(300))
        .on_progress(move |progress| sink.lock().unwrap().push(progress))
        .await
        .unwrap();
    let seen = seen.lock().unwrap();
    assert!(
        seen.iter()
            .all(|p| p.in_flight + p.accepted + p.rejected + p.unclear <= p.planned && p.planned == 300)
    );
    let last = seen.last().unwrap();
    assert_eq!((last.in_flight, last.accepted + last.rejected), (0, 300));
    assert!(last.rejected > 0);
}

/// Cancelled by a token while the first request is on its way and has been registered.
#[tokio::test]
async fn a_cancelled_send_says_what_was_in_flight() {
    let emulator = Emulator::start().await.unwrap();
    emulator.faults(vec![Fault::on_send().after().never().forever()]);
    let messenger = Messenger::builder().gateway(payam_resan(&emulator)).concurrency(1).build().unwrap();
    let token = CancellationToken::new();
    let stop = token.clone();
    let sending = messenger
        .send_each((0..200).map(|index| Message::new(format!("0912111{index:04}"), "سلام")))
        .cancel_on(token)
        .on_progress(move |progress| {
            if progress.in_flight > 0 {
                stop.cancel();
            }
        });
    let error = sending.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Canceled);
    let count = |outcome| error.receipts().iter().filter(|receipt| receipt.outcome == outcome).count();
    assert_eq!((count(SendOutcome::Unclear), count(SendOutcome::Rejected)), (99, 101));
    assert_honest(&emulator, error.receipts(), "cancelled");
}

/// Dropped while in flight: the log still knows.
#[tokio::test]
async fn a_dropped_send_leaves_its_log() {
    let emulator = Emulator::start().await.unwrap();
    emulator.faults(vec![Fault::on_send().after().never().forever()]);
    let messenger = Messenger::builder().gateway(payam_resan(&emulator)).concurrency(1).build().unwrap();
    let (left, has_left) = tokio::sync::oneshot::channel();
    let left = Mutex::new(Some(left));
    let sending = messenger.send("سلام", vec!["09121110001"; 3]).on_progress(move |progress| {
        if progress.in_flight == 3 {
            left.lock().unwrap().take().map(|left| left.send(()));
        }
    });
    let log = sending.log();
    let task = tokio::spawn(sending.into_future());
    has_left.await.unwrap();
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    let receipts = log.receipts();
    assert_eq!(receipts.len(), 3);
    assert!(receipts.iter().all(|receipt| receipt.outcome == SendOutcome::Unclear));
    assert!(receipts.iter().all(|receipt| receipt.error.as_ref().unwrap().kind() == ErrorKind::Canceled));
}

fn tracking(emulator: &Emulator, kind: Kind) -> (Messenger, Arc<VirtualClock>) {
    let clock = Arc::new(VirtualClock::default());
    let builder =
        Messenger::builder().clock(clock.clone()).jitter_seed(7).budget(Duration::from_secs(30 * 60));
    (builder.shared_gateway(gateway(kind, emulator)).build().unwrap(), clock)
}

#[tokio::test]
async fn tracking_ends_when_everything_is_final() {
    for kind in common::KINDS {
        let emulator = Emulator::start().await.unwrap();
        let (messenger, _) = tracking(&emulator, kind);
        let mut receipts = messenger.send_each(messages(150)).await.unwrap().into_receipts();
        // One of them from a database that did not keep the gateway's id.
        receipts[7].message_id = None;
        let mut last = vec![None; receipts.len()];
        let mut reports = messenger.track(receipts.clone(), TrackOptions::default()).unwrap();
        while let Some(report) = reports.next().await {
            emulator.advance(Duration::from_secs(60));
            assert!(!report.timed_out);
            let status = report.status.clone().unwrap();
            assert_ne!(last[report.index].as_ref(), Some(&status), "{kind:?}: reported without a change");
            last[report.index] = Some(status);
        }
        assert!(
            last.iter().all(|status| status.as_ref().is_some_and(payamak::DeliveryStatus::is_final)),
            "{kind:?}"
        );
        let now = messenger.delivery(&receipts).await;
        assert!(now.iter().zip(&last).all(|(report, status)| report.status == *status));
        assert!(now.iter().map(|report| report.index).eq(0..150));
    }
}

/// The emulator enforces the rule here: a question too early would be answered with error 20.
#[tokio::test]
async fn no_message_is_asked_about_more_often_than_the_gateway_allows() {
    let emulator =
        Emulator::builder().speed(0.0).polling_rule(Some(Duration::from_secs(3 * 60))).start().await.unwrap();
    let emulator = Arc::new(emulator);
    let clock = VirtualClock::of(&emulator);
    let messenger = Messenger::builder().clock(clock).gateway(payam_resan(&emulator)).build().unwrap();
    let receipts = messenger.send_each(messages(120)).await.unwrap().into_receipts();
    let reports: Vec<_> = messenger.track(receipts, TrackOptions::default()).unwrap().collect().await;
    assert!(reports.iter().all(|report| report.error.is_none() && !report.timed_out));
    assert_eq!(reports.iter().filter(|report| report.is_final()).count(), 120);
}

#[tokio::test]
async fn tracking_reports_what_is_still_on_its_way_at_the_deadline() {
    let emulator = Emulator::builder().speed(0.0).start().await.unwrap();
    let (messenger, clock) = tracking(&emulator, Kind::PayamResan);
    let receipts = messenger.send("سلام", ["09121110001", "09121110002"]).await.unwrap().into_receipts();
    let before = payamak::Clock::now(&*clock);
    let options = TrackOptions::default().deadline(Duration::from_secs(20 * 60));
    let reports: Vec<_> = messenger.track(receipts, options).unwrap().collect().await;
    assert_eq!(payamak::Clock::now(&*clock).saturating_sub(before), Duration::from_secs(20 * 60));
    let timed_out: Vec<_> = reports.iter().filter(|report| report.timed_out).collect();
    assert_eq!(timed_out.len(), 2);
    assert!(timed_out.iter().all(|report| report.status.as_ref().unwrap().state() == DeliveryState::Queued));
}

#[tokio::test]
async fn tracking_says_what_it_cannot_know() {
    let emulator = Emulator::start().await.unwrap();
    let (messenger, _) = tracking(&emulator, Kind::PayamResan);
    let mut receipts = messenger.send("سلام", "0912").await.unwrap().into_receipts();
    receipts.push(Receipt::restore("09121112222", "another", TraceId::new(1), None));
    receipts.push(Receipt::restore("09121112222", "payam-resan", TraceId::new(2), None));
    let reports: Vec<_> = messenger.track(receipts, TrackOptions::default()).unwrap().collect().await;
    assert_eq!(reports.len(), 3);
    let field = |index: usize| {
        reports.iter().find(|report| report.index == index).unwrap().error.as_ref().unwrap().field()
    };
    assert_eq!((field(0), field(1)), (Some("to[0]"), Some("gateway")));
    // The gateway says that it has no such message: that is an answer, and a final one.
    let unknown = reports.iter().find(|report| report.index == 2).unwrap();
    assert_eq!(unknown.status.as_ref().unwrap().state(), DeliveryState::NotFound);

    let v2 = messenger_of_v2(&emulator);
    let unclear = Receipt::restore("09121112222", "niksms", TraceId::new(3), None);
    let report = v2.delivery(&[unclear]).await.remove(0);
    assert_eq!(report.error.unwrap().kind(), ErrorKind::Configuration);
}

/// One receipt that cannot be asked about is said to be so, and the others are followed.
#[tokio::test]
async fn a_bad_receipt_does_not_end_the_tracking_of_others() {
    let emulator = Emulator::start().await.unwrap();
    let (messenger, _) = tracking(&emulator, Kind::PayamResan);
    let mut receipts = messenger.send("سلام", ["09121110001", "09121110002"]).await.unwrap().into_receipts();
    receipts[0].message_id = None;
    receipts.push(Receipt::restore("09121110003", "payam-resan", TraceId::new(0), None));
    receipts.push(Receipt::restore("09121110004", "payam-resan", TraceId::new(4), Some(MessageId::new(-1))));
    emulator.advance(Duration::from_secs(600));
    let reports: Vec<_> = messenger.track(receipts, TrackOptions::default()).unwrap().collect().await;
    let field = |index: usize| {
        reports
            .iter()
            .find(|report| report.index == index)
            .unwrap()
            .error
            .as_ref()
            .unwrap()
            .field()
            .map(str::to_owned)
    };
    assert_eq!(field(2).as_deref(), Some("receipts[2].trace_id"));
    assert_eq!(field(3).as_deref(), Some("receipts[3].message_id"));
    assert_eq!(reports.iter().filter(|report| report.is_final()).count(), 2);
}

/// A question that is refused, by whomever, ends nothing: the error is said when it is new, and the questions go on.
#[tokio::test]
async fn a_refused_question_does_not_end_tracking() {
    for status in [400, 401, 403, 404, 429] {
        let emulator = Emulator::start().await.unwrap();
        let (messenger, _) = tracking(&emulator, Kind::PayamResan);
        let receipts = messenger.send("سلام", ["09121110001", "09121110002"]).await.unwrap().into_receipts();
        emulator.faults(vec![Fault::on_lookup().times(3).status(status)]);
        emulator.advance(Duration::from_secs(600));
        let reports: Vec<_> = messenger.track(receipts, TrackOptions::default()).unwrap().collect().await;
        let errors: Vec<_> = reports.iter().filter_map(|report| report.error.as_ref()).collect();
        assert_eq!(errors.len(), 2, "{status}: once for each message, not once for each question");
        assert!(errors.iter().all(|error| error.http_status() == Some(status)));
        assert_eq!(reports.iter().filter(|report| report.is_final()).count(), 2, "{status}");
    }
}

/// Nobody knows which gateway has an unclear message: all are asked.
#[tokio::test]
async fn an_unclear_receipt_is_asked_for_at_every_gateway() {
    let emulator = Emulator::start().await.unwrap();
    let messenger = messenger()
        .gateway(payam_resan(&emulator))
        .gateway(niksms(&emulator, Dialect::PublicApi))
        .build()
        .unwrap();
    let niksms_alone = common::messenger().gateway(niksms(&emulator, Dialect::PublicApi)).build().unwrap();
    let sent = niksms_alone.send("سلام", "09121110001").await.unwrap();
    emulator.advance(Duration::from_secs(600));
    let receipts = vec![
        Receipt::restore_unclear("09121110001", sent[0].trace_id),
        Receipt::restore_unclear("09121110002", TraceId::new(77)),
    ];
    let reports: Vec<_> = messenger.track(receipts.clone(), TrackOptions::default()).unwrap().collect().await;
    let state = |index: usize| {
        let report = reports.iter().find(|report| report.index == index && report.is_final()).unwrap();
        (
            report.gateway.as_deref().map(str::to_owned),
            report.message_id,
            report.status.as_ref().unwrap().state(),
        )
    };
    assert_eq!(state(0), (Some("niksms".to_owned()), sent[0].message_id, DeliveryState::Sent));
    assert_eq!(state(1), (None, None, DeliveryState::NotFound));
    let now = messenger.delivery(&receipts).await;
    assert_eq!(now[0].status.as_ref().unwrap().state(), DeliveryState::Sent);
}

/// A replica that is behind does not have the message yet: that is no end.
#[tokio::test]
async fn not_found_is_believed_when_it_is_said_twice() {
    let emulator = Emulator::builder().speed(0.0).lookup_lag(Duration::from_secs(60)).start().await.unwrap();
    let emulator = Arc::new(emulator);
    let messenger = common::messenger_in_time_of(&emulator).gateway(payam_resan(&emulator)).build().unwrap();
    let mut receipts = messenger.send("سلام", "09121110001").await.unwrap().into_receipts();
    receipts[0].message_id = None;
    let reports: Vec<_> = messenger.track(receipts, TrackOptions::default()).unwrap().collect().await;
    assert!(reports.iter().all(|report| report.status.as_ref().unwrap().state() != DeliveryState::NotFound));
    assert_eq!(reports.last().unwrap().status.as_ref().unwrap().state(), DeliveryState::Delivered);
}

#[tokio::test]
async fn an_interval_of_nothing_is_refused() {
    let emulator = Emulator::start().await.unwrap();
    let (messenger, _) = tracking(&emulator, Kind::PayamResan);
    let error = messenger.track(Vec::new(), TrackOptions::default().interval(Duration::ZERO)).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidInput, Some("interval")));
}

/// Dropped while the gateway is handing its inbox out: what it handed out comes first in the next stream.
#[tokio::test]
async fn a_stream_dropped_while_it_asks_loses_no_incoming_message() {
    let emulator = Emulator::start().await.unwrap();
    let messenger = messenger().gateway(payam_resan(&emulator)).build().unwrap();
    emulator.receive(IncomingMessage::new("09121112222", "30004040", "پیام")).unwrap();
    emulator.faults(vec![Fault::on("GetInbox").delay(Duration::from_millis(300))]);
    for _ in 0..5 {
        let mut incoming = std::pin::pin!(messenger.receive(Duration::from_secs(30)));
        assert!(incoming.next().now_or_never().is_none());
        while emulator.request_count() == 0 {
            tokio::task::yield_now().await;
        }
    }
    let mut incoming = std::pin::pin!(messenger.receive(Duration::from_secs(30)));
    assert_eq!(incoming.next().await.unwrap().unwrap().message.text, "پیام");
    assert_eq!(emulator.request_count(), 1, "one question is enough for all of them");
}

fn messenger_of_v2(emulator: &Emulator) -> Messenger {
    messenger().gateway(niksms(emulator, Dialect::V2)).build().unwrap()
}

/// Receipts of one message, by the same key: each of them gets its reports.
#[tokio::test]
async fn receipts_of_one_message_are_all_reported() {
    let emulator = Emulator::start().await.unwrap();
    let (messenger, _) = tracking(&emulator, Kind::PayamResan);
    let message = || Message::new("09121110001", "سلام").key("order-7");
    let mut receipts = messenger.send_each([message(), message()]).await.unwrap().into_receipts();
    receipts[1].message_id = None;
    emulator.advance(Duration::from_secs(600));
    let reports: Vec<_> = messenger.track(receipts, TrackOptions::default()).unwrap().collect().await;
    let mut places: Vec<_> =
        reports.iter().filter(|report| report.is_final()).map(|report| report.index).collect();
    places.sort_unstable();
    assert_eq!(places, [0, 1]);
}

/// What was fetched and not handed out is not lost with the stream.
#[tokio::test]
async fn a_dropped_stream_loses_no_incoming_message() {
    let emulator = Emulator::start().await.unwrap();
    let messenger = messenger().gateway(payam_resan(&emulator)).build().unwrap();
    for index in 0..3 {
        emulator.receive(IncomingMessage::new("09121112222", "30004040", format!("پیام {index}"))).unwrap();
    }
    let mut texts = Vec::new();
    for _ in 0..3 {
        let mut incoming = std::pin::pin!(messenger.receive(Duration::from_secs(30)));
        texts.push(incoming.next().await.unwrap().unwrap().message.text);
    }
    texts.sort_unstable();
    assert_eq!(texts, ["پیام 0", "پیام 1", "پیام 2"]);
}

#[tokio::test]
async fn every_incoming_message_is_handed_out_once() {
    let emulator = Emulator::start().await.unwrap();
    let messenger = messenger()
        .gateway(payam_resan(&emulator))
        .gateway(niksms(&emulator, Dialect::Soap))
        .build()
        .unwrap();
    for index in 0..4 {
        let line = if index % 2 == 0 { "30004040" } else { "50001234" };
        emulator.receive(IncomingMessage::new("09121112222", line, format!("پیام {index}"))).unwrap();
    }
    emulator.faults(vec![Fault::on("GetReceiveSms").before().close()]);
    let mut incoming = std::pin::pin!(messenger.receive(Duration::from_secs(30)));
    let mut texts = Vec::new();
    let mut failures = Vec::new();
    while texts.len() < 4 {
        match incoming.next().await.unwrap() {
            Ok(received) => texts.push((received.gateway.to_string(), received.message.text)),
            Err(error) => failures.push(error),
        }
    }
    texts.sort_unstable();
    let expected =
        [("niksms", "پیام 1"), ("niksms", "پیام 3"), ("payam-resan", "پیام 0"), ("payam-resan", "پیام 2")];
    assert!(texts.iter().map(|(gateway, text)| (&**gateway, &**text)).eq(expected), "{texts:?}");
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].outcome(), Outcome::Unclear);
    assert!(failures[0].hint().unwrap().en.contains("reset_receive_sms_visited_status"));
}

#[tokio::test]
async fn balances_stand_side_by_side_with_failures() {
    let emulator = Emulator::start().await.unwrap();
    emulator.faults(vec![Fault::on("AccountInfo").forever().status(503)]);
    let messenger = messenger()
        .gateway(payam_resan(&emulator))
        .gateway(niksms(&emulator, Dialect::PublicApi))
        .build()
        .unwrap();
    let balances = messenger.balance().await;
    assert_eq!(balances[0].as_ref().unwrap_err().gateway(), Some("payam-resan"));
    let niksms = balances[1].as_ref().unwrap();
    assert!(niksms.credit > 0.0 && niksms.sender_lines.contains(&"50001234".to_owned()));
}
