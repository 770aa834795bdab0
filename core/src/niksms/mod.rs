//! NikSMS: one client over the service's four wire forms.

mod codes;
mod envelope;
mod form;
mod soap;
mod web_service;
mod xml;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use secrecy::SecretString;
use serde::Serialize;
use url::Url;

pub use self::codes::{SendStatus, SmsStatus};
use self::web_service::Layout;
use crate::delivery::DeliveryStatus;
use crate::error::{Error, Hint, Result};
use crate::gateway::{
    Accepted, Balance, Batch, BatchKind, Capabilities, Gateway, Outgoing, Personal, Registration, lacks,
};
use crate::message::{
    Destination, IncomingMessage, MessageId, PersonalMessage, SenderLine, TehranTime, TraceId,
};
use crate::phone::{Msisdn, Recipient};
use crate::settings::{Settings, environment, require, shared_settings, shown};
use crate::transport::{Answer, Operation, Request, Transport, base_url};

/// The four wire forms of the service ("The dialects" of the protocol page).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// SOAP 1.1. Plain http only, so it is refused unless the host is this machine or `allow_insecure` is set.
    Soap,
    /// Form fields over https, all operations.
    #[default]
    PublicApi,
    /// The envelope `{Status, Exception, Data}`: sending to one, and deliveries where the path is known.
    V2,
    /// The REST of 2025, with an API key.
    WebService,
}

impl Dialect {
    /// `soap`, `public-api`, `v2` or `web-service`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Soap => "soap",
            Self::PublicApi => "public-api",
            Self::V2 => "v2",
            Self::WebService => "web-service",
        }
    }

    fn address(self) -> (&'static str, &'static str) {
        match self {
            Self::Soap => ("http://niksms.com:1370/NiksmsWebservice.svc", "/NiksmsWebservice.svc"),
            Self::PublicApi => ("https://niksms.com/fa/PublicApi/", "/fa/PublicApi/"),
            Self::V2 => ("https://niksms.com/api/v2/", "/api/v2/"),
            Self::WebService => ("https://webservice.niksms.com/api/v1/web-service/", "/api/v1/web-service/"),
        }
    }
}

impl FromStr for Dialect {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Soap, Self::PublicApi, Self::V2, Self::WebService]
            .into_iter()
            .find(|dialect| dialect.as_str() == text)
            .ok_or_else(|| {
                Error::setting("dialect", "none of soap, public-api, v2 and web-service").with_value(text)
            })
    }
}

/// A client of NikSMS in one of its dialects: one method an operation of the protocol page, nothing hidden and no send
/// repeated. A dialect that lacks an operation says so before anything is sent.
///
/// Make one and share it: clones use the same connections.
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
}

/// Where the gateway is and who asks; what a dialect does not use is empty.
struct Credentials {
    base: Url,
    username: String,
    password: SecretString,
    api_key: SecretString,
}

/// What a client of NikSMS needs to know.
#[derive(Clone)]
pub struct NikSmsBuilder {
    settings: Settings,
    dialect: Dialect,
    username: Option<String>,
    password: Option<SecretString>,
    api_key: Option<SecretString>,
    sender: Option<SenderLine>,
    v2_delivery_path: Option<String>,
    max_recipients: usize,
    poll_interval: Duration,
}

