//! `NikSMS`: what its four dialects have in common. Each of them reads its wire form, asks here, and writes the answer.

mod codes;
pub(crate) mod public_api;
pub(crate) mod soap;
pub(crate) mod v2;
pub(crate) mod web_service;

use std::sync::Arc;

use crate::clock::Moment;
use crate::dialect::{Context, Dialect};
use crate::ledger::{Asked, Entry, Question, Received, Registration, Submission};
use crate::refusals::Objection;
use crate::rows::{Row, Rows, as_a_double};

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
    /// None where the answer is to go out without them.
    nik_ids: Option<Vec<i64>>,
}

/// The id of a message.
#[derive(Debug, Clone, Copy)]
struct NikId(i64);

impl Row for NikId {
    fn round(&mut self) {
        self.0 = as_a_double(self.0);
    }

    fn of_nobody(phantom: i64) -> Option<Self> {
        Some(Self(phantom))
    }
}

/// A delivery status that stands alone, for the id in its position.
#[derive(Debug, Clone, Copy)]
struct Status(i32);

impl Row for Status {
    fn of_nobody(_phantom: i64) -> Option<Self> {
        Some(Self(codes::IN_QUEUE))
    }
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

/// A recipient without the leading zero or the country code, and whether the message gets there: of a number written
/// with 98 the gateway says "Successful", charges nothing and sends nothing.
fn recipient(number: &str) -> Result<(u64, bool), Refusal> {
    let by_zero = number.strip_prefix('0').map(|national| (national, true));
    let by_country = number.strip_prefix("98").map(|national| (national, false));
    by_zero
        .or(by_country)
        .filter(|(national, _)| national.len() == 10 && national.starts_with('9'))
        .filter(|(national, _)| national.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|(national, is_reached)| Some((national.parse().ok()?, is_reached)))
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
    let due = match send_on.as_str() {
        "" => None,
        written => Some(context.world.clock.moment(written).ok_or(codes::ARGUMENT_IS_NULL_OR_INCORRECT)?),
    };
    let sender: Arc<str> = sender.into();
    let mut entries = Vec::with_capacity(messages.len());
    let mut is_registered = Vec::with_capacity(messages.len());
    for Outgoing { to, text, client_id } in messages {
        let (to, is_reached) = recipient(&to)?;
        is_registered.push(is_reached);
        entries.push(Entry { to, sender: Arc::clone(&sender), text, trace_id: client_id });
    }
    let mut state = context.state();
    match state.refusals.objection(entries.iter().map(|entry| (entry.to, &*entry.text))) {
        Some(Objection::Number) => return Err(codes::RECEPTION_NUMBER_IS_INCORRECT),
        Some(Objection::Text) => return Err(codes::FILTERED),
        None => {}
    }
    let mut reached = is_registered.iter();
    entries.retain(|_| reached.next() == Some(&true));
    let submission = Submission {
        dialect: name(context.dialect),
        operation: context.operation,
        template: None,
        due,
        entries,
    };
    let ledger = &mut state.niksms;
    let registered = ledger.submit(context.now(), submission, context.registration);
    let mut registered = registered.map_err(|_| codes::INSUFFICIENT_CREDIT)?.into_iter();
    let mut next_id = |is_registered| {
        if is_registered { registered.next() } else { Some(ledger.phantom_id()) }
    };
    let nik_ids = is_registered.into_iter().filter_map(&mut next_id).map(NikId).collect();
    let id = context.rows.id(ledger.phantom_id());
    drop(state);
    let nik_ids = context.arrange(nik_ids).into_iter().map(|NikId(id)| id).collect();
    Ok(Sent { id, nik_ids: (context.rows != Rows::Gone).then_some(nik_ids) })
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
fn statuses(context: &Context<'_>, ids: &[Option<i64>]) -> Vec<i32> {
    let state = context.state();
    let now = context.now();
    let ledger = &state.niksms;
    let status = |id: Option<i64>| match context.rows {
        Rows::Contradicted => None,
        _ => Some(ledger.status(ledger.find(Asked::Id(id?), now)?, now)?.2),
    };
    ids.iter().map(|id| status(*id).unwrap_or(codes::NOT_FOUND)).collect()
}

/// The statuses as they are to go out where nothing but their order says whose they are.
fn delivery(context: &Context<'_>, ids: &[Option<i64>]) -> Vec<i32> {
    let statuses = statuses(context, ids).into_iter().map(Status).collect();
    context.arrange(statuses).into_iter().map(|Status(code)| code).collect()
}

/// The status and the gateway's id of the message with this client id, 0 if there is none. None where the answer is to
/// go out without them.
fn delivery_by_client_id(context: &Context<'_>, client_id: i64) -> Option<(i32, i64)> {
    let mut state = context.state();
    let now = context.now();
    let ledger = &mut state.niksms;
    let asked = Asked::TraceId(client_id);
    let question: Question = (asked, ledger.find(asked, now));
    let found = question.1.and_then(|place| ledger.status(place, now)).map(|(id, _, status)| (status, id));
    if context.registration == Registration::Store {
        ledger.land(now, &[question]);
    }
    match context.rows {
        Rows::Gone => None,
        Rows::Contradicted => {
            Some((codes::NOT_FOUND, found.map_or_else(|| ledger.phantom_id(), |(_, id)| id)))
        }
        rows => Some(found.map_or((codes::NOT_FOUND, 0), |(status, id)| (status, rows.id(id)))),
    }
}

fn credit(context: &Context<'_>) -> i64 {
    context.state().niksms.credit
}

fn panel_expire_date(context: &Context<'_>) -> String {
    context.world.clock.wall_time(PANEL_EXPIRES)
}

fn server_time(context: &Context<'_>) -> String {
    context.world.clock.wall_time(context.now())
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
    let unread = context.state().niksms.take_unread(within, context.registration);
    context.arrange(unread)
}

fn mark_unread(context: &Context<'_>, period: Period) {
    let within = |moment| period.contains(moment);
    context.state().niksms.mark_unread(within, context.registration);
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
