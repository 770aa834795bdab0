//! The emulator, for users' own tests and for ours.

use std::time::Duration;

use napi_derive::napi;
use payamak_emulator::{Fault, Gateway, IncomingMessage};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Both gateways on loopback, on a thread of its own.
#[napi]
pub struct Emulator(payamak_emulator::Emulator);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    listen: Option<String>,
    allow_non_loopback: Option<bool>,
    #[serde(default)]
    allow_hosts: Vec<String>,
    speed: Option<f64>,
    polling_rule: Option<f64>,
    polling_rule_for_unknown_ids: Option<bool>,
    lookup_lag: Option<f64>,
    credit: Option<i64>,
    v2_delivery_path: Option<String>,
    record_requests: Option<bool>,
    keep_texts: Option<bool>,
    payam_resan_key: Option<String>,
    niksms_username: Option<String>,
    niksms_password: Option<String>,
    niksms_key: Option<String>,
    replay: Option<String>,
}

#[derive(Deserialize, Serialize)]
struct Name(Gateway);

fn refused(error: impl std::fmt::Display) -> napi::Error {
    napi::Error::from_reason(error.to_string())
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> napi::Result<T> {
    serde_json::from_str(text).map_err(refused)
}

fn duration(milliseconds: f64) -> napi::Result<Duration> {
    Duration::try_from_secs_f64(milliseconds / 1000.0).map_err(refused)
}

fn start(settings: Settings) -> napi::Result<Emulator> {
    let mut builder = payamak_emulator::Emulator::builder();
    if let Some(address) = settings.listen {
        builder = builder.listen(address.parse().map_err(refused)?);
    }
    if let Some(allow) = settings.allow_non_loopback {
        builder = builder.allow_non_loopback(allow);
    }
    for host in settings.allow_hosts {
        builder = builder.allow_host(host);
    }
    if let Some(speed) = settings.speed {
        builder = builder.speed(speed);
    }
    if let Some(rule) = settings.polling_rule {
        builder = builder.polling_rule(Some(duration(rule)?));
    }
    if let Some(holds) = settings.polling_rule_for_unknown_ids {
        builder = builder.polling_rule_for_unknown_ids(holds);
    }
    if let Some(lag) = settings.lookup_lag {
        builder = builder.lookup_lag(duration(lag)?);
    }
    if let Some(credit) = settings.credit {
        builder = builder.credit(credit);
    }
    if let Some(path) = settings.v2_delivery_path {
        builder = builder.v2_delivery_path(path);
    }
    if let Some(record) = settings.record_requests {
        builder = builder.record_requests(record);
    }
    if let Some(keep) = settings.keep_texts {
        builder = builder.keep_texts(keep);
    }
    if let Some(key) = settings.payam_resan_key {
        builder = builder.payam_resan_key(key);
    }
    if let (Some(username), Some(password)) = (settings.niksms_username, settings.niksms_password) {
        builder = builder.niksms_account(username, password);
    }
    if let Some(key) = settings.niksms_key {
        builder = builder.niksms_key(key);
    }
    if let Some(folder) = settings.replay {
        builder = builder.replay(folder);
    }
    builder.start_blocking().map(Emulator).map_err(refused)
}

/// Ids as strings: they go beyond what JavaScript's numbers hold.
fn with_text_ids(mut value: Value) -> Value {
    for row in value.as_array_mut().into_iter().flatten() {
        for key in ["id", "trace_id"] {
            if let Some(id) = row.get_mut(key).filter(|id| !id.is_null()) {
                *id = Value::String(id.to_string());
            }
        }
    }
    value
}

fn to_value(value: impl Serialize) -> napi::Result<Value> {
    serde_json::to_value(value).map_err(refused)
}

#[napi]
impl Emulator {
    /// Starts one.
    #[napi(constructor, catch_unwind)]
    pub fn new(settings: String) -> napi::Result<Self> {
        start(parse(&settings)?)
    }

    /// Its addresses, and the demo account.
    #[napi(catch_unwind)]
    pub fn about(&self) -> String {
        let emulator = &self.0;
        json!({
            "url": emulator.url(),
            "payam_resan_url": emulator.payam_resan_url(),
            "payam_resan_sandbox_url": emulator.payam_resan_sandbox_url(),
            "niksms_soap_url": emulator.niksms_soap_url(),
            "niksms_public_api_url": emulator.niksms_public_api_url(),
            "niksms_v2_url": emulator.niksms_v2_url(),
            "niksms_web_service_url": emulator.niksms_web_service_url(),
            "v2_delivery_path": emulator.v2_delivery_path(),
            "payam_resan_key": payamak_emulator::Emulator::PAYAM_RESAN_KEY,
            "niksms_username": payamak_emulator::Emulator::NIKSMS_USERNAME,
            "niksms_password": payamak_emulator::Emulator::NIKSMS_PASSWORD,
            "niksms_key": payamak_emulator::Emulator::NIKSMS_KEY,
        })
        .to_string()
    }

    /// Every registered message.
    #[napi(catch_unwind)]
    pub fn messages(&self) -> napi::Result<String> {
        Ok(with_text_ids(to_value(self.0.messages())?).to_string())
    }

    /// How many messages are registered.
    #[napi(catch_unwind)]
    pub fn message_count(&self) -> u32 {
        u32::try_from(self.0.message_count()).unwrap_or(u32::MAX)
    }

    /// How many messages are registered with a trace id.
    #[napi(catch_unwind)]
    pub fn registrations(&self, trace_id: String) -> napi::Result<u32> {
        let count = self.0.registrations(trace_id.parse().map_err(refused)?);
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// The requests that came.
    #[napi(catch_unwind)]
    pub fn requests(&self) -> napi::Result<String> {
        Ok(to_value(self.0.requests())?.to_string())
    }

    /// How many requests came.
    #[napi(catch_unwind)]
    pub fn request_count(&self) -> u32 {
        u32::try_from(self.0.request_count()).unwrap_or(u32::MAX)
    }

    /// How many connections were accepted.
    #[napi(catch_unwind)]
    pub fn connection_count(&self) -> u32 {
        u32::try_from(self.0.connection_count()).unwrap_or(u32::MAX)
    }

    /// Forgets everything but the time.
    #[napi(catch_unwind)]
    pub fn clear(&self) {
        self.0.clear();
    }

    /// Replaces the faults to come.
    #[napi(catch_unwind)]
    pub fn faults(&self, faults: String) -> napi::Result<()> {
        self.0.faults(parse::<Vec<Fault>>(&faults)?);
        Ok(())
    }

    /// Adds a fault.
    #[napi(catch_unwind)]
    pub fn add_fault(&self, fault: String) -> napi::Result<()> {
        self.0.add_fault(parse(&fault)?);
        Ok(())
    }

    /// The faults that are not used up.
    #[napi(catch_unwind)]
    pub fn pending_faults(&self) -> napi::Result<String> {
        Ok(to_value(self.0.pending_faults())?.to_string())
    }

    /// Refuses every request with a message that contains this word.
    #[napi(catch_unwind)]
    pub fn refuse_text(&self, word: String) {
        self.0.refuse_text(word);
    }

    /// Refuses every request with a message to this number.
    #[napi(catch_unwind)]
    pub fn refuse_number(&self, number: String) -> napi::Result<()> {
        self.0.refuse_number(number).map_err(refused)
    }

    /// Emulated milliseconds since the start.
    #[napi(catch_unwind)]
    pub fn now(&self) -> f64 {
        self.0.now().as_secs_f64() * 1000.0
    }

    /// Moves emulated time.
    #[napi(catch_unwind)]
    pub fn advance(&self, milliseconds: f64) -> napi::Result<()> {
        self.0.advance(duration(milliseconds)?);
        Ok(())
    }

    /// Fixes the status of a message.
    #[napi(catch_unwind)]
    pub fn set_status(&self, id: String, code: i32) -> napi::Result<bool> {
        Ok(self.0.set_status(id.parse().map_err(refused)?, code))
    }

    /// Puts a message into an inbox.
    #[napi(catch_unwind)]
    pub fn receive(&self, from: String, to: String, text: String) -> napi::Result<String> {
        let id = self.0.receive(IncomingMessage::new(from, to, text)).map_err(refused)?;
        Ok(id.to_string())
    }

    /// What is left of a gateway's credit.
    #[napi(catch_unwind)]
    pub fn credit(&self, gateway: String) -> napi::Result<i64> {
        let Name(gateway) = serde_json::from_value(Value::String(gateway)).map_err(refused)?;
        Ok(self.0.credit(gateway))
    }

    /// Sets a gateway's credit.
    #[napi(catch_unwind)]
    pub fn set_credit(&self, gateway: String, credit: i64) -> napi::Result<()> {
        let Name(gateway) = serde_json::from_value(Value::String(gateway)).map_err(refused)?;
        self.0.set_credit(gateway, credit);
        Ok(())
    }

    /// The cases it replays.
    #[napi(catch_unwind)]
    pub fn replay_cases(&self) -> Vec<String> {
        self.0.replay_cases()
    }

    /// Where a case is replayed.
    #[napi(catch_unwind)]
    pub fn replay_url(&self, name: String) -> String {
        self.0.replay_url(&name)
    }

    /// How a case has gone.
    #[napi(catch_unwind)]
    pub fn replay_verdict(&self, name: String) -> napi::Result<String> {
        Ok(to_value(self.0.replay_verdict(&name))?.to_string())
    }

    /// Starts a case again.
    #[napi(catch_unwind)]
    pub fn replay_reset(&self, name: String) -> bool {
        self.0.replay_reset(&name)
    }

    /// Stops it.
    #[napi(catch_unwind)]
    pub fn shutdown(&self) {
        self.0.shutdown();
    }
}
