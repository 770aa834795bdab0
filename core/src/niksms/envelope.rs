//! The dialect `v2` on the wire: form fields out, `{Status, Exception, Data}` back. Its delivery answer is read on every
//! REST dialect, bare or enveloped.

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::codes::{SendStatus, SmsStatus};
use super::form::{self, Named, WireBatch};
use super::{Credentials, Row, SendBatch, SendOptions};
use crate::decode::{Object, Rows, Text};
use crate::error::{Error, ErrorKind, Result};
use crate::message::{MessageId, SenderLine, TehranTime};
use crate::request::{Request, below};
use crate::transport::Answer;

pub(super) fn send_one(
    credentials: &Credentials,
    row: &Row<'_>,
    sender: &SenderLine,
    options: &SendOptions,
) -> Request {
    let send_date = options.send_at.map(|TehranTime(time)| time.strftime("%Y/%m/%d-%H:%M").to_string());
    let to = row.to.national();
    let trace_id = row.trace_id.map(|id| id.to_string());
    let mut fields = vec![
        ("message", row.text),
        ("senderNumber", sender.as_str()),
        ("sendDate", send_date.as_deref().unwrap_or_default()),
        ("recipient", &to),
    ];
    fields.extend(trace_id.as_deref().map(|id| ("localId", id)));
    form::request(credentials, "send/one", &fields)
}

/// The path is the caller's setting: the protocol page does not know it.
pub(super) fn get_sms_delivery(credentials: &Credentials, path: &str, ids: &[MessageId]) -> Request {
    use secrecy::ExposeSecret as _;
    let ids: Vec<_> = ids.iter().map(MessageId::to_string).collect();
    let url = below(&credentials.base, path.trim_start_matches('/'));
    let password = credentials.password.expose_secret();
    Request::post_form(
        url,
        &[("Username", &credentials.username), ("Password", password), ("Ids", &ids.join(","))],
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound = "T: Deserialize<'de>")]
struct Envelope<T> {
    #[serde(default)]
    exception: Option<Text>,
    #[serde(default)]
    data: Option<T>,
}

/// Success is `Data` with an empty `Exception`: the numbers of the envelope's own `Status` are not known.
fn data<T: DeserializeOwned>(answer: &Answer<'_>) -> Result<T> {
    let refused = |exception: Option<Text>| {
        let text = exception.map(|Text(text)| answer.quote(&text)).filter(|text| !text.is_empty());
        Error::new(ErrorKind::Unavailable, "", "the gateway refused, in an envelope without known codes")
            .unclear()
            .with_gateway_text(text)
            .with_body_excerpt(answer.excerpt())
    };
    match form::json::<Object<Envelope<T>>>(answer) {
        Ok(Object(Envelope { exception, data: Some(data) })) if is_empty(exception.as_ref()) => Ok(data),
        Ok(Object(Envelope { exception, .. })) => Err(refused(exception)),
        // A refusal may carry data of any shape.
        Err(error) => match form::json::<Object<Envelope<IgnoredAny>>>(answer) {
            Ok(Object(Envelope { exception, .. })) if !is_empty(exception.as_ref()) => {
                Err(refused(exception))
            }
            _ => Err(error),
        },
    }
}

fn is_empty(exception: Option<&Text>) -> bool {
    exception.is_none_or(|Text(text)| matches!(text.trim(), "" | "0"))
}

pub(super) fn sent(answer: &Answer<'_>) -> Result<(SendStatus, SendBatch)> {
    let Object(batch) = data::<Object<WireBatch>>(answer)?;
    let batch = SendBatch::from(batch);
    Ok((batch.status.clone(), batch))
}

/// A bare array or the envelope, on every REST dialect; numbers, numbers in text, or names.
pub(super) fn statuses(answer: &Answer<'_>) -> Result<Vec<SmsStatus>> {
    let Rows(rows) = if first_sign(&answer.body) == Some(b'{') {
        data::<Rows<Named<SmsStatus>>>(answer)?
    } else {
        form::json(answer)?
    };
    Ok(rows.into_iter().map(|Named(status)| status).collect())
}

/// The first sign of a JSON body, past a second encoding.
fn first_sign(body: &[u8]) -> Option<u8> {
    body.iter().copied().find(|byte| !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\\'))
}
