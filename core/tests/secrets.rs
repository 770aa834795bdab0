//! Nothing that prints itself, wanted or not, prints a credential, a recipient's number or a text.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support {
    #[allow(dead_code, reason = "other tests need more of it")]
    pub(crate) mod server;
}

use std::fmt::{Debug, Display};
use std::time::Duration;

use futures_util::StreamExt as _;
use payamak::niksms::{Dialect, NikSmsBuilder, SendOptions};
use payamak::payam_resan::{PayamResanBuilder, TemplateMessage};
use payamak::{
    Destination, Error, ErrorKind, Message, MessageId, Messenger, Msisdn, NikSms, PayamResan,
    PersonalMessage, Receipt, Recipient, Recipients, TraceId,
};
use payamak_emulator::{Emulator, Fault, IncomingMessage};
use serde::Serialize;

use self::support::server::{Reply, Server, answer, ok};

/// Full of what has to be escaped somewhere: in an address, a form, XML, JSON.
const KEY: &str = "key/9f3a+71c2 &\"<\\>'%41کلید";
const PASSWORD: &str = "password/77b1+e0 &\"<\\>'%41رمز";
const USERNAME: &str = "username-55aa";
const NUMBER: &str = "09121112222";
const TEXT: &str = "کد ورود شما <481516> & پایان";
const ONE_TIME: &str = "481516";

/// Where nothing listens.
const CLOSED: &str = "http://127.0.0.1:1";

fn assert_holds_nothing(what: &str, shown: &str) {
    let national = &NUMBER[1..];
    for private in
        [KEY, "9f3a", PASSWORD, "77b1", USERNAME, national, "۹۱۲۱۱۱۲۲۲۲", TEXT, "کد ورود", ONE_TIME]
    {
        assert!(!shown.contains(private), "{what} shows {private}: {shown}");
    }
}

fn check(what: &str, value: &impl Debug) {
    assert_holds_nothing(what, &format!("{value:?}"));
    assert_holds_nothing(what, &format!("{value:#?}"));
}

fn check_error(error: &(impl Debug + Display + Serialize)) {
    check("an error", error);
    assert_holds_nothing("an error", &error.to_string());
    assert_holds_nothing("an error", &format!("{error:#}"));
    assert_holds_nothing("an error", &serde_json::to_string(error).unwrap());
}

fn payam_resan(url: &str) -> PayamResanBuilder {
    PayamResan::builder().api_key(KEY).sender("30004040").base_url(url).read_attempts(1)
}

fn niksms(dialect: Dialect, url: &str) -> NikSmsBuilder {
    let builder = NikSms::builder().dialect(dialect).username(USERNAME).password(PASSWORD).api_key(KEY);
    builder.sender("50001234").base_url(url).read_attempts(1).v2_delivery_path("sms/delivery")
}

const DIALECTS: [Dialect; 4] = [Dialect::Soap, Dialect::PublicApi, Dialect::V2, Dialect::WebService];

fn one_time() -> [String; 1] {
    [ONE_TIME.to_owned()]
}

