//! From a path to a dialect's operation, and the faults between a request and its answer.

use std::time::Duration;

use hyper::StatusCode;

use crate::fault::{Kind, Then, When};
use crate::http::{Answer, Reply, Request};
use crate::niksms::{public_api, soap, v2, web_service};
use crate::payam_resan;
use crate::state::{Gateway, Registration, RequestRecord, Settings, World};

pub(crate) const PAYAM_RESAN: &str = "/api/V3/";
pub(crate) const SANDBOX: &str = "/api/V3SandBox/";
pub(crate) const SOAP: &str = "/NiksmsWebservice.svc";
pub(crate) const PUBLIC_API: &str = "/fa/PublicApi/";
pub(crate) const V2: &str = "/api/v2/";
pub(crate) const WEB_SERVICE: &str = "/api/v1/web-service/";

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

/// What becomes of the rows of a right answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    AsTheyAre,
    FirstHalf,
    Reversed,
}

impl Rows {
    pub(crate) fn arrange<T>(self, mut rows: Vec<T>) -> Vec<T> {
        match self {
            Self::AsTheyAre => {}
            Self::FirstHalf => rows.truncate(rows.len() / 2),
            Self::Reversed => rows.reverse(),
        }
        rows
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
}

impl Context<'_> {
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
        let registering = |registration| Self { registration, ..self }.answer(request);
        let arranging = |rows| Reply::Answer(Self { rows, ..self }.answer(request));
        match then {
            Then::DelayMs(delay) => return Reply::Later(Duration::from_millis(delay), self.answer(request)),
            Then::DropRows => return arranging(Rows::FirstHalf),
            Then::ShuffleRows => return arranging(Rows::Reversed),
            Then::Half if when == When::Before => return Reply::Half(registering(Registration::Pretend)),
            Then::Half => return Reply::Half(self.answer(request)),
            Then::Late => {
                registering(Registration::Late);
                return Reply::Close;
            }
            Then::Never | Then::Close | Then::Garbage | Then::Html | Then::Status(_) | Then::Code(_) => {}
        }
        if when == When::After {
            self.answer(request);
        }
        match then {
            Then::Never => Reply::Never,
            Then::Garbage => Reply::Answer(Answer::plain(StatusCode::OK, &b"\x00\xff\xfe{<garbage"[..])),
            Then::Html => Reply::Answer(Answer::html(StatusCode::OK)),
            Then::Status(status) => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                Reply::Answer(Answer::html(status))
            }
            Then::Code(code) => Reply::Answer(self.dialect.refuse(self.operation, code)),
            _ => Reply::Close,
        }
    }
}

/// What a gateway does with a request.
pub(crate) fn reply(world: &World, request: &Request) -> Reply {
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
    let context =
        Context { world, dialect, operation, registration: Registration::Store, rows: Rows::AsTheyAre };
    match hit {
        None => Reply::Answer(context.answer(request)),
        Some((when, then)) => context.misbehave(request, when, then),
    }
}

fn record(world: &World, request: &Request, operation: Option<&str>) {
    let mut state = world.state();
    state.request_count += 1;
    if world.settings.record_requests {
        state.requests.push(RequestRecord {
            method: request.method().to_string(),
            path: request.path().to_owned(),
            operation: operation.map(str::to_owned),
        });
    }
}
