//! Payam Resan over the border.

use std::sync::Arc;

use payamak::payam_resan::{Sent, Status, TemplateMessage, TemplateSent};
use payamak::{Error, MessageId, PayamResan, Recipient, SenderLine, TraceId};

use crate::convert::{
    RawCode, RawDeliveryStatus, RawDestination, RawIncomingMessage, RawPersonalMessage, RawTemplateMessage,
    all,
};
use crate::error::RawError;
use crate::runtime::{RawCancel, call};
use crate::settings::{RawSettings, apply, duration};

/// A message that the gateway has taken.
#[derive(uniffi::Record)]
pub struct RawSent {
    /// The gateway's id.
    pub message_id: Option<i64>,
    /// The caller's.
    pub trace_id: Option<i64>,
    /// Of a template: the line.
    pub sender: Option<String>,
    /// Of a template: what went out.
    pub text: Option<String>,
}

impl From<Sent> for RawSent {
    fn from(sent: Sent) -> Self {
        Self {
            message_id: sent.message_id.map(MessageId::get),
            trace_id: sent.trace_id.map(TraceId::get),
            sender: None,
            text: None,
        }
    }
}

impl From<TemplateSent> for RawSent {
    fn from(sent: TemplateSent) -> Self {
        Self {
            message_id: sent.message_id.map(MessageId::get),
            trace_id: sent.trace_id.map(TraceId::get),
            sender: sent.sender,
            text: sent.text,
        }
    }
}

/// A template of the account.
#[derive(uniffi::Record)]
pub struct RawTemplate {
    /// What it is sent by.
    pub key: String,
    /// The text.
    pub text: Option<String>,
    /// The wording of a call.
    pub voice: Option<String>,
    /// Whether it can be sent.
    pub status: RawCode,
}

/// What became of a message.
#[derive(uniffi::Record)]
pub struct RawStatus {
    /// The gateway's id.
    pub message_id: Option<i64>,
    /// The caller's.
    pub trace_id: Option<i64>,
    /// The status.
    pub status: RawDeliveryStatus,
}

impl From<Status> for RawStatus {
    fn from(row: Status) -> Self {
        Self {
            message_id: row.message_id.map(MessageId::get),
            trace_id: row.trace_id.map(TraceId::get),
            status: RawDeliveryStatus::new(&row.status.to_code(), row.status.meaning()),
        }
    }
}

/// The account.
#[derive(uniffi::Record)]
pub struct RawAccountInfo {
    /// In rials.
    pub credit: f64,
    /// Its lines.
    pub sender_lines: Vec<String>,
}

/// A client of Payam Resan.
#[derive(uniffi::Object)]
pub struct RawPayamResan(pub(crate) PayamResan);

/// The credentials stand apart from the settings, so that no printed record can hold them.
#[uniffi::export]
impl RawPayamResan {
    /// The client, or the setting that is missing or wrong.
    #[uniffi::constructor]
    pub fn new(
        api_key: Option<String>,
        sender: Option<String>,
        sandbox: bool,
        settings: RawSettings,
    ) -> Result<Self, RawError> {
        let mut builder = PayamResan::builder().sandbox(sandbox);
        if let Some(key) = api_key {
            builder = builder.api_key(key);
        }
        if let Some(sender) = sender {
            builder = builder.sender(sender);
        }
        Ok(Self(apply!(builder, settings).build()?))
    }

    /// The same with another time limit.
    pub fn with_timeout(&self, seconds: f64) -> Result<Self, RawError> {
        Ok(Self(self.0.with_timeout(duration(seconds, "timeout")?)))
    }

    /// `GET Send`.
    pub async fn send(
        &self,
        text: String,
        recipients: Vec<String>,
        sender: Option<String>,
        cancel: Option<Arc<RawCancel>>,
    ) -> Result<Vec<RawSent>, RawError> {
        let client = self.0.clone();
        let sent = call(cancel, async move {
            let (recipients, sender): (Vec<Recipient>, _) = (all(recipients), sender.map(SenderLine::from));
            client.send(&text, &recipients, sender.as_ref()).await
        });
        Ok(all(sent.await?))
    }

    /// `POST SendBulk`.
    pub async fn send_bulk(
        &self,
        text: String,
        recipients: Vec<RawDestination>,
        sender: Option<String>,
        cancel: Option<Arc<RawCancel>>,
    ) -> Result<Vec<RawSent>, RawError> {
        let client = self.0.clone();
        let sent = call(cancel, async move {
            client.send_bulk(&text, &all(recipients), sender.map(SenderLine::from).as_ref()).await
        });
        Ok(all(sent.await?))
    }

