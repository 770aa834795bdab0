//! Payam Resan, API V3, and its own sandbox.

mod codes;
mod wire;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use hyper::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::wire::{
    Account, BulkRecipient, InboxRow, KeyOnly, MultipleRecipient, Number, SendBulk, SendMultiple,
    SendTokenMulti, SentRow, StatusById, StatusByTraceId, StatusRow, TemplateRow, TokenRecipient,
    TokenSentRow,
};
use crate::dialect::{Context, Dialect};
use crate::fault::Kind;
use crate::http::{Answer, Request};
use crate::ledger::{Asked, Entry, Question, Received, Registration, Submission};
use crate::refusals::Objection;
use crate::rows::Rows;

/// The lines of the demo account. The first is the one templates go out by.
pub(crate) const LINES: [i64; 2] = [30_004_040, 50_004_041];
const SANDBOX_LINES: [i64; 2] = [10_001_000, 20_002_000];
const SANDBOX_CREDIT: i64 = 1_234_567;
const MAX_RECIPIENTS: usize = 99;

/// Key, text and status of the account's templates.
const TEMPLATES: [(&str, &str, i32); 4] = [
    ("verify", "کد ورود شما: {1}", APPROVED),
    ("welcome", "سلام {1}، به {2} خوش آمدید", APPROVED),
    ("pending", "سفارش {1} ارسال شد", AWAITING),
    ("rejected", "برنده شدید! {1}", REJECTED),
];
const AWAITING: i32 = 1;
const APPROVED: i32 = 2;
const REJECTED: i32 = 3;

/// The number of a refusal.
type Refusal = i32;

const OPERATIONS: [(&str, Kind); 10] = [
    ("Send", Kind::Send),
    ("SendBulk", Kind::Send),
    ("SendMultiple", Kind::Send),
    ("SendTokenSingle", Kind::Send),
    ("SendTokenMulti", Kind::Send),
    ("TokenList", Kind::Other),
    ("StatusById", Kind::Lookup),
    ("StatusByUserTraceId", Kind::Lookup),
    ("AccountInfo", Kind::Other),
    ("GetInbox", Kind::Other),
];

pub(crate) fn operation(name: &str, sandbox: bool) -> Option<(&'static str, Kind)> {
    let found = OPERATIONS.into_iter().find(|(known, _)| *known == name)?;
    (!sandbox || found.0 != "TokenList").then_some(found)
}

pub(crate) fn unknown_path(request: &Request) -> Answer {
    let message = format!("No HTTP resource was found that matches the request URI '{}'.", request.path());
    message_only(StatusCode::NOT_FOUND, &message)
}

/// The answer of the framework below the gateway: without an envelope.
fn message_only(status: StatusCode, message: &str) -> Answer {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Body<'a> {
        message: &'a str,
    }
    Answer::json(status, &Body { message })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope<'a, T> {
    success: bool,
    error_code: Option<i32>,
    error: Option<&'a str>,
    result: Option<T>,
}

pub(crate) fn refuse(code: Refusal) -> Answer {
    let error = Some(codes::error_text(code));
    Answer::ok(&Envelope::<()> { success: false, error_code: Some(code), error, result: None })
}

fn success<T: Serialize>(result: T) -> Answer {
    Answer::ok(&Envelope { success: true, error_code: None, error: None, result: Some(result) })
}

pub(crate) fn answer(context: &Context<'_>, request: &Request) -> Answer {
    let by_get = request.method() == Method::GET;
    let verb_is_right = match context.operation {
        "Send" => by_get,
        "SendTokenSingle" => by_get || request.method() == Method::POST,
        _ => request.method() == Method::POST,
    };
    if !verb_is_right {
        let message = format!("The requested resource does not support http method '{}'.", request.method());
        return message_only(StatusCode::METHOD_NOT_ALLOWED, &message);
    }
    // What curl sends when no header is given: a question asked by hand is answered all the same.
    let by_hand =
        request.has_content_type("application/x-www-form-urlencoded") && request.body.starts_with(b"{");
    if !by_get && !by_hand && !request.has_content_type("application/json") {
        let message = "The request entity's media type is not supported for this resource.";
        return message_only(StatusCode::UNSUPPORTED_MEDIA_TYPE, message);
    }
    let caller = Caller { context, sandbox: context.dialect == Dialect::Sandbox };
    let answer = match context.operation {
        "Send" => caller.send(&fields_of_query(request)),
        "SendTokenSingle" if by_get => caller.send_token_single(&fields_of_query(request)),
        "SendTokenSingle" => {
            fields_of_json(&request.body).and_then(|fields| caller.send_token_single(&fields))
        }
        "SendBulk" => parse(&request.body).and_then(|body| caller.send_bulk(body)),
        "SendMultiple" => parse(&request.body).and_then(|body| caller.send_multiple(body)),
        "SendTokenMulti" => parse(&request.body).and_then(|body| caller.send_token_multi(body)),
        "TokenList" => parse(&request.body).and_then(|body| caller.token_list(&body)),
        "StatusById" => parse(&request.body).and_then(|body| caller.status_by_id(&body)),
        "StatusByUserTraceId" => parse(&request.body).and_then(|body| caller.status_by_trace_id(&body)),
        "AccountInfo" => parse(&request.body).and_then(|body| caller.account_info(&body)),
        "GetInbox" => parse(&request.body).and_then(|body| caller.get_inbox(&body)),
        _ => return unknown_path(request),
    };
    answer.unwrap_or_else(refuse)
}

fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|_| codes::INVALID_PARAMETERS)
}

/// Named values, from a query or from a flat JSON object: the two forms of the same request.
type Fields = HashMap<String, String>;

fn fields_of_query(request: &Request) -> Fields {
    request.query().into_iter().collect()
}

fn fields_of_json(body: &Bytes) -> Result<Fields, Refusal> {
    let object: serde_json::Map<String, serde_json::Value> = parse(body)?;
    let fields = object.into_iter().filter_map(|(name, value)| match value {
        serde_json::Value::String(text) => Some((name, text)),
        serde_json::Value::Number(number) => Some((name, number.to_string())),
        _ => None,
    });
    Ok(fields.collect())
}

/// A trace id that is there has to be a number.
fn trace_id(given: Option<Number>) -> Result<Option<i64>, Refusal> {
    given.map(|number| number.0.ok_or(codes::INVALID_PARAMETERS)).transpose()
}

fn required<T>(given: Option<T>) -> Result<T, Refusal> {
    given.ok_or(codes::INVALID_PARAMETERS)
}

fn text(given: Option<String>) -> Result<Arc<str>, Refusal> {
    given.filter(|text| !text.is_empty()).map(Into::into).ok_or(codes::INVALID_PARAMETERS)
}

fn check_count<T>(recipients: &[T]) -> Result<(), Refusal> {
    match recipients.len() {
        0 => Err(codes::INVALID_PARAMETERS),
        1..=MAX_RECIPIENTS => Ok(()),
        _ => Err(codes::INVALID_DESTINATION),
    }
}

/// One request's view of the gateway.
#[derive(Clone, Copy)]
struct Caller<'a> {
    context: &'a Context<'a>,
    sandbox: bool,
}

