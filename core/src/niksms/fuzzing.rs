//! Every answer of every dialect, whatever it holds.

#![allow(clippy::missing_panics_doc, reason = "a harness that cannot go on fails")]

use serde_json::Value;

use super::{SendBatch, SendStatus, envelope, form, judged, soap, web_service};
use crate::error::Result;
use crate::fuzzing::{Body, is_the_same_id, json, rows};
use crate::message::MessageId;
use crate::transport::Answer;

/// Reads a body as the answer of every operation of `public-api`.
pub fn niksms_form(input: &[u8]) {
    let (body, value) = (Body::new(input), json(input));
    let value = value.as_ref();
    body.decode_in_every_way(sent(form::sent), |batch| is_that_batch(value, "Status", "NikIds", &batch));
    body.decode(envelope::statuses, |statuses| has_every_status(value, statuses.len()));
    body.decode(form::status_with_client_id, |(_, id)| {
        assert!(id.is_none_or(|id| id.get() != 0));
        if let (Some(value), Some(id)) = (value, id) {
            is_the_same_id(&value["NiksmsId"], Some(id.get()));
        }
    });
    body.decode(form::number, |number| assert!(number.is_finite()));
    body.decode(form::text, |text| assert!(text.is_none_or(|text| !text.is_empty())));
    body.decode(form::texts, |texts| {
        assert!(value.and_then(rows).is_none_or(|rows| rows.len() == texts.len()));
    });
    body.decode(form::truth, |_| ());
    body.decode(form::inbox, |messages| {
        assert!(value.and_then(rows).is_none_or(|rows| rows.len() == messages.len()));
    });
}

/// Reads a body as the answers of `v2`.
pub fn niksms_v2(input: &[u8]) {
    let (body, value) = (Body::new(input), json(input));
    let value = value.as_ref();
    body.decode_in_every_way(sent(envelope::sent), |batch| {
        is_that_batch(value.and_then(|value| value.get("Data")), "Status", "NikIds", &batch);
        assert!(has_no_exception(value), "{value:?}");
    });
    body.decode(envelope::statuses, |statuses| {
        has_every_status(value, statuses.len());
        assert!(has_no_exception(value), "{value:?}");
    });
}

/// Reads a body as the answer of every operation of `web-service`.
pub fn niksms_web_service(input: &[u8]) {
    let (body, value) = (Body::new(input), json(input));
    let result = value
        .as_ref()
        .map(|value| [&value["data"], &value["Data"]].map(|data| [&data["result"], &data["Result"]]));
    let result = result
        .as_ref()
        .and_then(|results| results.iter().flatten().find(|result| !result.is_null()).copied());
    body.decode_in_every_way(sent(web_service::sent), |batch| {
        assert!(!says_no(value.as_ref()), "{value:?}");
        is_that_batch(result, "status", "messageIds", &batch);
    });
    body.decode(web_service::statuses, |statuses| {
        assert!(!says_no(value.as_ref()), "{value:?}");
        assert!(result.and_then(rows).is_none_or(|rows| rows.len() == statuses.len()));
    });
    body.decode(web_service::number, |number| {
        assert!(number.is_finite() && !says_no(value.as_ref()));
    });
    body.decode(web_service::text, |_| assert!(!says_no(value.as_ref())));
}

/// Reads a body as the answer of every operation of SOAP.
pub fn niksms_soap(input: &[u8]) {
    let body = Body::new(input);
    let answers = |operation: &str| {
        assert!(
            String::from_utf8_lossy(input).contains(&format!("{operation}Response")),
            "another operation's answer"
        );
    };
    body.decode_in_every_way(sent(|answer| soap::sent(answer, "GroupSms")), |_| answers("GroupSms"));
    body.decode(sent(|answer| soap::sent(answer, "PtpSms")), |_| answers("PtpSms"));
    body.decode(soap::statuses, |_| answers("GetSmsDelivery"));
    body.decode(soap::status_with_client_id, |(_, id)| {
        answers("GetSmsDeliveryWithClientId");
        assert!(id.is_none_or(|id| id.get() != 0));
    });
    for operation in ["GetCredit", "GetDiscountCredit"] {
        body.decode(
            |answer| soap::number(answer, operation),
            |number| {
                answers(operation);
                assert!(number.is_finite());
            },
        );
    }
    for operation in ["GetPanelExpireDate", "GetServertime"] {
        body.decode(
            |answer| soap::text(answer, operation),
            |text| {
                answers(operation);
                assert!(text.is_none_or(|text| !text.trim().is_empty()));
            },
        );
    }
    body.decode(|answer| soap::texts(answer, "GetSenderNumbers"), |_| answers("GetSenderNumbers"));
    let reset = "ResetReceiveSmsVisitedStatus";
    body.decode(|answer| soap::truth(answer, reset), |_| answers(reset));
    body.decode(soap::inbox, |_| answers("GetReceiveSms"));
}

/// What the client makes of the answer of a send.
fn sent(
    read: impl Fn(&Answer<'_>) -> Result<(SendStatus, SendBatch)>,
) -> impl Fn(&Answer<'_>) -> Result<SendBatch> {
    move |answer| read(answer).and_then(|(status, batch)| judged(answer, &status, batch))
}

/// What decodes as sent says so itself, and has every id of its list.
fn is_that_batch(value: Option<&Value>, status: &str, ids: &str, batch: &SendBatch) {
    assert!(matches!(batch.status, SendStatus::Successful | SendStatus::Warning), "{batch:?}");
    let Some(value) = value else { return };
    assert!(value.is_object(), "a batch made of {value}");
    let says = match &value[status] {
        Value::String(text) => text.trim().to_owned(),
        Value::Null => return,
        other => other.to_string(),
    };
    assert!(matches!(says.as_str(), "1" | "1.0" | "13" | "13.0" | "Successful" | "Warning"), "{value}");
    let Some(rows) = rows(&value[ids]) else { return };
    let one_more = usize::from(value.get("NikId").is_some_and(|id| !id.is_null()));
    assert!(
        batch.message_ids.len() == rows.len() || batch.message_ids.len() == rows.len() + one_more,
        "{value}"
    );
    for (row, id) in rows.into_iter().zip(&batch.message_ids) {
        is_the_same_id(row, Some(MessageId::get(*id)));
    }
}

/// One status for each place of the list, bare or in an envelope.
fn has_every_status(value: Option<&Value>, count: usize) {
    let list = value.map(|value| value.get("Data").unwrap_or(value));
    assert!(list.and_then(rows).is_none_or(|rows| rows.len() == count), "{value:?}");
}

fn has_no_exception(value: Option<&Value>) -> bool {
    let exception = value.and_then(|value| value.get("Exception")).and_then(Value::as_str);
    exception.is_none_or(|text| matches!(text.trim(), "" | "0"))
}

/// A reply that says itself that it is no success.
fn says_no(value: Option<&Value>) -> bool {
    let says = |name: &str| value.and_then(|value| value.get(name)) == Some(&Value::Bool(false));
    says("isSuccess") || says("IsSuccess")
}
