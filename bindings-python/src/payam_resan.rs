//! `PayamResan`, call for call. A call with a bridge gives a `Call`, one without it blocks.

use std::sync::Arc;

use payamak::Gateway as _;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arguments::{
    DestinationRow, Id, Line, PersonalRow, TemplateRow, To, Trace, destinations, personal_messages,
    template_messages,
};
use crate::bridge::Bridge;
use crate::call::run;
use crate::client::{Settings, SharedGateway, Slot, ok, shared, shared_settings, with_timeout};
use crate::process::{Engine, Worker};

type Reply = PyResult<Py<PyAny>>;

/// Serves its connections and makes its calls.
const WORKER: Worker = Worker::PayamResan;

#[pyclass(frozen, module = "payamak._native")]
pub(crate) struct PayamResan(Arc<Slot<payamak::PayamResan>>);

impl PayamResan {
    pub(crate) fn shared(&self) -> SharedGateway {
        shared(&self.0)
    }
}

#[allow(clippy::too_many_arguments, reason = "the operations of the gateway")]
#[pymethods]
impl PayamResan {
    #[new]
    fn new(py: Python<'_>, settings: &Bound<'_, PyDict>) -> PyResult<Self> {
        let settings = Settings(settings);
        let mut builder = payamak::PayamResan::builder();
        shared_settings!(builder, settings,
            api_key name base_url proxy;
            sandbox max_response_bytes read_attempts bundled_roots allow_insecure;
            timeout connect_timeout);
        let build = move |py: Python<'_>| {
            let network = Engine::get()?.handle(WORKER)?;
            ok(py, builder.clone().runtime(network.clone()).build())
        };
        Slot::new(py, build).map(Self)
    }

    fn close(&self, py: Python<'_>) {
        self.0.close(py);
    }

    fn name(&self, py: Python<'_>) -> PyResult<String> {
        self.0.get(py).map(|client| client.name().to_string())
    }

    fn send(
        &self,
        py: Python<'_>,
        text: String,
        recipients: Vec<To>,
        sender: Option<Line>,
        timeout: Option<f64>,
        bridge: Option<&Bridge>,
    ) -> Reply {
        let client = with_timeout!(py, self.0, timeout);
        let recipients: Vec<_> = recipients.into_iter().map(|to| to.0).collect();
        run(py, WORKER, bridge, || async move {
            client.send(&text, &recipients, sender.map(|line| line.0).as_ref()).await
        })
    }

    fn send_bulk(
        &self,
        py: Python<'_>,
        text: String,
        recipients: Vec<DestinationRow>,
        sender: Option<Line>,
        timeout: Option<f64>,
        bridge: Option<&Bridge>,
    ) -> Reply {
        let client = with_timeout!(py, self.0, timeout);
        let recipients = destinations(recipients);
        run(py, WORKER, bridge, || async move {
            client.send_bulk(&text, &recipients, sender.map(|line| line.0).as_ref()).await
        })
    }

    fn send_multiple(
        &self,
        py: Python<'_>,
        messages: Vec<PersonalRow>,
        timeout: Option<f64>,
        bridge: Option<&Bridge>,
    ) -> Reply {
        let client = with_timeout!(py, self.0, timeout);
        let messages = personal_messages(messages);
        run(py, WORKER, bridge, || async move { client.send_multiple(&messages).await })
    }

    fn send_token_single(
        &self,
        py: Python<'_>,
        template: String,
        to: To,
        parameters: Vec<String>,
        verb: &str,
        timeout: Option<f64>,
        bridge: Option<&Bridge>,
    ) -> Reply {
        let client = with_timeout!(py, self.0, timeout);
        match verb {
            "POST" => run(py, WORKER, bridge, || async move {
                client.send_token_single(&template, to.0, &parameters).await
            }),
            "GET" => run(py, WORKER, bridge, || async move {
                client.send_token_single_by_get(&template, to.0, &parameters).await
            }),
            _ => Err(PyValueError::new_err("verb is \"POST\" or \"GET\"")),
        }
    }

    fn send_token_multi(
        &self,
        py: Python<'_>,
        template: String,
        recipients: Vec<TemplateRow>,
        timeout: Option<f64>,
        bridge: Option<&Bridge>,
    ) -> Reply {
        let client = with_timeout!(py, self.0, timeout);
        let recipients = template_messages(recipients);
        run(py, WORKER, bridge, || async move { client.send_token_multi(&template, &recipients).await })
    }

    fn token_list(&self, py: Python<'_>, timeout: Option<f64>, bridge: Option<&Bridge>) -> Reply {
        let client = with_timeout!(py, self.0, timeout);
        run(py, WORKER, bridge, || async move { client.token_list().await })
    }

    fn status_by_id(
        &self,
        py: Python<'_>,
        ids: Vec<Id>,
        timeout: Option<f64>,
        bridge: Option<&Bridge>,
    ) -> Reply {
        let client = with_timeout!(py, self.0, timeout);
        let ids: Vec<_> = ids.into_iter().map(|id| id.0).collect();
        run(py, WORKER, bridge, || async move { client.status_by_id(&ids).await })
    }

    fn status_by_trace_id(
        &self,
        py: Python<'_>,
        trace_ids: Vec<Trace>,
        timeout: Option<f64>,
        bridge: Option<&Bridge>,
    ) -> Reply {
        let client = with_timeout!(py, self.0, timeout);
        let ids: Vec<_> = trace_ids.into_iter().map(|id| id.0).collect();
        run(py, WORKER, bridge, || async move { client.status_by_trace_id(&ids).await })
    }

    fn account_info(&self, py: Python<'_>, timeout: Option<f64>, bridge: Option<&Bridge>) -> Reply {
        let client = with_timeout!(py, self.0, timeout);
        run(py, WORKER, bridge, || async move { client.account_info().await })
    }

    fn get_inbox(&self, py: Python<'_>, timeout: Option<f64>, bridge: Option<&Bridge>) -> Reply {
        let client = with_timeout!(py, self.0, timeout);
        run(py, WORKER, bridge, || async move { client.get_inbox().await })
    }

    /// `fields` is a JSON object, and so is the answer.
    fn raw(
        &self,
        py: Python<'_>,
        path: String,
        fields: &str,
        timeout: Option<f64>,
        bridge: Option<&Bridge>,
    ) -> Reply {
        let client = with_timeout!(py, self.0, timeout);
        let fields: serde_json::Map<_, _> =
            serde_json::from_str(fields).map_err(|error| PyValueError::new_err(error.to_string()))?;
        run(py, WORKER, bridge, || async move { client.raw(&path, &fields).await })
    }
}
