//! Conformance cases served and checked.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by a panic")]

mod common;

use std::fs;
use std::path::PathBuf;

use common::{Connection, FORM, JSON, XML, exchange, get, post};
use payamak_emulator::Emulator;
use serde_json::{Value, json};

/// A folder of cases of its own for each test, gone with it.
struct Cases(PathBuf);

impl Cases {
    fn new(test: &str, cases: &[(&str, &str)]) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        for (name, exchange) in cases {
            let case = format!(
                r#"{{"about":"x","gateway":"niksms","call":{{}},"exchange":{exchange},"expect":{{"result":1}}}}"#
            );
            fs::write(folder.join(format!("{name}.json")), case).unwrap();
        }
        fs::write(folder.join("README.md"), "no case").unwrap();
        Self(folder)
    }

    fn serve(&self) -> Emulator {
        Emulator::builder().replay(&self.0).start_blocking().unwrap()
    }
}

impl Drop for Cases {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn integers_are_compared_exactly_and_answers_go_out_as_they_stand() {
    let exchange = r#"[{
        "request": { "method": "POST", "path": "SendBulk", "headers": { "content-type": "application/json*" },
                     "json": { "Id": 9007199254740993, "None": null } },
        "answer": { "json": {"Id": 9007199254740993, "Credit": 125000.0, "Huge": 12345678901234567890123} }
    }]"#;
    let emulator = Cases::new("exact", &[("case", exchange)]).serve();
    let send = |body: &str| post(&emulator, "/replay/case/SendBulk", JSON, body).unwrap();
    let wrong = [
        r#"{"Id": 9007199254740992, "None": null}"#,
        r#"{"Id": 9007199254740993.0, "None": null}"#,
        r#"{"Id": "9007199254740993", "None": null}"#,
        r#"{"Id": 9007199254740993}"#,
        r#"{"Id": 9007199254740993, "None": null, "More": 1}"#,
        "not json",
    ];
    for body in wrong {
        assert_eq!(send(body).status, 418, "{body}");
        let verdict = emulator.replay_verdict("case");
        assert!(!verdict.complete && verdict.mismatches.len() == 1, "{verdict:?}");
        assert!(emulator.replay_reset("case"));
    }
    let right = send(r#"{"None":null,"Id":9007199254740993}"#);
    assert_eq!(right.status, 200);
    assert_eq!(
        right.text(),
        r#"{"Id": 9007199254740993, "Credit": 125000.0, "Huge": 12345678901234567890123}"#
    );
    assert!(right.head.contains("content-type: application/json; charset=utf-8"));
    assert!(emulator.replay_verdict("case").is_clean());
    assert_eq!(send("{}").status, 418, "one more than the case has");
    assert!(!emulator.replay_verdict("case").is_clean());
    assert_eq!(emulator.request_count(), 0);
}

#[test]
fn method_path_headers_query_and_form_count() {
    let exchange = r#"[
        { "request": { "method": "GET", "path": "Send", "query": { "a": "سلام &", "b": "" } }, "answer": { "status": 503 } },
        { "request": { "method": "POST", "path": "a/b", "form": { "x": "1,2", "y": "+" } }, "answer": { "json": null } }
    ]"#;
    let emulator = Cases::new("parts", &[("case", exchange)]).serve();
    let mismatches = |answer: common::Response| {
        assert_eq!(answer.status, 418);
        let found = emulator.replay_verdict("case").mismatches;
        emulator.replay_reset("case");
        found.len()
    };
    assert_eq!(mismatches(post(&emulator, "/replay/case/Other", JSON, "").unwrap()), 3);
    assert_eq!(mismatches(get(&emulator, "/replay/case/Send?a=1&b=")), 1);
    assert_eq!(mismatches(get(&emulator, "/replay/case/Send?a=%D8%B3%D9%84%D8%A7%D9%85+%26&b=&c=1")), 1);
    let answer = get(&emulator, "/replay/case/Send?b=&a=%D8%B3%D9%84%D8%A7%D9%85+%26");
    assert_eq!((answer.status, answer.text()), (503, ""));
    let answer = post(&emulator, "/replay/case/a/b", FORM, "y=%2B&x=1%2C2").unwrap();
    assert_eq!((answer.status, answer.text()), (200, "null"));
    assert!(emulator.replay_verdict("case").is_clean());
}

