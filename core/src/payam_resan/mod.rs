//! Payam Resan (REST, V3): the client, one method an operation.

mod codes;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::Method;
use secrecy::SecretString;
use serde::Serialize;
use url::Url;

pub use self::codes::{ErrorCode, MessageStatus, TemplateStatus};
use crate::delivery::DeliveryStatus;
use crate::error::{Error, Result};
use crate::gateway::{
    Accepted, Balance, Batch, BatchKind, Capabilities, Gateway, Outgoing, Personal, Registration,
};
use crate::message::{Destination, IncomingMessage, MessageId, PersonalMessage, SenderLine, TraceId};
use crate::phone::Recipient;
use crate::settings::{Settings, environment, require, shared_settings, shown};
use crate::transport::{Operation, Transport, base_url};

const PRODUCTION: &str = "https://api.sms-webservice.com/api/V3/";
const SANDBOX: &str = "https://api.sms-webservice.com/api/V3SandBox/";

/// The most recipients of one request, and the most ids of one question ("Operations" of the protocol page).
pub const MAX_RECIPIENTS: usize = 99;

/// The most parameters of a template.
pub const MAX_PARAMETERS: usize = 10;

/// A client of Payam Resan's V3: one method an operation of the protocol page, nothing hidden and no send repeated.
///
/// Make one and share it: clones use the same connections.
///
/// ```no_run
/// # async fn example() -> payamak::Result<()> {
/// use payamak::{Destination, PayamResan, TraceId};
///
/// let gateway = PayamResan::builder().api_key("…").sender(30004040).build()?;
/// let sent = gateway.send_bulk("سلام", &[Destination::new("09121112222", Some(TraceId::new(981)))], None).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct PayamResan {
    transport: Transport,
    account: Arc<Account>,
}

struct Account {
    name: Arc<str>,
    base: Url,
    key: SecretString,
    sender: Option<SenderLine>,
    capabilities: Capabilities,
}

/// What a client of Payam Resan needs to know.
#[derive(Clone, Default)]
pub struct PayamResanBuilder {
    settings: Settings,
    api_key: Option<SecretString>,
    sender: Option<SenderLine>,
    sandbox: bool,
}

impl PayamResanBuilder {
    /// The key of the panel (`ApiKey`).
    #[must_use]
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(SecretString::from(key.into()));
        self
    }

    /// The line to send from, unless a call names another.
    #[must_use]
    pub fn sender(mut self, sender: impl Into<SenderLine>) -> Self {
        self.sender = Some(sender.into());
        self
    }

    /// Use the gateway's own sandbox: any key, nothing is sent, no templates.
    #[must_use]
    pub fn sandbox(mut self, sandbox: bool) -> Self {
        self.sandbox = sandbox;
        self
    }

    shared_settings!();

    /// Takes what was not given from `PAYAM_RESAN_API_KEY` and `PAYAM_RESAN_SENDER`.
    #[must_use]
    pub fn from_env(mut self) -> Self {
        self.api_key = self.api_key.or_else(|| environment("PAYAM_RESAN_API_KEY").map(SecretString::from));
        self.sender = self.sender.or_else(|| environment("PAYAM_RESAN_SENDER").map(SenderLine::from));
        self
    }

    /// The client; an error names the setting that is missing or wrong.
    pub fn build(self) -> Result<PayamResan> {
        let Self { settings, api_key, sender, sandbox } = self;
        let name: Arc<str> = settings.name.as_deref().unwrap_or("payam-resan").into();
        let named = |error: Error| error.with_gateway(&name);
        let key = require(api_key, "api_key").map_err(named)?;
        let given = settings.base_url.as_deref().unwrap_or(if sandbox { SANDBOX } else { PRODUCTION });
        let path = if sandbox { "/api/V3SandBox/" } else { "/api/V3/" };
        let base = base_url(given, path, settings.allow_insecure, "Use https").map_err(named)?;
        let transport = Transport::new(&settings, &name, &base, vec![key.clone()])?;
        let capabilities = Capabilities {
            max_recipients: MAX_RECIPIENTS,
            personal: Some(Personal { one_sender: false, no_commas: false }),
            templates: true,
            look_up: Some(MAX_RECIPIENTS),
            deliveries: Some(MAX_RECIPIENTS),
            inbox: true,
            poll_interval: Duration::from_secs(180),
        };
        Ok(PayamResan { transport, account: Arc::new(Account { name, base, key, sender, capabilities }) })
    }
}

