//! `NikSMS`: what its four dialects have in common. Each of them reads its wire form, asks here, and writes the answer.

mod codes;
pub(crate) mod public_api;
pub(crate) mod soap;
pub(crate) mod v2;
pub(crate) mod web_service;

use std::sync::Arc;

use crate::clock::Moment;
use crate::dialect::{Context, Dialect};
use crate::state::{Entry, Received, Submission};

/// The sender lines of the demo account; `blacklist` is a line that has no number.
pub(crate) const LINES: [&str; 2] = [NUMBERED_LINE, "blacklist"];
const NUMBERED_LINE: &str = "50001234";

/// Emulated seconds until the account expires: a year.
const PANEL_EXPIRES: Moment = 365 * 24 * 60 * 60 * 1000;

/// The number of a refusal: a send result that is not successful.
type Refusal = i32;

/// What a send asks for, before anything of it has been checked.
#[derive(Debug, Default)]
struct Order {
    sender: String,
    messages: Vec<Outgoing>,
    /// As written. Empty is now.
    send_on: String,
    kind: SendType,
}

#[derive(Debug)]
struct Outgoing {
    to: String,
    text: Arc<str>,
    client_id: Option<i64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum SendType {
    #[default]
    Text,
    Unknown,
}

impl SendType {
    /// By number or by name. An audio message has no text, so no dialect here can send one.
    fn read(written: &str) -> Self {
        match written {
            "" | "1" | "2" | "Normal" | "Flash" => Self::Text,
            _ => Self::Unknown,
        }
    }
}

/// A send that went through.
#[derive(Debug)]
struct Sent {
    id: i64,
    nik_ids: Vec<i64>,
}

/// One text to many, with a client id for each or for none.
fn group(text: &str, numbers: Vec<String>, client_ids: &[i64]) -> Result<Vec<Outgoing>, Refusal> {
    let text: Arc<str> = text.into();
    let texts = vec![text; numbers.len()];
    pairs(texts, numbers, client_ids)
}

/// A text for each number.
fn pairs(texts: Vec<Arc<str>>, numbers: Vec<String>, client_ids: &[i64]) -> Result<Vec<Outgoing>, Refusal> {
    let ids_fit = client_ids.is_empty() || client_ids.len() == numbers.len();
    if numbers.is_empty() || texts.len() != numbers.len() || !ids_fit {
        return Err(codes::ARGUMENT_IS_NULL_OR_INCORRECT);
    }
    let client_ids = client_ids.iter().copied().map(Some).chain(std::iter::repeat(None));
    let messages = texts.into_iter().zip(numbers).zip(client_ids);
    Ok(messages.map(|((text, to), client_id)| Outgoing { to, text, client_id }).collect())
}

/// Where a number leads.
enum Recipient {
    Mobile(u64),
    /// Written with 98: the gateway says "Successful", charges nothing and sends nothing.
    Nowhere,
}

fn recipient(number: &str) -> Result<Recipient, Refusal> {
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    match (digits, number.len()) {
        (true, 11) if number.starts_with("09") => number.parse().map(Recipient::Mobile).ok(),
        (true, 12) if number.starts_with("989") => Some(Recipient::Nowhere),
        _ => None,
    }
    .ok_or(codes::RECEPTION_NUMBER_IS_INCORRECT)
}

/// Checks an order and carries it out.
fn send(context: &Context<'_>, order: Order) -> Result<Sent, Refusal> {
    let Order { sender, messages, send_on, kind } = order;
    if messages.is_empty() {
        return Err(codes::ARGUMENT_IS_NULL_OR_INCORRECT);
    }
    if messages.iter().any(|message| message.text.is_empty()) {
        return Err(codes::MESSAGE_BODY_IS_NULL_OR_EMPTY);
    }
    if !LINES.contains(&sender.as_str()) {
        return Err(codes::PRIVATE_NUMBER_IS_INCORRECT);
    }
    if kind == SendType::Unknown {
        return Err(codes::SENT_TYPE_IS_INCORRECT);
    }
    let world = context.world;
    let due = match send_on.as_str() {
        "" => None,
        written => Some(world.clock.moment(written).ok_or(codes::ARGUMENT_IS_NULL_OR_INCORRECT)?),
    };
    let sender: Arc<str> = sender.into();
    let mut entries = Vec::with_capacity(messages.len());
    let mut is_registered = Vec::with_capacity(messages.len());
    for Outgoing { to, text, client_id } in messages {
        let recipient = recipient(&to)?;
        is_registered.push(matches!(recipient, Recipient::Mobile(_)));
        if let Recipient::Mobile(to) = recipient {
            entries.push(Entry { to, sender: Arc::clone(&sender), text, trace_id: client_id });
        }
    }
    let submission = Submission {
        dialect: name(context.dialect),
        operation: context.operation,
        template: None,
        due,
        entries,
    };
    let ledger = &mut world.state().niksms;
    let registered = ledger.submit(world.clock.now(), submission, context.registration);
    let mut registered = registered.map_err(|_| codes::INSUFFICIENT_CREDIT)?.into_iter();
    let mut next_id = |is_registered| {
        if is_registered { registered.next() } else { Some(ledger.phantom_id()) }
    };
    let nik_ids = is_registered.into_iter().filter_map(&mut next_id).collect();
    Ok(Sent { id: ledger.phantom_id(), nik_ids: context.rows.arrange(nik_ids) })
}

fn name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Soap => "soap",
        Dialect::PublicApi => "public-api",
        Dialect::V2 => "v2",
        Dialect::WebService => "web-service",
        Dialect::PayamResan | Dialect::Sandbox => "v3",
    }
}

