//! Who is answered: programs and the emulator's own pages, not other sites' pages in a browser on this machine.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by a panic")]

mod common;

use std::net::SocketAddr;

use common::{Connection, FORM, JSON, bulk, exchange, post, start, v3};
use payamak_emulator::{Emulator, Fault};

/// A send, a look at the messages, a look that no gateway knows, and a replayed case.
const PATHS: [&str; 4] = [
    "/api/V3/Send?ApiKey=demo-key&Text=x&Sender=30004040&Recipients=9121112222",
    "/_emulator/messages",
    "/favicon.ico",
    "/replay/case/",
];

/// The status of a GET with these lines as its head, and no other.
fn status(emulator: &Emulator, request: &str) -> u16 {
    let mut connection = Connection::to(([127, 0, 0, 1], emulator.address().port()).into());
    connection.send_raw(request);
    let answer = connection.answer().unwrap();
    assert!(!answer.head.contains("access-control-"), "{answer:?}");
    answer.status
}

fn status_as(emulator: &Emulator, path: &str, host: &str) -> u16 {
    status(emulator, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"))
}

/// That nothing of what came has reached a gateway.
fn assert_untouched(emulator: &Emulator) {
    assert_eq!((emulator.message_count(), emulator.request_count()), (0, 0));
    assert!(emulator.pending_faults().is_empty());
}

#[test]
fn only_a_loopback_host_is_answered() {
    let emulator = start();
    for path in PATHS {
        for host in [
            "evil.example",
            "evil.example:8098",
            "localhost.evil.example",
            "10.0.0.1",
            "[::2]:8098",
            "0.0.0.0",
        ] {
            assert_eq!(status_as(&emulator, path, host), 421, "{path} {host}");
        }
    }
    assert_untouched(&emulator);
    for host in [
        "localhost",
        "LOCALHOST.:8098",
        "app.localhost:1",
        "127.0.0.1",
        "127.9.8.7:8098",
        "[::1]",
        "[::1]:8098",
    ] {
        assert_eq!(status_as(&emulator, "/_emulator/messages", host), 200, "{host}");
        assert_eq!(status_as(&emulator, PATHS[0], host), 200, "{host}");
    }
    assert_eq!(emulator.message_count(), 7);
}

#[test]
fn a_host_that_is_none_is_a_bad_request() {
    let emulator = start();
    for path in PATHS {
        for head in [
            "HTTP/1.0",
            "HTTP/1.1",
            "HTTP/1.1\r\nHost:",
            "HTTP/1.1\r\nHost: localhost\r\nHost: localhost",
            "HTTP/1.1\r\nHost: localhost\r\nHost: evil.example",
            "HTTP/1.1\r\nHost: user@localhost",
            "HTTP/1.1\r\nHost: localhost:port",
            "HTTP/1.1\r\nHost: localhost, evil.example",
            "HTTP/1.1\r\nHost: \u{6f0}.example",
        ] {
            assert_eq!(status(&emulator, &format!("GET {path} {head}\r\n\r\n")), 400, "{path} {head}");
        }
    }
    assert_untouched(&emulator);
    assert_eq!(status(&emulator, "GET /_emulator/health HTTP/1.0\r\nHost: localhost\r\n\r\n"), 200);
}

#[test]
fn the_host_of_a_whole_address_counts_too() {
    let emulator = start();
    let at = |host: &str| {
        status(&emulator, &format!("GET http://{host}/_emulator/health HTTP/1.1\r\nHost: localhost\r\n\r\n"))
    };
    assert_eq!((at("localhost:8098"), at("evil.example")), (200, 421));
}

#[test]
fn whoever_lets_others_in_says_what_they_call_it() {
    let health = "/_emulator/health";
    let named = Emulator::builder().allow_host("payamak-emulator").allow_host("Sms.Example.:80");
    let named = named.start_blocking().unwrap();
    for host in ["payamak-emulator:8080", "PAYAMAK-EMULATOR.", "sms.example", "localhost"] {
        assert_eq!(status_as(&named, health, host), 200, "{host}");
    }
    for host in ["x.payamak-emulator", "sms.example.org", "192.0.2.7"] {
        assert_eq!(status_as(&named, health, host), 421, "{host}");
    }
    let own = "Host: payamak-emulator:8080\r\nOrigin: http://payamak-emulator:8080";
    assert_eq!(status(&named, &format!("GET {health} HTTP/1.1\r\n{own}\r\n\r\n")), 200);

    let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
    let open = Emulator::builder().listen(everywhere).allow_non_loopback(true).start_blocking().unwrap();
    let own_url = open.address().to_string();
    for host in [own_url.as_str(), "192.0.2.7:8098", "[2001:db8::1]:8098", "localhost"] {
        assert_eq!(status_as(&open, health, host), 200, "{host}");
    }
    assert_eq!(status_as(&open, health, "evil.example"), 421, "a name can be pointed anywhere");

    for host in ["", "http://payamak-emulator", "a b", "*"] {
        let refused = Emulator::builder().allow_host(host).start_blocking();
        assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::InvalidInput, "{host}");
    }
}

