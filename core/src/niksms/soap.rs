//! The dialect `soap` on the wire: SOAP 1.1, everything in one namespace, enums by name.

use reqwest::header::{HeaderName, HeaderValue};
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::codes::{SendStatus, SmsStatus};
use super::xml::{Element, Namespace, body, can_carry, envelope, parse, write_nil, write_text, write_with};
use super::{Credentials, Row, SendBatch, SendOptions, SendType};
use crate::decode::{MOST_ROWS, TOO_MANY_ROWS};
use crate::error::{Error, ErrorKind, Result};
use crate::message::{IncomingMessage, MessageId, SenderLine, TehranTime, TraceId};
use crate::request::Request;
use crate::transport::Answer;

/// Why a value is refused before anything is sent.
pub(super) const NO_XML: &str = "a text with control characters, which XML cannot carry";

fn request(credentials: &Credentials, operation: &str, content: impl FnOnce(&mut String)) -> Result<Request> {
    let (username, password) = (&credentials.username, credentials.password.expose_secret());
    // A character takes six at most. Growing would leave copies of the password behind.
    let most = 100 + 6 * (username.len() + password.len());
    let mut security = Zeroizing::new(String::with_capacity(most));
    write_with(&mut security, "security", |xml| {
        write_text(xml, "Username", username);
        write_text(xml, "Password", password);
    });
    let document = envelope(operation, &security, content);
    let action = HeaderValue::from_str(&format!("\"http://tempuri.org/INiksmsWebservice/{operation}\""))
        .map_err(|_| Error::configuration("", "the operation's name cannot stand in a header"))?;
    let mut request = Request::post(credentials.base.clone(), "text/xml; charset=utf-8", document);
    request.headers.push((HeaderName::from_static("soapaction"), action));
    Ok(request)
}