/// The status of each id, in order; of what is no id at all too.
fn delivery(context: &Context<'_>, ids: &[Option<i64>]) -> Vec<i32> {
    let now = context.world.clock.now();
    let state = context.world.state();
    let status = |id: Option<i64>| Some(state.niksms.status(state.niksms.place(id?)?, now)?.2);
    let statuses = ids.iter().map(|id| status(*id).unwrap_or(codes::NOT_FOUND));
    context.rows.arrange(statuses.collect())
}

/// The status and the gateway's id of the message with this client id, 0 if there is none.
fn delivery_by_client_id(context: &Context<'_>, client_id: i64) -> (i32, i64) {
    let now = context.world.clock.now();
    let mut state = context.world.state();
    let ledger = &mut state.niksms;
    let found = ledger.place_by_trace(client_id).and_then(|place| ledger.status(place, now));
    if let Some((id, _, status)) = found {
        return (status, id);
    }
    ledger.land(now, &[client_id]);
    (codes::NOT_FOUND, 0)
}

fn credit(context: &Context<'_>) -> i64 {
    context.world.state().niksms.credit
}

fn panel_expire_date(context: &Context<'_>) -> String {
    context.world.clock.wall_time(PANEL_EXPIRES)
}

fn server_time(context: &Context<'_>) -> String {
    let clock = &context.world.clock;
    clock.wall_time(clock.now())
}

fn sender_numbers() -> Vec<String> {
    vec![format!("98{NUMBERED_LINE}")]
}

/// The dates a call about incoming messages is limited to. None is open.
#[derive(Debug, Clone, Copy, Default)]
struct Period {
    start: Option<Moment>,
    end: Option<Moment>,
}

impl Period {
    fn read(context: &Context<'_>, start: Option<&str>, end: Option<&str>) -> Result<Self, Refusal> {
        let read = |written: Option<&str>| match written {
            None | Some("") => Ok(None),
            Some(written) => {
                context.world.clock.moment(written).map(Some).ok_or(codes::ARGUMENT_IS_NULL_OR_INCORRECT)
            }
        };
        Ok(Self { start: read(start)?, end: read(end)? })
    }

    fn contains(self, moment: Moment) -> bool {
        self.start.is_none_or(|start| start <= moment) && self.end.is_none_or(|end| moment <= end)
    }
}

fn take_unread(context: &Context<'_>, period: Period) -> Vec<Received> {
    let within = |moment| period.contains(moment);
    let unread = context.world.state().niksms.take_unread(within, context.registration);
    context.rows.arrange(unread)
}

fn mark_unread(context: &Context<'_>, period: Period) {
    context.world.state().niksms.mark_unread(|moment| period.contains(moment));
}

fn knows_password(context: &Context<'_>, username: &str, password: &str) -> bool {
    let settings = &context.world.settings;
    username == settings.niksms_username && password == settings.niksms_password
}

/// The value of a form field; empty if it is not there.
fn field<'a>(form: &'a [(String, String)], name: &str) -> &'a str {
    form.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).unwrap_or_default()
}

/// Values joined by commas; none from an empty field.
fn list(joined: &str) -> Vec<String> {
    if joined.is_empty() {
        Vec::new()
    } else {
        joined.split(',').map(|item| item.trim().to_owned()).collect()
    }
}

fn client_ids(joined: &str) -> Result<Vec<i64>, Refusal> {
    list(joined).iter().map(|id| id.parse().map_err(|_| codes::ARGUMENT_IS_NULL_OR_INCORRECT)).collect()
}