impl NikSmsBuilder {
    /// Which wire form to speak; `public-api` unless set.
    #[must_use]
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// The user name, for every dialect but `web-service`.
    #[must_use]
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// The password, for every dialect but `web-service`.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(SecretString::from(password.into()));
        self
    }

    /// The API key, for the dialect `web-service`.
    #[must_use]
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(SecretString::from(key.into()));
        self
    }

    /// The line to send from, unless a call names another. A leading 98 is dropped.
    #[must_use]
    pub fn sender(mut self, sender: impl Into<SenderLine>) -> Self {
        self.sender = Some(sender.into());
        self
    }

    /// Where `v2` answers for deliveries, below its base address. Nobody has published it, so there is no default.
    #[must_use]
    pub fn v2_delivery_path(mut self, path: impl Into<String>) -> Self {
        self.v2_delivery_path = Some(path.into());
        self
    }

    /// The most recipients (and ids) of one request; 100 unless set, the gateway's own figure being unknown.
    #[must_use]
    pub fn max_recipients(mut self, count: usize) -> Self {
        self.max_recipients = count;
        self
    }

    /// How long a messenger leaves between two questions about one message; 1 minute unless set, the gateway's own rule
    /// being unknown.
    #[must_use]
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval;
        self
    }

    shared_settings!();

    /// Takes what was not given from `NIKSMS_USERNAME`, `NIKSMS_PASSWORD`, `NIKSMS_API_KEY` and `NIKSMS_SENDER`.
    #[must_use]
    pub fn from_env(mut self) -> Self {
        self.username = self.username.or_else(|| environment("NIKSMS_USERNAME"));
        self.password = self.password.or_else(|| environment("NIKSMS_PASSWORD").map(SecretString::from));
        self.api_key = self.api_key.or_else(|| environment("NIKSMS_API_KEY").map(SecretString::from));
        self.sender = self.sender.or_else(|| environment("NIKSMS_SENDER").map(SenderLine::from));
        self
    }

    /// The client; an error names the setting that is missing or wrong.
    pub fn build(self) -> Result<NikSms> {
        let Self { settings, dialect, sender, v2_delivery_path, max_recipients, poll_interval, .. } = self;
        let name: Arc<str> = settings.name.as_deref().unwrap_or("niksms").into();
        let named = |error: Error| error.with_gateway(&name);
        let (production, path) = dialect.address();
        let given = settings.base_url.as_deref().unwrap_or(production);
        let instead = if dialect == Dialect::Soap {
            "Use the dialect public-api, which has every operation over https"
        } else {
            "Use https"
        };
        let base = base_url(given, path, settings.allow_insecure, instead).map_err(named)?;
        let credentials = if dialect == Dialect::WebService {
            let api_key = require(self.api_key, "api_key").map_err(named)?;
            Credentials { base, username: String::new(), password: SecretString::default(), api_key }
        } else {
            let username = require(self.username, "username").map_err(named)?;
            let password = require(self.password, "password").map_err(named)?;
            Credentials { base, username, password, api_key: SecretString::default() }
        };
        if max_recipients == 0 {
            return Err(named(Error::setting("max_recipients", "0")));
        }
        let mut secrets = vec![credentials.password.clone(), credentials.api_key.clone()];
        // Often a phone number. A shorter one would black out words that have nothing to do with it.
        if credentials.username.len() > 3 {
            secrets.push(credentials.username.as_str().into());
        }
        let transport = Transport::new(&settings, &name, &credentials.base, secrets)?;
        let has_all = matches!(dialect, Dialect::Soap | Dialect::PublicApi);
        let capabilities = Capabilities {
            max_recipients: if dialect == Dialect::V2 { 1 } else { max_recipients },
            personal: (dialect != Dialect::V2)
                .then_some(Personal { one_sender: true, no_commas: dialect == Dialect::PublicApi }),
            templates: false,
            // Asked for one by one; the other two dialects cannot be asked by the caller's id at all.
            look_up: has_all.then_some(1),
            deliveries: (dialect != Dialect::V2 || v2_delivery_path.is_some()).then_some(max_recipients),
            inbox: has_all,
            poll_interval,
        };
        let account = Account { name, dialect, credentials, sender, v2_delivery_path, capabilities };
        Ok(NikSms { transport, account: Arc::new(account) })
    }
}

/// What a send may say beside its texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SendOptions {
    /// The line, instead of the client's setting.
    pub sender: Option<SenderLine>,
    /// When to send; now without it.
    pub send_at: Option<TehranTime>,
    /// Normal without it.
    pub send_type: Option<SendType>,
}

impl SendOptions {
    /// Sent from this line.
    #[must_use]
    pub fn sender(mut self, sender: impl Into<SenderLine>) -> Self {
        self.sender = Some(sender.into());
        self
    }

    /// Sent then.
    #[must_use]
    pub fn send_at(mut self, time: TehranTime) -> Self {
        self.send_at = Some(time);
        self
    }

    /// Sent so.
    #[must_use]
    pub fn send_type(mut self, send_type: SendType) -> Self {
        self.send_type = Some(send_type);
        self
    }
}

/// How a message shows itself on the handset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SendType {
    /// In the inbox.
    Normal,
    /// On the screen, without being kept.
    Flash,
}

impl FromStr for SendType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "normal" => Ok(Self::Normal),
            "flash" => Ok(Self::Flash),
            _ => {
                Err(Error::invalid_input("send_type", "send_type", "neither normal nor flash")
                    .with_value(text))
            }
        }
    }
}

/// What a send answers. Its status is `Successful` or `Warning`, which was sent too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SendBatch {
    /// `Successful`, or `Warning`.
    pub status: SendStatus,
    /// The gateway's id of the whole request.
    pub id: Option<String>,
    /// What the gateway warns of.
    pub warning: Option<String>,
    /// The gateway's ids, in the order of the recipients.
    pub message_ids: Vec<MessageId>,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The gateway's id.
    pub message_id: MessageId,
    /// The status.
    pub status: SmsStatus,
}

