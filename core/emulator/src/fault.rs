//! Faults on request: which requests they hit, and what then happens instead of the right answer.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::state::Gateway;

/// What goes wrong, for which requests, and how often.
///
/// In Rust a fault reads as a sentence:
///
/// ```
/// use payamak_emulator::Fault;
///
/// // The third and fourth sends are registered, and then the connection is closed without an answer.
/// let fault = Fault::on_send().skip(2).times(2).after().close();
/// ```
///
/// As JSON, which is what the control address and the bindings take, every key but `then` may be left out:
///
/// ```
/// # fn main() -> Result<(), serde_json::Error> {
/// let fault: payamak_emulator::Fault = serde_json::from_str(
///     r#"{ "operations": "send", "gateway": null, "skip": 2, "times": 2, "when": "after", "then": "close" }"#,
/// )?;
/// # assert_eq!(fault, payamak_emulator::Fault::on_send().skip(2).times(2).after().close());
/// # Ok(())
/// # }
/// ```
///
/// Of several faults the first that matches a request and is not used up fires. Each counts for itself: a request
/// that one fault skips is looked at by the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The requests it applies to: `"send"` (default), `"lookup"`, `"any"`, or an operation's own name.
    #[serde(default)]
    pub operations: Operations,
    /// The gateway it applies to; both, unless given.
    #[serde(default)]
    pub gateway: Option<Gateway>,
    /// How many matching requests pass before it fires the first time.
    #[serde(default)]
    pub skip: u64,
    /// How many requests it hits: 1 unless given, and without end if `null`.
    #[serde(default = "once")]
    pub times: Option<u64>,
    /// Whether the request is carried out first.
    #[serde(default)]
    pub when: When,
    /// What happens.
    pub then: Then,
}

#[expect(clippy::unnecessary_wraps, reason = "serde wants a default of the field's own type")]
fn once() -> Option<u64> {
    Some(1)
}

/// The requests a fault applies to. In JSON: a string.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Operations {
    /// Everything that sends, in every dialect.
    #[default]
    Send,
    /// Everything that asks for a delivery status, by id or by trace id (client id).
    Lookup,
    /// Every request to a gateway.
    Any,
    /// One operation, named as in the URL or the `SOAPAction`: `SendBulk`, `GroupSms`, `send/one`, ….
    Named(String),
}

impl From<String> for Operations {
    fn from(name: String) -> Self {
        match name.as_str() {
            "send" => Self::Send,
            "lookup" => Self::Lookup,
            "any" => Self::Any,
            _ => Self::Named(name),
        }
    }
}

impl From<Operations> for String {
    fn from(operations: Operations) -> Self {
        match operations {
            Operations::Send => "send".to_owned(),
            Operations::Lookup => "lookup".to_owned(),
            Operations::Any => "any".to_owned(),
            Operations::Named(name) => name,
        }
    }
}

/// Whether, and when, the gateway carries the request out. In JSON: `"before"`, `"after"`, `{"later_ms": 6000}`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum When {
    /// Nothing is registered, charged or handed out.
    #[default]
    Before,
    /// The request is carried out, then the fault happens.
    After,
    /// The fault happens at once, and the request is carried out so many emulated milliseconds later, whatever has
    /// become of its client. It is checked and charged then: if the credit no longer suffices, nothing is registered.
    LaterMs(u64),
}

