//! The `soap` dialect: SOAP 1.1, document/literal wrapped, everything in one namespace, enums as names.

use std::fmt::{Display, Write};

use hyper::{Method, StatusCode};

use super::{Order, Period, SendType, Sent, codes};
use crate::dialect::Context;
use crate::fault::Kind;
use crate::http::{self, Answer, Request};
use crate::rows::Rows;
use crate::xml::{Element, escape};

const ENVELOPE: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const NAMESPACE: &str = "http://tempuri.org/";
const ACTIONS: &str = "http://tempuri.org/INiksmsWebservice/";

const OPERATIONS: [(&str, Kind); 11] = [
    ("GroupSms", Kind::Send),
    ("PtpSms", Kind::Send),
    ("GetSmsDelivery", Kind::Lookup),
    ("GetSmsDeliveryWithClientId", Kind::Lookup),
    ("GetCredit", Kind::Other),
    ("GetDiscountCredit", Kind::Other),
    ("GetPanelExpireDate", Kind::Other),
    ("GetReceiveSms", Kind::Other),
    ("ResetReceiveSmsVisitedStatus", Kind::Other),
    ("GetServertime", Kind::Other),
    ("GetSenderNumbers", Kind::Other),
];

/// The operation a request asks for: the service goes by its `SOAPAction`. Empty if there is none.
pub(crate) fn operation_name(request: &Request) -> &str {
    let action = request.header("soapaction").unwrap_or_default();
    action.trim_matches('"').strip_prefix(ACTIONS).unwrap_or_default()
}

pub(crate) fn operation(name: &str) -> Option<(&'static str, Kind)> {
    OPERATIONS.into_iter().find(|(known, _)| *known == name)
}

pub(crate) fn unknown_action() -> Answer {
    fault("a:ActionNotSupported", "The message with this Action cannot be processed at the receiver.")
}

/// Sends have a status for it. Everything else answers with a fault that names it.
pub(crate) fn refuse(operation: &str, code: i32) -> Answer {
    let name = codes::send_name(code);
    match operation {
        "GroupSms" | "PtpSms" => respond(operation, Some(&format!("<Status>{name}</Status><NikIds/>"))),
        _ => fault("s:Client", &name),
    }
}

fn fault(code: &str, text: &str) -> Answer {
    let (code, text) = (escape(code), escape(text));
    let fault = format!("<s:Fault><faultcode>{code}</faultcode><faultstring>{text}</faultstring></s:Fault>");
    Answer { status: StatusCode::INTERNAL_SERVER_ERROR, ..envelope(&fault) }
}

