//! `NikSMS` over the border.

use std::sync::Arc;

use payamak::niksms::{Dialect, SendBatch, SendOptions, SendType, Status, TraceStatus};
use payamak::{Error, MessageId, NikSms, TehranTime, TraceId};

use crate::convert::{
    RawCode, RawDeliveryStatus, RawDestination, RawIncomingMessage, RawPersonalMessage, all,
};
use crate::error::RawError;
use crate::payam_resan::RawStatus;
use crate::runtime::{RawCancel, call};
use crate::settings::{RawSettings, apply, count, duration};

/// What only this gateway has. What is not set keeps the library's default.
#[derive(uniffi::Record)]
pub struct RawNikSmsSettings {
    /// `soap`, `public-api`, `v2` or `web-service`.
    pub dialect: Option<String>,
    /// Where `v2` answers for deliveries.
    pub v2_delivery_path: Option<String>,
    /// The most of one request.
    pub max_recipients: Option<u64>,
    /// In seconds.
    pub poll_interval: Option<f64>,
}

/// Who asks.
#[derive(uniffi::Object)]
pub struct RawNikSmsCredentials {
    username: Option<String>,
    password: Option<String>,
    api_key: Option<String>,
}

#[uniffi::export]
impl RawNikSmsCredentials {
    /// What is not given may come from the environment.
    #[uniffi::constructor]
    pub fn new(username: Option<String>, password: Option<String>, api_key: Option<String>) -> Self {
        Self { username, password, api_key }
    }
}

