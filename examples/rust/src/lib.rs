//! What the examples share: a file of recipients, and an account to send from.

use std::path::Path;

use anyhow::{Context as _, Result};
use payamak::{NikSms, PayamResan};
use payamak_emulator::Emulator;
use serde::Deserialize;

/// One line of `examples/data/recipients.csv`, as people typed it.
#[derive(Clone, Debug, Deserialize)]
pub struct Row {
    pub name: String,
    pub number: String,
    pub amount: u64,
}

/// Reads a file with the columns `name`, `number` and `amount`.
pub fn read_recipients(path: &Path) -> Result<Vec<Row>> {
    let mut reader =
        csv::Reader::from_path(path).with_context(|| format!("cannot read {}", path.display()))?;
    reader
        .deserialize()
        .map(|row| row.with_context(|| format!("a broken line in {}", path.display())))
        .collect()
}

/// The account that the environment names, or the emulator's where it names none.
pub enum Account {
    /// `PAYAM_RESAN_API_KEY` is set.
    PayamResan(PayamResan),
    /// `NIKSMS_USERNAME` is set.
    NikSms(NikSms),
    /// Nothing is set: no account is needed to try the library. The emulator runs as long as this is kept.
    Emulated(PayamResan, Emulator),
}

impl Account {
    /// Looks into the environment.
    pub fn from_env() -> Result<Self> {
        if std::env::var_os("PAYAM_RESAN_API_KEY").is_some() {
            return Ok(Self::PayamResan(PayamResan::builder().from_env().build()?));
        }
        if std::env::var_os("NIKSMS_USERNAME").is_some() {
            return Ok(Self::NikSms(NikSms::builder().from_env().build()?));
        }
        eprintln!("No account in the environment: sending to the emulator.");
        // A minute a second, so that delivery can be watched.
        let emulator = Emulator::builder().speed(60.0).start_blocking()?;
        let gateway = PayamResan::builder().api_key(Emulator::PAYAM_RESAN_KEY).sender(30_004_040);
        Ok(Self::Emulated(gateway.base_url(emulator.url()).build()?, emulator))
    }

    /// A messenger that sends from it.
    pub fn messenger(&self) -> Result<payamak::Messenger> {
        let builder = payamak::Messenger::builder();
        let builder = match self {
            Self::PayamResan(gateway) | Self::Emulated(gateway, _) => builder.gateway(gateway.clone()),
            Self::NikSms(gateway) => builder.gateway(gateway.clone()),
        };
        Ok(builder.build()?)
    }
}