impl PayamResan {
    /// Starts the settings of a client.
    pub fn builder() -> PayamResanBuilder {
        PayamResanBuilder::default()
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

    fn wire(&self) -> wire::Account<'_> {
        wire::Account { base: &self.account.base, key: &self.account.key }
    }

    /// An error made before anything left, with the name of this gateway.
    fn named(&self, operation: Operation) -> impl Fn(Error) -> Error {
        let gateway = self.account.name.clone();
        move |error| error.with_gateway(&gateway).with_operation(operation.name)
    }

    fn sender<'a>(&'a self, sender: Option<&'a SenderLine>) -> Result<&'a SenderLine> {
        require(sender.or(self.account.sender.as_ref()), "sender")
    }

    /// One text to up to 99 recipients, by `GET Send`: the key and the text stand in the address, so in access logs.
    /// Prefer [`send_bulk`](Self::send_bulk), which also takes trace ids.
    pub async fn send(
        &self,
        text: &str,
        recipients: &[Recipient],
        sender: Option<&SenderLine>,
    ) -> Result<Vec<Sent>> {
        const OPERATION: Operation = Operation::acts("send");
        let request = self.sender(sender).and_then(|sender| self.wire().send(text, recipients, sender));
        self.transport.call(OPERATION, request.map_err(self.named(OPERATION))?, wire::sent).await
    }

    /// One text to up to 99 recipients, each with a trace id (`POST SendBulk`).
    pub async fn send_bulk(
        &self,
        text: &str,
        recipients: &[Destination],
        sender: Option<&SenderLine>,
    ) -> Result<Vec<Sent>> {
        const OPERATION: Operation = Operation::acts("send_bulk");
        let request = self.sender(sender).and_then(|sender| self.wire().send_bulk(text, recipients, sender));
        self.transport.call(OPERATION, request.map_err(self.named(OPERATION))?, wire::sent).await
    }

    /// A text, a line and a trace id each, up to 99 (`POST SendMultiple`).
    pub async fn send_multiple(&self, messages: &[PersonalMessage]) -> Result<Vec<Sent>> {
        const OPERATION: Operation = Operation::acts("send_multiple");
        let request = self.wire().send_multiple(messages, self.account.sender.as_ref());
        self.transport.call(OPERATION, request.map_err(self.named(OPERATION))?, wire::sent).await
    }

    /// A template to one recipient, without a trace id (`POST SendTokenSingle`): after an unclear failure nobody can ask
    /// whether it was sent. [`send_token_multi`](Self::send_token_multi) with one recipient can be asked for.
    pub async fn send_token_single(
        &self,
        template: &str,
        to: impl Into<Recipient>,
        parameters: &[String],
    ) -> Result<Vec<TemplateSent>> {
        self.send_token_single_by(&Method::POST, template, &to.into(), parameters).await
    }

    /// The same by `GET`: the key and the one-time password stand in the address, so in access logs.
    pub async fn send_token_single_by_get(
        &self,
        template: &str,
        to: impl Into<Recipient>,
        parameters: &[String],
    ) -> Result<Vec<TemplateSent>> {
        self.send_token_single_by(&Method::GET, template, &to.into(), parameters).await
    }

    async fn send_token_single_by(
        &self,
        verb: &Method,
        template: &str,
        to: &Recipient,
        parameters: &[String],
    ) -> Result<Vec<TemplateSent>> {
        const OPERATION: Operation = Operation::acts("send_token_single");
        let request = self.wire().send_token_single(verb, template, to, parameters);
        self.transport.call(OPERATION, request.map_err(self.named(OPERATION))?, wire::template_sent).await
    }

    /// A template to up to 99 recipients, parameters and a trace id each (`POST SendTokenMulti`). The gateway chooses
    /// the line.
    pub async fn send_token_multi(
        &self,
        template: &str,
        recipients: &[TemplateMessage],
    ) -> Result<Vec<TemplateSent>> {
        const OPERATION: Operation = Operation::acts("send_token_multi");
        let request = self.wire().send_token_multi(template, recipients);
        self.transport.call(OPERATION, request.map_err(self.named(OPERATION))?, wire::template_sent).await
    }

    /// The account's templates (`POST TokenList`).
    pub async fn token_list(&self) -> Result<Vec<Template>> {
        const OPERATION: Operation = Operation::reads("token_list");
        let request = self.wire().bare("TokenList").map_err(self.named(OPERATION))?;
        self.transport.call(OPERATION, request, wire::templates).await
    }

