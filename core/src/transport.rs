//! The one place that touches the network. It knows requests, answers and time limits, and no gateway.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, Proxy, redirect};
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use secrecy::{ExposeSecret as _, SecretString};
use tracing::{Instrument as _, field};
use url::{Host, Url};

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Hint, Outcome, Result, Retry};
use crate::gateway::TimeLimits;
use crate::settings::Settings;

/// What a call does on the other side, which decides what its failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Looks only: repeated when the connection fails.
    Reads,
    /// Sends messages, or takes them out of an inbox: an unclear failure stays unclear, and is never repeated here.
    Acts,
}

/// What is called: its name in errors and spans, and what it does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) effect: Effect,
    /// What can be done after an unclear failure, where the operation has something of its own to say.
    pub(crate) unclear_hint: Option<Hint>,
}

impl Operation {
    pub(crate) const fn reads(name: &'static str) -> Self {
        Self { name, effect: Effect::Reads, unclear_hint: None }
    }

    pub(crate) const fn acts(name: &'static str) -> Self {
        Self { name, effect: Effect::Acts, unclear_hint: None }
    }
}

/// A request as a wire module builds it.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
}

impl Request {
    pub(crate) fn get(url: Url) -> Self {
        Self { method: Method::GET, url, headers: Vec::new(), body: Bytes::new() }
    }

    pub(crate) fn post(url: Url, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let headers = vec![(CONTENT_TYPE, HeaderValue::from_static(content_type))];
        Self { method: Method::POST, url, headers, body: body.into() }
    }
}

/// An answer as a wire module reads it.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
    effect: Effect,
    retry_after: Option<Duration>,
    secrets: &'a [SecretString],
}

#[cfg(any(test, fuzzing))]
impl<'a> Answer<'a> {
    /// An answer that came over no network.
    pub(crate) fn canned(status: u16, body: Bytes, secrets: &'a [SecretString]) -> Self {
        Self { status, body, effect: Effect::Acts, retry_after: None, secrets }
    }
}

