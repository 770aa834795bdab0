//! What can go wrong with a request, with a name each, and how some of it is drawn.

use payamak_emulator::Fault;

use super::{Kind, TIMEOUT};

pub(crate) type MakeFault = fn() -> Fault;

/// Every fault that passes by itself, with its name.
pub(crate) fn passing_faults() -> Vec<(&'static str, MakeFault)> {
    vec![
        ("never answered, not registered", || Fault::on_send().before().never()),
        ("never answered, registered", || Fault::on_send().after().never()),
        ("closed, not registered", || Fault::on_send().before().close()),
        ("closed, registered", || Fault::on_send().after().close()),
        ("503, not registered", || Fault::on_send().before().status(503)),
        ("503, registered", || Fault::on_send().after().status(503)),
        ("garbage, not registered", || Fault::on_send().before().garbage()),
        ("garbage, registered", || Fault::on_send().after().garbage()),
        ("HTML, not registered", || Fault::on_send().before().html()),
        ("HTML, registered", || Fault::on_send().after().html()),
        ("half an answer, not registered", || Fault::on_send().before().half()),
        ("half an answer, registered", || Fault::on_send().after().half()),
        ("slower than the time limit", || Fault::on_send().delay(TIMEOUT * 4)),
        ("rows missing", || Fault::on_send().drop_rows()),
        ("lands after the first look", || Fault::on_send().late()),
        ("429", || Fault::on_send().before().status(429)),
    ]
}

/// The faults that have a number of their own at each gateway.
pub(crate) fn coded_faults(kind: Kind) -> Vec<(&'static str, Fault)> {
    match kind {
        Kind::PayamResan => vec![
            ("error 100, not registered", Fault::on_send().before().code(100)),
            ("error 100, registered", Fault::on_send().after().code(100)),
            ("an unknown error, registered", Fault::on_send().after().code(77)),
            ("error 20", Fault::on_send().before().code(20)),
            ("error 4", Fault::on_send().before().code(4)),
            // NikSMS pairs ids by position alone: there a reordered answer cannot be told from a right one.
            ("rows in another order", Fault::on_send().shuffle_rows()),
        ],
        Kind::Soap | Kind::PublicApi => vec![
            ("UnknownError, not registered", Fault::on_send().before().code(2)),
            ("UnknownError, registered", Fault::on_send().after().code(2)),
            ("Unknown, registered", Fault::on_send().after().code(0)),
            ("SiteUpdating", Fault::on_send().before().code(15)),
        ],
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
pub(crate) fn random_fault(draw: &mut impl FnMut(u64) -> u64, requests: u64) -> Fault {
    let passing = passing_faults();
    let (_, make) = passing[usize::try_from(draw(passing.len() as u64)).unwrap()];
    let fault = make().skip(draw(requests));
    if draw(3) == 0 { Fault::on_lookup().skip(draw(requests / 2)).then(fault.then) } else { fault }
}
