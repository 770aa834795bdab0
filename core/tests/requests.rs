//! What a client refuses to put into a request, before anything is sent; and what is left of one in memory.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod support {
    #[allow(dead_code, reason = "other tests need more of it")]
    pub(crate) mod server;
}

use payamak::niksms::{Dialect, NikSmsBuilder, SendOptions};
use payamak::{Destination, Error, ErrorKind, NikSms, PayamResan, PersonalMessage};
use serde_json::json;

use self::support::server::{Server, ok};

const ACCOUNT: &str = r#"{"Success":true,"ErrorCode":null,"Error":null,"Result":{"Credit":125000,"AvailableSenders":[30004040]}}"#;

fn niksms(dialect: Dialect, url: &str) -> NikSmsBuilder {
    let builder = NikSms::builder().dialect(dialect).username("demo").password("demo").api_key("demo-key");
    builder.sender("50001234").base_url(url)
}

fn refused(error: &Error) -> (ErrorKind, Option<&str>) {
    (error.kind(), error.field())
}

#[tokio::test]
async fn a_raw_call_stays_below_the_base_address() {
    let server = Server::start(|_, _| ok(ACCOUNT)).await;
    let payam_resan = PayamResan::builder()
        .api_key("demo-key")
        .base_url(format!("{}/api/V3/", server.url()))
        .build()
        .unwrap();
    let niksms = niksms(Dialect::PublicApi, &format!("{}/fa/PublicApi/", server.url())).build().unwrap();
    for path in [
        "",
        "/",
        "../../../admin",
        "a/../../../../admin",
        "a/..",
        ".",
        "./a",
        "/admin",
        "//other.example/admin",
        "https://other.example/admin",
        "..\\..\\admin",
        "a\\b",
        "%2e%2e/admin",
        "a%2Fb",
        "a?ApiKey=other",
        "a#b",
        "a b",
        "a\r\nHost: other.example",
        "a/",
        "ارسال",
    ] {
        let error = payam_resan.raw(path, &serde_json::Map::new()).await.unwrap_err();
        assert_eq!(refused(&error), (ErrorKind::InvalidInput, Some("path")), "{path:?}");
        let error = niksms.raw(path, &[]).await.unwrap_err();
        assert_eq!(refused(&error), (ErrorKind::InvalidInput, Some("path")), "{path:?}");
    }
    assert!(server.requests().is_empty());
    payam_resan.raw("Account/Info.v2", &serde_json::Map::new()).await.unwrap();
    niksms.raw("Get_Credit-2~", &[]).await.unwrap();
    let requests = server.requests();
    assert!(requests[0].starts_with("POST /api/V3/Account/Info.v2 HTTP/1.1\r\n"), "{requests:?}");
    assert!(requests[1].starts_with("POST /fa/PublicApi/Get_Credit-2~ HTTP/1.1\r\n"), "{requests:?}");
}

#[tokio::test]
async fn a_raw_call_carries_the_credentials_once() {
    let server = Server::start(|_, _| ok(ACCOUNT)).await;
    let payam_resan = PayamResan::builder().api_key("demo-key").base_url(server.url()).build().unwrap();
    for name in ["ApiKey", "apikey", "APIKEY"] {
        let fields = json!({ "Text": "سلام", name: "other-key" });
        let error = payam_resan.raw("Any", fields.as_object().unwrap()).await.unwrap_err();
        assert_eq!(refused(&error), (ErrorKind::InvalidInput, Some(&*format!("fields.{name}"))));
    }
    for dialect in [Dialect::PublicApi, Dialect::V2] {
        let niksms = niksms(dialect, &server.url()).build().unwrap();
        for name in ["username", "Password"] {
            let error = niksms.raw("Any", &[("message", "سلام"), (name, "other")]).await.unwrap_err();
            assert_eq!(refused(&error), (ErrorKind::InvalidInput, Some(&*format!("fields.{name}"))));
        }
    }
    assert!(server.requests().is_empty());
    payam_resan.raw("Any", json!({ "Text": "سلام" }).as_object().unwrap()).await.unwrap();
    payam_resan.raw("Any", &serde_json::Map::new()).await.unwrap();
    let bodies =
        server.requests().into_iter().map(|request| request.split_once("\r\n\r\n").unwrap().1.to_owned());
    let bodies: Vec<serde_json::Value> = bodies.map(|body| serde_json::from_str(&body).unwrap()).collect();
    assert_eq!(bodies, [json!({ "ApiKey": "demo-key", "Text": "سلام" }), json!({ "ApiKey": "demo-key" })]);
}

