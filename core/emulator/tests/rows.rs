//! Right answers with wrong rows, and refusals that are half of the truth.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by a panic")]

mod common;

use common::{
    DIALECTS, JSON, ask, ask_by_id, batch, between, bulk, form, niksms, niksms_result, post, public_api,
    soap, start, v3, web_service,
};
use payamak_emulator::{Emulator, Fault, Gateway};
use serde_json::{Value, json};

/// An odd id beyond 2^53, and what a double makes of it.
const ODD: i64 = 9_007_199_254_740_993;
const ROUNDED: i64 = 9_007_199_254_740_992;

const PAIR: [(&str, i64); 2] = [("09121112222", 1), ("09121112223", 2)];

/// What a double makes of an id, by way of printing it.
fn rounded(id: i64) -> i64 {
    #[expect(clippy::cast_precision_loss, reason = "that is the point")]
    let double = id as f64;
    format!("{double:.0}").parse().unwrap()
}

/// The messages that a dialect of `NikSMS` can send at once.
fn fitting(dialect: &str) -> &'static [(&'static str, i64)] {
    if dialect == "v2" { &PAIR[..1] } else { &PAIR }
}

/// The ids in the answer of a send over a dialect of `NikSMS`; none where the list is missing.
fn nik_ids(dialect: &str, answer: &common::Response) -> Option<Vec<i64>> {
    let parse = |ids: &[&str]| ids.iter().map(|id| id.parse().unwrap()).collect();
    match dialect {
        "public-api" => serde_json::from_value(answer.json()["NikIds"].clone()).unwrap(),
        "soap" => {
            let text = answer.text();
            text.contains("<NikIds>").then(|| parse(&between(text, "<long>", "</long>")))
        }
        "v2" => answer.json()["Data"]["NikId"].as_i64().map(|id| vec![id]),
        _ => {
            let ids = answer.json()["data"]["result"]["messageIds"].clone();
            let ids: Option<Vec<String>> = serde_json::from_value(ids).unwrap();
            ids.map(|ids| ids.iter().map(|id| id.parse().unwrap()).collect())
        }
    }
}

/// What a dialect of `NikSMS` answers about its ids: the statuses as it writes them.
fn statuses(emulator: &Emulator, dialect: &str, ids: &[i64]) -> Vec<String> {
    let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
    let joined = ids.join(",");
    let list = |value: &Value| value.as_array().unwrap().iter().map(Value::to_string).collect();
    match dialect {
        "public-api" => list(&public_api(emulator, "GetSmsDelivery", &[("nikIds", &joined)]).json()),
        "soap" => {
            let longs = ids.join("</t:long><t:long>");
            let ids = format!("<t:nikIds><t:long>{longs}</t:long></t:nikIds>");
            let answer = soap(emulator, "GetSmsDelivery", &ids);
            assert_eq!(answer.status, 200);
            between(answer.text(), "<SmsStatus>", "</SmsStatus>").into_iter().map(str::to_owned).collect()
        }
        "v2" => list(&form(emulator, "/api/v2/sms/delivery", &[("ids", &joined)]).unwrap().json()["Data"]),
        _ => {
            let answer = web_service(emulator, "sms/status/niksms", json!({ "MessageIds": ids })).unwrap();
            let rows = answer.json()["data"]["result"].clone();
            rows.as_array().unwrap().iter().map(|row| row["status"].to_string()).collect()
        }
    }
}

#[test]
fn no_rows_is_a_success_without_any() {
    let emulator = start();
    emulator.add_fault(Fault::on_send().no_rows());
    let sent = v3(&emulator, "SendBulk", &batch([1, 2]));
    assert_eq!((&sent["Success"], &sent["Result"]), (&json!(true), &json!([])));
    assert_eq!(emulator.message_count(), 2);
    emulator.add_fault(Fault::on_lookup().no_rows());
    let asked = ask(&emulator, &[1, 2]);
    assert_eq!((&asked["Success"], &asked["Result"]), (&json!(true), &json!([])));
    assert_eq!(ask(&emulator, &[1, 2])["Result"].as_array().unwrap().len(), 2);
}