/// `GroupSms` (one text) and `PtpSms` (a text each); the order of the elements is the schema's.
pub(super) fn send(
    credentials: &Credentials,
    operation: &'static str,
    wire_operation: &str,
    rows: &[Row<'_>],
    sender: &SenderLine,
    options: &SendOptions,
) -> Result<Request> {
    if let Some(index) = rows.iter().position(|row| !can_carry(row.text)) {
        let field =
            if wire_operation == "GroupSms" { "text".to_owned() } else { format!("messages[{index}].text") };
        return Err(Error::invalid_input(operation, field, NO_XML));
    }
    if !can_carry(sender.as_str()) {
        return Err(Error::invalid_input(operation, "sender", NO_XML));
    }
    request(credentials, wire_operation, |xml| {
        write_with(xml, "model", |xml| {
            write_text(xml, "SenderNumber", sender.as_str());
            write_with(xml, "Numbers", |xml| {
                for row in rows {
                    write_text(xml, "string", &row.to.national());
                }
            });
            if let Some(time) = options.send_at {
                write_text(xml, "SendOn", &date_time(time));
            }
            let send_type = match options.send_type.unwrap_or(SendType::Normal) {
                SendType::Normal => "Normal",
                SendType::Flash => "Flash",
            };
            write_text(xml, "SendType", send_type);
            if rows.iter().all(|row| row.trace_id.is_some()) {
                write_with(xml, "YourMessageId", |xml| {
                    let ids = rows.iter().filter_map(|row| row.trace_id);
                    ids.for_each(|id| write_text(xml, "long", &id.to_string()));
                });
            }
            if wire_operation == "GroupSms" {
                write_text(xml, "Message", rows.first().map_or("", |row| row.text));
            } else {
                write_with(xml, "Message", |xml| {
                    for row in rows {
                        write_text(xml, "string", row.text);
                    }
                });
            }
        });
    })
}

pub(super) fn get_sms_delivery(credentials: &Credentials, ids: &[MessageId]) -> Result<Request> {
    request(credentials, "GetSmsDelivery", |xml| {
        write_with(xml, "nikIds", |xml| {
            for id in ids {
                write_text(xml, "long", &id.to_string());
            }
        });
    })
}

pub(super) fn get_sms_delivery_with_client_id(credentials: &Credentials, id: TraceId) -> Result<Request> {
    request(credentials, "GetSmsDeliveryWithClientId", |xml| write_text(xml, "yourId", &id.to_string()))
}

/// `GetReceiveSms` and `ResetReceiveSmsVisitedStatus`.
pub(super) fn range(
    credentials: &Credentials,
    wire_operation: &str,
    from: Option<TehranTime>,
    until: Option<TehranTime>,
) -> Result<Request> {
    request(credentials, wire_operation, |xml| {
        for (name, time) in [("startDate", from), ("endDate", until)] {
            match time {
                Some(time) => write_text(xml, name, &date_time(time)),
                None => write_nil(xml, name),
            }
        }
    })
}

/// An operation that takes nothing but the credentials.
pub(super) fn bare(credentials: &Credentials, wire_operation: &str) -> Result<Request> {
    request(credentials, wire_operation, |_| ())
}

fn date_time(TehranTime(time): TehranTime) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// Reads the `…Result` of an answer. `read` gets `None` where it is absent or nil, and says what is wrong with it.
fn result<T>(
    answer: &Answer<'_>,
    wire_operation: &str,
    read: impl FnOnce(Option<&Element<'_>>) -> Result<T, &'static str>,
) -> Result<T> {
    let document = std::str::from_utf8(&answer.body).map_err(|_| "it is not UTF-8");
    let root = match document.and_then(parse) {
        Ok(root) => root,
        // A broken body of a refused request is the refusal, not a decoding matter.
        Err(why) => {
            return Err(answer.require_success().err().unwrap_or_else(|| answer.unreadable(why)));
        }
    };
    let payload = match body(&root) {
        Ok(payload) => payload,
        Err(why) => {
            return Err(answer.require_success().err().unwrap_or_else(|| answer.unreadable(why)));
        }
    };
    if payload.namespace == Namespace::Envelope && payload.name == "Fault" {
        let says = payload.children.iter().find(|child| child.name == "faultstring");
        // A fault that is one of the send results by name is that refusal; of any other nobody knows what was done before.
        if let Some(refusal) = says.and_then(|says| super::refusal_of_name(says.text.trim())) {
            return Err(if answer.status == 200 { refusal } else { refusal.with_http_status(answer.status) });
        }
        let error = Error::new(ErrorKind::Unavailable, "", "the gateway answered with a SOAP fault")
            .unclear()
            .with_gateway_text(says.map(|says| answer.quote(&says.text)));
        return Err(if answer.status == 200 { error } else { error.with_http_status(answer.status) });
    }
    answer.require_success()?;
    let is_response = payload.namespace == Namespace::Service
        && payload.name.strip_suffix("Response").is_some_and(|name| name == wire_operation);
    if !is_response {
        return Err(answer.unreadable("it answers another operation"));
    }
    let result = payload.child(&format!("{wire_operation}Result")).filter(|result| !result.is_nil);
    read(result).map_err(|why| answer.unreadable(why))
}

pub(super) fn sent(answer: &Answer<'_>, wire_operation: &str) -> Result<(SendStatus, SendBatch)> {
    result(answer, wire_operation, |result| {
        let result = result.ok_or("the result is missing")?;
        let status = result.text_of("Status").ok_or("the result has no Status")?;
        let status = SendStatus::from_wire_name(status.trim());
        let text = |name| result.text_of(name).filter(|text: &&str| !text.is_empty()).map(str::to_owned);
        let message_ids = match result.child("NikIds") {
            Some(list) => list
                .children
                .iter()
                .map(integer)
                .map(|id| id.map(MessageId::new))
                .collect::<Result<_, _>>()?,
            None => Vec::new(),
        };
        let batch = SendBatch {
            status: status.clone(),
            id: text("Id"),
            warning: text("WarningMessage"),
            message_ids,
        };
        Ok((status, batch))
    })
}

pub(super) fn statuses(answer: &Answer<'_>) -> Result<Vec<SmsStatus>> {
    result(answer, "GetSmsDelivery", |result| {
        let rows = result.map(|result| result.children.as_slice()).unwrap_or_default();
        let read = |row: &Element<'_>| match row.text.trim() {
            "" => SmsStatus::Missing,
            name => SmsStatus::from_wire_name(name),
        };
        Ok(rows.iter().map(read).collect())
    })
}

pub(super) fn status_with_client_id(answer: &Answer<'_>) -> Result<(SmsStatus, Option<MessageId>)> {
    result(answer, "GetSmsDeliveryWithClientId", |result| {
        let result = result.ok_or("the result is missing")?;
        let status = result.text_of("SmsStatus").ok_or("the result has no SmsStatus")?;
        let id = result
            .child("NiksmsId")
            .filter(|id| !id.is_nil && !id.text.is_empty())
            .map(integer)
            .transpose()?;
        Ok((SmsStatus::from_wire_name(status.trim()), id.filter(|id| *id != 0).map(MessageId::new)))
    })
}

pub(super) fn number(answer: &Answer<'_>, wire_operation: &str) -> Result<f64> {
    result(answer, wire_operation, |result| {
        let text = result.ok_or("the result is missing")?.text.trim();
        text.parse().ok().filter(|number| f64::is_finite(*number)).ok_or("the result is not a number")
    })
}

pub(super) fn text(answer: &Answer<'_>, wire_operation: &str) -> Result<Option<String>> {
    result(answer, wire_operation, |result| {
        Ok(result.map(|result| result.text.trim().to_owned()).filter(|text| !text.is_empty()))
    })
}

pub(super) fn texts(answer: &Answer<'_>, wire_operation: &str) -> Result<Vec<String>> {
    result(answer, wire_operation, |result| {
        let result = result.ok_or("the result is missing")?;
        Ok(result.children.iter().map(|item| item.text.trim().to_owned()).collect())
    })
}

pub(super) fn truth(answer: &Answer<'_>, wire_operation: &str) -> Result<bool> {
    result(answer, wire_operation, |result| match result.ok_or("the result is missing")?.text.trim() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("the result is neither true nor false"),
    })
}

pub(super) fn inbox(answer: &Answer<'_>) -> Result<Vec<IncomingMessage>> {
    result(answer, "GetReceiveSms", |result| {
        let rows = result.map(|result| result.children.as_slice()).unwrap_or_default();
        if rows.len() > MOST_ROWS {
            return Err(TOO_MANY_ROWS);
        }
        let read = |row: &Element<'_>| {
            let text = |name| row.text_of(name).map(str::to_owned);
            Ok(IncomingMessage {
                message_id: row
                    .child("Id")
                    .filter(|id| !id.is_nil)
                    .map(integer)
                    .transpose()?
                    .map(MessageId::new),
                text: text("Message").unwrap_or_default(),
                from: text("SenderNumber").unwrap_or_default(),
                to: text("ReceiveNumber").unwrap_or_default(),
                time: text("ReceiveDate"),
                is_relayed: row.text_of("IsRelayed").map(|relayed| matches!(relayed.trim(), "true" | "1")),
            })
        };
        rows.iter().map(read).collect()
    })
}

fn integer(element: &Element<'_>) -> Result<i64, &'static str> {
    element.text.trim().parse().map_err(|_| "an id is not an integer of 64 bits")
}
