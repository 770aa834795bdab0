//! A conformance case, and how what happened is compared with what it expects.

use payamak::{Error, Msisdn};
use serde::Deserialize;
use serde_json::{Map, Value};

/// A file of `core/conformance/cases`; its `exchange` is the emulator's business.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    #[serde(rename = "about")]
    _about: String,
    pub(crate) gateway: Option<String>,
    pub(crate) settings: Map<String, Value>,
    pub(crate) call: Call,
    /// The call is made once for each of the echoes.
    #[serde(default)]
    pub(crate) echoes: bool,
    #[serde(rename = "exchange")]
    _exchange: Vec<Value>,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Call {
    pub(crate) operation: String,
    pub(crate) arguments: Value,
}

/// What `core/conformance/echoes.json` says of what a gateway repeats.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Echoes {
    #[serde(rename = "about")]
    _about: String,
    #[serde(rename = "echoes")]
    pub(crate) list: Vec<Echo>,
    secrets: Vec<String>,
    texts: Vec<String>,
    acts: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Echo {
    pub(crate) about: String,
    #[serde(rename = "says")]
    _says: String,
}

impl Echoes {
    /// What an error shows of what it must not.
    fn faults(&self, arguments: &Value, error: &Error) -> Vec<String> {
        let message = error.to_string();
        let shown = [
            message.clone(),
            format!("{error:?}"),
            format!("{error:#?}"),
            serde_json::to_string(error).unwrap(),
            format!("{:?}", with_sources(error)),
        ];
        let kept = [error.gateway_text(), error.body_excerpt()].map(Option::unwrap_or_default);
        let carries_text = arguments.to_string().contains("کد ورود");
        let mut faults = Vec::new();
        let mut look = |place: &str, text: &str, private: &[String]| {
            for private in private.iter().filter(|private| text.contains(*private)) {
                faults.push(format!("{place} shows {private:?}: {text:?}"));
            }
        };
        for shown in &shown {
            look("the error", shown, &self.secrets);
            look("the error", shown, &self.texts);
        }
        look("the message", &message, &self.acts);
        for kept in kept {
            look("what is kept", kept, &self.secrets);
            look("what is kept", kept, &self.acts);
            if carries_text {
                look("what is kept", kept, &self.texts);
            }
        }
        faults
    }
}

/// An error as the `main` of a program prints it: with all its sources.
fn with_sources(error: &Error) -> Vec<String> {
    let mut sources = vec![error.to_string()];
    let mut next = std::error::Error::source(error);
    while let Some(source) = next {
        sources.push(source.to_string());
        next = source.source();
    }
    sources
}

/// Exactly one of the two.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Expect {
    Result(Value),
    Error(Map<String, Value>),
}

/// The keys that every expected error has.
const ERROR_KEYS: [&str; 6] = ["type", "gateway", "operation", "code", "outcome", "retry"];

impl Case {
    /// Where what happened differs from what the case expects; `echoes` where it is an answer to one of them.
    pub(crate) fn faults(&self, outcome: Result<Value, Error>, echoes: Option<&Echoes>) -> Vec<String> {
        let mut faults = Vec::new();
        if let (Some(echoes), Err(error)) = (echoes, &outcome) {
            faults.extend(echoes.faults(&self.call.arguments, error));
        }
        match (&self.expect, outcome) {
            (Expect::Result(expected), Ok(got)) => differences("result", expected, &got, &mut faults),
            (Expect::Error(expected), Err(error)) => {
                faults.extend(self.error_faults(expected, &error));
            }
            (Expect::Result(expected), Err(error)) => {
                faults.push(format!("expected the result {expected}\n     but got {error:?}"));
            }
            (Expect::Error(expected), Ok(got)) => {
                let expected = Value::from(expected.clone());
                faults.push(format!("expected the error {expected}\n but got the result {got}"));
            }
        }
        faults
    }

    fn error_faults(&self, expected: &Map<String, Value>, error: &Error) -> Vec<String> {
        let mut faults = Vec::new();
        faults.extend(
            ERROR_KEYS
                .iter()
                .filter(|key| !expected.contains_key(**key))
                .map(|key| format!("no {key} is expected")),
        );
        let mut got = serde_json::to_value(error).unwrap();
        got["gateway_text"] = error.gateway_text().into();
        for (key, expected) in expected {
            match got.get(key) {
                Some(got) => differences(&format!("error.{key}"), expected, got, &mut faults),
                None => faults.push(format!("error.{key} is expected, and an error has no such key")),
            }
        }
        if !faults.is_empty() {
            faults.push(format!("the error is {error:?}"));
        }
        let shown = [error.to_string(), format!("{error:?}"), format!("{error:#?}")];
        for private in self.private() {
            if shown.iter().any(|shown| shown.contains(&private)) {
                faults.push(format!("the error shows {private:?}: {shown:?}"));
            }
        }
        if error.code().is_some_and(|code| code.name != "unknown") {
            let has_both = error.hint().is_some_and(|hint| !hint.en.is_empty() && !hint.fa.is_empty());
            if !has_both {
                faults.push("a known code without a hint in both languages".to_owned());
            }
        }
        faults
    }

    /// What no error may show: credentials, numbers, texts. What is too short to be recognised does not count.
    fn private(&self) -> Vec<String> {
        let mut private = vec!["conformance-key".to_owned(), "conformance-password".to_owned()];
        let mut found = Vec::new();
        strings_under(&self.call.arguments, "", &mut found);
        for (key, text) in found {
            if !matches!(key, "to" | "recipients" | "text" | "parameters" | "number")
                || text.chars().count() < 4
            {
                continue;
            }
            if let Ok(number) = Msisdn::parse(text) {
                // Without its 0 it stands in every form of the number.
                private.push(number.national()[1..].to_owned());
            }
            private.push(text.to_owned());
        }
        private
    }
}

/// Every text within a value, with the key it stands under.
fn strings_under<'a>(value: &'a Value, key: &'a str, found: &mut Vec<(&'a str, &'a str)>) {
    match value {
        Value::String(text) => found.push((key, text)),
        Value::Array(items) => items.iter().for_each(|item| strings_under(item, key, found)),
        Value::Object(fields) => fields.iter().for_each(|(key, value)| strings_under(value, key, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Where two values differ; numbers are equal by value, `125000` and `125000.0` say.
fn differences(place: &str, expected: &Value, got: &Value, faults: &mut Vec<String>) {
    match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => {
            for (key, expected) in expected {
                match got.get(key) {
                    Some(got) => differences(&format!("{place}.{key}"), expected, got, faults),
                    None => faults.push(format!("{place}.{key}: expected {expected}, got nothing")),
                }
            }
            for (key, got) in got.iter().filter(|(key, _)| !expected.contains_key(*key)) {
                faults.push(format!("{place}.{key}: expected nothing, got {got}"));
            }
        }
        (Value::Array(expected), Value::Array(got)) if expected.len() == got.len() => {
            for (index, (expected, got)) in expected.iter().zip(got).enumerate() {
                differences(&format!("{place}[{index}]"), expected, got, faults);
            }
        }
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => {}
        (expected, got) if expected == got => {}
        (expected, got) => faults.push(format!("{place}: expected {expected}, got {got}")),
    }
}
