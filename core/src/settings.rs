//! The settings that all gateways share, their defaults, and the environment.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::clock::{Clock, SystemClock};
use crate::error::{Error, Hint, Result};

/// How requests travel. The fields are set through the builder of each gateway, where they are described.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) name: Option<String>,
    pub(crate) base_url: Option<String>,
    pub(crate) timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) max_response_bytes: Option<usize>,
    pub(crate) read_attempts: usize,
    pub(crate) proxy: Option<String>,
    pub(crate) extra_ca_pem: Option<Vec<u8>>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) bundled_roots: bool,
    pub(crate) allow_insecure: bool,
    pub(crate) runtime: Option<Handle>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: None,
            base_url: None,
            timeout: Duration::from_secs(15),
            connect_timeout: Duration::from_secs(5),
            max_response_bytes: None,
            read_attempts: 3,
            proxy: None,
            extra_ca_pem: None,
            ca_file: None,
            // The platform verifier panics on Android unless the app has set it up over JNI.
            bundled_roots: cfg!(target_os = "android"),
            allow_insecure: false,
            runtime: None,
            clock: SystemClock::shared(),
        }
    }
}

impl Settings {
    /// Refuses limits with which nothing could be sent, or nothing be known about what was.
    pub(crate) fn require_limits(&self) -> Result<()> {
        let zero = [
            ("timeout", self.timeout.is_zero(), "no request could be answered in time"),
            ("connect_timeout", self.connect_timeout.is_zero(), "no connection could be made in time"),
            ("max_response_bytes", self.max_response_bytes == Some(0), "no answer could be read"),
            ("read_attempts", self.read_attempts == 0, "nothing could be asked"),
        ];
        match zero.into_iter().find(|(_, is_zero, _)| *is_zero) {
            Some((setting, _, why)) => Err(Error::setting(setting, format!("0; {why}"))),
            None => Ok(()),
        }
    }
}

/// The setters that every gateway's builder has; the builder keeps them in its field `settings`.
macro_rules! shared_settings {
    () => {
        /// What the gateway is called in receipts and errors. Two accounts of one gateway in a messenger need two names.
        #[must_use]
        pub fn name(mut self, name: impl Into<String>) -> Self {
            self.settings.name = Some(name.into());
            self
        }

        /// Where the gateway is, when it is not at its published address. An address without a path (the emulator's)
        /// gets the gateway's own path.
        #[must_use]
        pub fn base_url(mut self, url: impl Into<String>) -> Self {
            self.settings.base_url = Some(url.into());
            self
        }

        /// How long one request may take, connecting included; 15 seconds unless set.
        #[must_use]
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.settings.timeout = timeout;
            self
        }

        /// How long connecting may take; 5 seconds unless set.
        #[must_use]
        pub fn connect_timeout(mut self, timeout: std::time::Duration) -> Self {
            self.settings.connect_timeout = timeout;
            self
        }

        /// The longest answer that is read, in bytes; unless set 1 MiB, and 8 MiB of an inbox.
        #[must_use]
        pub fn max_response_bytes(mut self, bytes: usize) -> Self {
            self.settings.max_response_bytes = Some(bytes);
            self
        }

        /// How often a call that neither sends nor takes anything away is tried when the connection fails; 3 unless set.
        #[must_use]
        pub fn read_attempts(mut self, attempts: usize) -> Self {
            self.settings.read_attempts = attempts;
            self
        }

        /// A proxy instead of the one that the usual environment variables name (`HTTPS_PROXY`, `NO_PROXY`, …).
        #[must_use]
        pub fn proxy(mut self, url: impl Into<String>) -> Self {
            self.settings.proxy = Some(url.into());
            self
        }

        /// One more certificate authority to trust (PEM; several may stand in one), beside the roots: for a company's
        /// proxy that re-signs.
        #[must_use]
        pub fn extra_ca_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
            self.settings.extra_ca_pem = Some(pem.into());
            self
        }

        /// The same from a file of PEM certificates, read when the client is built.
        #[must_use]
        pub fn ca_file(mut self, path: impl Into<std::path::PathBuf>) -> Self {
            self.settings.ca_file = Some(path.into());
            self
        }

        /// Trust the roots that come with this library instead of the system's: for containers without any.
        #[must_use]
        pub fn bundled_roots(mut self, bundled: bool) -> Self {
            self.settings.bundled_roots = bundled;
            self
        }

        /// Send the credentials over plain http to a host that is not this machine. Whoever is on the way can read them, and
        /// so can a proxy that the environment names.
        #[must_use]
        pub fn allow_insecure(mut self, allow: bool) -> Self {
            self.settings.allow_insecure = allow;
            self
        }

        /// The runtime that serves the connections; unless set, the one in which a connection is made. A gateway with a runtime
        /// of its own cannot slow the calls to another one, whatever it answers: a flood of interim answers, say, keeps a
        /// thread busy for as long as it lasts. The runtime has to be one with threads of its own, and to outlive the client. Calls
        /// are made within a runtime all the same: their time limits run there.
        #[must_use]
        pub fn runtime(mut self, runtime: tokio::runtime::Handle) -> Self {
            self.settings.runtime = Some(runtime);
            self
        }

        /// Where waiting and the time of day come from; for tests.
        #[must_use]
        pub fn clock(mut self, clock: std::sync::Arc<dyn crate::clock::Clock>) -> Self {
            self.settings.clock = clock;
            self
        }
    };
}
pub(crate) use shared_settings;

/// A variable of the environment; empty counts as absent.
#[allow(clippy::disallowed_methods, reason = "this is the one place where the environment is read")]
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A base address as `Debug` shows it. `build` refuses one with a password or a query; until then it may hold one.
pub(crate) fn shown(base_url: Option<&String>) -> Option<&str> {
    let after_credentials = base_url?.rsplit('@').next()?;
    after_credentials.split(['?', '#']).next()
}

/// A setting that has to be there.
pub(crate) fn require<T>(value: Option<T>, setting: &'static str) -> Result<T> {
    value.ok_or_else(|| {
        Error::setting(setting, "missing").with_hint(Hint::new(
            "Give it where the client is made; from_env takes it from the environment where it has a variable.",
            "آن را هنگام ساختن کلاینت بدهید؛ from_env آن را، اگر متغیر محیطی داشته باشد، از محیط می‌خواند.",
        ))
    })
}
