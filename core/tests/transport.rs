//! What is known after each failure of the network, over real sockets and without a pause.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod support {
    #[allow(dead_code, reason = "other tests need more of it")]
    pub(crate) mod server;
}

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use payamak::niksms::{Dialect, SendOptions};
use payamak::payam_resan::PayamResanBuilder;
use payamak::{Clock, Destination, Error, ErrorKind, NikSms, Outcome, PayamResan, Retry, TraceId};
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, crypto::ring};

use self::support::server::{Reply, Server, answer, ok};

const KEY: &str = "transport-test-key";
const NUMBER: &str = "09121112222";
const TEXT: &str = "کد ورود شما 481516 است";

const ACCEPTED: &str =
    r#"{"Success":true,"ErrorCode":null,"Error":null,"Result":[{"Id":639000000000000123,"UserTraceId":7}]}"#;
const ACCOUNT: &str = r#"{"Success":true,"ErrorCode":null,"Error":null,"Result":{"Credit":125000,"AvailableSenders":[30004040]}}"#;

/// Where nothing listens.
const CLOSED: &str = "http://127.0.0.1:1";

fn client(url: &str) -> PayamResanBuilder {
    PayamResan::builder().api_key(KEY).sender("30004040").base_url(url)
}

/// Sends one message.
async fn send(client: &PayamResan) -> Result<(), Error> {
    client.send_bulk(TEXT, &[Destination::new(NUMBER, Some(TraceId::new(7)))], None).await.map(drop)
}

fn known(error: &Error) -> (ErrorKind, Outcome, Retry) {
    (error.kind(), error.outcome(), error.retry())
}

/// The first pauses are over at once; how many there were is counted.
#[derive(Debug, Default)]
struct NoWaiting {
    pauses: AtomicUsize,
}

impl Clock for NoWaiting {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn since_epoch(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        self.pauses.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::ready(()))
    }
}