#[test]
fn no_rows_at_niksms_is_a_list_that_is_missing() {
    for dialect in DIALECTS {
        let emulator = start();
        emulator.add_fault(Fault::on_send().no_rows());
        let messages = fitting(dialect);
        let sent = niksms(&emulator, dialect, "x", messages).unwrap();
        assert!(["1", "Successful"].contains(&niksms_result(dialect, &sent).as_str()), "{sent:?}");
        assert_eq!(nik_ids(dialect, &sent), None, "{sent:?}");
        assert_eq!(emulator.message_count(), messages.len(), "{dialect}");
        let ids: Vec<_> = emulator.messages().iter().map(|message| message.id).collect();
        assert_eq!(statuses(&emulator, dialect, &ids).len(), messages.len());
        emulator.add_fault(Fault::on_lookup().no_rows());
        assert_eq!(statuses(&emulator, dialect, &ids).len(), 0, "{dialect}");
    }
}

#[test]
fn an_answer_without_rows_can_be_no_result_at_all() {
    let emulator = start();
    niksms(&emulator, "soap", "x", &PAIR).unwrap();
    emulator.add_fault(Fault::on_lookup().times(2).no_rows());
    let by_client_id = "GetSmsDeliveryWithClientId";
    assert_eq!(public_api(&emulator, by_client_id, &[("yourId", "1")]).json(), Value::Null);
    let over_soap = || soap(&emulator, by_client_id, "<t:yourId>1</t:yourId>");
    let nothing = r#"<GetSmsDeliveryWithClientIdResponse xmlns="http://tempuri.org/"></GetSmsDeliveryWithClientIdResponse>"#;
    assert!(over_soap().text().contains(nothing));
    assert!(over_soap().text().contains("<SmsStatus>InQueue</SmsStatus>"));
    emulator.add_fault(Fault::on_lookup().no_rows());
    let by_id = soap(&emulator, "GetSmsDelivery", "<t:nikIds><t:long>1</t:long></t:nikIds>");
    let nothing = r#"<GetSmsDeliveryResponse xmlns="http://tempuri.org/"></GetSmsDeliveryResponse>"#;
    assert!(by_id.text().contains(nothing), "the schema lets a result be absent: {by_id:?}");
}

#[test]
fn ids_are_rounded_as_a_double_would() {
    let emulator = start();
    emulator.add_fault(Fault::on_any().forever().round_ids());
    let sent = v3(&emulator, "SendBulk", &batch([ODD, 2]))["Result"].clone();
    let ids: Vec<_> = emulator.messages().iter().map(|message| message.id).collect();
    assert_ne!(ids[0], rounded(ids[0]), "an id that a double can hold shows nothing");
    assert_eq!(sent[0], json!({ "Id": rounded(ids[0]), "UserTraceId": ROUNDED }));
    assert_eq!(sent[1], json!({ "Id": rounded(ids[1]), "UserTraceId": 2 }));
    assert_eq!(emulator.registrations(ODD), 1, "the request is understood");
    for answer in [ask(&emulator, &[ODD]), ask_by_id(&emulator, &[ids[0]])] {
        let row = &answer["Result"][0];
        assert_eq!((&row["Id"], &row["UserTraceId"]), (&json!(rounded(ids[0])), &json!(ROUNDED)));
        assert_eq!(row["StatusCode"], 0);
    }
    let template = json!({ "ApiKey": "demo-key", "TemplateKey": "verify", "Recipients": [
        { "Destination": 9_121_112_222_i64, "UserTraceId": ODD, "Parameters": ["1"] },
    ]});
    assert_eq!(v3(&emulator, "SendTokenMulti", &template)["Result"][0]["UserTraceId"], ROUNDED);
}

#[test]
fn ids_of_niksms_are_rounded_too() {
    for dialect in DIALECTS {
        let emulator = start();
        emulator.add_fault(Fault::on_any().forever().round_ids());
        let sent = niksms(&emulator, dialect, "x", fitting(dialect)).unwrap();
        let ids: Vec<_> = emulator.messages().iter().map(|message| message.id).collect();
        let expected: Vec<_> = ids.iter().copied().map(rounded).collect();
        assert_ne!(ids, expected);
        assert_eq!(nik_ids(dialect, &sent), Some(expected), "{dialect}");
        // The whole request has an id too, wherever the dialect puts it.
        let answer = sent.text();
        let digits = answer.split(|character: char| !character.is_ascii_digit());
        for number in digits.filter_map(|digits| digits.parse().ok()) {
            assert_eq!(number, rounded(number), "{dialect}");
        }
        let by_client_id = public_api(&emulator, "GetSmsDeliveryWithClientId", &[("yourId", "1")]).json();
        assert_eq!(by_client_id, json!({ "SmsStatus": 2, "NiksmsId": rounded(ids[0]) }));
        let over_soap = soap(&emulator, "GetSmsDeliveryWithClientId", "<t:yourId>1</t:yourId>");
        assert!(over_soap.text().contains(&format!("<NiksmsId>{}</NiksmsId>", rounded(ids[0]))));
        let asked =
            web_service(&emulator, "sms/status/niksms", json!({ "MessageIds": [ids[0].to_string()] }));
        let row = asked.unwrap().json()["data"]["result"][0].clone();
        assert_eq!(row, json!({ "messageId": rounded(ids[0]).to_string(), "status": 2 }));
    }
}