impl Caller<'_> {
    fn authenticate(self, key: Option<&str>) -> Result<(), Refusal> {
        let accepted = match key {
            Some(key) => self.sandbox || key == self.context.world.settings.payam_resan_key,
            None => false,
        };
        if accepted { Ok(()) } else { Err(codes::INVALID_API_KEY) }
    }

    fn sender(self, given: Option<Number>) -> Result<Arc<str>, Refusal> {
        let line = required(given)?.0.ok_or(codes::INVALID_SENDER)?;
        if self.sandbox || LINES.contains(&line) {
            Ok(line.to_string().into())
        } else {
            Err(codes::INVALID_SENDER)
        }
    }

    fn submit(self, template: Option<&str>, entries: Vec<Entry>) -> Result<Vec<i64>, Refusal> {
        let Context { operation, registration, .. } = *self.context;
        let submission =
            Submission { dialect: "v3", operation, template: template.map(Into::into), due: None, entries };
        let registration = if self.sandbox { Registration::Pretend } else { registration };
        let mut state = self.context.state();
        let messages = submission.entries.iter().map(|entry| (entry.to, &*entry.text));
        match state.refusals.objection(messages) {
            Some(Objection::Number) => return Err(codes::INVALID_DESTINATION),
            Some(Objection::Text) => return Err(codes::INVALID_PARAMETERS),
            None => {}
        }
        let submitted = state.payam_resan.submit(self.context.now(), submission, registration);
        submitted.map_err(|_| codes::CREDIT_IS_LOW)
    }

    fn send_plain(self, entries: Vec<Entry>) -> Result<Answer, Refusal> {
        let trace_ids: Vec<_> = entries.iter().map(|entry| entry.trace_id).collect();
        let ids = self.submit(None, entries)?;
        let rows = ids.into_iter().zip(trace_ids).map(|(id, user_trace_id)| SentRow { id, user_trace_id });
        Ok(success(self.context.arrange(rows.collect())))
    }

    fn send(self, fields: &Fields) -> Result<Answer, Refusal> {
        self.authenticate(fields.get("ApiKey").map(String::as_str))?;
        let text = text(fields.get("Text").cloned())?;
        let recipients: Vec<_> = required(fields.get("Recipients"))?.split(',').collect();
        let sender = self.sender(fields.get("Sender").map(|sender| Number::read(sender)))?;
        check_count(&recipients)?;
        let entry = |recipient: &str| {
            let (sender, text) = (Arc::clone(&sender), Arc::clone(&text));
            Ok(Entry { to: Number::read(recipient).mobile()?, sender, text, trace_id: None })
        };
        self.send_plain(recipients.into_iter().map(entry).collect::<Result<_, Refusal>>()?)
    }

    fn send_bulk(self, body: SendBulk) -> Result<Answer, Refusal> {
        self.authenticate(body.api_key.as_deref())?;
        let text = text(body.text)?;
        let recipients = required(body.recipients)?;
        let sender = self.sender(body.sender)?;
        check_count(&recipients)?;
        let entry = |recipient: BulkRecipient| {
            let (sender, text) = (Arc::clone(&sender), Arc::clone(&text));
            let to = required(recipient.destination)?.mobile()?;
            Ok(Entry { to, sender, text, trace_id: trace_id(recipient.user_trace_id)? })
        };
        self.send_plain(recipients.into_iter().map(entry).collect::<Result<_, Refusal>>()?)
    }

    fn send_multiple(self, body: SendMultiple) -> Result<Answer, Refusal> {
        self.authenticate(body.api_key.as_deref())?;
        let recipients = required(body.recipients)?;
        check_count(&recipients)?;
        let entry = |recipient: MultipleRecipient| {
            let (text, sender) = (text(recipient.text)?, self.sender(recipient.sender)?);
            let to = required(recipient.destination)?.mobile()?;
            Ok(Entry { to, sender, text, trace_id: trace_id(recipient.user_trace_id)? })
        };
        self.send_plain(recipients.into_iter().map(entry).collect::<Result<_, Refusal>>()?)
    }

    fn send_template(self, template: &str, entries: Vec<Entry>) -> Result<Answer, Refusal> {
        let kept: Vec<_> = entries.iter().map(|entry| (entry.trace_id, Arc::clone(&entry.text))).collect();
        let ids = self.submit(Some(template), entries)?;
        let [sender, _] = LINES;
        let row = |(id, (user_trace_id, final_text))| TokenSentRow { id, user_trace_id, sender, final_text };
        Ok(success(self.context.arrange(ids.into_iter().zip(kept).map(row).collect())))
    }

    fn send_token_single(self, fields: &Fields) -> Result<Answer, Refusal> {
        self.authenticate(fields.get("ApiKey").map(String::as_str))?;
        let template = required(fields.get("TemplateKey"))?;
        let to = Number::read(required(fields.get("Destination"))?).mobile()?;
        let text = fill(approved(template)?, |number| fields.get(&format!("p{number}")).map(String::as_str));
        let entry = Entry { to, sender: template_line(), text: text.into(), trace_id: None };
        self.send_template(template, vec![entry])
    }

    fn send_token_multi(self, body: SendTokenMulti) -> Result<Answer, Refusal> {
        self.authenticate(body.api_key.as_deref())?;
        let template = required(body.template_key)?;
        let recipients = required(body.recipients)?;
        check_count(&recipients)?;
        let sender = template_line();
        let entry = |recipient: TokenRecipient| {
            let to = required(recipient.destination)?.mobile()?;
            let parameters = recipient.parameters.unwrap_or_default();
            let text = fill(approved(&template)?, |number| parameters.get(number - 1).map(String::as_str));
            let trace_id = trace_id(recipient.user_trace_id)?;
            Ok(Entry { to, sender: Arc::clone(&sender), text: text.into(), trace_id })
        };
        self.send_template(&template, recipients.into_iter().map(entry).collect::<Result<_, Refusal>>()?)
    }

    fn token_list(self, body: &KeyOnly) -> Result<Answer, Refusal> {
        self.authenticate(body.api_key.as_deref())?;
        let row =
            |(key, text_template, status)| TemplateRow { key, text_template, voice_template: None, status };
        Ok(success(self.context.arrange(TEMPLATES.into_iter().map(row).collect())))
    }

    fn status_by_id(self, body: &StatusById) -> Result<Answer, Refusal> {
        self.authenticate(body.api_key.as_deref())?;
        self.look_up(numbers(body.ids.as_deref())?.into_iter().map(Asked::Id))
    }

    fn status_by_trace_id(self, body: &StatusByTraceId) -> Result<Answer, Refusal> {
        self.authenticate(body.api_key.as_deref())?;
        self.look_up(numbers(body.user_trace_ids.as_deref())?.into_iter().map(Asked::TraceId))
    }

    fn look_up(self, asked: impl Iterator<Item = Asked>) -> Result<Answer, Refusal> {
        let rows = self.status_rows(asked)?;
        Ok(success(self.context.arrange(rows)))
    }

    fn status_rows(self, asked: impl Iterator<Item = Asked>) -> Result<Vec<StatusRow>, Refusal> {
        let Context { registration, rows, .. } = *self.context;
        let mut state = self.context.state();
        let now = self.context.now();
        let ledger = &mut state.payam_resan;
        let question = |asked| (asked, if self.sandbox { None } else { ledger.find(asked, now) });
        let questions: Vec<Question> = asked.map(question).collect();
        if !self.sandbox {
            ledger.ask(now, &questions, registration).map_err(|_| codes::TOO_MANY_REQUESTS)?;
        }
        let row = |question: &Question| {
            let row = StatusRow::of(ledger, *question, now);
            if rows == Rows::Contradicted { row.contradicted(ledger) } else { row }
        };
        let rows = questions.iter().map(row).collect();
        if registration == Registration::Store {
            ledger.land(now, &questions);
        }
        Ok(rows)
    }

    fn account_info(self, body: &KeyOnly) -> Result<Answer, Refusal> {
        self.authenticate(body.api_key.as_deref())?;
        let account = if self.sandbox {
            Account { credit: SANDBOX_CREDIT, available_senders: SANDBOX_LINES }
        } else {
            Account { credit: self.context.state().payam_resan.credit, available_senders: LINES }
        };
        Ok(success(account))
    }

    fn get_inbox(self, body: &KeyOnly) -> Result<Answer, Refusal> {
        self.authenticate(body.api_key.as_deref())?;
        let Context { world, registration, .. } = *self.context;
        let unread = if self.sandbox {
            Vec::new()
        } else {
            self.context.state().payam_resan.take_unread(|_| true, registration)
        };
        let row = |received: Received| InboxRow {
            id: received.id,
            text: received.text,
            form: received.from,
            to: received.to,
            time: world.clock.wall_time(received.at),
        };
        Ok(success(self.context.arrange(unread.into_iter().map(row).collect())))
    }
}

