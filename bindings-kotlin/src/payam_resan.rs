//! Payam Resan over the border.

use std::sync::Arc;

use payamak::payam_resan::{Sent, Status, Template, TemplateMessage, TemplateSent};
use payamak::{Error, MessageId, PayamResan, Recipient, SenderLine, TraceId};

use crate::answer::{RawAnswer, Work};
use crate::convert::{
    RawCode, RawDeliveryStatus, RawDestination, RawPersonalMessage, RawTemplateMessage, all,
};
use crate::error::RawError;
use crate::runtime::{PAYAM_RESAN, RawCancel, call};
use crate::settings::{RawSettings, apply, duration};

// A message that the gateway has taken.
#[derive(uniffi::Record)]
pub struct RawSent {
    // The gateway's id.
    pub message_id: Option<i64>,
    // The caller's.
    pub trace_id: Option<i64>,
    // Of a template: the line.
    pub sender: Option<String>,
    // Of a template: what went out.
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

// A template of the account.
#[derive(uniffi::Record)]
pub struct RawTemplate {
    // What it is sent by.
    pub key: String,
    // The text.
    pub text: Option<String>,
    // The wording of a call.
    pub voice: Option<String>,
    // Whether it can be sent.
    pub status: RawCode,
}

// What it is asked; each is the method of that name.
#[derive(uniffi::Enum)]
pub enum RawPayamResanCall {
    // `GET Send`.
    Send {
        // What it says.
        text: String,
        // To whom.
        recipients: Vec<String>,
        // The line.
        sender: Option<String>,
    },
    // `POST SendBulk`.
    SendBulk {
        // What it says.
        text: String,
        // To whom.
        recipients: Vec<RawDestination>,
        // The line.
        sender: Option<String>,
    },
    // `POST SendMultiple`.
    SendMultiple {
        // A text each.
        messages: Vec<RawPersonalMessage>,
    },
    // `SendTokenSingle`, by `POST` or by `GET`.
    SendTokenSingle {
        // Its key.
        template: String,
        // To whom.
        to: String,
        // What fills it.
        parameters: Vec<String>,
        // By `GET`.
        by_get: bool,
    },
    // `POST SendTokenMulti`.
    SendTokenMulti {
        // Its key.
        template: String,
        // To whom, and what fills it.
        recipients: Vec<RawTemplateMessage>,
    },
    // `POST TokenList`.
    TokenList,
    // `POST StatusById`.
    StatusById {
        // The gateway's.
        ids: Vec<i64>,
    },
    // What became of messages, by the caller's trace ids.
    StatusByTraceId {
        // The caller's.
        ids: Vec<i64>,
    },
    // `POST AccountInfo`.
    AccountInfo,
    // `POST GetInbox`.
    GetInbox,
    // Any other operation.
    Raw {
        // Which.
        path: String,
        // In JSON.
        fields: String,
    },
}

// A client of Payam Resan.
#[derive(uniffi::Object)]
pub struct RawPayamResan(pub(crate) PayamResan);

// The credentials stand apart from the settings, so that no printed record can hold them.
#[uniffi::export]
impl RawPayamResan {
    // The client, or the setting that is missing or wrong.
    #[uniffi::constructor]
    pub fn new(
        api_key: Option<String>,
        sender: Option<String>,
        sandbox: bool,
        settings: RawSettings,
    ) -> Result<Self, RawError> {
        let runtime = PAYAM_RESAN.handle()?.clone();
        let mut builder = PayamResan::builder().runtime(runtime).sandbox(sandbox);
        if let Some(key) = api_key {
            builder = builder.api_key(key);
        }
        if let Some(sender) = sender {
            builder = builder.sender(sender);
        }
        Ok(Self(apply!(builder, settings).build()?))
    }

    // The same with another time limit.
    pub fn with_timeout(&self, seconds: f64) -> Result<Self, RawError> {
        Ok(Self(self.0.with_timeout(duration(seconds, "timeout")?)))
    }

    // Asks it.
    pub async fn ask(
        &self,
        what: RawPayamResanCall,
        cancel: Option<Arc<RawCancel>>,
    ) -> Result<RawAnswer, RawError> {
        call(&PAYAM_RESAN, cancel, self.work(what)).await
    }
}

impl RawPayamResan {
    pub(crate) fn work(&self, what: RawPayamResanCall) -> Work {
        use RawPayamResanCall as Call;
        let client = self.0.clone();
        Box::pin(async move {
            Ok(match what {
                Call::Send { text, recipients, sender } => {
                    let (recipients, sender): (Vec<Recipient>, _) =
                        (all(recipients), sender.map(SenderLine::from));
                    sent(client.send(&text, &recipients, sender.as_ref()).await?)
                }
                Call::SendBulk { text, recipients, sender } => {
                    let sender = sender.map(SenderLine::from);
                    sent(client.send_bulk(&text, &all(recipients), sender.as_ref()).await?)
                }
                Call::SendMultiple { messages } => sent(client.send_multiple(&all(messages)).await?),
                Call::SendTokenSingle { template, to, parameters, by_get: true } => {
                    sent(client.send_token_single_by_get(&template, to, &parameters).await?)
                }
                Call::SendTokenSingle { template, to, parameters, by_get: false } => {
                    sent(client.send_token_single(&template, to, &parameters).await?)
                }
                Call::SendTokenMulti { template, recipients } => {
                    let message = |RawTemplateMessage { to, parameters, trace_id }| {
                        let mut message = TemplateMessage::new(to, parameters);
                        message.trace_id = trace_id.map(TraceId::new);
                        message
                    };
                    let recipients: Vec<_> = recipients.into_iter().map(message).collect();
                    sent(client.send_token_multi(&template, &recipients).await?)
                }
                Call::TokenList => {
                    let raw = |template: Template| RawTemplate {
                        key: template.key,
                        text: template.text,
                        voice: template.voice,
                        status: RawCode::from(&template.status.to_code()),
                    };
                    RawAnswer::Templates { rows: client.token_list().await?.into_iter().map(raw).collect() }
                }
                Call::StatusById { ids } => {
                    let ids: Vec<_> = ids.into_iter().map(MessageId::new).collect();
                    statuses(client.status_by_id(&ids).await?)
                }
                Call::StatusByTraceId { ids } => {
                    let ids: Vec<_> = ids.into_iter().map(TraceId::new).collect();
                    statuses(client.status_by_trace_id(&ids).await?)
                }
                Call::AccountInfo => {
                    let info = client.account_info().await?;
                    RawAnswer::Account { credit: info.credit, sender_lines: info.sender_lines }
                }
                Call::GetInbox => RawAnswer::Incoming { rows: all(client.get_inbox().await?) },
                Call::Raw { path, fields } => {
                    let fields = serde_json::from_str(&fields)
                        .map_err(|_| Error::invalid_input("raw", "fields", "not a JSON object"))?;
                    RawAnswer::Text { value: Some(client.raw(&path, &fields).await?.to_string()) }
                }
            })
        })
    }
}

fn sent<T: Into<RawSent>>(rows: Vec<T>) -> RawAnswer {
    RawAnswer::Sent { rows: rows.into_iter().map(Into::into).collect() }
}

fn statuses(rows: Vec<Status>) -> RawAnswer {
    let rows = rows.into_iter().map(|row| (row.message_id, row.trace_id, row.status));
    RawAnswer::statuses(rows, |status| RawDeliveryStatus::new(&status.to_code(), status.meaning()))
}
