//! The emulator for Kotlin's and Swift's tests: both gateways on loopback.
//!
//! A component of its own, so that the bindings of the library are the same whether it is there or not.

#![allow(
    unsafe_code,
    reason = "uniffi's macros write the exported functions, and #[no_mangle] counts as unsafe"
)]
#![allow(
    clippy::needless_pass_by_value,
    reason = "what crosses the border is made for the call, and handed over"
)]

use std::fmt;
use std::time::Duration;

use payamak_emulator::{Emulator, Fault, Gateway, IncomingMessage};

uniffi::setup_scaffolding!("payamak_testing_bridge");

/// Why the emulator cannot do something.
#[derive(Debug, uniffi::Error)]
pub enum RawEmulatorError {
    /// It says why.
    Refused {
        /// In English.
        detail: String,
    },
}

impl fmt::Display for RawEmulatorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Refused { detail } = self;
        f.write_str(detail)
    }
}

impl std::error::Error for RawEmulatorError {}

fn refused(error: impl fmt::Display) -> RawEmulatorError {
    RawEmulatorError::Refused { detail: error.to_string() }
}

fn duration(seconds: f64) -> Result<Duration, RawEmulatorError> {
    Duration::try_from_secs_f64(seconds).map_err(refused)
}

/// A message as a gateway registered it.
#[derive(uniffi::Record)]
pub struct RawRegisteredMessage {
    /// `payam-resan` or `niksms`.
    pub gateway: String,
    /// The gateway's id.
    pub id: i64,
    /// The caller's.
    pub trace_id: Option<i64>,
    /// As `09…`.
    pub to: String,
    /// The line.
    pub sender: String,
    /// What the phone shows.
    pub text: String,
    /// The template's key.
    pub template: Option<String>,
    /// The gateway's code now.
    pub status: i32,
}

/// How a replayed case has gone.
#[derive(uniffi::Record)]
pub struct RawVerdict {
    /// Every request has arrived.
    pub complete: bool,
    /// What arrived otherwise.
    pub mismatches: Vec<String>,
}

/// Where the gateways listen.
#[derive(uniffi::Record)]
pub struct RawAddresses {
    /// The origin.
    pub origin: String,
    /// Payam Resan.
    pub payam_resan: String,
    /// Its sandbox.
    pub payam_resan_sandbox: String,
    /// `NikSMS`.
    pub niksms_soap: String,
    /// `NikSMS`.
    pub niksms_public_api: String,
    /// `NikSMS`.
    pub niksms_v2: String,
    /// `NikSMS`.
    pub niksms_web_service: String,
}

/// The demo account.
#[derive(uniffi::Record)]
pub struct RawCredentials {
    /// Payam Resan's key.
    pub payam_resan_key: String,
    /// The user name of `NikSMS`.
    pub niksms_username: String,
    /// The password of `NikSMS`.
    pub niksms_password: String,
    /// The key of `NikSMS`.
    pub niksms_key: String,
}

/// The demo account's credentials.
#[uniffi::export]
pub fn raw_emulator_credentials() -> RawCredentials {
    RawCredentials {
        payam_resan_key: Emulator::PAYAM_RESAN_KEY.to_owned(),
        niksms_username: Emulator::NIKSMS_USERNAME.to_owned(),
        niksms_password: Emulator::NIKSMS_PASSWORD.to_owned(),
        niksms_key: Emulator::NIKSMS_KEY.to_owned(),
    }
}

/// Both gateways, listening.
#[derive(uniffi::Object)]
pub struct RawEmulator(Emulator);

#[uniffi::export]
impl RawEmulator {
    /// Starts it on a free port of loopback.
    #[uniffi::constructor]
    pub fn new(
        replay: Option<String>,
        speed: f64,
        polling_rule: Option<f64>,
        polling_rule_for_unknown_ids: bool,
        lookup_lag: Option<f64>,
    ) -> Result<Self, RawEmulatorError> {
        let rule = polling_rule.map(duration).transpose()?;
        let mut builder = Emulator::builder()
            .speed(speed)
            .polling_rule(rule)
            .polling_rule_for_unknown_ids(polling_rule_for_unknown_ids);
        if let Some(lag) = lookup_lag {
            builder = builder.lookup_lag(duration(lag)?);
        }
        if let Some(folder) = replay {
            builder = builder.replay(folder);
        }
        builder.start_blocking().map(Self).map_err(refused)
    }

