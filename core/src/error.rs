//! What went wrong, to which message, whether it may have been sent, and what to do now.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::codes::{Code, UNKNOWN};
use crate::message::Receipt;
use crate::redact::mask;

/// The result of everything that can fail here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kinds of errors; each is a class of its own in the languages that have classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting is missing or wrong, or the gateway (or dialect) cannot do what was asked.
    Configuration,
    /// A value that cannot be sent; [`Error::field`] names it.
    InvalidInput,
    /// No connection, or it broke.
    Connect,
    /// No answer in time.
    Timeout,
    /// An answer that cannot be read.
    Decode,
    /// The gateway does not accept the credentials.
    Authentication,
    /// The account may not do this.
    Access,
    /// Too many requests: slow down.
    RateLimit,
    /// A limit of the account, the line or the hour is reached.
    Limit,
    /// Not enough credit.
    Credit,
    /// The gateway refuses this request as it is.
    Request,
    /// The gateway is not well, or does not know itself what happened.
    Unavailable,
    /// The caller stopped the work; [`Error::receipts`] says what had become of each message.
    Canceled,
}

impl ErrorKind {
    /// The name of the class, as every language has it: `RateLimitError`.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Configuration => "ConfigurationError",
            Self::InvalidInput => "InvalidInputError",
            Self::Connect => "ConnectError",
            Self::Timeout => "TimeoutError",
            Self::Decode => "DecodeError",
            Self::Authentication => "AuthenticationError",
            Self::Access => "AccessError",
            Self::RateLimit => "RateLimitError",
            Self::Limit => "LimitError",
            Self::Credit => "CreditError",
            Self::Request => "RequestError",
            Self::Unavailable => "UnavailableError",
            Self::Canceled => "CanceledError",
        }
    }

    /// True for the kinds that stand for a gateway's own refusal (`GatewayError` and its subclasses elsewhere).
    pub fn is_gateway(self) -> bool {
        matches!(
            self,
            Self::Authentication
                | Self::Access
                | Self::RateLimit
                | Self::Limit
                | Self::Credit
                | Self::Request
                | Self::Unavailable
        )
    }
}

/// Whether a message may have been sent although the call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Certainly not sent (and nothing was taken away from an inbox).
    NotSent,
    /// It may have been sent. Ask by trace id before sending it again.
    Unclear,
}

impl Outcome {
    /// `not_sent` or `unclear`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotSent => "not_sent",
            Self::Unclear => "unclear",
        }
    }
}

/// What may be done after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// The same request will fail again: mend the cause first.
    Never,
    /// It will pass: wait and try again, longer each time.
    Backoff,
    /// When the limit has been reset.
    AfterReset,
    /// First ask, by trace id, whether it was sent.
    CheckFirst,
}

impl Retry {
    /// `never`, `backoff`, `after_reset` or `check_first`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Backoff => "backoff",
            Self::AfterReset => "after_reset",
            Self::CheckFirst => "check_first",
        }
    }
}

/// One sentence that says what to do, in English and in Persian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Hint {
    /// In English.
    pub en: &'static str,
    /// In Persian.
    pub fa: &'static str,
}

impl Hint {
    pub(crate) const fn new(en: &'static str, fa: &'static str) -> Self {
        Self { en, fa }
    }
}

/// The part of a message that a refusal is about. A request of many messages that is refused for one of these may have been
/// refused for a single one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusedPart {
    /// What it says.
    Text,
    /// Whom it goes to.
    Recipient,
    /// The line it comes from.
    Sender,
    /// Some value of it: the gateway does not say which.
    AnyValue,
}

/// What a gateway's error code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorMeaning {
    /// The kind of error it becomes.
    pub kind: ErrorKind,
    /// Whether a message may have been sent all the same.
    pub outcome: Outcome,
    /// What may be done.
    pub retry: Retry,
    /// What to do about it; `None` for a code that no table has.
    pub hint: Option<Hint>,
    /// The part of a message that was refused, where it is about one.
    pub refused_part: Option<RefusedPart>,
}

impl ErrorMeaning {
    /// Refused, so certainly not sent.
    pub(crate) const fn refused(kind: ErrorKind, retry: Retry, en: &'static str, fa: &'static str) -> Self {
        Self { kind, outcome: Outcome::NotSent, retry, hint: Some(Hint::new(en, fa)), refused_part: None }
    }

    /// The same refusal, for a part of a message.
    pub(crate) const fn of(self, part: RefusedPart) -> Self {
        Self { refused_part: Some(part), ..self }
    }

    /// The gateway does not know itself.
    pub(crate) const fn unclear(en: &'static str, fa: &'static str) -> Self {
        Self { hint: Some(Hint::new(en, fa)), ..Self::UNKNOWN }
    }

