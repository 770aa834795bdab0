//! payamak for Python: the native module of the wheel.
//!
//! It converts, calls and converts back. What its users see is written in Python, in `python/payamak`.

mod arguments;
mod bridge;
mod call;
mod client;
mod emulator;
mod errors;
mod fork;
mod log;
mod messenger;
mod niksms;
mod payam_resan;
mod process;
mod records;
mod rows;

use payamak::{KeyKind, Msisdn, SegmentProfile, Segments, TraceId};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// The national and the international form of a number.
#[pyfunction]
fn msisdn(py: Python<'_>, number: &str) -> PyResult<(String, String)> {
    let number = client::ok(py, Msisdn::parse(number))?;
    Ok((number.national(), number.international()))
}

/// What a text needs on the air: encoding, units, segments, units left, the characters that forced UCS-2.
#[pyfunction]
fn segments(text: &str, profile: &str) -> PyResult<(&'static str, usize, usize, usize, Vec<char>)> {
    let profile = match profile {
        "gsm" => SegmentProfile::Gsm,
        "payam-resan" => SegmentProfile::PayamResan,
        _ => return Err(PyValueError::new_err("a profile is gsm or payam-resan")),
    };
    let Segments { encoding, units, segments, units_left, forced_ucs2, .. } =
        payamak::segments_by(text, profile);
    Ok((encoding.as_str(), units, segments, units_left, forced_ucs2))
}

/// The trace id of a key, for this recipient.
#[pyfunction]
fn trace_id_from_key(
    py: Python<'_>,
    key: &str,
    to: arguments::To,
    kind: &str,
    secret: Option<&str>,
) -> PyResult<i64> {
    let kind = client::ok(py, kind.parse::<KeyKind>())?;
    client::ok(py, TraceId::from_key(key, to.0, kind, secret)).map(TraceId::get)
}

/// The native module.
#[pymodule]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::bridge::{Bridge, Call};
    #[pymodule_export]
    use super::emulator::Emulator;
    #[pymodule_export]
    use super::log::quiet_logger;
    #[pymodule_export]
    use super::messenger::{CancelToken, ItemStream, Messenger, Outbox, Sending};
    #[pymodule_export]
    use super::niksms::NikSms;
    #[pymodule_export]
    use super::payam_resan::PayamResan;
    #[pymodule_export]
    use super::process::shut_down;
    #[pymodule_export]
    use super::rows::Rows;
    #[pymodule_export]
    use super::{msisdn, segments, trace_id_from_key};

    #[pymodule_init]
    fn init(_module: &Bound<'_, PyModule>) -> PyResult<()> {
        Ok(super::fork::watch()?)
    }

    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");
}
