//! The four dialects of `NikSMS` over real sockets, against the rules of their protocol.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by a panic")]

mod common;

use std::time::Duration;

use common::{FORM, JSON, exchange, post, public_api, soap, start};
use payamak_emulator::{Emulator, Gateway, IncomingMessage};
use serde_json::{Value, json};

const GROUP: &[(&str, &str)] = &[
    ("message", "سلام، دنیا"),
    ("numbers", "09121112222,09121112200"),
    ("senderNumber", "50001234"),
    ("yourMessageIds", "1,2"),
];

fn changed<'a>(fields: &[(&'a str, &'a str)], name: &str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    fields.iter().map(|(known, old)| (*known, if *known == name { value } else { old })).collect()
}

fn ids(answer: &Value) -> Vec<i64> {
    answer["NikIds"].as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect()
}

#[test]
fn public_api_sends_and_answers_a_bare_array() {
    let emulator = start();
    let sent = public_api(&emulator, "GroupSms", GROUP).json();
    assert_eq!((&sent["Status"], &sent["WarningMessage"]), (&json!(1), &Value::Null));
    assert!(sent["Id"].is_string());
    let ids = ids(&sent);
    assert!(ids.iter().all(|id| id.to_string().len() == 18), "{ids:?}");
    let asked = format!("{},5,{}", ids[0], ids[1]);
    let ask = || public_api(&emulator, "GetSmsDelivery", &[("nikIds", &asked)]).text().to_owned();
    assert_eq!(ask(), "[2,0,2]");
    emulator.advance(Duration::from_secs(20));
    assert_eq!(ask(), "[3,0,10]");
    let by_client_id = |id| public_api(&emulator, "GetSmsDeliveryWithClientId", &[("yourId", id)]).json();
    assert_eq!(by_client_id("1"), json!({ "SmsStatus": 3, "NiksmsId": ids[0] }));
    assert_eq!(by_client_id("3"), json!({ "SmsStatus": 0, "NiksmsId": 0 }));
    let message = emulator.messages().remove(0);
    assert_eq!((message.to.as_str(), message.text.as_str()), ("09121112222", "سلام، دنیا"));
    assert_eq!((message.dialect.as_str(), message.operation.as_str()), ("public-api", "GroupSms"));
    assert_eq!(emulator.registrations(2), 1);
}

#[test]
fn public_api_pairs_texts_and_numbers_by_commas() {
    let emulator = start();
    let fields = [("message", "a,b"), ("numbers", "09121112222,09121112223"), ("senderNumber", "50001234")];
    assert_eq!(public_api(&emulator, "PtpSms", &fields).json()["Status"], 1);
    let texts: Vec<_> = emulator.messages().into_iter().map(|message| message.text).collect();
    assert_eq!(texts, ["a", "b"]);
    let torn = changed(&fields, "message", "a, and more,b");
    assert_eq!(public_api(&emulator, "PtpSms", &torn).json()["Status"], 8);
}

#[test]
fn a_bad_send_has_its_own_number() {
    let emulator = start();
    let with = |name, value| {
        public_api(&emulator, "GroupSms", &changed(GROUP, name, value)).json()["Status"].clone()
    };
    assert_eq!(with("message", ""), 9);
    assert_eq!(with("numbers", ""), 8);
    assert_eq!(with("numbers", "9121112222,09121112223"), 11);
    assert_eq!(with("senderNumber", "9850001234"), 10);
    assert_eq!(with("yourMessageIds", "1"), 8);
    assert_eq!(with("senderNumber", "blacklist"), 1);
    let mut odd = GROUP.to_vec();
    odd.push(("sendType", "9"));
    assert_eq!(public_api(&emulator, "GroupSms", &odd).json()["Status"], 12);
    emulator.set_credit(Gateway::NikSms, 1);
    assert_eq!(with("message", "x"), 3);
    assert_eq!(emulator.message_count(), 2);
}