    /// A code that no table has.
    pub(crate) const UNKNOWN: Self = Self {
        kind: ErrorKind::Unavailable,
        outcome: Outcome::Unclear,
        retry: Retry::CheckFirst,
        hint: None,
        refused_part: None,
    };
}

/// Everything that is known about a failure. Cheap to clone: the receipts of one request share one error.
///
/// Neither `Display`, `Debug` nor the serialized form holds a key, a password, a phone number, a text or a word of the gateway's.
/// What a bad value or an answer looked like is there for who asks for it, in [`Error::value`], [`Error::gateway_text`] and
/// [`Error::body_excerpt`].
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    gateway: Option<Arc<str>>,
    operation: &'static str,
    detail: String,
    code: Option<Code>,
    gateway_text: Option<String>,
    field: Option<String>,
    value: Option<String>,
    hint: Option<Hint>,
    outcome: Outcome,
    retry: Retry,
    retry_after: Option<Duration>,
    http_status: Option<u16>,
    body_excerpt: Option<String>,
    refused_part: Option<RefusedPart>,
    /// Something may have left: a connection had been made.
    is_broken: bool,
    receipts: Vec<Receipt>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, operation: &'static str, detail: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            gateway: None,
            operation,
            detail: detail.into(),
            code: None,
            gateway_text: None,
            field: None,
            value: None,
            hint: None,
            outcome: Outcome::NotSent,
            retry: Retry::Never,
            retry_after: None,
            http_status: None,
            body_excerpt: None,
            refused_part: None,
            is_broken: false,
            receipts: Vec::new(),
        }))
    }

    /// A value that cannot be sent. Public because gateways outside this crate, and the bindings, refuse values too.
    pub fn invalid_input(
        operation: &'static str,
        field: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Self::new(ErrorKind::InvalidInput, operation, detail).with(|inner| inner.field = Some(field.into()))
    }

    /// Something that the gateway, its dialect or its address cannot do.
    pub fn configuration(operation: &'static str, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Configuration, operation, detail)
    }

    /// A setting that is missing or wrong.
    pub fn setting(setting: &'static str, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Configuration, "", detail).with(|inner| inner.field = Some(setting.into()))
    }

    /// A failure after which a message may have gone out all the same, for gateways outside this crate.
    pub fn maybe_sent(kind: ErrorKind, operation: &'static str, detail: impl Into<String>) -> Self {
        Self::new(kind, operation, detail).unclear()
    }

    /// A failure after which a message has certainly not gone out, for gateways outside this crate.
    pub fn not_sent(
        kind: ErrorKind,
        operation: &'static str,
        detail: impl Into<String>,
        retry: Retry,
    ) -> Self {
        Self::new(kind, operation, detail).with_retry(retry)
    }

    /// A gateway's refusal: `code` with what it means, and the gateway's own text.
    pub fn from_code(
        operation: &'static str,
        code: Code,
        meaning: ErrorMeaning,
        gateway_text: Option<String>,
    ) -> Self {
        let detail = match shown(&code) {
            Some(shown) => format!("the gateway answered with code {shown} ({})", code.name),
            None => "the gateway answered with a code that no table has".to_owned(),
        };
        Self::new(meaning.kind, operation, detail).with(|inner| {
            inner.outcome = meaning.outcome;
            inner.retry = meaning.retry;
            inner.hint = meaning.hint;
            inner.refused_part = meaning.refused_part;
            inner.gateway_text = gateway_text;
            inner.code = Some(code);
        })
    }

    /// A copy with one thing changed.
    fn with(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    pub(crate) fn with_gateway(self, gateway: &Arc<str>) -> Self {
        self.with(|inner| inner.gateway = Some(gateway.clone()))
    }

    pub(crate) fn with_operation(self, operation: &'static str) -> Self {
        self.with(|inner| inner.operation = operation)
    }

    /// The field within an item of a list: `messages[3].text`. In a list of recipients the item itself is the field.
    pub(crate) fn in_list(self, list: &str, index: u32) -> Self {
        self.with(|inner| {
            inner.field = inner.field.take().map(|field| match (list, field.as_str()) {
                ("to", "to") => format!("to[{index}]"),
                ("to", _) => field,
                _ => format!("{list}[{index}].{field}"),
            });
        })
    }

    pub(crate) fn with_code(self, code: Code) -> Self {
        self.with(|inner| inner.code = Some(code))
    }

    pub(crate) fn with_value(self, value: &str) -> Self {
        self.with(|inner| inner.value = Some(value.to_owned()))
    }

    pub(crate) fn with_hint(self, hint: Hint) -> Self {
        self.with(|inner| inner.hint = Some(hint))
    }

    pub(crate) fn with_retry(self, retry: Retry) -> Self {
        self.with(|inner| inner.retry = retry)
    }

    /// How long the gateway asks to wait; gateways outside this crate need it too.
    #[must_use]
    pub fn with_retry_after(self, after: Option<Duration>) -> Self {
        self.with(|inner| inner.retry_after = after)
    }

    /// The part of a message that was refused, for gateways outside this crate: a request of many messages that is refused
    /// for it is split until the message at fault is found.
    #[must_use]
    pub fn with_refused_part(self, part: RefusedPart) -> Self {
        self.with(|inner| inner.refused_part = Some(part))
    }

    pub(crate) fn with_http_status(self, status: u16) -> Self {
        self.with(|inner| inner.http_status = Some(status))
    }

    pub(crate) fn with_body_excerpt(self, excerpt: String) -> Self {
        self.with(|inner| inner.body_excerpt = Some(excerpt))
    }

    pub(crate) fn with_gateway_text(self, text: Option<String>) -> Self {
        self.with(|inner| inner.gateway_text = text)
    }

    pub(crate) fn with_receipts(self, receipts: Vec<Receipt>) -> Self {
        self.with(|inner| inner.receipts = receipts)
    }

    /// May have been sent: ask before sending again.
    pub(crate) fn unclear(self) -> Self {
        self.with(|inner| {
            inner.outcome = Outcome::Unclear;
            inner.retry = Retry::CheckFirst;
            inner.is_broken = true;
        })
    }

    /// What stands against a message that was not even tried, because the gateway had failed just before.
    pub(crate) fn passed_by(&self) -> Self {
        let detail =
            format!("the gateway is passed by for a while, because of another message: {}", self.0.detail);
        self.clone().with(|inner| {
            inner.detail = detail;
            inner.outcome = Outcome::NotSent;
            inner.retry = Retry::Backoff;
            // Of another message, not of the one that it stands against.
            inner.refused_part = None;
        })
    }

    /// May have been sent, and this is why nobody could tell.
    pub(crate) fn unclear_because(self, cause: &Self) -> Self {
        let cause = format!("; asked afterwards: {}", cause.0.detail);
        self.unclear().with(|inner| inner.detail.push_str(&cause))
    }

    /// The same, after something else had gone wrong.
    pub(crate) fn after(self, before: &Self) -> Self {
        let before = format!("; before that: {}", before.0.detail);
        self.with(|inner| inner.detail.push_str(&before))
    }

    /// The same error, of a question that was to say whether an earlier run had sent a message.
    pub(crate) fn of_asking_first(&self) -> Self {
        let detail = format!(
            "the gateway could not be asked whether an earlier run had sent this message, and nothing was sent now: {}",
            self.0.detail
        );
        self.clone().unclear().with(|inner| inner.detail = detail)
    }

    /// What stands against a message that was not even tried, because nothing had gone well for too long.
    pub(crate) fn not_tried(&self) -> Self {
        let detail = format!("not tried, because the gateway had failed for too long: {}", self.0.detail);
        self.clone().with(|inner| {
            inner.detail = detail;
            inner.outcome = Outcome::NotSent;
            inner.retry = Retry::Backoff;
            // Of another message, not of the one that it stands against.
            inner.refused_part = None;
        })
    }

    /// The same failure after the gateway was asked and did not have the message.
    pub(crate) fn found_absent(self) -> Self {
        self.with(|inner| {
            inner.outcome = Outcome::NotSent;
            inner.retry = Retry::Backoff;
            inner.detail.push_str("; asked afterwards, the gateway did not have the message");
        })
    }

    /// The same failure of a call that neither sends nor takes anything away: it may simply be made again.
    pub(crate) fn of_reading(self) -> Self {
        self.with(|inner| {
            inner.outcome = Outcome::NotSent;
            if inner.retry == Retry::CheckFirst {
                inner.retry = Retry::Backoff;
            }
        })
    }

    /// Whether no connection was made, so that not even a question has arrived.
    pub(crate) fn never_connected(&self) -> bool {
        self.0.kind == ErrorKind::Connect && self.0.outcome == Outcome::NotSent && !self.0.is_broken
    }

    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The gateway it came from, by the name its client has in a messenger (`payam-resan` and `niksms` by default).
    pub fn gateway(&self) -> Option<&str> {
        self.0.gateway.as_deref()
    }

    /// The operation, in snake case: `send_bulk`; `None` for an error in the settings.
    pub fn operation(&self) -> Option<&'static str> {
        Some(self.0.operation).filter(|operation| !operation.is_empty())
    }

    /// What happened, in one English clause without the gateway's own text.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The gateway's code.
    pub fn code(&self) -> Option<&Code> {
        self.0.code.as_ref()
    }

    /// What the gateway said; where it said nothing, its table's wording of the code. Its own words stand here and nowhere
    /// else, at most 200 characters: what they repeat of the request, credentials, numbers of four digits and more, and characters
    /// that act in a log are masked. They may still be personal (of an earlier message, say): never log them unasked.
    pub fn gateway_text(&self) -> Option<&str> {
        self.0.gateway_text.as_deref().or_else(|| self.0.code.as_ref()?.text)
    }

    /// The argument that cannot be sent (`recipients[3]`), or the setting that is missing or wrong.
    pub fn field(&self) -> Option<&str> {
        self.0.field.as_deref()
    }

    /// The value of that argument as it was given. It may be personal: never log it unasked.
    pub fn value(&self) -> Option<&str> {
        self.0.value.as_deref()
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<Hint> {
        self.0.hint
    }

    /// Whether a message may have been sent.
    pub fn outcome(&self) -> Outcome {
        self.0.outcome
    }

    /// What may be done now.
    pub fn retry(&self) -> Retry {
        self.0.retry
    }

    /// How long the gateway asks to wait (the `Retry-After` header, in seconds).
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The HTTP status, where one arrived.
    pub fn http_status(&self) -> Option<u16> {
        self.0.http_status
    }

    /// The first 200 characters of an answer that could not be read, masked like [`gateway_text`](Self::gateway_text). It
    /// may still be personal (an answer can hold what somebody else wrote): never log it unasked.
    pub fn body_excerpt(&self) -> Option<&str> {
        self.0.body_excerpt.as_deref()
    }

    /// The part of a message that the gateway refused, where its code says so.
    pub fn refused_part(&self) -> Option<RefusedPart> {
        self.0.refused_part
    }

    /// After a cancellation: what had become of each message, in input order.
    pub fn receipts(&self) -> &[Receipt] {
        &self.0.receipts
    }
}

