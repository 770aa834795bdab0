//! payamak, at both its levels.

use std::time::Duration;

use anyhow::{Result, ensure};
use payamak::niksms::Dialect as NikSmsDialect;
use payamak::{Destination, MessageId, Messenger, NikSms, PayamResan, TraceId};

use super::{API_KEY, RECIPIENT, SENDER, TEXT, next_trace_id};
use crate::jobs::Dialect;

/// Longer than any send takes that goes well, and shorter than the patience of the driver.
const DEADLINE: Duration = Duration::from_secs(20);

/// The gateways' clients.
pub struct Gateways {
    payam_resan: PayamResan,
    nik_sms: [(Dialect, NikSms); 4],
}

fn payam_resan(url: &str) -> payamak::Result<PayamResan> {
    PayamResan::builder().api_key(API_KEY).sender(SENDER).base_url(url).build()
}

impl Gateways {
    pub(super) fn new(url: &str) -> Result<Self> {
        let nik_sms = |dialect| {
            let builder = NikSms::builder().username("user").password("password").api_key(API_KEY);
            builder.dialect(dialect).v2_delivery_path("delivery").base_url(url).build()
        };
        Ok(Self {
            payam_resan: payam_resan(url)?,
            nik_sms: [
                (Dialect::Soap, nik_sms(NikSmsDialect::Soap)?),
                (Dialect::PublicApi, nik_sms(NikSmsDialect::PublicApi)?),
                (Dialect::V2, nik_sms(NikSmsDialect::V2)?),
                (Dialect::WebService, nik_sms(NikSmsDialect::WebService)?),
            ],
        })
    }

    pub(super) async fn send(&self) -> Result<()> {
        let recipient = [Destination::new(RECIPIENT, Some(TraceId::new(next_trace_id())))];
        let sent = self.payam_resan.send_bulk(TEXT, &recipient, None).await?;
        ensure!(sent.iter().any(|sent| sent.message_id.is_some()), "no message id");
        Ok(())
    }

    pub(super) async fn statuses(&self, dialect: Dialect, each: usize) -> Result<usize> {
        let ids: Vec<_> = (639_000_000_000_000_001..).take(each).map(MessageId::new).collect();
        Ok(match self.nik_sms.iter().find(|(of, _)| *of == dialect) {
            Some((_, client)) => client.get_sms_delivery(&ids).await?.len(),
            None => self.payam_resan.status_by_id(&ids).await?.len(),
        })
    }
}

/// The messenger.
pub struct Safely(Messenger);

impl Safely {
    pub(super) fn new(url: &str) -> Result<Self> {
        Ok(Self(Messenger::builder().gateway(payam_resan(url)?).build()?))
    }

    pub(super) async fn send(&self) -> Result<()> {
        let report = self.0.send(TEXT, RECIPIENT).await?;
        ensure!(report.accepted().any(|receipt| receipt.message_id.is_some()), "not accepted");
        Ok(())
    }

    pub(super) async fn campaign(&self, messages: usize) -> Result<()> {
        let recipients: Vec<i64> = (9_120_000_000..).take(messages).collect();
        let report = self.0.send(TEXT, recipients).await?;
        ensure!(report.accepted().count() == messages, "not all were accepted");
        Ok(())
    }

    pub(super) async fn send_once(&self) -> String {
        match self.0.send(TEXT, RECIPIENT).deadline(DEADLINE).await {
            Ok(report) => report.into_iter().map(|receipt| said(&receipt)).collect(),
            Err(error) => format!("{error}"),
        }
    }
}

fn said(receipt: &payamak::Receipt) -> String {
    let error = receipt.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
    format!("{}{error}", receipt.outcome.as_str())
}
