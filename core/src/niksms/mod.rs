//! NikSMS: one client over the service's four wire forms.

mod builder;
mod codes;
mod envelope;
mod form;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod gateway;
mod soap;
mod types;
mod web_service;
mod xml;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

pub use self::builder::{Dialect, NikSmsBuilder};
pub use self::codes::{SendStatus, SmsStatus};
pub use self::types::{SendBatch, SendOptions, SendType, Status, TraceStatus};
use self::web_service::Layout;
use crate::error::{Error, Hint, Result};
use crate::gateway::{Capabilities, lacks};
use crate::memory::Memory;
use crate::message::{
    Destination, IncomingMessage, MessageId, PersonalMessage, SenderLine, TehranTime, TraceId,
};
use crate::phone::{Msisdn, Recipient};
use crate::request::Request;
use crate::settings::require;
use crate::transport::{Answer, Operation, Transport};

/// A client of NikSMS in one of its dialects: one method an operation of the protocol page, nothing hidden and no send
/// repeated. A dialect that lacks an operation says so before anything is sent.
///
/// Make one and share it: clones use the same connections. Of their calls 100 are under way at once; the others wait for their turn,
/// and a call's time limit begins with it.
///
/// ```no_run
/// # async fn example() -> payamak::Result<()> {
/// use payamak::niksms::SendOptions;
/// use payamak::{Destination, NikSms, TraceId};
///
/// let gateway = NikSms::builder().username("…").password("…").sender("50001234").build()?;
/// let recipients = [Destination::new("09121112222", Some(TraceId::new(981)))];
/// let batch = gateway.group_sms("سلام", &recipients, &SendOptions::default()).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct NikSms {
    transport: Transport,
    account: Arc<Account>,
}

struct Account {
    name: Arc<str>,
    dialect: Dialect,
    credentials: Credentials,
    sender: Option<SenderLine>,
    v2_delivery_path: Option<String>,
    capabilities: Capabilities,
    memory: Arc<Memory>,
}

/// Where the gateway is and who asks; what a dialect does not use is empty.
struct Credentials {
    base: Url,
    username: String,
    password: SecretString,
    api_key: SecretString,
}

/// A message of a request, checked.
struct Row<'a> {
    to: Msisdn,
    text: &'a str,
    trace_id: Option<TraceId>,
}

const AFTER_LOST_INBOX: Hint = Hint::new(
    "The messages may have been marked as read on the way: make them unread again with reset_receive_sms_visited_status.",
    "شاید پیام‌ها در راه خوانده‌شده علامت خورده باشند: با reset_receive_sms_visited_status دوباره نخوانده‌شان کنید.",
);

impl NikSms {
    /// Starts the settings of a client.
    pub fn builder() -> NikSmsBuilder {
        NikSmsBuilder::default()
    }

