//! `NikSms`, call for call. A call with a bridge gives a `Call`, one without it blocks.

use std::sync::Arc;

use payamak::Gateway as _;
use payamak::niksms::{Dialect, SendOptions, SendType};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arguments::{
    DestinationRow, Id, Line, PersonalRow, To, Trace, When, destinations, personal_messages,
};
use crate::bridge::Bridge;
use crate::call::run;
use crate::client::{Settings, SharedGateway, Slot, ok, shared, shared_settings, with_timeout};
use crate::process::{Engine, Worker};

type Reply = PyResult<Py<PyAny>>;

/// Serves its connections and makes its calls.
const WORKER: Worker = Worker::NikSms;

#[pyclass(frozen, module = "payamak._native")]
pub(crate) struct NikSms(Arc<Slot<payamak::NikSms>>);

impl NikSms {
    pub(crate) fn shared(&self) -> SharedGateway {
        shared(&self.0)
    }
}

fn options(
    py: Python<'_>,
    sender: Option<Line>,
    at: Option<When>,
    kind: Option<&str>,
) -> PyResult<SendOptions> {
    let mut options = SendOptions::default();
    options.sender = sender.map(|line| line.0);
    options.send_at = at.map(|time| time.0);
    options.send_type = ok(py, kind.map(str::parse::<SendType>).transpose())?;
    Ok(options)
}