#[tokio::test]
async fn what_xml_cannot_carry_is_refused_by_its_name() {
    let server = Server::start(|_, _| ok("")).await;
    for bad in ["demo\u{0}", "demo\u{1b}", "demo\u{fffe}"] {
        let soap = || niksms(Dialect::Soap, &server.url());
        for (setting, builder) in [
            ("username", soap().username(bad)),
            ("password", soap().password(bad)),
            ("sender", soap().sender(bad)),
        ] {
            let error = builder.build().unwrap_err();
            assert_eq!(refused(&error), (ErrorKind::Configuration, Some(setting)), "{bad:?}");
            assert!(!error.to_string().contains(bad), "{error}");
        }
        let gateway = soap().build().unwrap();
        let options = SendOptions::default().sender(bad);
        let to = [Destination::new("09121112222", None)];
        let error = gateway.group_sms("سلام", &to, &options).await.unwrap_err();
        assert_eq!(refused(&error), (ErrorKind::InvalidInput, Some("sender")));
        let messages = [PersonalMessage::new("09121112222", "سلام")];
        let error = gateway.ptp_sms(&messages, &options).await.unwrap_err();
        assert_eq!(refused(&error), (ErrorKind::InvalidInput, Some("sender")));
        // A messenger refuses the one message, and sends the others of its request.
        let messenger = payamak::Messenger::builder().gateway(gateway).build().unwrap();
        let log =
            messenger.send_each([payamak::Message::new("09121112222", "سلام").sender(bad)]).await.unwrap();
        let error = log[0].error.as_ref().unwrap();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.field().unwrap().ends_with("sender"), "{error}");
        // The other dialects have a way to write it.
        niksms(Dialect::PublicApi, &server.url()).username(bad).build().unwrap();
    }
    assert!(server.requests().is_empty());
}

#[test]
fn no_request_has_more_recipients_than_an_answer_may_have_rows() {
    for (count, is_possible) in [(1, true), (10_000, true), (10_001, false), (0, false)] {
        let built = niksms(Dialect::PublicApi, "http://127.0.0.1:1").max_recipients(count).build();
        assert_eq!(built.is_ok(), is_possible, "{count}");
        if let Err(error) = built {
            assert_eq!(refused(&error), (ErrorKind::Configuration, Some("max_recipients")));
        }
    }
}

/// The bodies that carried the key, and the client's own copies, are gone when the client is.
#[cfg(target_os = "linux")]
mod memory {
    use std::io::{Read as _, Seek as _, SeekFrom};
    use std::process::Command;

    use zeroize::Zeroizing;

    use super::{Destination, Dialect, ErrorKind, NikSms, PayamResan, SendOptions, Server, ok};

    const GATEWAY: &str = "PAYAMAK_TEST_GATEWAY";

    #[tokio::test]
    async fn nothing_of_the_key_is_left() {
        let server = Server::start(|_, _| ok("{}")).await;
        let url = server.url();
        let child = move || {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "memory::child_that_forgets", "--nocapture"])
                .env(GATEWAY, url)
                .status()
        };
        assert!(tokio::task::spawn_blocking(child).await.unwrap().unwrap().success());
        assert!(server.requests().len() >= 60, "the child sent nothing");
    }

    /// Has nothing to do in the parent.
    #[tokio::test]
    async fn child_that_forgets() {
        #[allow(clippy::disallowed_methods, reason = "a child learns from its parent")]
        let Ok(url) = std::env::var(GATEWAY) else { return };
        // Never whole in one place but in the client: the two halves are put together in it.
        let halves = ["Zq7-forget", "-me-Xk9w-"];
        let number = std::process::id().to_string();
        let whole = || [halves[0], halves[1], &number].concat();
        {
            let payam_resan =
                PayamResan::builder().api_key(whole()).sender("30004040").base_url(&url).build().unwrap();
            let clients = [Dialect::Soap, Dialect::PublicApi, Dialect::WebService].map(|dialect| {
                let builder = NikSms::builder().dialect(dialect).username("demo").password(whole());
                builder.api_key(whole()).sender("50001234").base_url(&url).build().unwrap()
            });
            let to = [Destination::new("09121112222", None)];
            for _ in 0..20 {
                let error = payam_resan.send_bulk("سلام", &to, None).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Decode);
                for client in &clients {
                    client.group_sms("سلام", &to, &SendOptions::default()).await.unwrap_err();
                }
            }
            assert!(copies(&halves, &number) > 0, "the search finds nothing");
        }
        // The connections end with the client, and what was written to them is dropped there.
        loop {
            let left = copies(&halves, &number);
            println!("{left} copies left");
            if left == 0 {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    /// How often the key stands in this process's memory.
    fn copies(halves: &[&str; 2], number: &str) -> usize {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let mut memory = std::fs::File::open("/proc/self/mem").unwrap();
        let mut found = 0;
        for line in maps.lines().filter(|line| line.contains(" rw") && !line.contains("[v")) {
            let (start, rest) = line.split_once('-').unwrap();
            let (end, _) = rest.split_once(' ').unwrap();
            let [start, end] = [start, end].map(|address| u64::from_str_radix(address, 16).unwrap());
            // Wiped, so that it is not found the next time.
            let mut bytes = Zeroizing::new(vec![0; usize::try_from(end - start).unwrap()]);
            if memory.seek(SeekFrom::Start(start)).is_err() || memory.read_exact(&mut bytes).is_err() {
                continue;
            }
            let (first, second) = (halves[0].as_bytes(), [halves[1], number].concat().into_bytes());
            let length = first.len() + second.len();
            let is_whole = |window: &[u8]| window.starts_with(first) && window[first.len()..] == second[..];
            let begins = bytes.iter().enumerate().filter(|(_, byte)| **byte == first[0]);
            found += begins
                .filter_map(|(at, _)| bytes.get(at..at + length))
                .filter(|window| is_whole(window))
                .count();
        }
        found
    }
}