/// The errors of every call that carries something private.
async fn failures(url: &str) -> Vec<Error> {
    let mut errors = Vec::new();
    let gateway = payam_resan(url).build().unwrap();
    let recipients = [Destination::new(NUMBER, Some(TraceId::new(7)))];
    let messages = [PersonalMessage::new(NUMBER, TEXT).trace_id(TraceId::new(7))];
    errors.extend(gateway.send(TEXT, &[NUMBER.into()], None).await.err());
    errors.extend(gateway.send_bulk(TEXT, &recipients, None).await.err());
    errors.extend(gateway.send_multiple(&messages).await.err());
    errors.extend(gateway.send_token_single(TEXT, NUMBER, &one_time()).await.err());
    errors.extend(gateway.send_token_single_by_get(TEXT, NUMBER, &one_time()).await.err());
    errors.extend(gateway.send_token_multi(TEXT, &[TemplateMessage::new(NUMBER, one_time())]).await.err());
    errors.extend(gateway.account_info().await.err());
    errors.extend(gateway.get_inbox().await.err());
    let fields = serde_json::json!({ "Text": TEXT, "Destination": NUMBER });
    errors.extend(gateway.raw("Unknown", fields.as_object().unwrap()).await.err());
    for dialect in DIALECTS {
        let gateway = niksms(dialect, url).build().unwrap();
        let options = SendOptions::default();
        errors.extend(gateway.group_sms(TEXT, &recipients, &options).await.err());
        errors.extend(gateway.ptp_sms(&messages, &options).await.err());
        errors.extend(gateway.send_one(TEXT, NUMBER, None, &options).await.err());
        errors.extend(gateway.send_otp(TEXT, NUMBER, None, &options).await.err());
        errors.extend(gateway.get_sms_delivery(&[MessageId::new(7)]).await.err());
        errors.extend(gateway.get_credit().await.err());
        errors.extend(gateway.get_panel_expire_date().await.err());
        errors.extend(gateway.get_receive_sms(None, None).await.err());
        errors.extend(gateway.raw("Unknown", &[("message", TEXT), ("numbers", NUMBER)]).await.err());
    }
    errors
}

#[test]
fn clients_and_their_settings() {
    let payam_resan = payam_resan(CLOSED).proxy(format!("http://{USERNAME}:77b1@127.0.0.1:2"));
    check("a builder", &payam_resan);
    check("a client", &payam_resan.build().unwrap());
    for dialect in DIALECTS {
        let niksms = niksms(dialect, CLOSED);
        check("a builder", &niksms);
        check("a client", &niksms.build().unwrap());
    }
    // An address with a password is refused; until then it is not shown either.
    for url in [format!("https://{USERNAME}:77b1@127.0.0.1/"), "https://127.0.0.1/?ApiKey=9f3a".to_owned()] {
        let builder = PayamResan::builder().api_key(KEY).base_url(&url);
        check("a builder", &builder);
        check_error(&builder.build().unwrap_err());
        let builder = niksms(Dialect::PublicApi, &url);
        check("a builder", &builder);
        check_error(&builder.build().unwrap_err());
    }
    let messenger = Messenger::builder().gateway(payam_resan_at(CLOSED)).gateway(niksms_at(CLOSED));
    check("a builder", &messenger);
    check("a messenger", &messenger.build().unwrap());
}

fn payam_resan_at(url: &str) -> PayamResan {
    payam_resan(url).build().unwrap()
}

fn niksms_at(url: &str) -> NikSms {
    niksms(Dialect::PublicApi, url).build().unwrap()
}

#[test]
fn messages_and_recipients() {
    for number in [NUMBER, "+98 912 111 2222", "۰۹۱۲۱۱۱۲۲۲۲", "9121112222", "00989121112222"] {
        check("a number", &Msisdn::parse(number).unwrap());
        check("a recipient", &Recipient::from(number));
    }
    // What is no number may be anything: a number with one digit too many, or an argument in the wrong place.
    for invalid in ["091211122223", "+9121112222", TEXT, ONE_TIME, PASSWORD] {
        check("a recipient", &Recipient::from(invalid));
        check_error(&Msisdn::parse(invalid).unwrap_err());
    }
    check("recipients", &Recipients::from([NUMBER, NUMBER]));
    check("a recipient", &Recipients::from(NUMBER));
    check("a destination", &Destination::new(NUMBER, Some(TraceId::new(7))));
    check("a message", &PersonalMessage::new(NUMBER, TEXT));
    check("a message", &TemplateMessage::new(NUMBER, one_time()));
    check("a message", &Message::new(NUMBER, TEXT).sender("30004040").trace_id(TraceId::new(7)).once());
    check("a message", &Message::new(NUMBER, TEXT).key(format!("login:{NUMBER}")));
    check("a message", &Message::template("login", NUMBER, one_time()));
    check("options", &SendOptions::default().sender("50001234"));
    check("a receipt", &Receipt::restore(NUMBER, "payam-resan", TraceId::new(7), None));
}