#[allow(clippy::needless_pass_by_value, clippy::too_many_arguments, reason = "the operations of the gateway")]
#[pymethods]
impl NikSms {
    #[new]
    fn new(py: Python<'_>, settings: &Bound<'_, PyDict>) -> PyResult<Self> {
        let settings = Settings(settings);
        let mut builder = payamak::NikSms::builder();
        if let Some(dialect) = settings.get::<String>("dialect")? {
            builder = builder.dialect(ok(py, dialect.parse::<Dialect>())?);
        }
        shared_settings!(builder, settings,
            username password api_key v2_delivery_path name base_url proxy;
            max_recipients max_response_bytes read_attempts bundled_roots allow_insecure;
            timeout connect_timeout poll_interval);
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

    fn group_sms(
        &self,
        py: Python<'_>,
        text: String,
        recipients: Vec<DestinationRow>,
        sender: Option<Line>,
        send_at: Option<When>,
        send_type: Option<&str>,
        timeout: Option<f64>,
        bridge: Option<&Bridge>,
    ) -> Reply {
        let client = with_timeout!(py, self.0, timeout);
        let (recipients, options) = (destinations(recipients), options(py, sender, send_at, send_type)?);
        run(py, WORKER, bridge, || async move { client.group_sms(&text, &recipients, &options).await })
    }

    fn ptp_sms(
        &self,
        py: Python<'_>,
        messages: Vec<PersonalRow>,
        sender: Option<Line>,
        send_at: Option<When>,
        send_type: Option<&str>,
        timeout: Option<f64>,
        bridge: Option<&Bridge>,
    ) -> Reply {
        let client = with_timeout!(py, self.0, timeout);
        let (messages, options) = (personal_messages(messages), options(py, sender, send_at, send_type)?);
        run(py, WORKER, bridge, || async move { client.ptp_sms(&messages, &options).await })
    }

    fn send_one(
        &self,
        py: Python<'_>,
        text: String,
        to: To,
        trace_id: Option<Trace>,
        sender: Option<Line>,
        send_at: Option<When>,
        timeout: Option<f64>,
        bridge: Option<&Bridge>,
    ) -> Reply {
        let client = with_timeout!(py, self.0, timeout);
        let (trace_id, options) = (trace_id.map(|id| id.0), options(py, sender, send_at, None)?);
        run(py, WORKER, bridge, || async move { client.send_one(&text, to.0, trace_id, &options).await })
    }

    fn send_otp(
        &self,
        py: Python<'_>,
        text: String,
        to: To,
        trace_id: Option<Trace>,
        sender: Option<Line>,
        timeout: Option<f64>,
        bridge: Option<&Bridge>,
    ) -> Reply {
        let client = with_timeout!(py, self.0, timeout);
        let (trace_id, options) = (trace_id.map(|id| id.0), options(py, sender, None, None)?);
        run(py, WORKER, bridge, || async move { client.send_otp(&text, to.0, trace_id, &options).await })
    }

    fn get_sms_delivery(
        &self,
        py: Python<'_>,
        ids: Vec<Id>,
        timeout: Option<f64>,
        bridge: Option<&Bridge>,
    ) -> Reply {
        let client = with_timeout!(py, self.0, timeout);
        let ids: Vec<_> = ids.into_iter().map(|id| id.0).collect();
        run(py, WORKER, bridge, || async move { client.get_sms_delivery(&ids).await })
    }

    fn get_sms_delivery_with_client_id(
        &self,
        py: Python<'_>,
        trace_id: Trace,
        timeout: Option<f64>,
        bridge: Option<&Bridge>,
    ) -> Reply {
        let client = with_timeout!(py, self.0, timeout);
        run(py, WORKER, bridge, || async move { client.get_sms_delivery_with_client_id(trace_id.0).await })
    }

    fn get_credit(&self, py: Python<'_>, timeout: Option<f64>, bridge: Option<&Bridge>) -> Reply {
        let client = with_timeout!(py, self.0, timeout);
        run(py, WORKER, bridge, || async move { client.get_credit().await })
    }

    fn get_discount_credit(&self, py: Python<'_>, timeout: Option<f64>, bridge: Option<&Bridge>) -> Reply {
        let client = with_timeout!(py, self.0, timeout);
        run(py, WORKER, bridge, || async move { client.get_discount_credit().await })
    }

    fn get_panel_expire_date(&self, py: Python<'_>, timeout: Option<f64>, bridge: Option<&Bridge>) -> Reply {
        let client = with_timeout!(py, self.0, timeout);
        run(py, WORKER, bridge, || async move { client.get_panel_expire_date().await })
    }

    fn get_receive_sms(
        &self,
        py: Python<'_>,
        from: Option<When>,
        until: Option<When>,
        timeout: Option<f64>,
        bridge: Option<&Bridge>,
    ) -> Reply {
        let client = with_timeout!(py, self.0, timeout);
        let (from, until) = (from.map(|time| time.0), until.map(|time| time.0));
        run(py, WORKER, bridge, || async move { client.get_receive_sms(from, until).await })
    }

    fn reset_receive_sms_visited_status(
        &self,
        py: Python<'_>,
        from: Option<When>,
        until: Option<When>,
        timeout: Option<f64>,
        bridge: Option<&Bridge>,
    ) -> Reply {
        let client = with_timeout!(py, self.0, timeout);
        let (from, until) = (from.map(|time| time.0), until.map(|time| time.0));
        run(py, WORKER, bridge, || async move { client.reset_receive_sms_visited_status(from, until).await })
    }

    fn get_server_time(&self, py: Python<'_>, timeout: Option<f64>, bridge: Option<&Bridge>) -> Reply {
        let client = with_timeout!(py, self.0, timeout);
        run(py, WORKER, bridge, || async move { client.get_server_time().await })
    }

    fn get_sender_numbers(&self, py: Python<'_>, timeout: Option<f64>, bridge: Option<&Bridge>) -> Reply {
        let client = with_timeout!(py, self.0, timeout);
        run(py, WORKER, bridge, || async move { client.get_sender_numbers().await })
    }

    fn raw(
        &self,
        py: Python<'_>,
        path: String,
        fields: Vec<(String, String)>,
        timeout: Option<f64>,
        bridge: Option<&Bridge>,
    ) -> Reply {
        let client = with_timeout!(py, self.0, timeout);
        run(py, WORKER, bridge, || async move {
            let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            client.raw(&path, &fields).await
        })
    }
}