    /// Where the gateways listen.
    pub fn addresses(&self) -> RawAddresses {
        RawAddresses {
            origin: self.0.url(),
            payam_resan: self.0.payam_resan_url(),
            payam_resan_sandbox: self.0.payam_resan_sandbox_url(),
            niksms_soap: self.0.niksms_soap_url(),
            niksms_public_api: self.0.niksms_public_api_url(),
            niksms_v2: self.0.niksms_v2_url(),
            niksms_web_service: self.0.niksms_web_service_url(),
        }
    }

    /// Every registered message.
    pub fn messages(&self) -> Vec<RawRegisteredMessage> {
        let raw = self.0.messages().into_iter().map(|message| RawRegisteredMessage {
            gateway: match message.gateway {
                Gateway::PayamResan => "payam-resan".to_owned(),
                Gateway::NikSms => "niksms".to_owned(),
            },
            id: message.id,
            trace_id: message.trace_id,
            to: message.to,
            sender: message.sender,
            text: message.text,
            template: message.template,
            status: message.status,
        });
        raw.collect()
    }

    /// How many messages are registered.
    pub fn message_count(&self) -> u64 {
        self.0.message_count() as u64
    }

    /// How many of them with this trace id.
    pub fn registrations(&self, trace_id: i64) -> u64 {
        self.0.registrations(trace_id) as u64
    }

    /// How many requests came.
    pub fn request_count(&self) -> u64 {
        self.0.request_count()
    }

    /// The operations that came, in order.
    pub fn operations(&self) -> Vec<String> {
        self.0.requests().into_iter().filter_map(|request| request.operation).collect()
    }

    /// Forgets everything but the time.
    pub fn clear(&self) {
        self.0.clear();
    }

    /// Adds faults, in JSON: one, or a list.
    pub fn add_faults(&self, json: String) -> Result<(), RawEmulatorError> {
        let faults = serde_json::from_str::<Vec<Fault>>(&json)
            .or_else(|error| serde_json::from_str(&json).map(|fault| vec![fault]).map_err(|_| error));
        for fault in faults.map_err(refused)? {
            self.0.add_fault(fault);
        }
        Ok(())
    }

    /// How many faults are not used up.
    pub fn pending_fault_count(&self) -> u64 {
        self.0.pending_faults().len() as u64
    }

    /// Refuses every message with this word from now on.
    pub fn refuse_text(&self, word: String) {
        self.0.refuse_text(word);
    }

    /// Refuses every message to this number from now on.
    pub fn refuse_number(&self, number: String) -> Result<(), RawEmulatorError> {
        self.0.refuse_number(number).map_err(refused)
    }

    /// Moves emulated time.
    pub fn advance(&self, seconds: f64) -> Result<(), RawEmulatorError> {
        self.0.advance(duration(seconds)?);
        Ok(())
    }

    /// Fixes the status of a message.
    pub fn set_status(&self, id: i64, code: i32) -> bool {
        self.0.set_status(id, code)
    }

    /// Puts a message into an inbox, and gives its id.
    pub fn receive(&self, from: String, to: String, text: String) -> Result<i64, RawEmulatorError> {
        self.0.receive(IncomingMessage::new(from, to, text)).map_err(refused)
    }

    /// Sets the credit of both gateways.
    pub fn set_credit(&self, credit: i64) {
        self.0.set_credit(Gateway::PayamResan, credit);
        self.0.set_credit(Gateway::NikSms, credit);
    }

    /// The cases it replays.
    pub fn replay_cases(&self) -> Vec<String> {
        self.0.replay_cases()
    }

    /// Where a case is replayed.
    pub fn replay_url(&self, name: String) -> String {
        self.0.replay_url(&name)
    }

    /// How a case has gone.
    pub fn replay_verdict(&self, name: String) -> RawVerdict {
        let verdict = self.0.replay_verdict(&name);
        RawVerdict { complete: verdict.complete, mismatches: verdict.mismatches }
    }

    /// Starts a case again.
    pub fn replay_reset(&self, name: String) -> bool {
        self.0.replay_reset(&name)
    }

    /// Stops it.
    pub fn shutdown(&self) {
        self.0.shutdown();
    }
}
