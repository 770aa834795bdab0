//! How often a gateway may be asked, and how far its lookups are behind.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by a panic")]

mod common;

use std::time::Duration;

use common::{
    DIALECTS, JSON, ask, ask_by_id, bulk, form, niksms, post, public_api, soap, start, status_of, v3,
    web_service,
};
use payamak_emulator::{Emulator, Fault};
use serde_json::{Value, json};

const RULE: Duration = Duration::from_secs(180);
const LAG: Duration = Duration::from_secs(5);
const ALMOST_LAG: Duration = Duration::from_millis(4999);
const LAST_MOMENT: Duration = Duration::from_millis(1);

fn strict() -> Emulator {
    let builder = Emulator::builder().speed(0.0).polling_rule(Some(RULE));
    builder.polling_rule_for_unknown_ids(true).start_blocking().unwrap()
}

fn behind() -> Emulator {
    Emulator::builder().speed(0.0).lookup_lag(LAG).start_blocking().unwrap()
}

fn is_too_soon(answer: &Value) -> bool {
    assert!(answer["Success"] == true || answer["ErrorCode"] == 20, "{answer}");
    answer["ErrorCode"] == 20
}

#[test]
fn an_unknown_id_may_be_asked_about_once() {
    let emulator = strict();
    for question in [ask, ask_by_id] {
        assert!(!is_too_soon(&question(&emulator, &[1, 2])));
        assert!(is_too_soon(&question(&emulator, &[1])));
        assert!(is_too_soon(&question(&emulator, &[3, 2])), "one of them is enough");
        assert!(!is_too_soon(&question(&emulator, &[3])), "a refused question does not count");
    }
    emulator.advance(Duration::from_secs(179));
    assert!(is_too_soon(&ask(&emulator, &[1])));
    emulator.advance(Duration::from_secs(1));
    assert!(!is_too_soon(&ask(&emulator, &[1])));
    assert!(is_too_soon(&ask(&emulator, &[1])));
}

#[test]
fn ids_and_trace_ids_of_nobody_have_nothing_in_common() {
    let emulator = strict();
    assert!(!is_too_soon(&ask(&emulator, &[1])));
    assert!(!is_too_soon(&ask_by_id(&emulator, &[1])));
}

#[test]
fn who_has_looked_in_vain_has_to_wait_for_what_comes() {
    let emulator = strict();
    assert_eq!(status_of(&emulator, 7), 8);
    v3(&emulator, "SendBulk", &bulk(7));
    assert!(is_too_soon(&ask(&emulator, &[7])));
    let id = emulator.messages()[0].id;
    assert!(!is_too_soon(&ask_by_id(&emulator, &[id])), "by this id nobody has asked");
    emulator.advance(RULE);
    assert_eq!(status_of(&emulator, 7), 4);
}

#[test]
fn a_message_found_by_one_id_counts_for_the_other() {
    let emulator = strict();
    v3(&emulator, "SendBulk", &bulk(7));
    let id = emulator.messages()[0].id;
    assert!(!is_too_soon(&ask(&emulator, &[7])));
    assert!(is_too_soon(&ask_by_id(&emulator, &[id])));
    emulator.advance(RULE);
    assert!(!is_too_soon(&ask_by_id(&emulator, &[id])));
    assert!(is_too_soon(&ask(&emulator, &[7])));
}

#[test]
fn a_second_message_of_a_trace_id_does_not_start_it_anew() {
    let emulator = strict();
    v3(&emulator, "SendBulk", &bulk(7));
    assert!(!is_too_soon(&ask(&emulator, &[7])));
    v3(&emulator, "SendBulk", &bulk(7));
    assert!(is_too_soon(&ask(&emulator, &[7])));
}

#[test]
fn without_the_setting_an_unknown_id_is_asked_about_at_will() {
    let emulator = Emulator::builder().speed(0.0).polling_rule(Some(RULE)).start_blocking().unwrap();
    for _ in 0..3 {
        assert!(!is_too_soon(&ask(&emulator, &[7])));
    }
    v3(&emulator, "SendBulk", &bulk(7));
    assert!(!is_too_soon(&ask(&emulator, &[7])));
    assert!(is_too_soon(&ask(&emulator, &[7])));
}

