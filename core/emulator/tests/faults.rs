//! Every fault, seen from the other end of the connection.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by a panic")]

mod common;

use std::time::Duration;

use common::{Connection, JSON, bulk, eventually, post, public_api, soap, start, status_of, v3};
use payamak_emulator::{Emulator, Fault, Gateway, IncomingMessage, Then};
use serde_json::json;

fn send(emulator: &Emulator, trace_id: i64) -> Option<common::Response> {
    post(emulator, "/api/V3/SendBulk", JSON, &bulk(trace_id).to_string())
}

#[test]
fn close_is_not_a_byte() {
    let emulator = start();
    emulator.faults(vec![Fault::on_send().close(), Fault::on_send().after().close()]);
    assert!(send(&emulator, 1).is_none());
    assert_eq!(emulator.registrations(1), 0);
    assert!(send(&emulator, 2).is_none());
    assert_eq!(emulator.registrations(2), 1);
    assert!(send(&emulator, 3).is_some());
    assert!(emulator.pending_faults().is_empty());
}

#[test]
fn never_leaves_the_connection_open() {
    let emulator = start();
    emulator.add_fault(Fault::on_send().after().never());
    let mut connection = Connection::open(&emulator);
    connection.send("POST", "/api/V3/SendBulk", &[("content-type", JSON)], &bulk(1).to_string());
    eventually("the message is registered", || emulator.registrations(1) == 1);
    assert!(connection.is_silent());
    assert!(send(&emulator, 2).is_some(), "others are served");
    assert!(connection.is_silent());
    drop(emulator);
    assert!(!connection.is_silent(), "a stopped emulator hangs up");
}

