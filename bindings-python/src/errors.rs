//! Core's errors as the exceptions of `payamak/_errors.py`.

use once_cell::race::OnceBox;
use payamak::Error;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::rows::Rows;

/// The exception object of an error.
pub(crate) fn exception<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    static MAKE: OnceBox<Py<PyAny>> = OnceBox::new();
    let make = MAKE.get_or_try_init(|| {
        let make = py.import("payamak._errors")?.getattr("from_native")?;
        Ok::<_, PyErr>(Box::new(make.unbind()))
    })?;
    let fields = PyDict::new(py);
    let code = error.code();
    fields.set_item(intern!(py, "gateway"), error.gateway())?;
    fields.set_item(intern!(py, "operation"), error.operation())?;
    fields.set_item(intern!(py, "code"), code.and_then(|code| code.number))?;
    fields.set_item(intern!(py, "name"), code.map(|code| code.name))?;
    fields.set_item(intern!(py, "wire_name"), code.and_then(|code| code.wire_name.as_deref()))?;
    fields.set_item(intern!(py, "gateway_text"), error.gateway_text())?;
    fields.set_item(intern!(py, "field"), error.field())?;
    fields.set_item(intern!(py, "value"), error.value())?;
    fields.set_item(intern!(py, "hint"), error.hint().map(|hint| (hint.en, hint.fa)))?;
    fields.set_item(intern!(py, "outcome"), error.outcome().as_str())?;
    fields.set_item(intern!(py, "retry"), error.retry().as_str())?;
    fields.set_item(intern!(py, "retry_after"), error.retry_after().map(|after| after.as_secs_f64()))?;
    fields.set_item(intern!(py, "http_status"), error.http_status())?;
    fields.set_item(intern!(py, "body_excerpt"), error.body_excerpt())?;
    fields.set_item(intern!(py, "detail"), error.detail())?;
    let receipts = error.receipts();
    let receipts = (!receipts.is_empty()).then(|| Rows::receipts(receipts.to_vec()));
    make.bind(py).call1((error.kind().type_name(), error.to_string(), fields, receipts))
}

/// The same, ready to be raised.
pub(crate) fn raise(py: Python<'_>, error: &Error) -> PyErr {
    exception(py, error).map_or_else(|failed| failed, PyErr::from_value)
}