/// One line for people: what happened, whether it may have been sent, what to do.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { gateway, operation, detail, code, field, value, hint, outcome, http_status, .. } =
            &*self.0;
        let subject = [gateway.as_deref().unwrap_or_default(), operation].join(" ");
        if !subject.trim().is_empty() {
            write!(f, "{}: ", subject.trim())?;
        }
        if let Some(field) = field {
            write!(f, "{field} ")?;
            if let Some(value) = value {
                write!(f, "\"{}\" ", mask(value))?;
            }
            f.write_str("is ")?;
        }
        f.write_str(detail)?;
        if let Some(status) = http_status {
            write!(f, " (HTTP {status})")?;
        }
        if let Some(text) = code.as_ref().and_then(|code| code.text) {
            write!(f, ": «{text}»")?;
        }
        f.write_str(match outcome {
            Outcome::NotSent => ". Nothing was sent.",
            Outcome::Unclear => ". It may have gone through.",
        })?;
        if let Some(hint) = hint {
            write!(f, " {}", hint.en)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, gateway, operation, detail, code, field, outcome, retry, http_status, .. } =
            &*self.0;
        f.debug_struct(kind.type_name())
            .field("gateway", gateway)
            .field("operation", operation)
            .field("detail", detail)
            .field("code", &code.as_ref().map(shown))
            .field("field", field)
            .field("outcome", outcome)
            .field("retry", retry)
            .field("http_status", http_status)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {}