fn envelope(body: &str) -> Answer {
    let document = format!(r#"<s:Envelope xmlns:s="{ENVELOPE}"><s:Body>{body}</s:Body></s:Envelope>"#);
    Answer::new(StatusCode::OK, http::XML, document)
}

/// The schema lets a result be absent.
fn respond(operation: &str, result: Option<&str>) -> Answer {
    let result = result.map(|result| format!("<{operation}Result>{result}</{operation}Result>"));
    let result = result.unwrap_or_default();
    envelope(&format!(r#"<{operation}Response xmlns="{NAMESPACE}">{result}</{operation}Response>"#))
}

/// Why a request gets no result.
enum Failure {
    /// The XML is not what the schema says.
    Malformed(String),
    Refused(i32),
}

impl From<i32> for Failure {
    fn from(code: i32) -> Self {
        Self::Refused(code)
    }
}

impl From<String> for Failure {
    fn from(what: String) -> Self {
        Self::Malformed(what)
    }
}

pub(crate) fn answer(context: &Context<'_>, request: &Request) -> Answer {
    if request.method() != Method::POST {
        return Answer::html(StatusCode::METHOD_NOT_ALLOWED);
    }
    if !request.has_content_type("text/xml") {
        return Answer::html(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    match carry_out(context, request) {
        Ok(result) => respond(context.operation, result.as_deref()),
        Err(Failure::Refused(code)) => refuse(context.operation, code),
        Err(Failure::Malformed(what)) => fault("s:Client", &what),
    }
}

fn carry_out(context: &Context<'_>, request: &Request) -> Result<Option<String>, Failure> {
    let document = std::str::from_utf8(&request.body).map_err(|_| "the body is not UTF-8".to_owned())?;
    let envelope = Element::parse(document)?;
    let body = envelope.child(ENVELOPE, "Body").filter(|_| envelope.is(ENVELOPE, "Envelope"));
    let body = body.ok_or_else(|| "there is no Body in an Envelope".to_owned())?;
    let call = body.child(NAMESPACE, context.operation);
    let call = call.ok_or_else(|| format!("there is no {} in the Body", context.operation))?;
    let mut arguments = Sequence::of(call);
    let security = arguments.take("security").map(Sequence::of);
    let knows_password = security.is_some_and(|mut security| {
        let (username, password) = (security.text("Username"), security.text("Password"));
        super::knows_password(context, username.unwrap_or_default(), password.unwrap_or_default())
    });
    if !knows_password {
        return Err(codes::INVALID_USER_NAME_OR_PASS.into());
    }
    let result = match context.operation {
        "GroupSms" | "PtpSms" => send(context, arguments.take("model"))?,
        "GetSmsDelivery" => {
            let ids = longs(arguments.take("nikIds"))?;
            let ids: Vec<_> = ids.into_iter().map(Some).collect();
            let statuses = super::delivery(context, &ids);
            if context.rows == Rows::Gone {
                return Ok(None);
            }
            elements("SmsStatus", statuses.into_iter().map(codes::delivery_name))
        }
        "GetSmsDeliveryWithClientId" => {
            let client_id = arguments.text("yourId").ok_or_else(|| "there is no yourId".to_owned())?;
            let Some((code, id)) = super::delivery_by_client_id(context, long(client_id)?) else {
                return Ok(None);
            };
            format!("<SmsStatus>{}</SmsStatus><NiksmsId>{id}</NiksmsId>", codes::delivery_name(code))
        }
        // An xs:int.
        "GetCredit" | "GetDiscountCredit" => super::credit(context).clamp(0, i32::MAX.into()).to_string(),
        "GetPanelExpireDate" => super::panel_expire_date(context),
        "GetServertime" => super::server_time(context),
        "GetReceiveSms" => receive(context, period(context, &mut arguments)?),
        "ResetReceiveSmsVisitedStatus" => {
            super::mark_unread(context, period(context, &mut arguments)?);
            "true".to_owned()
        }
        "GetSenderNumbers" => elements("string", super::sender_numbers()),
        other => return Err(format!("there is no operation {other}").into()),
    };
    Ok(Some(result))
}

fn send(context: &Context<'_>, model: Option<&Element>) -> Result<String, Failure> {
    let model = model.ok_or(codes::ARGUMENT_IS_NULL_OR_INCORRECT)?;
    let mut model = Sequence::of(model);
    let sender = model.text("SenderNumber").unwrap_or_default().to_owned();
    let numbers = texts(model.take("Numbers"));
    let send_on = model.text("SendOn").unwrap_or_default().to_owned();
    let kind = SendType::read(model.text("SendType").unwrap_or_default());
    let client_ids = longs(model.take("YourMessageId"))?;
    let messages = if context.operation == "GroupSms" {
        super::group(model.text("Message").unwrap_or_default(), numbers, &client_ids)?
    } else {
        let texts = texts(model.take("Message")).into_iter().map(Into::into).collect();
        super::pairs(texts, numbers, &client_ids)?
    };
    let Sent { id, nik_ids } = super::send(context, Order { sender, messages, send_on, kind })?;
    let nik_ids = nik_ids.map(|nik_ids| format!("<NikIds>{}</NikIds>", elements("long", nik_ids)));
    Ok(format!("<Status>Successful</Status><Id>{id}</Id>{}", nik_ids.unwrap_or_default()))
}

fn period(context: &Context<'_>, arguments: &mut Sequence<'_>) -> Result<Period, Failure> {
    let (start, end) = (arguments.text("startDate"), arguments.text("endDate"));
    Period::read(context, start, end).map_err(|_| Failure::Malformed("a date cannot be read".to_owned()))
}

fn receive(context: &Context<'_>, period: Period) -> String {
    let row = |received: crate::ledger::Received| {
        let (text, from, to) = (escape(&received.text), received.from, escape(&received.to));
        let (id, date) = (received.id, context.world.clock.wall_time(received.at));
        format!(
            "<GetReceiveSmsModel><Message>{text}</Message><SenderNumber>{from}</SenderNumber>\
             <ReceiveNumber>{to}</ReceiveNumber><Id>{id}</Id><ReceiveDate>{date}</ReceiveDate>\
             <IsRelayed>false</IsRelayed></GetReceiveSmsModel>"
        )
    };
    super::take_unread(context, period).into_iter().map(row).collect()
}

/// An element for each value. None of the values needs escaping.
fn elements<T: Display>(name: &str, values: impl IntoIterator<Item = T>) -> String {
    let mut written = String::new();
    for value in values {
        let _ = write!(written, "<{name}>{value}</{name}>");
    }
    written
}

/// The children of an element, taken in the order of the schema: what comes too early is passed over and lost, as it is
/// to the service itself.
struct Sequence<'a>(&'a [Element]);

impl<'a> Sequence<'a> {
    fn of(element: &'a Element) -> Self {
        Self(&element.children)
    }

    fn take(&mut self, name: &str) -> Option<&'a Element> {
        let place = self.0.iter().position(|child| child.is(NAMESPACE, name))?;
        let (taken, rest) = self.0.get(place..)?.split_first()?;
        self.0 = rest;
        Some(taken).filter(|element| !element.is_nil())
    }

    fn text(&mut self, name: &str) -> Option<&'a str> {
        Some(self.take(name)?.text.as_str())
    }
}

fn items<'a>(list: Option<&'a Element>, of: &'static str) -> impl Iterator<Item = &'a str> {
    let children = list.map(|list| list.children.as_slice()).unwrap_or_default();
    children.iter().filter(move |item| item.is(NAMESPACE, of)).map(|item| item.text.as_str())
}

fn texts(list: Option<&Element>) -> Vec<String> {
    items(list, "string").map(str::to_owned).collect()
}

fn longs(list: Option<&Element>) -> Result<Vec<i64>, Failure> {
    items(list, "long").map(long).collect()
}

fn long(text: &str) -> Result<i64, Failure> {
    text.trim().parse().map_err(|_| Failure::Malformed(format!("{text:?} is no xs:long")))
}