/// What happens to a request that a fault hits. In JSON: `"close"`, `{"status": 503}`, `{"delay_ms": 250}`, ….
///
/// Rows are the entries of an answer's list: of a send an id each, of a lookup a status each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Then {
    /// No answer, on a connection that stays open.
    Never,
    /// The connection is closed without a byte.
    Close,
    /// The head of the real answer with its full `Content-Length`, half of its body, then the end of the connection.
    Half,
    /// 200 with bytes that are neither JSON nor XML nor UTF-8.
    Garbage,
    /// 200 with an HTML page.
    Html,
    /// This HTTP status, with an HTML page.
    Status(u16),
    /// This HTTP status, with the JSON of a proxy in front of the gateway: keys in lower case, no gateway's form.
    StatusJson(u16),
    /// The gateway's own refusal with this number, in the dialect's shape.
    Code(i32),
    /// The right answer, so many real milliseconds later. The request is carried out at once; `when` does not count.
    DelayMs(u64),
    /// The right answer without the last half of its rows (of one row, none stays). `when` does not count.
    DropRows,
    /// The right answer with its rows in reverse order. `when` does not count.
    ShuffleRows,
    /// The right answer, a success, without a single row. `when` does not count.
    NoRows,
    /// The right answer with every id and trace id in it as a double holds it: many of them are another's, or nobody's.
    /// `when` does not count.
    RoundIds,
    /// The right answer of a send or a lookup with one row too many, before the others: its id belongs to nobody.
    /// `when` does not count.
    ExtraRow,
    /// The answer of a lookup in which every row says "not found" beside an id that says the opposite: the message's
    /// own, or where there is no message, a positive one that belongs to nobody. Where rows have no ids, they all say
    /// "not found". `when` does not count.
    ContradictRows,
    /// The first half of a batch is registered and charged (of one message, none), and the whole request is refused
    /// with this number, in the dialect's shape. `when` does not count.
    HalfTaken(i32),
    /// A slow request that lands between two looks: the connection is closed, and the messages are registered only
    /// after a lookup by one of their trace ids has been answered "not found". `when` does not count.
    Late,
}

impl Fault {
    fn on_operations(operations: Operations) -> Self {
        Self { operations, gateway: None, skip: 0, times: once(), when: When::Before, then: Then::Close }
    }

    /// Hits what sends. Until another end is chosen, it closes the connection of one request, before registering.
    pub fn on_send() -> Self {
        Self::on_operations(Operations::Send)
    }

    /// Hits what asks for a delivery status.
    pub fn on_lookup() -> Self {
        Self::on_operations(Operations::Lookup)
    }

    /// Hits every request to a gateway.
    pub fn on_any() -> Self {
        Self::on_operations(Operations::Any)
    }

    /// Hits one operation, named as in the URL or the `SOAPAction`.
    pub fn on(operation: impl Into<String>) -> Self {
        Self::on_operations(Operations::Named(operation.into()))
    }

    /// Hits requests to this gateway only.
    #[must_use]
    pub fn gateway(mut self, gateway: Gateway) -> Self {
        self.gateway = Some(gateway);
        self
    }

    /// Lets the first matching requests pass.
    #[must_use]
    pub fn skip(mut self, requests: u64) -> Self {
        self.skip = requests;
        self
    }

    /// Hits so many requests.
    #[must_use]
    pub fn times(mut self, requests: u64) -> Self {
        self.times = Some(requests);
        self
    }

    /// Never stops hitting.
    #[must_use]
    pub fn forever(mut self) -> Self {
        self.times = None;
        self
    }

    /// Happens before anything is registered, which is the default.
    #[must_use]
    pub fn before(mut self) -> Self {
        self.when = When::Before;
        self
    }

    /// Happens after the request has been carried out.
    #[must_use]
    pub fn after(mut self) -> Self {
        self.when = When::After;
        self
    }

    /// Happens at once; the request is carried out after so much emulated time. See [`When::LaterMs`].
    #[must_use]
    pub fn later(mut self, later: Duration) -> Self {
        self.when = When::LaterMs(crate::clock::milliseconds(later));
        self
    }

    /// Chooses what happens by value.
    #[must_use]
    pub fn then(mut self, then: Then) -> Self {
        self.then = then;
        self
    }

    /// See [`Then::Never`].
    #[must_use]
    pub fn never(self) -> Self {
        self.then(Then::Never)
    }

    /// See [`Then::Close`].
    #[must_use]
    pub fn close(self) -> Self {
        self.then(Then::Close)
    }

    /// See [`Then::Half`].
    #[must_use]
    pub fn half(self) -> Self {
        self.then(Then::Half)
    }