#[tokio::test]
async fn errors_of_every_kind() {
    let emulator =
        Emulator::builder().payam_resan_key(KEY).niksms_account(USERNAME, PASSWORD).niksms_key(KEY);
    let emulator = emulator.start().await.unwrap();
    let url = emulator.url();
    let mut errors = failures(CLOSED).await;
    for fault in [
        Fault::on_any().code(1),
        Fault::on_any().code(2),
        Fault::on_any().code(12),
        Fault::on_any().code(15),
        Fault::on_any().code(19),
        Fault::on_any().code(20),
        Fault::on_any().code(100),
        Fault::on_any().code(777),
        Fault::on_any().status(401),
        Fault::on_any().status(404),
        Fault::on_any().status(503),
        Fault::on_any().garbage(),
        Fault::on_any().html(),
        Fault::on_any().half(),
        Fault::on_any().close(),
    ] {
        emulator.add_fault(fault.forever());
        errors.extend(failures(&url).await);
        emulator.clear();
    }
    emulator.add_fault(Fault::on_any().never());
    let hasty = payam_resan(&url).timeout(Duration::from_millis(200)).build().unwrap();
    errors.push(hasty.send(TEXT, &[NUMBER.into()], None).await.unwrap_err());

    let gateway = payam_resan(&url).build().unwrap();
    for invalid in ["091211122223", TEXT, ONE_TIME] {
        errors.push(gateway.send(TEXT, &[invalid.into()], None).await.unwrap_err());
        errors.push(gateway.send_multiple(&[PersonalMessage::new(invalid, TEXT)]).await.unwrap_err());
        errors.push(gateway.send_token_single("login", invalid, &one_time()).await.unwrap_err());
    }
    let too_many = vec![ONE_TIME.to_owned(); 11];
    errors.push(gateway.send_token_single("login", NUMBER, &too_many).await.unwrap_err());
    errors.push(PayamResan::builder().base_url(CLOSED).build().unwrap_err());
    errors.push(TEXT.parse::<TraceId>().unwrap_err());
    errors.push(TEXT.parse::<Dialect>().unwrap_err());
    errors.push(PASSWORD.parse::<Dialect>().unwrap_err());

    let messenger = Messenger::builder().gateway(gateway).build().unwrap();
    let sending = messenger.send(TEXT, [NUMBER, NUMBER]);
    check("a send", &sending);
    let log = sending.log();
    check("a log", &log);
    drop(sending);
    errors.extend(log.receipts().into_iter().filter_map(|receipt| receipt.error));

    for kind in [
        ErrorKind::Configuration,
        ErrorKind::InvalidInput,
        ErrorKind::Connect,
        ErrorKind::Timeout,
        ErrorKind::Decode,
        ErrorKind::Authentication,
        ErrorKind::Access,
        ErrorKind::RateLimit,
        ErrorKind::Limit,
        ErrorKind::Credit,
        ErrorKind::Request,
        ErrorKind::Unavailable,
        ErrorKind::Canceled,
    ] {
        assert!(errors.iter().any(|error| error.kind() == kind), "no {kind:?} among the errors");
    }
    errors.iter().for_each(check_error);
}

