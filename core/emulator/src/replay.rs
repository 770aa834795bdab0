//! Conformance cases instead of a gateway: what arrives is compared with the case, what the case says is answered.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::http::{self, Answer, Reply, Request};
use crate::xml::Element;

/// How many mismatches of a run are kept, and how many characters of each: one may quote a whole request.
const MAX_MISMATCHES: usize = 100;
const MAX_MISMATCH: usize = 10_000;

/// How a replayed case went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether every request of the exchange has arrived.
    pub complete: bool,
    /// What arrived otherwise than the case says, or beyond it: the first 100, each cut to 10,000 characters.
    pub mismatches: Vec<String>,
}

impl Verdict {
    /// Whether everything arrived, and nothing else.
    pub fn is_clean(&self) -> bool {
        self.complete && self.mismatches.is_empty()
    }
}

/// What the emulator needs of a case file; the rest is the runners' business.
#[derive(Deserialize)]
struct CaseFile {
    #[serde(default)]
    exchange: Vec<Exchange>,
    /// The exchange is had once for each of the echoes, which stand in the file beside the folder.
    #[serde(default)]
    echoes: bool,
}

/// What a gateway may say of a request.
#[derive(Deserialize)]
struct Echoes {
    echoes: Vec<Echo>,
}

#[derive(Deserialize)]
struct Echo {
    says: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exchange {
    request: Expected,
    answer: Canned,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    method: String,
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    query: Option<BTreeMap<String, String>>,
    form: Option<BTreeMap<String, String>>,
    #[serde(default, deserialize_with = "even_null")]
    json: Option<Value>,
    #[serde(default, deserialize_with = "document")]
    xml: Option<Element>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Canned {
    #[serde(default = "ok", deserialize_with = "status")]
    status: StatusCode,
    content_type: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    // Raw, so that it goes out as it stands, whatever numbers it holds.
    #[serde(default, deserialize_with = "even_null")]
    json: Option<Box<RawValue>>,
    text: Option<String>,
    xml: Option<String>,
    repeat: Option<Repeat>,
    fault: Option<CannedFault>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Repeat {
    text: String,
    times: usize,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CannedFault {
    Close,
    Half,
    Never,
}

/// A null that is there is a value, other than a key that is not.
fn even_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

fn document<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Element>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Element::parse(&text).map(Some).map_err(serde::de::Error::custom)
}

fn ok() -> StatusCode {
    StatusCode::OK
}

fn status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<StatusCode, D::Error> {
    StatusCode::from_u16(u16::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

/// All cases, and how far each has come.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    cases: HashMap<String, Case>,
}

#[derive(Debug)]
struct Case {
    exchange: Vec<Exchange>,
    run: Mutex<Run>,
}

#[derive(Debug, Default)]
struct Run {
    arrived: usize,
    mismatches: Vec<String>,
}

/// The echoes beside a folder of cases.
fn echoes(folder: &Path) -> io::Result<Vec<String>> {
    let path = folder.join("../echoes.json");
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let text = fs::read_to_string(&path).map_err(named)?;
    let Echoes { echoes } = serde_json::from_str(&text).map_err(|error| named(error.into()))?;
    Ok(echoes.into_iter().map(|echo| echo.says).collect())
}

impl Exchange {
    /// The same exchange with an echo in the place of each `{echo}`, written as its surroundings want it.
    fn saying(&self, echo: &str) -> Self {
        const PLACE: &str = "{echo}";
        let quoted = Value::from(echo).to_string();
        let in_json = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default();
        let answer = &self.answer;
        let json = answer.json.as_ref().map(|json| json.get().replace(PLACE, in_json));
        let answer = Canned {
            json: json.and_then(|json| RawValue::from_string(json).ok()),
            text: answer.text.as_ref().map(|text| text.replace(PLACE, echo)),
            xml: answer.xml.as_ref().map(|xml| xml.replace(PLACE, &quick_xml::escape::escape(echo))),
            ..answer.clone()
        };
        Self { request: self.request.clone(), answer }
    }
}

impl Case {
    fn run(&self) -> MutexGuard<'_, Run> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Replay {
    /// Reads every `.json` file of a folder. A file that is no case is an error that names it.
    pub(crate) fn load(folder: &Path) -> io::Result<Self> {
        let mut cases = HashMap::new();
        for file in fs::read_dir(folder)? {
            let path = file?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let broken = |why: &dyn std::fmt::Display| {
                io::Error::new(io::ErrorKind::InvalidData, format!("{}: {why}", path.display()))
            };
            let text = fs::read_to_string(&path).map_err(|error| broken(&error))?;
            let CaseFile { mut exchange, echoes: has_echoes } =
                serde_json::from_str(&text).map_err(|error| broken(&error))?;
            if has_echoes {
                let of_each = |says: &String| exchange.iter().map(|exchange| exchange.saying(says)).collect();
                exchange = echoes(folder)?.iter().flat_map::<Vec<_>, _>(of_each).collect();
            }
            let name =
                path.file_stem().and_then(|name| name.to_str()).ok_or_else(|| broken(&"no name in UTF-8"))?;
            cases.insert(name.to_owned(), Case { exchange, run: Mutex::default() });
        }
        Ok(Self { cases })
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.cases.keys().cloned().collect();
        names.sort();
        names
    }

    pub(crate) fn verdict(&self, case: &str) -> Option<Verdict> {
        let case = self.cases.get(case)?;
        let run = case.run();
        Some(Verdict { complete: run.arrived == case.exchange.len(), mismatches: run.mismatches.clone() })
    }

    pub(crate) fn reset(&self, case: &str) -> bool {
        let Some(case) = self.cases.get(case) else {
            return false;
        };
        *case.run() = Run::default();
        true
    }

    /// Answers what came to `/replay/` and this rest of the path.
    pub(crate) fn reply(&self, request: &Request, rest: &str) -> Reply {
        let (name, path) = rest.split_once('/').unwrap_or((rest, ""));
        let Some(case) = self.cases.get(name) else {
            return Reply::Answer(Answer::plain(StatusCode::NOT_FOUND, format!("there is no case {name}\n")));
        };
        match (request.method(), path) {
            (&Method::GET, "verdict") => {
                let no_such_case = || Answer::plain(StatusCode::NOT_FOUND, "");
                Reply::Answer(self.verdict(name).map_or_else(no_such_case, |verdict| Answer::ok(&verdict)))
            }
            (&Method::POST, "reset") => {
                self.reset(name);
                Reply::Answer(Answer::new(StatusCode::NO_CONTENT, http::JSON, ""))
            }
            _ => case.reply(request, path),
        }
    }
}

impl Case {
    fn reply(&self, request: &Request, path: &str) -> Reply {
        let mut run = self.run();
        let number = run.arrived + 1;
        let Some(exchange) = self.exchange.get(run.arrived) else {
            let method = request.method();
            let mismatch = format!("request {number}: {method} {path:?} is one more than the case has");
            return mismatched(&mut run, vec![mismatch]);
        };
        let differences = exchange.request.differences(request, path);
        if !differences.is_empty() {
            return mismatched(
                &mut run,
                differences.iter().map(|what| format!("request {number}: {what}")).collect(),
            );
        }
        run.arrived += 1;
        exchange.answer.reply()
    }
}

/// Keeps the first mismatches: they explain the others.
fn mismatched(run: &mut Run, mismatches: Vec<String>) -> Reply {
    let body = mismatches.join("\n");
    let room = MAX_MISMATCHES.saturating_sub(run.mismatches.len());
    let kept = mismatches.into_iter().take(room);
    run.mismatches.extend(kept.map(|mismatch| mismatch.chars().take(MAX_MISMATCH).collect()));
    Reply::Answer(Answer::plain(StatusCode::IM_A_TEAPOT, body))
}

impl Expected {
    fn differences(&self, request: &Request, path: &str) -> Vec<String> {
        let mut found = Vec::new();
        if request.method().as_str() != self.method {
            found.push(format!("expected method {}, got {}", self.method, request.method()));
        }
        if path != self.path {
            found.push(format!("expected path {:?}, got {path:?}", self.path));
        }
        for (name, expected) in &self.headers {
            let got = request.header(name).unwrap_or_default();
            let matches = match expected.strip_suffix('*') {
                Some(prefix) => got.starts_with(prefix),
                None => got == expected,
            };
            if !matches {
                found.push(format!("expected header {name}: {expected:?}, got {got:?}"));
            }
        }
        if let Some(expected) = &self.query {
            found.extend(pair_difference("query", expected, request.query()));
        }
        if let Some(expected) = &self.form {
            found.extend(pair_difference("form", expected, request.form()));
        }
        if let Some(expected) = &self.json {
            match serde_json::from_slice::<Value>(&request.body) {
                Ok(got) => json_difference("", expected, &got, &mut found),
                Err(error) => found.push(format!("expected JSON, got a body that is none: {error}")),
            }
        }
        if let Some(expected) = &self.xml {
            match Element::parse(&String::from_utf8_lossy(&request.body)) {
                Ok(got) => found.extend(expected.difference(&got)),
                Err(error) => found.push(format!("expected XML, got a body that is none: {error}")),
            }
        }
        found
    }
}

fn pair_difference(
    what: &str,
    expected: &BTreeMap<String, String>,
    mut got: Vec<(String, String)>,
) -> Option<String> {
    got.sort();
    let same = expected.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let same = same.eq(got.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    (!same).then(|| format!("expected {what} {expected:?}, got {got:?}"))
}

/// Where two JSON values differ. Integers are kept as such by `serde_json`, up to 64 bits: 7 and 7.0 differ.
fn json_difference(place: &str, expected: &Value, got: &Value, found: &mut Vec<String>) {
    match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => {
            for (key, expected) in expected {
                let place = format!("{place}/{key}");
                match got.get(key) {
                    Some(got) => json_difference(&place, expected, got, found),
                    None => found.push(format!("json {place}: expected {expected}, got nothing")),
                }
            }
            let surplus = got.iter().filter(|(key, _)| !expected.contains_key(*key));
            found
                .extend(surplus.map(|(key, got)| format!("json {place}/{key}: expected nothing, got {got}")));
        }
        (Value::Array(expected), Value::Array(got)) if expected.len() == got.len() => {
            for (index, (expected, got)) in expected.iter().zip(got).enumerate() {
                json_difference(&format!("{place}/{index}"), expected, got, found);
            }
        }
        _ if expected == got => {}
        _ => {
            let mut difference = String::from("json ");
            let place = if place.is_empty() { "/" } else { place };
            let _ = write!(difference, "{place}: expected {expected}, got {got}");
            found.push(difference);
        }
    }
}

impl Canned {
    fn reply(&self) -> Reply {
        let usual = if self.xml.is_some() { http::XML } else { http::JSON };
        let body = if let Some(json) = &self.json {
            json.get().to_owned()
        } else if let Some(text) = self.text.as_ref().or(self.xml.as_ref()) {
            text.clone()
        } else if let Some(Repeat { text, times }) = &self.repeat {
            text.repeat(*times)
        } else {
            String::new()
        };
        let headers = self.headers.iter().filter_map(|(name, value)| {
            Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
        });
        let answer = Answer {
            status: self.status,
            content_type: self.content_type.clone().map_or(Cow::Borrowed(usual), Cow::Owned),
            headers: headers.collect(),
            body: body.into(),
        };
        match self.fault {
            None => Reply::Answer(answer),
            Some(CannedFault::Close) => Reply::Close,
            Some(CannedFault::Half) => Reply::Half(answer),
            Some(CannedFault::Never) => Reply::Never,
        }
    }
}
