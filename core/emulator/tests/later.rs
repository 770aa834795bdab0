//! Requests that are carried out later than they arrive.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by a panic")]

mod common;

use std::time::Duration;

use common::{
    Connection, DIALECTS, JSON, bulk, eventually, get, niksms, post, public_api, start, status_of, v3,
};
use payamak_emulator::{Emulator, Fault, Gateway, IncomingMessage};
use serde_json::json;

const SIX: Duration = Duration::from_secs(6);
const LAST_MOMENT: Duration = Duration::from_millis(1);
const ALMOST_SIX: Duration = Duration::from_millis(5999);

fn send(emulator: &Emulator, trace_id: i64) -> Option<common::Response> {
    post(emulator, "/api/V3/SendBulk", JSON, &bulk(trace_id).to_string())
}

/// An emulator to which trace id 7 is on its way, for six seconds.
fn under_way() -> Emulator {
    let emulator = start();
    emulator.add_fault(Fault::on_send().later(SIX).close());
    assert!(send(&emulator, 7).is_none());
    emulator
}

#[test]
fn nothing_is_there_before_its_moment() {
    let emulator = under_way();
    let credit = emulator.credit(Gateway::PayamResan);
    emulator.advance(ALMOST_SIX);
    assert_eq!((emulator.registrations(7), emulator.message_count()), (0, 0));
    assert_eq!(emulator.credit(Gateway::PayamResan), credit);
    assert_eq!(status_of(&emulator, 7), 8);
    emulator.advance(LAST_MOMENT);
    assert_eq!(emulator.registrations(7), 1);
    assert_eq!(emulator.credit(Gateway::PayamResan), credit - 1);
    emulator.advance(SIX);
    assert_eq!(emulator.registrations(7), 1, "it lands once");
}

#[test]
fn whoever_looks_first_sees_it() {
    type Look = fn(&Emulator) -> bool;
    let looks: [(&str, Look); 8] = [
        ("registrations", |emulator| emulator.registrations(7) == 1),
        ("message_count", |emulator| emulator.message_count() == 1),
        ("messages", |emulator| emulator.messages().len() == 1),
        ("credit", |emulator| emulator.credit(Gateway::PayamResan) == 9_999_999),
        ("set_status", |emulator| emulator.set_status(9_100_000_000_000_001, 4)),
        ("a lookup", |emulator| status_of(emulator, 7) == 1),
        ("health", |emulator| get(emulator, "/_emulator/health").json()["messages"] == 1),
        ("control", |emulator| get(emulator, "/_emulator/messages").json()[0]["trace_id"] == 7),
    ];
    for (name, sees) in looks {
        let emulator = under_way();
        emulator.advance(SIX + Duration::from_secs(10));
        assert!(sees(&emulator), "{name}");
    }
}

#[test]
fn its_moment_is_when_it_was_registered() {
    let emulator = under_way();
    emulator.advance(Duration::from_secs(30));
    assert_eq!(status_of(&emulator, 7), 3, "24 seconds old");
    assert!((emulator.messages()[0].registered_at - 6.0).abs() < 1e-9);
}

#[test]
fn of_several_the_first_due_is_the_first_registered() {
    let emulator = start();
    for seconds in [6, 2, 4] {
        emulator.add_fault(Fault::on_send().later(Duration::from_secs(seconds)).close());
    }
    for trace_id in [6, 2, 4] {
        assert!(send(&emulator, trace_id).is_none());
    }
    emulator.advance(SIX);
    assert!(send(&emulator, 7).is_some());
    let messages = emulator.messages();
    assert!(messages.is_sorted_by_key(|message| message.id));
    let landed: Vec<_> = messages.iter().map(|message| (message.trace_id, message.registered_at)).collect();
    assert_eq!(landed, [(Some(2), 2.0), (Some(4), 4.0), (Some(6), 6.0), (Some(7), 6.0)]);
}

#[test]
fn every_fault_that_counts_when_can_come_first() {
    let emulator = start();
    let late = || Fault::on_send().later(SIX);
    let faults = [
        late().close(),
        late().half(),
        late().garbage(),
        late().html(),
        late().status(503),
        late().status_json(429),
        late().code(100),
    ];
    emulator.faults(faults.to_vec());
    let answers: Vec<_> = (0..7).map(|trace_id| send(&emulator, trace_id)).collect();
    let statuses: Vec<_> =
        answers.iter().map(|answer| answer.as_ref().map_or(0, |answer| answer.status)).collect();
    assert_eq!(statuses, [0, 200, 200, 200, 503, 429, 200]);
    assert!(!answers[1].as_ref().unwrap().complete);
    assert_eq!(answers[6].as_ref().unwrap().json()["ErrorCode"], 100);
    emulator.add_fault(late().never());
    let mut silent = Connection::open(&emulator);
    silent.send("POST", "/api/V3/SendBulk", &[("content-type", JSON)], &bulk(7).to_string());
    eventually("the request arrives", || emulator.request_count() == 8);
    assert_eq!(emulator.message_count(), 0);
    emulator.advance(SIX);
    eventually("all land", || (0..8).all(|trace_id| emulator.registrations(trace_id) == 1));
    assert!(silent.is_silent());
}