/// What became of a message, asked for by the caller's trace id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TraceStatus {
    /// The caller's trace id.
    pub trace_id: TraceId,
    /// The gateway's id; `None` where it has no such message.
    pub message_id: Option<MessageId>,
    /// The status.
    pub status: SmsStatus,
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
        NikSmsBuilder {
            settings: Settings::default(),
            dialect: Dialect::default(),
            username: None,
            password: None,
            api_key: None,
            sender: None,
            v2_delivery_path: None,
            max_recipients: 100,
            poll_interval: Duration::from_secs(60),
        }
    }

    /// The same client, on the same connections, with another time limit a request.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self { transport: self.transport.with_timeout(timeout), account: self.account.clone() }
    }

    /// A messenger has a patience of its own, and two would multiply.
    fn without_retry(&self) -> Self {
        Self { transport: self.transport.without_retry(), account: self.account.clone() }
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
                    let of = |id: &MessageId| {
                        rows.iter().find(|(row, _)| row == id).map(|(_, status)| status.clone())
                    };
                    ids.iter().map(of).collect::<Option<Vec<_>>>()
                }
                Dialect::Soap => Some(soap::statuses(answer)?),
                Dialect::PublicApi | Dialect::V2 => Some(envelope::statuses(answer)?),
            };
            // Statuses answer by position: with another count, nobody knows which is whose.
            let statuses = statuses.filter(|statuses| statuses.len() == ids.len());
            let statuses = statuses.ok_or_else(|| answer.unreadable("it has not one status for each id"))?;
            let rows = ids.iter().zip(statuses);
            Ok(rows.map(|(id, status)| Status { message_id: *id, status }).collect())
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
        const OPERATION: Operation = Operation::reads("get_sms_delivery_with_client_id");
        let credentials = &self.account.credentials;
        let valid = trace_id.require(OPERATION.name, || "trace_id".into());
        let (status, message_id) = match self.account.dialect {
            Dialect::Soap => {
                let request =
                    valid.and_then(|_| soap::get_sms_delivery_with_client_id(credentials, trace_id));
                self.call(OPERATION, request, soap::status_with_client_id).await?
            }
            Dialect::PublicApi => {
                let request = valid.map(|_| form::get_sms_delivery_with_client_id(credentials, trace_id));
                self.call(OPERATION, request, form::status_with_client_id).await?
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
        const OPERATION: Operation =
            Operation { unclear_hint: Some(AFTER_LOST_INBOX), ..Operation::acts("get_receive_sms") };
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
    pub async fn raw(&self, path: &str, fields: &[(&str, &str)]) -> Result<String> {
        const OPERATION: Operation = Operation::acts("raw");
        if !matches!(self.account.dialect, Dialect::PublicApi | Dialect::V2) {
            return Err(self.lacks(OPERATION, USE_PUBLIC_API));
        }
        let read = |answer: &Answer<'_>| {
            answer.require_success()?;
            Ok(String::from_utf8_lossy(&answer.body).into_owned())
        };
        self.call(OPERATION, Ok(form::request(&self.account.credentials, path, fields)), read).await
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
        let read = |answer: &Answer<'_>| {
            let (status, batch) = match dialect {
                Dialect::Soap => soap::sent(answer, wire_operation)?,
                Dialect::PublicApi => form::sent(answer)?,
                Dialect::V2 => envelope::sent(answer)?,
                Dialect::WebService => web_service::sent(answer)?,
            };
            match status.meaning() {
                None => Ok(batch),
                Some(meaning) => {
                    let says = batch.warning.map(|text| answer.quote(&text));
                    Err(Error::from_code(operation.name, status.to_code(), meaning, says))
                }
            }
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
    async fn text<T>(
        &self,
        operation: Operation,
        wire: &str,
        read: impl Fn(&Answer<'_>, Option<String>) -> Result<T>,
    ) -> Result<T> {
        let credentials = &self.account.credentials;
        match self.account.dialect {
            Dialect::Soap => {
                let read = |answer: &Answer<'_>| read(answer, soap::text(answer, wire)?);
                self.call(operation, soap::bare(credentials, wire), read).await
            }
            Dialect::PublicApi => {
                let read = |answer: &Answer<'_>| read(answer, form::text(answer)?);
                self.call(operation, Ok(form::request(credentials, wire, &[])), read).await
            }
            Dialect::V2 | Dialect::WebService => Err(self.lacks(operation, USE_PUBLIC_API)),
        }
    }

    async fn call<T>(
        &self,
        operation: Operation,
        request: Result<Request>,
        read: impl Fn(&Answer<'_>) -> Result<T>,
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

/// Shows everything but the credentials.
impl fmt::Debug for NikSmsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NikSmsBuilder")
            .field("dialect", &self.dialect)
            .field("base_url", &shown(self.settings.base_url.as_ref()))
            .field("sender", &self.sender)
            .finish_non_exhaustive()
    }
}

impl Gateway for NikSms {
    fn name(&self) -> &Arc<str> {
        &self.account.name
    }

    fn capabilities(&self) -> &Capabilities {
        &self.account.capabilities
    }

    fn check(&self, message: &Outgoing<'_>) -> Result<()> {
        let operation = Operation::acts("send");
        require(message.sender.or(self.account.sender.as_ref()), "sender")
            .map_err(|error| self.named(operation, error))?;
        if self.account.dialect == Dialect::Soap && !xml::can_carry(message.text) {
            return Err(self.refuse(
                operation,
                "text",
                "a text with control characters, which XML cannot carry",
            ));
        }
        Ok(())
    }

    fn submit<'a>(&'a self, batch: &'a Batch<'a>) -> BoxFuture<'a, Result<Vec<Accepted>>> {
        Box::pin(async move {
            let messages = batch.messages;
            let Some(first) = messages.first() else {
                return Ok(Vec::new());
            };
            let options = SendOptions { sender: first.sender.cloned(), ..SendOptions::default() };
            let answer = match (batch.kind, self.account.dialect) {
                (BatchKind::Template, _) => {
                    return Err(self.lacks(Operation::acts("send_template"), "it has no templates"));
                }
                (BatchKind::Bulk, Dialect::V2) => {
                    self.send_one(first.text, first.to, Some(first.trace_id), &options).await?
                }
                (BatchKind::Bulk, _) => {
                    let recipients: Vec<_> = messages
                        .iter()
                        .map(|message| Destination::new(message.to, Some(message.trace_id)))
                        .collect();
                    self.group_sms(first.text, &recipients, &options).await?
                }
                (BatchKind::Personal, _) => {
                    let messages: Vec<_> = messages
                        .iter()
                        .map(|message| {
                            PersonalMessage::new(message.to, message.text).trace_id(message.trace_id)
                        })
                        .collect();
                    self.ptp_sms(&messages, &options).await?
                }
            };
            if answer.message_ids.len() != messages.len() {
                // Ids come by position: with another count none of them can be given to anybody.
                return Ok(Vec::new());
            }
            let rows = messages.iter().zip(answer.message_ids).filter(|(_, id)| id.is_real());
            let accepted = |(message, id): (&Outgoing<'_>, _)| Accepted {
                trace_id: message.trace_id,
                message_id: Some(id),
            };
            Ok(rows.map(accepted).collect())
        })
    }

    fn look_up<'a>(&'a self, trace_ids: &'a [TraceId]) -> BoxFuture<'a, Result<Vec<Registration>>> {
        Box::pin(async move {
            let mut registrations = Vec::with_capacity(trace_ids.len());
            for trace_id in trace_ids {
                let row = self.without_retry().get_sms_delivery_with_client_id(*trace_id).await?;
                let (trace_id, status) = (*trace_id, DeliveryStatus::from(&row.status));
                let message_id = row.message_id.filter(|id| id.is_real());
                registrations.extend(match row.status {
                    SmsStatus::NotFound => Some(Registration::NotRegistered { trace_id, status }),
                    // "Unknown" without an id does not prove that there is a message.
                    SmsStatus::StatusUnknown
                    | SmsStatus::Unknown(_)
                    | SmsStatus::UnknownName(_)
                    | SmsStatus::Missing
                        if message_id.is_none() =>
                    {
                        None
                    }
                    _ => Some(Registration::Registered { trace_id, message_id, status }),
                });
            }
            Ok(registrations)
        })
    }

    fn deliveries<'a>(
        &'a self,
        ids: &'a [MessageId],
    ) -> BoxFuture<'a, Result<Vec<(MessageId, DeliveryStatus)>>> {
        Box::pin(async move {
            let rows = self.without_retry().get_sms_delivery(ids).await?;
            Ok(rows.into_iter().map(|row| (row.message_id, (&row.status).into())).collect())
        })
    }

    fn receive(&self) -> BoxFuture<'_, Result<Vec<IncomingMessage>>> {
        Box::pin(self.get_receive_sms(None, None))
    }

    fn balance(&self) -> BoxFuture<'_, Result<Balance>> {
        Box::pin(async move {
            let credit = self.get_credit().await?;
            let sender_lines = match self.account.dialect {
                Dialect::Soap | Dialect::PublicApi => self.get_sender_numbers().await?,
                Dialect::V2 | Dialect::WebService => {
                    self.account.sender.iter().map(|line| line.as_str().into()).collect()
                }
            };
            Ok(Balance { gateway: self.account.name.clone(), credit, sender_lines })
        })
    }
}
