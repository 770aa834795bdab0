//! What a client of NikSMS needs to know: the dialect, the credentials, and the settings nobody has published.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::soap::NO_XML;
use super::xml::can_carry;
use super::{Account, Credentials, NikSms};
use crate::decode::MOST_ROWS;
use crate::error::{Error, Result};
use crate::gateway::{Capabilities, LookUp, Personal};
use crate::message::SenderLine;
use crate::settings::{Settings, environment, require, shared_settings, shown};
use crate::transport::{Transport, base_url};

/// The four wire forms of the service ("The dialects" of the protocol page).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// SOAP 1.1. Plain http only, so it is refused unless the host is this machine or `allow_insecure` is set.
    Soap,
    /// Form fields over https, all operations.
    #[default]
    PublicApi,
    /// The envelope `{Status, Exception, Data}`: sending to one, and deliveries where the path is known.
    V2,
    /// The REST of 2025, with an API key.
    WebService,
}

impl Dialect {
    /// `soap`, `public-api`, `v2` or `web-service`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Soap => "soap",
            Self::PublicApi => "public-api",
            Self::V2 => "v2",
            Self::WebService => "web-service",
        }
    }

    fn address(self) -> (&'static str, &'static str) {
        match self {
            Self::Soap => ("http://niksms.com:1370/NiksmsWebservice.svc", "/NiksmsWebservice.svc"),
            Self::PublicApi => ("https://niksms.com/fa/PublicApi/", "/fa/PublicApi/"),
            Self::V2 => ("https://niksms.com/api/v2/", "/api/v2/"),
            Self::WebService => ("https://webservice.niksms.com/api/v1/web-service/", "/api/v1/web-service/"),
        }
    }
}

impl FromStr for Dialect {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Soap, Self::PublicApi, Self::V2, Self::WebService]
            .into_iter()
            .find(|dialect| dialect.as_str() == text)
            .ok_or_else(|| {
                Error::setting("dialect", "none of soap, public-api, v2 and web-service").with_value(text)
            })
    }
}

/// What a client of NikSMS needs to know.
#[derive(Clone)]
pub struct NikSmsBuilder {
    settings: Settings,
    dialect: Dialect,
    username: Option<String>,
    password: Option<SecretString>,
    api_key: Option<SecretString>,
    sender: Option<SenderLine>,
    v2_delivery_path: Option<String>,
    max_recipients: usize,
    poll_interval: Duration,
}

impl Default for NikSmsBuilder {
    fn default() -> Self {
        Self {
            settings: Settings::default(),
            dialect: Dialect::default(),
            username: None,
            password: None,
            api_key: None,
            sender: None,
            v2_delivery_path: None,
            max_recipients: 100,
            poll_interval: Duration::from_secs(60),
        }
    }
}

