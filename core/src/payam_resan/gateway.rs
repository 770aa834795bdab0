//! Payam Resan behind a messenger.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{MessageStatus, PayamResan, Sent, Status, TemplateMessage, wire};
use crate::delivery::DeliveryStatus;
use crate::error::Result;
use crate::gateway::{
    Accepted, Balance, Batch, BatchKind, Capabilities, Gateway, Outgoing, Registration, TimeLimits,
};
use crate::memory::Memory;
use crate::message::{Destination, IncomingMessage, MessageId, PersonalMessage, TraceId};
use crate::transport::Operation;

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
            let (client, messages) = (self.for_messenger(), batch.messages);
            let accepted = |(trace_id, message_id): (Option<TraceId>, Option<MessageId>)| {
                Some(Accepted::new(trace_id?, Some(message_id.filter(|id| id.is_real())?)))
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
                    client.send_bulk(first.text, &recipients, first.sender).await.map(sent)
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
                    client.send_multiple(&messages).await.map(sent)
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
                    let rows = client.send_token_multi(first.text, &recipients).await?;
                    Ok(rows.into_iter().filter_map(|row| accepted((row.trace_id, row.message_id))).collect())
                }
            }
        })
    }

    fn look_up<'a>(&'a self, trace_ids: &'a [TraceId]) -> BoxFuture<'a, Result<Vec<Registration>>> {
        Box::pin(async move {
            let rows = self.for_messenger().status_by_trace_id(trace_ids).await?;
            let registration = |row: Status| {
                let (trace_id, status) = (row.trace_id?, DeliveryStatus::from(&row.status));
                let message_id = row.message_id.filter(|id| id.is_real());
                Some(match row.status {
                    // "Not found" beside an id contradicts itself, and proves neither.
                    MessageStatus::NotFound if message_id.is_some() => return None,
                    MessageStatus::NotFound => Registration::NotRegistered { trace_id, status },
                    // Only a status proves that the message is there.
                    MessageStatus::Missing => return None,
                    _ => Registration::Registered { trace_id, message_id, status },
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
            let rows = self.for_messenger().status_by_id(ids).await?;
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

    fn time_limits(&self) -> TimeLimits {
        self.transport.time_limits()
    }

    fn memory(&self) -> Option<&Arc<Memory>> {
        Some(&self.account.memory)
    }
}