#[test]
fn it_is_charged_when_it_lands() {
    let emulator = Emulator::builder().speed(0.0).credit(1).start_blocking().unwrap();
    emulator.add_fault(Fault::on_send().later(SIX).close());
    assert!(send(&emulator, 1).is_none());
    assert_eq!(send(&emulator, 2).unwrap().json()["Success"], true, "the credit is still there");
    emulator.advance(SIX);
    assert_eq!((emulator.registrations(1), emulator.credit(Gateway::PayamResan)), (0, 0));
    emulator.add_fault(Fault::on_send().later(SIX).close());
    assert!(send(&emulator, 3).is_none());
    emulator.set_credit(Gateway::PayamResan, 1);
    emulator.advance(SIX);
    assert_eq!((emulator.registrations(3), emulator.credit(Gateway::PayamResan)), (1, 0));
}

#[test]
fn it_lands_though_its_client_has_gone() {
    let emulator = start();
    emulator.add_fault(Fault::on_send().later(SIX).never());
    let mut connection = Connection::open(&emulator);
    connection.send("POST", "/api/V3/SendBulk", &[("content-type", JSON)], &bulk(7).to_string());
    drop(connection);
    eventually("the request arrives", || emulator.request_count() == 1);
    emulator.advance(SIX);
    eventually("it lands", || emulator.registrations(7) == 1);
}

#[test]
fn it_lands_over_every_dialect_of_niksms() {
    for dialect in DIALECTS {
        let emulator = start();
        emulator.add_fault(Fault::on_send().later(SIX).close());
        assert!(niksms(&emulator, dialect, "x", &[("09121112222", 7)]).is_none());
        let look = || public_api(&emulator, "GetSmsDeliveryWithClientId", &[("yourId", "7")]).json();
        assert_eq!(look(), json!({ "SmsStatus": 0, "NiksmsId": 0 }), "{dialect}");
        emulator.advance(SIX);
        assert_eq!(look()["SmsStatus"], 2, "{dialect}");
        assert_eq!(emulator.messages()[0].dialect, dialect);
    }
}

#[test]
fn an_inbox_is_handed_out_later_too() {
    let emulator = start();
    emulator.receive(IncomingMessage::new("09121112222", "30004040", "x")).unwrap();
    emulator.add_fault(Fault::on("GetInbox").later(SIX).close());
    let inbox = || post(&emulator, "/api/V3/GetInbox", JSON, r#"{"ApiKey":"demo-key"}"#);
    assert!(inbox().is_none());
    emulator.receive(IncomingMessage::new("09121112222", "30004040", "y")).unwrap();
    emulator.advance(SIX);
    assert_eq!(inbox().unwrap().json()["Result"], json!([]), "both were handed out, to nobody");
}

#[test]
fn clear_forgets_what_is_under_way() {
    let emulator = under_way();
    emulator.clear();
    emulator.advance(SIX);
    assert_eq!(emulator.message_count(), 0);
}

#[test]
fn time_that_runs_by_itself_brings_it_too() {
    let emulator = Emulator::start_blocking().unwrap();
    emulator.add_fault(Fault::on_send().later(Duration::from_millis(1)).close());
    assert!(send(&emulator, 7).is_none());
    eventually("it lands", || emulator.registrations(7) == 1);
}

#[test]
fn over_http_it_is_a_number_of_milliseconds() {
    let emulator = start();
    let control = |path: &str, body: serde_json::Value| {
        post(&emulator, &format!("/_emulator/{path}"), JSON, &body.to_string()).unwrap()
    };
    let faults = json!([{ "when": { "later_ms": 6000 }, "then": { "status_json": 502 } }]);
    assert_eq!(control("faults", faults.clone()).status, 204);
    assert_eq!(get(&emulator, "/_emulator/faults").json()[0]["when"], faults[0]["when"]);
    assert_eq!(send(&emulator, 7).unwrap().status, 502);
    assert_eq!(control("advance", json!({ "seconds": 6 })).json()["messages"], 1);
    assert_eq!(v3(&emulator, "SendBulk", &bulk(8))["Success"], true);
}
