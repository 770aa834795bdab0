//! Results that stay in Rust until somebody looks at one of them, and the plain values that Python makes its classes of.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use payamak::niksms::{self, SendBatch, TraceStatus};
use payamak::payam_resan::{self, AccountInfo, Sent, Template, TemplateSent};
use payamak::{Balance, Code, DeliveryReport, IncomingMessage, MessageId, Receipt, Received, TraceId};
use pyo3::IntoPyObjectExt as _;
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;

use crate::call::Reply;
use crate::errors;
use crate::records::{
    DELIVERY_REPORT, INCOMING_MESSAGE, MESSAGE_STATUS, RECEIPT, RECEIVED, SENT, SMS_DELIVERY, TEMPLATE_SENT,
    TRACE_DELIVERY, delivery_status, niksms_status, payam_resan_status, record,
};

/// A list in Rust's memory: an item becomes a Python object when it is asked for.
#[pyclass(frozen, module = "payamak._native")]
pub(crate) struct Rows(List);

enum List {
    PayamResan(Vec<payam_resan::Status>),
    NikSms(Vec<niksms::Status>),
    Reports(Vec<DeliveryReport>),
    Receipts(Arc<[Receipt]>),
    /// Some of the receipts, by their places.
    Picked(Arc<[Receipt]>, Vec<u32>),
}

impl Rows {
    pub(crate) fn receipts(receipts: impl Into<Arc<[Receipt]>>) -> Self {
        Self(List::Receipts(receipts.into()))
    }

    /// The receipts, where these are receipts.
    pub(crate) fn to_receipts(&self) -> Option<Vec<Receipt>> {
        match &self.0 {
            List::Receipts(receipts) => Some(receipts.to_vec()),
            List::Picked(receipts, places) => {
                Some(places.iter().filter_map(|place| receipts.get(*place as usize).cloned()).collect())
            }
            _ => None,
        }
    }

    fn find<'py>(&self, py: Python<'py>, index: usize) -> Option<PyResult<Bound<'py, PyAny>>> {
        match &self.0 {
            List::PayamResan(rows) => rows.get(index).map(|row| message_status(py, row)),
            List::NikSms(rows) => rows.get(index).map(|row| sms_delivery(py, row)),
            List::Reports(rows) => rows.get(index).map(|row| report(py, row)),
            List::Receipts(rows) => rows.get(index).map(|row| receipt(py, row)),
            List::Picked(rows, places) => {
                places.get(index).and_then(|place| rows.get(*place as usize)).map(|row| receipt(py, row))
            }
        }
    }
}

#[pymethods]
impl Rows {
    fn __len__(&self) -> usize {
        match &self.0 {
            List::PayamResan(rows) => rows.len(),
            List::NikSms(rows) => rows.len(),
            List::Reports(rows) => rows.len(),
            List::Receipts(rows) => rows.len(),
            List::Picked(_, places) => places.len(),
        }
    }

    fn item<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, PyAny>> {
        self.find(py, index).unwrap_or_else(|| Err(PyIndexError::new_err("index out of range")))
    }

    fn __iter__(slf: Py<Self>) -> Items {
        Items { rows: slf, next: AtomicUsize::new(0) }
    }

    /// The receipts with this outcome; the receipts themselves are shared.
    fn with_outcome(&self, outcome: &str) -> Self {
        let (receipts, places): (_, Vec<u32>) = match &self.0 {
            List::Receipts(receipts) => {
                (receipts, (0u32..).zip(receipts.iter()).map(|(place, _)| place).collect())
            }
            List::Picked(receipts, places) => (receipts, places.clone()),
            _ => return Self(List::Receipts(Arc::default())),
        };
        let has = |place: &u32| {
            receipts.get(*place as usize).is_some_and(|receipt| receipt.outcome.as_str() == outcome)
        };
        Self(List::Picked(receipts.clone(), places.into_iter().filter(has).collect()))
    }
}

/// What `for` goes through: each item is made when its turn comes.
#[pyclass(frozen, module = "payamak._native")]
struct Items {
    rows: Py<Rows>,
    next: AtomicUsize,
}

#[pymethods]
impl Items {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.rows.get().find(py, self.next.fetch_add(1, Ordering::Relaxed)).transpose()
    }

    fn __length_hint__(&self) -> usize {
        self.rows.get().__len__().saturating_sub(self.next.load(Ordering::Relaxed))
    }
}

fn code(code: Code) -> (Option<i64>, &'static str, Option<String>, Option<&'static str>) {
    (code.number, code.name, code.wire_name.map(std::borrow::Cow::into_owned), code.text)
}

fn message_status<'py>(py: Python<'py>, row: &payam_resan::Status) -> PyResult<Bound<'py, PyAny>> {
    let status = payam_resan_status(py, &row.status)?;
    record!(py, MESSAGE_STATUS, row.message_id.map(MessageId::get), row.trace_id.map(TraceId::get), status)
}

