//! What can go wrong with a request, with a name each, and how some of it is drawn.

use std::time::Duration;

use payamak_emulator::{Fault, Operations, Then};

use super::{Kind, TIMEOUT};

/// Shorter than the settling pause: what a proxy or a slow gateway holds back.
const LATER: Duration = Duration::from_secs(4);

/// What a proxy or a firewall answers in the gateway's place.
pub(crate) const PROXY_STATUSES: [u16; 8] = [400, 401, 403, 404, 408, 409, 425, 429];

/// Every fault that passes by itself and leaves every message `accepted` in the end, with its name.
pub(crate) fn passing_faults(kind: Kind) -> Vec<(String, Fault)> {
    let mut faults: Vec<(String, Fault)> = Vec::new();
    let mut add = |name: &str, fault: Fault| faults.push((name.to_owned(), fault));
    for (when, place) in [
        ("not registered", Fault::before as fn(Fault) -> Fault),
        ("registered", Fault::after),
        ("registered later", |fault: Fault| fault.later(LATER)),
    ] {
        add(&format!("never answered, {when}"), place(Fault::on_send()).never());
        add(&format!("closed, {when}"), place(Fault::on_send()).close());
        add(&format!("503, {when}"), place(Fault::on_send()).status(503));
        add(&format!("garbage, {when}"), place(Fault::on_send()).garbage());
        add(&format!("HTML, {when}"), place(Fault::on_send()).html());
        // What was not registered, or is later, is the same to everybody: two of them are enough.
        let statuses = if when == "registered" { &PROXY_STATUSES[..] } else { &[403, 429] };
        for &status in statuses {
            add(&format!("{status} of a proxy, {when}"), place(Fault::on_send()).status(status));
        }
        add(&format!("429 of a proxy in JSON, {when}"), place(Fault::on_send()).status_json(429));
    }
    add("half an answer, not registered", Fault::on_send().before().half());
    add("half an answer, registered", Fault::on_send().after().half());
    add("slower than the time limit", Fault::on_send().delay(TIMEOUT * 4));
    add("rows missing", Fault::on_send().drop_rows());
    add("no rows", Fault::on_send().no_rows());
    add("a row too many", Fault::on_send().extra_row());
    match kind {
        Kind::PayamResan => {
            add("error 100, not registered", Fault::on_send().before().code(100));
            add("error 100, registered", Fault::on_send().after().code(100));
            add("an unknown error, registered", Fault::on_send().after().code(77));
            add("error 20", Fault::on_send().before().code(20));
            add("error 4", Fault::on_send().before().code(4));
            // NikSMS pairs ids by position alone: there a reordered answer cannot be told from a right one.
            add("rows in another order", Fault::on_send().shuffle_rows());
        }
        Kind::Soap | Kind::PublicApi => {
            add("UnknownError, not registered", Fault::on_send().before().code(2));
            add("UnknownError, registered", Fault::on_send().after().code(2));
            add("Unknown, registered", Fault::on_send().after().code(0));
            add("SiteUpdating", Fault::on_send().before().code(15));
            // Asked once within its rule, Payam Resan would be believed: what lands after the settling pause is a limit.
            add("lands after the first look", Fault::on_send().late());
        }
    }
    faults
}

/// The number of "not enough credit" and of a limit, at each gateway.
pub(crate) fn refusals(kind: Kind) -> [i32; 2] {
    match kind {
        Kind::PayamResan => [19, 15],
        Kind::Soap | Kind::PublicApi => [3, 4],
    }
}

/// Numbers below a bound, the same for the same seed on every machine (xorshift).
pub(crate) fn drawn(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    }
}

/// One of the faults that pass, at one of the first requests; a third of them hit a question.
pub(crate) fn random_fault(draw: &mut impl FnMut(u64) -> u64, kind: Kind, requests: u64) -> Fault {
    let mut passing = passing_faults(kind);
    let (_, fault) = passing.swap_remove(usize::try_from(draw(passing.len() as u64)).unwrap());
    let fault = fault.skip(draw(requests));
    // A look-up that is rounded names other messages, and nothing in it shows that.
    if draw(3) == 0 && fault.then != Then::RoundIds {
        Fault { operations: Operations::Lookup, skip: draw(requests / 2), ..fault }
    } else {
        fault
    }
}