    /// The same client, on the same connections, with another time limit a request.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self { transport: self.transport.with_timeout(timeout), account: self.account.clone() }
    }

    /// A messenger has a patience and limits of its own, and two would multiply.
    fn for_messenger(&self) -> Self {
        Self { transport: self.transport.for_messenger(), account: self.account.clone() }
    }

    /// The wire form it speaks.
    pub fn dialect(&self) -> Dialect {
        self.account.dialect
    }

    /// One text to many (`GroupSms`). Either all recipients have a trace id or none: the wire pairs them by position.
    pub async fn group_sms(
        &self,
        text: &str,
        recipients: &[Destination],
        options: &SendOptions,
    ) -> Result<SendBatch> {
        const OPERATION: Operation = Operation::acts("group_sms");
        let rows = self.rows(
            OPERATION,
            "recipients",
            recipients.iter().map(|recipient| (&recipient.to, text, recipient.trace_id)),
        )?;
        self.send(OPERATION, "GroupSms", Layout::Group, &rows, options).await
    }

    /// A text each (`PtpSms`). All go out from one line. Over `public-api` no text may hold a comma.
    pub async fn ptp_sms(&self, messages: &[PersonalMessage], options: &SendOptions) -> Result<SendBatch> {
        const OPERATION: Operation = Operation::acts("ptp_sms");
        let rows = self.rows(
            OPERATION,
            "messages",
            messages.iter().map(|message| (&message.to, message.text.as_str(), message.trace_id)),
        )?;
        let mut options = options.clone();
        for (index, message) in messages.iter().enumerate() {
            match (&message.sender, &options.sender) {
                (Some(own), Some(shared)) if own != shared => {
                    let detail = "another line than the rest; this gateway sends a request from one line";
                    return Err(self.refuse(OPERATION, format!("messages[{index}].sender"), detail));
                }
                (Some(own), None) if index == 0 => options.sender = Some(own.clone()),
                (Some(_), None) => {
                    let detail =
                        "a line where the ones before have none; this gateway sends a request from one line";
                    return Err(self.refuse(OPERATION, format!("messages[{index}].sender"), detail));
                }
                _ => {}
            }
        }
        self.send(OPERATION, "PtpSms", Layout::Personal, &rows, &options).await
    }

    /// One message to one recipient (`send/one` of `v2`, `sms/send/single` of `web-service`).
    pub async fn send_one(
        &self,
        text: &str,
        to: impl Into<Recipient>,
        trace_id: Option<TraceId>,
        options: &SendOptions,
    ) -> Result<SendBatch> {
        const OPERATION: Operation = Operation::acts("send_one");
        let path = match self.account.dialect {
            Dialect::V2 => "send/one",
            Dialect::WebService => "sms/send/single",
            Dialect::Soap | Dialect::PublicApi => {
                return Err(self.lacks(OPERATION, "use group_sms with one recipient"));
            }
        };
        let rows = [self.row(OPERATION, &to.into(), text, trace_id)?];
        self.send(OPERATION, path, Layout::One, &rows, options).await
    }

    /// A one-time password to one recipient (`sms/send/otp` of `web-service`).
    pub async fn send_otp(
        &self,
        text: &str,
        to: impl Into<Recipient>,
        trace_id: Option<TraceId>,
        options: &SendOptions,
    ) -> Result<SendBatch> {
        const OPERATION: Operation = Operation::acts("send_otp");
        if self.account.dialect != Dialect::WebService {
            return Err(self.lacks(OPERATION, "use the dialect web-service, or send it as any other text"));
        }
        let rows = [self.row(OPERATION, &to.into(), text, trace_id)?];
        self.send(OPERATION, "sms/send/otp", Layout::One, &rows, options).await
    }

    /// What became of messages, by the gateway's ids, in their order (`GetSmsDelivery`).
    pub async fn get_sms_delivery(&self, ids: &[MessageId]) -> Result<Vec<Status>> {
        const OPERATION: Operation = Operation::reads("get_sms_delivery");
        let Account { credentials, capabilities, v2_delivery_path, .. } = &*self.account;
        // Without the path of `v2` there is nothing to count for: the setting is what is missing.
        if let Some(most) = capabilities.deliveries {
            self.require_count(OPERATION, "ids", ids.len(), most)?;
        }
        let read = |answer: &Answer<'_>| -> Result<Vec<Status>> {
            let statuses = match self.account.dialect {
                Dialect::WebService => {
                    let rows = web_service::statuses(answer)?;
                    let of = |(index, id): (usize, &MessageId)| {
                        // Most likely they are in the order of the question.
                        let mut rows = rows.get(index).into_iter().chain(&rows);
                        rows.find(|(row, _)| row == id).map(|(_, status)| status.clone())
                    };
                    ids.iter().enumerate().map(of).collect::<Option<Vec<_>>>()
                }
                Dialect::Soap => Some(soap::statuses(answer)?),
                Dialect::PublicApi | Dialect::V2 => Some(envelope::statuses(answer)?),
            };
            // Statuses answer by position: with another count, nobody knows which is whose.
            let statuses = statuses.filter(|statuses| statuses.len() == ids.len());
            let statuses = statuses.ok_or_else(|| answer.unreadable("it has not one status for each id"))?;
            let rows = ids.iter().zip(statuses);
            Ok(rows.map(|(id, status)| Status { message_id: *id, status: quoted(answer, status) }).collect())
        };
        let request = match self.account.dialect {
            Dialect::Soap => soap::get_sms_delivery(credentials, ids),
            Dialect::PublicApi => Ok(form::get_sms_delivery(credentials, ids)),
            Dialect::V2 => require(v2_delivery_path.as_deref(), "v2_delivery_path")
                .map(|path| envelope::get_sms_delivery(credentials, path, ids)),
            Dialect::WebService => web_service::get_sms_delivery(credentials, ids),
        };
        self.call(OPERATION, request, read).await
    }

    /// What became of one message, by the caller's trace id (`GetSmsDeliveryWithClientId`).
    pub async fn get_sms_delivery_with_client_id(&self, trace_id: TraceId) -> Result<TraceStatus> {
        type Decode = fn(&Answer<'_>) -> Result<(SmsStatus, Option<MessageId>)>;
        const OPERATION: Operation = Operation::reads("get_sms_delivery_with_client_id");
        let credentials = &self.account.credentials;
        let valid = trace_id.require(OPERATION.name, || "trace_id".into());
        let read = |decode: Decode| {
            move |answer: &Answer<'_>| {
                let (status, id) = decode(answer)?;
                Ok((quoted(answer, status), id))
            }
        };
        let (status, message_id) = match self.account.dialect {
            Dialect::Soap => {
                let request =
                    valid.and_then(|_| soap::get_sms_delivery_with_client_id(credentials, trace_id));
                self.call(OPERATION, request, read(soap::status_with_client_id)).await?
            }
            Dialect::PublicApi => {
                let request = valid.map(|_| form::get_sms_delivery_with_client_id(credentials, trace_id));
                self.call(OPERATION, request, read(form::status_with_client_id)).await?
            }
            Dialect::V2 | Dialect::WebService => return Err(self.lacks(OPERATION, USE_PUBLIC_API)),
        };
        Ok(TraceStatus { trace_id, message_id, status })
    }

    /// The credit, in rials (`GetCredit`).
    pub async fn get_credit(&self) -> Result<f64> {
        const OPERATION: Operation = Operation::reads("get_credit");
        if self.account.dialect == Dialect::WebService {
            let request = web_service::bare(&self.account.credentials, "panel/credit");
            return self.call(OPERATION, request, web_service::number).await;
        }
        self.number(OPERATION, "GetCredit").await
    }

    /// The discount credit, in rials (`GetDiscountCredit`).
    pub async fn get_discount_credit(&self) -> Result<f64> {
        self.number(Operation::reads("get_discount_credit"), "GetDiscountCredit").await
    }

    /// When the panel expires, as the gateway writes it (`GetPanelExpireDate`); `None` where it says nothing.
    pub async fn get_panel_expire_date(&self) -> Result<Option<String>> {
        const OPERATION: Operation = Operation::reads("get_panel_expire_date");
        let credentials = &self.account.credentials;
        match self.account.dialect {
            Dialect::WebService => {
                self.call(OPERATION, web_service::bare(credentials, "panel/expire-date"), web_service::text)
                    .await
            }
            _ => self.text(OPERATION, "GetPanelExpireDate", |_, date| Ok(date)).await,
        }
    }

    /// The incoming messages of a range (`GetReceiveSms`). What it returns is marked as visited and not returned again,
    /// so this call is never repeated, and a failure after the request may have left has the outcome `unclear`.
    pub async fn get_receive_sms(
        &self,
        from: Option<TehranTime>,
        until: Option<TehranTime>,
    ) -> Result<Vec<IncomingMessage>> {
        const OPERATION: Operation = Operation::takes("get_receive_sms").when_unclear(AFTER_LOST_INBOX);
        let credentials = &self.account.credentials;
        match self.account.dialect {
            Dialect::Soap => {
                self.call(OPERATION, soap::range(credentials, "GetReceiveSms", from, until), soap::inbox)
                    .await
            }
            Dialect::PublicApi => {
                self.call(OPERATION, Ok(form::range(credentials, "GetReceiveSms", from, until)), form::inbox)
                    .await
            }
            Dialect::V2 | Dialect::WebService => Err(self.lacks(OPERATION, USE_PUBLIC_API)),
        }
    }

    /// Makes the incoming messages of a range unread again (`ResetReceiveSmsVisitedStatus`).
    pub async fn reset_receive_sms_visited_status(
        &self,
        from: Option<TehranTime>,
        until: Option<TehranTime>,
    ) -> Result<bool> {
        const OPERATION: Operation = Operation::reads("reset_receive_sms_visited_status");
        const WIRE: &str = "ResetReceiveSmsVisitedStatus";
        let credentials = &self.account.credentials;
        match self.account.dialect {
            Dialect::Soap => {
                let request = soap::range(credentials, WIRE, from, until);
                self.call(OPERATION, request, |answer| soap::truth(answer, WIRE)).await
            }
            Dialect::PublicApi => {
                self.call(OPERATION, Ok(form::range(credentials, WIRE, from, until)), form::truth).await
            }
            Dialect::V2 | Dialect::WebService => Err(self.lacks(OPERATION, USE_PUBLIC_API)),
        }
    }

    /// The gateway's clock, as it writes it (`GetServertime`).
    pub async fn get_server_time(&self) -> Result<String> {
        const OPERATION: Operation = Operation::reads("get_server_time");
        self.text(OPERATION, "GetServertime", |answer, time| {
            time.ok_or_else(|| answer.unreadable("it says no time"))
        })
        .await
    }

    /// The account's lines, without their leading 98 (`GetSenderNumbers`).
    pub async fn get_sender_numbers(&self) -> Result<Vec<String>> {
        const OPERATION: Operation = Operation::reads("get_sender_numbers");
        const WIRE: &str = "GetSenderNumbers";
        let credentials = &self.account.credentials;
        let lines = match self.account.dialect {
            Dialect::Soap => {
                self.call(OPERATION, soap::bare(credentials, WIRE), |answer| soap::texts(answer, WIRE))
                    .await?
            }
            Dialect::PublicApi => {
                self.call(OPERATION, Ok(form::request(credentials, WIRE, &[])), form::texts).await?
            }
            Dialect::V2 | Dialect::WebService => return Err(self.lacks(OPERATION, USE_PUBLIC_API)),
        };
        Ok(lines
            .iter()
            .map(|line| without_98(&SenderLine::from(line.as_str())).as_str().to_owned())
            .collect())
    }

    /// An operation that this client has no method for, over `public-api` or `v2`: `fields` goes out as a form beside the
    /// credentials, and the body comes back as it is. It is taken as one that may have sent something.
    ///
    /// `path` is the operation's name below the base address, never something that a user of yours has written; fields that the
    /// client sets itself (`username`, `password`) are refused.
    pub async fn raw(&self, path: &str, fields: &[(&str, &str)]) -> Result<String> {
        const OPERATION: Operation = Operation::acts("raw");
        if !matches!(self.account.dialect, Dialect::PublicApi | Dialect::V2) {
            return Err(self.lacks(OPERATION, USE_PUBLIC_API));
        }
        let read = |answer: &Answer<'_>| {
            answer.require_success()?;
            Ok(String::from_utf8_lossy(&answer.body).into_owned())
        };
        self.call(OPERATION, form::raw(&self.account.credentials, path, fields), read).await
    }

    async fn send(
        &self,
        operation: Operation,
        wire_operation: &'static str,
        layout: Layout,
        rows: &[Row<'_>],
        options: &SendOptions,
    ) -> Result<SendBatch> {
        let Account { credentials, dialect, .. } = &*self.account;
        let sender = require(options.sender.as_ref().or(self.account.sender.as_ref()), "sender")
            .map(without_98)
            .map_err(|error| self.named(operation, error))?;
        let decode = |answer: &Answer<'_>| {
            let (status, batch) = match dialect {
                Dialect::Soap => soap::sent(answer, wire_operation)?,
                Dialect::PublicApi => form::sent(answer)?,
                Dialect::V2 => envelope::sent(answer)?,
                Dialect::WebService => web_service::sent(answer)?,
            };
            answer.require_rows(batch.message_ids.len(), rows.len())?;
            judged(answer, &status, batch)
        };
        let read = |answer: &Answer<'_>| match answer.own_refusal(decode) {
            Some(refusal) => Err(refusal),
            None => decode(answer),
        };
        let name = operation.name;
        let request = match (dialect, layout, rows.first()) {
            (Dialect::Soap, _, _) => soap::send(credentials, name, wire_operation, rows, &sender, options),
            (Dialect::PublicApi, _, _) => {
                form::send(credentials, name, wire_operation, rows, &sender, options)
            }
            (Dialect::V2, Layout::One, Some(row)) => {
                Ok(envelope::send_one(credentials, row, &sender, options))
            }
            (Dialect::V2, _, _) => Err(self.lacks(operation, USE_SEND_ONE)),
            (Dialect::WebService, _, _) => {
                let path = match layout {
                    Layout::One => wire_operation,
                    Layout::Group => "sms/send/group",
                    Layout::Personal => "sms/send/ptp",
                };
                web_service::send(credentials, path, layout, rows, &sender, options)
            }
        };
        self.call(operation, request, read).await
    }

    async fn number(&self, operation: Operation, wire: &str) -> Result<f64> {
        let credentials = &self.account.credentials;
        match self.account.dialect {
            Dialect::Soap => {
                self.call(operation, soap::bare(credentials, wire), |answer| soap::number(answer, wire)).await
            }
            Dialect::PublicApi => {
                self.call(operation, Ok(form::request(credentials, wire, &[])), form::number).await
            }
            Dialect::V2 | Dialect::WebService => Err(self.lacks(operation, USE_PUBLIC_API)),
        }
    }

    /// `read` decides what a text that is not there means.
    async fn text<T: Send>(
        &self,
        operation: Operation,
        wire: &str,
        read: impl Fn(&Answer<'_>, Option<String>) -> Result<T> + Send,
    ) -> Result<T> {
        let credentials = &self.account.credentials;
        match self.account.dialect {
            Dialect::Soap => {
                let read = move |answer: &Answer<'_>| read(answer, soap::text(answer, wire)?);
                self.call(operation, soap::bare(credentials, wire), read).await
            }
            Dialect::PublicApi => {
                let read = move |answer: &Answer<'_>| read(answer, form::text(answer)?);
                self.call(operation, Ok(form::request(credentials, wire, &[])), read).await
            }
            Dialect::V2 | Dialect::WebService => Err(self.lacks(operation, USE_PUBLIC_API)),
        }
    }

    async fn call<T: Send>(
        &self,
        operation: Operation,
        request: Result<Request>,
        read: impl Fn(&Answer<'_>) -> Result<T> + Send,
    ) -> Result<T> {
        let request = request.map_err(|error| self.named(operation, error))?;
        self.transport.call(operation, request, read).await
    }

    fn named(&self, operation: Operation, error: Error) -> Error {
        error.with_gateway(&self.account.name).with_operation(operation.name)
    }

    fn refuse(&self, operation: Operation, field: impl Into<String>, detail: &str) -> Error {
        self.named(operation, Error::invalid_input(operation.name, field, detail))
    }

    fn lacks(&self, operation: Operation, instead: &str) -> Error {
        let dialect = self.account.dialect.as_str();
        lacks(
            &self.account.name,
            operation.name,
            &format!("the dialect {dialect} does not have this; {instead}"),
        )
    }

    fn require_count(&self, operation: Operation, field: &str, count: usize, most: usize) -> Result<()> {
        match count {
            0 => Err(self.refuse(operation, field, "empty")),
            _ if count > most => {
                let detail =
                    format!("a list of {count}; one request carries {most} (the setting max_recipients)");
                Err(self.refuse(operation, field, &detail))
            }
            _ => Ok(()),
        }
    }

    fn row<'a>(
        &self,
        operation: Operation,
        to: &Recipient,
        text: &'a str,
        trace_id: Option<TraceId>,
    ) -> Result<Row<'a>> {
        if text.is_empty() {
            return Err(self.refuse(operation, "text", "empty"));
        }
        let name = operation.name;
        let to = to.require(name, || "to".into()).map_err(|error| self.named(operation, error))?;
        if let Some(id) = trace_id {
            id.require(name, || "trace_id".into()).map_err(|error| self.named(operation, error))?;
        }
        Ok(Row { to, text, trace_id })
    }

    /// Checks the messages of a request to many; `field` is what the caller calls the list.
    fn rows<'a>(
        &self,
        operation: Operation,
        field: &str,
        messages: impl ExactSizeIterator<Item = (&'a Recipient, &'a str, Option<TraceId>)>,
    ) -> Result<Vec<Row<'a>>> {
        if self.account.dialect == Dialect::V2 {
            return Err(self.lacks(operation, USE_SEND_ONE));
        }
        let most = self.account.capabilities.max_recipients;
        self.require_count(operation, field, messages.len(), most)?;
        let shared_text = field == "recipients";
        let rows = messages.enumerate().map(|(index, (to, text, trace_id))| {
            if text.is_empty() {
                let field = if shared_text { "text".to_owned() } else { format!("{field}[{index}].text") };
                return Err(self.refuse(operation, field, "empty"));
            }
            let to = to
                .require(operation.name, || format!("{field}[{index}].to"))
                .map_err(|error| self.named(operation, error))?;
            if let Some(id) = trace_id {
                id.require(operation.name, || format!("{field}[{index}].trace_id"))
                    .map_err(|error| self.named(operation, error))?;
            }
            Ok(Row { to, text, trace_id })
        });
        let rows = rows.collect::<Result<Vec<_>>>()?;
        let first = rows.first().is_some_and(|row| row.trace_id.is_some());
        match rows.iter().position(|row| row.trace_id.is_some() != first) {
            None => Ok(rows),
            Some(index) => {
                let detail = "there for some and missing for others; the wire pairs trace ids by position";
                Err(self.refuse(operation, format!("{field}[{index}].trace_id"), detail))
            }
        }
    }
}

