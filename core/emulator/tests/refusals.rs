//! Messages refused for what they say or whom they go to.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by a panic")]

mod common;

use common::{DIALECTS, JSON, batch, bulk, get, niksms, niksms_result, post, start, v3};
use payamak_emulator::{Emulator, Gateway};
use serde_json::{Value, json};

fn error_code(emulator: &Emulator, operation: &str, body: &Value) -> Value {
    v3(emulator, operation, body)["ErrorCode"].clone()
}

fn with_text(mut body: Value, text: &str) -> Value {
    body["Text"] = json!(text);
    body
}

#[test]
fn a_word_is_refused_in_every_operation_of_payam_resan() {
    let emulator = start();
    let credit = emulator.credit(Gateway::PayamResan);
    emulator.refuse_text("جایزه");
    emulator.refuse_text("bitcoin");
    assert_eq!(error_code(&emulator, "SendBulk", &with_text(batch([1, 2]), "یک جایزه!")), 9);
    assert_eq!(error_code(&emulator, "SendBulk", &with_text(bulk(1), "buy bitcoins")), 9);
    let personal = json!({ "ApiKey": "demo-key", "Recipients": [
        { "Sender": 30_004_040, "Text": "fine", "Destination": 9_121_112_222_i64, "UserTraceId": 1 },
        { "Sender": 30_004_040, "Text": "bitcoin", "Destination": 9_121_112_223_i64, "UserTraceId": 2 },
    ]});
    assert_eq!(error_code(&emulator, "SendMultiple", &personal), 9);
    let single = json!({
        "ApiKey": "demo-key", "TemplateKey": "verify", "Destination": 9_121_112_222_i64, "p1": "bitcoin",
    });
    assert_eq!(error_code(&emulator, "SendTokenSingle", &single), 9);
    let many = json!({ "ApiKey": "demo-key", "TemplateKey": "welcome", "Recipients": [
        { "Destination": 9_121_112_222_i64, "Parameters": ["سارا", "جایزه"] },
    ]});
    assert_eq!(error_code(&emulator, "SendTokenMulti", &many), 9);
    let path = "/api/V3/Send?ApiKey=demo-key&Text=bitcoin&Sender=30004040&Recipients=9121112222";
    assert_eq!(get(&emulator, path).json()["ErrorCode"], 9);
    assert_eq!((emulator.message_count(), emulator.credit(Gateway::PayamResan)), (0, credit));
    assert_eq!(v3(&emulator, "SendBulk", &bulk(1))["Success"], true, "it goes by the text");
    emulator.clear();
    assert_eq!(v3(&emulator, "SendBulk", &with_text(bulk(1), "bitcoin"))["Success"], true);
}

#[test]
fn of_a_template_the_final_text_counts() {
    let emulator = start();
    emulator.refuse_text("کد ورود شما: 12");
    let otp = |code: &str| json!({ "ApiKey": "demo-key", "TemplateKey": "verify", "Destination": 9_121_112_222_i64, "p1": code });
    assert_eq!(error_code(&emulator, "SendTokenSingle", &otp("1234")), 9);
    assert_eq!(error_code(&emulator, "SendTokenSingle", &otp("4321")), Value::Null);
}

#[test]
fn a_number_is_refused_however_it_is_spelled() {
    for spelling in ["09121112222", "9121112222", "+989121112222", "00989121112222", "۰۹۱۲ ۱۱۱ ۲۲۲۲"]
    {
        let emulator = start();
        emulator.refuse_number(spelling).unwrap();
        assert_eq!(error_code(&emulator, "SendBulk", &bulk(1)), 13, "{spelling}");
        let mut by_country = bulk(1);
        by_country["Recipients"][0]["Destination"] = json!(989_121_112_222_i64);
        assert_eq!(error_code(&emulator, "SendBulk", &by_country), 13, "{spelling}");
        let mut pair = batch([1, 2]);
        pair["Recipients"][0]["Destination"] = json!(9_121_112_223_i64);
        assert_eq!(error_code(&emulator, "SendBulk", &pair), 13, "one of two is enough");
        assert_eq!(emulator.message_count(), 0);
        pair["Recipients"][1]["Destination"] = json!(9_121_112_223_i64);
        assert_eq!(error_code(&emulator, "SendBulk", &pair), Value::Null, "another number");
    }
    assert!(start().refuse_number("02188776655").is_err());
}

#[test]
fn both_are_refused_in_every_dialect_of_niksms() {
    for dialect in DIALECTS {
        let emulator = start();
        let credit = emulator.credit(Gateway::NikSms);
        emulator.refuse_text("bitcoin");
        emulator.refuse_number("+98 912 111 2222").unwrap();
        let result = |text: &str, number: &str| {
            let answer = niksms(&emulator, dialect, text, &[(number, 1)]).unwrap();
            niksms_result(dialect, &answer)
        };
        let (filtered, no_number, fine) = if dialect == "soap" {
            ("Filtered", "ReceptionNumberIsIncorrect", "Successful")
        } else {
            ("5", "11", "1")
        };
        assert_eq!(result("my bitcoins", "09121112223"), filtered, "{dialect}");
        assert_eq!(result("hello", "09121112222"), no_number, "{dialect}");
        assert_eq!(result("hello", "989121112222"), no_number, "{dialect}: even one that goes nowhere");
        assert_eq!(emulator.message_count(), 0);
        assert_eq!(emulator.credit(Gateway::NikSms), credit);
        assert_eq!(result("hello", "09121112223"), fine, "{dialect}");
        emulator.clear();
        assert_eq!(result("my bitcoins", "09121112222"), fine, "{dialect}");
    }
}

#[test]
fn one_bad_recipient_refuses_a_whole_batch_of_niksms() {
    for dialect in ["public-api", "soap", "web-service"] {
        let emulator = start();
        emulator.refuse_number("09121112223").unwrap();
        let answer = niksms(&emulator, dialect, "x", &[("09121112222", 1), ("09121112223", 2)]).unwrap();
        assert!(["11", "ReceptionNumberIsIncorrect"].contains(&niksms_result(dialect, &answer).as_str()));
        assert_eq!(emulator.message_count(), 0, "{dialect}");
    }
}

#[test]
fn refusals_come_over_http() {
    let emulator = start();
    let control = |body: Value| post(&emulator, "/_emulator/refuse", JSON, &body.to_string()).unwrap().status;
    assert_eq!(control(json!({ "text": "bitcoin" })), 204);
    assert_eq!(control(json!({ "text": "جایزه" })), 204);
    assert_eq!(control(json!({ "number": "0912 111 2222" })), 204);
    assert_eq!(error_code(&emulator, "SendBulk", &bulk(1)), 13);
    let mut body = bulk(1);
    body["Recipients"][0]["Destination"] = json!(9_121_112_223_i64);
    assert_eq!(error_code(&emulator, "SendBulk", &with_text(body.clone(), "bitcoin")), 9);
    assert_eq!(error_code(&emulator, "SendBulk", &with_text(body.clone(), "جایزه")), 9);
    for bad in
        [json!({ "number": "x" }), json!({ "word": "x" }), json!({}), json!({ "text": "a", "number": "b" })]
    {
        assert_eq!(control(bad), 400);
    }
    assert_eq!(post(&emulator, "/_emulator/clear", JSON, "").unwrap().status, 204);
    assert_eq!(error_code(&emulator, "SendBulk", &with_text(bulk(1), "bitcoin")), Value::Null);
}
