//! What the emulator keeps, reads and waits for has an end.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by a panic")]

mod common;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use common::{Connection, JSON, ask, ask_by_id, bulk, get, post, start, status_of, v3};
use payamak_emulator::{Emulator, Fault, Gateway, IncomingMessage};
use serde_json::json;

/// What a message takes beside its text.
const MESSAGE: usize = 448;
/// What a message of [`bulk`] takes.
const BULK: usize = MESSAGE + "سلام".len();

/// Shorter than any patience, long enough for a request in one piece.
const SHORT: Duration = Duration::from_millis(300);

const HEALTH: &str = "GET /_emulator/health HTTP/1.1\r\nhost: localhost\r\n\r\n";

fn with_memory(bytes: usize) -> Emulator {
    Emulator::builder().speed(0.0).message_memory(bytes).start_blocking().unwrap()
}

fn send(emulator: &Emulator, trace_id: i64) -> Option<common::Response> {
    post(emulator, "/api/V3/SendBulk", JSON, &bulk(trace_id).to_string())
}

/// The trace ids of the messages that are still there.
fn kept(emulator: &Emulator) -> Vec<i64> {
    emulator.messages().iter().map(|message| message.trace_id.unwrap()).collect()
}

#[test]
fn the_latest_ten_thousand_requests_are_shown() {
    let emulator = start();
    let mut connection = Connection::open(&emulator);
    for number in 0..10_050 {
        connection.send("GET", &format!("/junk/{number}"), &[], "");
        connection.answer().unwrap();
    }
    let requests = emulator.requests();
    assert_eq!((requests.len(), emulator.request_count()), (10_000, 10_050));
    assert_eq!((requests[0].path.as_str(), requests[9_999].path.as_str()), ("/junk/50", "/junk/10049"));
    assert_eq!(get(&emulator, "/_emulator/requests").json().as_array().unwrap().len(), 10_000);
}

#[test]
fn of_a_long_path_the_beginning_is_kept() {
    let emulator = Emulator::builder().max_requests(1).start_blocking().unwrap();
    get(&emulator, "/short");
    get(&emulator, &format!("/{}", "x".repeat(60_000)));
    let requests = emulator.requests();
    assert_eq!((requests.len(), requests[0].path.len()), (1, 1024));
}

#[test]
fn the_oldest_messages_are_forgotten() {
    let emulator = with_memory(3 * BULK);
    let ids: Vec<i64> = (1..=5)
        .map(|trace_id| send(&emulator, trace_id).unwrap().json()["Result"][0]["Id"].as_i64().unwrap())
        .collect();
    assert_eq!(kept(&emulator), [3, 4, 5]);
    assert_eq!((emulator.message_count(), emulator.credit(Gateway::PayamResan)), (5, 9_999_995));
    let statuses = |answer: serde_json::Value| -> Vec<i64> {
        answer["Result"].as_array().unwrap().iter().map(|row| row["StatusCode"].as_i64().unwrap()).collect()
    };
    assert_eq!(statuses(ask(&emulator, &[1, 2, 3, 4, 5])), [8, 8, 0, 0, 0]);
    assert_eq!(statuses(ask_by_id(&emulator, &ids)), statuses(ask(&emulator, &[1, 2, 3, 4, 5])));
    assert_eq!((emulator.registrations(2), emulator.registrations(3)), (0, 1));
    assert!(!emulator.set_status(ids[1], 4) && emulator.set_status(ids[2], 4));
    assert_eq!(statuses(ask_by_id(&emulator, &ids[2..=3])), [4, 0], "it is that very message");
    assert_eq!(emulator.messages()[0].id, ids[2]);
    emulator.clear();
    let next = send(&emulator, 6).unwrap().json()["Result"][0]["Id"].as_i64().unwrap();
    assert_eq!((next, emulator.message_count()), (ids[4] + 1, 1), "no id comes twice");
}

