//! The `public-api` dialect: forms in, bare JSON out.

use hyper::{Method, StatusCode};
use serde::Serialize;

use super::{Order, Period, SendType, Sent, codes, field};
use crate::dialect::Context;
use crate::fault::Kind;
use crate::http::{Answer, Request};

const OPERATIONS: [(&str, Kind); 11] = [
    ("GroupSms", Kind::Send),
    ("PtpSms", Kind::Send),
    ("GetSmsDelivery", Kind::Lookup),
    ("GetSmsDeliveryWithClientId", Kind::Lookup),
    ("GetCredit", Kind::Other),
    ("GetDiscountCredit", Kind::Other),
    ("GetPanelExpireDate", Kind::Other),
    ("GetServertime", Kind::Other),
    ("GetReceiveSms", Kind::Other),
    ("ResetReceiveSmsVisitedStatus", Kind::Other),
    ("GetSenderNumbers", Kind::Other),
];

pub(crate) fn operation(name: &str) -> Option<(&'static str, Kind)> {
    OPERATIONS.into_iter().find(|(known, _)| *known == name)
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Batch {
    status: i32,
    id: Option<String>,
    warning_message: Option<String>,
    nik_ids: Option<Vec<i64>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ClientIdDelivery {
    sms_status: i32,
    niksms_id: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ReceivedRow {
    message: String,
    sender_number: String,
    receive_number: String,
    id: i64,
    receive_date: String,
    is_relayed: bool,
}

/// Sends have a status for it. Nothing else has: there the name comes as a JSON string, which is neither a number nor
/// a list.
pub(crate) fn refuse(operation: &str, code: i32) -> Answer {
    match operation {
        "GroupSms" | "PtpSms" => {
            Answer::ok(&Batch { status: code, id: None, warning_message: None, nik_ids: Some(Vec::new()) })
        }
        _ => Answer::ok(&codes::send_name(code)),
    }
}

pub(crate) fn answer(context: &Context<'_>, request: &Request) -> Answer {
    if request.method() != Method::POST {
        return Answer::html(StatusCode::METHOD_NOT_ALLOWED);
    }
    let form = request.form();
    if !super::knows_password(context, field(&form, "username"), field(&form, "password")) {
        return refuse(context.operation, codes::INVALID_USER_NAME_OR_PASS);
    }
    carry_out(context, &form).unwrap_or_else(|code| refuse(context.operation, code))
}

fn carry_out(context: &Context<'_>, form: &[(String, String)]) -> Result<Answer, i32> {
    let period = || Period::read(context, Some(field(form, "startDate")), Some(field(form, "endDate")));
    Ok(match context.operation {
        "GroupSms" | "PtpSms" => send(context, form)?,
        "GetSmsDelivery" => {
            let ids: Vec<_> = super::list(field(form, "nikIds")).iter().map(|id| id.parse().ok()).collect();
            Answer::ok(&super::delivery(context, &ids))
        }
        "GetSmsDeliveryWithClientId" => {
            let client_id =
                field(form, "yourId").parse().map_err(|_| codes::ARGUMENT_IS_NULL_OR_INCORRECT)?;
            let found = super::delivery_by_client_id(context, client_id);
            Answer::ok(&found.map(|(sms_status, niksms_id)| ClientIdDelivery { sms_status, niksms_id }))
        }
        "GetCredit" | "GetDiscountCredit" => Answer::ok(&super::credit(context)),
        "GetPanelExpireDate" => Answer::plain(StatusCode::OK, super::panel_expire_date(context)),
        "GetServertime" => Answer::plain(StatusCode::OK, super::server_time(context)),
        "GetReceiveSms" => receive(context, period()?),
        "ResetReceiveSmsVisitedStatus" => {
            super::mark_unread(context, period()?);
            Answer::ok(&true)
        }
        "GetSenderNumbers" => Answer::ok(&super::sender_numbers()),
        _ => Answer::html(StatusCode::NOT_FOUND),
    })
}

fn send(context: &Context<'_>, form: &[(String, String)]) -> Result<Answer, i32> {
    let numbers = super::list(field(form, "numbers"));
    let client_ids = super::client_ids(field(form, "yourMessageIds"))?;
    let message = field(form, "message");
    let messages = if context.operation == "GroupSms" {
        super::group(message, numbers, &client_ids)?
    } else {
        // The texts are joined by commas: one that holds a comma is two to this gateway.
        super::pairs(message.split(',').map(Into::into).collect(), numbers, &client_ids)?
    };
    let order = Order {
        sender: field(form, "senderNumber").to_owned(),
        messages,
        send_on: field(form, "sendOn").to_owned(),
        kind: SendType::read(field(form, "sendType")),
    };
    let Sent { id, nik_ids } = super::send(context, order)?;
    Ok(Answer::ok(&Batch {
        status: codes::SUCCESSFUL,
        id: Some(id.to_string()),
        warning_message: None,
        nik_ids,
    }))
}

fn receive(context: &Context<'_>, period: Period) -> Answer {
    let row = |received: crate::ledger::Received| ReceivedRow {
        message: received.text,
        sender_number: received.from,
        receive_number: received.to,
        id: received.id,
        receive_date: context.world.clock.wall_time(received.at),
        is_relayed: false,
    };
    let rows: Vec<_> = super::take_unread(context, period).into_iter().map(row).collect();
    Answer::ok(&rows)
}
