//! Payam Resan (REST, V3): the client, one method an operation.

mod builder;
mod codes;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod gateway;
mod types;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use secrecy::SecretString;
use url::Url;

pub use self::builder::PayamResanBuilder;
pub use self::codes::{ErrorCode, MessageStatus, TemplateStatus};
pub use self::types::{AccountInfo, Sent, Status, Template, TemplateMessage, TemplateSent};
use crate::error::{Error, Result};
use crate::gateway::Capabilities;
use crate::memory::Memory;
use crate::message::{Destination, IncomingMessage, MessageId, PersonalMessage, SenderLine, TraceId};
use crate::phone::Recipient;
use crate::settings::require;
use crate::transport::{Operation, Transport};

/// The most recipients of one request, and the most ids of one question ("Operations" of the protocol page).
pub const MAX_RECIPIENTS: usize = 99;

/// The most parameters of a template.
pub const MAX_PARAMETERS: usize = 10;

/// A client of Payam Resan's V3: one method an operation of the protocol page, nothing hidden and no send repeated.
///
/// Make one and share it: clones use the same connections. Of their calls 100 are under way at once; the others wait for their turn,
/// and a call's time limit begins with it.
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
    memory: Arc<Memory>,
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

    /// A messenger has a patience and limits of its own, and two would multiply.
    fn for_messenger(&self) -> Self {
        Self { transport: self.transport.for_messenger(), account: self.account.clone() }
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

    /// One text to up to 99 recipients, by `GET Send`, as a last resort: the key and the text stand in the address, so in the
    /// access logs of whoever is on the way, and in memory until it is overwritten. [`send_bulk`](Self::send_bulk) does the same
    /// by POST, and takes trace ids.
    pub async fn send(
        &self,
        text: &str,
        recipients: &[Recipient],
        sender: Option<&SenderLine>,
    ) -> Result<Vec<Sent>> {
        const OPERATION: Operation = Operation::acts("send");
        let request = self.sender(sender).and_then(|sender| self.wire().send(text, recipients, sender));
        self.transport
            .call(OPERATION, request.map_err(self.named(OPERATION))?, |answer| {
                wire::sent(answer, recipients.len())
            })
            .await
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
        self.transport
            .call(OPERATION, request.map_err(self.named(OPERATION))?, |answer| {
                wire::sent(answer, recipients.len())
            })
            .await
    }

    /// A text, a line and a trace id each, up to 99 (`POST SendMultiple`).
    pub async fn send_multiple(&self, messages: &[PersonalMessage]) -> Result<Vec<Sent>> {
        const OPERATION: Operation = Operation::acts("send_multiple");
        let request = self.wire().send_multiple(messages, self.account.sender.as_ref());
        self.transport
            .call(OPERATION, request.map_err(self.named(OPERATION))?, |answer| {
                wire::sent(answer, messages.len())
            })
            .await
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

    /// The same by `GET`, as a last resort: the key and the one-time password stand in the address, so in the access logs of
    /// whoever is on the way, and in memory until it is overwritten.
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
        self.transport
            .call(OPERATION, request.map_err(self.named(OPERATION))?, |answer| wire::template_sent(answer, 1))
            .await
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
        self.transport
            .call(OPERATION, request.map_err(self.named(OPERATION))?, |answer| {
                wire::template_sent(answer, recipients.len())
            })
            .await
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
        self.transport.call(OPERATION, request, |answer| wire::statuses(answer, ids.len())).await
    }

    /// What became of up to 99 messages, by the caller's trace ids (`POST StatusByUserTraceId`).
    pub async fn status_by_trace_id(&self, trace_ids: &[TraceId]) -> Result<Vec<Status>> {
        const OPERATION: Operation = Operation::reads("status_by_trace_id");
        let request = self.wire().status_by_trace_id(trace_ids).map_err(self.named(OPERATION))?;
        self.transport.call(OPERATION, request, |answer| wire::statuses(answer, trace_ids.len())).await
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
        const OPERATION: Operation = Operation::takes("get_inbox");
        let request = self.wire().bare("GetInbox").map_err(self.named(OPERATION))?;
        self.transport.call(OPERATION, request, wire::inbox).await
    }

    /// An operation that this client has no method for: `fields` goes out as JSON beside the key, and `Result` comes back
    /// as it is. It is taken as one that may have sent something.
    ///
    /// `path` is the operation's name below the base address, never something that a user of yours has written; a field `ApiKey`,
    /// which the client sets itself, is refused.
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
