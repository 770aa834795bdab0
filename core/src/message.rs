//! What is handed over, and what comes back: messages, their ids, receipts.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};
use crate::phone::{Msisdn, Recipient, latin_digit};

/// The caller's number for a message (1 to 2^63-1), by which a gateway can be asked whether it has the message.
///
/// Making one never fails, as with a [`Recipient`]: a send refuses a number below 1 before anything leaves, and says
/// which message it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId(i64);

impl TraceId {
    /// A trace id of the caller's own, a database key say.
    pub fn new(number: i64) -> Self {
        Self(number)
    }

    /// The number that goes on the wire, or the error that names `field`.
    pub(crate) fn require(self, operation: &'static str, field: impl FnOnce() -> String) -> Result<i64> {
        if self.0 > 0 {
            return Ok(self.0);
        }
        Err(Error::invalid_input(operation, field(), format!("{}; a trace id is from 1 to 2^63-1", self.0)))
    }

    /// The trace id of a key: the same kind, key and recipient give the same id in every process and every language, and
    /// another recipient gives another.
    ///
    /// It is the upper 63 bits of a SHA-256, or with a `secret` of an HMAC-SHA-256, over `payamak-key-v2`, the kind (`single`
    /// or `list_member`), the key and the recipient (`09121112222`), each after its length in bytes (64 bits, big-endian);
    /// 1 where these bits are all zero.
    ///
    /// ```
    /// # use payamak::{KeyKind, TraceId};
    /// let id = |to| TraceId::from_key("order-981:paid", to, KeyKind::Single, None);
    /// assert_eq!(id("09121112222")?, id("+98 912 111 2222")?);
    /// assert_ne!(id("09121112222")?, id("09121113333")?);
    /// # Ok::<(), payamak::Error>(())
    /// ```
    pub fn from_key(
        key: &str,
        to: impl Into<Recipient>,
        kind: KeyKind,
        secret: Option<&str>,
    ) -> Result<Self> {
        const OPERATION: &str = "trace_id_from_key";
        if secret.is_some_and(str::is_empty) {
            return Err(Error::invalid_input(OPERATION, "secret", "empty; leave it out, or give one"));
        }
        if key.is_empty() {
            return Err(Error::invalid_input(OPERATION, "key", "empty; a key names one message"));
        }
        let to = to.into().require(OPERATION, || "to".into())?;
        Ok(Self::of_key(key, to, kind, secret))
    }

    pub(crate) fn of_key(key: &str, to: Msisdn, kind: KeyKind, secret: Option<&str>) -> Self {
        let to = to.national();
        // With its length before each part, no two lists of parts are the same bytes.
        let parts = ["payamak-key-v2", kind.as_str(), key, &to];
        let bytes: Vec<u8> = parts
            .iter()
            .flat_map(|part| [&(part.len() as u64).to_be_bytes(), part.as_bytes()].concat())
            .collect();
        let digest: [u8; 32] = match secret.map(|secret| Hmac::<Sha256>::new_from_slice(secret.as_bytes())) {
            // A key of any length is taken.
            Some(Ok(mac)) => mac.chain_update(&bytes).finalize().into_bytes().into(),
            Some(Err(_)) | None => Sha256::digest(&bytes).into(),
        };
        let bits = digest.iter().take(8).fold(0, |bits: u64, byte| bits << 8 | u64::from(*byte));
        Self((bits >> 1).max(1).cast_signed())
    }

    /// The number.
    pub fn get(self) -> i64 {
        self.0
    }
}

/// What a key names. The same key of another kind is another message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyKind {
    /// One message: [`Message::key`], or the key of a send to one recipient.
    #[default]
    Single,
    /// One message of a list whose send has a key, however short the list is.
    ListMember,
}

impl KeyKind {
    /// `single` or `list_member`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::ListMember => "list_member",
        }
    }
}

impl FromStr for KeyKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Single, Self::ListMember].into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
            Error::invalid_input("trace_id_from_key", "kind", "neither single nor list_member")
                .with_value(text)
        })
    }
}

/// A gateway's number for a message. Ids of both gateways go beyond 2^53: never a float.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(i64);

impl MessageId {
    /// The id that a gateway gave, from wherever it was kept.
    pub fn new(number: i64) -> Self {
        Self(number)
    }

    /// The number.
    pub fn get(self) -> i64 {
        self.0
    }

    /// A number below 1 is a place that a gateway left empty, not an id.
    pub(crate) fn is_real(self) -> bool {
        self.0 > 0
    }
}