#[test]
fn a_question_that_was_not_carried_out_does_not_count() {
    let emulator = strict();
    emulator.faults(vec![
        Fault::on_lookup().before().half(),
        Fault::on_lookup().before().status(503),
        Fault::on_lookup().skip(1).after().status(503),
    ]);
    let question = |trace_id: i64| {
        let body = json!({ "ApiKey": "demo-key", "UserTraceIds": [trace_id] }).to_string();
        post(&emulator, "/api/V3/StatusByUserTraceId", JSON, &body).unwrap()
    };
    assert!(question(7).text().starts_with(r#"{"Success":true"#), "half an answer");
    assert_eq!(question(7).status, 503);
    assert!(!is_too_soon(&question(7).json()));
    assert_eq!(question(8).status, 503);
    assert!(is_too_soon(&question(8).json()), "this one was carried out");
}

#[test]
fn clear_forgets_who_asked() {
    let emulator = strict();
    assert!(!is_too_soon(&ask(&emulator, &[7])));
    emulator.clear();
    assert!(!is_too_soon(&ask(&emulator, &[7])));
}

#[test]
fn a_look_up_can_be_behind() {
    let emulator = behind();
    v3(&emulator, "SendBulk", &bulk(7));
    let id = emulator.messages()[0].id;
    let codes = || {
        [ask(&emulator, &[7]), ask_by_id(&emulator, &[id])]
            .map(|answer| answer["Result"][0]["StatusCode"].clone())
    };
    assert_eq!(codes(), [8, 8]);
    assert_eq!(emulator.registrations(7), 1, "the books have it");
    emulator.advance(ALMOST_LAG);
    assert_eq!(codes(), [8, 8]);
    emulator.advance(LAST_MOMENT);
    assert_eq!(codes(), [0, 0]);
}

#[test]
fn a_look_up_that_is_behind_sees_the_message_before() {
    let emulator = behind();
    v3(&emulator, "SendBulk", &bulk(7));
    emulator.advance(LAG);
    v3(&emulator, "SendBulk", &bulk(7));
    let ids: Vec<_> = emulator.messages().iter().map(|message| message.id).collect();
    assert_eq!(ask(&emulator, &[7])["Result"][0]["Id"], ids[0]);
    emulator.advance(LAG);
    assert_eq!(ask(&emulator, &[7])["Result"][0]["Id"], ids[1]);
}

#[test]
fn the_lag_begins_when_a_message_lands() {
    let emulator = behind();
    emulator.add_fault(Fault::on_send().later(Duration::from_secs(6)).status(504));
    post(&emulator, "/api/V3/SendBulk", JSON, &bulk(7).to_string()).unwrap();
    emulator.advance(Duration::from_secs(6) + ALMOST_LAG);
    assert_eq!((emulator.registrations(7), status_of(&emulator, 7)), (1, 8));
    emulator.advance(LAST_MOMENT);
    assert_eq!(status_of(&emulator, 7), 0);
}

#[test]
fn niksms_is_behind_in_every_dialect() {
    let emulator = behind();
    for dialect in DIALECTS {
        niksms(&emulator, dialect, "x", &[("09121112222", 7)]).unwrap();
        let id = emulator.messages().pop().unwrap().id.to_string();
        let looks = || {
            let by_id = public_api(&emulator, "GetSmsDelivery", &[("nikIds", &id)]).json()[0].clone();
            let by_client_id = public_api(&emulator, "GetSmsDeliveryWithClientId", &[("yourId", "7")]).json();
            let v2 = form(&emulator, "/api/v2/sms/delivery", &[("ids", &id)]).unwrap().json();
            let rows =
                web_service(&emulator, "sms/status/niksms", json!({ "MessageIds": [id] })).unwrap().json();
            let soap =
                soap(&emulator, "GetSmsDelivery", &format!("<t:nikIds><t:long>{id}</t:long></t:nikIds>"));
            let soap = i32::from(!soap.text().contains("<SmsStatus>NotFound</SmsStatus>")) * 2;
            [
                by_id,
                by_client_id["SmsStatus"].clone(),
                v2["Data"][0].clone(),
                rows["data"]["result"][0]["status"].clone(),
                json!(soap),
            ]
        };
        assert_eq!(looks(), [0; 5], "{dialect}");
        emulator.advance(LAG);
        assert_eq!(looks(), [2; 5], "{dialect}");
        emulator.clear();
    }
}

#[test]
fn without_the_setting_nothing_is_behind() {
    let emulator = start();
    v3(&emulator, "SendBulk", &bulk(7));
    assert_eq!(status_of(&emulator, 7), 0);
}
