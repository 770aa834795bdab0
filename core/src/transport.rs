//! The one place that touches the network. It knows requests, answers and time limits, and no gateway.

use std::borrow::Cow;
use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use bytes::{Bytes, BytesMut};
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Proxy, redirect};
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use secrecy::SecretString;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tracing::{Instrument as _, field};
use url::{Host, Url};

use crate::clock::Clock;
use crate::codes::{Code, UNKNOWN};
use crate::error::{Error, ErrorKind, ErrorMeaning, Hint, Outcome, Result, Retry};
use crate::gateway::TimeLimits;
use crate::redact::{self, Redactor};
use crate::request::Request;
use crate::settings::Settings;

/// How many idle connections to a gateway are kept, and for how long.
const IDLE_CONNECTIONS: usize = 16;
const IDLE_FOR: Duration = Duration::from_secs(30);

/// How many calls of one client are under way at once; the others wait their turn. Each may hold a file descriptor, and a
/// process that has none left cannot even open a file.
const CALLS_AT_ONCE: usize = 100;

/// How many rows an answer may have beyond those that were asked for.
const ROWS_TO_SPARE: usize = 100;

/// The longest answer that is read unless the settings say otherwise, in bytes: of most calls, and of those that take an inbox.
const MOST_BYTES: usize = 1024 * 1024;
const MOST_BYTES_OF_INBOX: usize = 8 * 1024 * 1024;

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
    unclear_hint: Option<Hint>,
    /// The longest answer that is read unless the settings say otherwise, in bytes.
    most_bytes: usize,
}

impl Operation {
    pub(crate) const fn reads(name: &'static str) -> Self {
        Self { name, effect: Effect::Reads, unclear_hint: None, most_bytes: MOST_BYTES }
    }

    pub(crate) const fn acts(name: &'static str) -> Self {
        Self { effect: Effect::Acts, ..Self::reads(name) }
    }

    /// Takes messages out of an inbox.
    pub(crate) const fn takes(name: &'static str) -> Self {
        Self { most_bytes: MOST_BYTES_OF_INBOX, ..Self::acts(name) }
    }

    /// The same, with what can be done after an unclear failure.
    pub(crate) const fn when_unclear(self, hint: Hint) -> Self {
        Self { unclear_hint: Some(hint), ..self }
    }
}

/// An answer as a wire module reads it.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
    effect: Effect,
    retry_after: Option<Duration>,
    redactor: Redactor<'a>,
}

#[cfg(any(test, fuzzing))]
impl<'a> Answer<'a> {
    /// An answer that came over no network.
    pub(crate) fn canned(status: u16, body: Bytes, redactor: Redactor<'a>) -> Self {
        Self { status, body, effect: Effect::Acts, retry_after: None, redactor }
    }
}

