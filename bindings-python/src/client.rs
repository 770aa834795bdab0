//! What both gateways' clients share: settings, and one client of core's a process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use payamak::{Error, Gateway, Result};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arguments;
use crate::errors;
use crate::fork::Own;

/// A client of core's, made anew in the child of a fork: the connections of the parent are the parent's.
///
/// Only a thread that is attached to the interpreter takes the lock, and meanwhile no Python code runs. So it is free in
/// the child of any fork that the interpreter itself survives.
pub(crate) struct Slot<C>(Mutex<Option<Open<C>>>);

/// Everything that knows the credentials; a closed slot has none of it.
struct Open<C> {
    build: Build<C>,
    client: Own<C>,
}

type Build<C> = Box<dyn Fn(Python<'_>) -> PyResult<C> + Send + Sync>;

impl<C: Clone> Slot<C> {
    /// Makes the first client at once, so that a wrong setting is told here.
    pub(crate) fn new(
        py: Python<'_>,
        build: impl Fn(Python<'_>) -> PyResult<C> + Send + Sync + 'static,
    ) -> PyResult<Arc<Self>> {
        let client = Own::new(build(py)?);
        Ok(Arc::new(Self(Mutex::new(Some(Open { build: Box::new(build), client })))))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Open<C>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, py: Python<'_>) -> PyResult<C> {
        let mut slot = self.lock();
        let open = ok(py, slot.as_mut().ok_or_else(|| Error::configuration("", "it is closed")))?;
        if let Some(client) = open.client.get() {
            return Ok(client.clone());
        }
        let client = (open.build)(py)?;
        open.client = Own::new(client.clone());
        Ok(client)
    }

    /// Lets go of the connections and of the credentials. Calls under way end as they would have.
    pub(crate) fn close(&self, _py: Python<'_>) {
        let open = self.lock().take();
        drop(open);
    }
}

/// A gateway as a messenger takes it: made anew in the child of a fork, too.
pub(crate) type SharedGateway = Box<dyn Fn(Python<'_>) -> PyResult<Arc<dyn Gateway>> + Send + Sync>;

pub(crate) fn shared<C: Gateway + Clone + 'static>(slot: &Arc<Slot<C>>) -> SharedGateway {
    let slot = slot.clone();
    Box::new(move |py| slot.get(py).map(|client| Arc::new(client) as Arc<dyn Gateway>))
}

/// Keyword arguments. What is None is not set.
pub(crate) struct Settings<'a, 'py>(pub(crate) &'a Bound<'py, PyDict>);

impl<'py> Settings<'_, 'py> {
    pub(crate) fn get<T>(&self, name: &str) -> PyResult<Option<T>>
    where
        T: for<'a> FromPyObject<'a, 'py, Error: Into<PyErr>>,
    {
        match self.0.get_item(name)? {
            Some(value) if !value.is_none() => value.extract().map(Some).map_err(Into::into),
            _ => Ok(None),
        }
    }

    pub(crate) fn seconds(&self, name: &'static str) -> PyResult<Option<Duration>> {
        self.seconds_of("", name)
    }

    /// The same among the arguments of an operation.
    pub(crate) fn seconds_of(
        &self,
        operation: &'static str,
        name: &'static str,
    ) -> PyResult<Option<Duration>> {
        self.get(name)?.map(|given| arguments::seconds(self.0.py(), operation, name, given)).transpose()
    }
}

/// The settings that both gateways' builders take.
macro_rules! shared_settings {
    ($builder:ident, $settings:ident, $($text:ident)+; $($number:ident)+; $($seconds:ident)+) => {
        $( if let Some(text) = $settings.get::<String>(stringify!($text))? { $builder = $builder.$text(text); } )+
        $( if let Some(number) = $settings.get(stringify!($number))? { $builder = $builder.$number(number); } )+
        $( if let Some(seconds) = $settings.seconds(stringify!($seconds))? { $builder = $builder.$seconds(seconds); } )+
        if let Some(line) = $settings.get::<crate::arguments::Line>("sender")? { $builder = $builder.sender(line.0); }
        if let Some(path) = $settings.get::<std::path::PathBuf>("ca_file")? { $builder = $builder.ca_file(path); }
        if let Some(pem) = $settings.get::<Vec<u8>>("extra_ca_pem")? { $builder = $builder.extra_ca_pem(pem); }
        if $settings.get("from_env")?.unwrap_or(false) { $builder = $builder.from_env(); }
    };
}
pub(crate) use shared_settings;

/// An error of core's, raised.
pub(crate) fn ok<T>(py: Python<'_>, result: Result<T>) -> PyResult<T> {
    result.map_err(|error| errors::raise(py, &error))
}

/// A client with the time limit of one call.
macro_rules! with_timeout {
    ($py:ident, $slot:expr, $timeout:ident) => {{
        let client = $slot.get($py)?;
        match $timeout {
            Some(given) => client.with_timeout(crate::arguments::seconds($py, "", "timeout", given)?),
            None => client,
        }
    }};
}
pub(crate) use with_timeout;