#[test]
fn another_sites_page_is_not_answered() {
    let emulator = start();
    for path in PATHS {
        for lines in [
            "Origin: http://evil.example",
            "Origin: null",
            "Origin:",
            "Origin: http://localhost:3000",
            "Origin: https://localhost:8098",
            "Origin: http://localhost",
            "Origin: http://localhost:8098\r\nOrigin: http://evil.example",
            "Sec-Fetch-Site: cross-site",
            "Sec-Fetch-Site: same-site",
            "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site",
            "Sec-Fetch-Site: whatever",
            "Sec-Fetch-Site: same-origin\r\nOrigin: http://evil.example",
            "Sec-Fetch-Site: cross-site\r\nOrigin: http://localhost:8098",
        ] {
            let head = format!("GET {path} HTTP/1.1\r\nHost: localhost:8098\r\n{lines}\r\n\r\n");
            assert_eq!(status(&emulator, &head), 403, "{path} {lines}");
        }
    }
    let preflight = "OPTIONS /_emulator/faults HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\
                     Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n\r\n";
    assert_eq!(status(&emulator, preflight), 403);
    let headers = [("content-type", "text/plain"), ("origin", "http://evil.example")];
    let faults = r#"[{"then":"never"}]"#;
    assert_eq!(exchange(&emulator, "POST", "/_emulator/faults", &headers, faults).unwrap().status, 403);
    let headers = [("content-type", JSON), ("sec-fetch-site", "cross-site")];
    let send = bulk(1).to_string();
    assert_eq!(exchange(&emulator, "POST", "/api/V3/SendBulk", &headers, &send).unwrap().status, 403);
    assert_untouched(&emulator);
}

#[test]
fn its_own_page_and_a_typed_address_are_answered() {
    let emulator = start();
    for lines in [
        "Host: localhost:8098\r\nSec-Fetch-Site: none",
        "Host: localhost:8098\r\nSec-Fetch-Site: same-origin",
        "Host: localhost:8098\r\nSec-Fetch-Site: same-origin\r\nOrigin: http://localhost:8098",
        "Host: 127.0.0.1:8098\r\nOrigin: http://127.0.0.1:8098",
        "Host: [::1]\r\nOrigin: http://[::1]",
    ] {
        let head = format!("GET /_emulator/health HTTP/1.1\r\n{lines}\r\n\r\n");
        assert_eq!(status(&emulator, &head), 200, "{lines}");
    }
    let headers = [("content-type", JSON), ("sec-fetch-site", "same-origin"), ("origin", "http://localhost")];
    let faults = r#"[{"then":"close"}]"#;
    assert_eq!(exchange(&emulator, "POST", "/_emulator/faults", &headers, faults).unwrap().status, 204);
    assert_eq!(emulator.pending_faults(), [Fault::on_send().close()]);
}

#[test]
fn control_takes_json_that_says_so() {
    let emulator = start();
    v3(&emulator, "SendBulk", &bulk(1));
    let faults = r#"[{"then":"never"}]"#;
    for content_type in ["text/plain", "text/plain; application/json", FORM, "application/jsonp", ""] {
        let answer = post(&emulator, "/_emulator/faults", content_type, faults).unwrap();
        assert_eq!(answer.status, 415, "{content_type}");
        assert!(answer.json()["error"].is_string());
        assert_eq!(post(&emulator, "/_emulator/clear", content_type, "x").unwrap().status, 415);
    }
    assert_eq!(exchange(&emulator, "POST", "/_emulator/faults", &[], faults).unwrap().status, 415);
    assert!(emulator.pending_faults().is_empty());
    assert_eq!(emulator.message_count(), 1);
    for content_type in ["application/json", "Application/JSON ; charset=utf-8"] {
        assert_eq!(post(&emulator, "/_emulator/faults", content_type, "[]").unwrap().status, 204);
    }
    assert_eq!(exchange(&emulator, "POST", "/_emulator/clear", &[], "").unwrap().status, 204);
    assert_eq!(emulator.message_count(), 0);
}