impl Answer<'_> {
    /// An error for a body that is not what the protocol says: what it is instead, and its first 200 characters.
    pub(crate) fn unreadable(&self, why: &str) -> Error {
        let text = String::from_utf8_lossy(&self.body);
        let trimmed = text.trim_start_matches('\u{feff}').trim();
        let looks = match trimmed.as_bytes() {
            [] => "it is empty: ",
            [b'<', rest @ ..] if !rest.starts_with(b"?xml") && !trimmed.contains("Envelope") => {
                "it is HTML: "
            }
            _ => "",
        };
        let error = Error::new(ErrorKind::Decode, "", format!("the answer cannot be read: {looks}{why}"))
            .unclear()
            .with_body_excerpt(self.excerpt());
        if self.status == 200 { error } else { error.with_http_status(self.status) }
    }

    /// The first 200 characters of the body, without credentials.
    pub(crate) fn excerpt(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        self.scrub(text.trim_start_matches('\u{feff}').trim()).chars().take(200).collect()
    }

    /// Without credentials.
    fn scrub<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for secret in self.secrets {
            let secret = secret.expose_secret();
            // As it may come back: in a form, in an address, in XML, in JSON.
            let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            let in_address = encoded.replace('+', "%20");
            let escaped = quick_xml::escape::escape(secret);
            let quoted = serde_json::Value::from(secret).to_string();
            for form in [secret, &encoded, &in_address, &escaped, quoted.trim_matches('"')] {
                if !form.is_empty() && text.contains(form) {
                    text = Cow::Owned(text.replace(form, "***"));
                }
            }
        }
        // JSON may write any character as an escape, and a body may be JSON twice over.
        let mut plain = text.clone().into_owned();
        for _ in 0..2 {
            plain = without_escapes(&plain);
            for secret in self.secrets {
                let secret = secret.expose_secret();
                if !secret.is_empty() && plain.contains(secret) {
                    plain = plain.replace(secret, "***");
                    text = Cow::Owned(plain.clone());
                }
            }
        }
        text
    }

    /// What a gateway said, fit for an error: without credentials, and without anything long enough to be a number.
    pub(crate) fn quote(&self, text: &str) -> String {
        let mut quoted = String::new();
        let mut digits = String::new();
        for character in self.scrub(text).chars().take(200).map(Some).chain([None]) {
            if let Some(digit) = character.filter(|character| character.is_numeric()) {
                digits.push(digit);
                continue;
            }
            quoted.push_str(if digits.chars().count() > 6 { "***" } else { &digits });
            digits.clear();
            quoted.extend(character);
        }
        quoted
    }

    /// An error for every status but 200-299, by the status alone. SOAP looks for a fault first, and
    /// [`own_refusal`](Self::own_refusal) for the gateway's own words.
    ///
    /// For a call that acts it is always unclear: no page of either gateway answers with such a status, so it is the word of
    /// a proxy or a firewall, which may have stopped the answer and not the request.
    pub(crate) fn require_success(&self) -> Result<()> {
        let error = |kind, detail: &str| Error::new(kind, "", detail).with_http_status(self.status);
        let error = match self.status {
            200..=299 => return Ok(()),
            301 | 307 | 308 => error(
                ErrorKind::Configuration,
                "the gateway has moved; redirects are not followed, because the request carries the credentials",
            )
            .with_hint(Hint::new("Set base_url to the new address.", "نشانی تازه را در base_url بگذارید.")),
            401 => error(ErrorKind::Authentication, "the credentials were refused"),
            403 => error(ErrorKind::Access, "access was refused"),
            404 => error(ErrorKind::Configuration, "there is no such path").with_hint(WRONG_PATH),
            429 => error(ErrorKind::RateLimit, "too many requests").with_retry(Retry::Backoff),
            400..=499 => error(ErrorKind::Request, "the request was refused"),
            500..=599 => error(ErrorKind::Unavailable, "the gateway failed").unclear(),
            _ => error(ErrorKind::Decode, "the answer has an unexpected HTTP status").unclear(),
        };
        let error = error.with_retry_after(self.retry_after);
        Err(if self.effect == Effect::Acts { error.unclear() } else { error })
    }

    /// A refusal in the gateway's own form, with one of its codes, behind an HTTP status that is no success: it decides, as
    /// it would behind a 200. `read` is the decoder of the answer.
    pub(crate) fn own_refusal<T>(&self, read: impl Fn(&Answer<'_>) -> Result<T>) -> Option<Error> {
        if matches!(self.status, 200..=299) {
            return None;
        }
        let as_success = Answer { status: 200, body: self.body.clone(), ..*self };
        let refusal = read(&as_success).err().filter(|error| error.code().is_some())?;
        Some(refusal.with_http_status(self.status))
    }
}

/// A text with what the escapes of JSON stand for: `\u002b` and `\/` as `+` and `/`.
pub(crate) fn without_escapes(text: &str) -> String {
    // Two escapes may make one character, so it is put together from units.
    let mut units = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, escape)) = rest.split_once('\\') {
        units.extend(before.encode_utf16());
        let digits = escape.strip_prefix('u').and_then(|digits| digits.get(..4));
        let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
        units.extend(unit);
        let length = if unit.is_some() { 5 } else { escape.chars().next().map_or(0, char::len_utf8) };
        let (escaped, after) = escape.split_at_checked(length).unwrap_or((escape, ""));
        if unit.is_none() {
            units.extend(escaped.encode_utf16());
        }
        rest = after;
    }
    units.extend(rest.encode_utf16());
    String::from_utf16_lossy(&units)
}

pub(crate) const WRONG_PATH: Hint = Hint::new(
    "The address is not this gateway's: check base_url.",
    "این نشانی از آنِ این درگاه نیست: base_url را بررسی کنید.",
);

/// A pooled client with time limits, for one gateway. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Transport {
    client: Client,
    gateway: Arc<str>,
    secrets: Arc<[SecretString]>,
    timeout: Duration,
    connect_timeout: Duration,
    max_response_bytes: usize,
    read_attempts: usize,
    clock: Arc<dyn Clock>,
}