/// An id prints its digits, is read from digits (Latin, Persian or Arabic), and is a string in JSON, because half of
/// the world's JSON readers would round it.
macro_rules! id_text {
    ($Id:ident, $field:literal) => {
        impl fmt::Display for $Id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $Id {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                let digits: String = text.trim().chars().map(latin_digit).collect();
                let number = digits.parse().map_err(|_| {
                    Error::invalid_input($field, $field, "not an integer of 64 bits").with_value(text)
                })?;
                Ok(Self(number))
            }
        }

        impl Serialize for $Id {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $Id {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
id_text!(TraceId, "trace_id");
id_text!(MessageId, "message_id");

/// The line a message is sent from, as people write it: a number (`30004040`), or a name such as NikSMS's `blacklist`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SenderLine(Arc<str>);

impl SenderLine {
    /// The line as it was given, its digits in Latin.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for SenderLine {
    fn from(text: &str) -> Self {
        Self(text.trim().chars().map(latin_digit).collect::<String>().into())
    }
}

impl From<String> for SenderLine {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<i64> for SenderLine {
    fn from(number: i64) -> Self {
        Self(number.to_string().into())
    }
}

/// A date and time on Tehran's clocks, for messages that go out later and for ranges of an inbox.
///
/// Reads `2026-12-01T08:30` with or without seconds. A time with an offset (`2026-12-01T05:00Z`) is moved to Tehran,
/// which has kept UTC+3:30 all year since 2022.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TehranTime(pub(crate) jiff::civil::DateTime);

impl FromStr for TehranTime {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refused = |_| {
            Error::invalid_input("time", "time", "not a date and time like 2026-12-01T08:30").with_value(text)
        };
        // An offset is at the end of the time, after the date's own dashes.
        let has_offset = text.get(10..).is_some_and(|time| time.contains(['Z', 'z', '+', '-']));
        if has_offset {
            let moment: jiff::Timestamp = text.parse().map_err(refused)?;
            let utc = jiff::tz::Offset::UTC.to_datetime(moment);
            return utc.checked_add(jiff::SignedDuration::from_mins(210)).map(Self).map_err(refused);
        }
        text.parse().map(Self).map_err(refused)
    }
}

/// One message for a [`Messenger`](crate::Messenger): to whom, what, and what it is known by.
///
/// ```
/// # use payamak::Message;
/// let message = Message::new("09121112222", "سفارش شما ارسال شد").key("order-981:shipped");
/// ```
#[derive(Clone)]
pub struct Message {
    pub(crate) to: Recipient,
    pub(crate) content: Content,
    pub(crate) sender: Option<SenderLine>,
    pub(crate) trace_id: Option<TraceId>,
    pub(crate) key: Option<(Arc<str>, KeyKind)>,
    pub(crate) once: bool,
}

/// What a message says.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum Content {
    /// Shared by all recipients of one text, so that a campaign holds its text once.
    Text(Arc<str>),
    Template {
        key: Arc<str>,
        parameters: Arc<[String]>,
    },
}

impl Content {
    /// What the messages of one request have in common: the text, or the template.
    pub(crate) fn shared(&self) -> (bool, &str) {
        match self {
            Self::Text(text) => (false, text),
            Self::Template { key, .. } => (true, key),
        }
    }
}

impl Message {
    /// A text to one recipient.
    pub fn new(to: impl Into<Recipient>, text: impl Into<Arc<str>>) -> Self {
        Self::of(to.into(), Content::Text(text.into()))
    }

    /// A template to one recipient; `parameters[0]` fills `{1}`.
    pub fn template(
        template: impl Into<Arc<str>>,
        to: impl Into<Recipient>,
        parameters: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let parameters = parameters.into_iter().map(Into::into).collect();
        Self::of(to.into(), Content::Template { key: template.into(), parameters })
    }

    fn of(to: Recipient, content: Content) -> Self {
        Self { to, content, sender: None, trace_id: None, key: None, once: false }
    }

    /// Names the message: its trace id is derived from the key and the recipient, and the gateways are asked for it before it
    /// is sent, so that a job that crashed and runs again sends nothing twice. Two sends with one key through one gateway
    /// client (or its clones, by whichever messengers) are one message, even at the same moment.
    ///
    /// Two processes that send with one key at the same moment can both be told "not there". Never let an outsider choose a
    /// whole key (put your own prefix before it), and see [`MessengerBuilder::key_secret`](crate::MessengerBuilder::key_secret).
    #[must_use]
    pub fn key(self, key: impl Into<Arc<str>>) -> Self {
        self.key_of_kind(key.into(), KeyKind::Single)
    }

    pub(crate) fn key_of_kind(mut self, key: Arc<str>, kind: KeyKind) -> Self {
        self.key = Some((key, kind));
        self
    }

    /// A trace id of the caller's own.
    #[must_use]
    pub fn trace_id(mut self, trace_id: TraceId) -> Self {
        self.trace_id = Some(trace_id);
        self
    }

    /// Ask for the caller's own trace id before sending, as is always done for a key.
    #[must_use]
    pub fn once(mut self) -> Self {
        self.once = true;
        self
    }

    /// The line to send from, instead of the gateway's own setting.
    #[must_use]
    pub fn sender(mut self, sender: impl Into<SenderLine>) -> Self {
        self.sender = Some(sender.into());
        self
    }

    /// Whether an earlier run may have sent it, so that it is asked for first.
    pub(crate) fn is_once(&self) -> bool {
        self.key.is_some() || self.once
    }

    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        self.to == other.to && self.content == other.content && self.sender == other.sender
    }
}

/// Shows that there is a text, not the text.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let content = match &self.content {
            Content::Text(text) => format!("{} characters", text.chars().count()),
            Content::Template { key, parameters } => {
                format!("template {key} with {} parameters", parameters.len())
            }
        };
        f.debug_struct("Message")
            .field("to", &self.to)
            .field("content", &content)
            .field("sender", &self.sender)
            .field("trace_id", &self.trace_id)
            .field("keyed", &self.key.is_some())
            .field("once", &self.once)
            .finish()
    }
}