/// Everything that a gateway can repeat of a request, where it may stand: in an error's text, a page, broken JSON.
#[tokio::test]
async fn a_gateway_that_repeats_what_it_was_sent() {
    let refuse = |request: &str| {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let query = head.lines().next().and_then(|line| line.split(['?', ' ']).nth(2)).unwrap();
        let fields = if body.starts_with(['{', '<']) {
            ""
        } else {
            [query, body].into_iter().max_by_key(|fields| fields.len()).unwrap()
        };
        let decoded =
            form_urlencoded::parse(fields.as_bytes()).map(|(name, value)| format!("{name}={value}\n"));
        let mut words: String = decoded.collect();
        for secret in [("9f3a", KEY), ("77b1", PASSWORD)] {
            if request.contains(secret.0) {
                let encoded: String = form_urlencoded::byte_serialize(secret.1.as_bytes()).collect();
                words += &[secret.1, &encoded, &encoded.replace('+', "%20"), ""].join(" ");
            }
        }
        format!("{NUMBER} ۰۹۱۲۱۱۱۲۲۲۲ {words}")
    };
    let servers = [
        Server::start(move |_, request| {
            let words = serde_json::json!(refuse(request));
            ok(&format!(r#"{{"Success":false,"ErrorCode":9,"Error":{words},"Exception":{words}}}"#))
        })
        .await,
        Server::start(move |_, request| {
            let words = serde_json::json!(refuse(request));
            ok(&format!(r#"{{"Status":5,"WarningMessage":{words},"isSuccess":false,"message":{words}}}"#))
        })
        .await,
        Server::start(|_, request| ok(&format!("<html>{request}"))).await,
        Server::start(|_, request| ok(&format!("{{\"Success\": {request}"))).await,
        Server::start(|_, request| ok(request)).await,
        Server::start(|_, request| answer("500 Internal Server Error", "", request)).await,
        Server::start(|_, request| answer("400 Bad Request", "", request)).await,
        Server::start(|_, request| Reply::Say(format!("HTTP/1.1 {request}\r\n\r\n"))).await,
    ];
    let mut refused_in_words = 0;
    for server in &servers {
        for error in failures(&server.url()).await {
            check_error(&error);
            refused_in_words += usize::from(error.gateway_text().is_some());
            // For who asks there is more, what was repeated excepted.
            for more in [error.gateway_text(), error.body_excerpt()].into_iter().flatten() {
                assert_holds_nothing("what is kept", more);
            }
        }
    }
    assert!(refused_in_words > 10, "{refused_in_words}");
}

#[tokio::test]
async fn what_comes_back() {
    let emulator =
        Emulator::builder().payam_resan_key(KEY).niksms_account(USERNAME, PASSWORD).start().await.unwrap();
    let payam_resan = payam_resan_at(&emulator.url());
    let niksms = niksms_at(&emulator.url());
    let recipients = [Destination::new(NUMBER, Some(TraceId::new(7)))];
    check("what was sent", &payam_resan.send_bulk(TEXT, &recipients, None).await.unwrap());
    check("statuses", &payam_resan.status_by_trace_id(&[TraceId::new(7)]).await.unwrap());
    check("the account", &payam_resan.account_info().await.unwrap());
    let sent = payam_resan.send_token_single("verify", NUMBER, &one_time()).await.unwrap();
    assert!(sent.iter().any(|sent| sent.text.as_deref().is_some_and(|text| text.contains(ONE_TIME))));
    check("what was sent", &sent);
    let batch = niksms.group_sms(TEXT, &recipients, &SendOptions::default()).await.unwrap();
    check("a batch", &batch);
    check("statuses", &niksms.get_sms_delivery(&batch.message_ids).await.unwrap());

    for line in ["30004040", "50001234"] {
        emulator.receive(IncomingMessage::new(NUMBER, line, TEXT)).unwrap();
    }
    let inbox = payam_resan.get_inbox().await.unwrap();
    assert!(inbox.iter().any(|message| message.text == TEXT));
    check("an inbox", &inbox);
    check("an inbox", &niksms.get_receive_sms(None, None).await.unwrap());

    let messenger = Messenger::builder().gateway(payam_resan).gateway(niksms).build().unwrap();
    let report = messenger.send(TEXT, [NUMBER, "0912111222"]).await.unwrap();
    assert_eq!((report.accepted().count(), report.rejected().count()), (1, 1));
    check("a report", &report);
    let receipts = report.into_receipts();
    check("receipts", &receipts);
    check("deliveries", &messenger.delivery(&receipts).await);
    check("balances", &messenger.balance().await);
    emulator.receive(IncomingMessage::new(NUMBER, "30004040", TEXT)).unwrap();
    let mut received = std::pin::pin!(messenger.receive(Duration::from_secs(1)));
    check("what was received", &received.next().await.unwrap().unwrap());
}
