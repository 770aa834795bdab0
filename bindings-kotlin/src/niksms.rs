//! `NikSMS` over the border.

use std::sync::Arc;

use payamak::niksms::{Dialect, SendBatch, SendOptions, SendType, SmsStatus};
use payamak::{Error, MessageId, NikSms, TehranTime, TraceId};

use crate::answer::{RawAnswer, Work};
use crate::convert::{RawCode, RawDeliveryStatus, RawDestination, RawPersonalMessage, all};
use crate::error::RawError;
use crate::runtime::{NIKSMS, RawCancel, call};
use crate::settings::{RawSettings, apply, count, duration, optional_duration};

// What only this gateway has. What is not set keeps the library's default.
#[derive(uniffi::Record)]
pub struct RawNikSmsSettings {
    // `soap`, `public-api`, `v2` or `web-service`.
    pub dialect: Option<String>,
    // Where `v2` answers for deliveries.
    pub v2_delivery_path: Option<String>,
    // The most of one request.
    pub max_recipients: Option<u64>,
    // In seconds.
    pub poll_interval: Option<f64>,
}

// Who asks.
#[derive(uniffi::Object)]
pub struct RawNikSmsCredentials {
    username: Option<String>,
    password: Option<String>,
    api_key: Option<String>,
}

#[uniffi::export]
impl RawNikSmsCredentials {
    // What is not given may come from the environment.
    #[uniffi::constructor]
    pub fn new(username: Option<String>, password: Option<String>, api_key: Option<String>) -> Self {
        Self { username, password, api_key }
    }
}

// What a send may say beside its texts.
#[derive(uniffi::Record)]
pub struct RawSendOptions {
    // The line.
    pub sender: Option<String>,
    // When, as text.
    pub send_at: Option<String>,
    // `normal` or `flash`.
    pub send_type: Option<String>,
}

impl RawSendOptions {
    fn read(self) -> payamak::Result<SendOptions> {
        let mut options = SendOptions::default();
        options.sender = self.sender.map(Into::into);
        options.send_at = time(self.send_at)?;
        options.send_type = self.send_type.map(|text| text.parse::<SendType>()).transpose()?;
        Ok(options)
    }
}

fn time(text: Option<String>) -> Result<Option<TehranTime>, Error> {
    text.map(|text| text.parse()).transpose()
}

// What a send answers.
#[derive(uniffi::Record)]
pub struct RawSendBatch {
    // Successful or Warning.
    pub status: RawCode,
    // The whole request's.
    pub id: Option<String>,
    // What the gateway warns of.
    pub warning: Option<String>,
    // In the order of the recipients.
    pub message_ids: Vec<i64>,
}

impl From<SendBatch> for RawSendBatch {
    fn from(batch: SendBatch) -> Self {
        Self {
            status: RawCode::from(&batch.status.to_code()),
            id: batch.id,
            warning: batch.warning,
            message_ids: batch.message_ids.into_iter().map(MessageId::get).collect(),
        }
    }
}

// A field of a form.
#[derive(uniffi::Record)]
pub struct RawField {
    // Its name.
    pub name: String,
    // Its value.
    pub value: String,
}

// What it is asked; each is the method of that name.
#[derive(uniffi::Enum)]
pub enum RawNikSmsCall {
    // `GroupSms`.
    GroupSms {
        // What it says.
        text: String,
        // To whom.
        recipients: Vec<RawDestination>,
        // The rest.
        options: RawSendOptions,
    },
    // `PtpSms`.
    PtpSms {
        // A text each.
        messages: Vec<RawPersonalMessage>,
        // The rest.
        options: RawSendOptions,
    },
    // One message to one recipient.
    SendOne {
        // What it says.
        text: String,
        // To whom.
        to: String,
        // What it is known by.
        trace_id: Option<i64>,
        // The rest.
        options: RawSendOptions,
    },
    // A one-time password to one recipient.
    SendOtp {
        // What it says.
        text: String,
        // To whom.
        to: String,
        // What it is known by.
        trace_id: Option<i64>,
        // The rest.
        options: RawSendOptions,
    },
    // `GetSmsDelivery`.
    GetSmsDelivery {
        // The gateway's.
        ids: Vec<i64>,
    },
    // `GetSmsDeliveryWithClientId`.
    GetSmsDeliveryWithClientId {
        // The caller's.
        trace_id: i64,
    },
    // `GetCredit`.
    GetCredit,
    // `GetDiscountCredit`.
    GetDiscountCredit,
    // `GetPanelExpireDate`.
    GetPanelExpireDate,
    // `GetReceiveSms`.
    GetReceiveSms {
        // The beginning.
        from: Option<String>,
        // The end.
        until: Option<String>,
    },
    // `ResetReceiveSmsVisitedStatus`.
    ResetReceiveSmsVisitedStatus {
        // The beginning.
        from: Option<String>,
        // The end.
        until: Option<String>,
    },
    // `GetServertime`.
    GetServerTime,
    // `GetSenderNumbers`.
    GetSenderNumbers,
    // Any other operation, as a form; the body as it came.
    Raw {
        // Which.
        path: String,
        // The form.
        fields: Vec<RawField>,
    },
}