#[test]
fn a_number_with_98_is_successful_and_goes_nowhere() {
    let emulator = start();
    let credit = emulator.credit(Gateway::NikSms);
    let fields = changed(GROUP, "numbers", "989121112222,09121112223");
    let sent = public_api(&emulator, "GroupSms", &fields).json();
    assert_eq!(sent["Status"], 1);
    let nowhere = ids(&sent)[0].to_string();
    assert_eq!(public_api(&emulator, "GetSmsDelivery", &[("nikIds", &nowhere)]).text(), "[0]");
    assert_eq!(emulator.credit(Gateway::NikSms), credit - 1);
    assert_eq!((emulator.registrations(1), emulator.registrations(2)), (0, 1));
}

#[test]
fn a_scheduled_message_waits() {
    let emulator = start();
    let mut fields = GROUP.to_vec();
    fields.push(("sendOn", "2199/01/01-10:30"));
    let id = ids(&public_api(&emulator, "GroupSms", &fields).json())[0].to_string();
    let ask = || public_api(&emulator, "GetSmsDelivery", &[("nikIds", &id)]).text().to_owned();
    emulator.advance(Duration::from_secs(3600));
    assert_eq!(ask(), "[1]");
    emulator.advance(Duration::from_secs(200 * 366 * 24 * 3600));
    assert_eq!(ask(), "[3]");
}

#[test]
fn a_wrong_password_is_never_a_number() {
    let emulator = start();
    let wrong = "username=demo&password=wrong&nikIds=1";
    let answer =
        |operation: &str| post(&emulator, &format!("/fa/PublicApi/{operation}"), FORM, wrong).unwrap();
    assert_eq!(answer("GroupSms").json()["Status"], 19);
    for operation in ["GetCredit", "GetSmsDelivery", "GetSenderNumbers"] {
        assert_eq!(answer(operation).json(), json!("InvalidUserNameOrPass"), "{operation}");
    }
}

#[test]
fn bare_values_are_bare() {
    let emulator = Emulator::builder().credit(4321).start_blocking().unwrap();
    assert_eq!(public_api(&emulator, "GetCredit", &[]).text(), "4321");
    assert_eq!(public_api(&emulator, "GetDiscountCredit", &[]).text(), "4321");
    assert_eq!(public_api(&emulator, "GetSenderNumbers", &[]).json(), json!(["9850001234"]));
    assert_eq!(public_api(&emulator, "GetServertime", &[]).text().len(), "2026-12-01T08:30:00".len());
    assert!(public_api(&emulator, "GetPanelExpireDate", &[]).text().starts_with("20"));
    let lost = public_api(&emulator, "Nothing", &[]);
    assert!(lost.status == 404 && lost.head.contains("text/html"), "{lost:?}");
}

#[test]
fn received_messages_are_marked_and_can_be_read_again() {
    let emulator = start();
    emulator.receive(IncomingMessage::new("+989121112222", "50001234", "a <b> & c")).unwrap();
    let rest = |fields| public_api(&emulator, "GetReceiveSms", fields).json();
    assert_eq!(rest(&[("startDate", "2190-01-01")]), json!([]));
    let row = &rest(&[])[0];
    assert_eq!((&row["Message"], &row["SenderNumber"]), (&json!("a <b> & c"), &json!("989121112222")));
    assert_eq!((&row["ReceiveNumber"], &row["IsRelayed"]), (&json!("50001234"), &json!(false)));
    assert_eq!(rest(&[]), json!([]));
    assert_eq!(public_api(&emulator, "ResetReceiveSmsVisitedStatus", &[]).text(), "true");
    let open = r#"<t:startDate i:nil="true"/><t:endDate i:nil="true"/>"#;
    let over_soap = soap(&emulator, "GetReceiveSms", open);
    assert!(over_soap.text().contains("<Message>a &lt;b&gt; &amp; c</Message><SenderNumber>989121112222<"));
    assert!(
        soap(&emulator, "GetReceiveSms", open).text().contains("<GetReceiveSmsResult></GetReceiveSmsResult>")
    );
    assert!(soap(&emulator, "ResetReceiveSmsVisitedStatus", open).text().contains(">true<"));
    assert!(soap(&emulator, "GetReceiveSms", open).text().contains("<IsRelayed>false</IsRelayed>"));
}

const MODEL: &str = "<t:model><t:SenderNumber>50001234</t:SenderNumber>\
    <t:Numbers><t:string>09121112222</t:string><t:string>09121112223</t:string></t:Numbers>\
    <t:SendType>Normal</t:SendType><t:YourMessageId><t:long>8</t:long><t:long>9</t:long></t:YourMessageId>\
    <t:Message>سلام &amp; &lt;درود&gt;</t:Message></t:model>";

