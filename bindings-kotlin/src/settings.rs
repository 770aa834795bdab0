//! The settings of clients and messengers.

use std::time::Duration;

use payamak::{Error, Result};

// What all gateways share. What is not set keeps the library's default.
#[derive(uniffi::Record)]
pub struct RawSettings {
    // The gateway's name in receipts and errors.
    pub name: Option<String>,
    // Another address.
    pub base_url: Option<String>,
    // In seconds.
    pub timeout: Option<f64>,
    // In seconds.
    pub connect_timeout: Option<f64>,
    // The longest answer, of every call.
    pub max_response_bytes: Option<u64>,
    // Tries of a reading call.
    pub read_attempts: Option<u32>,
    // A proxy's address.
    pub proxy: Option<String>,
    // Certificates in PEM.
    pub extra_ca_pem: Option<String>,
    // A file of them.
    pub ca_file: Option<String>,
    // Roots that come with the library.
    pub bundled_roots: Option<bool>,
    // Plain http to other machines.
    pub allow_insecure: bool,
    // Take what is not given from the environment.
    pub from_env: bool,
}

/// A setting that is a length of time, from seconds, which a caller may have made negative or endless.
pub(crate) fn duration(seconds: f64, setting: &'static str) -> Result<Duration> {
    length(seconds).map_err(|why| Error::setting(setting, why))
}

/// The same where it may be left out. Settings are read before there is a builder: code that takes one apart stood behind each
/// `?` otherwise, some kilobytes of it.
pub(crate) fn optional_duration(seconds: Option<f64>, setting: &'static str) -> Result<Option<Duration>> {
    seconds.map(|seconds| duration(seconds, setting)).transpose()
}

/// The same for the argument of a call.
pub(crate) fn argument(seconds: f64, operation: &'static str, field: &'static str) -> Result<Duration> {
    length(seconds).map_err(|why| Error::invalid_input(operation, field, why))
}

fn length(seconds: f64) -> Result<Duration, String> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| format!("{seconds} seconds; it has to be from 0 up and finite"))
}

/// A count that fits the machine; one beyond its memory is as good as the largest.
pub(crate) fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Sets on a gateway's builder what all gateways share; an arm each, because the builders have no trait.
macro_rules! apply {
    ($builder:expr, $settings:expr) => {{
        let settings: $crate::settings::RawSettings = $settings;
        let timeout = $crate::settings::optional_duration(settings.timeout, "timeout")?;
        let connect_timeout =
            $crate::settings::optional_duration(settings.connect_timeout, "connect_timeout")?;
        let mut builder = $builder.allow_insecure(settings.allow_insecure);
        if let Some(name) = settings.name {
            builder = builder.name(name);
        }
        if let Some(url) = settings.base_url {
            builder = builder.base_url(url);
        }
        if let Some(timeout) = timeout {
            builder = builder.timeout(timeout);
        }
        if let Some(timeout) = connect_timeout {
            builder = builder.connect_timeout(timeout);
        }
        if let Some(bytes) = settings.max_response_bytes {
            builder = builder.max_response_bytes($crate::settings::count(bytes));
        }
        if let Some(attempts) = settings.read_attempts {
            builder = builder.read_attempts($crate::settings::count(attempts.into()));
        }
        if let Some(url) = settings.proxy {
            builder = builder.proxy(url);
        }
        if let Some(pem) = settings.extra_ca_pem {
            builder = builder.extra_ca_pem(pem);
        }
        if let Some(path) = settings.ca_file {
            builder = builder.ca_file(path);
        }
        if let Some(bundled) = settings.bundled_roots {
            builder = builder.bundled_roots(bundled);
        }
        if settings.from_env { builder.from_env() } else { builder }
    }};
}
pub(crate) use apply;
