//! What a client of Payam Resan needs to know.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::{Account, MAX_RECIPIENTS, PayamResan};
use crate::error::{Error, Result};
use crate::gateway::{Capabilities, LookUp, Personal};
use crate::message::SenderLine;
use crate::settings::{Settings, environment, require, shared_settings, shown};
use crate::transport::{Transport, base_url};

const PRODUCTION: &str = "https://api.sms-webservice.com/api/V3/";
const SANDBOX: &str = "https://api.sms-webservice.com/api/V3SandBox/";

/// What a client of Payam Resan needs to know.
#[derive(Clone, Default)]
pub struct PayamResanBuilder {
    settings: Settings,
    api_key: Option<SecretString>,
    sender: Option<SenderLine>,
    sandbox: bool,
}

impl PayamResanBuilder {
    /// The key of the panel (`ApiKey`).
    #[must_use]
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(SecretString::from(key.into()));
        self
    }

    /// The line to send from, unless a call names another.
    #[must_use]
    pub fn sender(mut self, sender: impl Into<SenderLine>) -> Self {
        self.sender = Some(sender.into());
        self
    }

    /// Use the gateway's own sandbox: any key, nothing is sent, no templates.
    #[must_use]
    pub fn sandbox(mut self, sandbox: bool) -> Self {
        self.sandbox = sandbox;
        self
    }

    shared_settings!();

    /// Takes what was not given from `PAYAM_RESAN_API_KEY` and `PAYAM_RESAN_SENDER`.
    #[must_use]
    pub fn from_env(mut self) -> Self {
        self.api_key = self.api_key.or_else(|| environment("PAYAM_RESAN_API_KEY").map(SecretString::from));
        self.sender = self.sender.or_else(|| environment("PAYAM_RESAN_SENDER").map(SenderLine::from));
        self
    }

    /// The client; an error names the setting that is missing or wrong.
    pub fn build(self) -> Result<PayamResan> {
        let Self { settings, api_key, sender, sandbox } = self;
        let name: Arc<str> = settings.name.as_deref().unwrap_or("payam-resan").into();
        let named = |error: Error| error.with_gateway(&name);
        let key = require(api_key, "api_key").map_err(named)?;
        let given = settings.base_url.as_deref().unwrap_or(if sandbox { SANDBOX } else { PRODUCTION });
        let path = if sandbox { "/api/V3SandBox/" } else { "/api/V3/" };
        let base = base_url(given, path, settings.allow_insecure, "Use https").map_err(named)?;
        let transport = Transport::new(&settings, &name, &base, vec![key.clone()])?;
        // "Status polling" of the protocol page: every few minutes an id, or error 20.
        let rule = Duration::from_secs(180);
        let capabilities = Capabilities::new(MAX_RECIPIENTS)
            .personal(Personal::new())
            .templates()
            .look_up(LookUp::new(MAX_RECIPIENTS).every(rule))
            .deliveries(MAX_RECIPIENTS)
            .inbox()
            .poll_interval(rule);
        let account = Account { name, base, key, sender, capabilities, memory: Arc::default() };
        Ok(PayamResan { transport, account: Arc::new(account) })
    }
}

/// Shows everything but the key.
impl fmt::Debug for PayamResanBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayamResanBuilder")
            .field("base_url", &shown(self.settings.base_url.as_ref()))
            .field("sender", &self.sender)
            .field("sandbox", &self.sandbox)
            .finish_non_exhaustive()
    }
}