    /// See [`Then::Garbage`].
    #[must_use]
    pub fn garbage(self) -> Self {
        self.then(Then::Garbage)
    }

    /// See [`Then::Html`].
    #[must_use]
    pub fn html(self) -> Self {
        self.then(Then::Html)
    }

    /// See [`Then::Status`].
    #[must_use]
    pub fn status(self, status: u16) -> Self {
        self.then(Then::Status(status))
    }

    /// See [`Then::StatusJson`].
    #[must_use]
    pub fn status_json(self, status: u16) -> Self {
        self.then(Then::StatusJson(status))
    }

    /// See [`Then::Code`].
    #[must_use]
    pub fn code(self, code: i32) -> Self {
        self.then(Then::Code(code))
    }

    /// See [`Then::DelayMs`].
    #[must_use]
    pub fn delay(self, delay: Duration) -> Self {
        self.then(Then::DelayMs(crate::clock::milliseconds(delay)))
    }

    /// See [`Then::DropRows`].
    #[must_use]
    pub fn drop_rows(self) -> Self {
        self.then(Then::DropRows)
    }

    /// See [`Then::ShuffleRows`].
    #[must_use]
    pub fn shuffle_rows(self) -> Self {
        self.then(Then::ShuffleRows)
    }

    /// See [`Then::NoRows`].
    #[must_use]
    pub fn no_rows(self) -> Self {
        self.then(Then::NoRows)
    }

    /// See [`Then::RoundIds`].
    #[must_use]
    pub fn round_ids(self) -> Self {
        self.then(Then::RoundIds)
    }

    /// See [`Then::ExtraRow`].
    #[must_use]
    pub fn extra_row(self) -> Self {
        self.then(Then::ExtraRow)
    }

    /// See [`Then::ContradictRows`].
    #[must_use]
    pub fn contradict_rows(self) -> Self {
        self.then(Then::ContradictRows)
    }

    /// See [`Then::HalfTaken`].
    #[must_use]
    pub fn half_taken(self, code: i32) -> Self {
        self.then(Then::HalfTaken(code))
    }

    /// See [`Then::Late`].
    #[must_use]
    pub fn late(self) -> Self {
        self.then(Then::Late)
    }
}

/// What a request does, as far as faults tell requests apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Send,
    Lookup,
    Other,
}

/// The faults still to come. `skip` and `times` of each count down in place.
#[derive(Debug, Default)]
pub(crate) struct Plan(Vec<Fault>);

impl Plan {
    pub(crate) fn replace(&mut self, faults: Vec<Fault>) {
        self.0 = faults;
        self.0.retain(|fault| fault.times != Some(0));
    }

    pub(crate) fn add(&mut self, fault: Fault) {
        if fault.times != Some(0) {
            self.0.push(fault);
        }
    }

    pub(crate) fn pending(&self) -> &[Fault] {
        &self.0
    }