#[test]
fn a_row_too_many_belongs_to_nobody() {
    let emulator = start();
    emulator.add_fault(Fault::on_any().times(3).extra_row());
    let single =
        json!({ "ApiKey": "demo-key", "TemplateKey": "verify", "Destination": 9_121_112_222_i64, "p1": "1" });
    let sent = v3(&emulator, "SendBulk", &bulk(7));
    let of_template = v3(&emulator, "SendTokenSingle", &single);
    let asked = ask(&emulator, &[7]);
    assert_eq!(emulator.message_count(), 2);
    let ids: Vec<_> = emulator.messages().iter().map(|message| message.id).collect();
    for (answer, id) in [(&sent, ids[0]), (&of_template, ids[1]), (&asked, ids[0])] {
        let [extra, right] = answer["Result"].as_array().unwrap().as_slice() else { panic!("{answer}") };
        assert_eq!(right["Id"], id);
        let nobodys = extra["Id"].as_i64().unwrap();
        assert!(!ids.contains(&nobodys) && extra["UserTraceId"].is_null(), "{extra}");
        assert_eq!(ask_by_id(&emulator, &[nobodys])["Result"][0]["StatusCode"], 8);
    }
    assert_eq!(asked["Result"][1]["UserTraceId"], 7);
}

#[test]
fn a_row_too_many_at_niksms() {
    for dialect in DIALECTS {
        let emulator = start();
        emulator.add_fault(Fault::on_any().times(2).extra_row());
        let sent = niksms(&emulator, dialect, "x", fitting(dialect)).unwrap();
        let mut answered = nik_ids(dialect, &sent).unwrap();
        let ids: Vec<_> = emulator.messages().iter().map(|message| message.id).collect();
        // An answer about one message has no room for another.
        if dialect != "v2" {
            assert!(!ids.contains(&answered.remove(0)), "{dialect}");
        }
        assert_eq!(answered, ids, "{dialect}");
        assert_eq!(statuses(&emulator, dialect, &ids).len(), ids.len() + 1, "{dialect}");
        assert_eq!(statuses(&emulator, dialect, &ids).len(), ids.len(), "{dialect}");
    }
}

#[test]
fn a_row_can_contradict_itself() {
    let emulator = start();
    v3(&emulator, "SendBulk", &bulk(7));
    let id = emulator.messages()[0].id;
    emulator.add_fault(Fault::on_lookup().times(2).contradict_rows());
    let rows = ask(&emulator, &[7, 8])["Result"].clone();
    let text = "شناسه پیدا نشد";
    assert_eq!(rows[0], json!({ "Id": id, "UserTraceId": 7, "StatusCode": 8, "Status": text }));
    assert_eq!((&rows[1]["UserTraceId"], &rows[1]["StatusCode"]), (&json!(8), &json!(8)));
    let phantom = rows[1]["Id"].as_i64().unwrap();
    assert!(phantom > 0 && phantom != id);
    let rows = ask_by_id(&emulator, &[id, 5])["Result"].clone();
    assert_eq!(rows[0], json!({ "Id": id, "UserTraceId": 7, "StatusCode": 8, "Status": text }));
    assert_eq!((&rows[1]["Id"], &rows[1]["StatusCode"]), (&json!(5), &json!(8)));
    assert!(rows[1]["UserTraceId"].as_i64().unwrap() > 0);
    assert_eq!(ask(&emulator, &[7])["Result"][0]["StatusCode"], 0);
}

