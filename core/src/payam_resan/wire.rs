//! Payam Resan's V3 on the wire: requests are built and answers read here, and nothing is sent.

use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize, de::DeserializeOwned, de::IgnoredAny};
use url::Url;

use super::codes::{ErrorCode, MessageStatus, TemplateStatus};
use super::{
    AccountInfo, MAX_PARAMETERS, MAX_RECIPIENTS, Sent, Status, Template, TemplateMessage, TemplateSent,
};
use crate::decode::{Amount, Int, Object, Rows, Text, Truth, why};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::{MessageKind, Outgoing};
use crate::message::{Destination, IncomingMessage, MessageId, PersonalMessage, SenderLine, TraceId};
use crate::phone::{Msisdn, Recipient};
use crate::request::{Request, below, require_path, require_unset};
use crate::transport::{Answer, WRONG_PATH};

/// Where the gateway is and who asks.
pub(super) struct Account<'a> {
    pub(super) base: &'a Url,
    pub(super) key: &'a SecretString,
}

impl Account<'_> {
    fn post(&self, path: &str, body: &impl Serialize) -> Result<Request> {
        Request::post_json(below(self.base, path), self.key, body)
    }

    /// The key and all values go into the query, each encoded once.
    fn get(&self, path: &str, values: &[(&str, &str)]) -> Request {
        let mut url = below(self.base, path);
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("ApiKey", self.key.expose_secret());
        for (name, value) in values {
            query.append_pair(name, value);
        }
        // A plus is a space in forms alone; %20 is one everywhere.
        url.set_query(Some(&query.finish().replace('+', "%20")));
        Request::get(url)
    }

    pub(super) fn send(&self, text: &str, recipients: &[Recipient], sender: &SenderLine) -> Result<Request> {
        const OPERATION: &str = "send";
        require_text(OPERATION, "text", text)?;
        require_count(OPERATION, "recipients", recipients.len())?;
        let sender = sender_number(OPERATION, "sender", sender)?.to_string();
        let numbers: Vec<_> = recipients
            .iter()
            .enumerate()
            .map(|(index, to)| {
                to.require(OPERATION, || format!("recipients[{index}]")).map(Msisdn::international)
            })
            .collect::<Result<_>>()?;
        Ok(self.get("Send", &[("Text", text), ("Sender", &sender), ("Recipients", &numbers.join(","))]))
    }

    pub(super) fn send_bulk(
        &self,
        text: &str,
        recipients: &[Destination],
        sender: &SenderLine,
    ) -> Result<Request> {
        const OPERATION: &str = "send_bulk";
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Body<'a> {
            text: &'a str,
            sender: i64,
            recipients: Vec<WireDestination>,
        }
        require_text(OPERATION, "text", text)?;
        require_count(OPERATION, "recipients", recipients.len())?;
        let sender = sender_number(OPERATION, "sender", sender)?;
        let recipients = recipients
            .iter()
            .enumerate()
            .map(|(index, destination)| {
                destination_of(
                    OPERATION,
                    &format!("recipients[{index}]"),
                    &destination.to,
                    destination.trace_id,
                )
            })
            .collect::<Result<_>>()?;
        self.post("SendBulk", &Body { text, sender, recipients })
    }

    pub(super) fn send_multiple(
        &self,
        messages: &[PersonalMessage],
        default_sender: Option<&SenderLine>,
    ) -> Result<Request> {
        const OPERATION: &str = "send_multiple";
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Row<'a> {
            sender: i64,
            text: &'a str,
            #[serde(flatten)]
            to: WireDestination,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Body<'a> {
            recipients: Vec<Row<'a>>,
        }
        require_count(OPERATION, "messages", messages.len())?;
        let recipients = messages
            .iter()
            .enumerate()
            .map(|(index, message)| {
                let field = |name: &str| format!("messages[{index}].{name}");
                require_text(OPERATION, &field("text"), &message.text)?;
                let sender = crate::settings::require(message.sender.as_ref().or(default_sender), "sender")?;
                Ok(Row {
                    sender: sender_number(OPERATION, &field("sender"), sender)?,
                    text: &message.text,
                    to: destination_of(
                        OPERATION,
                        &format!("messages[{index}]"),
                        &message.to,
                        message.trace_id,
                    )?,
                })
            })
            .collect::<Result<_>>()?;
        self.post("SendMultiple", &Body { recipients })
    }

    pub(super) fn send_token_single(
        &self,
        verb: &Method,
        template: &str,
        to: &Recipient,
        parameters: &[String],
    ) -> Result<Request> {
        const OPERATION: &str = "send_token_single";
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Body<'a> {
            template_key: &'a str,
            destination: i64,
            #[serde(flatten)]
            parameters: std::collections::BTreeMap<&'a str, &'a str>,
        }
        require_text(OPERATION, "template", template)?;
        require_parameters(OPERATION, "parameters", parameters)?;
        let to = to.require(OPERATION, || "to".into())?;
        let names = ["p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10"];
        let parameters = names.into_iter().zip(parameters.iter().map(String::as_str));
        if verb == Method::GET {
            let destination = to.international();
            let mut values = vec![("TemplateKey", template), ("Destination", &destination)];
            values.extend(parameters);
            return Ok(self.get("SendTokenSingle", &values));
        }
        self.post(
            "SendTokenSingle",
            &Body { template_key: template, destination: to.to_i64(), parameters: parameters.collect() },
        )
    }

    pub(super) fn send_token_multi(&self, template: &str, recipients: &[TemplateMessage]) -> Result<Request> {
        const OPERATION: &str = "send_token_multi";
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Row<'a> {
            #[serde(flatten)]
            to: WireDestination,
            parameters: &'a [String],
        }
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Body<'a> {
            template_key: &'a str,
            recipients: Vec<Row<'a>>,
        }
        require_text(OPERATION, "template", template)?;
        require_count(OPERATION, "recipients", recipients.len())?;
        let recipients = recipients
            .iter()
            .enumerate()
            .map(|(index, message)| {
                let field = format!("recipients[{index}]");
                require_parameters(OPERATION, &format!("{field}.parameters"), &message.parameters)?;
                let to = destination_of(OPERATION, &field, &message.to, message.trace_id)?;
                Ok(Row { to, parameters: &message.parameters })
            })
            .collect::<Result<_>>()?;
        self.post("SendTokenMulti", &Body { template_key: template, recipients })
    }

    pub(super) fn status_by_id(&self, ids: &[MessageId]) -> Result<Request> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Body {
            ids: Vec<i64>,
        }
        require_count("status_by_id", "ids", ids.len())?;
        self.post("StatusById", &Body { ids: ids.iter().map(|id| id.get()).collect() })
    }

    pub(super) fn status_by_trace_id(&self, ids: &[TraceId]) -> Result<Request> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Body {
            user_trace_ids: Vec<i64>,
        }
        const OPERATION: &str = "status_by_trace_id";
        require_count(OPERATION, "trace_ids", ids.len())?;
        let ids =
            ids.iter().enumerate().map(|(index, id)| id.require(OPERATION, || format!("trace_ids[{index}]")));
        self.post("StatusByUserTraceId", &Body { user_trace_ids: ids.collect::<Result<_>>()? })
    }

    /// An operation that takes nothing but the key.
    pub(super) fn bare(&self, path: &str) -> Result<Request> {
        #[derive(Serialize)]
        struct Nothing {}
        self.post(path, &Nothing {})
    }

    /// An operation that this library does not know: the fields go out as they are, the key beside them.
    pub(super) fn raw(
        &self,
        path: &str,
        fields: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<Request> {
        require_path("raw", path)?;
        require_unset("raw", fields.keys().map(String::as_str), &["ApiKey"])?;
        self.post(path, fields)
    }
}