fn numbers(given: Option<&[Number]>) -> Result<Vec<i64>, Refusal> {
    let numbers = required(given)?;
    numbers.iter().map(|number| number.0.ok_or(codes::INVALID_PARAMETERS)).collect()
}

fn template_line() -> Arc<str> {
    let [line, _] = LINES;
    line.to_string().into()
}

fn approved(key: &str) -> Result<&'static str, Refusal> {
    let template = TEMPLATES.iter().find(|(known, _, status)| *known == key && *status == APPROVED);
    template.map(|(_, text, _)| *text).ok_or(codes::INVALID_PARAMETERS)
}

/// The template with `{1}` to `{10}` filled in, once: a parameter that looks like a placeholder stays as it is. A
/// parameter that is not given is empty.
fn fill<'a>(template: &str, parameter: impl Fn(usize) -> Option<&'a str>) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let placeholder = after.split_once('}').and_then(|(digits, tail)| {
            let number = digits.parse().ok().filter(|number| (1..=10).contains(number))?;
            Some((number, tail))
        });
        if let Some((number, tail)) = placeholder {
            filled.push_str(parameter(number).unwrap_or_default());
            rest = tail;
        } else {
            filled.push('{');
            rest = after;
        }
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_filled_once() {
        let parameters = ["{2}", "b", "c", "d", "e", "f", "g", "h", "i", "ten"];
        let filled = fill("{1} {2} {10} {11} {x} {", |number| parameters.get(number - 1).copied());
        assert_eq!(filled, "{2} b ten {11} {x} {");
        assert_eq!(fill("a{3}b", |_| None), "ab");
    }
}
