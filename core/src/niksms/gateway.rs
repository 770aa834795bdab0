//! NikSMS behind a messenger.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::soap::NO_XML;
use super::{Dialect, NikSms, SendOptions, SmsStatus, xml};
use crate::delivery::DeliveryStatus;
use crate::error::Result;
use crate::gateway::{
    Accepted, Balance, Batch, BatchKind, Capabilities, Gateway, Outgoing, Registration, TimeLimits,
};
use crate::memory::Memory;
use crate::message::{Destination, IncomingMessage, MessageId, PersonalMessage, TraceId};
use crate::settings::require;
use crate::transport::Operation;

impl Gateway for NikSms {
    fn name(&self) -> &Arc<str> {
        &self.account.name
    }

    fn capabilities(&self) -> &Capabilities {
        &self.account.capabilities
    }

    fn check(&self, message: &Outgoing<'_>) -> Result<()> {
        let operation = Operation::acts("send");
        let sender = require(message.sender.or(self.account.sender.as_ref()), "sender")
            .map_err(|error| self.named(operation, error))?;
        if self.account.dialect == Dialect::Soap {
            for (field, value) in [("text", message.text), ("sender", sender.as_str())] {
                if !xml::can_carry(value) {
                    return Err(self.refuse(operation, field, NO_XML));
                }
            }
        }
        Ok(())
    }

    fn submit<'a>(&'a self, batch: &'a Batch<'a>) -> BoxFuture<'a, Result<Vec<Accepted>>> {
        Box::pin(async move {
            let (client, messages) = (self.for_messenger(), batch.messages);
            let Some(first) = messages.first() else {
                return Ok(Vec::new());
            };
            let options = SendOptions { sender: first.sender.cloned(), ..SendOptions::default() };
            let answer = match (batch.kind, self.account.dialect) {
                (BatchKind::Template, _) => {
                    return Err(self.lacks(Operation::acts("send_template"), "it has no templates"));
                }
                (BatchKind::Bulk, Dialect::V2) => {
                    client.send_one(first.text, first.to, Some(first.trace_id), &options).await?
                }
                (BatchKind::Bulk, _) => {
                    let recipients: Vec<_> = messages
                        .iter()
                        .map(|message| Destination::new(message.to, Some(message.trace_id)))
                        .collect();
                    client.group_sms(first.text, &recipients, &options).await?
                }
                (BatchKind::Personal, _) => {
                    let messages: Vec<_> = messages
                        .iter()
                        .map(|message| {
                            PersonalMessage::new(message.to, message.text).trace_id(message.trace_id)
                        })
                        .collect();
                    client.ptp_sms(&messages, &options).await?
                }
            };
            if answer.message_ids.len() != messages.len() {
                // Ids come by position: with another count none of them can be given to anybody.
                return Ok(Vec::new());
            }
            let rows = messages.iter().zip(answer.message_ids).filter(|(_, id)| id.is_real());
            let accepted = |(message, id): (&Outgoing<'_>, _)| Accepted::new(message.trace_id, Some(id));
            Ok(rows.map(accepted).collect())
        })
    }

    fn look_up<'a>(&'a self, trace_ids: &'a [TraceId]) -> BoxFuture<'a, Result<Vec<Registration>>> {
        Box::pin(async move {
            let mut registrations = Vec::with_capacity(trace_ids.len());
            let client = self.for_messenger();
            for trace_id in trace_ids {
                let row = client.get_sms_delivery_with_client_id(*trace_id).await?;
                let (trace_id, status) = (*trace_id, DeliveryStatus::from(&row.status));
                let message_id = row.message_id.filter(|id| id.is_real());
                registrations.extend(match row.status {
                    // "Not found" beside an id contradicts itself, and proves neither.
                    SmsStatus::NotFound if message_id.is_some() => None,
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
            let rows = self.for_messenger().get_sms_delivery(ids).await?;
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

    fn time_limits(&self) -> TimeLimits {
        self.transport.time_limits()
    }

    fn memory(&self) -> Option<&Arc<Memory>> {
        Some(&self.account.memory)
    }
}
