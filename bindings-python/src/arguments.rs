//! What Python hands over: numbers as text or as integers, ids that must fit exactly, seconds.

use std::time::Duration;

use payamak::payam_resan::TemplateMessage;
use payamak::{Destination, Error, MessageId, PersonalMessage, Recipient, SenderLine, TehranTime, TraceId};
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt, PyString};
use pyo3::{Borrowed, PyTypeInfo as _};

use crate::errors;

/// Text, or an integer in its digits: whatever has `__index__`, so other libraries' integers too. A float would be
/// rounded, and a bool is a mistake, so both are refused.
fn digits(given: Borrowed<'_, '_, PyAny>, what: &str) -> PyResult<String> {
    if let Ok(text) = given.cast::<PyString>() {
        return text.to_str().map(str::to_owned);
    }
    let index = intern!(given.py(), "__index__");
    if given.is_instance_of::<PyBool>() || !given.hasattr(index)? {
        let kind = given.get_type().name()?;
        return Err(PyTypeError::new_err(format!("{what} is a str or an int, not {kind}")));
    }
    // `str` of a subclass (an IntEnum, say) may be anything; its number is not.
    let number = given.call_method0(index)?;
    PyInt::type_object(given.py()).getattr(intern!(given.py(), "__repr__"))?.call1((number,))?.extract()
}

/// Declares an argument: a type of core's, read from Python.
macro_rules! argument {
    ($(#[$meta:meta])* $Argument:ident($Core:ty), |$given:ident| $read:expr) => {
        $(#[$meta])*
        pub(crate) struct $Argument(pub(crate) $Core);

        impl<'a, 'py> FromPyObject<'a, 'py> for $Argument {
            type Error = PyErr;

            fn extract($given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
                $read.map(Self)
            }
        }
    };
}

argument!(
    /// A recipient. What is no number is refused later, by core, together with its place in the list.
    To(Recipient), |given| match given.cast::<PyString>() {
        Ok(text) => text.to_str().map(Recipient::from),
        Err(_) => digits(given, "a recipient").map(Recipient::from),
    }
);
argument!(
    /// The caller's id of a message.
    Trace(TraceId), |given| match (given.is_instance_of::<PyBool>(), given.extract::<i64>()) {
        (false, Ok(number)) if given.is_instance_of::<PyInt>() => Ok(TraceId::new(number)),
        _ => digits(given, "a trace id")?.parse().map_err(|error| errors::raise(given.py(), &error)),
    }
);
argument!(
    /// The gateway's id of a message.
    Id(MessageId), |given| match (given.is_instance_of::<PyBool>(), given.extract::<i64>()) {
        (false, Ok(number)) if given.is_instance_of::<PyInt>() => Ok(MessageId::new(number)),
        _ => digits(given, "a message id")?.parse().map_err(|error| errors::raise(given.py(), &error)),
    }
);
argument!(
    /// A sender line.
    Line(SenderLine), |given| digits(given, "a sender line").map(SenderLine::from)
);
argument!(
    /// A date and time as text.
    When(TehranTime), |given| given.extract::<String>()?.parse().map_err(|error| errors::raise(given.py(), &error))
);

/// A recipient and what its message is known by.
pub(crate) type DestinationRow = (To, Option<Trace>);

pub(crate) fn destinations(rows: Vec<DestinationRow>) -> Vec<Destination> {
    rows.into_iter().map(|(to, trace)| Destination::new(to.0, trace.map(|trace| trace.0))).collect()
}

/// A recipient, a text, a trace id and a line.
pub(crate) type PersonalRow = (To, String, Option<Trace>, Option<Line>);

pub(crate) fn personal_messages(rows: Vec<PersonalRow>) -> Vec<PersonalMessage> {
    let message = |(to, text, trace, line): PersonalRow| {
        let mut message = PersonalMessage::new(to.0, text);
        message.trace_id = trace.map(|trace| trace.0);
        message.sender = line.map(|line| line.0);
        message
    };
    rows.into_iter().map(message).collect()
}

/// A recipient, what fills the template, and a trace id.
pub(crate) type TemplateRow = (To, Vec<String>, Option<Trace>);

pub(crate) fn template_messages(rows: Vec<TemplateRow>) -> Vec<TemplateMessage> {
    let message = |(to, parameters, trace): TemplateRow| {
        let mut message = TemplateMessage::new(to.0, parameters);
        message.trace_id = trace.map(|trace| trace.0);
        message
    };
    rows.into_iter().map(message).collect()
}

/// Seconds of a setting (without an operation), or of an argument of an operation.
pub(crate) fn seconds(
    py: Python<'_>,
    operation: &'static str,
    field: &'static str,
    given: f64,
) -> PyResult<Duration> {
    Duration::try_from_secs_f64(given).map_err(|_| {
        // In `Debug` a number of 300 digits is written in few.
        let detail = format!("{given:?}; it is a number of seconds, 0 or more");
        let error = match operation {
            "" => Error::setting(field, detail),
            _ => Error::invalid_input(operation, field, detail),
        };
        errors::raise(py, &error)
    })
}