    /// What became of up to 99 messages, by the gateway's ids (`POST StatusById`). Every few minutes an id at most, or
    /// the gateway answers with error 20.
    pub async fn status_by_id(&self, ids: &[MessageId]) -> Result<Vec<Status>> {
        const OPERATION: Operation = Operation::reads("status_by_id");
        let request = self.wire().status_by_id(ids).map_err(self.named(OPERATION))?;
        self.transport.call(OPERATION, request, wire::statuses).await
    }

    /// What became of up to 99 messages, by the caller's trace ids (`POST StatusByUserTraceId`).
    pub async fn status_by_trace_id(&self, trace_ids: &[TraceId]) -> Result<Vec<Status>> {
        const OPERATION: Operation = Operation::reads("status_by_trace_id");
        let request = self.wire().status_by_trace_id(trace_ids).map_err(self.named(OPERATION))?;
        self.transport.call(OPERATION, request, wire::statuses).await
    }

    /// The account's credit and lines (`POST AccountInfo`).
    pub async fn account_info(&self) -> Result<AccountInfo> {
        const OPERATION: Operation = Operation::reads("account_info");
        let request = self.wire().bare("AccountInfo").map_err(self.named(OPERATION))?;
        self.transport.call(OPERATION, request, wire::account_info).await
    }

    /// The incoming messages (`POST GetInbox`). Each is handed out once: what is fetched and then lost is lost for good,
    /// so this call is never repeated, and a failure after the request may have left has the outcome `unclear`.
    pub async fn get_inbox(&self) -> Result<Vec<IncomingMessage>> {
        const OPERATION: Operation = Operation::acts("get_inbox");
        let request = self.wire().bare("GetInbox").map_err(self.named(OPERATION))?;
        self.transport.call(OPERATION, request, wire::inbox).await
    }

    /// An operation that this client has no method for: `fields` goes out as JSON beside the key, and `Result` comes back
    /// as it is. It is taken as one that may have sent something.
    pub async fn raw(
        &self,
        path: &str,
        fields: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<serde_json::Value> {
        const OPERATION: Operation = Operation::acts("raw");
        let request = self.wire().raw(path, fields).map_err(self.named(OPERATION))?;
        self.transport.call(OPERATION, request, wire::raw).await
    }
}

/// Shows everything but the key.
impl fmt::Debug for PayamResan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayamResan")
            .field("name", &self.account.name)
            .field("base_url", &self.account.base.as_str())
            .field("sender", &self.account.sender)
            .finish_non_exhaustive()
    }
}

/// Shows everything but the key.
impl fmt::Debug for PayamResanBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayamResanBuilder")
            .field("base_url", &shown(self.settings.base_url.as_ref()))
            .field("sender", &self.sender)
            .field("sandbox", &self.sandbox)
            .finish_non_exhaustive()
    }
}

/// A message that the gateway has taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Sent {
    /// The gateway's id.
    pub message_id: Option<MessageId>,
    /// The caller's trace id, as the gateway repeats it.
    pub trace_id: Option<TraceId>,
}

/// A message that the gateway has made of a template. Its text stays out of `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TemplateSent {
    /// The gateway's id.
    pub message_id: Option<MessageId>,
    /// The caller's trace id, as the gateway repeats it.
    pub trace_id: Option<TraceId>,
    /// The line that the gateway chose.
    pub sender: Option<String>,
    /// The text that went out.
    pub text: Option<String>,
}

impl fmt::Debug for TemplateSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemplateSent")
            .field("message_id", &self.message_id)
            .field("trace_id", &self.trace_id)
            .field("sender", &self.sender)
            .finish_non_exhaustive()
    }
}

/// A recipient of a template, with what fills it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TemplateMessage {
    /// To whom.
    pub to: Recipient,
    /// `parameters[0]` fills `{1}`; at most 10.
    pub parameters: Vec<String>,
    /// The caller's number for the message.
    pub trace_id: Option<TraceId>,
}

impl TemplateMessage {
    /// A recipient with what fills the template.
    pub fn new(to: impl Into<Recipient>, parameters: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { to: to.into(), parameters: parameters.into_iter().map(Into::into).collect(), trace_id: None }
    }

    /// Known by this trace id.
    #[must_use]
    pub fn trace_id(mut self, trace_id: TraceId) -> Self {
        self.trace_id = Some(trace_id);
        self
    }
}

/// Shows how many parameters there are, not what they are: one of them is a one-time password.
impl fmt::Debug for TemplateMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemplateMessage")
            .field("to", &self.to)
            .field("parameters", &self.parameters.len())
            .field("trace_id", &self.trace_id)
            .finish()
    }
}

