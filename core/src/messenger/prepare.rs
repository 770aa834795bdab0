//! Messages with their ids, before anything leaves: what cannot be sent by anybody is refused here, by name.

use std::collections::HashMap;

use secrecy::{ExposeSecret, SecretString};

use super::ledger::Ledger;
use crate::error::{Error, Result};
use crate::message::{Content, Message, Receipt, TraceId, generate_trace_ids};

/// The messages of a call with their ids, and the receipts of those that cannot be sent by anybody already written.
pub(super) struct Prepared {
    pub(super) trace_ids: Vec<TraceId>,
    pub(super) work: Vec<u32>,
    pub(super) ledger: Ledger,
}

impl Prepared {
    /// `list` is what the caller knows the messages as, for errors.
    pub(super) fn new(messages: &[Message], list: &str, key_secret: Option<&SecretString>) -> Result<Self> {
        let mut trace_ids = Vec::with_capacity(messages.len());
        let mut receipts = Vec::with_capacity(messages.len());
        let mut work = Vec::with_capacity(messages.len());
        let mut refused = Vec::new();
        let mut duplicates: HashMap<u32, Vec<u32>> = HashMap::new();
        let mut given: HashMap<TraceId, u32> = HashMap::new();
        let generated = generate_trace_ids(messages.len())?;
        for ((index, message), generated) in (0u32..).zip(messages).zip(generated) {
            let (trace_id, mut fault) = match identify(message, generated, key_secret) {
                Ok(trace_id) => (trace_id, check(message).err()),
                Err(error) => (generated, Some(error)),
            };
            trace_ids.push(trace_id);
            receipts.push(Receipt::new(message.to.clone(), trace_id));
            if fault.is_none() && (message.key.is_some() || message.trace_id.is_some()) {
                let first = *given.entry(trace_id).or_insert(index);
                if let Some(earlier) = messages.get(first as usize).filter(|_| first != index) {
                    let is_same = message.says_the_same(earlier);
                    if is_same && message.is_once() {
                        duplicates.entry(first).or_default().push(index);
                        continue;
                    }
                    let field = if message.key.is_some() { "key" } else { "trace_id" };
                    let detail = if is_same {
                        format!(
                            "that of {list}[{first}] too, which is the same message; it is sent once with once"
                        )
                    } else {
                        format!("that of {list}[{first}] too, which is another message")
                    };
                    fault = Some(Error::invalid_input("send", field, detail));
                }
            }
            match fault {
                None => work.push(index),
                Some(error) => refused.push((index, error.in_list(list, index))),
            }
        }
        let ledger = Ledger::new(receipts, messages.iter().map(Message::is_once), duplicates);
        for (index, error) in refused {
            ledger.reject(index, &error);
        }
        Ok(Self { trace_ids, work, ledger })
    }
}

fn identify(message: &Message, generated: TraceId, key_secret: Option<&SecretString>) -> Result<TraceId> {
    match (&message.key, message.trace_id) {
        (Some(_), Some(_)) => {
            Err(Error::invalid_input("send", "key", "given together with a trace_id; the key makes one"))
        }
        (Some((key, _)), None) if key.is_empty() => {
            Err(Error::invalid_input("send", "key", "empty; a key names one message"))
        }
        (Some((key, kind)), None) => {
            let to = message.to.require("send", || "to".into())?;
            Ok(TraceId::of_key(key, to, *kind, key_secret.map(ExposeSecret::expose_secret)))
        }
        (None, Some(trace_id)) => trace_id.require("send", || "trace_id".into()).map(TraceId::new),
        (None, None) if message.once => {
            Err(Error::invalid_input("send", "once", "set without a trace_id or a key to ask for"))
        }
        (None, None) => Ok(generated),
    }
}

fn check(message: &Message) -> Result<()> {
    message.to.require("send", || "to".into())?;
    match &message.content {
        Content::Text(text) if text.is_empty() => Err(Error::invalid_input("send", "text", "empty")),
        Content::Template { key, .. } if key.is_empty() => {
            Err(Error::invalid_input("send", "template", "empty"))
        }
        Content::Template { .. } if message.sender.is_some() => Err(Error::invalid_input(
            "send",
            "sender",
            "given for a template, whose line the gateway chooses",
        )),
        _ => Ok(()),
    }
}