#[test]
fn soap_sends_and_answers_names() {
    let emulator = start();
    let sent = soap(&emulator, "GroupSms", MODEL);
    assert_eq!(sent.status, 200);
    assert!(sent.head.contains("content-type: text/xml; charset=utf-8"));
    assert!(sent.text().contains(
        r#"<GroupSmsResponse xmlns="http://tempuri.org/"><GroupSmsResult><Status>Successful</Status><Id>"#
    ));
    let messages = emulator.messages();
    assert!(messages.iter().all(|message| message.text == "سلام & <درود>"));
    let id = messages[0].id;
    assert!(sent.text().contains(&format!("<NikIds><long>{id}</long><long>")));
    let asked = format!("<t:nikIds><t:long>{id}</t:long><t:long>5</t:long></t:nikIds>");
    let expected = "<GetSmsDeliveryResult><SmsStatus>InQueue</SmsStatus><SmsStatus>NotFound</SmsStatus></GetSmsDeliveryResult>";
    assert!(soap(&emulator, "GetSmsDelivery", &asked).text().contains(expected));
    let by_client_id = soap(&emulator, "GetSmsDeliveryWithClientId", "<t:yourId>8</t:yourId>");
    assert!(
        by_client_id.text().contains(&format!("<SmsStatus>InQueue</SmsStatus><NiksmsId>{id}</NiksmsId>"))
    );
    assert!(soap(&emulator, "GetCredit", "").text().contains("<GetCreditResult>9999998</GetCreditResult>"));
    assert!(soap(&emulator, "GetSenderNumbers", "").text().contains("<string>9850001234</string>"));
    for operation in ["GetServertime", "GetPanelExpireDate", "GetDiscountCredit"] {
        assert_eq!(soap(&emulator, operation, "").status, 200, "{operation}");
    }
}

#[test]
fn soap_sends_personal_texts() {
    let emulator = start();
    let model = MODEL.replace(
        "<t:Message>سلام &amp; &lt;درود&gt;</t:Message>",
        "<t:Message><t:string>a, b</t:string><t:string>c</t:string></t:Message>",
    );
    assert!(soap(&emulator, "PtpSms", &model).text().contains("<PtpSmsResult><Status>Successful</Status>"));
    let texts: Vec<_> = emulator.messages().into_iter().map(|message| message.text).collect();
    assert_eq!(texts, ["a, b", "c"]);
}

#[test]
fn soap_minds_order_and_namespaces() {
    let emulator = start();
    let late_sender = MODEL
        .replace("<t:SenderNumber>50001234</t:SenderNumber>", "")
        .replace("</t:model>", "<t:SenderNumber>50001234</t:SenderNumber></t:model>");
    // The sender in the wrong place takes what stands before it along.
    assert!(
        soap(&emulator, "GroupSms", &late_sender)
            .text()
            .contains("<Status>ArgumentIsNullOrIncorrect</Status>")
    );
    let unqualified = MODEL.replace("t:", "");
    assert!(
        soap(&emulator, "GroupSms", &unqualified)
            .text()
            .contains("<Status>ArgumentIsNullOrIncorrect</Status>")
    );
    assert_eq!(emulator.message_count(), 0);
}

#[test]
fn soap_refuses_with_a_name_or_a_fault() {
    let emulator = Emulator::builder().niksms_account("other", "secret").start_blocking().unwrap();
    assert!(soap(&emulator, "GroupSms", MODEL).text().contains("<Status>InvalidUserNameOrPass</Status>"));
    let fault = soap(&emulator, "GetCredit", "");
    assert_eq!(fault.status, 500);
    assert!(fault.text().contains("<faultstring>InvalidUserNameOrPass</faultstring>"));
    let unknown = soap(&emulator, "Nothing", "");
    assert!(unknown.status == 500 && unknown.text().contains("ActionNotSupported"), "{unknown:?}");
    let headers =
        [("content-type", common::XML), ("soapaction", "http://tempuri.org/INiksmsWebservice/GetCredit")];
    let broken = exchange(&emulator, "POST", "/NiksmsWebservice.svc", &headers, "<a>").unwrap();
    assert!(broken.status == 500 && broken.text().contains("faultstring"), "{broken:?}");
}