/// Equal when they say the same: two receipts of one request compare equal.
impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.0.kind == other.0.kind
                && self.0.gateway == other.0.gateway
                && self.0.operation == other.0.operation
                && self.0.detail == other.0.detail
                && self.0.code == other.0.code
                && self.0.field == other.0.field
                && self.0.outcome == other.0.outcome)
    }
}

/// The canonical form that `core/conformance/README.md` fixes.
impl Serialize for Error {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap as _;
        let code = self.code();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", self.kind().type_name())?;
        map.serialize_entry("gateway", &self.gateway())?;
        map.serialize_entry("operation", &self.operation())?;
        map.serialize_entry("code", &code.and_then(|code| code.number))?;
        map.serialize_entry("name", &code.map(|code| code.name))?;
        map.serialize_entry("wire_name", &code.and_then(|code| code.wire_name.as_deref()))?;
        map.serialize_entry("field", &self.field())?;
        map.serialize_entry("http_status", &self.http_status())?;
        map.serialize_entry("outcome", &self.outcome())?;
        map.serialize_entry("retry", &self.retry())?;
        map.serialize_entry("hint", &self.hint())?;
        map.serialize_entry("detail", self.detail())?;
        map.end()
    }
}

/// A code as an error shows it: its number, or its name where it has none. What no table has is shown as a number of at most
/// three digits, or not at all.
fn shown(code: &Code) -> Option<Cow<'_, str>> {
    let is_known = code.name != UNKNOWN;
    match (code.number, &code.wire_name) {
        (Some(number), _) if is_known || number.unsigned_abs() < 1000 => Some(number.to_string().into()),
        (None, Some(name)) if is_known => Some(name.as_ref().into()),
        _ => None,
    }
}