/// Whether some request could carry this message.
pub(super) fn check(message: &Outgoing<'_>, default_sender: Option<&SenderLine>) -> Result<()> {
    const OPERATION: &str = "send";
    match message.kind {
        MessageKind::Template => require_parameters(OPERATION, "parameters", message.parameters),
        MessageKind::Text => {
            let sender = crate::settings::require(message.sender.or(default_sender), "sender")?;
            sender_number(OPERATION, "sender", sender).map(drop)
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct WireDestination {
    destination: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_trace_id: Option<i64>,
}

fn destination_of(
    operation: &'static str,
    field: &str,
    to: &Recipient,
    trace_id: Option<TraceId>,
) -> Result<WireDestination> {
    let to = to.require(operation, || format!("{field}.to"))?;
    let user_trace_id =
        trace_id.map(|id| id.require(operation, || format!("{field}.trace_id"))).transpose()?;
    Ok(WireDestination { destination: to.to_i64(), user_trace_id })
}

fn require_text(operation: &'static str, field: &str, text: &str) -> Result<()> {
    if text.is_empty() { Err(Error::invalid_input(operation, field, "empty")) } else { Ok(()) }
}

fn require_count(operation: &'static str, field: &str, count: usize) -> Result<()> {
    match count {
        0 => Err(Error::invalid_input(operation, field, "empty")),
        1..=MAX_RECIPIENTS => Ok(()),
        _ => Err(Error::invalid_input(
            operation,
            field,
            format!(
                "a list of {count}; one request carries {MAX_RECIPIENTS} (a Messenger splits lists of any length)"
            ),
        )),
    }
}

fn require_parameters(operation: &'static str, field: &str, parameters: &[String]) -> Result<()> {
    if parameters.len() <= MAX_PARAMETERS {
        return Ok(());
    }
    let detail = format!("a list of {}; a template takes {MAX_PARAMETERS}", parameters.len());
    Err(Error::invalid_input(operation, field, detail))
}

fn sender_number(operation: &'static str, field: &str, sender: &SenderLine) -> Result<i64> {
    sender.as_str().parse().map_err(|_| {
        Error::invalid_input(operation, field, "not a number, as this gateway's lines are")
            .with_value(sender.as_str())
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
#[serde(bound = "T: Deserialize<'de>")]
struct Envelope<T> {
    #[serde(default)]
    success: Option<Truth>,
    #[serde(default)]
    error_code: Option<Int>,
    #[serde(default)]
    error: Option<Text>,
    #[serde(default)]
    result: Option<T>,
    #[serde(default)]
    message: Option<IgnoredAny>,
}

/// Decides on `Success` alone, as the protocol page says under "Endpoints". Behind an HTTP status that is no success only a
/// refusal with a code, or the answer of an unknown path, is the gateway's own word.
fn result<T: DeserializeOwned>(answer: &Answer<'_>) -> Result<T> {
    if let Some(refusal) = answer.own_refusal(envelope::<IgnoredAny>) {
        return Err(refusal);
    }
    let is_unknown_path = || {
        let body = serde_json::from_slice::<Object<Envelope<IgnoredAny>>>(&answer.body);
        matches!(body, Ok(Object(Envelope { success: None, message: Some(_), .. })))
    };
    if answer.status == 404 && is_unknown_path() {
        return Err(unknown_path().with_http_status(404));
    }
    answer.require_success()?;
    envelope(answer)
}

fn unknown_path() -> Error {
    Error::configuration("", "the gateway does not know this path").with_hint(WRONG_PATH)
}

fn envelope<T: DeserializeOwned>(answer: &Answer<'_>) -> Result<T> {
    let envelope = match serde_json::from_slice::<Object<Envelope<T>>>(&answer.body) {
        Ok(Object(envelope)) => envelope,
        // A refusal may carry a result of any shape: it is a refusal all the same.
        Err(error) => match serde_json::from_slice::<Object<Envelope<IgnoredAny>>>(&answer.body) {
            Ok(Object(Envelope { success: Some(Truth(false)), error_code, error, message, .. })) => {
                Envelope { success: Some(Truth(false)), error_code, error, message, result: None }
            }
            _ => return Err(answer.unreadable(&why(&error))),
        },
    };
    match envelope {
        Envelope { success: Some(Truth(true)), result: Some(result), .. } => Ok(result),
        Envelope { success: Some(Truth(true)), result: None, .. } => {
            Err(answer.unreadable("Result is missing"))
        }
        Envelope { success: Some(Truth(false)), error_code: Some(Int(code)), error, .. } => {
            let code = ErrorCode::from_code(code);
            let says = error.as_ref().map(|Text(text)| text.as_str());
            Err(answer.refusal(code.to_code(), code.meaning(), says))
        }
        Envelope { success: Some(Truth(false)), error_code: None, error, .. } => {
            let text = error.map(|Text(text)| answer.quote(&text));
            Err(Error::new(ErrorKind::Unavailable, "", "the gateway refused without a code")
                .unclear()
                .with_gateway_text(text))
        }
        Envelope { success: None, message: Some(_), .. } => Err(unknown_path()),
        Envelope { success: None, message: None, .. } => Err(answer.unreadable("Success is missing")),
    }
}

pub(super) fn sent(answer: &Answer<'_>, asked: usize) -> Result<Vec<Sent>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    #[derive(Default)]
    struct Row {
        id: Option<Int>,
        user_trace_id: Option<Int>,
    }
    let Rows(rows) = result::<Rows<Object<Row>>>(answer)?;
    answer.require_rows(rows.len(), asked)?;
    Ok(rows
        .into_iter()
        .map(|Object(row)| Sent { message_id: message_id(row.id), trace_id: trace_id(row.user_trace_id) })
        .collect())
}

pub(super) fn template_sent(answer: &Answer<'_>, asked: usize) -> Result<Vec<TemplateSent>> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    struct Row {
        id: Option<Int>,
        user_trace_id: Option<Int>,
        sender: Option<Text>,
        final_text: Option<Text>,
    }
    let Rows(rows) = result::<Rows<Object<Row>>>(answer)?;
    answer.require_rows(rows.len(), asked)?;
    let read = |Object(row): Object<Row>| TemplateSent {
        message_id: message_id(row.id),
        trace_id: trace_id(row.user_trace_id),
        sender: row.sender.map(|Text(sender)| sender),
        text: row.final_text.map(|Text(text)| text),
    };
    Ok(rows.into_iter().map(read).collect())
}

pub(super) fn templates(answer: &Answer<'_>) -> Result<Vec<Template>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Row {
        key: Text,
        #[serde(default)]
        text_template: Option<Text>,
        #[serde(default)]
        voice_template: Option<Text>,
        #[serde(default)]
        status: Option<Int>,
    }
    let Rows(rows) = result::<Rows<Object<Row>>>(answer)?;
    let read = |Object(row): Object<Row>| Template {
        key: row.key.0,
        text: row.text_template.map(|Text(text)| text),
        voice: row.voice_template.map(|Text(text)| text),
        status: row.status.map_or(TemplateStatus::Missing, |Int(code)| TemplateStatus::from_code(code)),
    };
    Ok(rows.into_iter().map(read).collect())
}

pub(super) fn statuses(answer: &Answer<'_>, asked: usize) -> Result<Vec<Status>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Row {
        #[serde(default)]
        id: Option<Int>,
        #[serde(default)]
        user_trace_id: Option<Int>,
        #[serde(default)]
        status_code: Option<Int>,
    }
    let Rows(rows) = result::<Rows<Object<Row>>>(answer)?;
    answer.require_rows(rows.len(), asked)?;
    let read = |Object(row): Object<Row>| Status {
        message_id: message_id(row.id),
        trace_id: trace_id(row.user_trace_id),
        status: row.status_code.map_or(MessageStatus::Missing, |Int(code)| MessageStatus::from_code(code)),
    };
    Ok(rows.into_iter().map(read).collect())
}

pub(super) fn account_info(answer: &Answer<'_>) -> Result<AccountInfo> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Info {
        credit: Amount,
        #[serde(default)]
        available_senders: Rows<Text>,
    }
    let Object(info): Object<Info> = result(answer)?;
    let sender_lines = info.available_senders.0.into_iter().map(|Text(line)| line).collect();
    Ok(AccountInfo { credit: info.credit.0, sender_lines })
}

pub(super) fn inbox(answer: &Answer<'_>) -> Result<Vec<IncomingMessage>> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    struct Row {
        id: Option<Int>,
        text: Option<Text>,
        /// The sender's field, spelled so by the gateway.
        form: Option<Text>,
        to: Option<Text>,
        time: Option<Text>,
    }
    let text = |field: Option<Text>| field.map(|Text(text)| text).unwrap_or_default();
    let Rows(rows) = result::<Rows<Object<Row>>>(answer)?;
    let read = |Object(row): Object<Row>| IncomingMessage {
        message_id: message_id(row.id),
        text: text(row.text),
        from: text(row.form),
        to: text(row.to),
        time: row.time.map(|Text(time)| time),
        is_relayed: None,
    };
    Ok(rows.into_iter().map(read).collect())
}

pub(super) fn raw(answer: &Answer<'_>) -> Result<serde_json::Value> {
    result(answer)
}

fn message_id(id: Option<Int>) -> Option<MessageId> {
    id.map(|Int(id)| MessageId::new(id))
}

fn trace_id(id: Option<Int>) -> Option<TraceId> {
    id.filter(|Int(id)| *id > 0).map(|Int(id)| TraceId::new(id))
}
