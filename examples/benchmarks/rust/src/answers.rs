//! An answer to every request, at once: the gateways' own paths, and those of the clients that are measured beside payamak.
//!
//! No state, no checks: the emulator is the gateway, this is the fastest other end there can be. Ids have their real
//! length, and statuses come with the texts that the gateway sends beside them.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, Ordering};

use serde::Deserialize;

const JSON: &str = "application/json; charset=utf-8";
const XML: &str = "text/xml; charset=utf-8";

/// Eighteen digits, as NikSMS has them, and beyond 2^53.
static NEXT_ID: AtomicI64 = AtomicI64::new(639_000_000_000_000_001);

/// An answer: its content type and its body.
pub struct Answer {
    /// The `Content-Type`.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

fn json(body: impl Into<String>) -> Answer {
    Answer { content_type: JSON, body: body.into() }
}

fn next_id() -> i64 {
    NEXT_ID.fetch_add(1, Ordering::Relaxed)
}

/// Whether Payam Resan is asked there what became of a message, rather than given one.
#[must_use]
pub fn is_question(path: &str) -> bool {
    path.starts_with("/api/V3/Status")
}

/// What `path` answers to `body`; `None` where there is no such path.
#[must_use]
pub fn answer(path: &str, body: &[u8], soap_action: &str) -> Option<Answer> {
    if let Some(operation) = path.strip_prefix("/api/V3/") {
        payam_resan(operation, body)
    } else if path == "/NiksmsWebservice.svc" {
        soap(soap_action, body)
    } else if let Some(operation) = path.strip_prefix("/fa/PublicApi/") {
        public_api(operation, body)
    } else if let Some(operation) = path.strip_prefix("/api/v2/") {
        v2(operation, body)
    } else if let Some(operation) = path.strip_prefix("/api/v1/web-service/") {
        web_service(operation, body)
    } else {
        peers(path)
    }
}

/// The statuses of `payam-resan.md`, table "Message status".
const PAYAM_RESAN_STATUSES: [&str; 22] = [
    "در صف سامانه",
    "ارسال شده، بدون وضعیت",
    "ارسال شده، در صف اپراتور",
    "درانتظار تحویل گوشی",
    "تحویل به گوشی",
    "نرسیده به گوشی",
    "خطا در ارسال",
    "گیرنده مسدود",
    "شناسه پیدا نشد",
    "منقضی",
    "نامشخص",
    "دریافت کننده نامعتبر",
    "گیرنده در لیست سیاه اکانت شماست",
    "گیرنده نامعتبر",
    "متن بلاک",
    "لغو دریافت توسط گیرنده",
    "بلاک شده",
    "محدودیت روزانه",
    "محدودیت ارسال",
    "محدودیت شبانه",
    "محدودیت خط اشتراکی",
    "احراز هویت نشده",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PayamResanRequest {
    #[serde(default)]
    recipients: Vec<PayamResanRecipient>,
    #[serde(default)]
    ids: Vec<i64>,
    #[serde(default)]
    user_trace_ids: Vec<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PayamResanRecipient {
    user_trace_id: Option<i64>,
}

fn payam_resan(operation: &str, body: &[u8]) -> Option<Answer> {
    let request = || serde_json::from_slice::<PayamResanRequest>(body).ok();
    let rows = match operation {
        "SendBulk" | "SendMultiple" => rows(request()?.recipients, |row, recipient, _| {
            write!(row, r#"{{"Id":{},"UserTraceId":{}}}"#, next_id(), Nullable(recipient.user_trace_id))
        }),
        "SendTokenMulti" => rows(request()?.recipients, |row, recipient, _| {
            let trace_id = Nullable(recipient.user_trace_id);
            let id = next_id();
            write!(row, r#"{{"Id":{id},"UserTraceId":{trace_id},"Sender":30004040,"FinalText":"48213"}}"#)
        }),
        "Send" => rows([()], |row, (), _| write!(row, r#"{{"Id":{},"UserTraceId":null}}"#, next_id())),
        "SendTokenSingle" => rows([()], |row, (), _| {
            let id = next_id();
            write!(row, r#"{{"Id":{id},"UserTraceId":null,"Sender":30004040,"FinalText":"48213"}}"#)
        }),
        "StatusById" => rows(request()?.ids, |row, id, index| status_row(row, id, id, index)),
        "StatusByUserTraceId" => {
            rows(request()?.user_trace_ids, |row, id, index| status_row(row, id, id, index))
        }
        "AccountInfo" => r#"{"Credit":1234567,"AvailableSenders":[30004040,50001234]}"#.to_owned(),
        _ => return None,
    };
    Some(json(format!(r#"{{"Success":true,"ErrorCode":null,"Error":null,"Result":{rows}}}"#)))
}

fn status_row(row: &mut String, id: i64, trace_id: i64, index: usize) -> std::fmt::Result {
    let (code, text) = nth(PAYAM_RESAN_STATUSES.iter().enumerate(), index);
    write!(row, r#"{{"Id":{id},"UserTraceId":{trace_id},"StatusCode":{code},"Status":"{text}"}}"#)
}

struct Nullable(Option<i64>);

impl std::fmt::Display for Nullable {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(number) => number.fmt(formatter),
            None => formatter.write_str("null"),
        }
    }
}

/// `[…,…]`, an element as `write` puts it.
fn rows<T>(
    of: impl IntoIterator<Item = T>,
    write: impl Fn(&mut String, T, usize) -> std::fmt::Result,
) -> String {
    let mut rows = "[".to_owned();
    for (index, item) in of.into_iter().enumerate() {
        if index > 0 {
            rows.push(',');
        }
        write(&mut rows, item, index).expect("a String takes everything");
    }
    rows.push(']');
    rows
}

/// Goes round the table, so that an answer has every code.
fn nth<T>(table: impl ExactSizeIterator<Item = T>, index: usize) -> T {
    let index = index % table.len();
    table.into_iter().nth(index).expect("a table is not empty")
}

/// The statuses of `niksms.md`, table "Delivery status": number, and name as it is on the wire.
const NIKSMS_STATUSES: [(i64, &str); 27] = [
    (0, "NotFound"),
    (1, "DoNotSend"),
    (2, "InQueue"),
    (3, "Sent"),
    (4, "InsufficientCredit"),
    (6, "Block"),
    (8, "NotDeliverdCanceled"),
    (9, "NotDeliverdSmsAdvertisingBlock"),
    (10, "NotDeliverdBlackList"),
    (11, "NotDeliverdDelay"),
    (13, "NotDeliverdNoViber"),
    (14, "NotDeliverdFiltering"),
    (15, "WaitingForRecheckInOprator"),
    (16, "OpratorFault"),
    (17, "NotDeliveredBlocked"),
    (18, "SendedButStatusNotUpdated"),
    (19, "NotDeliveredDuplicate"),
    (20, "NotDeliveredBlockPanel"),
    (21, "NotDeliveredUnknownNumber"),
    (22, "WaitingForDeliveryBeforeSend"),
    (23, "NotDeliveredUnAccessible"),
    (24, "NotDeliveredNotAnswered"),
    (25, "NotDeliveredLineIsBusy"),
    (26, "NotDeliverTCTFiltering"),
    (27, "NotDeliverForbiddenTime"),
    (28, "NotDeliverdSmsAdvertisingBlockOperator"),
    (29, "Unknown"),
];

fn niksms_status(index: usize) -> (i64, &'static str) {
    nth(NIKSMS_STATUSES.into_iter(), index)
}

/// How often an element stands in a request, whatever its prefix.
fn elements(body: &str, name: &str) -> usize {
    body.matches(&format!("{name}>")).count() / 2
}

fn soap(action: &str, body: &[u8]) -> Option<Answer> {
    let body = str::from_utf8(body).ok()?;
    let operation = action.trim_matches('"').rsplit('/').next()?;
    let mut result = String::new();
    match operation {
        "GroupSms" | "PtpSms" => {
            write!(result, "<Status>Successful</Status><Id>{}</Id><NikIds>", next_id()).ok()?;
            let numbers = body.split("Numbers>").nth(1).unwrap_or_default();
            for _ in 0..elements(numbers, "string") {
                write!(result, "<long>{}</long>", next_id()).ok()?;
            }
            result.push_str("</NikIds>");
        }
        "GetSmsDelivery" => {
            for index in 0..elements(body, "long") {
                write!(result, "<SmsStatus>{}</SmsStatus>", niksms_status(index).1).ok()?;
            }
        }
        _ => return None,
    }
    let body = format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><{operation}Response \
         xmlns=\"http://tempuri.org/\"><{operation}Result>{result}</{operation}Result></{operation}Response></s:Body>\
         </s:Envelope>"
    );
    Some(Answer { content_type: XML, body })
}

/// How many values a field of a form holds, separated by commas.
fn values(body: &[u8], field: &str) -> usize {
    let value = form_urlencoded::parse(body).find(|(name, _)| name.eq_ignore_ascii_case(field));
    value.map_or(0, |(_, value)| value.split(',').count())
}

fn numeric_statuses(count: usize) -> String {
    rows(0..count, |row, index, _| write!(row, "{}", niksms_status(index).0))
}

fn public_api(operation: &str, body: &[u8]) -> Option<Answer> {
    Some(json(match operation {
        "GroupSms" | "PtpSms" => {
            let ids = rows(0..values(body, "numbers"), |row, _, _| write!(row, "{}", next_id()));
            format!(r#"{{"Status":1,"Id":{},"WarningMessage":null,"NikIds":{ids}}}"#, next_id())
        }
        "GetSmsDelivery" => numeric_statuses(values(body, "nikIds")),
        _ => return None,
    }))
}

fn v2(operation: &str, body: &[u8]) -> Option<Answer> {
    let data = match operation {
        "send/one" => {
            format!(r#"{{"Status":1,"Id":{},"WarningMessage":null,"NikId":{}}}"#, next_id(), next_id())
        }
        "delivery" => {
            // The ids come as one field with commas, or as a field each.
            let ids = form_urlencoded::parse(body).filter(|(name, _)| name.eq_ignore_ascii_case("ids"));
            numeric_statuses(ids.map(|(_, value)| value.split(',').count()).sum())
        }
        _ => return None,
    };
    Some(json(format!(r#"{{"Status":4,"Exception":null,"Data":{data}}}"#)))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WebServiceRequest {
    #[serde(default)]
    recipients: Vec<serde::de::IgnoredAny>,
    #[serde(default)]
    message_ids: Vec<String>,
}

fn web_service(operation: &str, body: &[u8]) -> Option<Answer> {
    let request = || serde_json::from_slice::<WebServiceRequest>(body).ok();
    let sent = |count| {
        let ids = rows(0..count, |row, _, _| write!(row, "{}", next_id()));
        format!(r#"{{"status":1,"message":"OK","operationId":{},"messageIds":{ids}}}"#, next_id())
    };
    let result = match operation {
        "sms/send/single" | "sms/send/otp" => sent(1),
        "sms/send/group" | "sms/send/ptp" => sent(request()?.recipients.len()),
        "sms/status/niksms" => rows(request()?.message_ids, |row, id, index| {
            write!(row, r#"{{"messageId":"{id}","status":{}}}"#, niksms_status(index).0)
        }),
        _ => return None,
    };
    Some(json(format!(
        r#"{{"data":{{"result":{result}}},"message":"OK","errorCode":0,"trace":null,"operationStatus":3,"isSuccess":true}}"#
    )))
}

/// The clients of other gateways, by the paths they post to.
fn peers(path: &str) -> Option<Answer> {
    let id = next_id();
    if path.ends_with("/sms/send.json") {
        return Some(json(format!(
            r#"{{"return":{{"status":200,"message":"تایید شد"}},"entries":[{{"messageid":{id},"message":"کد ورود شما: 48213","status":1,"statustext":"در صف ارسال","sender":"30004040","receptor":"09121112222","date":1764000000,"cost":120}}]}}"#
        )));
    }
    if path.starts_with("/v1/send") {
        return Some(json(format!(
            r#"{{"status":1,"message":"موفق","data":{{"packId":"b6c1f5a0-0000-4000-8000-000000000000","messageIds":[{id}],"cost":1.0}}}}"#
        )));
    }
    None
}
