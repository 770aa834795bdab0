//! `payamak.testing.Emulator`.

use std::net::SocketAddr;
use std::path::PathBuf;

use payamak_emulator::{Emulator as Inner, Fault, Gateway, IncomingMessage};
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::arguments;
use crate::client::Settings;
use crate::fork::Own;
use crate::process::outside;

/// Both gateways on loopback.
#[pyclass(frozen, module = "payamak._native")]
pub(crate) struct Emulator(Own<Inner>);

fn gateway_name(gateway: Gateway) -> &'static str {
    match gateway {
        Gateway::PayamResan => "payam-resan",
        Gateway::NikSms => "niksms",
    }
}

fn gateway(name: &str) -> PyResult<Gateway> {
    [Gateway::PayamResan, Gateway::NikSms]
        .into_iter()
        .find(|gateway| gateway_name(*gateway) == name)
        .ok_or_else(|| PyValueError::new_err("a gateway is payam-resan or niksms"))
}

impl Emulator {
    /// In the child of a fork there is but a dead copy of what it knew.
    fn inner(&self) -> PyResult<&Inner> {
        self.0.get().ok_or_else(|| {
            PyRuntimeError::new_err(
                "this emulator runs in the parent process; only its addresses are of use here",
            )
        })
    }

    fn address(&self) -> PyResult<&Inner> {
        self.0.of_any_process().ok_or_else(|| PyRuntimeError::new_err("the emulator is gone"))
    }
}

#[pymethods]
impl Emulator {
    #[new]
    fn new(py: Python<'_>, settings: &Bound<'_, PyDict>) -> PyResult<Self> {
        let settings = Settings(settings);
        let mut builder = Inner::builder();
        if let Some(address) = settings.get::<String>("listen")? {
            let address: SocketAddr = address
                .parse()
                .map_err(|_| PyValueError::new_err("listen is an address like 127.0.0.1:8098"))?;
            builder = builder.listen(address);
        }
        if let Some(speed) = settings.get("speed")? {
            builder = builder.speed(speed);
        }
        if let Some(credit) = settings.get("credit")? {
            builder = builder.credit(credit);
        }
        if let Some(folder) = settings.get::<PathBuf>("replay")? {
            builder = builder.replay(folder);
        }
        if let Some(keep) = settings.get("keep_texts")? {
            builder = builder.keep_texts(keep);
        }
        if let Some(path) = settings.get::<String>("v2_delivery_path")? {
            builder = builder.v2_delivery_path(path);
        }
        builder = builder.polling_rule(settings.seconds("polling_rule")?);
        if let Some(holds) = settings.get("polling_rule_for_unknown_ids")? {
            builder = builder.polling_rule_for_unknown_ids(holds);
        }
        if let Some(lag) = settings.seconds("lookup_lag")? {
            builder = builder.lookup_lag(lag);
        }
        let inner = outside(py, || builder.start_blocking()).map_err(PyOSError::new_err)?;
        Ok(Self(Own::new(inner)))
    }

    /// The address of a dialect, or of both gateways (`""`).
    fn url(&self, dialect: &str) -> PyResult<String> {
        let inner = self.address()?;
        Ok(match dialect {
            "" => inner.url(),
            "payam-resan" => inner.payam_resan_url(),
            "sandbox" => inner.payam_resan_sandbox_url(),
            "soap" => inner.niksms_soap_url(),
            "public-api" => inner.niksms_public_api_url(),
            "v2" => inner.niksms_v2_url(),
            "web-service" => inner.niksms_web_service_url(),
            _ => return Err(PyValueError::new_err("a dialect is soap, public-api, v2 or web-service")),
        })
    }

    fn v2_delivery_path(&self) -> PyResult<&str> {
        Ok(self.address()?.v2_delivery_path())
    }

    fn messages<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        let messages = self.inner()?.messages();
        messages
            .into_iter()
            .map(|message| {
                let gateway = gateway_name(message.gateway);
                let payamak_emulator::RegisteredMessage {
                    dialect, operation, id, trace_id, to, sender, ..
                } = message;
                let rest = (message.text, message.template, message.registered_at, message.status);
                (gateway, dialect, operation, id, trace_id, to, sender, rest).into_pyobject(py)
            })
            .collect()
    }

    fn message_count(&self) -> PyResult<usize> {
        Ok(self.inner()?.message_count())
    }

    fn registrations(&self, trace_id: i64) -> PyResult<usize> {
        Ok(self.inner()?.registrations(trace_id))
    }

    fn requests(&self) -> PyResult<Vec<(String, String, Option<String>)>> {
        let requests = self.inner()?.requests();
        Ok(requests.into_iter().map(|request| (request.method, request.path, request.operation)).collect())
    }

    fn request_count(&self) -> PyResult<u64> {
        Ok(self.inner()?.request_count())
    }

    fn connection_count(&self) -> PyResult<u64> {
        Ok(self.inner()?.connection_count())
    }

    fn clear(&self) -> PyResult<()> {
        self.inner()?.clear();
        Ok(())
    }

    /// `faults` is a JSON list.
    fn faults(&self, faults: &str) -> PyResult<()> {
        let faults: Vec<Fault> = serde_json::from_str(faults)
            .map_err(|error| PyValueError::new_err(format!("not a list of faults: {error}")))?;
        self.inner()?.faults(faults);
        Ok(())
    }

    /// A JSON list.
    fn pending_faults(&self) -> PyResult<String> {
        serde_json::to_string(&self.inner()?.pending_faults())
            .map_err(|error| PyValueError::new_err(error.to_string()))
    }

    fn refuse_text(&self, word: &str) -> PyResult<()> {
        self.inner()?.refuse_text(word);
        Ok(())
    }

    fn refuse_number(&self, number: &str) -> PyResult<()> {
        self.inner()?.refuse_number(number).map_err(|error| PyValueError::new_err(error.to_string()))
    }

    fn now(&self) -> PyResult<f64> {
        Ok(self.inner()?.now().as_secs_f64())
    }

    fn advance(&self, py: Python<'_>, by: f64) -> PyResult<()> {
        self.inner()?.advance(arguments::seconds(py, "advance", "by", by)?);
        Ok(())
    }

    fn set_status(&self, message_id: i64, code: i32) -> PyResult<bool> {
        Ok(self.inner()?.set_status(message_id, code))
    }

    fn receive(&self, from: String, to: String, text: String) -> PyResult<i64> {
        self.inner()?
            .receive(IncomingMessage::new(from, to, text))
            .map_err(|error| PyValueError::new_err(error.to_string()))
    }

    fn credit(&self, name: &str) -> PyResult<i64> {
        Ok(self.inner()?.credit(gateway(name)?))
    }

    fn set_credit(&self, name: &str, credit: i64) -> PyResult<()> {
        self.inner()?.set_credit(gateway(name)?, credit);
        Ok(())
    }

    fn replay_cases(&self) -> PyResult<Vec<String>> {
        Ok(self.inner()?.replay_cases())
    }

    fn replay_url(&self, case: &str) -> PyResult<String> {
        Ok(self.address()?.replay_url(case))
    }

    fn replay_verdict(&self, case: &str) -> PyResult<(bool, Vec<String>)> {
        let verdict = self.inner()?.replay_verdict(case);
        Ok((verdict.complete, verdict.mismatches))
    }

    fn replay_reset(&self, case: &str) -> PyResult<bool> {
        Ok(self.inner()?.replay_reset(case))
    }

    /// In the child of a fork it leaves the parent's alone.
    fn shutdown(&self, py: Python<'_>) {
        if let Some(inner) = self.0.get() {
            outside(py, || inner.shutdown());
        }
    }
}