/// Whom one text goes to. The difference matters for a key: that of one recipient is the key itself, that of each of many
/// is made of the key and the recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipients {
    /// One.
    One(Recipient),
    /// A list, of any length.
    Many(Vec<Recipient>),
}

impl<R: Into<Recipient>> From<R> for Recipients {
    fn from(recipient: R) -> Self {
        Self::One(recipient.into())
    }
}

impl<R: Into<Recipient>> From<Vec<R>> for Recipients {
    fn from(recipients: Vec<R>) -> Self {
        Self::Many(recipients.into_iter().map(Into::into).collect())
    }
}

impl<R: Into<Recipient>, const N: usize> From<[R; N]> for Recipients {
    fn from(recipients: [R; N]) -> Self {
        Self::Many(recipients.into_iter().map(Into::into).collect())
    }
}

/// A recipient of one text, and what its message is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Destination {
    /// To whom.
    pub to: Recipient,
    /// The caller's number for the message: without one, nobody can ask after an unclear failure whether it was sent.
    pub trace_id: Option<TraceId>,
}

impl Destination {
    /// A recipient whose message is known by a trace id.
    pub fn new(to: impl Into<Recipient>, trace_id: Option<TraceId>) -> Self {
        Self { to: to.into(), trace_id }
    }
}

/// A text of its own for one recipient, for the gateways' own calls. A [`Messenger`](crate::Messenger) takes [`Message`].
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PersonalMessage {
    /// To whom.
    pub to: Recipient,
    /// What it says.
    pub text: String,
    /// The caller's number for the message.
    pub trace_id: Option<TraceId>,
    /// The line, where it is not the gateway's own setting.
    pub sender: Option<SenderLine>,
}

impl PersonalMessage {
    /// A text for one recipient.
    pub fn new(to: impl Into<Recipient>, text: impl Into<String>) -> Self {
        Self { to: to.into(), text: text.into(), trace_id: None, sender: None }
    }

    /// Known by this trace id.
    #[must_use]
    pub fn trace_id(mut self, trace_id: TraceId) -> Self {
        self.trace_id = Some(trace_id);
        self
    }

    /// Sent from this line.
    #[must_use]
    pub fn sender(mut self, sender: impl Into<SenderLine>) -> Self {
        self.sender = Some(sender.into());
        self
    }
}

/// Shows that there is a text, not the text.
impl fmt::Debug for PersonalMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PersonalMessage")
            .field("to", &self.to)
            .field("trace_id", &self.trace_id)
            .finish_non_exhaustive()
    }
}

/// How the sending of one message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SendOutcome {
    /// The gateway has it, once.
    Accepted,
    /// Definitely not sent; the error says why.
    Rejected,
    /// It may have been sent, and the gateway could not be asked, or did not answer until the budget was spent.
    Unclear,
}

impl SendOutcome {
    /// `accepted`, `rejected` or `unclear`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Unclear => "unclear",
        }
    }
}