fn sms_delivery<'py>(py: Python<'py>, row: &niksms::Status) -> PyResult<Bound<'py, PyAny>> {
    let status = niksms_status(py, &row.status)?;
    record!(py, SMS_DELIVERY, row.message_id.get(), status)
}

fn receipt<'py>(py: Python<'py>, row: &Receipt) -> PyResult<Bound<'py, PyAny>> {
    let error = row.error.as_ref().map(|error| errors::exception(py, error)).transpose()?;
    record!(
        py,
        RECEIPT,
        row.to.to_string(),
        row.trace_id.get(),
        row.message_id.map(MessageId::get),
        row.gateway.as_deref(),
        row.outcome.as_str(),
        error,
        row.replayed,
    )
}

/// A report of the delivery of one message.
pub(crate) fn report<'py>(py: Python<'py>, row: &DeliveryReport) -> PyResult<Bound<'py, PyAny>> {
    let status = row.status.clone().map(|found| delivery_status(py, found)).transpose()?;
    let error = row.error.as_ref().map(|error| errors::exception(py, error)).transpose()?;
    record!(
        py,
        DELIVERY_REPORT,
        row.index,
        row.to.to_string(),
        row.trace_id.get(),
        row.gateway.as_deref(),
        row.message_id.map(MessageId::get),
        status,
        error,
        row.timed_out,
    )
}

fn incoming(py: Python<'_>, row: IncomingMessage) -> PyResult<Bound<'_, PyAny>> {
    let IncomingMessage { message_id, text, from, to, time, is_relayed, .. } = row;
    record!(py, INCOMING_MESSAGE, message_id.map(MessageId::get), text, from, to, time, is_relayed)
}

/// An incoming message, with the gateway it came through.
pub(crate) fn received<'py>(py: Python<'py>, row: &Received) -> PyResult<Bound<'py, PyAny>> {
    let message = incoming(py, row.message.clone())?;
    record!(py, RECEIVED, &*row.gateway, message)
}

impl Reply for Rows {
    fn reply(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.into_py_any(py)
    }
}

/// What becomes a Python object as pyo3 makes it.
macro_rules! plain {
    ($($Plain:ty),+) => {$(
        impl Reply for $Plain {
            fn reply(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
                self.into_py_any(py)
            }
        }
    )+};
}
plain!(f64, bool, String, Option<String>, Vec<String>);

impl Reply for Vec<Sent> {
    fn reply(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let row =
            |row: Sent| record!(py, SENT, row.message_id.map(MessageId::get), row.trace_id.map(TraceId::get));
        self.into_iter().map(row).collect::<PyResult<Vec<_>>>()?.into_py_any(py)
    }
}

impl Reply for Vec<TemplateSent> {
    fn reply(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let row = |row: TemplateSent| {
            let (message_id, trace_id) = (row.message_id.map(MessageId::get), row.trace_id.map(TraceId::get));
            record!(py, TEMPLATE_SENT, message_id, trace_id, row.sender, row.text)
        };
        self.into_iter().map(row).collect::<PyResult<Vec<_>>>()?.into_py_any(py)
    }
}

impl Reply for Vec<Template> {
    fn reply(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let row = |row: Template| (row.key, row.text, row.voice, code(row.status.to_code()));
        self.into_iter().map(row).collect::<Vec<_>>().into_py_any(py)
    }
}

impl Reply for Vec<payam_resan::Status> {
    fn reply(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Rows(List::PayamResan(self)).reply(py)
    }
}

impl Reply for Vec<niksms::Status> {
    fn reply(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Rows(List::NikSms(self)).reply(py)
    }
}

impl Reply for Vec<DeliveryReport> {
    fn reply(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Rows(List::Reports(self)).reply(py)
    }
}

impl Reply for AccountInfo {
    fn reply(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        (self.credit, self.sender_lines).into_py_any(py)
    }
}

impl Reply for Vec<IncomingMessage> {
    fn reply(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.into_iter().map(|row| incoming(py, row)).collect::<PyResult<Vec<_>>>()?.into_py_any(py)
    }
}

impl Reply for SendBatch {
    fn reply(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let ids: Vec<_> = self.message_ids.into_iter().map(MessageId::get).collect();
        (code(self.status.to_code()), self.id, self.warning, ids).into_py_any(py)
    }
}

impl Reply for TraceStatus {
    fn reply(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let status = niksms_status(py, &self.status)?;
        record!(py, TRACE_DELIVERY, self.trace_id.get(), self.message_id.map(MessageId::get), status)
            .map(Bound::unbind)
    }
}

impl Reply for serde_json::Value {
    fn reply(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.to_string().into_py_any(py)
    }
}

/// A gateway that cannot be asked is an exception in its place.
impl Reply for Vec<payamak::Result<Balance>> {
    fn reply(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let row = |row: payamak::Result<Balance>| match row {
            Ok(balance) => (&*balance.gateway, balance.credit, balance.sender_lines).into_py_any(py),
            Err(error) => errors::exception(py, &error).map(Bound::unbind),
        };
        self.into_iter().map(row).collect::<PyResult<Vec<_>>>()?.into_py_any(py)
    }
}