impl NikSmsBuilder {
    /// Which wire form to speak; `public-api` unless set.
    #[must_use]
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// The user name, for every dialect but `web-service`.
    #[must_use]
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// The password, for every dialect but `web-service`.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(SecretString::from(password.into()));
        self
    }

    /// The API key, for the dialect `web-service`.
    #[must_use]
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(SecretString::from(key.into()));
        self
    }

    /// The line to send from, unless a call names another. A leading 98 is dropped.
    #[must_use]
    pub fn sender(mut self, sender: impl Into<SenderLine>) -> Self {
        self.sender = Some(sender.into());
        self
    }

    /// Where `v2` answers for deliveries, below its base address. Nobody has published it, so there is no default.
    #[must_use]
    pub fn v2_delivery_path(mut self, path: impl Into<String>) -> Self {
        self.v2_delivery_path = Some(path.into());
        self
    }

    /// The most recipients (and ids) of one request; 100 unless set, the gateway's own figure being unknown.
    #[must_use]
    pub fn max_recipients(mut self, count: usize) -> Self {
        self.max_recipients = count;
        self
    }

    /// How long a messenger leaves between two questions about one message; 1 minute unless set, the gateway's own rule
    /// being unknown.
    #[must_use]
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval;
        self
    }

    shared_settings!();

    /// Takes what was not given from `NIKSMS_USERNAME`, `NIKSMS_PASSWORD`, `NIKSMS_API_KEY` and `NIKSMS_SENDER`.
    #[must_use]
    pub fn from_env(mut self) -> Self {
        self.username = self.username.or_else(|| environment("NIKSMS_USERNAME"));
        self.password = self.password.or_else(|| environment("NIKSMS_PASSWORD").map(SecretString::from));
        self.api_key = self.api_key.or_else(|| environment("NIKSMS_API_KEY").map(SecretString::from));
        self.sender = self.sender.or_else(|| environment("NIKSMS_SENDER").map(SenderLine::from));
        self
    }

    /// The client; an error names the setting that is missing or wrong.
    pub fn build(self) -> Result<NikSms> {
        let Self { mut settings, dialect, sender, v2_delivery_path, max_recipients, poll_interval, .. } =
            self;
        let name: Arc<str> = settings.name.as_deref().unwrap_or("niksms").into();
        let named = |error: Error| error.with_gateway(&name);
        let (production, path) = dialect.address();
        let given = settings.base_url.as_deref().unwrap_or(production);
        let instead = if dialect == Dialect::Soap {
            "Use the dialect public-api, which has every operation over https"
        } else {
            "Use https"
        };
        let base = base_url(given, path, settings.allow_insecure, instead).map_err(named)?;
        let credentials = if dialect == Dialect::WebService {
            let api_key = require(self.api_key, "api_key").map_err(named)?;
            Credentials { base, username: String::new(), password: SecretString::default(), api_key }
        } else {
            let username = require(self.username, "username").map_err(named)?;
            let password = require(self.password, "password").map_err(named)?;
            Credentials { base, username, password, api_key: SecretString::default() }
        };
        if max_recipients == 0 || max_recipients > MOST_ROWS {
            let detail =
                format!("{max_recipients}; from 1 to {MOST_ROWS} can be sent and asked about at once");
            return Err(named(Error::setting("max_recipients", detail)));
        }
        // An answer has a row for each of them.
        if max_recipients > 1000 {
            settings.max_response_bytes.get_or_insert(16 << 20);
        }
        if dialect == Dialect::Soap {
            let password = credentials.password.expose_secret();
            let sender = sender.as_ref().map_or("", SenderLine::as_str);
            for (setting, value) in
                [("username", &*credentials.username), ("password", password), ("sender", sender)]
            {
                if !can_carry(value) {
                    return Err(named(Error::setting(setting, NO_XML)));
                }
            }
        }
        // The user name is often a phone number.
        let username = SecretString::from(credentials.username.as_str());
        let secrets = vec![credentials.password.clone(), credentials.api_key.clone(), username];
        let transport = Transport::new(&settings, &name, &credentials.base, secrets)?;
        let mut capabilities = Capabilities::new(if dialect == Dialect::V2 { 1 } else { max_recipients })
            .poll_interval(poll_interval);
        if dialect != Dialect::V2 {
            let limits = Personal::new().one_sender();
            let joins_texts = dialect == Dialect::PublicApi;
            capabilities = capabilities.personal(if joins_texts { limits.no_commas() } else { limits });
        }
        // Asked for one by one; the other two dialects cannot be asked by the caller's id at all. Over public-api the
        // protocol page infers the question from that of soap.
        match dialect {
            Dialect::Soap => capabilities = capabilities.look_up(LookUp::new(1)).inbox(),
            Dialect::PublicApi => capabilities = capabilities.look_up(LookUp::new(1).inferred()).inbox(),
            Dialect::V2 | Dialect::WebService => {}
        }
        if dialect != Dialect::V2 || v2_delivery_path.is_some() {
            capabilities = capabilities.deliveries(max_recipients);
        }
        let memory = Arc::default();
        let account = Account { name, dialect, credentials, sender, v2_delivery_path, capabilities, memory };
        Ok(NikSms { transport, account: Arc::new(account) })
    }
}

/// Shows everything but the credentials.
impl fmt::Debug for NikSmsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NikSmsBuilder")
            .field("dialect", &self.dialect)
            .field("base_url", &shown(self.settings.base_url.as_ref()))
            .field("sender", &self.sender)
            .finish_non_exhaustive()
    }
}