#[tokio::test]
async fn where_nothing_listens_nothing_was_sent() {
    let not_sent = (ErrorKind::Connect, Outcome::NotSent, Retry::Backoff);
    let gateway = client(CLOSED).build().unwrap();
    assert_eq!(known(&send(&gateway).await.unwrap_err()), not_sent);
    assert_eq!(known(&gateway.get_inbox().await.unwrap_err()), not_sent);
    let niksms = NikSms::builder().username("user").password("password").sender("50001234").base_url(CLOSED);
    let niksms = niksms.build().unwrap();
    let recipients = [Destination::new(NUMBER, None)];
    let error = niksms.group_sms(TEXT, &recipients, &SendOptions::default()).await.unwrap_err();
    assert_eq!(known(&error), not_sent);
    assert_eq!((error.gateway(), error.operation()), (Some("niksms"), Some("group_sms")));
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_a_send_unclear() {
    const HALF: &str = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"Success\":true";
    let endings: [fn() -> Reply; 2] = [|| Reply::Close, || Reply::Flood(HALF.into(), 0)];
    for ending in endings {
        let server = Server::start(move |_, _| ending()).await;
        let gateway = client(&server.url()).read_attempts(1).build().unwrap();
        let unclear = (ErrorKind::Connect, Outcome::Unclear, Retry::CheckFirst);
        assert_eq!(known(&send(&gateway).await.unwrap_err()), unclear);
        assert_eq!(known(&gateway.get_inbox().await.unwrap_err()), unclear);
        let reading = (ErrorKind::Connect, Outcome::NotSent, Retry::Backoff);
        assert_eq!(known(&gateway.account_info().await.unwrap_err()), reading);
        assert_eq!(server.requests().len(), 3);
    }
}

#[tokio::test]
async fn an_answer_that_never_ends_is_waited_for_no_longer_than_set() {
    for beginning in ["", "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{"] {
        let server = Server::start(|_, _| Reply::Stall(beginning.into())).await;
        let gateway =
            client(&server.url()).timeout(Duration::from_millis(200)).read_attempts(1).build().unwrap();
        let unclear = (ErrorKind::Timeout, Outcome::Unclear, Retry::CheckFirst);
        assert_eq!(known(&send(&gateway).await.unwrap_err()), unclear);
        let reading = (ErrorKind::Timeout, Outcome::NotSent, Retry::Backoff);
        assert_eq!(known(&gateway.account_info().await.unwrap_err()), reading);
    }
}

#[tokio::test]
async fn a_client_with_another_time_limit_uses_the_same_connections() {
    let server =
        Server::start(|number, _| if number == 2 { Reply::Stall(String::new()) } else { ok(ACCEPTED) }).await;
    let gateway = client(&server.url()).build().unwrap();
    let hasty = gateway.with_timeout(Duration::from_millis(200));
    send(&gateway).await.unwrap();
    assert_eq!(send(&hasty).await.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!((server.requests().len(), server.connections()), (2, 1));
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    const FLOOD: usize = 200 << 20;
    for head in [
        format!("HTTP/1.1 200 OK\r\ncontent-length: {FLOOD}\r\n\r\n"),
        // Without a length: it ends with the connection.
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_owned(),
    ] {
        let mut server = Server::start(move |_, _| Reply::Flood(head.clone(), FLOOD)).await;
        let gateway = client(&server.url()).build().unwrap();
        let error = send(&gateway).await.unwrap_err();
        assert_eq!(known(&error), (ErrorKind::Decode, Outcome::Unclear, Retry::CheckFirst));
        assert_eq!((error.gateway(), error.operation()), (Some("payam-resan"), Some("send_bulk")));
        let excerpt = error.body_excerpt().unwrap();
        assert_eq!(excerpt, "x".repeat(200));
        let written = server.flooded().await;
        assert!(written < FLOOD / 2, "{written} bytes went out");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Server::start(|_, _| ok(ACCEPTED)).await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("location: {}/api/V3/SendBulk\r\n", elsewhere.url());
        let server = Server::start(move |_, _| answer(&format!("{status} Moved"), &location, "")).await;
        let error = send(&client(&server.url()).build().unwrap()).await.unwrap_err();
        let kind = if matches!(status, 302 | 303) { ErrorKind::Decode } else { ErrorKind::Configuration };
        assert_eq!(known(&error), (kind, Outcome::Unclear, Retry::CheckFirst), "{status}");
        assert_eq!(error.http_status(), Some(status));
        assert_eq!(server.requests().len(), 1);
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[test]
fn credentials_do_not_leave_the_machine_in_the_clear() {
    let niksms = || NikSms::builder().username("user").password("password");
    for url in [
        "http://api.sms-webservice.com/api/V3/",
        "http://192.0.2.1",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://[2001:db8::1]",
        "http://0.0.0.0",
    ] {
        let errors = [
            client(url).build().map(drop).unwrap_err(),
            niksms().base_url(url).build().map(drop).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(known(&error), (ErrorKind::Configuration, Outcome::NotSent, Retry::Never), "{url}");
            assert_eq!((error.field(), error.operation()), (Some("base_url"), None), "{url}");
        }
        client(url).allow_insecure(true).build().unwrap();
    }
    for url in ["http://127.0.0.1:8098", "http://127.1.2.3", "http://localhost:8098", "http://[::1]:8098"] {
        client(url).build().unwrap();
    }
    for url in [
        "ftp://127.0.0.1",
        "127.0.0.1:8098",
        "",
        "https://",
        "https://user:password@127.0.0.1",
        "https://a?b",
    ] {
        assert_eq!(client(url).build().unwrap_err().field(), Some("base_url"), "{url}");
    }
    // The dialect's own address is plain http; the error says what to use instead.
    let error = niksms().dialect(Dialect::Soap).build().unwrap_err();
    assert!(error.field() == Some("base_url") && error.to_string().contains("public-api"), "{error}");
}

#[tokio::test]
async fn reading_is_tried_again_and_sending_is_not() {
    let failures: [fn() -> Reply; 2] = [|| Reply::Close, || answer("503 Service Unavailable", "", "")];
    for failure in failures {
        let clock = Arc::new(NoWaiting::default());
        let server = Server::start(move |number, _| if number == 1 { failure() } else { ok(ACCOUNT) }).await;
        let gateway = client(&server.url()).clock(clock.clone()).build().unwrap();
        assert_eq!(gateway.account_info().await.unwrap().sender_lines, ["30004040"]);
        assert_eq!((server.requests().len(), clock.pauses.load(Ordering::SeqCst)), (2, 1));

        let server =
            Server::start(move |number, _| if number % 2 == 1 { failure() } else { ok(ACCEPTED) }).await;
        let gateway = client(&server.url()).clock(clock.clone()).build().unwrap();
        assert_eq!(send(&gateway).await.unwrap_err().outcome(), Outcome::Unclear);
        assert_eq!(server.requests().len(), 1);
        send(&gateway).await.unwrap();
        // What takes messages out of the inbox may have taken them: it is not repeated either.
        assert_eq!(gateway.get_inbox().await.unwrap_err().outcome(), Outcome::Unclear);
        assert_eq!(server.requests().len(), 3);
        assert_eq!(clock.pauses.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn reading_is_tried_as_often_as_set_and_no_more_than_once_after_a_refusal() {
    let server = Server::start(|_, _| Reply::Close).await;
    let gateway = client(&server.url()).clock(Arc::new(NoWaiting::default()));
    let error = gateway.clone().build().unwrap().account_info().await.unwrap_err();
    assert_eq!(
        (known(&error), server.requests().len()),
        ((ErrorKind::Connect, Outcome::NotSent, Retry::Backoff), 3)
    );
    gateway.read_attempts(5).build().unwrap().account_info().await.unwrap_err();
    assert_eq!(server.requests().len(), 3 + 5);

    let refusing = Server::start(|_, _| answer("403 Forbidden", "", "")).await;
    let gateway = client(&refusing.url()).clock(Arc::new(NoWaiting::default())).build().unwrap();
    assert_eq!(gateway.account_info().await.unwrap_err().kind(), ErrorKind::Access);
    assert_eq!(refusing.requests().len(), 1);
}

#[tokio::test]
async fn the_time_that_the_gateway_asks_for_is_passed_on() {
    let server = Server::start(|_, _| answer("429 Too Many Requests", "retry-after: 7\r\n", "")).await;
    let error = send(&client(&server.url()).build().unwrap()).await.unwrap_err();
    assert_eq!(known(&error), (ErrorKind::RateLimit, Outcome::Unclear, Retry::CheckFirst));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn a_thousand_sends_use_one_connection() {
    let server = Server::start(|_, _| ok(ACCEPTED)).await;
    let gateway = client(&server.url()).build().unwrap();
    for _ in 0..1000 {
        send(&gateway.clone()).await.unwrap();
    }
    assert_eq!((server.requests().len(), server.connections()), (1000, 1));
}

/// A certificate authority of its own, in PEM, and a server's side of TLS that it vouches for.
fn authority() -> (String, TlsAcceptor) {
    authority_for(&[])
}

/// The same, for a server that speaks these protocols.
fn authority_for(protocols: &[&str]) -> (String, TlsAcceptor) {
    authority_of("127.0.0.1", protocols)
}

/// The same, for a server of this name.
fn authority_of(name: &str, protocols: &[&str]) -> (String, TlsAcceptor) {
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let pem = authority.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(authority, key);

    let key = KeyPair::generate().unwrap();
    let mut leaf = CertificateParams::new([name.to_owned()]).unwrap();
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = leaf.signed_by(&key, &issuer).unwrap();

    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    (pem, TlsAcceptor::from(Arc::new(config)))
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_where_it_is_named_and_nowhere_else() {
    let (pem, acceptor) = authority();
    let (other_pem, _) = authority();
    let server = Server::start_tls(acceptor, |_, _| ok(ACCEPTED)).await;
    let url = format!("https://{}", server.address());
    for bundled in [true, false] {
        let builder = || client(&url).bundled_roots(bundled);
        send(&builder().extra_ca_pem(pem.as_str()).build().unwrap()).await.unwrap();
        // A machine without certificates has nothing to build a client from, unless it brings its own.
        let without = match builder().build() {
            Ok(gateway) => send(&gateway).await.unwrap_err(),
            Err(error) => error,
        };
        for error in
            [without, send(&builder().extra_ca_pem(other_pem.as_str()).build().unwrap()).await.unwrap_err()]
        {
            assert!(matches!(error.kind(), ErrorKind::Connect | ErrorKind::Configuration), "{error}");
            // No patience makes a certificate right.
            assert_eq!((error.outcome(), error.retry()), (Outcome::NotSent, Retry::Never), "{error}");
        }
        for bad in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let error = builder().extra_ca_pem(bad).build().unwrap_err();
            assert_eq!(
                (error.kind(), error.field()),
                (ErrorKind::Configuration, Some("extra_ca_pem")),
                "{bad}"
            );
        }
    }
    assert_eq!(server.requests().len(), 2);
}

/// HTTP/2 has a way to say that a request was not looked at, and clients like to repeat such a request by themselves. A
/// gateway that took it before saying so would take it again: one call is one request.
#[tokio::test]
async fn one_call_is_one_request_whatever_http_2_says_of_it() {
    let (pem, acceptor) = authority_for(&["h2"]);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let taken = Arc::new(AtomicUsize::new(0));
    let server = tokio::spawn({
        let taken = taken.clone();
        async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(stream) = acceptor.accept(stream).await else { continue };
                let Ok(mut connection) = h2::server::handshake(stream).await else { continue };
                let taken = taken.clone();
                tokio::spawn(async move {
                    while let Some(Ok((request, mut respond))) = connection.accept().await {
                        let taken = taken.clone();
                        tokio::spawn(async move {
                            let mut body = request.into_body();
                            while let Some(Ok(part)) = body.data().await {
                                let _ = body.flow_control().release_capacity(part.len());
                            }
                            taken.fetch_add(1, Ordering::SeqCst);
                            respond.send_reset(h2::Reason::REFUSED_STREAM);
                        });
                    }
                });
            }
        }
    });
    let gateway =
        client(&format!("https://{address}")).extra_ca_pem(pem).bundled_roots(true).build().unwrap();
    let error = send(&gateway).await.unwrap_err();
    assert_eq!(known(&error), (ErrorKind::Connect, Outcome::Unclear, Retry::CheckFirst));
    assert_eq!(taken.load(Ordering::SeqCst), 1);
    server.abort();
}

/// What TLS and HTTP/2 let the other side say about a failure is the other side's word too.
#[tokio::test]
async fn a_failed_connection_says_nothing_of_the_other_side_s() {
    let says_nothing = |error: &Error| {
        let json = serde_json::to_string(error).unwrap();
        for shown in [error.to_string(), format!("{error:?}"), json] {
            assert!(
                !shown.contains("blocked") && !shown.contains(KEY) && !shown.contains("481516"),
                "{shown}"
            );
        }
    };
    let (pem, acceptor) = authority_of("blocked.transport-test-key.example", &[]);
    let server = Server::start_tls(acceptor, |_, _| ok(ACCEPTED)).await;
    let url = format!("https://{}", server.address());
    let error = send(&client(&url).extra_ca_pem(pem).bundled_roots(true).build().unwrap()).await.unwrap_err();
    says_nothing(&error);
    assert!(error.to_string().contains("the certificate is for another name"), "{error}");

    let (pem, acceptor) = authority_for(&["h2"]);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = acceptor.accept(stream).await.unwrap();
        // Empty SETTINGS; once the request is there, GOAWAY (ENHANCE_YOUR_CALM) with what the server has to say.
        stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        let mut arrived = Vec::new();
        while !arrived.windows(TEXT.len()).any(|part| part == TEXT.as_bytes()) {
            stream.read_buf(&mut arrived).await.unwrap();
        }
        let says = format!("blocked: {KEY} {TEXT}");
        let length = u8::try_from(8 + says.len()).unwrap();
        stream.write_all(&[0, 0, length, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11]).await.unwrap();
        stream.write_all(says.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        // Ends when the other side goes.
        while stream.read_buf(&mut arrived).await.is_ok_and(|read| read > 0) {}
    });
    let error = send(&client(&url).extra_ca_pem(pem).bundled_roots(true).build().unwrap()).await.unwrap_err();
    says_nothing(&error);
    assert_eq!(known(&error), (ErrorKind::Connect, Outcome::Unclear, Retry::CheckFirst), "{error}");
}

#[tokio::test]
async fn a_time_limit_of_nothing_is_refused_before_anything_is_sent() {
    let server = Server::start(|_, _| ok(ACCEPTED)).await;
    let gateway = client(&server.url()).build().unwrap().with_timeout(Duration::ZERO);
    let error = send(&gateway).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Configuration, Some("timeout")));
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn https_goes_through_a_proxy_unread() {
    let proxy = Server::start(|_, _| answer("502 Bad Gateway", "", "")).await;
    // Bundled roots: whether the machine has certificates is beside the point.
    let gateway = PayamResan::builder().api_key(KEY).sender("30004040").bundled_roots(true);
    let error = send(&gateway.proxy(proxy.url()).build().unwrap()).await.unwrap_err();
    assert_eq!(known(&error), (ErrorKind::Connect, Outcome::NotSent, Retry::Backoff));
    let requests = proxy.requests();
    assert_eq!(requests.len(), 1);
    assert!(requests[0].starts_with("CONNECT api.sms-webservice.com:443 HTTP/1.1\r\n"), "{requests:?}");
    assert!(!requests[0].contains(KEY));
}

#[tokio::test]
async fn plain_http_goes_through_a_proxy_by_its_whole_address() {
    let proxy = Server::start(|_, _| ok(ACCEPTED)).await;
    send(&client(CLOSED).proxy(proxy.url()).build().unwrap()).await.unwrap();
    let requests = proxy.requests();
    assert!(requests[0].starts_with("POST http://127.0.0.1:1/api/V3/SendBulk HTTP/1.1\r\n"), "{requests:?}");

    let error = client(CLOSED).proxy("no address of a proxy\u{0}").build().unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Configuration, Some("proxy")));
}
