//! What a hostile answer may cost in memory: alone in its process, whose allocator counts.

#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support {
    #[allow(dead_code, reason = "other tests need more of it")]
    pub(crate) mod server;
}

use payamak::niksms::{Dialect, NikSmsBuilder};
use payamak::payam_resan::PayamResanBuilder;
use payamak::{ErrorKind, NikSms, Outcome, PayamResan};
use peak_alloc::PeakAlloc;

use self::support::server::{Server, ok};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

fn payam_resan(url: &str) -> PayamResanBuilder {
    PayamResan::builder().api_key("demo-key").base_url(url)
}

fn niksms(url: &str) -> NikSmsBuilder {
    let builder = NikSms::builder().dialect(Dialect::Soap).username("demo").password("demo");
    builder.base_url(url)
}

#[tokio::test]
async fn an_answer_of_empty_rows_costs_little_more_than_itself() {
    let rows = |row: &str, bytes: usize| row.repeat(bytes / row.len());
    let of_v3 = format!(r#"{{"Success":true,"Result":[{}{{}}]}}"#, rows("{},", 8_300_000));
    let of_soap = |bytes| {
        format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><GetReceiveSmsResponse \
             xmlns=\"http://tempuri.org/\"><GetReceiveSmsResult>{}</GetReceiveSmsResult></GetReceiveSmsResponse></s:Body>\
             </s:Envelope>",
            rows("<a/>", bytes)
        )
    };
    for (what, body) in [("rows", of_v3), ("elements", of_soap(8_300_000)), ("messages", of_soap(50_000))] {
        let length = body.len();
        let server = Server::start(move |_, _| ok(&body)).await;
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let error = if what == "rows" {
            payam_resan(&server.url()).build().unwrap().get_inbox().await.unwrap_err()
        } else {
            niksms(&server.url()).build().unwrap().get_receive_sms(None, None).await.unwrap_err()
        };
        let cost = MEMORY.peak_usage() - before;
        println!("{length} bytes of empty {what}: {} MiB, {error}", cost >> 20);
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Decode, Outcome::Unclear), "{error}");
        // The server in this process holds the body three times on the way out.
        assert!(cost < 4 * length + (24 << 20), "{cost} bytes for {length}");
    }
}