#[test]
fn niksms_can_contradict_itself() {
    for dialect in DIALECTS {
        let emulator = start();
        niksms(&emulator, dialect, "x", &PAIR[..1]).unwrap();
        let id = emulator.messages()[0].id;
        emulator.add_fault(Fault::on_lookup().forever().contradict_rows());
        let not_found = if dialect == "soap" { "NotFound" } else { "0" };
        assert_eq!(statuses(&emulator, dialect, &[id]), [not_found], "{dialect}");
        let by_client_id = "GetSmsDeliveryWithClientId";
        let row = public_api(&emulator, by_client_id, &[("yourId", "1")]).json();
        assert_eq!(row, json!({ "SmsStatus": 0, "NiksmsId": id }));
        let row = public_api(&emulator, by_client_id, &[("yourId", "9")]).json();
        let phantom = row["NiksmsId"].as_i64().unwrap();
        assert!(row["SmsStatus"] == 0 && phantom > 0 && phantom != id, "{row}");
        let over_soap = soap(&emulator, by_client_id, "<t:yourId>1</t:yourId>");
        let row = format!("<SmsStatus>NotFound</SmsStatus><NiksmsId>{id}</NiksmsId>");
        assert!(over_soap.text().contains(&row));
    }
}

#[test]
fn half_of_a_refused_batch_is_taken() {
    for (size, taken) in [(1_i64, 0_i64), (2, 1), (3, 1), (5, 2)] {
        let emulator = start();
        let credit = emulator.credit(Gateway::PayamResan);
        emulator.add_fault(Fault::on_send().half_taken(19));
        let answer = v3(&emulator, "SendBulk", &batch(1..=size));
        assert_eq!((&answer["Success"], &answer["ErrorCode"]), (&json!(false), &json!(19)));
        assert!(answer["Result"].is_null());
        let trace_ids: Vec<_> = emulator.messages().iter().filter_map(|message| message.trace_id).collect();
        assert_eq!(trace_ids, (1..=taken).collect::<Vec<_>>(), "{size}");
        assert_eq!(emulator.credit(Gateway::PayamResan), credit - taken);
    }
}

#[test]
fn the_half_that_is_taken_has_to_be_paid_for() {
    let emulator = Emulator::builder().speed(0.0).credit(2).start_blocking().unwrap();
    emulator.add_fault(Fault::on_send().times(2).half_taken(19));
    v3(&emulator, "SendBulk", &batch(1..=4));
    assert_eq!((emulator.message_count(), emulator.credit(Gateway::PayamResan)), (2, 0));
    v3(&emulator, "SendBulk", &batch(1..=4));
    assert_eq!(emulator.message_count(), 2);
}

#[test]
fn half_of_a_refused_batch_is_taken_at_niksms() {
    for dialect in DIALECTS {
        let emulator = start();
        emulator.add_fault(Fault::on_send().half_taken(3));
        let messages = fitting(dialect);
        let answer = niksms(&emulator, dialect, "x", messages).unwrap();
        assert!(
            ["3", "InsufficientCredit"].contains(&niksms_result(dialect, &answer).as_str()),
            "{answer:?}"
        );
        assert_eq!(emulator.message_count(), messages.len() / 2, "{dialect}");
        assert_eq!(emulator.registrations(1), messages.len() / 2, "{dialect}: the first half");
    }
}

#[test]
fn a_proxy_answers_in_its_own_json() {
    let emulator = start();
    emulator.faults(vec![
        Fault::on_send().status_json(429),
        Fault::on_send().after().status_json(403),
        Fault::on("GroupSms").status_json(429),
    ]);
    let answer = |trace_id| post(&emulator, "/api/V3/SendBulk", JSON, &bulk(trace_id).to_string()).unwrap();
    let refused = answer(1);
    assert!(refused.status == 429 && refused.head.contains("content-type: application/json"), "{refused:?}");
    let body = refused.json();
    let keys: Vec<_> = body.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["message", "request_id"]);
    assert_eq!(body["message"], "Too Many Requests");
    let taken = answer(2);
    assert_eq!((taken.status, &taken.json()["message"]), (403, &json!("Forbidden")));
    assert_eq!((emulator.registrations(1), emulator.registrations(2)), (0, 1));
    let over_soap = niksms(&emulator, "soap", "x", &PAIR).unwrap();
    assert_eq!((over_soap.status, &over_soap.json()["message"]), (429, &json!("Too Many Requests")));
}