/// What a send may say beside its texts.
#[derive(uniffi::Record)]
pub struct RawSendOptions {
    /// The line.
    pub sender: Option<String>,
    /// When, as text.
    pub send_at: Option<String>,
    /// `normal` or `flash`.
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

/// What a send answers.
#[derive(uniffi::Record)]
pub struct RawSendBatch {
    /// Successful or Warning.
    pub status: RawCode,
    /// The whole request's.
    pub id: Option<String>,
    /// What the gateway warns of.
    pub warning: Option<String>,
    /// In the order of the recipients.
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

impl From<Status> for RawStatus {
    fn from(row: Status) -> Self {
        Self {
            message_id: Some(row.message_id.get()),
            trace_id: None,
            status: RawDeliveryStatus::new(&row.status.to_code(), row.status.meaning()),
        }
    }
}

impl From<TraceStatus> for RawStatus {
    fn from(row: TraceStatus) -> Self {
        Self {
            message_id: row.message_id.map(MessageId::get),
            trace_id: Some(row.trace_id.get()),
            status: RawDeliveryStatus::new(&row.status.to_code(), row.status.meaning()),
        }
    }
}

/// A field of a form.
#[derive(uniffi::Record)]
pub struct RawField {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A client of `NikSMS`.
#[derive(uniffi::Object)]
pub struct RawNikSms(pub(crate) NikSms);

#[uniffi::export]
impl RawNikSms {
    /// The client, or the setting that is missing or wrong.
    #[uniffi::constructor]
    pub fn new(
        credentials: Arc<RawNikSmsCredentials>,
        sender: Option<String>,
        own: RawNikSmsSettings,
        settings: RawSettings,
    ) -> Result<Self, RawError> {
        let mut builder = NikSms::builder();
        if let Some(dialect) = own.dialect {
            builder = builder.dialect(dialect.parse::<Dialect>()?);
        }
        if let Some(path) = own.v2_delivery_path {
            builder = builder.v2_delivery_path(path);
        }
        if let Some(most) = own.max_recipients {
            builder = builder.max_recipients(count(most));
        }
        if let Some(seconds) = own.poll_interval {
            builder = builder.poll_interval(duration(seconds, "poll_interval")?);
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

    /// The same with another time limit.
    pub fn with_timeout(&self, seconds: f64) -> Result<Self, RawError> {
        Ok(Self(self.0.with_timeout(duration(seconds, "timeout")?)))
    }

    /// `GroupSms`.
    pub async fn group_sms(
        &self,
        text: String,
        recipients: Vec<RawDestination>,
        options: RawSendOptions,
        cancel: Option<Arc<RawCancel>>,
    ) -> Result<RawSendBatch, RawError> {
        let client = self.0.clone();
        let work = async move { client.group_sms(&text, &all(recipients), &options.read()?).await };
        Ok(call(cancel, work).await?.into())
    }

    /// `PtpSms`.
    pub async fn ptp_sms(
        &self,
        messages: Vec<RawPersonalMessage>,
        options: RawSendOptions,
        cancel: Option<Arc<RawCancel>>,
    ) -> Result<RawSendBatch, RawError> {
        let client = self.0.clone();
        let work = async move { client.ptp_sms(&all(messages), &options.read()?).await };
        Ok(call(cancel, work).await?.into())
    }

    /// One message to one recipient.
    pub async fn send_one(
        &self,
        text: String,
        to: String,
        trace_id: Option<i64>,
        options: RawSendOptions,
        cancel: Option<Arc<RawCancel>>,
    ) -> Result<RawSendBatch, RawError> {
        let client = self.0.clone();
        let work =
            async move { client.send_one(&text, to, trace_id.map(TraceId::new), &options.read()?).await };
        Ok(call(cancel, work).await?.into())
    }

    /// A one-time password to one recipient.
    pub async fn send_otp(
        &self,
        text: String,
        to: String,
        trace_id: Option<i64>,
        options: RawSendOptions,
        cancel: Option<Arc<RawCancel>>,
    ) -> Result<RawSendBatch, RawError> {
        let client = self.0.clone();
        let work =
            async move { client.send_otp(&text, to, trace_id.map(TraceId::new), &options.read()?).await };
        Ok(call(cancel, work).await?.into())
    }

    /// `GetSmsDelivery`.
    pub async fn get_sms_delivery(
        &self,
        ids: Vec<i64>,
        cancel: Option<Arc<RawCancel>>,
    ) -> Result<Vec<RawStatus>, RawError> {
        let client = self.0.clone();
        let ids: Vec<_> = ids.into_iter().map(MessageId::new).collect();
        Ok(all(call(cancel, async move { client.get_sms_delivery(&ids).await }).await?))
    }

    /// `GetSmsDeliveryWithClientId`.
    pub async fn get_sms_delivery_with_client_id(
        &self,
        trace_id: i64,
        cancel: Option<Arc<RawCancel>>,
    ) -> Result<RawStatus, RawError> {
        let client = self.0.clone();
        let work = async move { client.get_sms_delivery_with_client_id(TraceId::new(trace_id)).await };
        Ok(call(cancel, work).await?.into())
    }

    /// `GetCredit`.
    pub async fn get_credit(&self, cancel: Option<Arc<RawCancel>>) -> Result<f64, RawError> {
        let client = self.0.clone();
        call(cancel, async move { client.get_credit().await }).await
    }

    /// `GetDiscountCredit`.
    pub async fn get_discount_credit(&self, cancel: Option<Arc<RawCancel>>) -> Result<f64, RawError> {
        let client = self.0.clone();
        call(cancel, async move { client.get_discount_credit().await }).await
    }

    /// `GetPanelExpireDate`.
    pub async fn get_panel_expire_date(
        &self,
        cancel: Option<Arc<RawCancel>>,
    ) -> Result<Option<String>, RawError> {
        let client = self.0.clone();
        call(cancel, async move { client.get_panel_expire_date().await }).await
    }

    /// `GetReceiveSms`.
    pub async fn get_receive_sms(
        &self,
        from: Option<String>,
        until: Option<String>,
        cancel: Option<Arc<RawCancel>>,
    ) -> Result<Vec<RawIncomingMessage>, RawError> {
        let client = self.0.clone();
        let work = async move { client.get_receive_sms(time(from)?, time(until)?).await };
        Ok(all(call(cancel, work).await?))
    }

    /// `ResetReceiveSmsVisitedStatus`.
    pub async fn reset_receive_sms_visited_status(
        &self,
        from: Option<String>,
        until: Option<String>,
        cancel: Option<Arc<RawCancel>>,
    ) -> Result<bool, RawError> {
        let client = self.0.clone();
        let work = async move { client.reset_receive_sms_visited_status(time(from)?, time(until)?).await };
        call(cancel, work).await
    }

    /// `GetServertime`.
    pub async fn get_server_time(&self, cancel: Option<Arc<RawCancel>>) -> Result<String, RawError> {
        let client = self.0.clone();
        call(cancel, async move { client.get_server_time().await }).await
    }

    /// `GetSenderNumbers`.
    pub async fn get_sender_numbers(&self, cancel: Option<Arc<RawCancel>>) -> Result<Vec<String>, RawError> {
        let client = self.0.clone();
        call(cancel, async move { client.get_sender_numbers().await }).await
    }

    /// Any other operation, as a form; the body as it came.
    pub async fn raw(
        &self,
        path: String,
        fields: Vec<RawField>,
        cancel: Option<Arc<RawCancel>>,
    ) -> Result<String, RawError> {
        let client = self.0.clone();
        let work = async move {
            let fields: Vec<_> =
                fields.iter().map(|field| (field.name.as_str(), field.value.as_str())).collect();
            client.raw(&path, &fields).await
        };
        call(cancel, work).await
    }
}