#[test]
fn of_messages_with_one_trace_id_those_left_are_found() {
    let emulator = with_memory(3 * BULK);
    for trace_id in [7, 7, 8, 7, 9] {
        send(&emulator, trace_id);
    }
    assert_eq!(kept(&emulator), [8, 7, 9]);
    assert_eq!(emulator.registrations(7), 1);
    assert_eq!(status_of(&emulator, 7), 0);
    send(&emulator, 10);
    send(&emulator, 11);
    assert_eq!((emulator.registrations(7), status_of(&emulator, 7)), (0, 8));
}

#[test]
fn a_text_takes_memory_once_a_batch_unless_it_is_not_kept() {
    let text = "x".repeat(1000);
    let batch = |first: i64| {
        let recipients: Vec<_> = (first..first + 3)
            .map(|trace_id| json!({ "Destination": 9_121_112_222_i64, "UserTraceId": trace_id }))
            .collect();
        json!({ "ApiKey": "demo-key", "Text": text, "Sender": 30_004_040, "Recipients": recipients })
    };
    let emulator = with_memory(2 * (3 * MESSAGE + text.len()));
    v3(&emulator, "SendBulk", &batch(1));
    v3(&emulator, "SendBulk", &batch(4));
    assert_eq!(kept(&emulator), [1, 2, 3, 4, 5, 6]);
    send(&emulator, 7);
    assert_eq!(kept(&emulator), [2, 3, 4, 5, 6, 7], "the first one counts for the text of all");

    let builder = Emulator::builder().keep_texts(false).message_memory(6 * MESSAGE);
    let emulator = builder.start_blocking().unwrap();
    v3(&emulator, "SendBulk", &batch(1));
    v3(&emulator, "SendBulk", &batch(4));
    assert_eq!(kept(&emulator), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn the_oldest_incoming_messages_are_forgotten() {
    let emulator = with_memory(2 * (MESSAGE + 1));
    for text in ["a", "b", "c"] {
        emulator.receive(IncomingMessage::new("09121112222", "30004040", text)).unwrap();
    }
    let inbox = v3(&emulator, "GetInbox", &json!({ "ApiKey": "demo-key" }));
    let texts: Vec<_> = inbox["Result"].as_array().unwrap().iter().map(|row| row["Text"].clone()).collect();
    assert_eq!(texts, ["b", "c"]);
}

#[test]
fn messages_that_wait_for_a_look_have_a_bound() {
    let emulator = with_memory(2 * BULK);
    emulator.add_fault(Fault::on_send().times(3).late());
    for trace_id in 1..=3 {
        assert!(send(&emulator, trace_id).is_none());
    }
    for trace_id in 1..=3 {
        assert_eq!(status_of(&emulator, trace_id), 8);
    }
    assert_eq!(kept(&emulator), [2, 3]);
}

#[test]
fn requests_that_wait_for_their_moment_have_a_bound() {
    // Each of them takes 16 KiB and what it says.
    let emulator = with_memory(40 * 1024);
    emulator.add_fault(Fault::on_send().times(3).later(Duration::from_secs(6)).close());
    for trace_id in 1..=3 {
        assert!(send(&emulator, trace_id).is_none());
    }
    emulator.advance(Duration::from_secs(6));
    assert_eq!(kept(&emulator), [2, 3]);
    emulator.add_fault(Fault::on_send().times(2).later(Duration::from_secs(6)).close());
    for trace_id in 4..=5 {
        assert!(send(&emulator, trace_id).is_none());
    }
    emulator.advance(Duration::from_secs(6));
    assert_eq!(kept(&emulator), [2, 3, 4, 5], "what has been carried out makes room");
}

#[test]
fn what_was_asked_about_is_forgotten_in_turn() {
    let builder = Emulator::builder().speed(0.0).polling_rule(Some(Duration::from_secs(180)));
    // A question takes 128 bytes.
    let builder = builder.polling_rule_for_unknown_ids(true).message_memory(2 * 128);
    let emulator = builder.start_blocking().unwrap();
    for trace_id in 1..=3 {
        assert_eq!(status_of(&emulator, trace_id), 8);
    }
    assert_eq!(ask(&emulator, &[3])["ErrorCode"], 20);
    assert_eq!(ask(&emulator, &[2])["ErrorCode"], 20);
    assert_eq!(status_of(&emulator, 1), 8);
}

#[test]
fn refused_words_have_a_bound() {
    let emulator = start();
    let word = |letter: &str| letter.repeat(400 * 1024);
    for letter in ["a", "b", "c"] {
        let refused =
            post(&emulator, "/_emulator/refuse", JSON, &json!({ "text": word(letter) }).to_string());
        assert_eq!(refused.unwrap().status, 204);
    }
    let is_refused = |letter: &str| {
        let mut body = bulk(1);
        body["Text"] = json!(word(letter));
        v3(&emulator, "SendBulk", &body)["Success"] == false
    };
    assert_eq!(["a", "b", "c"].map(is_refused), [false, true, true]);
}

#[test]
fn of_a_cases_mismatches_the_first_are_kept() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bounds");
    fs::create_dir_all(&folder).unwrap();
    let case = r#"{"exchange":[{"request":{"method":"POST","path":"x","json":{}},"answer":{}}]}"#;
    fs::write(folder.join("case.json"), case).unwrap();
    let emulator = Emulator::builder().replay(&folder).start_blocking().unwrap();
    let long = json!({ "key": "x".repeat(100_000) }).to_string();
    assert_eq!(post(&emulator, "/replay/case/x", JSON, &long).unwrap().status, 418);
    let mut connection = Connection::open(&emulator);
    for _ in 0..150 {
        connection.send("POST", "/replay/case/x", &[("content-type", JSON)], "[]");
        assert_eq!(connection.answer().unwrap().status, 418);
    }
    let verdict = emulator.replay_verdict("case");
    assert!(!verdict.is_clean());
    assert_eq!((verdict.mismatches.len(), verdict.mismatches[0].len()), (100, 10_000));
}

#[test]
fn a_long_body_is_not_read() {
    let emulator = start();
    let head = |length: usize| {
        format!(
            "POST /api/V3/SendBulk HTTP/1.1\r\nhost: localhost\r\ncontent-type: {JSON}\r\ncontent-length: {length}\r\n\r\n"
        )
    };
    let mut connection = Connection::open(&emulator);
    connection.send_raw(&head(4 * 1024 * 1024 + 1));
    assert_eq!(connection.answer().unwrap().status, 413);
    assert!(connection.answer().is_none(), "the connection ends there");
    let longest = format!("{{\"ApiKey\":\"{}", "x".repeat(4 * 1024 * 1024 - 11));
    assert_eq!(post(&emulator, "/api/V3/SendBulk", JSON, &longest).unwrap().json()["Success"], false);

    let small = Emulator::builder().max_body(1000).start_blocking().unwrap();
    let chunked = |bytes: usize| {
        let mut connection = Connection::open(&small);
        connection.send_raw(&format!(
            "POST /_emulator/nothing HTTP/1.1\r\nhost: localhost\r\ncontent-type: {JSON}\r\n\
             transfer-encoding: chunked\r\n\r\n{bytes:x}\r\n{}\r\n0\r\n\r\n",
            "x".repeat(bytes)
        ));
        connection.answer().unwrap().status
    };
    assert_eq!((chunked(1000), chunked(1001)), (404, 413));
}

#[test]
fn half_a_request_does_not_keep_a_connection() {
    let emulator = Emulator::builder().read_timeout(SHORT).start_blocking().unwrap();
    let post = "POST /api/V3/SendBulk HTTP/1.1\r\nhost: localhost\r\n";
    for half in [
        "G".to_owned(),
        HEALTH.trim_end().to_owned(),
        // A whole request before it does not change a thing.
        format!("{HEALTH}GET / HT"),
        format!("{post}content-length: 10\r\n\r\n"),
        format!("{post}content-length: 10\r\n\r\n12345"),
        format!("{post}transfer-encoding: chunked\r\n\r\n5\r\n12345\r\n"),
    ] {
        let mut connection = Connection::open(&emulator);
        for piece in half.split_inclusive("\r\n\r\n") {
            connection.send_raw(piece);
            if piece == HEALTH {
                assert_eq!(connection.answer().unwrap().status, 200);
            }
        }
        let answer = connection.answer().map(|answer| answer.status);
        assert!(matches!(answer, None | Some(408)), "{half:?}: {answer:?}");
        assert!(connection.is_closed(), "{half:?}");
    }
    assert_eq!(emulator.request_count(), 0);
}

#[test]
fn an_idle_connection_outlives_half_a_request() {
    let emulator = Emulator::builder().read_timeout(SHORT).start_blocking().unwrap();
    let mut unused = Connection::open(&emulator);
    let mut used = Connection::open(&emulator);
    used.send_raw(HEALTH);
    assert_eq!(used.answer().unwrap().status, 200);
    let mut used_with_a_body = Connection::open(&emulator);
    used_with_a_body.send("POST", "/api/V3/SendBulk", &[("content-type", JSON)], &bulk(1).to_string());
    assert_eq!(used_with_a_body.answer().unwrap().status, 200);
    let mut half = Connection::open(&emulator);
    half.send_raw("GET / HT");
    assert!(half.answer().is_none());
    // The others have been idle for longer than it was given.
    for connection in [&mut unused, &mut used, &mut used_with_a_body] {
        connection.send_raw(HEALTH);
        assert_eq!(connection.answer().unwrap().status, 200);
    }
}

#[test]
fn a_request_without_an_answer_is_not_half_a_request() {
    let emulator = Emulator::builder().read_timeout(SHORT).start_blocking().unwrap();
    emulator.add_fault(Fault::on_send().never());
    let mut unanswered = Connection::open(&emulator);
    unanswered.send("POST", "/api/V3/SendBulk", &[("content-type", JSON)], &bulk(1).to_string());
    common::eventually("it arrives", || emulator.request_count() == 1);
    let mut half = Connection::open(&emulator);
    half.send_raw("GET / HT");
    assert!(half.answer().is_none());
    assert!(unanswered.is_silent());
}

#[test]
fn a_client_that_says_nothing_is_let_go_in_the_end() {
    let emulator = Emulator::builder().idle_timeout(SHORT).start_blocking().unwrap();
    let mut unused = Connection::open(&emulator);
    let mut used = Connection::open(&emulator);
    used.send_raw(HEALTH);
    assert_eq!(used.answer().unwrap().status, 200);
    assert!(unused.is_closed());
    assert!(used.is_closed());
}

#[test]
fn an_answer_that_nobody_takes_does_not_keep_a_connection() {
    let emulator = Emulator::builder().read_timeout(SHORT).max_connections(1).start_blocking().unwrap();
    let mut text = bulk(1);
    text["Text"] = "x".repeat(3 << 20).into();
    for trace_id in 0..8 {
        text["Recipients"][0]["UserTraceId"] = (trace_id + 1).into();
        assert_eq!(post(&emulator, "/api/V3/SendBulk", JSON, &text.to_string()).unwrap().status, 200);
    }
    // More than the sockets between the two hold.
    let mut deaf = Connection::open(&emulator);
    deaf.send_raw("GET /_emulator/messages HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let mut next = Connection::open(&emulator);
    next.send_raw(HEALTH);
    assert_eq!(next.answer().unwrap().status, 200);
}

#[test]
fn connections_beyond_the_limit_wait_for_their_turn() {
    let emulator = Emulator::builder().max_connections(2).start_blocking().unwrap();
    let mut first = Connection::open(&emulator);
    first.send_raw(HEALTH);
    assert!(!first.answer().unwrap().head.contains("connection: close"), "there is room");
    let mut second = Connection::open(&emulator);
    second.send_raw(HEALTH);
    let answer = second.answer().unwrap();
    assert!(answer.head.contains("connection: close"), "{answer:?}");
    assert!(second.is_closed());
    // Taken without a word, so that nothing frees it but its answer.
    let mut second = Connection::open(&emulator);
    common::eventually("it is accepted", || emulator.connection_count() == 3);
    let mut third = Connection::open(&emulator);
    third.send_raw(HEALTH);
    common::eventually("it is accepted", || emulator.connection_count() == 4);
    assert!(third.is_silent());
    second.send_raw(HEALTH);
    assert!(second.answer().unwrap().head.contains("connection: close"));
    assert_eq!(third.answer().unwrap().status, 200);
    assert!(Emulator::builder().max_connections(0).start_blocking().is_err());
}
