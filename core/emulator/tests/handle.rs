//! The handle itself, and the control addresses that do the same over HTTP.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by a panic")]

mod common;

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use common::{Connection, JSON, bulk, get, post, start, v3};
use payamak_emulator::{Emulator, Fault, IncomingMessage};
use serde_json::json;

#[test]
fn addresses_are_the_real_paths() {
    let emulator = start();
    let url = emulator.url();
    assert_eq!(url, format!("http://{}", emulator.address()));
    assert_eq!(emulator.payam_resan_url(), format!("{url}/api/V3/"));
    assert_eq!(emulator.payam_resan_sandbox_url(), format!("{url}/api/V3SandBox/"));
    assert_eq!(emulator.niksms_soap_url(), format!("{url}/NiksmsWebservice.svc"));
    assert_eq!(emulator.niksms_public_api_url(), format!("{url}/fa/PublicApi/"));
    assert_eq!(emulator.niksms_v2_url(), format!("{url}/api/v2/"));
    assert_eq!(emulator.niksms_web_service_url(), format!("{url}/api/v1/web-service/"));
}

#[test]
fn it_stays_on_loopback_unless_told_otherwise() {
    let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
    let refused = Emulator::builder().listen(everywhere).start_blocking();
    assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
    assert!(Emulator::builder().listen(everywhere).allow_non_loopback(true).start_blocking().is_ok());
    assert!(Emulator::builder().speed(f64::NAN).start_blocking().is_err());
}

#[test]
fn it_stops_when_told_to_and_when_dropped() {
    let emulator = start();
    let address = emulator.address();
    let taken = Emulator::builder().listen(address).start_blocking();
    assert_eq!(taken.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    emulator.shutdown();
    emulator.shutdown();
    assert!(TcpStream::connect(address).is_err());
    let again = Emulator::builder().listen(address).start_blocking().unwrap();
    drop(again);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn it_lives_inside_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let emulator = Emulator::start().await.unwrap();
        // The caller's only thread is blocked while it answers.
        assert_eq!(v3(&emulator, "SendBulk", &bulk(1))["Success"], true);
    });
}

#[test]
fn connections_and_requests_are_counted() {
    let emulator = start();
    let mut connection = Connection::open(&emulator);
    for trace_id in 1..=3 {
        connection.send("POST", "/api/V3/SendBulk", &[("content-type", JSON)], &bulk(trace_id).to_string());
        connection.answer().unwrap();
    }
    assert_eq!((emulator.connection_count(), emulator.request_count()), (1, 3));
    assert_eq!(emulator.requests().len(), 3);
    let quiet = Emulator::builder().record_requests(false).keep_texts(false).start_blocking().unwrap();
    v3(&quiet, "SendBulk", &bulk(1));
    assert_eq!((quiet.request_count(), quiet.requests().len()), (1, 0));
    assert_eq!(quiet.messages().remove(0).text, "");
}

#[test]
fn clear_forgets_all_but_the_ids() {
    let emulator = start();
    let first = v3(&emulator, "SendBulk", &bulk(1))["Result"][0]["Id"].as_i64().unwrap();
    emulator.receive(IncomingMessage::new("09121112222", "30004040", "x")).unwrap();
    emulator.add_fault(Fault::on_send().close());
    emulator.clear();
    assert_eq!((emulator.message_count(), emulator.request_count(), emulator.connection_count()), (0, 0, 0));
    assert_eq!(emulator.registrations(1), 0);
    let second = v3(&emulator, "SendBulk", &bulk(1))["Result"][0]["Id"].as_i64().unwrap();
    assert!(second > first);
    assert_eq!(v3(&emulator, "GetInbox", &json!({ "ApiKey": "demo-key" }))["Result"], json!([]));
}

#[test]
fn time_can_be_moved_and_sped_up() {
    let emulator = start();
    assert_eq!(emulator.now(), Duration::ZERO);
    emulator.advance(Duration::from_secs(90));
    assert_eq!(emulator.now(), Duration::from_secs(90));
    let fast = Emulator::builder().speed(1e9).start_blocking().unwrap();
    common::eventually("years pass", || fast.now() > Duration::from_secs(100));
}

#[test]
fn control_over_http_does_what_the_handle_does() {
    let emulator = start();
    let control = |path: &str, body: serde_json::Value| {
        post(&emulator, &format!("/_emulator/{path}"), JSON, &body.to_string()).unwrap()
    };
    assert_eq!(get(&emulator, "/_emulator/health").json()["status"], "ok");
    let faults = json!([{ "operations": "SendBulk", "times": null, "then": { "status": 502 } }]);
    assert_eq!(control("faults", faults).status, 204);
    assert_eq!(emulator.pending_faults(), [Fault::on("SendBulk").forever().status(502)]);
    assert_eq!(get(&emulator, "/_emulator/faults").json()[0]["then"]["status"], 502);
    assert_eq!(post(&emulator, "/api/V3/SendBulk", JSON, "{}").unwrap().status, 502);
    control("faults", json!([]));
    v3(&emulator, "SendBulk", &bulk(9_007_199_254_740_993));
    assert_eq!(control("advance", json!({ "seconds": 12.5 })).json()["now"], 12.5);
    let messages = get(&emulator, "/_emulator/messages").json();
    assert_eq!(messages[0]["trace_id"], 9_007_199_254_740_993_i64);
    assert_eq!((&messages[0]["gateway"], &messages[0]["status"]), (&json!("payam-resan"), &json!(1)));
    let requests = get(&emulator, "/_emulator/requests").json();
    assert_eq!(requests[1], json!({ "method": "POST", "path": "/api/V3/SendBulk", "operation": "SendBulk" }));
    let incoming = json!({ "from": "09121112222", "to": "50001234", "text": "x" });
    assert!(control("receive", incoming).json()["id"].is_i64());
    assert_eq!(control("receive", json!({ "from": "x", "to": "50001234", "text": "x" })).status, 400);
    assert_eq!(control("advance", json!({ "seconds": -1 })).status, 400);
    assert_eq!(control("faults", json!([{ "then": "explode" }])).status, 400);
    assert_eq!(control("clear", json!(null)).status, 204);
    assert_eq!(emulator.message_count(), 0);
    assert_eq!(get(&emulator, "/_emulator/nothing").status, 404);
}

#[test]
fn a_hundred_thousand_messages_are_no_burden() {
    let emulator = Emulator::builder().keep_texts(false).record_requests(false).start_blocking().unwrap();
    let mut connection = Connection::open(&emulator);
    for request in 0..1000_i64 {
        let recipient = |index: i64| json!({ "Destination": 9_121_110_000_i64 + index, "UserTraceId": request * 99 + index + 1 });
        let recipients: Vec<_> = (0..99).map(recipient).collect();
        let body =
            json!({ "ApiKey": "demo-key", "Text": "x", "Sender": 30_004_040, "Recipients": recipients });
        connection.send("POST", "/api/V3/SendBulk", &[("content-type", JSON)], &body.to_string());
        assert_eq!(connection.answer().unwrap().status, 200);
    }
    assert_eq!(emulator.message_count(), 99_000);
    assert!((1..=99_000).all(|trace_id| emulator.registrations(trace_id) == 1));
    assert_eq!(emulator.messages().len(), 99_000);
}
