//! From a path to a dialect's operation, and the faults between a request and its answer.

use std::sync::MutexGuard;
use std::time::Duration;

use hyper::StatusCode;

use crate::clock::Moment;
use crate::fault::{Kind, Then, When};
use crate::http::{Answer, Reply, Request};
use crate::ledger::Registration;
use crate::niksms::{public_api, soap, v2, web_service};
use crate::payam_resan;
use crate::rows::{Row, Rows};
use crate::state::{Gateway, RequestRecord, Settings, State, World};
use crate::waiting::Deferred;

pub(crate) const PAYAM_RESAN: &str = "/api/V3/";
pub(crate) const SANDBOX: &str = "/api/V3SandBox/";
pub(crate) const SOAP: &str = "/NiksmsWebservice.svc";
pub(crate) const PUBLIC_API: &str = "/fa/PublicApi/";
pub(crate) const V2: &str = "/api/v2/";
pub(crate) const WEB_SERVICE: &str = "/api/v1/web-service/";

/// How many characters of a path are kept.
const MAX_RECORDED: usize = 1024;

/// One wire form of one gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    PayamResan,
    Sandbox,
    Soap,
    PublicApi,
    V2,
    WebService,
}

impl Dialect {
    /// The dialect that a request's address belongs to, and the operation's name as it stands there.
    fn of(request: &Request) -> Option<(Self, &str)> {
        let path = request.path();
        let by_path = [
            (PAYAM_RESAN, Self::PayamResan),
            (SANDBOX, Self::Sandbox),
            (PUBLIC_API, Self::PublicApi),
            (V2, Self::V2),
            (WEB_SERVICE, Self::WebService),
        ];
        if path == SOAP {
            return Some((Self::Soap, soap::operation_name(request)));
        }
        by_path.into_iter().find_map(|(base, dialect)| Some((dialect, path.strip_prefix(base)?)))
    }

    fn gateway(self) -> Gateway {
        match self {
            Self::PayamResan | Self::Sandbox => Gateway::PayamResan,
            Self::Soap | Self::PublicApi | Self::V2 | Self::WebService => Gateway::NikSms,
        }
    }

    fn operation(self, name: &str, settings: &Settings) -> Option<(&'static str, Kind)> {
        match self {
            Self::PayamResan => payam_resan::operation(name, false),
            Self::Sandbox => payam_resan::operation(name, true),
            Self::Soap => soap::operation(name),
            Self::PublicApi => public_api::operation(name),
            Self::V2 => v2::operation(name, settings),
            Self::WebService => web_service::operation(name),
        }
    }

    fn unknown_path(self, request: &Request) -> Answer {
        match self {
            Self::PayamResan | Self::Sandbox => payam_resan::unknown_path(request),
            Self::Soap => soap::unknown_action(),
            Self::PublicApi | Self::V2 | Self::WebService => Answer::html(StatusCode::NOT_FOUND),
        }
    }

    /// The gateway's own refusal with this number.
    fn refuse(self, operation: &str, code: i32) -> Answer {
        match self {
            Self::PayamResan | Self::Sandbox => payam_resan::refuse(code),
            Self::Soap => soap::refuse(operation, code),
            Self::PublicApi => public_api::refuse(operation, code),
            Self::V2 => v2::refuse(operation, code),
            Self::WebService => web_service::refuse(operation, code),
        }
    }
}

/// How an operation is to be carried out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) world: &'a World,
    pub(crate) dialect: Dialect,
    pub(crate) operation: &'static str,
    pub(crate) registration: Registration,
    pub(crate) rows: Rows,
    /// When the request arrived, or when its moment came, if it had to wait for one.
    since: Moment,
    has_waited: bool,
}

impl<'a> Context<'a> {
    /// The context of a request that has just arrived.
    fn new(world: &'a World, dialect: Dialect, operation: &'static str, since: Moment) -> Self {
        let (registration, rows) = (Registration::Store, Rows::AsTheyAre);
        Self { world, dialect, operation, registration, rows, since, has_waited: false }
    }