#[test]
fn v2_answers_in_its_envelope() {
    let emulator = Emulator::builder().speed(0.0).v2_delivery_path("/sms/status").start_blocking().unwrap();
    let one = "username=demo&password=demo-password&message=hi&senderNumber=50001234&sendDate=&recipient=09121112222&localId=77";
    let sent = post(&emulator, "/api/v2/send/one", FORM, one).unwrap().json();
    assert_eq!((&sent["Status"], &sent["Exception"]), (&json!(4), &Value::Null));
    assert_eq!(sent["Data"]["Status"], 1);
    let id = sent["Data"]["NikId"].as_i64().unwrap();
    assert_eq!(emulator.registrations(77), 1);
    let form = format!("Username=demo&Password=demo-password&Ids={id},5");
    let json = json!({ "Username": "demo", "Password": "demo-password", "Ids": [id, 5] }).to_string();
    for (content_type, body) in [(FORM, form), (JSON, json)] {
        let answer = post(&emulator, "/api/v2/sms/status", content_type, &body).unwrap().json();
        assert_eq!(answer, json!({ "Status": 4, "Exception": null, "Data": [2, 0] }));
    }
    let wrong = one.replace("demo-password", "wrong");
    assert_eq!(post(&emulator, "/api/v2/send/one", FORM, &wrong).unwrap().json()["Data"]["Status"], 19);
    let wrong = post(&emulator, "/api/v2/sms/status", FORM, "Username=demo").unwrap().json();
    assert_eq!((&wrong["Data"], &wrong["Exception"]), (&Value::Null, &json!("InvalidUserNameOrPass")));
    assert_eq!(post(&emulator, "/api/v2/sms/delivery", FORM, "").unwrap().status, 404);
}

#[test]
fn web_service_takes_its_key_in_the_body() {
    let emulator = start();
    let call = |path: &str, mut body: Value| {
        body["ApiKey"] = json!("demo-niksms-key");
        post(&emulator, &format!("/api/v1/web-service/{path}"), JSON, &body.to_string()).unwrap().json()
    };
    let single =
        json!({ "SenderNumber": "50001234", "Phone": "09121112222", "Message": "hi", "MessageId": "11" });
    let sent = call("sms/send/single", single.clone());
    assert_eq!((&sent["isSuccess"], &sent["operationStatus"]), (&json!(true), &json!(3)));
    let id = sent["data"]["result"]["messageIds"][0].clone();
    let group = json!({ "SenderNumber": "50001234", "Message": "to all", "Recipients": [
        { "Phone": "09121112222", "MessageId": 12 }, { "Phone": "09121112223" },
    ]});
    assert_eq!(call("sms/send/group", group)["data"]["result"]["status"], 1);
    let ptp = json!({ "SenderNumber": "50001234", "Recipients": [{ "Phone": "09121112222", "Message": "to you" }] });
    assert_eq!(call("sms/send/ptp", ptp)["data"]["result"]["status"], 1);
    assert_eq!(call("sms/send/otp", single)["data"]["result"]["status"], 1);
    let texts: Vec<_> = emulator.messages().into_iter().map(|message| message.text).collect();
    assert_eq!(texts, ["hi", "to all", "to all", "to you", "hi"]);
    assert_eq!((emulator.registrations(11), emulator.registrations(12)), (2, 1));
    let statuses = call("sms/status/niksms", json!({ "MessageIds": [id, "5"] }));
    let rows = json!([{ "messageId": id, "status": 2 }, { "messageId": "5", "status": 0 }]);
    assert_eq!(statuses["data"]["result"], rows);
    assert_eq!(call("panel/credit", json!({}))["data"]["result"], 9_999_995);
    assert!(call("panel/expire-date", json!({}))["data"]["result"].is_string());
    let refused =
        post(&emulator, "/api/v1/web-service/sms/send/single", JSON, r#"{"ApiKey":"x"}"#).unwrap().json();
    assert_eq!((&refused["isSuccess"], &refused["data"]["result"]["status"]), (&json!(false), &json!(19)));
}