    /// `POST SendMultiple`.
    pub async fn send_multiple(
        &self,
        messages: Vec<RawPersonalMessage>,
        cancel: Option<Arc<RawCancel>>,
    ) -> Result<Vec<RawSent>, RawError> {
        let client = self.0.clone();
        let sent = call(cancel, async move { client.send_multiple(&all(messages)).await });
        Ok(all(sent.await?))
    }

    /// `SendTokenSingle`, by `POST` or by `GET`.
    pub async fn send_token_single(
        &self,
        template: String,
        to: String,
        parameters: Vec<String>,
        by_get: bool,
        cancel: Option<Arc<RawCancel>>,
    ) -> Result<Vec<RawSent>, RawError> {
        let client = self.0.clone();
        let sent = call(cancel, async move {
            if by_get {
                client.send_token_single_by_get(&template, to, &parameters).await
            } else {
                client.send_token_single(&template, to, &parameters).await
            }
        });
        Ok(all(sent.await?))
    }

    /// `POST SendTokenMulti`.
    pub async fn send_token_multi(
        &self,
        template: String,
        recipients: Vec<RawTemplateMessage>,
        cancel: Option<Arc<RawCancel>>,
    ) -> Result<Vec<RawSent>, RawError> {
        let client = self.0.clone();
        let sent = call(cancel, async move {
            let message = |RawTemplateMessage { to, parameters, trace_id }| {
                let mut message = TemplateMessage::new(to, parameters);
                message.trace_id = trace_id.map(TraceId::new);
                message
            };
            let recipients: Vec<_> = recipients.into_iter().map(message).collect();
            client.send_token_multi(&template, &recipients).await
        });
        Ok(all(sent.await?))
    }

    /// `POST TokenList`.
    pub async fn token_list(&self, cancel: Option<Arc<RawCancel>>) -> Result<Vec<RawTemplate>, RawError> {
        let client = self.0.clone();
        let templates = call(cancel, async move { client.token_list().await }).await?;
        let raw = templates.into_iter().map(|template| RawTemplate {
            key: template.key,
            text: template.text,
            voice: template.voice,
            status: RawCode::from(&template.status.to_code()),
        });
        Ok(raw.collect())
    }

    /// `POST StatusById`.
    pub async fn status_by_id(
        &self,
        ids: Vec<i64>,
        cancel: Option<Arc<RawCancel>>,
    ) -> Result<Vec<RawStatus>, RawError> {
        let client = self.0.clone();
        let ids: Vec<_> = ids.into_iter().map(MessageId::new).collect();
        Ok(all(call(cancel, async move { client.status_by_id(&ids).await }).await?))
    }

    /// What became of messages, by the caller's trace ids.
    pub async fn status_by_trace_id(
        &self,
        trace_ids: Vec<i64>,
        cancel: Option<Arc<RawCancel>>,
    ) -> Result<Vec<RawStatus>, RawError> {
        let client = self.0.clone();
        let ids: Vec<_> = trace_ids.into_iter().map(TraceId::new).collect();
        Ok(all(call(cancel, async move { client.status_by_trace_id(&ids).await }).await?))
    }

    /// `POST AccountInfo`.
    pub async fn account_info(&self, cancel: Option<Arc<RawCancel>>) -> Result<RawAccountInfo, RawError> {
        let client = self.0.clone();
        let info = call(cancel, async move { client.account_info().await }).await?;
        Ok(RawAccountInfo { credit: info.credit, sender_lines: info.sender_lines })
    }

    /// `POST GetInbox`.
    pub async fn get_inbox(
        &self,
        cancel: Option<Arc<RawCancel>>,
    ) -> Result<Vec<RawIncomingMessage>, RawError> {
        let client = self.0.clone();
        Ok(all(call(cancel, async move { client.get_inbox().await }).await?))
    }

    /// Any other operation; `fields` and the result are JSON.
    pub async fn raw(
        &self,
        path: String,
        fields: String,
        cancel: Option<Arc<RawCancel>>,
    ) -> Result<String, RawError> {
        let client = self.0.clone();
        let fields = serde_json::from_str(&fields)
            .map_err(|_| Error::invalid_input("raw", "fields", "not a JSON object"))?;
        Ok(call(cancel, async move { client.raw(&path, &fields).await }).await?.to_string())
    }
}