/// Reads an answer, and keeps what it says.
type Read<'a> = &'a mut (dyn FnMut(&Answer<'_>) -> Result<()> + Send);

impl Transport {
    pub(crate) fn new(
        settings: &Settings,
        gateway: &Arc<str>,
        base: &Url,
        secrets: Vec<SecretString>,
    ) -> Result<Self> {
        let named = |error: Error| error.with_gateway(gateway);
        settings.require_limits().map_err(named)?;
        #[allow(clippy::disallowed_methods, reason = "this is the one place where a client is built")]
        let mut builder = Client::builder()
            .user_agent(concat!("payamak/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.connect_timeout)
            .redirect(redirect::Policy::none())
            // It would repeat a request that HTTP/2 calls unprocessed: one call is one request, whoever says otherwise.
            .retry(reqwest::retry::never())
            .tcp_nodelay(true)
            .tls_backend_preconfigured(tls_config(settings, base).map_err(named)?);
        if settings.proxy.is_none() && is_loopback(base) {
            // The environment's proxy would not find the emulator on this machine.
            builder = builder.no_proxy();
        }
        if let Some(proxy) = &settings.proxy {
            // The address may hold the proxy's own password: it is not repeated in the error.
            builder = builder
                .proxy(Proxy::all(proxy).map_err(|_| named(Error::setting("proxy", "not an address")))?);
        }
        Ok(Self {
            client: builder
                .build()
                .map_err(|_| named(Error::configuration("", "the HTTP client could not be set up")))?,
            gateway: gateway.clone(),
            secrets: secrets.into(),
            timeout: settings.timeout,
            max_response_bytes: settings.max_response_bytes,
            connect_timeout: settings.connect_timeout,
            read_attempts: settings.read_attempts,
            clock: settings.clock.clone(),
        })
    }

    pub(crate) fn with_timeout(&self, timeout: Duration) -> Self {
        Self { timeout, ..self.clone() }
    }

    pub(crate) fn time_limits(&self) -> TimeLimits {
        TimeLimits::new(self.connect_timeout, self.timeout)
    }

    pub(crate) fn without_retry(&self) -> Self {
        Self { read_attempts: 1, ..self.clone() }
    }

    /// Makes a call: the request goes out, and `read` makes the result of the answer. A call that only reads is repeated
    /// when the connection fails.
    pub(crate) async fn call<T: Send>(
        &self,
        operation: Operation,
        request: Request,
        read: impl Fn(&Answer<'_>) -> Result<T> + Send,
    ) -> Result<T> {
        // The types of the result end here: each operation of each dialect would have a copy of all that follows.
        let mut result = None;
        let place = &mut result;
        let mut keep = move |answer: &Answer<'_>| {
            *place = Some(read(answer)?);
            Ok(())
        };
        self.call_erased(operation, request, &mut keep).await?;
        result.ok_or_else(|| Error::new(ErrorKind::Decode, operation.name, "the answer was not read"))
    }

    async fn call_erased(&self, operation: Operation, request: Request, read: Read<'_>) -> Result<()> {
        if self.timeout.is_zero() {
            let error = Error::setting("timeout", "0; no request could be answered in time");
            return Err(error.with_gateway(&self.gateway).with_operation(operation.name));
        }
        let tries = if operation.effect == Effect::Reads { self.read_attempts } else { 1 };
        let mut pauses = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(100))
            .with_max_times(tries - 1)
            .with_jitter()
            .build();
        let mut attempt = 1;
        loop {
            let error = match self.attempt(operation, request.clone(), attempt, read).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            let transient = matches!(error.kind(), ErrorKind::Connect | ErrorKind::Timeout)
                || error.http_status().is_some_and(|status| status >= 500);
            match pauses.next() {
                Some(pause) if transient => self.clock.sleep(pause).await,
                _ => return Err(error),
            }
            attempt += 1;
        }
    }

    async fn attempt(
        &self,
        operation: Operation,
        request: Request,
        attempt: u32,
        read: Read<'_>,
    ) -> Result<()> {
        let span = tracing::debug_span!(
            target: "payamak",
            "request",
            gateway = &*self.gateway,
            operation = operation.name,
            attempt,
            outcome = field::Empty,
            duration_ms = field::Empty,
        );
        let started = self.clock.now();
        let result = self
            .exchange(request, operation.effect)
            .instrument(span.clone())
            .await
            .and_then(|answer| read(&answer));
        let result = result.map_err(|error| {
            let error = error.with_gateway(&self.gateway).with_operation(operation.name);
            match (operation.effect, error.outcome(), operation.unclear_hint) {
                (Effect::Reads, _, _) => error.of_reading(),
                (Effect::Acts, Outcome::Unclear, Some(hint)) => error.with_hint(hint),
                _ => error,
            }
        });
        let outcome = match &result {
            Ok(()) => "ok",
            Err(error) => error.kind().type_name(),
        };
        let duration = self.clock.now().saturating_sub(started);
        let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        span.record("outcome", outcome).record("duration_ms", duration_ms);
        tracing::debug!(target: "payamak", parent: &span, gateway = &*self.gateway, operation = operation.name, outcome, duration_ms, "answered");
        result
    }

    async fn exchange(&self, request: Request, effect: Effect) -> Result<Answer<'_>> {
        let mut prepared = reqwest::Request::new(request.method, request.url);
        prepared.headers_mut().extend(request.headers);
        *prepared.timeout_mut() = Some(self.timeout);
        *prepared.body_mut() = Some(request.body.into());
        let mut response = self.client.execute(prepared).await.map_err(|error| self.classify(&error))?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|value| value.parse().ok()).map(Duration::from_secs);
        let mut body = BytesMut::new();
        let announced = response.content_length().unwrap_or(0);
        while let Some(chunk) = response.chunk().await.map_err(|error| self.classify(&error))? {
            if body.len() + chunk.len() > self.max_response_bytes
                || announced > self.max_response_bytes as u64
            {
                // The beginning is kept for the error, the rest is not read: dropping the answer closes the connection.
                body.extend_from_slice(&chunk);
                body.truncate(4096);
                let answer =
                    Answer { status, body: body.freeze(), effect, retry_after, secrets: &self.secrets };
                return Err(
                    answer.unreadable(&format!("it is longer than {} bytes", self.max_response_bytes))
                );
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, body: body.freeze(), effect, retry_after, secrets: &self.secrets })
    }

    /// What is known after a failure of the connection: only a connection that was never made proves that nothing left.
    fn classify(&self, error: &reqwest::Error) -> Error {
        if error.is_builder() {
            return Error::configuration("", "the request could not be built");
        }
        if error.is_connect() {
            let detail = if error.is_timeout() { "no connection in time" } else { "no connection" };
            let retry = if mends_itself(error) { Retry::Backoff } else { Retry::Never };
            return Error::new(ErrorKind::Connect, "", format!("{detail}{}", cause(error)))
                .with_retry(retry)
                .with_hint(Hint::new(
                    "Check the address, the network and the proxy.",
                    "نشانی، شبکه و پراکسی را بررسی کنید.",
                ));
        }
        if error.is_timeout() {
            let detail = format!("no answer within {:?}", self.timeout);
            return Error::new(ErrorKind::Timeout, "", detail).unclear();
        }
        Error::new(
            ErrorKind::Connect,
            "",
            format!("the connection broke before the answer was complete{}", cause(error)),
        )
        .unclear()
    }
}

/// Whether a connection that failed may succeed later without anybody doing something. One refused by TLS (a certificate, a
/// name, a version) and a name that does not exist will not.
fn mends_itself(error: &reqwest::Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if is_tls(error) || is_no_such_name(&error.to_string()) {
            return false;
        }
        next = error.source();
    }
    true
}

