//! A case's call, made through the public API: one arm an operation.

use std::time::Duration;

use payamak::niksms::{SendOptions, SendType};
use payamak::payam_resan::TemplateMessage;
use payamak::{
    Destination, Error, KeyKind, MessageId, Msisdn, NikSms, PayamResan, PersonalMessage, Recipient,
    SegmentProfile, SenderLine, TehranTime, TraceId, segments_by,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::case::Case;

/// What the call came to, or why it could not be made at all.
type Outcome = Result<Result<Value, Error>, String>;

/// Calls the public function that the case names, with `base_url` unless the case has its own.
pub(crate) async fn call(case: &Case, base_url: &str) -> Outcome {
    let (operation, arguments) = (case.call.operation.as_str(), &case.call.arguments);
    match case.gateway.as_deref() {
        None if case.settings.is_empty() => function(operation, arguments),
        None => Err("settings, without a gateway to set".to_owned()),
        Some("payam-resan") => {
            let defaults = json!({ "api_key": "conformance-key", "sender": "30004040" });
            match payam_resan(&settings(&defaults, base_url, &case.settings)?)? {
                Ok(gateway) => call_payam_resan(&gateway, operation, arguments).await,
                Err(error) => Ok(Err(error)),
            }
        }
        Some("niksms") => {
            let defaults = json!({
                "username": "conformance-user",
                "password": "conformance-password",
                "api_key": "conformance-key",
                "sender": "50001234",
            });
            match niksms(settings(&defaults, base_url, &case.settings)?) {
                Ok(gateway) => call_niksms(&gateway, operation, arguments).await,
                Err(error) => Ok(Err(error)),
            }
        }
        Some(other) => Err(format!("there is no gateway {other}")),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    api_key: Option<String>,
    username: Option<String>,
    password: Option<String>,
    sender: Option<String>,
    base_url: String,
    dialect: Option<String>,
    v2_delivery_path: Option<String>,
    max_recipients: Option<usize>,
    max_response_bytes: Option<usize>,
    read_attempts: usize,
    timeout: Option<f64>,
    allow_insecure: Option<bool>,
}

/// The runner's defaults with the case's settings on top, where a null takes a default away.
fn settings(defaults: &Value, base_url: &str, own: &Map<String, Value>) -> Result<Settings, String> {
    let mut merged = defaults.as_object().cloned().unwrap_or_default();
    merged.insert("base_url".to_owned(), base_url.into());
    merged.insert("read_attempts".to_owned(), 1.into());
    merged.extend(own.clone());
    merged.retain(|_, value| !value.is_null());
    serde_json::from_value(merged.into()).map_err(|error| format!("settings: {error}"))
}

/// The settings that both gateways' builders take.
macro_rules! with_shared_settings {
    ($builder:expr, $settings:expr) => {{
        let settings = &$settings;
        let mut builder = $builder.base_url(&settings.base_url).read_attempts(settings.read_attempts);
        if let Some(key) = &settings.api_key {
            builder = builder.api_key(key);
        }
        if let Some(sender) = &settings.sender {
            builder = builder.sender(sender.as_str());
        }
        if let Some(bytes) = settings.max_response_bytes {
            builder = builder.max_response_bytes(bytes);
        }
        if let Some(seconds) = settings.timeout {
            builder = builder.timeout(Duration::from_secs_f64(seconds));
        }
        if let Some(allow) = settings.allow_insecure {
            builder = builder.allow_insecure(allow);
        }
        builder
    }};
}

fn payam_resan(settings: &Settings) -> Result<Result<PayamResan, Error>, String> {
    let builder = with_shared_settings!(PayamResan::builder(), settings);
    match settings {
        Settings {
            username: None,
            password: None,
            dialect: None,
            v2_delivery_path: None,
            max_recipients: None,
            ..
        } => Ok(builder.build()),
        _ => Err("a setting that this gateway does not have".to_owned()),
    }
}

fn niksms(settings: Settings) -> Result<NikSms, Error> {
    let mut builder = with_shared_settings!(NikSms::builder(), settings);
    if let Some(dialect) = &settings.dialect {
        builder = builder.dialect(dialect.parse()?);
    }
    if let Some(username) = settings.username {
        builder = builder.username(username);
    }
    if let Some(password) = settings.password {
        builder = builder.password(password);
    }
    if let Some(path) = settings.v2_delivery_path {
        builder = builder.v2_delivery_path(path);
    }
    if let Some(count) = settings.max_recipients {
        builder = builder.max_recipients(count);
    }
    builder.build()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Number {
    number: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    text: String,
    profile: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_field_names, reason = "the names are those of the arguments")]
struct Key {
    key: String,
    to: Recipient,
    kind: Option<String>,
    secret: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ids {
    ids: Vec<MessageId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TraceIds {
    trace_ids: Vec<TraceId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneTraceId {
    trace_id: TraceId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Range {
    from: Option<String>,
    until: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Send {
    text: String,
    recipients: Vec<Recipient>,
    sender: Option<String>,
}

/// A text to recipients with trace ids: `send_bulk`, `group_sms`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bulk {
    text: String,
    recipients: Vec<To>,
    sender: Option<String>,
    send_at: Option<String>,
    send_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct To {
    to: Recipient,
    trace_id: Option<TraceId>,
}

impl From<To> for Destination {
    fn from(To { to, trace_id }: To) -> Self {
        Self::new(to, trace_id)
    }
}

/// A text each: `send_multiple`, `ptp_sms`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Personal {
    messages: Vec<OneMessage>,
    sender: Option<String>,
    send_at: Option<String>,
    send_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneMessage {
    to: Recipient,
    text: String,
    trace_id: Option<TraceId>,
    sender: Option<String>,
}

impl From<OneMessage> for PersonalMessage {
    fn from(OneMessage { to, text, trace_id, sender }: OneMessage) -> Self {
        let mut message = Self::new(to, text);
        if let Some(trace_id) = trace_id {
            message = message.trace_id(trace_id);
        }
        if let Some(sender) = sender {
            message = message.sender(sender);
        }
        message
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct One {
    to: Recipient,
    text: String,
    trace_id: Option<TraceId>,
    sender: Option<String>,
    send_at: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    template: String,
    to: Recipient,
    parameters: Vec<String>,
    verb: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tokens {
    template: String,
    recipients: Vec<ToWithParameters>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToWithParameters {
    to: Recipient,
    parameters: Vec<String>,
    trace_id: Option<TraceId>,
}

impl From<ToWithParameters> for TemplateMessage {
    fn from(ToWithParameters { to, parameters, trace_id }: ToWithParameters) -> Self {
        let message = Self::new(to, parameters);
        match trace_id {
            Some(trace_id) => message.trace_id(trace_id),
            None => message,
        }
    }
}

fn read<T: DeserializeOwned>(arguments: &Value) -> Result<T, String> {
    serde_json::from_value(arguments.clone()).map_err(|error| format!("arguments: {error}"))
}

fn all<T, U: From<T>>(rows: Vec<T>) -> Vec<U> {
    rows.into_iter().map(U::from).collect()
}

fn line(sender: Option<String>) -> Option<SenderLine> {
    sender.map(SenderLine::from)
}

fn time(text: Option<String>) -> Result<Option<TehranTime>, String> {
    text.map(|text| text.parse()).transpose().map_err(|error: Error| error.to_string())
}

fn options(
    sender: Option<String>,
    at: Option<String>,
    send_type: Option<String>,
) -> Result<SendOptions, String> {
    let mut options = SendOptions::default();
    options.sender = line(sender);
    options.send_at = time(at)?;
    options.send_type =
        send_type.map(|text| text.parse::<SendType>()).transpose().map_err(|error| error.to_string())?;
    Ok(options)
}

/// The result in canonical JSON.
fn canonical<T: Serialize>(result: Result<T, Error>) -> Outcome {
    let written =
        |value| serde_json::to_value(value).map_err(|error| format!("the result has no JSON: {error}"));
    match result {
        Ok(value) => written(value).map(Ok),
        Err(error) => Ok(Err(error)),
    }
}

fn no_arm(operation: &str) -> Outcome {
    Err(format!("the runner has no arm for {operation}"))
}

fn function(operation: &str, arguments: &Value) -> Outcome {
    match operation {
        "msisdn" => {
            let Number { number } = read(arguments)?;
            canonical(Msisdn::parse(&number).map(
                |number| json!({ "national": number.national(), "international": number.international() }),
            ))
        }
        "segments" => {
            let Text { text, profile } = read(arguments)?;
            let profile = match profile.as_deref() {
                None => SegmentProfile::default(),
                Some("gsm") => SegmentProfile::Gsm,
                Some("payam-resan") => SegmentProfile::PayamResan,
                Some(other) => return Err(format!("there is no profile {other}")),
            };
            canonical(Ok(segments_by(&text, profile)))
        }
        "trace_id_from_key" => {
            let Key { key, to, kind, secret } = read(arguments)?;
            let kind = kind.map_or(Ok(KeyKind::Single), |kind| kind.parse());
            canonical(kind.and_then(|kind| TraceId::from_key(&key, to, kind, secret.as_deref())))
        }
        other => no_arm(other),
    }
}

async fn call_payam_resan(gateway: &PayamResan, operation: &str, arguments: &Value) -> Outcome {
    match operation {
        "send" => {
            let Send { text, recipients, sender } = read(arguments)?;
            canonical(gateway.send(&text, &recipients, line(sender).as_ref()).await)
        }
        "send_bulk" => {
            let Bulk { text, recipients, sender, send_at: None, send_type: None } = read(arguments)? else {
                return Err("an argument that send_bulk does not have".to_owned());
            };
            canonical(gateway.send_bulk(&text, &all(recipients), line(sender).as_ref()).await)
        }
        "send_multiple" => {
            let Personal { messages, sender: None, send_at: None, send_type: None } = read(arguments)? else {
                return Err("an argument that send_multiple does not have".to_owned());
            };
            canonical(gateway.send_multiple(&all(messages)).await)
        }
        "send_token_single" => {
            let Token { template, to, parameters, verb } = read(arguments)?;
            canonical(match verb.as_deref() {
                None | Some("POST") => gateway.send_token_single(&template, to, &parameters).await,
                Some("GET") => gateway.send_token_single_by_get(&template, to, &parameters).await,
                Some(other) => return Err(format!("there is no verb {other}")),
            })
        }
        "send_token_multi" => {
            let Tokens { template, recipients } = read(arguments)?;
            canonical(gateway.send_token_multi(&template, &all(recipients)).await)
        }
        "token_list" => {
            let Nothing {} = read(arguments)?;
            canonical(gateway.token_list().await)
        }
        "status_by_id" => {
            let Ids { ids } = read(arguments)?;
            canonical(gateway.status_by_id(&ids).await)
        }
        "status_by_trace_id" => {
            let TraceIds { trace_ids } = read(arguments)?;
            canonical(gateway.status_by_trace_id(&trace_ids).await)
        }
        "account_info" => {
            let Nothing {} = read(arguments)?;
            canonical(gateway.account_info().await)
        }
        "get_inbox" => {
            let Nothing {} = read(arguments)?;
            canonical(gateway.get_inbox().await)
        }
        other => no_arm(other),
    }
}

#[allow(clippy::too_many_lines, reason = "an arm an operation")]
async fn call_niksms(gateway: &NikSms, operation: &str, arguments: &Value) -> Outcome {
    match operation {
        "group_sms" => {
            let Bulk { text, recipients, sender, send_at, send_type } = read(arguments)?;
            canonical(gateway.group_sms(&text, &all(recipients), &options(sender, send_at, send_type)?).await)
        }
        "ptp_sms" => {
            let Personal { messages, sender, send_at, send_type } = read(arguments)?;
            canonical(gateway.ptp_sms(&all(messages), &options(sender, send_at, send_type)?).await)
        }
        "send_one" => {
            let One { to, text, trace_id, sender, send_at } = read(arguments)?;
            canonical(gateway.send_one(&text, to, trace_id, &options(sender, send_at, None)?).await)
        }
        "send_otp" => {
            let One { to, text, trace_id, sender, send_at: None } = read(arguments)? else {
                return Err("an argument that send_otp does not have".to_owned());
            };
            canonical(gateway.send_otp(&text, to, trace_id, &options(sender, None, None)?).await)
        }
        "get_sms_delivery" => {
            let Ids { ids } = read(arguments)?;
            canonical(gateway.get_sms_delivery(&ids).await)
        }
        "get_sms_delivery_with_client_id" => {
            let OneTraceId { trace_id } = read(arguments)?;
            canonical(gateway.get_sms_delivery_with_client_id(trace_id).await)
        }
        "get_credit" => {
            let Nothing {} = read(arguments)?;
            canonical(gateway.get_credit().await)
        }
        "get_discount_credit" => {
            let Nothing {} = read(arguments)?;
            canonical(gateway.get_discount_credit().await)
        }
        "get_panel_expire_date" => {
            let Nothing {} = read(arguments)?;
            canonical(gateway.get_panel_expire_date().await)
        }
        "get_receive_sms" => {
            let Range { from, until } = read(arguments)?;
            canonical(gateway.get_receive_sms(time(from)?, time(until)?).await)
        }
        "reset_receive_sms_visited_status" => {
            let Range { from, until } = read(arguments)?;
            canonical(gateway.reset_receive_sms_visited_status(time(from)?, time(until)?).await)
        }
        "get_server_time" => {
            let Nothing {} = read(arguments)?;
            canonical(gateway.get_server_time().await)
        }
        "get_sender_numbers" => {
            let Nothing {} = read(arguments)?;
            canonical(gateway.get_sender_numbers().await)
        }
        other => no_arm(other),
    }
}