/// A template of the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Template {
    /// What it is sent by.
    pub key: String,
    /// The text, with `{1}` to `{10}`.
    pub text: Option<String>,
    /// The wording of a voice call.
    pub voice: Option<String>,
    /// Only an approved one can be sent.
    pub status: TemplateStatus,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The gateway's id.
    pub message_id: Option<MessageId>,
    /// The caller's trace id.
    pub trace_id: Option<TraceId>,
    /// The status.
    pub status: MessageStatus,
}

/// The account's credit and lines.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AccountInfo {
    /// The credit, in rials.
    pub credit: f64,
    /// The lines that the account may send from.
    pub sender_lines: Vec<String>,
}

impl Gateway for PayamResan {
    fn name(&self) -> &Arc<str> {
        &self.account.name
    }

    fn capabilities(&self) -> &Capabilities {
        &self.account.capabilities
    }

    fn check(&self, message: &Outgoing<'_>) -> Result<()> {
        wire::check(message, self.account.sender.as_ref()).map_err(self.named(Operation::acts("send")))
    }

    fn submit<'a>(&'a self, batch: &'a Batch<'a>) -> BoxFuture<'a, Result<Vec<Accepted>>> {
        Box::pin(async move {
            let messages = batch.messages;
            let accepted = |(trace_id, message_id): (Option<TraceId>, Option<MessageId>)| {
                Some(Accepted {
                    trace_id: trace_id?,
                    message_id: Some(message_id.filter(|id| id.is_real())?),
                })
            };
            let sent = |sent: Vec<Sent>| {
                sent.into_iter().filter_map(|row| accepted((row.trace_id, row.message_id))).collect()
            };
            match (batch.kind, messages) {
                (_, []) => Ok(Vec::new()),
                (BatchKind::Bulk, [first, ..]) => {
                    let recipients: Vec<_> = messages
                        .iter()
                        .map(|message| Destination::new(message.to, Some(message.trace_id)))
                        .collect();
                    self.send_bulk(first.text, &recipients, first.sender).await.map(sent)
                }
                (BatchKind::Personal, _) => {
                    let messages: Vec<_> = messages
                        .iter()
                        .map(|message| PersonalMessage {
                            to: message.to.into(),
                            text: message.text.to_owned(),
                            trace_id: Some(message.trace_id),
                            sender: message.sender.cloned(),
                        })
                        .collect();
                    self.send_multiple(&messages).await.map(sent)
                }
                (BatchKind::Template, [first, ..]) => {
                    let recipients: Vec<_> = messages
                        .iter()
                        .map(|message| TemplateMessage {
                            to: message.to.into(),
                            parameters: message.parameters.to_vec(),
                            trace_id: Some(message.trace_id),
                        })
                        .collect();
                    let rows = self.send_token_multi(first.text, &recipients).await?;
                    Ok(rows.into_iter().filter_map(|row| accepted((row.trace_id, row.message_id))).collect())
                }
            }
        })
    }

    fn look_up<'a>(&'a self, trace_ids: &'a [TraceId]) -> BoxFuture<'a, Result<Vec<Registration>>> {
        Box::pin(async move {
            let rows = self.without_retry().status_by_trace_id(trace_ids).await?;
            let registration = |row: Status| {
                let (trace_id, status) = (row.trace_id?, DeliveryStatus::from(&row.status));
                Some(match row.status {
                    MessageStatus::NotFound => Registration::NotRegistered { trace_id, status },
                    // Only a status proves that the message is there.
                    MessageStatus::Missing => return None,
                    _ => Registration::Registered {
                        trace_id,
                        message_id: row.message_id.filter(|id| id.is_real()),
                        status,
                    },
                })
            };
            Ok(rows.into_iter().filter_map(registration).collect())
        })
    }

    fn deliveries<'a>(
        &'a self,
        ids: &'a [MessageId],
    ) -> BoxFuture<'a, Result<Vec<(MessageId, DeliveryStatus)>>> {
        Box::pin(async move {
            let rows = self.without_retry().status_by_id(ids).await?;
            Ok(rows.into_iter().filter_map(|row| Some((row.message_id?, (&row.status).into()))).collect())
        })
    }

    fn receive(&self) -> BoxFuture<'_, Result<Vec<IncomingMessage>>> {
        Box::pin(self.get_inbox())
    }

    fn balance(&self) -> BoxFuture<'_, Result<Balance>> {
        Box::pin(async move {
            let info = self.account_info().await?;
            Ok(Balance {
                gateway: self.account.name.clone(),
                credit: info.credit,
                sender_lines: info.sender_lines,
            })
        })
    }
}