/// An I/O error around another one passes its inner error by when it is asked for its source.
fn is_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let inner = || error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>() || inner().is_some_and(|inner| is_tls(inner))
}

/// What the resolvers of Linux (glibc, musl), macOS and Windows say of a name that does not exist. The standard library keeps
/// no number of it.
fn is_no_such_name(text: &str) -> bool {
    [
        "Name or service not known",
        "Name does not resolve",
        "nodename nor servname provided",
        "No such host is known",
    ]
    .iter()
    .any(|says| text.contains(says))
}

/// The innermost cause, which names no address and no content: `connection refused`, `certificate expired`.
fn cause(error: &reqwest::Error) -> String {
    let mut source = std::error::Error::source(error);
    let mut innermost = None;
    while let Some(error) = source {
        innermost = Some(error);
        source = error.source();
    }
    innermost.map(|error| format!(" ({error})")).unwrap_or_default()
}

fn tls_config(settings: &Settings, base: &Url) -> Result<ClientConfig> {
    let mut extra = Vec::new();
    if let Some(pem) = &settings.extra_ca_pem {
        extra.extend(certificates("extra_ca_pem", pem)?);
    }
    if let Some(path) = &settings.ca_file {
        let pem = std::fs::read(path).map_err(|error| {
            Error::setting("ca_file", format!("not to be read ({}): {error}", path.display()))
        })?;
        extra.extend(certificates("ca_file", &pem)?);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::configuration("", format!("TLS could not be set up: {error}")))?;
    // Plain http (the emulator, say) needs no roots; reading the system's takes time and fails where there are none.
    let bundled = settings.bundled_roots || base.scheme() == "http";
    let mut config = if bundled {
        let mut roots = rustls::RootCertStore::empty();
        if base.scheme() == "https" {
            roots.add_parsable_certificates(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
        }
        roots.add_parsable_certificates(extra);
        builder.with_root_certificates(roots).with_no_client_auth()
    } else {
        let verifier = system_verifier(extra, provider).map_err(|error| {
            Error::configuration("", format!("the system's certificates could not be loaded: {error}"))
                .with_hint(Hint::new(
                    "Install ca-certificates, or set bundled_roots.",
                    "بستهٔ ca-certificates را نصب کنید، یا bundled_roots را روشن کنید.",
                ))
        })?;
        builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// The certificates of a setting; one that cannot be used is refused here, where the setting's name is known.
fn certificates(setting: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = match certificates {
        Ok(certificates) if !certificates.is_empty() => certificates,
        _ => {
            return Err(Error::setting(setting, "without a PEM certificate that can be read"));
        }
    };
    let (_, refused) = rustls::RootCertStore::empty().add_parsable_certificates(certificates.iter().cloned());
    if refused > 0 {
        return Err(Error::setting(setting, "a certificate that cannot be used"));
    }
    Ok(certificates)
}

#[cfg(not(target_os = "android"))]
fn system_verifier(
    extra: Vec<CertificateDer<'static>>,
    provider: Arc<rustls::crypto::CryptoProvider>,
) -> Result<rustls_platform_verifier::Verifier, rustls::Error> {
    rustls_platform_verifier::Verifier::new_with_extra_roots(extra, provider)
}

#[cfg(target_os = "android")]
fn system_verifier(
    _extra: Vec<CertificateDer<'static>>,
    provider: Arc<rustls::crypto::CryptoProvider>,
) -> Result<rustls_platform_verifier::Verifier, rustls::Error> {
    rustls_platform_verifier::Verifier::new(provider)
}

/// A base address that may carry credentials: https, or this machine, or allowed by name.
pub(crate) fn base_url(
    given: &str,
    default_path: &str,
    allow_insecure: bool,
    instead: &'static str,
) -> Result<Url> {
    let wrong = |what: &str| Error::setting("base_url", what);
    let mut url = Url::parse(given).map_err(|error| wrong(&format!("not an address: {error}")))?;
    if url.host().is_none() {
        return Err(wrong("without a host"));
    }
    match url.scheme() {
        "https" => {}
        "http" if allow_insecure || is_loopback(&url) => {}
        "http" => {
            return Err(wrong(&format!(
                "plain http to another machine: whoever is on the way reads the credentials and the texts. {instead}, or \
                 set allow_insecure to accept that"
            )));
        }
        _ => return Err(wrong("neither https nor http")),
    }
    if !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return Err(wrong("more than a scheme, a host and a path"));
    }
    if matches!(url.path(), "" | "/") {
        url.set_path(default_path);
    }
    Ok(url)
}

/// This machine, by whatever name.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// `path` below a base address, whether that ends in a slash or not.
pub(crate) fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Resolving needs a network, which no test has: the words of the systems stand here instead.
    #[test]
    fn a_name_that_does_not_exist_is_told_from_one_that_is_not_found_now() {
        let says = |text: &str| is_no_such_name(&format!("failed to lookup address information: {text}"));
        assert!(says("Name or service not known"));
        assert!(says("Name does not resolve"));
        assert!(says("nodename nor servname provided, or not known"));
        assert!(is_no_such_name("No such host is known. (os error 11001)"));
        assert!(!says("Temporary failure in name resolution"));
        assert!(!says("Try again"));
    }
}