    pub(crate) fn state(&self) -> MutexGuard<'a, State> {
        // Requests that wait are carried out in turn: at the turn of one, nothing else is due before it.
        if self.has_waited { self.world.state_so_far() } else { self.world.state() }
    }

    /// When this request is carried out. To be read with the state at hand: what is registered there is never later.
    pub(crate) fn now(&self) -> Moment {
        if self.has_waited { self.since } else { self.world.clock.now() }
    }

    /// The rows as they are to go out. Not to be called with the state at hand.
    pub(crate) fn arrange<T: Row>(&self, rows: Vec<T>) -> Vec<T> {
        let phantom = || self.state().ledger_mut(self.dialect.gateway()).phantom_id();
        self.rows.arrange(rows, phantom)
    }

    fn answer(self, request: &Request) -> Answer {
        match self.dialect {
            Dialect::PayamResan | Dialect::Sandbox => payam_resan::answer(&self, request),
            Dialect::Soap => soap::answer(&self, request),
            Dialect::PublicApi => public_api::answer(&self, request),
            Dialect::V2 => v2::answer(&self, request),
            Dialect::WebService => web_service::answer(&self, request),
        }
    }

    fn misbehave(self, request: &Request, when: When, then: Then) -> Reply {
        let arranging = |rows| Reply::Answer(Self { rows, ..self }.answer(request));
        match then {
            Then::DelayMs(delay) => Reply::Later(Duration::from_millis(delay), self.answer(request)),
            Then::DropRows => arranging(Rows::FirstHalf),
            Then::ShuffleRows => arranging(Rows::Reversed),
            Then::NoRows => arranging(Rows::Gone),
            Then::RoundIds => arranging(Rows::Rounded),
            Then::ExtraRow => arranging(Rows::OneMore),
            Then::ContradictRows => arranging(Rows::Contradicted),
            Then::HalfTaken(code) => {
                self.registering(Registration::FirstHalf, request);
                Reply::Answer(self.dialect.refuse(self.operation, code))
            }
            Then::Late => {
                self.registering(Registration::Late, request);
                Reply::Close
            }
            _ => self.keep_silent(request, when, then),
        }
    }

    /// The faults in which no right answer goes out, whether there is one or not: `when` counts.
    fn keep_silent(self, request: &Request, when: When, then: Then) -> Reply {
        let carried_out = match when {
            When::Before => None,
            When::After => Some(self.answer(request)),
            When::LaterMs(delay) => {
                self.put_off(request, delay);
                None
            }
        };
        match then {
            Then::Never => Reply::Never,
            Then::Half => {
                let pretended = || self.registering(Registration::Pretend, request);
                Reply::Half(carried_out.unwrap_or_else(pretended))
            }
            Then::Garbage => Reply::Answer(Answer::plain(StatusCode::OK, &b"\x00\xff\xfe{<garbage"[..])),
            Then::Html => Reply::Answer(Answer::html(StatusCode::OK)),
            Then::Status(status) => Reply::Answer(Answer::html(status_code(status))),
            Then::StatusJson(status) => {
                let number = self.state().request_count;
                Reply::Answer(Answer::of_a_proxy(status_code(status), number))
            }
            Then::Code(code) => Reply::Answer(self.dialect.refuse(self.operation, code)),
            _ => Reply::Close,
        }
    }

    fn registering(self, registration: Registration, request: &Request) -> Answer {
        Self { registration, ..self }.answer(request)
    }

    fn put_off(self, request: &Request, delay: u64) {
        let Self { world, dialect, operation, since, .. } = self;
        world.put_off(since.saturating_add(delay), Deferred { dialect, operation, request: request.clone() });
    }
}

/// A number that is no status becomes 500.
fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Carries out a request whose moment has come. Nobody waits for the answer any more.
pub(crate) fn carry_out(world: &World, due: Moment, deferred: &Deferred) {
    let Deferred { dialect, operation, request } = deferred;
    let context = Context::new(world, *dialect, operation, due);
    Context { has_waited: true, ..context }.answer(request);
}

/// What a gateway does with a request.
pub(crate) fn reply(world: &World, request: &Request) -> Reply {
    // Before the request is counted: who sees that it has arrived may move time at once.
    let arrived = world.clock.now();
    let Some((dialect, name)) = Dialect::of(request) else {
        record(world, request, None);
        return Reply::Answer(Answer::html(StatusCode::NOT_FOUND));
    };
    let Some((operation, kind)) = dialect.operation(name, &world.settings) else {
        record(world, request, None);
        return Reply::Answer(dialect.unknown_path(request));
    };
    record(world, request, Some(operation));
    let hit = world.state().faults.next(dialect.gateway(), kind, [operation, name]);
    let context = Context::new(world, dialect, operation, arrived);
    match hit {
        None => Reply::Answer(context.answer(request)),
        Some((when, then)) => context.misbehave(request, when, then),
    }
}

/// What is kept of a text of any length. No address of a gateway's is longer.
fn cut(text: &str) -> String {
    text.chars().take(MAX_RECORDED).collect()
}

fn record(world: &World, request: &Request, operation: Option<&str>) {
    let mut state = world.state();
    state.request_count += 1;
    if world.settings.record_requests {
        let record = RequestRecord {
            method: cut(request.method().as_str()),
            path: cut(request.path()),
            operation: operation.map(str::to_owned),
        };
        state.requests.push(1, record);
    }
}
