//! An HTTP client small enough to see every byte of an answer, or its absence.
#![allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use payamak_emulator::Emulator;
use serde_json::Value;

pub const JSON: &str = "application/json; charset=utf-8";
pub const FORM: &str = "application/x-www-form-urlencoded";
pub const XML: &str = "text/xml; charset=utf-8";

/// A hanging test is a failing test, in the end.
const PATIENCE: Duration = Duration::from_secs(20);

pub fn start() -> Emulator {
    // Time stands still unless a test moves it.
    Emulator::builder().speed(0.0).start_blocking().unwrap()
}

#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
    /// Whether the body is as long as the head says.
    pub complete: bool,
}

impl Response {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

pub struct Connection(TcpStream);

impl Connection {
    pub fn open(emulator: &Emulator) -> Self {
        Self::to(emulator.address())
    }

    pub fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    pub fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) {
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            request.extend([name, ": ", value, "\r\n"]);
        }
        request += "\r\n";
        request += body;
        self.send_raw(&request);
    }

    pub fn send_raw(&mut self, bytes: &str) {
        self.0.write_all(bytes.as_bytes()).unwrap();
    }

    /// The answer; none if the connection ends before its first byte.
    pub fn answer(&mut self) -> Option<Response> {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            match self.0.read(&mut byte).unwrap() {
                0 if head.is_empty() => return None,
                0 => panic!("the head ends early: {head:?}"),
                _ => head.push(byte[0]),
            }
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: u64 = length.map_or(0, |length| length.parse().unwrap());
        let mut body = Vec::new();
        Read::take(&mut self.0, length).read_to_end(&mut body).unwrap();
        let complete = body.len() as u64 == length;
        Some(Response { status, head, body, complete })
    }

    /// Whether the other side ends the connection without another byte. Waits for it.
    pub fn is_closed(&mut self) -> bool {
        matches!(self.0.read(&mut [0]), Ok(0))
    }

    /// Whether nothing has come so far, on a connection that is still open.
    pub fn is_silent(&mut self) -> bool {
        self.0.set_nonblocking(true).unwrap();
        let silent = matches!(self.0.read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        self.0.set_nonblocking(false).unwrap();
        silent
    }
}

