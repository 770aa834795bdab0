//! What became of a message: the states that both gateways' codes map to.

use serde::{Deserialize, Serialize};

use crate::codes::Code;

/// Where a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeliveryState {
    /// Waits for its date.
    Scheduled,
    /// Waits at the gateway or at the operator.
    Queued,
    /// Left the gateway; no word from the handset (NikSMS never has more).
    Sent,
    /// On the handset.
    Delivered,
    /// Sent, and not delivered: see the reason.
    Failed,
    /// Never left the gateway: mend the cause and send it again.
    NotSent,
    /// The gateway has no such message in this account.
    NotFound,
    /// The gateway does not know yet, or said something that no table has.
    Unknown,
}

impl DeliveryState {
    /// The state in lower snake case, as the canonical JSON and every language write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::NotSent => "not_sent",
            Self::NotFound => "not_found",
            Self::Unknown => "unknown",
        }
    }
}

/// Why a message was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeliveryReason {
    /// The recipient is on the account's blacklist.
    Blacklisted,
    /// The recipient opted out of this line.
    OptedOut,
    /// The recipient blocks advertising lines.
    AdvertisingBlocked,
    /// The number does not exist, or cannot receive.
    InvalidNumber,
    /// The text is not allowed.
    TextFiltered,
    /// The time it was valid for ran out.
    Expired,
    /// It was canceled.
    Canceled,
    /// The gateway took it for a duplicate.
    Duplicate,
    /// The operator refused it.
    Operator,
    /// The handset was off, busy or out of reach.
    Unreachable,
    /// A limit of the account, the line or the hour.
    Limit,
    /// Not enough credit.
    Credit,
    /// The account or its panel.
    Account,
    /// Blocked, for a cause that the gateway does not name.
    Blocked,
    /// None of these.
    Other,
}

impl DeliveryReason {
    /// The reason in lower snake case, as the canonical JSON and every language write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blacklisted => "blacklisted",
            Self::OptedOut => "opted_out",
            Self::AdvertisingBlocked => "advertising_blocked",
            Self::InvalidNumber => "invalid_number",
            Self::TextFiltered => "text_filtered",
            Self::Expired => "expired",
            Self::Canceled => "canceled",
            Self::Duplicate => "duplicate",
            Self::Operator => "operator",
            Self::Unreachable => "unreachable",
            Self::Limit => "limit",
            Self::Credit => "credit",
            Self::Account => "account",
            Self::Blocked => "blocked",
            Self::Other => "other",
        }
    }
}

/// What a gateway's delivery code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct Delivery {
    /// Where the message is.
    pub state: DeliveryState,
    /// Why it was not delivered, where it was not.
    pub reason: Option<DeliveryReason>,
    /// True when asking again will not change the answer.
    pub is_final: bool,
}

impl Delivery {
    /// What a code of a gateway outside this crate means.
    pub fn new(state: DeliveryState, reason: Option<DeliveryReason>, is_final: bool) -> Self {
        Self { state, reason, is_final }
    }

    /// Still under way.
    pub(crate) const fn pending(state: DeliveryState) -> Self {
        Self { state, reason: None, is_final: false }
    }

    /// Over, and well.
    pub(crate) const fn done(state: DeliveryState) -> Self {
        Self { state, reason: None, is_final: true }
    }

    /// Over, for this reason.
    pub(crate) const fn over(state: DeliveryState, reason: DeliveryReason) -> Self {
        Self { state, reason: Some(reason), is_final: true }
    }

    /// A code that no table has: kept, and asked for again.
    pub(crate) const UNKNOWN: Self = Self::pending(DeliveryState::Unknown);
}

/// A gateway's delivery code together with what it means, the same for every gateway.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct DeliveryStatus {
    /// The gateway's code.
    #[serde(flatten)]
    pub code: Code,
    /// What it means.
    pub delivery: Delivery,
}

impl DeliveryStatus {
    /// A status of a gateway's own making; gateways outside this crate need it too.
    pub fn new(code: Code, delivery: Delivery) -> Self {
        Self { code, delivery }
    }

    /// Where the message is.
    pub fn state(&self) -> DeliveryState {
        self.delivery.state
    }

    /// True when asking again will not change the answer.
    pub fn is_final(&self) -> bool {
        self.delivery.is_final
    }
}
