//! Payam Resan over real sockets, against the rules of its protocol.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by a panic")]

mod common;

use std::time::Duration;

use common::{JSON, bulk, get, post, start, status_of, v3};
use payamak_emulator::{Emulator, Gateway, IncomingMessage};
use serde_json::{Value, json};

fn error_code(answer: &Value) -> i64 {
    assert_eq!(answer["Success"], false, "{answer}");
    assert!(answer["Result"].is_null() && answer["Error"].is_string(), "{answer}");
    answer["ErrorCode"].as_i64().unwrap()
}

#[test]
fn account_info_has_the_credit_and_the_lines() {
    let emulator = Emulator::builder().credit(125_000).start_blocking().unwrap();
    let answer = post(&emulator, "/api/V3/AccountInfo", JSON, r#"{"ApiKey":"demo-key"}"#).unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("content-type: application/json; charset=utf-8"));
    let expected = json!({
        "Success": true, "ErrorCode": null, "Error": null,
        "Result": { "Credit": 125_000, "AvailableSenders": [30_004_040, 50_004_041] },
    });
    assert_eq!(answer.json(), expected);
}

#[test]
fn a_wrong_key_is_error_1_in_a_200() {
    let emulator = start();
    for body in [json!({ "ApiKey": "wrong" }), json!({})] {
        assert_eq!(error_code(&v3(&emulator, "AccountInfo", &body)), 1);
    }
    let mine = Emulator::builder().payam_resan_key("mine").start_blocking().unwrap();
    assert_eq!(v3(&mine, "AccountInfo", &json!({ "ApiKey": "mine" }))["Success"], true);
}

#[test]
fn ids_are_beyond_what_a_float_can_hold() {
    let emulator = start();
    let answer = v3(&emulator, "SendBulk", &bulk(i64::MAX));
    let row = &answer["Result"][0];
    assert!(row["Id"].as_i64().unwrap() > 1 << 53);
    assert_eq!(row["UserTraceId"], i64::MAX);
    let message = emulator.messages().remove(0);
    assert_eq!(Some(message.id), row["Id"].as_i64());
    assert_eq!(message.trace_id, Some(i64::MAX));
    assert_eq!((message.to.as_str(), message.sender.as_str()), ("09121112222", "30004040"));
    assert_eq!((message.text.as_str(), message.template), ("سلام", None));
    assert_eq!((message.operation.as_str(), message.dialect.as_str()), ("SendBulk", "v3"));
}

#[test]
fn a_trace_id_sent_twice_is_two_messages() {
    let emulator = start();
    for registered in 1..=3 {
        v3(&emulator, "SendBulk", &bulk(7));
        assert_eq!(emulator.registrations(7), registered);
    }
    assert_eq!(emulator.registrations(8), 0);
}

#[test]
fn recipients_are_checked() {
    let emulator = start();
    let send = |destination: Value| {
        let recipients = json!([{ "Destination": destination }]);
        let body =
            json!({ "ApiKey": "demo-key", "Text": "x", "Sender": 30_004_040, "Recipients": recipients });
        v3(&emulator, "SendBulk", &body)
    };
    for good in [json!(9_121_112_222_i64), json!(989_121_112_222_i64), json!("9121112222")] {
        assert_eq!(send(good)["Success"], true);
    }
    for bad in [json!("09121112222"), json!("+989121112222"), json!(2_188_776_655_i64), json!(912)] {
        assert_eq!(error_code(&send(bad)), 13);
    }
    assert_eq!(error_code(&send(Value::Null)), 9);
    assert_eq!(emulator.message_count(), 3);
}

#[test]
fn a_request_holds_99_recipients() {
    let emulator = start();
    let send = |count: i64| {
        let recipients: Vec<_> =
            (0..count).map(|index| json!({ "Destination": 9_121_110_001 + index })).collect();
        let body =
            json!({ "ApiKey": "demo-key", "Text": "x", "Sender": 30_004_040, "Recipients": recipients });
        v3(&emulator, "SendBulk", &body)
    };
    assert_eq!(send(99)["Result"].as_array().unwrap().len(), 99);
    assert_eq!(error_code(&send(100)), 13);
    assert_eq!(error_code(&send(0)), 9);
    assert_eq!(emulator.message_count(), 99);
}

#[test]
fn a_bad_request_has_its_own_number() {
    let emulator = start();
    let with = |key: &str, value: Value| {
        let mut body = bulk(1);
        body[key] = value;
        error_code(&v3(&emulator, "SendBulk", &body))
    };
    assert_eq!(with("Sender", json!(123)), 12);
    assert_eq!(with("Sender", Value::Null), 9);
    assert_eq!(with("Text", Value::Null), 9);
    assert_eq!(with("Text", json!("")), 9);
    assert_eq!(with("Recipients", json!("9121112222")), 9);
    let answer = post(&emulator, "/api/V3/SendBulk", JSON, "{").unwrap();
    assert_eq!(error_code(&answer.json()), 9);
    assert_eq!(emulator.message_count(), 0);
}

#[test]
fn what_the_framework_answers_has_only_a_message() {
    let emulator = start();
    let only_message = |answer: common::Response, status: u16| {
        assert_eq!(answer.status, status);
        let keys: Vec<_> = answer.json().as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["Message"]);
    };
    only_message(post(&emulator, "/api/V3/Nothing", JSON, "{}").unwrap(), 404);
    only_message(post(&emulator, "/api/V3SandBox/TokenList", JSON, r#"{"ApiKey":"any"}"#).unwrap(), 404);
    only_message(get(&emulator, "/api/V3/SendBulk"), 405);
    only_message(post(&emulator, "/api/V3/SendBulk", "text/plain", "{}").unwrap(), 415);
}

#[test]
fn a_question_by_hand_needs_no_header() {
    let emulator = start();
    let form = "application/x-www-form-urlencoded";
    let answer = post(&emulator, "/api/V3/AccountInfo", form, r#"{"ApiKey":"demo-key"}"#).unwrap();
    assert_eq!(answer.json()["Success"], true);
}

#[test]
fn send_takes_a_query() {
    let emulator = start();
    let path = "/api/V3/Send?ApiKey=demo-key&Text=%D8%B3%D9%84%D8%A7%D9%85+%26&Sender=50004041&Recipients=9121112222,989121112223";
    let answer = get(&emulator, path).json();
    assert_eq!(answer["Result"].as_array().unwrap().len(), 2);
    assert!(answer["Result"][0]["UserTraceId"].is_null());
    let messages = emulator.messages();
    assert!(messages.iter().all(|message| message.text == "سلام &" && message.sender == "50004041"));
    let recorded = emulator.requests().remove(0);
    assert_eq!(recorded.path, "/api/V3/Send");
    assert_eq!(recorded.operation.as_deref(), Some("Send"));
}

#[test]
fn send_multiple_has_a_text_and_a_line_each() {
    let emulator = start();
    let body = json!({ "ApiKey": "demo-key", "Recipients": [
        { "Sender": 30_004_040, "Text": "one", "Destination": 9_121_112_222_i64, "UserTraceId": 1 },
        { "Sender": 50_004_041, "Text": "two", "Destination": 9_121_112_223_i64 },
    ]});
    assert_eq!(v3(&emulator, "SendMultiple", &body)["Result"][0]["UserTraceId"], 1);
    let messages = emulator.messages();
    let sent: Vec<_> =
        messages.iter().map(|message| (message.text.as_str(), message.sender.as_str())).collect();
    assert_eq!(sent, [("one", "30004040"), ("two", "50004041")]);
}

#[test]
fn templates_are_filled() {
    let emulator = start();
    let single = json!({ "ApiKey": "demo-key", "TemplateKey": "verify", "Destination": 9_121_112_222_i64, "p1": "123" });
    let by_post = v3(&emulator, "SendTokenSingle", &single);
    let path = "/api/V3/SendTokenSingle?ApiKey=demo-key&TemplateKey=verify&Destination=9121112222&p1=123";
    let by_get = get(&emulator, path).json();
    for answer in [by_post, by_get] {
        let row = &answer["Result"][0];
        assert_eq!(row["FinalText"], "کد ورود شما: 123");
        assert_eq!(row["Sender"], 30_004_040);
        assert!(row["UserTraceId"].is_null());
    }
    let multi = json!({ "ApiKey": "demo-key", "TemplateKey": "welcome", "Recipients": [
        { "Destination": 9_121_112_222_i64, "UserTraceId": 5, "Parameters": ["سارا", "پیامک"] },
    ]});
    let answer = v3(&emulator, "SendTokenMulti", &multi);
    assert_eq!(answer["Result"][0]["FinalText"], "سلام سارا، به پیامک خوش آمدید");
    assert_eq!(answer["Result"][0]["UserTraceId"], 5);
    let message = emulator.messages().pop().unwrap();
    assert_eq!(message.template.as_deref(), Some("welcome"));
    assert_eq!(message.text, "سلام سارا، به پیامک خوش آمدید");
    for unusable in ["pending", "rejected", "nothing"] {
        let mut body = multi.clone();
        body["TemplateKey"] = json!(unusable);
        assert_eq!(error_code(&v3(&emulator, "SendTokenMulti", &body)), 9, "{unusable}");
    }
}

#[test]
fn the_token_list_has_every_status() {
    let emulator = start();
    let answer = v3(&emulator, "TokenList", &json!({ "ApiKey": "demo-key" }));
    let rows = answer["Result"].as_array().unwrap();
    let rows: Vec<_> =
        rows.iter().map(|row| (row["Key"].as_str().unwrap(), row["Status"].as_i64().unwrap())).collect();
    assert_eq!(rows, [("verify", 2), ("welcome", 2), ("pending", 1), ("rejected", 3)]);
}

#[test]
fn statuses_move_in_emulated_time() {
    let emulator = start();
    v3(&emulator, "SendBulk", &bulk(1));
    let mut seen = Vec::new();
    for _ in 0..5 {
        seen.push(status_of(&emulator, 1));
        emulator.advance(Duration::from_secs(10));
    }
    assert_eq!(seen, [0, 1, 3, 3, 4]);
}

#[test]
fn the_last_digits_decide_how_it_ends() {
    let emulator = start();
    let ends = [(0, 12), (99, 5), (98, 7), (97, 15), (96, 14), (95, 9), (94, 13), (93, 10), (22, 4)];
    let recipients: Vec<_> =
        ends.iter().map(|(digits, _)| json!({ "Destination": 9_121_112_200_i64 + digits })).collect();
    let body = json!({ "ApiKey": "demo-key", "Text": "x", "Sender": 30_004_040, "Recipients": recipients });
    v3(&emulator, "SendBulk", &body);
    emulator.advance(Duration::from_secs(60));
    let statuses: Vec<_> = emulator.messages().iter().map(|message| i64::from(message.status)).collect();
    assert_eq!(statuses, ends.map(|(_, status)| status));
}

#[test]
fn status_rows_answer_what_was_asked() {
    let emulator = start();
    let id = v3(&emulator, "SendBulk", &bulk(7))["Result"][0]["Id"].as_i64().unwrap();
    let rows =
        v3(&emulator, "StatusById", &json!({ "ApiKey": "demo-key", "Ids": [5, id] }))["Result"].clone();
    let text = "شناسه پیدا نشد";
    assert_eq!(rows[0], json!({ "Id": 5, "UserTraceId": null, "StatusCode": 8, "Status": text }));
    assert_eq!(rows[1], json!({ "Id": id, "UserTraceId": 7, "StatusCode": 0, "Status": "در صف سامانه" }));
    assert!(emulator.set_status(id, 16));
    assert_eq!(status_of(&emulator, 7), 16);
    assert_eq!(status_of(&emulator, 8), 8);
    assert!(!emulator.set_status(5, 4));
}

#[test]
fn the_polling_rule_is_about_messages_that_exist() {
    let rule = Duration::from_secs(180);
    let emulator = Emulator::builder().speed(0.0).polling_rule(Some(rule)).start_blocking().unwrap();
    let id = v3(&emulator, "SendBulk", &bulk(7))["Result"][0]["Id"].clone();
    let ask = |ids: Value| v3(&emulator, "StatusById", &json!({ "ApiKey": "demo-key", "Ids": ids }));
    for _ in 0..3 {
        assert_eq!(ask(json!([5]))["Success"], true);
    }
    assert_eq!(ask(json!([id]))["Success"], true);
    assert_eq!(error_code(&ask(json!([5, id]))), 20);
    emulator.advance(Duration::from_secs(179));
    assert_eq!(error_code(&ask(json!([id]))), 20);
    emulator.advance(Duration::from_secs(1));
    assert_eq!(ask(json!([id]))["Success"], true);
}

#[test]
fn credit_is_charged_and_runs_out() {
    let emulator = Emulator::builder().credit(2).start_blocking().unwrap();
    v3(&emulator, "SendBulk", &bulk(1));
    assert_eq!(emulator.credit(Gateway::PayamResan), 1);
    v3(&emulator, "SendBulk", &bulk(2));
    assert_eq!(error_code(&v3(&emulator, "SendBulk", &bulk(3))), 19);
    emulator.set_credit(Gateway::PayamResan, 10);
    assert_eq!(v3(&emulator, "SendBulk", &bulk(3))["Success"], true);
    assert_eq!(emulator.credit(Gateway::NikSms), 2);
}

#[test]
fn the_inbox_is_handed_out_once() {
    let emulator = start();
    let id = emulator.receive(IncomingMessage::new("09121112222", "30004040", "لغو۱۱")).unwrap();
    let inbox = || v3(&emulator, "GetInbox", &json!({ "ApiKey": "demo-key" }))["Result"].clone();
    let first = inbox();
    assert_eq!(first[0]["Id"], id);
    assert_eq!(first[0]["Form"], "989121112222");
    assert_eq!((&first[0]["Text"], &first[0]["To"]), (&json!("لغو۱۱"), &json!("30004040")));
    assert_eq!(inbox(), json!([]));
    assert!(emulator.receive(IncomingMessage::new("09121112222", "1", "x")).is_err());
}

#[test]
fn the_sandbox_takes_any_key_and_sends_nothing() {
    let emulator = start();
    let sandbox = |operation: &str, body: &Value| {
        post(&emulator, &format!("/api/V3SandBox/{operation}"), JSON, &body.to_string()).unwrap().json()
    };
    let mut body = bulk(7);
    body["ApiKey"] = json!("any");
    body["Sender"] = json!(10_001_000);
    assert_eq!(sandbox("SendBulk", &body)["Result"][0]["UserTraceId"], 7);
    assert_eq!(sandbox("AccountInfo", &json!({ "ApiKey": "any" }))["Result"]["Credit"], 1_234_567);
    assert_eq!(emulator.message_count(), 0);
}