#[test]
fn half_says_how_long_the_whole_would_be() {
    let emulator = start();
    for (fault, registered) in [(Fault::on_send().half(), 0), (Fault::on_send().after().half(), 1)] {
        emulator.clear();
        emulator.add_fault(fault);
        let answer = send(&emulator, 1).unwrap();
        assert_eq!(answer.status, 200);
        assert!(!answer.complete);
        assert!(answer.text().starts_with(r#"{"Success":true"#));
        assert_eq!(emulator.registrations(1), registered);
    }
}

#[test]
fn half_of_an_inbox_takes_nothing_away_unless_after() {
    let emulator = start();
    emulator.receive(IncomingMessage::new("09121112222", "30004040", "x")).unwrap();
    emulator.faults(vec![Fault::on("GetInbox").half(), Fault::on("GetInbox").skip(1).after().close()]);
    let fetch = || post(&emulator, "/api/V3/GetInbox", JSON, r#"{"ApiKey":"demo-key"}"#);
    assert!(!fetch().unwrap().complete);
    assert_eq!(fetch().unwrap().json()["Result"].as_array().unwrap().len(), 1);
    emulator.receive(IncomingMessage::new("09121112222", "30004040", "y")).unwrap();
    emulator.faults(vec![Fault::on("GetInbox").after().close()]);
    assert!(fetch().is_none());
    assert_eq!(fetch().unwrap().json()["Result"], json!([]), "fetched and lost");
}

#[test]
fn garbage_html_and_statuses() {
    let emulator = start();
    emulator.faults(vec![Fault::on_send().garbage(), Fault::on_send().html(), Fault::on_send().status(503)]);
    let garbage = send(&emulator, 1).unwrap();
    assert_eq!(garbage.status, 200);
    assert!(std::str::from_utf8(&garbage.body).is_err());
    let html = send(&emulator, 1).unwrap();
    assert!(html.status == 200 && html.head.contains("text/html") && html.text().contains("<html>"));
    assert_eq!(send(&emulator, 1).unwrap().status, 503);
    assert_eq!(emulator.message_count(), 0);
}

#[test]
fn a_code_comes_in_the_dialects_own_shape() {
    let emulator = start();
    let fields = [("message", "x"), ("numbers", "09121112222"), ("senderNumber", "50001234")];
    emulator.add_fault(Fault::on_send().after().code(100));
    let v3 = send(&emulator, 1).unwrap().json();
    assert_eq!((&v3["Success"], &v3["ErrorCode"]), (&json!(false), &json!(100)));
    assert_eq!(emulator.registrations(1), 1);
    emulator.add_fault(Fault::on_send().gateway(Gateway::NikSms).times(2).code(15));
    assert!(send(&emulator, 2).unwrap().json()["Success"] == true, "the other gateway is left alone");
    assert_eq!(public_api(&emulator, "GroupSms", &fields).json()["Status"], 15);
    assert!(soap(&emulator, "GroupSms", "").text().contains("<Status>SiteUpdating</Status>"));
}

#[test]
fn a_delay_is_the_right_answer_later() {
    let emulator = start();
    emulator.add_fault(Fault::on_send().delay(Duration::from_millis(20)));
    let before = std::time::Instant::now();
    assert_eq!(send(&emulator, 1).unwrap().json()["Success"], true);
    assert!(before.elapsed() >= Duration::from_millis(20));
    assert_eq!(emulator.registrations(1), 1);
}

#[test]
fn rows_are_dropped_and_shuffled() {
    let emulator = start();
    let recipients: Vec<_> =
        (1..=3).map(|id| json!({ "Destination": 9_121_112_222_i64, "UserTraceId": id })).collect();
    let body = json!({ "ApiKey": "demo-key", "Text": "x", "Sender": 30_004_040, "Recipients": recipients });
    let trace_ids = || {
        let answer = v3(&emulator, "SendBulk", &body);
        let rows = answer["Result"].as_array().unwrap();
        rows.iter().map(|row| row["UserTraceId"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    emulator.faults(vec![Fault::on_send().drop_rows(), Fault::on_send().shuffle_rows()]);
    assert_eq!(trace_ids(), [1]);
    assert_eq!(trace_ids(), [3, 2, 1]);
    assert_eq!(trace_ids(), [1, 2, 3]);
    assert_eq!(emulator.registrations(3), 3);
}

#[test]
fn a_late_request_lands_between_two_looks() {
    let emulator = start();
    emulator.add_fault(Fault::on_send().late());
    assert!(send(&emulator, 7).is_none());
    assert_eq!(status_of(&emulator, 8), 8);
    assert_eq!(emulator.registrations(7), 0, "nobody has looked for it");
    assert_eq!(status_of(&emulator, 7), 8);
    assert_eq!(emulator.registrations(7), 1);
    assert_eq!(status_of(&emulator, 7), 0);
    assert_eq!(emulator.registrations(7), 1);
}

#[test]
fn a_late_request_lands_at_niksms_too() {
    let emulator = start();
    emulator.add_fault(Fault::on("GroupSms").late());
    let form = "username=demo&password=demo-password&message=x&numbers=09121112222&senderNumber=50001234&yourMessageIds=7";
    assert!(post(&emulator, "/fa/PublicApi/GroupSms", common::FORM, form).is_none());
    let look = || {
        public_api(&emulator, "GetSmsDeliveryWithClientId", &[("yourId", "7")]).json()["SmsStatus"].clone()
    };
    assert_eq!(look(), 0);
    assert_eq!(look(), 2);
    assert_eq!(emulator.registrations(7), 1);
}

#[test]
fn lookups_fail_apart_from_sends() {
    let emulator = start();
    emulator.add_fault(Fault::on_lookup().forever().status(500));
    assert!(send(&emulator, 1).is_some());
    let ask = || {
        post(&emulator, "/api/V3/StatusByUserTraceId", JSON, r#"{"ApiKey":"demo-key","UserTraceIds":[1]}"#)
    };
    for _ in 0..3 {
        assert_eq!(ask().unwrap().status, 500);
    }
    assert_eq!(emulator.pending_faults(), [Fault::on_lookup().forever().then(Then::Status(500))]);
    emulator.faults(Vec::new());
    assert_eq!(ask().unwrap().status, 200);
}

#[test]
fn a_request_counts_though_its_client_hangs_up_at_once() {
    let emulator = start();
    for trace_id in 1..=50 {
        let mut connection = Connection::open(&emulator);
        connection.send("POST", "/api/V3/SendBulk", &[("content-type", JSON)], &bulk(trace_id).to_string());
        drop(connection);
        eventually("the message is registered", || emulator.registrations(trace_id) == 1);
    }
    assert_eq!(emulator.message_count(), 50);
}

#[test]
fn half_a_request_does_not_count() {
    let emulator = start();
    let body = bulk(1).to_string();
    let mut torn = Connection::open(&emulator);
    torn.send_raw(&format!(
        "POST /api/V3/SendBulk HTTP/1.1\r\nhost: test\r\ncontent-type: {JSON}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len() + 1
    ));
    drop(torn);
    assert!(send(&emulator, 2).is_some());
    assert_eq!(emulator.registrations(1), 0);
}