/// What became of one message handed over.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Receipt {
    /// To whom.
    pub to: Recipient,
    /// The id it was sent under, whatever the outcome.
    pub trace_id: TraceId,
    /// The name of the gateway that has it, or that was tried last; `None` where none was tried.
    pub gateway: Option<Arc<str>>,
    /// The gateway's id, where it gave one.
    pub message_id: Option<MessageId>,
    /// How it ended.
    pub outcome: SendOutcome,
    /// Why it was not accepted.
    pub error: Option<Error>,
    /// Not sent by this call: an earlier run, or another call with its key or trace id, had sent it.
    pub replayed: bool,
}

impl Receipt {
    /// An accepted message as a database kept it, to track it or ask for its delivery in a later process.
    pub fn restore(
        to: impl Into<Recipient>,
        gateway: impl Into<Arc<str>>,
        trace_id: TraceId,
        message_id: Option<MessageId>,
    ) -> Self {
        let gateway = Some(gateway.into());
        Self { gateway, message_id, outcome: SendOutcome::Accepted, ..Self::new(to.into(), trace_id) }
    }

    /// An unclear message as a database kept it, to ask every gateway for it in a later process.
    pub fn restore_unclear(to: impl Into<Recipient>, trace_id: TraceId) -> Self {
        Self { outcome: SendOutcome::Unclear, ..Self::new(to.into(), trace_id) }
    }

    /// Of a message that nothing has been done about.
    pub(crate) fn new(to: Recipient, trace_id: TraceId) -> Self {
        let outcome = SendOutcome::Rejected;
        Self { to, trace_id, gateway: None, message_id: None, outcome, error: None, replayed: false }
    }
}

/// A message that somebody sent to one of the account's lines.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct IncomingMessage {
    /// The gateway's id.
    pub message_id: Option<MessageId>,
    /// What it says.
    pub text: String,
    /// Who sent it, as the gateway writes it.
    pub from: String,
    /// The line it came to, as the gateway writes it.
    pub to: String,
    /// When, as the gateway writes it: neither gateway documents the format or the zone.
    pub time: Option<String>,
    /// NikSMS: whether it was relayed to the account's own address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_relayed: Option<bool>,
}

impl IncomingMessage {
    /// For gateways outside this crate.
    pub fn new(from: impl Into<String>, to: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            message_id: None,
            text: text.into(),
            from: from.into(),
            to: to.into(),
            time: None,
            is_relayed: None,
        }
    }
}

impl fmt::Debug for IncomingMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingMessage")
            .field("message_id", &self.message_id)
            .field("text", &format!("{} characters", self.text.chars().count()))
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}

/// Trace ids for one call: 63 random bits, and the numbers that follow them. Nothing else tells processes and machines apart
/// as surely: not a clock, not a process id.
pub(crate) fn generate_trace_ids(count: usize) -> Result<impl Iterator<Item = TraceId>> {
    let bits = getrandom::u64().map_err(|_| {
        Error::configuration("send", "the system has no random numbers, so no trace id can be made")
    })?;
    let room = i64::MAX - i64::try_from(count).unwrap_or(i64::MAX);
    // Zero is no trace id, and the last one has to fit.
    let first = (bits >> 1).cast_signed().clamp(1, room.max(1));
    Ok((first..).take(count).map(TraceId))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_ids_are_63_random_bits_and_contiguous_within_a_call() {
        let calls: Vec<Vec<i64>> =
            (0..200).map(|_| generate_trace_ids(1000).unwrap().map(TraceId::get).collect()).collect();
        for ids in &calls {
            assert!(ids.iter().all(|id| *id > 0) && ids.is_sorted_by(|a, b| *b == a + 1));
        }
        let high = calls.iter().filter(|ids| ids.first().is_some_and(|id| *id >= 1 << 62)).count();
        assert!((40..160).contains(&high), "{high} of 200 have their highest bit set");
        assert_eq!(generate_trace_ids(0).unwrap().count(), 0);
    }

    #[test]
    fn times_with_an_offset_move_to_tehran() {
        let time: TehranTime = "2026-12-01T05:00:00Z".parse().unwrap();
        assert_eq!(time, "2026-12-01T08:30".parse().unwrap());
        assert_eq!("2026-12-01T08:30:00+03:30".parse::<TehranTime>().unwrap(), time);
        assert!("tomorrow".parse::<TehranTime>().is_err());
    }

    #[test]
    fn what_a_message_says_does_not_reach_debug() {
        let shown = format!("{:?}", Message::new("09121112222", "secret text").key("order"));
        assert!(!shown.contains("secret") && !shown.contains("09121112222"), "{shown}");
    }
}