    /// The fault that hits this request. `names` are all the names the operation goes by.
    pub(crate) fn next(&mut self, gateway: Gateway, kind: Kind, names: [&str; 2]) -> Option<(When, Then)> {
        let matches = |fault: &Fault| {
            fault.gateway.is_none_or(|only| only == gateway)
                && match &fault.operations {
                    Operations::Send => kind == Kind::Send,
                    Operations::Lookup => kind == Kind::Lookup,
                    Operations::Any => true,
                    Operations::Named(name) => names.contains(&name.as_str()),
                }
        };
        let position = self.0.iter_mut().position(|fault| {
            let fires = matches(fault) && fault.skip == 0;
            if !fires && matches(fault) {
                fault.skip -= 1;
            }
            fires
        })?;
        let fault = self.0.get_mut(position)?;
        let hit = (fault.when, fault.then);
        if let Some(times) = &mut fault.times {
            *times -= 1;
            if *times == 0 {
                self.0.remove(position);
            }
        }
        Some(hit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(plan: &mut Plan) -> Option<Then> {
        plan.next(Gateway::PayamResan, Kind::Send, ["SendBulk", "SendBulk"]).map(|(_, then)| then)
    }

    #[test]
    fn each_fault_counts_for_itself() {
        let mut plan = Plan::default();
        plan.replace(vec![Fault::on_send().skip(1).close(), Fault::on("SendBulk").times(2).html()]);
        assert_eq!(send(&mut plan), Some(Then::Html));
        assert_eq!(send(&mut plan), Some(Then::Close));
        assert_eq!(send(&mut plan), Some(Then::Html));
        assert_eq!(send(&mut plan), None);
        assert!(plan.pending().is_empty());
    }

    #[test]
    fn a_gateway_and_a_kind_narrow_it_down() {
        let mut plan = Plan::default();
        plan.add(Fault::on_lookup().gateway(Gateway::NikSms).forever().never());
        assert_eq!(send(&mut plan), None);
        assert_eq!(plan.next(Gateway::PayamResan, Kind::Lookup, ["StatusById"; 2]), None);
        for _ in 0..3 {
            let hit = plan.next(Gateway::NikSms, Kind::Lookup, ["GetSmsDelivery"; 2]);
            assert_eq!(hit, Some((When::Before, Then::Never)));
        }
    }

    #[test]
    fn json_has_defaults_and_refuses_what_it_does_not_know() {
        let fault: Fault = serde_json::from_str(r#"{"then": {"status": 503}}"#).unwrap();
        assert_eq!(fault, Fault::on_send().status(503));
        let fault: Fault =
            serde_json::from_str(r#"{"times": null, "operations": "send/one", "then": "late"}"#).unwrap();
        assert_eq!(fault, Fault::on("send/one").forever().late());
        let written = serde_json::to_string(&fault).unwrap();
        assert_eq!(serde_json::from_str::<Fault>(&written).unwrap(), fault);
        assert!(serde_json::from_str::<Fault>(r#"{"then": "explode"}"#).is_err());
        assert!(serde_json::from_str::<Fault>(r#"{"then": "close", "when": "later"}"#).is_err());
        assert!(serde_json::from_str::<Fault>(r#"{"then": "close", "time": 3}"#).is_err());
    }

    #[test]
    fn every_when_and_then_goes_through_json() {
        let fault = Fault::on_send;
        let written = [
            (fault().before().never(), r#""before""#, r#""never""#),
            (fault().after().close(), r#""after""#, r#""close""#),
            (fault().later(Duration::from_secs(6)).half(), r#"{"later_ms":6000}"#, r#""half""#),
            (fault().garbage(), r#""before""#, r#""garbage""#),
            (fault().html(), r#""before""#, r#""html""#),
            (fault().status(503), r#""before""#, r#"{"status":503}"#),
            (fault().status_json(429), r#""before""#, r#"{"status_json":429}"#),
            (fault().code(100), r#""before""#, r#"{"code":100}"#),
            (fault().delay(Duration::from_millis(250)), r#""before""#, r#"{"delay_ms":250}"#),
            (fault().drop_rows(), r#""before""#, r#""drop_rows""#),
            (fault().shuffle_rows(), r#""before""#, r#""shuffle_rows""#),
            (fault().no_rows(), r#""before""#, r#""no_rows""#),
            (fault().round_ids(), r#""before""#, r#""round_ids""#),
            (fault().extra_row(), r#""before""#, r#""extra_row""#),
            (fault().contradict_rows(), r#""before""#, r#""contradict_rows""#),
            (fault().half_taken(19), r#""before""#, r#"{"half_taken":19}"#),
            (fault().late(), r#""before""#, r#""late""#),
        ];
        for (fault, when, then) in written {
            assert_eq!(serde_json::to_string(&fault.when).unwrap(), when);
            assert_eq!(serde_json::to_string(&fault.then).unwrap(), then);
            let read: Fault = serde_json::from_str(&format!(r#"{{"when":{when},"then":{then}}}"#)).unwrap();
            assert_eq!(read, fault);
        }
    }
}
