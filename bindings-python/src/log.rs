//! What core tells `tracing`, for `logging.getLogger("payamak")`: gateway, operation, duration, outcome.
//!
//! Lines wait in a queue until a call is back in Python, so that no thread of Rust's runs a logging handler.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};

use once_cell::race::OnceBox;
use pyo3::intern;
use pyo3::prelude::*;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::process::PerProcess;

/// The level of `logging.DEBUG`.
const DEBUG: u8 = 10;

/// Lines that nobody fetched; the oldest go first.
const MOST_LINES: usize = 10_000;

static ENABLED: AtomicBool = AtomicBool::new(false);
static LINES: PerProcess<Mutex<VecDeque<Line>>> = PerProcess::new();

#[derive(Default)]
struct Line {
    gateway: String,
    operation: String,
    outcome: String,
    duration_ms: u64,
}

/// Only what is known to be neither a secret nor a number nor a text is taken.
impl Visit for Line {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "duration_ms" {
            self.duration_ms = value;
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "gateway" => value.clone_into(&mut self.gateway),
            "operation" => value.clone_into(&mut self.operation),
            "outcome" => value.clone_into(&mut self.outcome),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

fn lines() -> &'static Mutex<VecDeque<Line>> {
    LINES.get(Mutex::default)
}

struct Collector;

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target() == "payamak" && ENABLED.load(Ordering::Relaxed)
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> tracing::subscriber::Interest {
        let is_ours =
            metadata.is_event() && metadata.target() == "payamak" && *metadata.level() <= Level::DEBUG;
        if is_ours {
            tracing::subscriber::Interest::sometimes()
        } else {
            tracing::subscriber::Interest::never()
        }
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        let mut lines = lines().lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == MOST_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// The logger, with a handler that does nothing, so that nobody hears of it who did not ask.
fn logger(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static LOGGER: OnceBox<Py<PyAny>> = OnceBox::new();
    let logger = LOGGER.get_or_try_init(|| {
        let logging = py.import("logging")?;
        let logger = logging.call_method1("getLogger", ("payamak",))?;
        logger.call_method1("addHandler", (logging.call_method0("NullHandler")?,))?;
        Ok::<_, PyErr>(Box::new(logger.unbind()))
    })?;
    Ok(logger.bind(py))
}

/// Makes the logger. Called by the import where `logging` is there already, else by the first call.
#[pyfunction]
pub(crate) fn quiet_logger(py: Python<'_>) -> PyResult<()> {
    logger(py).map(drop)
}

/// Looks whether anybody wants the lines. A logger that cannot be asked is not worth a failed send.
pub(crate) fn refresh(py: Python<'_>) {
    static COLLECT: Once = Once::new();
    let wanted = logger(py)
        .and_then(|logger| logger.call_method1(intern!(py, "isEnabledFor"), (DEBUG,)))
        .and_then(|answer| answer.is_truthy())
        .unwrap_or(false);
    if wanted {
        // This library's own copy of tracing: nobody else can have set one.
        COLLECT.call_once(|| drop(tracing::subscriber::set_global_default(Collector)));
    }
    ENABLED.store(wanted, Ordering::Relaxed);
}

/// Hands the waiting lines to the logger. Its handlers report their own failures.
pub(crate) fn flush(py: Python<'_>) {
    if !ENABLED.load(Ordering::Relaxed) {
        return;
    }
    let waiting = std::mem::take(&mut *lines().lock().unwrap_or_else(PoisonError::into_inner));
    let Ok(logger) = logger(py) else { return };
    for Line { gateway, operation, outcome, duration_ms } in waiting {
        let line = (intern!(py, "%s %s: %s in %d ms"), gateway, operation, outcome, duration_ms);
        if let Err(failed) = logger.call_method1(intern!(py, "debug"), line) {
            failed.write_unraisable(py, Some(logger));
        }
    }
}
