//! What went wrong, as it crosses the border.

use std::fmt;

use payamak::Error;

use crate::convert::{RawCode, RawReceipt};

// An error of the library, field by field.
#[derive(uniffi::Record)]
pub struct RawFailure {
    // The name of the class that it becomes.
    pub kind: String,
    // The gateway's name.
    pub gateway: Option<String>,
    // In snake case.
    pub operation: Option<String>,
    // One line for people.
    pub summary: String,
    // One clause without the gateway's own text.
    pub detail: String,
    // The gateway's code.
    pub code: Option<RawCode>,
    // What the gateway said, cleaned; may be personal.
    pub gateway_text: Option<String>,
    // The argument or the setting.
    pub field: Option<String>,
    // The argument as it was given; may be personal.
    pub value: Option<String>,
    // What to do, in English.
    pub hint_en: Option<String>,
    // What to do, in Persian.
    pub hint_fa: Option<String>,
    // `not_sent` or `unclear`.
    pub outcome: String,
    // `never`, `backoff`, `after_reset` or `check_first`.
    pub retry: String,
    // In seconds.
    pub retry_after: Option<f64>,
    // The HTTP status.
    pub http_status: Option<u16>,
    // The beginning of an answer that could not be read; may be personal.
    pub body_excerpt: Option<String>,
}

impl From<&Error> for RawFailure {
    fn from(error: &Error) -> Self {
        Self {
            kind: error.kind().type_name().to_owned(),
            gateway: error.gateway().map(str::to_owned),
            operation: error.operation().map(str::to_owned),
            summary: error.to_string(),
            detail: error.detail().to_owned(),
            code: error.code().map(RawCode::from),
            gateway_text: error.gateway_text().map(str::to_owned),
            field: error.field().map(str::to_owned),
            value: error.value().map(str::to_owned),
            hint_en: error.hint().map(|hint| hint.en.to_owned()),
            hint_fa: error.hint().map(|hint| hint.fa.to_owned()),
            outcome: error.outcome().as_str().to_owned(),
            retry: error.retry().as_str().to_owned(),
            retry_after: error.retry_after().map(|after| after.as_secs_f64()),
            http_status: error.http_status(),
            body_excerpt: error.body_excerpt().map(str::to_owned),
        }
    }
}

// Why a call failed.
#[derive(uniffi::Error)]
pub enum RawError {
    // The library says why.
    Failed {
        // What is known about it.
        failure: RawFailure,
        // After a send was stopped: what had become of each message.
        receipts: Vec<RawReceipt>,
    },
    // The call was stopped by its token.
    Canceled,
}

impl From<Error> for RawError {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

impl From<&Error> for RawError {
    fn from(error: &Error) -> Self {
        Self::Failed {
            failure: error.into(),
            receipts: error.receipts().iter().map(RawReceipt::from).collect(),
        }
    }
}

impl fmt::Display for RawError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Failed { failure, .. } => &failure.summary,
            Self::Canceled => "the call was stopped",
        })
    }
}

impl fmt::Debug for RawError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for RawError {}