const USE_PUBLIC_API: &str = "use the dialect public-api";
const USE_SEND_ONE: &str = "use send_one, or the dialect public-api";

/// A batch whose status is no success is a refusal.
fn judged(answer: &Answer<'_>, status: &SendStatus, batch: SendBatch) -> Result<SendBatch> {
    match status.meaning() {
        None => Ok(batch),
        Some(meaning) => Err(answer.refusal(status.to_code(), meaning, batch.warning.as_deref())),
    }
}

/// A status that no table has is the gateway's own words.
fn quoted(answer: &Answer<'_>, status: SmsStatus) -> SmsStatus {
    match status {
        SmsStatus::UnknownName(name) => SmsStatus::UnknownName(answer.quote_name(&name).into()),
        known => known,
    }
}

/// The refusal that the table of send results has under this name.
fn refusal_of_name(name: &str) -> Option<Error> {
    let status = SendStatus::from_wire_name(name);
    let meaning =
        status.meaning().filter(|_| status.code().is_some() && !matches!(status, SendStatus::Unknown(_)))?;
    Some(Error::from_code("", status.to_code(), meaning, None))
}

/// The gateway wants its lines without the country code.
fn without_98(line: &SenderLine) -> SenderLine {
    let text = line.as_str();
    let digits = text.strip_prefix('+').unwrap_or(text);
    match digits.strip_prefix("98") {
        Some(rest) if !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()) => rest.into(),
        _ => line.clone(),
    }
}

/// Shows everything but the credentials.
impl fmt::Debug for NikSms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NikSms")
            .field("name", &self.account.name)
            .field("dialect", &self.account.dialect)
            .field("base_url", &self.account.credentials.base.as_str())
            .field("sender", &self.account.sender)
            .finish_non_exhaustive()
    }
}
