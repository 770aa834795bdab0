//! Objects of the classes in `payamak/_results.py`, made without running a line of Python for each.

use once_cell::race::OnceBox;
use payamak::niksms::SmsStatus;
use payamak::payam_resan::MessageStatus;
use payamak::{Code, DeliveryReason, DeliveryStatus};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// A class of results.
pub(crate) struct Record {
    name: &'static str,
    parts: OnceBox<Parts>,
}

struct Parts {
    class: Py<PyAny>,
    /// The class before it is frozen.
    unfrozen: Py<PyAny>,
    fields: Vec<Py<PyString>>,
}

pub(crate) static SENT: Record = Record::named("Sent");
pub(crate) static TEMPLATE_SENT: Record = Record::named("TemplateSent");
pub(crate) static MESSAGE_STATUS: Record = Record::named("MessageStatus");
pub(crate) static SMS_DELIVERY: Record = Record::named("SmsDelivery");
pub(crate) static TRACE_DELIVERY: Record = Record::named("TraceDelivery");
pub(crate) static INCOMING_MESSAGE: Record = Record::named("IncomingMessage");
pub(crate) static RECEIVED: Record = Record::named("Received");
pub(crate) static RECEIPT: Record = Record::named("Receipt");
pub(crate) static DELIVERY_REPORT: Record = Record::named("DeliveryReport");
static DELIVERY: Record = Record::named("Delivery");
static DELIVERY_STATUS: Record = Record::named("DeliveryStatus");

impl Record {
    const fn named(name: &'static str) -> Self {
        Self { name, parts: OnceBox::new() }
    }

    fn parts(&self, py: Python<'_>) -> PyResult<&Parts> {
        self.parts.get_or_try_init(|| {
            let class = py.import("payamak._results")?.getattr(self.name)?;
            let unfrozen = py.import("payamak._record")?.getattr("unfrozen")?.call1((&class,))?.unbind();
            let fields = class.getattr("_fields")?.extract()?;
            Ok(Box::new(Parts { class: class.unbind(), unfrozen, fields }))
        })
    }

    /// An object with these fields, all of them and in their order.
    pub(crate) fn of<'py, const N: usize>(
        &self,
        py: Python<'py>,
        values: [Bound<'py, PyAny>; N],
    ) -> PyResult<Bound<'py, PyAny>> {
        let Parts { class, unfrozen, fields } = self.parts(py)?;
        let record = unfrozen.bind(py).call0()?;
        for (field, value) in fields.iter().zip(values) {
            record.setattr(field, value)?;
        }
        record.setattr(intern!(py, "__class__"), class)?;
        Ok(record)
    }
}

/// The fields of a record, as Python has them.
macro_rules! record {
    ($py:ident, $Record:expr, $($field:expr),+ $(,)?) => {
        $Record.of($py, [$(pyo3::IntoPyObjectExt::into_bound_py_any($field, $py)?),+])
    };
}
pub(crate) use record;

/// How many of a gateway's numbers, from 0 on, are kept as objects. All that are known today are below.
const KEPT: usize = 32;

/// The statuses of a gateway as objects. They are frozen, so one does for every message that has it.
pub(crate) struct Statuses([OnceBox<Py<PyAny>>; KEPT]);

static PAYAM_RESAN: Statuses = Statuses::new();
static NIKSMS: Statuses = Statuses::new();

impl Statuses {
    const fn new() -> Self {
        Self([const { OnceBox::new() }; KEPT])
    }

    fn get<'py>(
        &self,
        py: Python<'py>,
        number: Option<i64>,
        status: impl FnOnce() -> DeliveryStatus,
    ) -> PyResult<Bound<'py, PyAny>> {
        let kept = number.and_then(|number| self.0.get(usize::try_from(number).ok()?));
        match kept {
            Some(place) => place
                .get_or_try_init(|| delivery_status(py, status()).map(|made| Box::new(made.unbind())))
                .map(|kept| kept.bind(py).clone()),
            None => delivery_status(py, status()),
        }
    }
}

pub(crate) fn payam_resan_status<'py>(
    py: Python<'py>,
    status: &MessageStatus,
) -> PyResult<Bound<'py, PyAny>> {
    PAYAM_RESAN.get(py, status.code(), || status.into())
}

pub(crate) fn niksms_status<'py>(py: Python<'py>, status: &SmsStatus) -> PyResult<Bound<'py, PyAny>> {
    NIKSMS.get(py, status.code(), || status.into())
}

/// A status with what it means.
pub(crate) fn delivery_status(py: Python<'_>, status: DeliveryStatus) -> PyResult<Bound<'_, PyAny>> {
    let DeliveryStatus { code, delivery, .. } = status;
    let Code { number, name, wire_name, text, .. } = code;
    let reason = delivery.reason.map(DeliveryReason::as_str);
    let delivery = record!(py, DELIVERY, delivery.state.as_str(), reason, delivery.is_final)?;
    record!(py, DELIVERY_STATUS, number, name, wire_name, text, delivery)
}