#[test]
fn xml_is_compared_by_what_it_says() {
    let exchange = r#"[{
        "request": { "method": "POST", "path": "", "headers": { "soapaction": "\"urn:x\"" },
                     "xml": "<s:E xmlns:s='urn:e'><s:B><Get xmlns='urn:t'><id>7</id></Get></s:B></s:E>" },
        "answer": { "status": 500, "xml": "<a/>", "headers": { "retry-after": "5" } }
    }]"#;
    let emulator = Cases::new("xml", &[("case", exchange)]).serve();
    let headers = [("content-type", XML), ("soapaction", "\"urn:x\"")];
    let body = |id: &str| {
        format!(
            "<?xml version='1.0'?>\n<E xmlns='urn:e' xmlns:t='urn:t'>\n <B><t:Get><t:id>{id}</t:id></t:Get></B></E>"
        )
    };
    for path in ["/replay/case", "/replay/case/"] {
        emulator.replay_reset("case");
        assert_eq!(exchange_xml(&emulator, path, &headers, &body("8")).status, 418);
        emulator.replay_reset("case");
        let answer = exchange_xml(&emulator, path, &headers, &body("7"));
        assert_eq!((answer.status, answer.text()), (500, "<a/>"));
        assert!(answer.head.contains("content-type: text/xml; charset=utf-8"));
        assert!(answer.head.contains("retry-after: 5"));
        assert!(emulator.replay_verdict("case").is_clean());
    }
}

fn exchange_xml(emulator: &Emulator, path: &str, headers: &[(&str, &str)], body: &str) -> common::Response {
    exchange(emulator, "POST", path, headers, body).unwrap()
}

#[test]
fn canned_faults_and_long_bodies() {
    let with = |answer: &str| {
        format!(r#"[{{ "request": {{ "method": "GET", "path": "x" }}, "answer": {answer} }}]"#)
    };
    let (close, half, never, long) = (
        with(r#"{ "fault": "close" }"#),
        with(r#"{ "fault": "half", "text": "0123456789" }"#),
        with(r#"{ "fault": "never" }"#),
        with(r#"{ "repeat": { "text": "ab", "times": 1000000 }, "content_type": "text/plain" }"#),
    );
    let emulator =
        Cases::new("faults", &[("close", &close), ("half", &half), ("never", &never), ("long", &long)])
            .serve();
    assert!(exchange(&emulator, "GET", "/replay/close/x", &[], "").is_none());
    let half = get(&emulator, "/replay/half/x");
    assert_eq!((half.text(), half.complete), ("01234", false));
    let mut connection = Connection::open(&emulator);
    connection.send("GET", "/replay/never/x", &[], "");
    common::eventually("the request arrives", || emulator.replay_verdict("never").complete);
    assert!(connection.is_silent());
    let long = get(&emulator, "/replay/long/x");
    assert_eq!(long.body.len(), 2_000_000);
    assert!(long.complete && long.head.contains("content-type: text/plain\r\n"));
}

#[test]
fn verdicts_come_over_http() {
    let emulator = Cases::new(
        "http",
        &[("none", "[]"), ("one", r#"[{"request":{"method":"GET","path":""},"answer":{}}]"#)],
    )
    .serve();
    assert_eq!(emulator.replay_cases(), ["none", "one"]);
    assert_eq!(emulator.replay_url("one"), format!("{}/replay/one/", emulator.url()));
    let verdict = |case: &str| get(&emulator, &format!("/replay/{case}/verdict")).json();
    assert_eq!(verdict("none"), json!({ "complete": true, "mismatches": [] }));
    assert_eq!(verdict("one"), json!({ "complete": false, "mismatches": [] }));
    get(&emulator, "/replay/one/");
    assert_eq!(verdict("one")["complete"], true);
    get(&emulator, "/replay/none/x");
    assert_eq!(verdict("none")["mismatches"].as_array().map(Vec::len), Some(1));
    assert_eq!(post(&emulator, "/replay/none/reset", JSON, "").unwrap().status, 204);
    assert_eq!(verdict("none")["mismatches"], Value::Array(Vec::new()));
    assert_eq!(get(&emulator, "/replay/missing/verdict").status, 404);
    assert!(!emulator.replay_verdict("missing").complete);
}

#[test]
fn a_file_that_is_no_case_is_named() {
    for (test, exchange) in [
        ("broken-json", "["),
        ("broken-key", r#"[{"request":{"method":"GET","path":"","jsn":1},"answer":{}}]"#),
    ] {
        let cases = Cases::new(test, &[("bad-case", exchange)]);
        let error = Emulator::builder().replay(&cases.0).start_blocking().unwrap_err().to_string();
        assert!(error.contains("bad-case.json"), "{error}");
    }
}

/// The project's own cases, where the emulator stands in its repository.
#[test]
fn every_conformance_case_can_be_read() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../conformance/cases");
    if !folder.exists() {
        return;
    }
    let files = fs::read_dir(&folder).unwrap().count();
    let emulator = Emulator::builder().replay(&folder).start_blocking().unwrap();
    assert_eq!(emulator.replay_cases().len(), files);
}