pub fn exchange(
    emulator: &Emulator,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Option<Response> {
    let mut connection = Connection::open(emulator);
    connection.send(method, path, headers, body);
    connection.answer()
}

pub fn get(emulator: &Emulator, path: &str) -> Response {
    exchange(emulator, "GET", path, &[], "").unwrap()
}

pub fn post(emulator: &Emulator, path: &str, content_type: &str, body: &str) -> Option<Response> {
    exchange(emulator, "POST", path, &[("content-type", content_type)], body)
}

/// A POST to Payam Resan.
pub fn v3(emulator: &Emulator, operation: &str, body: &Value) -> Value {
    post(emulator, &format!("/api/V3/{operation}"), JSON, &body.to_string()).unwrap().json()
}

/// A text to `09121112222`, with this trace id.
pub fn bulk(trace_id: i64) -> Value {
    batch([trace_id])
}

/// A text to `09121112222`, once for each trace id.
pub fn batch(trace_ids: impl IntoIterator<Item = i64>) -> Value {
    let recipient =
        |trace_id| serde_json::json!({ "Destination": 9_121_112_222_i64, "UserTraceId": trace_id });
    let recipients: Vec<_> = trace_ids.into_iter().map(recipient).collect();
    serde_json::json!({ "ApiKey": "demo-key", "Text": "سلام", "Sender": 30_004_040, "Recipients": recipients })
}

/// What Payam Resan answers about trace ids.
pub fn ask(emulator: &Emulator, trace_ids: &[i64]) -> Value {
    let body = serde_json::json!({ "ApiKey": "demo-key", "UserTraceIds": trace_ids });
    v3(emulator, "StatusByUserTraceId", &body)
}

/// What Payam Resan answers about ids of its own.
pub fn ask_by_id(emulator: &Emulator, ids: &[i64]) -> Value {
    v3(emulator, "StatusById", &serde_json::json!({ "ApiKey": "demo-key", "Ids": ids }))
}

/// The status code of a trace id at Payam Resan.
pub fn status_of(emulator: &Emulator, trace_id: i64) -> i64 {
    ask(emulator, &[trace_id])["Result"][0]["StatusCode"].as_i64().unwrap()
}

/// A form post to a dialect of `NikSMS`, with the demo account.
pub fn form(emulator: &Emulator, path: &str, fields: &[(&str, &str)]) -> Option<Response> {
    let account = [("username", "demo"), ("password", "demo-password")];
    let form =
        form_urlencoded::Serializer::new(String::new()).extend_pairs(account).extend_pairs(fields).finish();
    post(emulator, path, FORM, &form)
}

/// A call over the public-api dialect of `NikSMS`.
pub fn public_api(emulator: &Emulator, operation: &str, fields: &[(&str, &str)]) -> Response {
    form(emulator, &format!("/fa/PublicApi/{operation}"), fields).unwrap()
}

/// A call over the web-service dialect of `NikSMS`.
pub fn web_service(emulator: &Emulator, path: &str, mut body: Value) -> Option<Response> {
    body["ApiKey"] = "demo-niksms-key".into();
    post(emulator, &format!("/api/v1/web-service/{path}"), JSON, &body.to_string())
}

/// A SOAP call with the demo account; `arguments` follow the security element.
pub fn soap(emulator: &Emulator, operation: &str, arguments: &str) -> Response {
    try_soap(emulator, operation, arguments).unwrap()
}

fn try_soap(emulator: &Emulator, operation: &str, arguments: &str) -> Option<Response> {
    let envelope = format!(
        r#"<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>
           <t:{operation} xmlns:t="http://tempuri.org/" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">
           <t:security><t:Username>demo</t:Username><t:Password>demo-password</t:Password></t:security>
           {arguments}</t:{operation}></e:Body></e:Envelope>"#
    );
    let action = format!("\"http://tempuri.org/INiksmsWebservice/{operation}\"");
    let headers = [("content-type", XML), ("soapaction", &action)];
    exchange(emulator, "POST", "/NiksmsWebservice.svc", &headers, &envelope)
}

/// The dialects of `NikSMS`. Of them, `v2` sends one message a request.
pub const DIALECTS: [&str; 4] = ["public-api", "soap", "v2", "web-service"];

/// One text over a dialect of `NikSMS`, to a number for each client id.
pub fn niksms(emulator: &Emulator, dialect: &str, text: &str, messages: &[(&str, i64)]) -> Option<Response> {
    let numbers: Vec<_> = messages.iter().map(|(number, _)| (*number).to_owned()).collect();
    let ids: Vec<_> = messages.iter().map(|(_, id)| id.to_string()).collect();
    match dialect {
        "public-api" => {
            let fields = [
                ("message", text),
                ("numbers", &numbers.join(",")),
                ("senderNumber", "50001234"),
                ("yourMessageIds", &ids.join(",")),
            ];
            form(emulator, "/fa/PublicApi/GroupSms", &fields)
        }
        "soap" => {
            let model = format!(
                "<t:model><t:SenderNumber>50001234</t:SenderNumber>\
                 <t:Numbers><t:string>{}</t:string></t:Numbers>\
                 <t:YourMessageId><t:long>{}</t:long></t:YourMessageId>\
                 <t:Message>{text}</t:Message></t:model>",
                numbers.join("</t:string><t:string>"),
                ids.join("</t:long><t:long>"),
            );
            try_soap(emulator, "GroupSms", &model)
        }
        "v2" => {
            let ([number], [id]) = (numbers.as_slice(), ids.as_slice()) else {
                panic!("v2 sends one message")
            };
            let fields =
                [("message", text), ("recipient", number), ("senderNumber", "50001234"), ("localId", id)];
            form(emulator, "/api/v2/send/one", &fields)
        }
        "web-service" => {
            let recipient = |(number, id)| serde_json::json!({ "Phone": number, "MessageId": id });
            let recipients: Vec<_> = numbers.iter().zip(&ids).map(recipient).collect();
            let body = serde_json::json!({
                "SenderNumber": "50001234", "Message": text, "Recipients": recipients,
            });
            web_service(emulator, "sms/send/group", body)
        }
        other => panic!("there is no dialect {other}"),
    }
}

/// The send result that a `NikSMS` dialect answers with: a number, over soap a name.
pub fn niksms_result(dialect: &str, answer: &Response) -> String {
    match dialect {
        "public-api" => answer.json()["Status"].to_string(),
        "v2" => answer.json()["Data"]["Status"].to_string(),
        "web-service" => answer.json()["data"]["result"]["status"].to_string(),
        _ => between(answer.text(), "<Status>", "</Status>").remove(0).to_owned(),
    }
}

/// Everything that stands between these two marks.
pub fn between<'a>(text: &'a str, start: &str, end: &str) -> Vec<&'a str> {
    text.split(start).skip(1).map(|rest| rest.split_once(end).unwrap().0).collect()
}

/// Waits for what another thread is about to do.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}
