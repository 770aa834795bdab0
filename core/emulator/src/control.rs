//! The emulator's own addresses under `/_emulator/`: for tests in any language, and for a curious user with curl.

use std::time::Duration;

use hyper::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::clock::seconds;
use crate::fault::Fault;
use crate::http::{Answer, Request};
use crate::state::{IncomingMessage, World};

#[derive(Serialize)]
struct Health {
    status: &'static str,
    now: f64,
    messages: usize,
    requests: u64,
}

#[derive(Serialize)]
struct Failed<'a> {
    error: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Refuse {
    Text(String),
    Number(String),
}

#[derive(Serialize)]
struct Received {
    id: i64,
}

pub(crate) fn answer(world: &World, request: &Request, path: &str) -> Answer {
    // A form or a plain text is what a browser sends for any page without asking.
    if !request.body.is_empty() && !request.has_content_type("application/json") {
        return Answer::json(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            &Failed { error: "a body has to come with content-type: application/json" },
        );
    }
    let outcome = match (request.method(), path) {
        (&Method::GET, "health") => Ok(health(world)),
        (&Method::GET, "messages") => Ok(Answer::ok(&world.state().messages(world.clock.now()))),
        (&Method::GET, "requests") => Ok(Answer::ok(&world.state().requests.iter().collect::<Vec<_>>())),
        (&Method::GET, "faults") => Ok(Answer::ok(&world.state().faults.pending())),
        (&Method::POST, "faults") => parse::<Vec<Fault>>(request).map(|faults| {
            world.state().faults.replace(faults);
            done()
        }),
        (&Method::POST, "advance") => parse::<Advance>(request).and_then(|advance| {
            let by = Duration::try_from_secs_f64(advance.seconds).map_err(|error| error.to_string())?;
            world.clock.advance(by);
            Ok(health(world))
        }),
        (&Method::POST, "receive") => parse::<IncomingMessage>(request).and_then(|message| {
            let id = world.state().receive(world.clock.now(), message)?;
            Ok(Answer::ok(&Received { id }))
        }),
        (&Method::POST, "refuse") => parse::<Refuse>(request).and_then(|refuse| {
            let mut state = world.state();
            match refuse {
                Refuse::Text(text) => state.refusals.refuse_text(text),
                Refuse::Number(number) => state.refusals.refuse_number(&number)?,
            }
            Ok(done())
        }),
        (&Method::POST, "clear") => {
            world.clear();
            Ok(done())
        }
        _ => {
            return Answer::json(
                StatusCode::NOT_FOUND,
                &Failed { error: "see the emulator's README for its addresses" },
            );
        }
    };
    outcome.unwrap_or_else(|error| Answer::json(StatusCode::BAD_REQUEST, &Failed { error: &error }))
}

fn parse<T: DeserializeOwned>(request: &Request) -> Result<T, String> {
    serde_json::from_slice(&request.body).map_err(|error| error.to_string())
}

fn health(world: &World) -> Answer {
    let now = world.clock.now();
    let state = world.state();
    let (messages, requests) = (state.message_count(), state.request_count);
    Answer::ok(&Health { status: "ok", now: seconds(now), messages, requests })
}

fn done() -> Answer {
    Answer::plain(StatusCode::NO_CONTENT, "")
}