// A client of `NikSMS`.
#[derive(uniffi::Object)]
pub struct RawNikSms(pub(crate) NikSms);

#[uniffi::export]
impl RawNikSms {
    // The client, or the setting that is missing or wrong.
    #[uniffi::constructor]
    pub fn new(
        credentials: Arc<RawNikSmsCredentials>,
        sender: Option<String>,
        own: RawNikSmsSettings,
        settings: RawSettings,
    ) -> Result<Self, RawError> {
        let dialect = own.dialect.map(|dialect| dialect.parse::<Dialect>()).transpose()?;
        let poll_interval = optional_duration(own.poll_interval, "poll_interval")?;
        let runtime = NIKSMS.handle()?.clone();
        let mut builder = NikSms::builder().runtime(runtime);
        if let Some(dialect) = dialect {
            builder = builder.dialect(dialect);
        }
        if let Some(path) = own.v2_delivery_path {
            builder = builder.v2_delivery_path(path);
        }
        if let Some(most) = own.max_recipients {
            builder = builder.max_recipients(count(most));
        }
        if let Some(interval) = poll_interval {
            builder = builder.poll_interval(interval);
        }
        if let Some(username) = &credentials.username {
            builder = builder.username(username);
        }
        if let Some(password) = &credentials.password {
            builder = builder.password(password);
        }
        if let Some(key) = &credentials.api_key {
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
        what: RawNikSmsCall,
        cancel: Option<Arc<RawCancel>>,
    ) -> Result<RawAnswer, RawError> {
        call(&NIKSMS, cancel, self.work(what)).await
    }
}

impl RawNikSms {
    pub(crate) fn work(&self, what: RawNikSmsCall) -> Work {
        use RawNikSmsCall as Call;
        let client = self.0.clone();
        Box::pin(async move {
            Ok(match what {
                Call::GroupSms { text, recipients, options } => {
                    batch(client.group_sms(&text, &all(recipients), &options.read()?).await?)
                }
                Call::PtpSms { messages, options } => {
                    batch(client.ptp_sms(&all(messages), &options.read()?).await?)
                }
                Call::SendOne { text, to, trace_id, options } => {
                    batch(client.send_one(&text, to, trace_id.map(TraceId::new), &options.read()?).await?)
                }
                Call::SendOtp { text, to, trace_id, options } => {
                    batch(client.send_otp(&text, to, trace_id.map(TraceId::new), &options.read()?).await?)
                }
                Call::GetSmsDelivery { ids } => {
                    let ids: Vec<_> = ids.into_iter().map(MessageId::new).collect();
                    let rows = client.get_sms_delivery(&ids).await?;
                    statuses(rows.into_iter().map(|row| (Some(row.message_id), None, row.status)))
                }
                Call::GetSmsDeliveryWithClientId { trace_id } => {
                    let row = client.get_sms_delivery_with_client_id(TraceId::new(trace_id)).await?;
                    statuses([(row.message_id, Some(row.trace_id), row.status)])
                }
                Call::GetCredit => RawAnswer::Number { value: client.get_credit().await? },
                Call::GetDiscountCredit => RawAnswer::Number { value: client.get_discount_credit().await? },
                Call::GetPanelExpireDate => RawAnswer::Text { value: client.get_panel_expire_date().await? },
                Call::GetReceiveSms { from, until } => {
                    let rows = client.get_receive_sms(time(from)?, time(until)?).await?;
                    RawAnswer::Incoming { rows: all(rows) }
                }
                Call::ResetReceiveSmsVisitedStatus { from, until } => {
                    let value = client.reset_receive_sms_visited_status(time(from)?, time(until)?).await?;
                    RawAnswer::Flag { value }
                }
                Call::GetServerTime => RawAnswer::Text { value: Some(client.get_server_time().await?) },
                Call::GetSenderNumbers => RawAnswer::Texts { values: client.get_sender_numbers().await? },
                Call::Raw { path, fields } => {
                    let fields: Vec<_> =
                        fields.iter().map(|field| (field.name.as_str(), field.value.as_str())).collect();
                    RawAnswer::Text { value: Some(client.raw(&path, &fields).await?) }
                }
            })
        })
    }
}

fn batch(batch: SendBatch) -> RawAnswer {
    RawAnswer::Batch { batch: batch.into() }
}

fn statuses(rows: impl IntoIterator<Item = (Option<MessageId>, Option<TraceId>, SmsStatus)>) -> RawAnswer {
    RawAnswer::statuses(rows, |status| RawDeliveryStatus::new(&status.to_code(), status.meaning()))
}