impl Answer<'_> {
    /// An error for a body that is not what the protocol says: what it is instead, and its first 200 characters. `why` says
    /// nothing of what the body holds.
    pub(crate) fn unreadable(&self, why: &str) -> Error {
        let text = self.beginning();
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

    /// The first 200 characters of the body, cleaned.
    pub(crate) fn excerpt(&self) -> String {
        self.redactor.clean(&self.beginning())
    }

    /// As much of the body as tells what it is, also where it is UTF-16: then many bytes are zero, all on the same side.
    fn beginning(&self) -> Cow<'_, str> {
        let bytes = self.body.get(..8192).unwrap_or(&self.body);
        let zeros = |side: usize| bytes.iter().skip(side).step_by(2).filter(|byte| **byte == 0).count();
        let unit: fn([u8; 2]) -> u16 = match (zeros(0) * 16 > bytes.len(), zeros(1) * 16 > bytes.len()) {
            (true, false) => u16::from_be_bytes,
            (false, true) => u16::from_le_bytes,
            _ => return String::from_utf8_lossy(bytes),
        };
        let units = bytes.chunks_exact(2).filter_map(|pair| pair.try_into().ok().map(unit));
        String::from_utf16_lossy(&units.collect::<Vec<_>>()).into()
    }

    /// Refuses an answer with far more rows than were asked for.
    pub(crate) fn require_rows(&self, rows: usize, asked: usize) -> Result<()> {
        if rows <= asked + ROWS_TO_SPARE {
            return Ok(());
        }
        Err(self.unreadable(&format!("it has {rows} rows where {asked} were asked for")))
    }

    /// What the gateway said, fit to be kept: the first 200 characters, cleaned of the request's contents, of numbers and of
    /// what acts in a log.
    pub(crate) fn quote(&self, text: &str) -> String {
        self.redactor.clean(text)
    }

    /// A name that the gateway gave something: as it is where it can be nothing else, cleaned otherwise.
    pub(crate) fn quote_name(&self, name: &str) -> String {
        let is_name = redact::is_name(name) && !self.redactor.is_secret(name);
        if is_name { name.to_owned() } else { self.quote(name) }
    }

    /// The gateway's refusal with a code: what it means, and what the gateway said beside it.
    pub(crate) fn refusal(&self, code: Code, meaning: ErrorMeaning, says: Option<&str>) -> Error {
        // The table's own wording repeats nothing, whatever words it shares with the request.
        let says = says.filter(|says| code.text.is_none_or(|text| text != says.trim()));
        Error::from_code("", self.harmless(code), meaning, says.map(|says| self.quote(says)))
    }

    /// A code that no table has is the gateway's own words, whatever stands there: kept where it can be nothing but a code.
    fn harmless(&self, mut code: Code) -> Code {
        if code.name == UNKNOWN {
            let is_private = |shown: &str| !redact::is_name(shown) || self.quote(shown) != shown;
            code.number = code.number.filter(|number| !is_private(&number.to_string()));
            code.wire_name = code.wire_name.filter(|name| !is_private(name));
        }
        code
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
    /// What limits direct calls; a messenger has limits of its own.
    turns: Option<Arc<Semaphore>>,
    timeout: Duration,
    connect_timeout: Duration,
    max_response_bytes: Option<usize>,
    read_attempts: usize,
    runtime: Option<Handle>,
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
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .pool_idle_timeout(IDLE_FOR)
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
            turns: Some(Arc::new(Semaphore::new(CALLS_AT_ONCE))),
            timeout: settings.timeout,
            max_response_bytes: settings.max_response_bytes,
            connect_timeout: settings.connect_timeout,
            read_attempts: settings.read_attempts,
            runtime: settings.runtime.clone(),
            clock: settings.clock.clone(),
        })
    }

    pub(crate) fn with_timeout(&self, timeout: Duration) -> Self {
        Self { timeout, ..self.clone() }
    }

    pub(crate) fn time_limits(&self) -> TimeLimits {
        TimeLimits::new(self.connect_timeout, self.timeout)
    }

    /// For a messenger, which retries by itself and has no more requests under way than it says: what waits for its turn here
    /// would already count as sent there.
    pub(crate) fn for_messenger(&self) -> Self {
        Self { read_attempts: 1, turns: None, ..self.clone() }
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
            let error = match self.attempt(operation, &request, attempt, read).await {
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
        request: &Request,
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
        let redactor = Redactor { carried: Some(request.carried()), secrets: &self.secrets };
        let result = self
            .exchange(request, operation, redactor)
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

    async fn exchange<'a>(
        &self,
        request: &Request,
        Operation { effect, most_bytes, .. }: Operation,
        redactor: Redactor<'a>,
    ) -> Result<Answer<'a>> {
        // First come, first served. Waiting takes nothing of the time that the request has.
        let _turn = match &self.turns {
            Some(turns) => Some(turns.acquire().await),
            None => None,
        };
        let most_bytes = self.max_response_bytes.unwrap_or(most_bytes);
        let mut prepared = reqwest::Request::new(request.method.clone(), request.url.clone());
        prepared.headers_mut().extend(request.headers.iter().cloned());
        *prepared.timeout_mut() = Some(self.timeout);
        *prepared.body_mut() = Some(request.body.clone().into());
        let mut executing = pin!(self.client.execute(prepared));
        let executed = poll_fn(|context| {
            // A connection is served by the runtime in whose context it is made.
            let _context = self.runtime.as_ref().map(Handle::enter);
            executing.as_mut().poll(context)
        });
        let mut response = executed.await.map_err(|error| self.classify(&error))?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        // Nobody waits for longer than a day, whatever is asked for.
        let retry_after = retry_after.and_then(|value| value.parse().ok());
        let retry_after = retry_after.map(|seconds: u64| Duration::from_secs(seconds.min(86_400)));
        let mut body = BytesMut::new();
        let announced = response.content_length().unwrap_or(0);
        while let Some(chunk) = response.chunk().await.map_err(|error| self.classify(&error))? {
            if body.len() + chunk.len() > most_bytes || announced > most_bytes as u64 {
                // The beginning is kept for the error, the rest is not read: dropping the answer closes the connection.
                body.extend_from_slice(&chunk);
                body.truncate(4096);
                let answer = Answer { status, body: body.freeze(), effect, retry_after, redactor };
                return Err(answer.unreadable(&format!("it is longer than {most_bytes} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, body: body.freeze(), effect, retry_after, redactor })
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

/// The innermost cause that is known, in brackets: `connection refused`, `the certificate has expired`.
fn cause(error: &reqwest::Error) -> String {
    let mut known = None;
    let mut next = std::error::Error::source(error);
    while let Some(error) = next {
        known = in_fixed_words(error).or(known);
        next = error.source();
    }
    known.map(|words| format!(" ({words})")).unwrap_or_default()
}

/// An error by its type, or by a sentence that has no place for anything else. Others print what the other side has sent: the names
/// in a certificate, what a server says when it goes away.
fn in_fixed_words(error: &(dyn std::error::Error + 'static)) -> Option<Cow<'static, str>> {
    const SENTENCES: [&str; 14] = [
        "connection closed before message completed",
        "error reading a body from connection",
        "http2 error",
        "invalid HTTP header parsed",
        "invalid HTTP status-code parsed",
        "invalid HTTP version parsed",
        "invalid HTTP version parsed (found HTTP2 preface)",
        "invalid content-length parsed",
        "message head is too large",
        "operation was canceled",
        "received unexpected message from connection",
        "tunnel error: proxy authorization required",
        "tunnel error: unexpected end of file",
        "tunnel error: unsuccessful",
    ];
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(of_tls(error).into());
    }
    if let Some(error) = error.downcast_ref::<std::io::Error>() {
        let text = error.to_string();
        return match error.get_ref() {
            Some(inner) if is_tls(inner) => in_fixed_words(inner),
            _ if is_no_such_name(&text) => Some("no such name".into()),
            _ if text.starts_with("failed to lookup address") => Some("the name cannot be looked up".into()),
            // The system's own sentence.
            None if error.raw_os_error().is_some() => Some(text.into()),
            _ => Some(error.kind().to_string().into()),
        };
    }
    let text = error.to_string();
    SENTENCES.into_iter().find(|sentence| *sentence == text).map(Cow::Borrowed)
}

fn of_tls(error: &rustls::Error) -> &'static str {
    use rustls::CertificateError as Certificate;
    match error {
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            Certificate::Expired | Certificate::ExpiredContext { .. } => "the certificate has expired",
            Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
                "the certificate is not valid yet: is the clock right?"
            }
            Certificate::UnknownIssuer => "the certificate's issuer is not trusted",
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                "the certificate is for another name"
            }
            Certificate::Revoked => "the certificate was revoked",
            Certificate::BadSignature => "the certificate's signature is wrong",
            _ => "the certificate cannot be used",
        },
        rustls::Error::AlertReceived(_) => "the other side ended TLS with an alert",
        rustls::Error::PeerIncompatible(_) => "no version or cipher of TLS in common",
        rustls::Error::InvalidMessage(_) => "the other side does not speak TLS",
        _ => "TLS failed",
    }
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
