//! What stands in requests and results.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, de};

use super::{LINES, Refusal, codes};
use crate::clock::Moment;
use crate::ledger::{Asked, Ledger, Question};
use crate::rows::{Row, as_a_double};

/// A number as this gateway reads one: JSON integers, and digits in a string without a leading zero or plus.
#[derive(Debug, Clone, Copy)]
pub(super) struct Number(pub(super) Option<i64>);

impl Number {
    pub(super) fn read(text: &str) -> Self {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
        Self(if plain { text.parse().ok() } else { None })
    }

    /// A recipient without its country code.
    pub(super) fn mobile(self) -> Result<u64, Refusal> {
        let national = match self.0 {
            Some(number @ 9_000_000_000..=9_999_999_999) => Some(number),
            Some(number @ 989_000_000_000..=989_999_999_999) => Some(number - 980_000_000_000),
            _ => None,
        };
        national.and_then(|number| u64::try_from(number).ok()).ok_or(codes::INVALID_DESTINATION)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Number;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an integer")
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Number, E> {
                Ok(Number(Some(value)))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Number, E> {
                Ok(Number(i64::try_from(value).ok()))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Number, E> {
                Ok(Number::read(value))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SendBulk {
    pub(super) api_key: Option<String>,
    pub(super) text: Option<String>,
    pub(super) sender: Option<Number>,
    pub(super) recipients: Option<Vec<BulkRecipient>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct BulkRecipient {
    pub(super) destination: Option<Number>,
    pub(super) user_trace_id: Option<Number>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SendMultiple {
    pub(super) api_key: Option<String>,
    pub(super) recipients: Option<Vec<MultipleRecipient>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MultipleRecipient {
    pub(super) sender: Option<Number>,
    pub(super) text: Option<String>,
    pub(super) destination: Option<Number>,
    pub(super) user_trace_id: Option<Number>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SendTokenMulti {
    pub(super) api_key: Option<String>,
    pub(super) template_key: Option<String>,
    pub(super) recipients: Option<Vec<TokenRecipient>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TokenRecipient {
    pub(super) destination: Option<Number>,
    pub(super) user_trace_id: Option<Number>,
    pub(super) parameters: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StatusById {
    pub(super) api_key: Option<String>,
    pub(super) ids: Option<Vec<Number>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StatusByTraceId {
    pub(super) api_key: Option<String>,
    pub(super) user_trace_ids: Option<Vec<Number>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct KeyOnly {
    pub(super) api_key: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SentRow {
    pub(super) id: i64,
    pub(super) user_trace_id: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TokenSentRow {
    pub(super) id: i64,
    pub(super) user_trace_id: Option<i64>,
    pub(super) sender: i64,
    pub(super) final_text: Arc<str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StatusRow {
    pub(super) id: i64,
    pub(super) user_trace_id: Option<i64>,
    pub(super) status_code: i32,
    pub(super) status: &'static str,
}

impl StatusRow {
    fn new(id: i64, user_trace_id: Option<i64>, status_code: i32) -> Self {
        Self { id, user_trace_id, status_code, status: codes::status_text(status_code) }
    }

    /// Where no message is found, what was not asked by is 0 or null.
    pub(super) fn of(ledger: &Ledger, (asked, found): Question, now: Moment) -> Self {
        match (found.and_then(|place| ledger.status(place, now)), asked) {
            (Some((id, user_trace_id, status_code)), _) => Self::new(id, user_trace_id, status_code),
            (None, Asked::Id(id)) => Self::new(id, None, codes::NOT_FOUND),
            (None, Asked::TraceId(trace_id)) => Self::new(0, Some(trace_id), codes::NOT_FOUND),
        }
    }

    /// "Not found", with an id and a trace id as if it were.
    pub(super) fn contradicted(self, ledger: &mut Ledger) -> Self {
        let id = if self.id == 0 { ledger.phantom_id() } else { self.id };
        let user_trace_id = self.user_trace_id.unwrap_or_else(|| ledger.phantom_id());
        Self::new(id, Some(user_trace_id), codes::NOT_FOUND)
    }
}

fn round(id: &mut i64, user_trace_id: &mut Option<i64>) {
    *id = as_a_double(*id);
    *user_trace_id = user_trace_id.map(as_a_double);
}

impl Row for SentRow {
    fn round(&mut self) {
        round(&mut self.id, &mut self.user_trace_id);
    }

    fn of_nobody(id: i64) -> Option<Self> {
        Some(Self { id, user_trace_id: None })
    }
}

impl Row for TokenSentRow {
    fn round(&mut self) {
        round(&mut self.id, &mut self.user_trace_id);
    }

    fn of_nobody(id: i64) -> Option<Self> {
        let [sender, _] = LINES;
        Some(Self { id, user_trace_id: None, sender, final_text: Arc::default() })
    }
}

impl Row for StatusRow {
    fn round(&mut self) {
        round(&mut self.id, &mut self.user_trace_id);
    }

    fn of_nobody(id: i64) -> Option<Self> {
        Some(Self::new(id, None, codes::QUEUED))
    }
}

impl Row for TemplateRow {}

impl Row for InboxRow {
    fn round(&mut self) {
        self.id = as_a_double(self.id);
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TemplateRow {
    pub(super) key: &'static str,
    pub(super) text_template: &'static str,
    pub(super) voice_template: Option<&'static str>,
    pub(super) status: i32,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Account {
    pub(super) credit: i64,
    pub(super) available_senders: [i64; 2],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InboxRow {
    pub(super) id: i64,
    pub(super) text: String,
    // So spelled by the gateway.
    pub(super) form: String,
    pub(super) to: String,
    pub(super) time: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_are_read_as_the_gateway_reads_them() {
        for good in ["9121112222", "989121112222"] {
            assert_eq!(Number::read(good).mobile(), Ok(9_121_112_222), "{good}");
        }
        for bad in
            ["09121112222", "+989121112222", "00989121112222", "912111222", "2188776655", "", "۹۱۲۱۱۱۲۲۲۲"]
        {
            assert_eq!(Number::read(bad).mobile(), Err(codes::INVALID_DESTINATION), "{bad}");
        }
    }
}
